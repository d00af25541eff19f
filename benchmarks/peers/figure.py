"""Time of each way beside that of this package, one panel for each task and network."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import legend_below
from hfc_keras.reporting.drawing.palette import BLACK, BLUE, GREY, VERMILLION, Look, styled
from hfc_keras.reporting.drawing.panels import PAGE
from hfc_keras.reporting.drawing.style import STYLE

# Inches of a way, and of what a panel has besides.
ROW, FRAME = 0.17, 0.34
OWN = "hfc_keras"
LOOKS: dict[str, Look] = {
    "hfc_keras": {"color": BLUE, "marker": "o"},
    "another way, comparable": {"color": VERMILLION, "marker": "D"},
    "another way, not comparable": {"color": GREY, "marker": "X"},
    "another way, nothing to compare": {"color": GREY, "marker": "s"},
}


def peers(table: pd.DataFrame) -> Figure:
    """Seconds of each way over those of hfc_keras, on a scale of factors.

    Args:
        table: DataFrame of ``running.run``. Ways that were not measured are left out.

    Returns:
        matplotlib.figure.Figure, 7 inches wide.
    """
    measured = table[table["seconds"].notna()]
    parts = list(measured.groupby(["task", "network"], sort=False))
    heights = [ROW * len(part) + FRAME for _, part in parts]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, sum(heights) + 0.75), layout="constrained")
        grid = figure.subplots(len(parts), 1, sharex=True, squeeze=False, height_ratios=heights)
        for axes, ((task, network), part) in zip(grid.flat, parts, strict=True):
            _draw(axes, part)
            axes.set_title(_title(str(task), str(network), part), loc="left")
        _factors(grid[-1, 0], measured)
        grid[-1, 0].set_xlabel("time of one call, that of hfc_keras = 1 (right of it: slower)")
        legend_below(figure, _legend(measured))
    return figure


def factors(part: pd.DataFrame) -> pd.Series:
    """Seconds of each row of a panel over those of its first, the reference."""
    return part["seconds"] / part["seconds"].iloc[0]


def _kind(row: pd.Series) -> str:
    """Which of the looks a row has."""
    own, same, other, unknown = LOOKS
    if str(row["way"]).startswith(OWN):
        return own
    if pd.isna(row["comparable"]):
        return unknown
    return same if row["comparable"] else other


def _draw(axes: Axes, part: pd.DataFrame) -> None:
    """Draw a panel, its first way on top, with the seconds on the right."""
    for place, (factor, (_, row)) in enumerate(zip(factors(part), part.iterrows(), strict=True)):
        look = LOOKS[_kind(row)]
        axes.plot([1, factor], [place, place], color=look["color"], lw=1.0, zorder=1)
        axes.plot(factor, place, **styled(look, markersize=4.5, linestyle=""))
        where = axes.get_yaxis_transform()
        axes.text(1.01, place, _seconds(row["seconds"]), transform=where, va="center", fontsize=7)
    axes.axvline(1, color=BLACK, lw=0.7, zorder=0)
    axes.set_yticks(range(len(part)), part["way"].tolist(), fontsize=7)
    axes.set_ylim(len(part) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")


def _title(task: str, network: str, part: pd.DataFrame) -> str:
    of = "" if network == "none" else f": {network}"
    return f"{task}{of} ({part['examples'].iloc[0]:,} images)"


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 0.1 else f"{1000 * value:.3g} ms"


def _factors(axes: Axes, measured: pd.DataFrame) -> None:
    """Scale of factors, with more ticks where it is short."""
    every = pd.concat([factors(part) for _, part in measured.groupby(["task", "network"])])
    low, high = min(0.8, every.min() / 1.15), max(1.25, every.max() * 1.15)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    subs = (1.0, 2.0, 5.0) if np.log10(high / low) > 1 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=20))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _legend(measured: pd.DataFrame) -> list[Artist]:
    """A handle for each look that occurs."""
    kinds = {_kind(row) for _, row in measured.iterrows()}
    return [
        Line2D([], [], **styled(look, linestyle="", label=name))
        for name, look in LOOKS.items()
        if name in kinds
    ]
