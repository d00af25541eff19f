"""Panels and the curves in them, drawn alike in all figures."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hfc_keras import checks
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import (
    fit_labels,
    legend_below,
    legend_lines,
    legend_width,
)
from hfc_keras.reporting.drawing.palette import BLACK, LIGHT_GREY, Look
from hfc_keras.types import ArrayLike, Floats

# Inches: the text of a page, one of its two columns, and one of three panels side by side.
PAGE, COLUMN, PANEL = 7.0, 3.3, 2.3
RADIUS = "radius (cycles per image)"
# Above the grid, which would hide a line in its place, and below what is drawn.
ABOVE_GRID = 1.6
CHANCE_LOOK: Look = {"color": LIGHT_GREY, "linestyle": "-", "lw": 0.8}
# Of shares on a root scale.
ROOT_TICKS = (0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1)
REFERENCE_LOOK: Look = {"color": BLACK, "linestyle": "-.", "lw": 1.0}


def panel_grid(
    count: int,
    handles: Sequence[Artist],
    columns: int = 3,
    width: float = PANEL,
    sharex: bool = True,
    below: bool = False,
) -> tuple[Figure, list[Axes]]:
    """Return a figure of equal panels that share the vertical axis, with its legend.

    The legend takes a place that the panels leave free if it fits in; otherwise it stands on the
    right where the page has room, and below elsewhere.

    Args:
        count: int, at least 1, how many panels; in as few columns as their rows need.
        handles: list of matplotlib artists with labels, the entries of the legend.
        columns: int, at most how many panels side by side.
        width: float, inches of a panel.
        sharex: bool, whether the panels share the horizontal axis.
        below: bool, whether the legend stands below in any case, so that the figure is narrow.

    Returns:
        ``(figure, axes)``, axes a list of ``count`` panels, row by row.

    Example:
        >>> from matplotlib.lines import Line2D
        >>> figure, axes = panel_grid(5, [Line2D([], [], label="train")])
        >>> len(axes), axes[4].get_gridspec().get_geometry()
        (5, (2, 3))
    """
    rows = -(-count // columns)
    columns = -(-count // rows)
    across, entry = columns * width, legend_width(handles)
    free = rows * columns - count
    inside = free > 0 and entry * (1 + (len(handles) > 10)) <= free * width
    beside = not (inside or below) and across + entry <= PAGE
    below = bool(handles) and not (inside or beside)
    if below:
        fit_labels(handles, across)
    lines = legend_lines(handles, across) if below else 0
    size = (across + entry * beside, 1.95 * rows + 0.2 + 0.17 * lines)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, sharex=sharex, sharey=True, squeeze=False).flat
    for axes in grid[count:]:
        axes.set_axis_off()
    if inside and handles:
        ncols = 1 + (len(handles) > 10)
        legend = grid[count].legend(handles=handles, loc="center left", ncols=ncols)
        legend.set_in_layout(False)
    elif beside:
        figure.legend(handles=handles, loc="outside right center")
    elif below:
        legend_below(figure, handles)
    return figure, list(grid[:count])


def label_outer(axes: Sequence[Axes], horizontal: str, vertical: str) -> None:
    """Name the axes of panels: vertical in the first column, horizontal below each column.

    Args:
        axes: list of matplotlib axes as ``panel_grid`` returns them.
        horizontal: str, name and unit of the horizontal axis.
        vertical: str, name and unit of the vertical axis.

    Example:
        >>> _, axes = panel_grid(5, [])
        >>> label_outer(axes, "epoch", "accuracy")
        >>> [one.get_xlabel() for one in axes]
        ['', '', 'epoch', 'epoch', 'epoch']
    """
    grid = axes[0].get_gridspec()
    if grid is None:
        checks.require(False, "`axes` must be panels of `panel_grid`", axes=axes)
    columns = grid.ncols
    for index, one in enumerate(axes):
        if index % columns == 0:
            one.set_ylabel(vertical)
        if index + columns >= len(axes):
            one.set_xlabel(horizontal)
            one.tick_params(labelbottom=True)


def draw_curve(
    axes: Axes, table: pd.DataFrame, column: str, look: Look, value: str = "accuracy"
) -> None:
    """Draw the mean over seeds as a line and their range as a band.

    Args:
        axes: matplotlib axes.
        table: DataFrame with ``column`` and ``value``, rows of one curve.
        column: str, what stands on the horizontal axis.
        look: dict of the line's properties, with its color.
        value: str, the column that is drawn.

    Example:
        >>> import pandas as pd
        >>> axes = Figure().subplots()
        >>> rows = pd.DataFrame({"epoch": [1, 1], "accuracy": [0.2, 0.4]})
        >>> draw_curve(axes, rows, "epoch", {"color": "black"})
        >>> round(float(axes.lines[0].get_ydata()[0]), 3)
        0.3
    """
    spread = table.groupby(column)[value].agg(["mean", "min", "max"])
    axes.plot(spread.index, spread["mean"], **look)
    band = {"color": look["color"], "alpha": 0.15, "lw": 0}
    axes.fill_between(spread.index, spread["min"], spread["max"], **band)


def draw_levels(axes: Axes, levels: Mapping[str, float | None], vertical: bool = False) -> None:
    """Draw a line across a panel per level: chance thin and gray, others black and dash-dotted.

    Args:
        axes: matplotlib axes.
        levels: dict from labels to accuracies; those that are None are left out.
        vertical: bool, whether accuracies stand on the horizontal axis.

    Example:
        >>> axes = Figure().subplots()
        >>> draw_levels(axes, {"chance": 0.1, "originals": None})
        >>> [line.get_label() for line in axes.lines]
        ['chance']
    """
    for label, level in levels.items():
        if level is not None:
            look = CHANCE_LOOK if label == "chance" else REFERENCE_LOOK
            line = axes.axvline if vertical else axes.axhline
            line(level, label=label, zorder=ABOVE_GRID, **look)


def epoch_axis(axes: Axes) -> None:
    """Put few ticks on an axis of epochs, at whole ones.

    Args:
        axes: matplotlib axes.

    Example:
        >>> axes = Figure().subplots()
        >>> _ = axes.plot([1, 36], [0, 1])
        >>> epoch_axis(axes)
        >>> len(axes.get_xticks()) <= 8
        True
    """
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def radius_axis(axes: Axes, radii: Iterable[float]) -> None:
    """Put a tick at each radius and nowhere else.

    Args:
        axes: matplotlib axes.
        radii: iterable of floats, cycles per image; one may come more than once.

    Example:
        >>> axes = Figure().subplots()
        >>> radius_axis(axes, [3.5, 7.0, 3.5])
        >>> [label.get_text() for label in axes.get_xticklabels()]
        ['3.5', '7']
    """
    radii = sorted(set(radii))
    axes.set_xticks(radii, [f"{radius:g}" for radius in radii])


def root_axis(
    axes: Axes, top: float, which: Literal["x", "y"] = "y", ticks: Iterable[float] = ROOT_TICKS
) -> None:
    r"""Give an axis of shares the scale :math:`\sqrt{x}`, on which small ones can be told apart.

    Args:
        axes: matplotlib axes.
        top: float above 0, where the axis ends. It begins a little below zero, so that markers
            there stay whole.
        which: ``"x"`` or ``"y"``.
        ticks: floats; those beyond the end are left out.

    Example:
        >>> axes = Figure().subplots()
        >>> root_axis(axes, 0.25)
        >>> [label.get_text() for label in axes.get_yticklabels()]
        ['0', '0.01', '0.05', '0.1', '0.2']
    """
    getattr(axes, f"set_{which}scale")("function", functions=(_signed_root, _signed_square))
    shown = [tick for tick in ticks if tick <= top]
    getattr(axes, f"set_{which}ticks")(shown, [f"{tick:g}" for tick in shown])
    getattr(axes, f"set_{which}lim")(-0.002 * top, top)


def _signed_root(values: ArrayLike) -> Floats:
    return np.sign(values) * np.sqrt(np.abs(values))


def _signed_square(values: ArrayLike) -> Floats:
    return np.sign(values) * np.square(values)


def accuracy_top(values: pd.Series, chance: float | None = None) -> float:
    """Upper end of an axis of accuracy that begins at zero.

    Args:
        values: Series of accuracies, what is drawn.
        chance: float or None, drawn as well.

    Returns:
        float, a little above the largest of them, at most 1.02.

    Example:
        >>> import pandas as pd
        >>> accuracy_top(pd.Series([0.2, 0.5]))
        0.54
    """
    top = max(float(values.max()), chance or 0)
    return min(1.08 * top, 1.02) if top > 0 else 1.02
