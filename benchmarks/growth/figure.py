"""Time and memory over the size of the work, with the growth that the arithmetic has."""

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import legend_below
from hfc_keras.reporting.drawing.panels import PAGE
from hfc_keras.reporting.drawing.style import STYLE

QUANTITIES = {"seconds": "seconds a call", "memory_gb": "memory (GB)"}
NAMES = {
    "side": "side (pixels)",
    "batch": "images in a batch",
    "examples": "images in all",
    "radii": "radii",
    "steps": "steps",
    "waves": "frequencies along an axis",
}
# Below these nothing can be told from rounding.
SMALLEST = {"seconds": 1e-4, "memory_gb": 1e-3}
EXPECTED: palette.Look = {"color": palette.GREY, "linestyle": ":", "lw": 0.9}
COLUMNS = 3
# So many ticks are too many for a panel.
MANY = 7
# Inches of a row of panels, and of the legend.
ROW, LEGEND = 1.6, 0.5


def growth(points: pd.DataFrame, exponents: pd.DataFrame) -> Figure:
    """A panel of time for each axis, then one of memory, a line for each measure.

    Args:
        points: DataFrame of ``running.run``.
        exponents: DataFrame of ``running.run``.

    Returns:
        matplotlib.figure.Figure, 7 inches wide.
    """
    looks = palette.recipe_looks(points["measure"])
    names = [name for name in NAMES if name in set(points["axis"])]
    measured = [name for name in QUANTITIES if points[name].notna().any()]
    panels = [(quantity, name) for quantity in measured for name in names]
    columns = min(COLUMNS, len(names))
    rows = -(-len(panels) // columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, ROW * rows + LEGEND), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).flat
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        for axes, (quantity, name) in zip(grid, panels, strict=False):
            _draw(axes, points[points["axis"] == name], exponents, quantity, looks)
            axes.set(xlabel=NAMES[name], ylabel=QUANTITIES[quantity])
        legend_below(figure, _legend(looks))
    return figure


def _draw(
    axes: Axes, points: pd.DataFrame, exponents: pd.DataFrame, quantity: str, looks: Any
) -> None:
    """Draw a panel, each line through what was measured and dotted what the arithmetic says."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    found = []
    for measure, part in points.groupby("measure", sort=False):
        by_value = part.groupby("value")
        line = by_value[quantity].median().clip(lower=SMALLEST[quantity])
        axes.plot(line.index, line, **looks[str(measure)])
        found += [line.min(), line.max()]
        power = _power(exponents, str(measure), part["axis"].iloc[0], quantity)
        x = by_value["x"].first()
        # Through the largest size: a line that lies above on the left grows less.
        expected = line.iloc[-1] * (x / x.iloc[-1]) ** power
        look = palette.styled(EXPECTED, color=looks[str(measure)]["color"])
        axes.plot(x.index, expected, **look)
    _ticks(axes, sorted(points["value"].unique()), min(found), max(found))


def _power(exponents: pd.DataFrame, measure: str, axis: str, quantity: str) -> float:
    """Exponent that a measure has by its arithmetic."""
    column = "time_expected" if quantity == "seconds" else "memory_expected"
    return float(exponents.set_index(["measure", "axis"]).loc[(measure, axis), column])  # pyright: ignore[reportArgumentType]: one number


def _ticks(axes: Axes, values: list[int], low: float, high: float) -> None:
    """Ticks at the sizes, and at round numbers within what was measured."""
    # The largest one always, and every second of many.
    axes.set_xticks(values[::-1][:: 1 + len(values) // MANY][::-1])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(low / 1.7, high * 1.7)
    subs = (1.0,) if np.log10(high / low) > 2 else (1.0, 2.0, 5.0)
    axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _legend(looks: Any) -> list[Artist]:
    """A handle for each measure, and one for what is expected."""
    titles = {name: name.replace("_", " ") for name in looks}
    lines = [Line2D([], [], label=titles[name], **look) for name, look in looks.items()]
    return [*lines, Line2D([], [], label="growth of the arithmetic", **EXPECTED)]
