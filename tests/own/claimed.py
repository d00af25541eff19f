"""A claim, and a table that it can be judged by."""

import dataclasses
import json
import math
import types
from pathlib import Path

import pandas as pd

from hfc_keras import reporting
from hfc_keras.lab import settings
from hfc_keras.lab.experiment import Experiment

RESULTS = Path(__file__).parents[2] / "results"
KEYS = ["recipe", "seed", "epoch", "component", "radius"]


def gain(table):
    """Recipe b minus recipe a on original images after the last epoch."""
    pair = (
        reporting.value(table, recipe=name, epoch="last", radius=math.nan) for name in ("b", "a")
    )
    return reporting.difference(*pair)


CLAIM = reporting.Claim(
    id="gain", item="Fig. 5", sentence="b | helps.", measured="b minus a", effect=gain, above=0
)


def experiment(claims):
    """An experiment that makes claims of that table."""
    return Experiment(
        module=__name__,
        settings=settings.Settings,
        measure=None,
        keys=KEYS,
        summary=None,
        figures=None,
        claims=claims,
    )


def module(claims):
    """A module that ends in that experiment."""
    return types.SimpleNamespace(EXPERIMENT=experiment(claims))


def effect(**changes):
    """A claim whose effect is the column effect."""
    changes = {"effect": lambda table: table.set_index("seed")["effect"], **changes}
    return dataclasses.replace(CLAIM, **changes)


def table():
    """Two recipes, three seeds, two epochs, four radii; accuracy tells the recipe and the seed."""
    rows = [
        (recipe, seed, epoch, "low" if radius > 0 else "original", radius)
        for recipe in "ab"
        for seed in (0, 1, 2)
        for epoch in (1, 5)
        for radius in (math.nan, 1.0, 2.0, 3.0, 4.0)
    ]
    rows = pd.DataFrame(rows, columns=KEYS)
    rows["accuracy"] = 0.3 + 0.1 * rows["seed"] + 0.05 * rows["epoch"]
    rows["accuracy"] += 0.01 * rows["radius"].fillna(0)
    rows.loc[rows["recipe"] == "b", "accuracy"] += 0.02 * (rows["seed"] + 1)
    return rows


RECIPES = {
    "a": {"epochs": 5},
    "b": {"model": "vgg11", "width": 0.25, "examples": [1500, 90], "epochs": 20},
}


def write(rows, results, profile="smoke", dataset="digits", name="one"):
    """Write a table of two recipes and its record, as an experiment does; return its path."""
    path = results / profile / dataset / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_csv(path, index=False)
    counts = rows.groupby(["recipe", "seed"]).size()
    cells = {
        f"{recipe} seed {seed}": {"rows": int(count), "recipe": RECIPES[recipe]}
        for (recipe, seed), count in counts.items()
    }
    told = {"profile": profile, "dataset": None, "radii": None, "examples": [700, 90]}
    seeds = sorted(map(int, rows["seed"].unique()))
    content = {"dataset": dataset, "settings": told, "seeds": seeds, "cells": cells}
    path.with_suffix(".json").write_text(json.dumps(content))
    return path
