"""Figures that a paper could print."""

import io
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from hfc_keras import files
from hfc_keras.reporting.tables import column_name

# Okabe and Ito's colours, told apart by colour-blind readers, from low radius to high.
RADIUS_COLORS = ("#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9")
STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 3,
    "legend.frameon": False,
    "svg.hashsalt": "hfc_keras",
}


def frequency_panels(table, titles=None):
    """Accuracy against epoch, a panel a recipe: train, test, low and high components.

    Args:
        table: DataFrame with the columns recipe, seed, epoch, split, component, radius,
            bn_statistics, accuracy. Lines are means over seeds, bands their range.
        titles: dict from the headings of ``tables.column_name`` to panel titles, or None.

    Returns:
        matplotlib.figure.Figure.

    Reference:
        Fig. 5 of Wang et al., CVPR 2020.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "vanilla", "seed": 0, "epoch": [1, 2], "split": "test",
        ...         "component": "low", "radius": 4.0, "bn_statistics": "none",
        ...         "accuracy": [0.2, 0.4]}
        >>> len(frequency_panels(pd.DataFrame(rows)).axes)
        1
    """
    panels = _panels(table)
    with matplotlib.rc_context(STYLE):
        columns = min(3, len(panels))
        rows = -(-len(panels) // columns)
        free = rows * columns > len(panels)
        width = 2.3 * columns + (0 if free else 1.1)
        figure = Figure(figsize=(width, 1.95 * rows + 0.2), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, (heading, part) in zip(grid.flat, panels.items(), strict=False):
            axes.set_title((titles or {}).get(heading, heading))
            _draw_panel(axes, part, sorted(table["radius"].dropna().unique()))
        _label(grid, len(panels))
        handles = _legend(table)
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        if free:
            grid.flat[len(panels)].legend(handles=handles, loc="center left")
        else:
            figure.legend(handles=handles, loc="outside right center")
    return figure


def save_figure(figure, path):
    """Write a figure as PNG (200 dots an inch) and SVG, each file whole.

    Args:
        figure: matplotlib.figure.Figure.
        path: str or Path without suffix.

    Returns:
        List of the two Paths.

    Raises:
        ValueError: if they cannot be written.

    Example:
        >>> import tempfile
        >>> paths = save_figure(Figure(), Path(tempfile.mkdtemp()) / "empty")
        >>> [path.suffix for path in paths]
        ['.png', '.svg']
    """
    paths = []
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        buffer = io.BytesIO()
        with matplotlib.rc_context(STYLE):
            figure.savefig(buffer, format=suffix[1:], dpi=200, metadata=metadata)
        paths.append(files.write_whole(Path(f"{path}{suffix}"), buffer.getvalue()))
    return paths


def _panels(table):
    """Rows of each panel; training rows join every panel of their recipe."""
    tested = table[table["split"] == "test"]
    pairs = tested[["recipe", "bn_statistics"]].drop_duplicates().itertuples(index=False)
    panels = {}
    for recipe, statistics in pairs:
        own = table["recipe"] == recipe
        shown = (table["split"] == "train") | (table["bn_statistics"] == statistics)
        panels[column_name(recipe, statistics)] = table[own & shown]
    return panels


def _draw_panel(axes, table, radii):
    curves = table.groupby(["split", "component", "radius"], dropna=False, sort=True)
    for (split, component, radius), part in curves:
        by_epoch = part.groupby("epoch")["accuracy"].agg(["mean", "min", "max"])
        line = _line(split, component, radius, radii)
        axes.plot(by_epoch.index, by_epoch["mean"], **line)
        axes.fill_between(
            by_epoch.index, by_epoch["min"], by_epoch["max"], color=line["color"], alpha=0.15, lw=0
        )
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _line(split, component, radius, radii):
    """Look of a curve: black for original images, a colour a radius, dotted for high."""
    if component == "original":
        return {"color": "black", "linestyle": "--" if split == "train" else "-"}
    color = RADIUS_COLORS[int(np.searchsorted(radii, radius)) % len(RADIUS_COLORS)]
    high = component == "high"
    return {"color": color, "linestyle": ":" if high else "-", "marker": "^" if high else "o"}


def _label(grid, count):
    for index, axes in enumerate(grid.flat):
        if index >= count:
            continue
        if index % grid.shape[1] == 0:
            axes.set_ylabel("accuracy")
        if index + grid.shape[1] >= count:
            axes.set_xlabel("epoch")
            axes.tick_params(labelbottom=True)


def _legend(table):
    radii = sorted(table["radius"].dropna().unique())
    entries = [("train", "train", "original", np.nan), ("test", "test", "original", np.nan)]
    entries += [(f"low, r = {radius:g}", "test", "low", radius) for radius in radii]
    entries += [(f"high, r = {radius:g}", "test", "high", radius) for radius in radii]
    return [Line2D([], [], label=label, **_line(*curve, radii)) for label, *curve in entries]
