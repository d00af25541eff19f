"""Curves over rings of frequencies, beside white noise."""

from collections.abc import Mapping
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.panels import draw_curve, label_outer, panel_grid
from hfc_keras.reporting.drawing.style import STYLE

WHITE_LOOK: palette.Look = {"color": palette.LIGHT_GREY, "linestyle": "--", "lw": 1.0}


def ring_panels(
    panels: Mapping[str, Mapping[str, pd.DataFrame]],
    label: str,
    titles: Mapping[str, str] | None = None,
    looks: Mapping[str, palette.Look] | None = None,
    width: float = 2.8,
    below: bool = False,
) -> Figure:
    """Draw shares by ring: lines are means over seeds, bands their range.

    White noise is dashed and gray; a vertical line with its name marks the Nyquist frequency.

    Args:
        panels: dict from the title of a panel to a dict from recipes to their rows, DataFrames
            with the columns ring, mean, white and, for the line, image_size.
        label: str, what the shares are of.
        titles: dict from recipes to names in the legend, or None.
        looks: dict from recipes to looks, see ``palette.recipe_looks``, or None.
        width: float, inches of a panel.
        below: bool, whether the legend stands below in any case.

    Returns:
        matplotlib.figure.Figure.

    Example:
        >>> import pandas as pd
        >>> rows = {"ring": [1, 2], "mean": [0.5, 0.5], "white": [0.7, 0.3], "image_size": 2}
        >>> figure = ring_panels({"FGSM": {"vanilla": pd.DataFrame(rows)}}, "share")
        >>> figure.axes[0].get_xlabel()
        'frequency (cycles per image)'
    """
    drawn = (recipe for rows in panels.values() for recipe in rows)
    looks = palette.recipe_looks(drawn, looks)
    lines = [
        Line2D([], [], label=(titles or {}).get(recipe, recipe), **look)
        for recipe, look in looks.items()
    ]
    lines.append(Line2D([], [], label="white noise", **WHITE_LOOK))
    with matplotlib.rc_context(STYLE):
        figure, grid = panel_grid(len(panels), lines, width=width, below=below)
        for axes, (title, recipes) in zip(grid, panels.items(), strict=True):
            _draw_white(axes, next(iter(recipes.values())))
            for recipe, rows in recipes.items():
                often = max(1, rows["ring"].nunique() // 8)
                look: palette.Look = {**looks[recipe], "markevery": often}
                draw_curve(axes, rows, "ring", look, "mean")
            axes.set_title(title, pad=12)
        # After the last curve, since the panels share the axis.
        grid[0].set_ylim(bottom=0)
        label_outer(grid, "frequency (cycles per image)", label)
    return figure


def _draw_white(axes: Axes, rows: pd.DataFrame) -> None:
    """White noise and the Nyquist frequency."""
    white = rows.groupby("ring")["white"].first()
    axes.plot(white.index, white, zorder=1, **WHITE_LOOK)
    if "image_size" in rows:
        draw_nyquist(axes, rows["image_size"].iloc[0] / 2)


def draw_nyquist(axes: Axes, frequency: float) -> None:
    """Draw a vertical line at the Nyquist frequency, with its name above the panel.

    Args:
        axes: matplotlib axes.
        frequency: float, where the line stands on the horizontal axis.

    Example:
        >>> import matplotlib.figure
        >>> axes = matplotlib.figure.Figure().subplots()
        >>> draw_nyquist(axes, 16)
        >>> axes.texts[0].get_text()
        'Nyquist'
    """
    axes.axvline(frequency, color=palette.GREY, lw=0.6, zorder=1)
    look: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 6.5, "color": palette.GREY}
    place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    axes.annotate("Nyquist", (frequency, 1), (0, 1), **place, **look)
