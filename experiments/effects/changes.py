"""Effects on changed test images: filtered, corrupted, attacked, shifted; measures for claims."""

import functools
from collections.abc import Iterable
from typing import Any

import pandas as pd

from hfc_keras.reporting.claims.statements import Measure
from hfc_keras.reporting.effects.conditions import condition_effect

# Those of `data.CORRUPTIONS` that all tables are made of.
KINDS = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "fog",
    "brightness",
    "contrast",
    "pixelate",
    "jpeg_compression",
)
# What is meant by corruptions, for claims on them.
CORRUPTIONS = (
    f"{len(KINDS)} of the 15 corruptions of CIFAR-10-C ({', '.join(KINDS).replace('_', ' ')})"
)


def filled(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with their value in the column accuracy, where they have one."""
    if "value" not in table:
        return table
    return table.assign(accuracy=table["value"].fillna(table["accuracy"]))


def share(
    table: pd.DataFrame, recipe: str, measure: str, conditions: Iterable[str] | None = None
) -> pd.Series:
    """Accuracy, share or error of a recipe, Series by seed.

    Args:
        table: DataFrame of ``all_measures.rows`` with recipe and seed.
        recipe: str.
        measure: str.
        conditions: iterable of str; None is all of the measure.
    """
    return condition_effect(filled(table), recipe, measure, conditions)


def on(words: str, measure: str, unit: str = "accuracy", **chosen: Any) -> Measure:
    """Return the Measure of ``share`` under the conditions that are chosen."""
    return Measure(words, functools.partial(share, measure=measure, **chosen), unit)


TEST = on("accuracy on test images", "clean")
CORRUPTED = on(f"accuracy, mean over severities and {CORRUPTIONS}", "corrupted")
ATTACKED = on("accuracy under PGD, mean over epsilons", "attacked", conditions=("pgd",))
SHIFTED = on(
    "share of images with the same predicted class after two random shifts", "shifted", "share"
)
