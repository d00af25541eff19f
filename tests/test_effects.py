"""Numbers by seed that claims are made of, read off a table."""

import math

import numpy as np
import pandas as pd
import pytest
from own import claimed

from hfc_keras import reporting
from hfc_keras.reporting.claims.course import at_equal_fit, epochs_until


@pytest.fixture
def table():
    return claimed.table()


def test_value_is_the_one_row_of_each_seed(table):
    shuffled = table.sample(frac=1, random_state=0)
    last = reporting.value(shuffled, recipe="a", epoch="last", radius=math.nan)
    assert last.index.tolist() == [0, 1, 2]
    np.testing.assert_allclose(last, [0.55, 0.65, 0.75])
    # The last epoch is that of the recipe, not of the table.
    table.loc[(table["recipe"] == "b") & (table["epoch"] == 5), "epoch"] = 9
    pd.testing.assert_series_equal(
        reporting.value(table, recipe="a", epoch="last", component="original"), last
    )
    low = reporting.mean_over(table, [0, 3], recipe="a", epoch=1)
    np.testing.assert_allclose(low, [0.375, 0.475, 0.575])
    np.testing.assert_allclose(reporting.difference(last[::-1], low), 0.175)


WHERE = {"recipe": "a", "epoch": 5, "radius": 2.0}


@pytest.mark.parametrize(
    ("change", "where", "message"),
    [
        (
            lambda t: t.drop(index=t.index[17]),
            WHERE,
            r"none for seeds \[1\]. Received: column='acc",
        ),
        (lambda t: t, WHERE | {"recipe": "c"}, "none for any seed. Received: .*recipe='c'"),
        (lambda t: t, WHERE | {"epoch": 2}, r"none for seeds \[0, 1, 2\]"),
        (lambda t: pd.concat([t, t[t["seed"] == 2]]), WHERE, r"seeds \[2\] have more"),
        (lambda t: t, {"recipe": "a", "epoch": 5}, r"seeds \[0, 1, 2\] have more. .*epoch=5"),
        (lambda t: t, WHERE | {"epoch": "first"}, "`epoch` must be one of 'last'"),
        (lambda t: t, WHERE | {"rho": 0}, "`column` must be one of .*Received: column='rho'"),
        (lambda t: t.drop(columns="accuracy"), WHERE, "Received: column='accuracy'"),
    ],
)
def test_value_refuses_what_is_missing_or_there_twice(table, change, where, message):
    absent = "none for" in message
    with pytest.raises(ValueError, match=message) as caught:
        reporting.value(change(table), **where)
    assert isinstance(caught.value, reporting.MissingMeasurementError) == absent


def test_radii_and_pairs_are_refused_by_name(table):
    assert [reporting.radius(table, rank) for rank in range(4)] == [1, 2, 3, 4]
    assert reporting.radius(table.assign(trained=table["radius"] * 3.5), 1, "trained") == 7
    for change, received in [
        (lambda radius: radius.replace(3, math.nan), r"\[1.0, 2.0, 4.0\]"),
        (lambda radius: radius.replace(3, 3.00001), r"\[1.0, 2.0, 3.00001, 4.0\]"),
        (lambda radius: radius.replace(4, 5), r"\[1.0, 2.0, 3.0, 5.0\]"),
        (lambda radius: radius - 1, r"\[0.0, 1.0, 2.0, 3.0\]"),
        (lambda radius: radius * math.nan, r"\[\]"),
        (lambda radius: radius.astype("object").replace(1, "one"), r"\['one', 2.0, 3.0, 4.0\]"),
    ]:
        odd = table.assign(radius=change(table["radius"]))
        with pytest.raises(ValueError) as caught:
            reporting.radius(odd, 0)
        absent = isinstance(caught.value, reporting.MissingMeasurementError)
        # Trainings of other radii may be still to come.
        assert absent == (odd["radius"].nunique() < 4)
        for call in (reporting.radius, lambda rows, rank: reporting.mean_over(rows, [rank])):
            with pytest.raises(
                ValueError, match=f"four default radii.* Received: radius={received}"
            ):
                call(odd, 0)
    with pytest.raises(ValueError, match="Received: column='trained'"):
        reporting.radius(table, 0, "trained")
    with pytest.raises(ValueError, match="`rank` must be a whole number from 0 up to 3"):
        reporting.radius(table, 4)
    with pytest.raises(ValueError, match=r"none twice. Received: ranks=\[1, 1\]"):
        reporting.mean_over(table, [1, 1], recipe="a", epoch=1)
    parts = pd.Series({0: 1.0, 1: 2.0, 2: 8.0}), pd.Series({2: 4.0, 0: 3.0})
    assert reporting.mean_of(iter(parts)).to_dict() == {0: 2, 2: 6}
    with pytest.raises(reporting.MissingMeasurementError, match=r"seeds=\[\[0\], \[1\]\]"):
        reporting.mean_of([pd.Series({0: 1.0}), pd.Series({1: 1.0})])
    with pytest.raises(reporting.MissingMeasurementError, match=r"unpaired are \[1, 5\]"):
        reporting.difference(pd.Series({0: 1.0, 1: 1.0}), pd.Series({0: 1.0, 5: 1.0}))


