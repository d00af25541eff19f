"""Effects with seeds and images drawn anew, against draws of images that are simulated."""

import numpy as np
import pandas as pd
import pytest

from hfc_keras import reporting
from hfc_keras.reporting.claims import resampled_effects


def table(accuracies, examples=500):
    """Rows of recipes by seed."""
    rows = [
        {"recipe": recipe, "seed": seed, "accuracy": accuracy, "examples": examples}
        for recipe, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]
    return pd.DataFrame(rows)


def gain(rows):
    return reporting.difference(
        *(reporting.value(rows, recipe=name) for name in ("batch_norm", "vanilla"))
    )


def spread(interval):
    """Standard deviation of a normal variable whose 95 % interval this is."""
    return (interval[1] - interval[0]) / (2 * 1.96)


def test_with_seeds_that_agree_the_interval_is_that_of_the_images():
    """Against binomial draws for each of two networks; seeds share their images."""
    rows = table({"vanilla": [0.5] * 3, "batch_norm": [0.8] * 3}, examples=400)
    rng = np.random.default_rng(0)
    found = resampled_effects.seeds_and_images(gain, rows, "", 0.95, rng)
    drawn = rng.binomial(400, 0.8, 20_000) / 400 - rng.binomial(400, 0.5, 20_000) / 400
    assert found == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.015)


def test_without_noise_of_images_the_interval_is_that_of_the_seeds():
    values = [0.1, 0.2, 0.3, 0.4, 0.5]
    rows = table({"vanilla": [0.2] * 5, "batch_norm": np.add(values, 0.2)}, examples=10**9)
    found = resampled_effects.seeds_and_images(gain, rows, "", 0.95, np.random.default_rng(0))
    assert spread(found) == pytest.approx(np.std(values, ddof=1) / np.sqrt(5), rel=0.15)
    assert np.mean(found) == pytest.approx(0.3, abs=0.02)


def test_a_maximum_is_not_shifted_by_noise():
    rows = table({f"recipe {number}": [0.5, 0.5, 0.5] for number in range(20)}, examples=100)

    def best(rows):
        return rows.groupby("seed")["accuracy"].max()

    low, high = resampled_effects.seeds_and_images(best, rows, "", 0.95, np.random.default_rng(0))
    assert low < 0.5 < high and abs(low + high - 1) < 0.05


def test_each_rival_has_an_interval_of_its_own():
    rows = table({"vanilla": [0.5, 0.52, 0.54], "batch_norm": [0.8, 0.81, 0.82]})

    def effect(rows):
        return {"same": gain(rows), "twice": 2 * gain(rows)}

    ends = {
        name: resampled_effects.seeds_and_images(effect, rows, name, 0.95, np.random.default_rng(0))
        for name in ("same", "twice")
    }
    np.testing.assert_allclose(ends["twice"], np.multiply(2, ends["same"]))


@pytest.mark.parametrize(
    ("rows", "effect"),
    [
        (table({"a": [0.5, 0.6]}).drop(columns="examples"), gain),
        (table({"a": [0.5, 0.6]}).assign(examples=np.nan), gain),
        (table({"a": [0.5, 0.6]}), lambda rows: rows.groupby("seed")["examples"].mean()),
    ],
)
def test_there_is_none_for_what_is_no_share_of_images(rows, effect):
    rng = np.random.default_rng(0)
    assert np.isnan(resampled_effects.seeds_and_images(effect, rows, "", 0.95, rng)).all()


def test_rows_without_an_accuracy_and_accuracies_of_0_and_1_stay_as_they_are():
    rows = table({"a": [0.0, 1.0, np.nan, 0.5]})
    drawn = resampled_effects.redrawn(rows, np.random.default_rng(0), images=50)
    by_seed = drawn.groupby(drawn["seed"] // 50)["accuracy"]
    assert by_seed.nunique(dropna=False).tolist() == [1, 1, 1, 50]
    assert (by_seed.first()[:2] == [0, 1]).all() and drawn["accuracy"].isna().sum() == 50
    assert drawn["accuracy"].dropna().between(0, 1).all()


def test_a_claim_on_accuracies_has_both_intervals():
    rows = table({"vanilla": [0.5, 0.52, 0.55], "batch_norm": [0.8, 0.81, 0.82]})
    claim = reporting.Claim(
        id="a", item="Fig. 5", sentence="A.", measured="b", effect=gain, above=0
    )
    row = reporting.judge(claim, rows)
    assert row["image_low"] < row["effect"] < row["image_high"]
    assert row == reporting.judge(claim, rows)
    other = reporting.judge(
        reporting.Claim(**{**vars(claim), "unit": "cycles"}), rows.drop(columns="examples")
    )
    assert np.isnan(other["image_low"]) and other["low"] == row["low"]


def test_a_refutation_among_rivals_has_both_intervals_at_one_confidence():
    means = {"a": 0.4, "b": 0.5, "c": 0.3}
    rows = table({name: [mean, mean + 0.001, mean + 0.003] for name, mean in means.items()})

    def gains(rows):
        own = reporting.value(rows, recipe="a")
        return {
            name: reporting.difference(own, reporting.value(rows, recipe=name)) for name in "bc"
        }

    told = {"id": "a", "item": "Fig. 5", "sentence": "A.", "measured": "b", "above": 0}
    row = reporting.judge(reporting.Claim(effect=gains, **told), rows)
    assert (row["verdict"], row["against"], row["confidence"]) == ("refuted", "b", 0.975)
    alone = reporting.Claim(effect=lambda rows: gains(rows)["b"], **told)
    same = reporting.judge(alone, rows, 0.975)
    assert row["image_low"] == same["image_low"] and row["image_high"] == same["image_high"]
