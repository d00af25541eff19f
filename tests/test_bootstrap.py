import numpy as np
import pandas as pd
import pytest

from hfc_keras import reporting
from hfc_keras.reporting.statistics.accuracy_intervals import intervals_in_words


@pytest.mark.slow
def test_variance_is_that_of_the_mean_over_seeds(rng):
    accuracies = pd.Series(rng.uniform(0.6, 0.8, size=8))
    # So many images that the draw of them has no part in it.
    drawn = reporting.bootstrap(accuracies, 10**9, rng, replicates=20_000)
    assert drawn.var() == pytest.approx(accuracies.var(ddof=1) / 8, rel=0.05)
    assert drawn.mean() == pytest.approx(accuracies.mean(), abs=0.002)


def test_images_of_one_test_set_are_shared_by_the_seeds(rng):
    agreeing = pd.Series([0.5] * 4)
    drawn = reporting.bootstrap(agreeing, 400, rng, replicates=20_000)
    assert drawn.std() == pytest.approx(np.sqrt(0.5 * 0.5 / 400), rel=0.05)


def test_one_seed_has_an_interval_from_its_images(rng):
    low, high = reporting.bootstrap_interval(reporting.bootstrap(pd.Series([0.9]), 1000, rng))
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.9 * 0.1 / 1000), rel=0.15)


@pytest.mark.parametrize("accuracy", [0.0, 1.0])
def test_no_accuracy_passes_its_bounds(rng, accuracy):
    assert (reporting.bootstrap(pd.Series([accuracy] * 3), 50, rng) == accuracy).all()


def test_columns_share_their_seeds(rng):
    first = pd.Series(rng.uniform(0.3, 0.9, size=6))
    pair = reporting.bootstrap(pd.DataFrame({"one": first, "two": first - 0.1}), 10**9, rng)
    assert np.ptp(pair[:, 0] - pair[:, 1]) < 1e-3
    assert np.ptp(pair[:, 0]) > 0.05


def test_images_of_columns_are_drawn_apart(rng):
    pair = reporting.bootstrap(pd.DataFrame({"one": [0.5, 0.5], "two": [0.5, 0.5]}), 100, rng)
    assert abs(np.corrcoef(pair.T)[0, 1]) < 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: reporting.bootstrap(pd.Series([1.2]), 10, rng), "`accuracies` must hold one"),
        (lambda rng: reporting.bootstrap(pd.Series([np.nan]), 10, rng), "from 0 to 1"),
        (lambda rng: reporting.bootstrap(pd.Series(dtype=float), 10, rng), "one or more seeds"),
        (lambda rng: reporting.bootstrap(pd.Series([0.5]), 0, rng), "`examples` must be a whole"),
        (lambda rng: reporting.bootstrap(pd.Series([0.5]), 9, rng, 0), "`replicates` must be"),
        (lambda rng: reporting.bootstrap_interval([]), "`replicates` must be one or more"),
        (lambda rng: reporting.bootstrap_interval([1, 2], 95), "`confidence` must be in"),
    ],
)
def test_refusals(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)


def test_a_table_of_accuracies_gets_an_interval_a_measurement(rng):
    rows = {"recipe": ["a", "b", "a"], "seed": [0, 0, 1], "accuracy": [0.5, 1.0, 0.6]}
    table = pd.DataFrame(rows).assign(examples=[400, 400, 300], epsilon=np.nan)
    found = reporting.accuracy_intervals(table, ["recipe", "epsilon"])
    assert found.index.get_level_values("recipe").tolist() == ["a", "b"]
    first, second = found.to_dict("records")
    assert first["accuracy"] == pytest.approx(0.55)
    assert first["seeds"] == 2 and first["examples"] == 300
    assert 0.42 < first["low"] < 0.5 and 0.6 < first["high"] < 0.68
    assert second["low"] == second["high"] == 1
    words = intervals_in_words(table, ["recipe"])
    assert "bootstrap over seeds and\nimages together" in words and "0.550" in words


def test_intervals_refuse_what_stands_twice():
    table = pd.DataFrame({"recipe": "a", "seed": [0, 0], "accuracy": 0.5, "examples": 10})
    with pytest.raises(ValueError, match="must stand in a table once"):
        reporting.accuracy_intervals(table, ["recipe"])
    with pytest.raises(ValueError, match="examples"):
        reporting.accuracy_intervals(table.drop(columns="examples"), ["recipe"])
