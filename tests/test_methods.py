import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hfc_keras.reporting.figures.methods import method_changes, method_map, method_table

NAMES = {"x": "accuracy", "y": "robustness", "z": "high frequencies"}


@pytest.fixture
def table(rng):
    values = {column: rng.random(12) for column in NAMES}
    return pd.DataFrame({"recipe": list("abcd") * 3, "seed": np.repeat(range(3), 4), **values})


def test_table_has_means_and_students_interval(table):
    cells = method_table(table, NAMES)
    assert cells.index.tolist() == list("abcd") and cells.columns.tolist() == list(NAMES.values())
    own = table[table["recipe"] == "b"]["y"]
    low, high = stats.t.interval(0.95, 2, own.mean(), stats.sem(own))
    assert cells.loc["b", "robustness"] == f"{own.mean():.3f} ({low:.3f} to {high:.3f})"
    agreed = method_table(table.assign(x=0.0975), NAMES)
    assert agreed.loc["a", "accuracy"] in ("0.097 (0.097 to 0.097)", "0.098 (0.098 to 0.098)")
    alone = method_table(table[table["seed"] == 0], NAMES)
    assert alone.loc["a", "accuracy"] == f"{table['x'].iloc[0]:.3f}"


def test_map_has_a_numbered_disc_a_method_and_a_panel_a_measure(table):
    figure = method_map(table, "x", ["y", "z"], "z", NAMES, {"a": "first"})
    left, right, legend, bar = figure.axes
    numbers = [text.get_text() for text in left.texts]
    assert sorted(numbers) == list("1234")
    means = table.groupby("recipe")[["x", "z"]].mean()
    discs = np.array([line.get_xydata()[0] for line in right.lines])
    np.testing.assert_allclose(discs, means.iloc[[int(number) - 1 for number in numbers]])
    # The ends of the colors lie above the others.
    far = (means["z"] - means["z"].median()).abs()
    assert int(numbers[-1]) - 1 == far.to_numpy().argmax()
    assert legend.texts[0].get_text().splitlines()[:2] == ["1  first", "2  b"]
    assert bar.get_xlabel() == "high frequencies" and left.get_ylabel() == "robustness"


@pytest.mark.parametrize("draw", ["table", "map"])
def test_a_network_twice_or_a_missing_column_is_refused(table, draw):
    def drawn(rows):
        if draw == "table":
            return method_table(rows, NAMES)
        return method_map(rows, "x", ["y"], "z", NAMES)

    with pytest.raises(ValueError, match="must stand in a table once"):
        drawn(pd.concat([table, table]))
    with pytest.raises(ValueError, match="z"):
        drawn(table.drop(columns="z"))


def test_changes_are_paired_by_seed_whatever_the_order(table):
    found = method_changes(table.sample(frac=1, random_state=0), {"b": "a"}, ["x", "y"])
    wide = table.pivot(index="seed", columns="recipe", values="x")
    expected = (wide["b"] - wide["a"]).to_dict()
    assert found.set_index("seed")["x"].to_dict() == expected
    assert found.columns.tolist() == ["recipe", "seed", "x", "y"]


def test_changes_of_no_method_are_an_empty_table(table):
    empty = method_changes(table, {"z": "a"}, ["x"])
    assert empty.empty and empty.columns.tolist() == ["recipe", "seed", "x"]
    with pytest.raises(ValueError, match="columns"):
        method_changes(table, {"b": "a"}, ["lost"])
