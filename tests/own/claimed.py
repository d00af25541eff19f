"""A claim, and a table that it can be judged by."""

import dataclasses
import math

import pandas as pd

from hfc_keras import reporting

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
