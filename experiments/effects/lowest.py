"""What a network makes of the lowest frequencies of its training images as it trains, by seed."""

from typing import Any

import pandas as pd

from hfc_keras import reporting
from hfc_keras.reporting.claims.course import epochs_until_learned


def lowest(table: pd.DataFrame, recipe: str) -> pd.DataFrame:
    """Rows of a network on the lowest frequencies of the training images."""
    where: dict[str, Any] = {"recipe": recipe, "split": "train_after", "component": "low"}
    where["radius"] = reporting.radius(table, 0)
    return table[(table[list(where)] == pd.Series(where)).all(axis=1)]


def peak_minus_last(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Lowest frequencies: highest accuracy over epochs minus the last, by seed."""
    rows = lowest(table, recipe)
    return reporting.difference(
        rows.groupby("seed")["accuracy"].max(), reporting.value(rows, epoch="last")
    )


def above_chance(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Lowest frequencies, after the last epoch, above guessing, by seed."""
    return reporting.value(lowest(table, recipe), epoch="last") - reporting.chance(table)


def after_one_epoch(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Lowest frequencies, after the first epoch, by seed."""
    return reporting.value(lowest(table, recipe), epoch=1)


def later_at_largest(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Epochs until the largest radius is learned minus those until the smallest, by seed."""
    return reporting.difference(*(epochs_until_learned(table, recipe, rank) for rank in (3, 0)))
