"""Shapley values of rings of frequencies, as bars."""

import matplotlib
import pandas as pd
from matplotlib.ticker import MaxNLocator

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import require_columns, unique_rows

KEYS = ["ring"]
VALUES = ["rings", "importance", "std_error", "full", "none", "value"]


def importance_bars(table: pd.DataFrame) -> Figure:
    """Shapley value of each ring or group of rings, with its standard error.

    Args:
        table: DataFrame of ``analysis.spectral_importance``. Bars are as wide as their rings, and
            their height is the value of a group, not of a ring in it; those below zero, rings that
            do harm, are hatched.

    Returns:
        matplotlib.figure.Figure, 4.6 inches wide.

    Raises:
        ValueError: for a missing column or a ring that stands twice.

    Reference:
        Chen, Ren and Yan, Rethinking and Improving Robustness of Convolutional Neural Networks:
        a Shapley Value-based Approach in Frequency Domain, NeurIPS 2022.

    Example:
        >>> rows = {"ring": [1, 2], "rings": 1, "importance": [0.5, 0.3], "std_error": 0.01,
        ...         "full": 0.9, "none": 0.1, "value": "accuracy"}
        >>> importance_bars(pd.DataFrame(rows)).axes[0].get_title()
        'accuracy: 0.1 without any ring, 0.9 with all'
    """
    require_columns(table, [*KEYS, *VALUES])
    unique_rows(table, KEYS)
    table = table.sort_values("ring")
    value, full, none = (table[name].iloc[0] for name in ("value", "full", "none"))
    middles = (table["ring"] + (table["rings"] - 1) / 2).to_numpy()
    heights, errors = table["importance"].to_numpy(), table["std_error"].fillna(0).to_numpy()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 2.8), layout="constrained")
        axes = figure.subplots()
        widths = table["rings"].to_numpy() - 0.15
        harm = heights < 0
        for own, color, hatch in (
            (~harm, palette.BLUE, None),
            (harm, palette.VERMILLION, "////"),
        ):
            bars = middles[own], heights[own], widths[own]
            axes.bar(*bars, color=color, hatch=hatch, zorder=2)
        axes.errorbar(middles, heights, errors, ls="", color="black", elinewidth=0.8, zorder=3)
        axes.axhline(0, color="black", lw=0.8, zorder=3)
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        axes.grid(False, axis="x")
        axes.set(
            xlabel="ring (cycles per image)",
            ylabel=f"Shapley value ({value})",
            title=f"{value}: {none:.3g} without any ring, {full:.3g} with all",
        )
    return figure
