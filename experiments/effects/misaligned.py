"""How many images a network gets right, but wrong from their low frequencies, by seed."""

from typing import Any

import numpy as np
import pandas as pd

from hfc_keras import reporting
from hfc_keras.reporting.effects.misaligned import (
    misaligned_effect,
    misaligned_share,
    resampled,
    wrong_from_low,
)
from hfc_keras.types import Floats, Record

# The four radii as parts of the width.
WIDTHS = ("1/8", "1/4", "3/8", "1/2")


def beyond_chance(
    table: pd.DataFrame,
    recipe: str,
    rank: int,
    statistics: str = "none",
    decomposition: str = "fourier",
) -> pd.Series:
    """Share of images of the pattern minus what chance would give, by seed."""
    return misaligned_effect(table, **_where(table, recipe, rank, statistics, decomposition))


def share(table: pd.DataFrame, recipe: str, rank: int, statistics: str) -> pd.Series:
    """Share of images of the pattern, by seed."""
    return misaligned_share(table, **_where(table, recipe, rank, statistics, "fourier"))


def lost(table: pd.DataFrame, recipe: str) -> dict[str, pd.Series]:
    """Share of images that are right until their high frequencies are removed, by radius."""
    where = [_where(table, recipe, rank, "none", "fourier") for rank in range(len(WIDTHS))]
    return {
        f"r = {width} width": wrong_from_low(table, **each)
        for width, each in zip(WIDTHS, where, strict=True)
    }


def beyond_svd(table: pd.DataFrame, recipe: str, **where: Any) -> pd.Series:
    """The same by frequencies minus twice that by singular values, by seed."""
    svd = beyond_chance(table, recipe, decomposition="svd", **where)
    return reporting.difference(beyond_chance(table, recipe, **where), 2 * svd)


def on_other_images(table: pd.DataFrame, rng: np.random.Generator, **where: Any) -> Floats:
    """The same by frequencies, of seeds and images that are drawn anew."""
    return np.subtract(*_drawn(table, rng, **where))


def share_on_other_images(table: pd.DataFrame, rng: np.random.Generator, **where: Any) -> Floats:
    """Share of images of the pattern, of seeds and images that are drawn anew."""
    return _drawn(table, rng, **where)[0]


def _drawn(table: pd.DataFrame, rng: np.random.Generator, **where: Any) -> tuple[Floats, Floats]:
    return resampled(table, rng, **_where(table, decomposition="fourier", **where))


def _where(
    table: pd.DataFrame, recipe: str, rank: int, statistics: str, decomposition: str
) -> Record:
    """Which rows are meant, the radius by its rank."""
    where = {"recipe": recipe, "bn_statistics": statistics, "decomposition": decomposition}
    return {"radius": reporting.radius(table, rank), **where}
