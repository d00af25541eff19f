"""What a measure of one's own returned is checked before it is written."""

import dataclasses
import json
import re
import types

import numpy as np
import pandas as pd
import pytest
from own import claimed, tiny

from hfc_keras.lab import discovery, measured_rows
from hfc_keras.training import Recipe

NAN = float("nan")
ROW = {"measure": "test", "accuracy": 0.5, "loss": 1.0}


@pytest.fixture
def run(tmp_path, capsys):
    """Run the tiny experiment with parts replaced; return status, stderr and the folder."""

    def run(*told, **parts):
        experiment = dataclasses.replace(tiny.EXPERIMENT, **parts)
        paths = ["--results", str(tmp_path), "--store", str(tmp_path / "store")]
        status = 0
        try:
            experiment.main([*paths, *told])
        except SystemExit as left:
            status = left.code
        return status, capsys.readouterr().err, tmp_path / "smoke" / "digits"

    return run


def rows(**changes):
    return pd.DataFrame([{**ROW, **changes}])


WRONG = {
    "nan": (rows(accuracy=NAN), "a share from 0 to 1 as `accuracy`, which may be empty only"),
    "none": (rows(accuracy=None), "a share from 0 to 1 as `accuracy`, which may be empty only"),
    "inf": (rows(accuracy=np.inf), "a share from 0 to 1 as `accuracy`.*accuracy='inf'"),
    "percent": (rows(accuracy=50.0), "a share from 0 to 1 as `accuracy`.*accuracy='50.0'"),
    "word": (rows(accuracy="good"), "a share from 0 to 1 as `accuracy`.*accuracy='good'"),
    "nan in words": (rows(accuracy="nan"), "a share from 0 to 1 as `accuracy`.*accuracy='nan'"),
    "share": (rows(low_share=-0.1), "a share from 0 to 1 as `low_share`.*low_share='-0.1'"),
    "among numbers": (
        pd.DataFrame([ROW, {**ROW, "measure": "other", "loss": "good"}]),
        "a number as `loss`.*loss='good'",
    ),
    "no rows": (rows()[:0], "at least one row.*rows=0"),
    "recipe": (rows(recipe="mine"), "must leave `recipe` to the experiment.*recipe='mine'"),
    "seed": (rows(seed=7), "must leave `seed` to the experiment.*seed=7"),
    "no key": (rows().drop(columns="measure"), "`keys`.*missing=.'measure'."),
    "nothing": (None, "must return a DataFrame.*returned='NoneType'"),
    "a list": ([ROW], "must return a DataFrame.*returned='list'"),
    "twice": (
        pd.DataFrame([{**ROW, "radius": radius} for radius in (1, 2)]),
        "a measurement once; `keys` .*'measure'.*different=.'radius'.",
    ),
    "key of nothing": (
        pd.DataFrame([{**ROW, "measure": None, "loss": loss} for loss in (1, 2)]),
        "a measurement once; `keys` .*different=.'loss'.",
    ),
    "a column twice": (pd.concat([rows(), rows()[["loss"]]], axis=1), "once.*twice=.'loss'."),
    "no text": (rows(name="\0"), "that a CSV file can hold.*NUL byte"),
}


@pytest.mark.parametrize("case", WRONG)
def test_rows_that_no_table_can_hold_are_refused_and_nothing_is_written(run, case):
    returned, message = WRONG[case]
    status, error, folder = run("--recipes", "plain", measure=lambda cell: returned)
    assert status == 2 and error.startswith("error: `measure` of tiny must ")
    assert "Received: cell='plain seed 0', " in error and "--fresh" not in error
    assert len(error.splitlines()) == 1 and re.search(message, error), error
    assert not list(folder.glob("tiny.*"))


def test_a_refused_cell_leaves_those_before_it(run):
    """Also where its text is in a column that has numbers in another cell."""

    def measure(cell):
        return rows(loss=1.0 if cell.name == "plain" else "good")

    status, error, folder = run("--recipes", "plain", "again", measure=measure)
    assert status == 2 and "Received: cell='again seed 0', loss='good'" in error
    record = json.loads((folder / "tiny.json").read_text())
    assert list(record["cells"]) == ["plain seed 0"]
    assert pd.read_csv(folder / "tiny.csv")["loss"].tolist() == [1.0]
    status, _, _ = run("--recipes", "plain", "again", measure=lambda cell: rows())
    assert status == 0 and len(pd.read_csv(folder / "tiny.csv")) == 2


def test_rows_of_several_measures_leave_cells_empty(run):
    returned = pd.DataFrame(
        [
            {"measure": "clean", "accuracy": 0.5, "examples": 9},
            {"measure": "share", "value": 3.0, "examples": 9},
        ]
    )
    status, error, folder = run("--recipes", "plain", measure=lambda cell: returned)
    assert (status, error) == (0, "")
    assert pd.read_csv(folder / "tiny.csv")["accuracy"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("returned", "received"),
    [
        ({}, "returned={}"),
        (None, "returned='NoneType'"),
        ([Recipe()], "returned='list'"),
        ({"plain": {"epochs": 1}}, "recipe='plain', returned='dict'"),
        ({1: Recipe()}, "recipe=1, returned='Recipe'"),
    ],
)
def test_recipes_that_are_none_are_refused(run, returned, received):
    status, error, _ = run(recipes=lambda settings: returned)
    assert status == 2 and error == (
        "error: `recipes` of tiny must return a dict from names to Recipes, at least one. "
        f"Received: {received}\n"
    )


def committed():
    """Each committed table of an experiment, and the keys of the experiment."""
    kinds = (discovery.experiments, discovery.outside, discovery.commands)
    names = [name for kind in kinds for name in kind("experiments")]
    for path in sorted(claimed.RESULTS.glob("*/*/*.csv")):
        if path.stem in names:
            yield path, discovery.load(f"experiments.{path.stem}").keys


@pytest.mark.slow
def test_what_is_committed_would_be_written_again():
    count = 0
    for path, keys in committed():
        text = path.read_text()
        table = pd.read_csv(path, low_memory=False)
        for (name, seed), own in table.groupby(["recipe", "seed"]):
            cell = types.SimpleNamespace(name=name, seed=seed, label=f"{name} seed {seed}")
            absent = [each for each in own if own[each].isna().all() and each not in keys]
            measured_rows.of_cell(path.stem, cell, keys, own.drop(columns=absent))
        measured_rows.check(path.stem, cell.label, keys, text)
        count += 1
    assert count >= 30
