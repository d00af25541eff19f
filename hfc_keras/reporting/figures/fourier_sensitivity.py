"""Fourier sensitivity: numbers of a spectrum, tables and curves of many."""

from collections.abc import Iterable, Mapping

import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.panels import PANEL
from hfc_keras.reporting.drawing.ring_panels import ring_panels
from hfc_keras.reporting.effects.fourier_sensitivity import KEYS, sensitivity_numbers
from hfc_keras.reporting.rows import measured_once, require_columns, unique_rows
from hfc_keras.reporting.tables import means_by_recipe


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
    panels: Mapping[str, Iterable[str]] | None = None,
    titles: Mapping[str, str] | None = None,
    looks: Mapping[str, palette.Look] | None = None,
    below: bool = False,
) -> Figure:
    """Share of each ring in the power of the input gradient, one line per recipe.

    Args:
        table: DataFrame with the columns recipe, seed, ring, mean, white, image_size. Lines are
            means over seeds, bands their range; white noise is dashed and gray. A vertical line
            marks the Nyquist frequency. The table of ``analysis.fourier_sensitivity`` alone, with
            a column model or without, will do; there is no line then.
        panels: dict from the title of a panel to its recipes; those without rows are left out,
            and so are panels without any, or with none but what every panel has. None is one
            panel of all.
        titles: dict from recipes to names in the legend, or None.
        looks: dict from recipes to looks, see ``palette.recipe_looks``, or None.
        below: bool, whether the legend stands below in any case, so that the figure is narrow.

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
    table = measured_once(table)
    require_columns(table, [*KEYS, "mean", "white"])
    unique_rows(table, KEYS)
    panels = {"": list(table["recipe"].unique())} if panels is None else panels
    rows = dict(list(table.groupby("recipe", sort=False)))
    panels = {
        name: {recipe: rows[recipe] for recipe in chosen if recipe in rows}
        for name, chosen in panels.items()
    }
    panels = _telling({name: chosen for name, chosen in panels.items() if chosen})
    checks.require(panels, "`panels` must name recipes of the table", recipes=list(rows))
    width = PANEL if len(panels) > 2 else 3.4
    return ring_panels(panels, "share of the gradient's power", titles, looks, width, below)


def _telling(panels: Mapping[str, dict[str, pd.DataFrame]]) -> dict[str, dict[str, pd.DataFrame]]:
    """Panels that hold more than all of them do; the first one where none does."""
    shared = set.intersection(*map(set, panels.values())) if panels else set()
    more = {name: rows for name, rows in panels.items() if rows.keys() > shared}
    return more or dict(list(panels.items())[:1])
