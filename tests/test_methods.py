import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hfc_keras.reporting.figures.methods import method_changes, method_rows, method_table

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


def test_rows_are_sorted_by_what_a_method_changes(table):
    """Methods by their gain over their start, then the others; a bar where each starts."""
    starts = {"b": "a", "c": "a", "d": "lost"}
    figure = method_rows(table, NAMES, starts, "y", {"a": "first"}, {"x": 0.1})
    means = table.groupby("recipe")[list(NAMES)].mean()
    order = sorted("bc", key=lambda name: -means["y"][name]) + ["a", "d"]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [*order[:2], "first", "d"]
    for axes, column in zip(figure.axes, NAMES, strict=True):
        lines = {line.get_marker(): line for line in axes.lines}
        np.testing.assert_allclose(lines["o"].get_xdata(), means[column][order])
        begun = [means[column]["a"]] * 2 + [np.nan] * 2
        np.testing.assert_allclose(lines["|"].get_xdata(), begun)
        spread = table.groupby("recipe")[column].agg(["min", "max"]).loc[order]
        ends = [segment[:, 0] for segment in axes.collections[0].get_segments()]
        np.testing.assert_allclose(ends, spread)
    sorting = [axes.get_title().endswith("(sorted by the change)") for axes in figure.axes]
    assert sorting == [False, True, False]
    chance = [[line for line in axes.lines if line.get_label() == "chance"] for axes in figure.axes]
    assert [len(lines) for lines in chance] == [1, 0, 0]
    assert figure.legends[0].texts[-1].get_text() == "chance"
    with pytest.raises(ValueError, match="`by` must be .*Received: by='w'"):
        method_rows(table, NAMES, starts, "w")


def test_names_of_many_methods_do_not_overlap(table):
    many = pd.concat([table.assign(recipe=table["recipe"] + str(part)) for part in range(10)])
    figure = method_rows(many, NAMES, {}, "x")
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert len(boxes) == 40
    assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(boxes))


@pytest.mark.parametrize("draw", ["table", "rows"])
def test_a_network_twice_or_a_missing_column_is_refused(table, draw):
    def drawn(rows):
        if draw == "table":
            return method_table(rows, NAMES)
        return method_rows(rows, NAMES, {}, "x")

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