def test_of_recipes_with_more_seeds_those_count_that_both_have():
    few, many = pd.Series({0: 1.0, 2: 3.0}), pd.Series({0: 0.5, 1: 7.0, 2: 1.0})
    assert reporting.difference(few, many).to_dict() == {0: 0.5, 2: 2.0}
    assert reporting.difference(many, few).to_dict() == {0: -0.5, 2: -2.0}
    with pytest.raises(reporting.MissingMeasurementError, match=r"unpaired are \[0, 2\]"):
        reporting.difference(few, few[:0])


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([10, 100, 10], r"Received: classes=\[10, 100\]"),
        ([10, math.nan, 10], r"Received: classes=\[10.0, nan\]"),
        (["ten"] * 3, "Received: classes='ten'"),
        ([1] * 3, "whole number from 2. Received: classes=1"),
        (None, r"needs the column `classes`.*Received: columns=\['seed'\]"),
    ],
)
def test_chance_is_told_by_the_table_alone(classes, message):
    table = pd.DataFrame({"seed": [0, 1, 2]})
    assert reporting.chance(table.assign(classes=4)) == 0.25
    with pytest.raises(ValueError, match=message):
        reporting.chance(table if classes is None else table.assign(classes=classes))


def training(recipe, seed, fits, lows, split="train_after"):
    """Rows of a training that was measured at some epochs: accuracies on originals and low."""
    parts = [
        pd.DataFrame({"epoch": fits.keys(), "radius": radius, "accuracy": values})
        for radius, values in [
            (math.nan, fits.values()),
            *((1.0 + rank, np.add(list(lows), 0.1 * rank)) for rank in range(4)),
        ]
    ]
    rows = pd.concat(parts, ignore_index=True)
    rows["component"] = np.where(rows["radius"].isna(), "original", "low")
    return rows.assign(recipe=recipe, seed=seed, split=split)


def test_epochs_until_a_level_is_reached_are_at_least_the_last_if_never(table):
    rows = table[table["radius"].isna()].assign(split="train").sample(frac=1, random_state=0)
    # Recipe a: 0.35 and 0.55 for seed 0, a tenth more for each further seed.
    epochs, reached = epochs_until(rows, 0.6, "a")
    assert epochs.to_dict() == pytest.approx({0: 5, 1: 4, 2: 2})
    assert reached.to_dict() == {0: False, 1: True, 2: True}
    epochs, reached = epochs_until(rows, 0.45, "a")
    assert epochs.to_dict() == pytest.approx({0: 3, 1: 1, 2: 1}) and reached.all()
    tested = rows.assign(split=rows["split"].mask(rows["seed"] == 1, "test"))
    for odd, recipe, message in [
        (tested, "a", r"none for seeds \[1\]. Received: recipe='a'"),
        (rows, "c", "none for any seed. Received: recipe='c'"),
    ]:
        with pytest.raises(reporting.MissingMeasurementError, match=message):
            epochs_until(odd, 0.3, recipe)
    bad = rows.assign(accuracy=rows["accuracy"].mask(rows["seed"] == 2))
    for odd, level, message in [
        (pd.concat([rows, rows]), 0.3, r"one finite accuracy .*'seed': 0, 'epoch': .*recipe='a'"),
        (bad, 0.3, r"has not for \[\{'seed': 2"),
        (rows, 30, "Received: level=30"),
        (rows.drop(columns="epoch"), 0.3, "Received: column='epoch'"),
    ]:
        with pytest.raises(ValueError, match=message):
            epochs_until(odd, level, "a")


def test_equal_fit_is_the_first_crossing_of_the_level_that_all_reach():
    natural = {1: 0.2, 2: 0.6, 3: 0.4, 9: 0.8}
    late = [training("a", 1, {1: 0.7, 2: 0.9}, [0.5, 0.6]), training("b", 1, {1: 0.5}, [0.5])]
    table = pd.concat(
        [
            training("a", 0, natural, [0.1, 0.3, 0.9, 0.9]),
            training("b", 0, {4: 0.1, 8: 0.4, 12: 0.5}, [0.1, 0.2, 0.4]),
            training("b", 0, {1: 0.99}, [0.99], split="test"),
            *late,
            training("a", 2, natural, [0.1] * 4),
            # At the level from the first measured epoch on, and not above it.
            training("a", 3, {1: 0.5, 2: 0.9}, [0.25, 0.9]),
            training("b", 3, {1: 0.25, 2: 0.5}, [0.1, 0.2]),
        ]
    ).sample(frac=1, random_state=0)
    for rank in range(4):
        levels, found = at_equal_fit(table, ["a", "b"], rank)
        assert levels.to_dict() == {0: 0.5, 3: 0.5} and list(found) == ["a", "b"]
        # From 0.2 to 0.6 at epoch 2, though 0.5 is crossed again between 3 and 9.
        expected = {0: 0.1 + 0.2 * 0.3 / 0.4, 3: 0.25}
        assert found["a"].to_dict() == pytest.approx(
            {s: e + 0.1 * rank for s, e in expected.items()}
        )
        assert found["b"].to_dict() == pytest.approx({0: 0.4 + 0.1 * rank, 3: 0.2 + 0.1 * rank})
    low = (table["component"] == "low") & (table["epoch"] == 8)
    for odd, recipes, message in [
        (pd.concat([*late, training("a", 2, natural, [0.1] * 4)]), "ab", r"late: seeds=\[1\]"),
        (
            table,
            "ac",
            r"no such seed. Received: recipes=\['a', 'c'\], measured too late: seeds=\[\]",
        ),
        (table[~low], "ab", r"recipe='b', seed=0, missing: epochs=\[8\]"),
    ]:
        with pytest.raises(reporting.MissingMeasurementError, match=message):
            at_equal_fit(odd, recipes, 0)
    for odd, recipes, message in [
        (table, "aa", r"none twice. Received: recipes=\['a', 'a'\]"),
        (table, "", r"at least one recipe.*recipes=\[\]"),
        (
            pd.concat([table, late[1]]),
            "ab",
            "one finite accuracy for each seed and epoch.*'seed': 1",
        ),
        (table[table["radius"] != 4], "ab", "four default radii"),
    ]:
        with pytest.raises(ValueError, match=message):
            at_equal_fit(odd, recipes, 0)
