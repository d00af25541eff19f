"""Power of the filters of a kernel by frequency."""

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.legends import fitted
from hfc_keras.reporting.drawing.panels import panel_grid
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import measured_once, require_columns, unique_rows

# Inches of a panel.
WIDTH = 3.4
KEYS = ["recipe", "filter", "frequency"]


def kernel_spectra(table: pd.DataFrame) -> Figure:
    """Power of each filter by frequency, thin, and the mean of all, one panel per model.

    Args:
        table: DataFrame with the columns filter, frequency (cycles per pixel), relative_power (1
            is white); with a column model (or recipe) it is of several.

    Returns:
        matplotlib.figure.Figure, up to 7 inches wide.

    Raises:
        ValueError: for a missing column, or a frequency that stands twice.

    Example:
        >>> rows = {"filter": 0, "frequency": [0, 0.5], "relative_power": [2.0, 0.5]}
        >>> kernel_spectra(pd.DataFrame(rows)).axes[0].get_xlabel()
        'frequency (cycles per pixel)'
    """
    table = measured_once(table)
    require_columns(table, [*KEYS, "relative_power"])
    unique_rows(table, KEYS)
    models = dict(list(table.groupby("recipe", sort=False)))
    with matplotlib.rc_context(STYLE):
        figure, panels = panel_grid(len(models), [], columns=2, width=WIDTH, below=True)
        for axes, (name, part) in zip(panels, models.items(), strict=True):
            wide = part.pivot(index="frequency", columns="filter", values="relative_power")
            axes.plot(wide.index, wide, color=palette.SKY, lw=0.5, alpha=0.7)
            axes.plot(wide.index, wide.mean(axis=1), color=palette.BLUE, lw=2, label="mean")
            axes.axhline(1, color=palette.LIGHT_GREY, linestyle="--", lw=1, label="white")
            axes.set_title(fitted(str(name), WIDTH - 0.4) if len(models) > 1 else "")
            axes.set_xlabel("frequency (cycles per pixel)")
            axes.tick_params(labelbottom=True)
            axes.legend()
        # After the last curve, since the panels share the axis.
        panels[0].set(ylabel="power, 1 is white", ylim=(0, None))
    return figure
