"""Fourier sensitivity: numbers of a spectrum, tables and curves of many."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.panels import PANEL
from hfc_keras.reporting.drawing.ring_panels import ring_panels
from hfc_keras.reporting.rows import MissingMeasurementError, require_columns, rows_of, unique_rows
from hfc_keras.reporting.tables import means_by_recipe
from hfc_keras.types import Array

KEYS = "recipe seed ring".split()


def sensitivity_numbers(table: pd.DataFrame) -> pd.DataFrame:
    r"""What a spectrum of Fourier sensitivity says in a few numbers, one row per recipe and seed.

    With ``N`` the smaller side of the images:

    Args:
        table: DataFrame with the columns recipe, seed, ring, mean, image_size (``N``).

    Returns:
        DataFrame indexed by recipe and seed, in the order of the table, with the columns

        - low, mid, high: share of the rings up to N/6, from there to N/3, and beyond;
        - peak: ring with the largest share;
        - centre: mean ring, :math:`\sum_k k S_k`;
        - entropy: Shannon entropy in bits of the rings up to N/2, made to add up to 1.

    Raises:
        ValueError: for a missing column or a ring that stands twice.

    Reference:
        Krishnamachari et al., Fourier Sensitivity and Regularization of Computer Vision
        Models, TMLR 2022.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "ring": [1, 2, 3, 4], "image_size": 6,
        ...         "mean": [0.5, 0.25, 0.25, 0.0]}
        >>> sensitivity_numbers(pd.DataFrame(rows)).iloc[0].to_dict()
        {'low': 0.5, 'mid': 0.25, 'high': 0.25, 'peak': 1.0, 'centre': 1.75, 'entropy': 1.5}
    """
    require_columns(table, [*KEYS, "mean", "image_size"])
    unique_rows(table, KEYS)
    rows = {}
    for key, part in table.groupby(["recipe", "seed"], sort=False):
        rows[key] = _numbers(part["ring"].to_numpy(), part["mean"].to_numpy(), part["image_size"])
    index = pd.MultiIndex.from_tuples(rows, names=["recipe", "seed"])
    return pd.DataFrame(list(rows.values()), index=index)


def sensitivity_effect(table: pd.DataFrame, number: str, **where: object) -> pd.Series:
    """One of ``sensitivity_numbers`` per seed, for a claim.

    Args:
        table: DataFrame, see ``sensitivity_numbers``.
        number: str, its column.
        **where: values by column that the rows have.

    Returns:
        Series by seed.

    Raises:
        MissingMeasurementError: if no row has these values.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": [0, 0, 1, 1], "ring": [1, 2, 1, 2],
        ...         "image_size": 6, "mean": [0.5, 0.5, 0.75, 0.25]}
        >>> sensitivity_effect(pd.DataFrame(rows), "low", recipe="vanilla").tolist()
        [0.5, 0.75]
    """
    chosen = rows_of(table, **where)
    if not len(chosen):
        raise MissingMeasurementError(
            f"A table must hold the sensitivity of every recipe of a claim. Received: {where}"
        )
    return sensitivity_numbers(chosen)[number].droplevel("recipe")


def sensitivity_table(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers of each spectrum, mean and standard deviation over seeds, one row per recipe.

    Args:
        table: DataFrame, see ``sensitivity_numbers``.

    Returns:
        DataFrame of str.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "ring": [1, 2], "image_size": 6,
        ...         "mean": [0.5, 0.5]}
        >>> sensitivity_table(pd.DataFrame(rows)).columns.tolist()
        ['low', 'mid', 'high', 'peak', 'centre', 'entropy']
    """
    numbers = sensitivity_numbers(table)
    return means_by_recipe(numbers.reset_index(), numbers.columns)


def sensitivity_curves(
    table: pd.DataFrame,
    panels: Mapping[str, Iterable[str]],
    titles: Mapping[str, str] | None = None,
    looks: Mapping[str, palette.Look] | None = None,
) -> Figure:
    """Share of each ring in the power of the input gradient, one line per recipe.

    Args:
        table: DataFrame with the columns recipe, seed, ring, mean, white, image_size. Lines are
            means over seeds, bands their range; white noise is dashed and gray. A vertical line
            marks the Nyquist frequency.
        panels: dict from the title of a panel to its recipes; those without rows are left out,
            and so are panels without any, or with none but what every panel has.
        titles: dict from recipes to names in the legend, or None.
        looks: dict from recipes to looks, see ``palette.recipe_looks``, or None.

    Returns:
        matplotlib.figure.Figure, up to 7 inches wide.

    Raises:
        ValueError: for a missing column, a ring that stands twice, or if no recipe has rows.

    Reference:
        Krishnamachari et al., Fourier Sensitivity and Regularization of Computer Vision
        Models, TMLR 2022.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "ring": [1, 2], "image_size": 2,
        ...         "mean": [0.5, 0.5], "white": [0.7, 0.3]}
        >>> figure = sensitivity_curves(pd.DataFrame(rows), {"training": ["vanilla"]})
        >>> figure.axes[0].get_xlabel()
        'frequency (cycles per image)'
    """
    require_columns(table, [*KEYS, "mean", "white", "image_size"])
    unique_rows(table, KEYS)
    rows = dict(list(table.groupby("recipe", sort=False)))
    panels = {
        name: {recipe: rows[recipe] for recipe in chosen if recipe in rows}
        for name, chosen in panels.items()
    }
    panels = _telling({name: chosen for name, chosen in panels.items() if chosen})
    checks.require(panels, "`panels` must name recipes of the table", recipes=list(rows))
    width = PANEL if len(panels) > 2 else 3.4
    return ring_panels(panels, "share of the gradient's power", titles, looks, width)


def _telling(panels: Mapping[str, dict[str, pd.DataFrame]]) -> dict[str, dict[str, pd.DataFrame]]:
    """Panels that hold more than all of them do; the first one where none does."""
    shared = set.intersection(*map(set, panels.values())) if panels else set()
    more = {name: rows for name, rows in panels.items() if rows.keys() > shared}
    return more or dict(list(panels.items())[:1])


def _numbers(ring: Array, share: Array, image_size: pd.Series) -> dict[str, float]:
    size = image_size.iloc[0]
    third = size // 6, size // 3
    inside = share[ring <= size // 2]
    inside = inside[inside > 0] / inside.sum()
    return {
        "low": share[ring <= third[0]].sum(),
        "mid": share[(ring > third[0]) & (ring <= third[1])].sum(),
        "high": share[ring > third[1]].sum(),
        "peak": float(ring[share.argmax()]),
        "centre": float((ring * share).sum()),
        "entropy": float(-(inside * np.log2(inside)).sum()),
    }
