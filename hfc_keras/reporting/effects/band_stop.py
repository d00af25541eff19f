"""What rings of frequencies are worth, by seed."""

import math

import pandas as pd

from hfc_keras import checks
from hfc_keras.reporting.claims.effects import value
from hfc_keras.reporting.rows import complete_rows, require_columns, rows_of, unique_rows
from hfc_keras.reporting.statistics.shares import share_of_clean

KEYS = "recipe seed inner".split()
VALUES = ("outer", "accuracy", "drop")
# The lower half of equally wide rings ends at a quarter of the image's smaller side.
HALVES = ("low", "high")


def band_stop_drop(table: pd.DataFrame, recipe: str, half: str) -> pd.Series:
    """What a ring of frequencies is worth: the mean drop over half of the rings, by seed.

    Args:
        table: DataFrame with the columns recipe, seed, inner, outer, accuracy, drop; rows of
            originals have no inner.
        recipe: str.
        half: ``"low"``, the rings that begin below a quarter of the image's smaller side, or
            ``"high"``, the others. An odd number of rings has one more low one.

    Returns:
        Series of float by seed, accuracy on original images minus that without a ring.

    Raises:
        MissingMeasurementError: if a seed has no such ring, or not as many as another.
        ValueError: for another half, a missing column or a ring that stands twice.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "inner": [float("nan"), 0, 2],
        ...         "outer": [float("nan"), 2, 5.7], "accuracy": [0.75, 0.25, 0.5],
        ...         "drop": [0, 0.5, 0.25]}
        >>> band_stop_drop(pd.DataFrame(rows), "vanilla", "low").tolist()
        [0.5]
    """
    checks.choice("half", half, HALVES)
    require_columns(table, [*KEYS, *VALUES])
    chosen = rows_of(table, recipe=recipe)
    unique_rows(chosen, KEYS)
    rings = chosen["inner"].dropna().rank(method="dense")
    low = rings <= (rings.max() + 1) // 2
    within = chosen.loc[rings.index[low if half == "low" else ~low]]
    complete_rows(within, chosen["seed"], recipe=recipe, half=half)
    return within.groupby("seed")["drop"].mean().astype("float64").sort_index()


def band_stop_share(table: pd.DataFrame, recipe: str, half: str) -> pd.Series:
    r"""What a ring of frequencies is worth, as a share of the accuracy on original images, by seed.

    .. math:: \bar d / a_{\text{clean}}

    Args:
        table: DataFrame, see ``band_stop_drop``.
        recipe: str.
        half: see ``band_stop_drop``.

    Returns:
        Series of float by seed; NaN for a network that is never right.

    Raises:
        MissingMeasurementError: see ``band_stop_drop``; or if a seed has no originals.
        ValueError: as ``band_stop_drop``.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "inner": [float("nan"), 0, 2],
        ...         "outer": [float("nan"), 2, 5.7], "accuracy": [0.75, 0.25, 0.5],
        ...         "drop": [0, 0.5, 0.25]}
        >>> band_stop_share(pd.DataFrame(rows), "vanilla", "high").round(3).tolist()
        [0.333]
    """
    drop = band_stop_drop(table, recipe, half)
    clean = value(table, recipe=recipe, inner=math.nan).reindex(drop.index)
    return pd.Series(share_of_clean(drop, clean), drop.index)
