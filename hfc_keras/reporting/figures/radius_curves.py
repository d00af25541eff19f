"""Accuracy on low and on high components against the radius."""

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import fit_labels, legend_below, legend_lines
from hfc_keras.reporting.drawing.panels import (
    CHANCE_LOOK,
    PAGE,
    RADIUS,
    accuracy_top,
    draw_curve,
    draw_levels,
    radius_axis,
)
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import measured_once, require_columns, unique_rows
from hfc_keras.reporting.tables import column_name

COMPONENTS = {"low": "frequencies up to the radius", "high": "frequencies beyond the radius"}
KEYS = ["recipe", "seed", "component", "radius", "bn_statistics"]


def radius_curves(table: pd.DataFrame, chance: float | None = None) -> Figure:
    """Accuracy on low and high components against the radius, one line per model and statistics.

    Args:
        table: DataFrame as ``analysis.frequency_accuracy`` returns it, with the columns component,
            radius, accuracy, bn_statistics; with a column model (or recipe and seed) it is of
            several. Lines are means over seeds, bands their range, dashed what is right of the
            images as they are.
        chance: float or None, accuracy of guessing, a gray line.

    Returns:
        matplotlib.figure.Figure, 7 inches wide, two panels.

    Raises:
        ValueError: for a missing column, no component, or a measurement that stands twice.

    Reference:
        Wang et al., High-Frequency Component Helps Explain the Generalization of
        Convolutional Neural Networks, CVPR 2020, section 5.

    Example:
        >>> rows = {"component": ["original", "low", "high"], "radius": [float("nan"), 4, 4],
        ...         "accuracy": [0.9, 0.5, 0.2], "bn_statistics": "moving"}
        >>> [axes.get_title() for axes in radius_curves(pd.DataFrame(rows)).axes]
        ['frequencies up to the radius', 'frequencies beyond the radius']
    """
    table = measured_once(table)
    require_columns(table, [*KEYS, "accuracy"])
    unique_rows(table, KEYS)
    parts = table[table["component"] != "original"]
    checks.require(len(parts), "`table` must hold low or high components", rows=len(parts))
    table = table.assign(curve=_names(table))
    looks = palette.recipe_looks(table["curve"])
    with matplotlib.rc_context(STYLE):
        entries = _entries(looks, chance)
        fit_labels(entries, PAGE)
        height = 2.5 + 0.17 * legend_lines(entries, PAGE)
        figure = Figure(figsize=(PAGE, height), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (component, title) in zip(panels, COMPONENTS.items(), strict=True):
            draw_levels(axes, {"chance": chance})
            _draw(axes, table, component, looks)
            axes.set(title=title, xlabel=RADIUS)
        panels[0].set_ylabel("accuracy")
        panels[0].set_ylim(0, accuracy_top(table["accuracy"], chance))
        legend_below(figure, entries)
    return figure


def _names(table: pd.DataFrame) -> list[str]:
    """Name of each row's curve: its model, and the statistics where there are several.

    Of one model with several statistics these alone.
    """
    if table["recipe"].nunique() == 1 and table["bn_statistics"].nunique() > 1:
        return [f"{kind} statistics" for kind in table["bn_statistics"]]
    several = table.groupby("recipe")["bn_statistics"].transform("nunique") > 1
    rows = zip(table["recipe"], table["bn_statistics"], several, strict=True)
    return [
        column_name(str(recipe), statistics if own else "none") for recipe, statistics, own in rows
    ]


def _draw(axes: Axes, table: pd.DataFrame, component: str, looks: dict[str, palette.Look]) -> None:
    """Draw the curves of a component, and dashed what is right of the images as they are."""
    for curve, look in looks.items():
        own = table[table["curve"] == curve]
        original = own.loc[own["component"] == "original", "accuracy"]
        if len(original):
            axes.axhline(original.mean(), color=look["color"], linestyle="--", lw=0.7, zorder=1)
        draw_curve(axes, own[own["component"] == component], "radius", look)
    radius_axis(axes, table["radius"].dropna())


def _entries(looks: dict[str, palette.Look], chance: float | None) -> list[Line2D]:
    lines = [Line2D([], [], label=name, **look) for name, look in looks.items()]
    lines.append(Line2D([], [], label="originals", color=palette.GREY, linestyle="--", lw=0.7))
    return lines + ([] if chance is None else [Line2D([], [], label="chance", **CHANCE_LOOK)])
