"""Whose class a model sees in hybrids, by radius."""

from typing import Any

import matplotlib
import numpy as np
import pandas as pd

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import legend_below
from hfc_keras.reporting.drawing.panels import RADIUS, radius_axis
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import require_columns, unique_rows

KEYS = ["radius"]
SHARES = {
    "low": ("follow low", palette.COMPONENT_COLORS["low"], "o", "-"),
    "high": ("follow high", palette.COMPONENT_COLORS["high"], "^", "--"),
    "neither": ("neither", palette.GREY, "s", ":"),
}


def hybrid_curves(table: pd.DataFrame) -> Figure:
    """Share of the answers to hybrids that follow low and high frequencies, and neither.

    Args:
        table: DataFrame of ``analysis.hybrid_preference``. A vertical line marks the crossover,
            where there is one; the dash-dotted line is the accuracy on the images as they are.

    Returns:
        matplotlib.figure.Figure, 4.6 inches wide.

    Raises:
        ValueError: for a missing column or a radius that stands twice.

    Example:
        >>> rows = {"radius": [2.0, 4.0], "low": [0.2, 0.6], "high": [0.6, 0.2], "neither": 0.2,
        ...         "crossover": 3.0, "original_accuracy": 0.9}
        >>> hybrid_curves(pd.DataFrame(rows)).axes[0].get_title()
        'crossover at 3 cycles per image'
    """
    require_columns(table, [*KEYS, *SHARES, "crossover", "original_accuracy"])
    unique_rows(table, KEYS)
    table, crossover = table.sort_values("radius"), float(table["crossover"].iloc[0])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.0), layout="constrained")
        axes = figure.subplots()
        if np.isfinite(crossover):
            axes.axvline(crossover, color=palette.LIGHT_GREY, lw=1.0, zorder=1)
        original = axes.axhline(
            table["original_accuracy"].iloc[0],
            label="accuracy on originals",
            color="black",
            linestyle="-.",
            lw=0.8,
            zorder=1,
        )
        lines = []
        for column, (label, color, marker, style) in SHARES.items():
            look: dict[str, Any] = {
                "color": color,
                "marker": marker,
                "linestyle": style,
                "label": label,
            }
            lines += axes.plot(table["radius"], table[column], **look)
        radius_axis(axes, table["radius"])
        known = f"crossover at {crossover:.3g} cycles per image"
        axes.set(
            ylim=(0, 1.02),
            xlabel=RADIUS,
            ylabel="share of the answers",
            title=known if np.isfinite(crossover) else "no crossover within the radii",
        )
        legend_below(figure, [*lines, original])
    return figure
