"""Share of answers that agree after shifts."""

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.panels import draw_curve, panel_grid
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import measured_once, require_columns, unique_rows

KEYS = ["recipe", "seed", "max_shift"]


def shift_curves(table: pd.DataFrame) -> Figure:
    """Share of images whose answers agree after two shifts, against the largest shift.

    Args:
        table: DataFrame with the columns max_shift (pixels) and consistency, numbers of
            ``analysis.shift_consistency``; with a column model (or recipe and seed) it is of
            several.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: for a missing column, or a shift that stands twice.

    Example:
        >>> rows = {"max_shift": [1, 2], "consistency": [0.9, 0.8]}
        >>> shift_curves(pd.DataFrame(rows)).axes[0].get_xlabel()
        'largest shift (pixels)'
    """
    table = measured_once(table)
    require_columns(table, [*KEYS, "consistency"])
    unique_rows(table, KEYS)
    looks = palette.recipe_looks(table["recipe"])
    with matplotlib.rc_context(STYLE):
        handles = [Line2D([], [], label=name, **look) for name, look in looks.items()]
        figure, (axes,) = panel_grid(1, handles, width=3.4, below=True)
        for recipe, look in looks.items():
            own = table[table["recipe"] == recipe]
            draw_curve(axes, own, "max_shift", look, "consistency")
        shifts = sorted(table["max_shift"].unique())
        axes.set_xticks(shifts, [f"{shift:g}" for shift in shifts])
        axes.set(xlabel="largest shift (pixels)", ylabel="answers that agree", ylim=(0, 1.02))
    return figure
