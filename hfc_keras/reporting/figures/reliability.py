"""Accuracy against confidence."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.panels import panel_grid
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import measured_once, require_columns

# Area of the point of a bin that holds all images.
LARGEST = 120


def reliability_diagram(table: pd.DataFrame) -> Figure:
    """Accuracy of the images in bins of confidence; the area of a point is the share of images.

    Args:
        table: DataFrame with a row per bin and the columns confidence, accuracy (means), examples;
            with a column model (or recipe) it is of several.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: for a missing column.

    Example:
        >>> rows = {"confidence": [0.5, 0.9], "accuracy": [0.4, 0.8], "examples": [10, 30]}
        >>> reliability_diagram(pd.DataFrame(rows)).axes[0].get_xlabel()
        'confidence'
    """
    table = measured_once(table)
    require_columns(table, ["recipe", "confidence", "accuracy", "examples"])
    looks = palette.recipe_looks(table["recipe"])
    diagonal: palette.Look = {"color": palette.LIGHT_GREY, "linestyle": "--", "lw": 1.0}
    with matplotlib.rc_context(STYLE):
        handles = [Line2D([], [], label=name, **look) for name, look in looks.items()]
        handles.append(Line2D([], [], label="as sure as right", **diagonal))
        figure, (axes,) = panel_grid(1, handles, width=3.4, below=True)
        axes.plot([0, 1], [0, 1], zorder=1, **diagonal)
        for name, part in table.groupby("recipe", sort=False):
            look = looks[str(name)]
            area = LARGEST * part["examples"] / part["examples"].sum()
            axes.plot(part["confidence"], part["accuracy"], color=look["color"], lw=1)
            axes.scatter(
                part["confidence"],
                part["accuracy"],
                s=np.maximum(area, 6),
                color=look["color"],
                marker=look.get("marker"),
            )
        axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(-0.02, 1.02))
    return figure
