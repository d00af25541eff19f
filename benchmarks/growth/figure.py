"""Time and memory over the size of the work, with the growth that the arithmetic has."""

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import legend_below
from hfc_keras.reporting.drawing.panels import PAGE
from hfc_keras.reporting.drawing.style import STYLE

QUANTITIES = {"seconds": "seconds a call", "memory_gb": "memory (GB)"}
NAMES = {
    "side": "side (pixels)",
    "batch": "batch size",
    "examples": "images",
    "radii": "radii",
    "steps": "steps",
    "waves": "frequencies along an axis",
}
EXPECTED: palette.Look = {"color": palette.GREY, "linestyle": ":", "lw": 1.0}
# Inches of a row of panels, and of the legend.
ROW, LEGEND = 1.65, 0.5


def growth(points: pd.DataFrame, exponents: pd.DataFrame) -> Figure:
    """Two panels for each axis, time and memory, a line for each measure.

    Args:
        points: DataFrame of ``running.run``.
        exponents: DataFrame of ``running.run``.

    Returns:
        matplotlib.figure.Figure, 7 inches wide.
    """
    axes_names = [name for name in NAMES if name in set(points["axis"])]
    looks = palette.recipe_looks(points["measure"])
    measured = [name for name in QUANTITIES if points[name].notna().any()]
    with matplotlib.rc_context(STYLE):
        size = (PAGE, ROW * len(axes_names) + LEGEND)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(axes_names), len(measured), squeeze=False)
        for row, name in zip(grid, axes_names, strict=True):
            for axes, quantity in zip(row, measured, strict=True):
                _draw(axes, points[points["axis"] == name], exponents, quantity, looks)
                axes.set(xlabel=NAMES[name], ylabel=QUANTITIES[quantity])
        legend_below(figure, _legend(looks))
    return figure


def _draw(
    axes: Axes, points: pd.DataFrame, exponents: pd.DataFrame, quantity: str, looks: Any
) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for measure, part in points.groupby("measure", sort=False):
        line = part.groupby("value")[quantity].median().clip(lower=1e-4)
        axes.plot(line.index, line, **looks[str(measure)])
        own = exponents[exponents["measure"] == measure]
        row = own[own["axis"] == part["axis"].iloc[0]].iloc[0]
        column = "time_expected" if quantity == "seconds" else "memory_expected"
        x = part.groupby("value")["x"].first()
        # Through the largest size, so that a curve that lies above it on its left grows less.
        expected = line.iloc[-1] * (x / x.iloc[-1]) ** row[column]
        axes.plot(x.index, expected, **palette.styled(EXPECTED, color=looks[str(measure)]["color"]))
    _ticks(axes, sorted(points["value"].unique()))


def _ticks(axes: Axes, values: list[int]) -> None:
    axes.set_xticks(values)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    if np.log10(high / low) < 1:
        axes.set_ylim(low / 2, high * 2)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _legend(looks: Any) -> list[Artist]:
    """A handle for each measure, and one for what is expected."""
    titles = {name: name.replace("_", " ") for name in looks}
    lines = [Line2D([], [], label=titles[name], **look) for name, look in looks.items()]
    return [*lines, Line2D([], [], label="growth of the arithmetic", **EXPECTED)]
