"""Spectra of classes as maps, and the frequencies that a model needs for each as a matrix."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hfc_keras import checks
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.panels import PAGE, label_outer
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import require_columns, unique_rows

KEYS = ["label", "row", "column"]
PAIRS = ["mask", "label"]
# Blue is less than other classes, red more; white is neither.
SIGNED, SHARES = "RdBu_r", "cividis"
MOST, ACROSS = 20, 5
# Classes up to which numbers fit into the cells of a matrix.
WRITTEN = 12


def class_spectra_maps(
    table: pd.DataFrame,
    labels: Sequence[int] | None = None,
    names: Mapping[int, str] | None = None,
    column: str = "adcs",
) -> Figure:
    """Maps of how the spectrum of each class differs from those of the others.

    Args:
        table: DataFrame of ``analysis.class_spectra``.
        labels: ints, classes to draw, or None for all, at most 20.
        names: dict from classes to names, or None.
        column: ``"adcs"`` or ``"log_ratio"``. Colors reach to the number of other classes, and to
            the largest ratio but for the one in a hundred that are more extreme.

    Returns:
        matplotlib.figure.Figure, up to 7 inches wide, the zero frequency in the middle.

    Raises:
        ValueError: for a missing column, a frequency that stands twice, a class that the table
            lacks, more than 20 classes, or another column.

    Reference:
        Wang et al., What do neural networks learn in image classification? A frequency shortcut
        perspective, ICCV 2023.

    Example:
        >>> rows = {"label": [0, 0, 1, 1], "row": 0, "column": [-1, 0, -1, 0],
        ...         "adcs": [1, -1, -1, 1], "log_ratio": [0.2, -0.1, -0.2, 0.1]}
        >>> class_spectra_maps(pd.DataFrame(rows), names={0: "cat"}).axes[0].get_title()
        'cat'
    """
    checks.choice("column", column, ("adcs", "log_ratio"))
    require_columns(table, [*KEYS, column])
    unique_rows(table, KEYS)
    known = sorted(table["label"].unique().tolist())
    chosen = known if labels is None else [checks.choice("labels", each, known) for each in labels]
    checks.require(
        0 < len(chosen) <= MOST,
        f"`labels` must name at most {MOST} classes, and at least one",
        classes=len(chosen),
    )
    parts = {label: table[table["label"] == label] for label in chosen}
    maps = [each.pivot(index="row", columns="column", values=column) for each in parts.values()]
    extreme = np.nanquantile(abs(table[column]), 0.99) if column == "log_ratio" else len(known) - 1
    limit = float(extreme) if extreme > 0 else 1.0
    across = min(ACROSS, len(chosen))
    rows = -(-len(chosen) // across)
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        size = ((PAGE - 0.9) * across / ACROSS + 0.9, 1.4 * rows + 0.35)
        figure = Figure(figsize=size, layout="compressed")
        grid = list(figure.subplots(rows, across, sharex=True, sharey=True, squeeze=False).flat)
        for axes in grid[len(chosen) :]:
            axes.set_axis_off()
        drawn = None
        for axes, label, picture in zip(grid, chosen, maps, strict=False):
            x, y = picture.columns.to_numpy(), picture.index.to_numpy()
            extent = x[0] - 0.5, x[-1] + 0.5, y[0] - 0.5, y[-1] + 0.5
            colors = {"cmap": SIGNED, "vmin": -limit, "vmax": limit}
            drawn = axes.imshow(picture, origin="lower", extent=extent, **colors)
            axes.set_title(_name(label, names), parse_math=False)
        label_outer(grid[: len(chosen)], "columns", "rows (cycles)")
        text = {"adcs": "classes with less minus with more", "log_ratio": "log of the ratio"}
        if drawn is not None:
            figure.colorbar(drawn, ax=grid, label=text[column], fraction=0.05, pad=0.02)
    return figure


def shortcut_matrix(table: pd.DataFrame, names: Mapping[int, str] | None = None) -> Figure:
    """How often images of each class are answered as one whose few frequencies alone are kept.

    Args:
        table: DataFrame of ``analysis.frequency_shortcuts``. Rows are the masks, with the share
            of the frequencies in each; the diagonal is the true-positive rate, and what is bright
            beside it are false positives. Classes without a mask are blank.
        names: dict from classes to names, or None.

    Returns:
        matplotlib.figure.Figure, up to 7 inches wide.

    Raises:
        ValueError: for a missing column, or a pair of classes that stands twice or is missing.

    Reference:
        Wang et al., What do neural networks learn in image classification? A frequency shortcut
        perspective, ICCV 2023.

    Example:
        >>> rows = {"mask": [0, 0, 1, 1], "label": [0, 1, 0, 1], "share": [0.1, 0.1, 0.5, 0.5],
        ...         "answered": [0.9, 0.8, 0.0, 0.9]}
        >>> axes = shortcut_matrix(pd.DataFrame(rows)).axes[0]
        >>> [label.get_text() for label in axes.get_yticklabels()]
        ['0 (10 %)', '1 (50 %)']
    """
    require_columns(table, [*PAIRS, "share", "answered"])
    unique_rows(table, PAIRS)
    matrix = table.pivot(index="mask", columns="label", values="answered")
    complete = len(table) == matrix.size and matrix.index.equals(matrix.columns.rename("mask"))
    checks.require(
        complete, "`table` must hold each pair of classes", rows=len(table), cells=matrix.size
    )
    shares = table.groupby("mask")["share"].first()
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        side = min(PAGE - 1.0, 1.6 + 0.33 * len(matrix))
        figure = Figure(figsize=(side + 1.0, side), layout="constrained")
        axes = figure.subplots()
        drawn = axes.imshow(matrix, cmap=SHARES, vmin=0, vmax=1, aspect="auto")
        places = range(len(matrix))
        labels = [_name(label, names) for label in sorted(set(table["label"]))]
        axes.set_xticks(places, labels, rotation=90, parse_math=False)
        rows = [
            f"{label} ({_percent(shares[own])})"
            for label, own in zip(labels, matrix.index, strict=True)
        ]
        axes.set_yticks(places, rows, parse_math=False)
        if len(matrix) <= WRITTEN:
            _write(axes, matrix.to_numpy())
        axes.set(xlabel="class of the images", ylabel="frequencies of (share of all)")
        figure.colorbar(drawn, ax=axes, label="answered as that class", fraction=0.05, pad=0.02)
    return figure


def _write(axes: Axes, values: np.ndarray) -> None:
    """Write the numbers into the cells of a matrix."""
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            color = "black" if value > 0.5 else "white"
            text = f"{value:.2f}".removeprefix("0")
            axes.text(column, row, text, ha="center", va="center", fontsize=6, color=color)


def _name(label: Any, names: Mapping[int, str] | None) -> str:
    return (names or {}).get(label, str(label))


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if np.isfinite(share) else "no mask"
