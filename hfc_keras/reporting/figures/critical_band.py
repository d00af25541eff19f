"""The critical band of one model: accuracy under noise by octave, and the channel."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import legend_below
from hfc_keras.reporting.drawing.panels import PAGE, REFERENCE_LOOK, accuracy_top
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import require_columns, unique_rows

KEYS = ["center", "noise"]
CHANNEL = ["channel_center", "channel_bandwidth", "channel_peak"]
VALUES = ["accuracy", "criterion", "sensitivity", *CHANNEL]
# Center in cycles per image and bandwidth in octaves of people, Subramanian et al. 2023.
PEOPLE = 39.6, 1.0
FREQUENCY = "center of the noise (cycles per image)"
COLORS, LIGHTEST = "cividis", 0.88
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
FIT: palette.Look = {"color": palette.BLUE, "lw": 1.3}


def critical_band_curves(table: pd.DataFrame) -> Figure:
    """Accuracy against noise for each octave, and sensitivity by octave with the fitted channel.

    Args:
        table: DataFrame of ``analysis.critical_band``. The dash-dotted line of the first panel is
            the criterion; curves begin at the accuracy without noise. In the second panel the
            channel is dotted beyond the centers, and people's center is a gray line in a gray
            octave, their bandwidth.

    Returns:
        matplotlib.figure.Figure, 7 inches wide.

    Raises:
        ValueError: for a missing column, a measurement that stands twice, or a table without noise.

    Reference:
        Subramanian et al., Spatial-frequency channels, shape bias, and adversarial robustness,
        NeurIPS 2023.

    Example:
        >>> nan = float("nan")
        >>> rows = {"center": [nan, 2.0], "noise": [0, 0.1], "accuracy": [0.9, 0.4],
        ...         "criterion": 0.5, "sensitivity": [nan, 0.3], "channel_center": nan,
        ...         "channel_bandwidth": nan, "channel_peak": nan}
        >>> critical_band_curves(pd.DataFrame(rows)).axes[1].get_title()
        'the channel is not known'
    """
    require_columns(table, [*KEYS, *VALUES])
    unique_rows(table, KEYS)
    noisy = table[table["center"].notna()]
    checks.require(len(noisy), "`table` must hold a measurement with noise", rows=len(table))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 3.2), layout="constrained")
        curves, channel = figure.subplots(1, 2)
        lines = _draw_curves(curves, table, noisy)
        lines += _draw_channel(channel, noisy)
        legend_below(figure, lines)
    return figure


def _draw_curves(axes: Axes, table: pd.DataFrame, noisy: pd.DataFrame) -> list[Line2D]:
    """Accuracy against noise, a line for each center; return the entries of the legend."""
    clean = table[table["center"].isna()][["noise", "accuracy"]]
    centers = sorted(noisy["center"].unique())
    shades = matplotlib.colormaps[COLORS](np.linspace(0, LIGHTEST, max(2, len(centers))))
    entries = []
    for index, (center, part) in enumerate(noisy.groupby("center")):
        curve = pd.concat([clean, part[["noise", "accuracy"]]]).sort_values("noise")
        marker = MARKERS[index % len(MARKERS)]
        label = f"{float(str(center)):.3g}"
        (line,) = axes.plot(
            curve["noise"], curve["accuracy"], color=shades[index], marker=marker, label=label
        )
        entries.append(line)
    criterion = axes.axhline(
        table["criterion"].iloc[0], label="criterion", zorder=1, **REFERENCE_LOOK
    )
    axes.set_ylim(0, accuracy_top(table["accuracy"]))
    axes.set(
        title="accuracy by center (cycles per image)", xlabel="rms of the noise", ylabel="accuracy"
    )
    return [*entries, criterion]


def _draw_channel(axes: Axes, noisy: pd.DataFrame) -> list[Line2D]:
    """Sensitivity by center, the channel and people's; return the entries of the legend."""
    points = noisy.drop_duplicates("center").sort_values("center")
    center, bandwidth, peak = (float(noisy[name].iloc[0]) for name in CHANNEL)
    human, octaves = PEOPLE
    limits = human * 2 ** (-octaves / 2), human * 2 ** (octaves / 2)
    axes.axvspan(*limits, color=palette.LIGHT_GREY, alpha=0.25, lw=0, zorder=0)
    people = axes.axvline(human, color=palette.GREY, lw=1.0, zorder=1, label="people")
    (measured,) = axes.plot(
        points["center"], points["sensitivity"], color="black", marker="o", ls="", label="measured"
    )
    axes.set_xscale("log", base=2)
    lowest, highest = min(points["center"]) / 1.4, max(limits[1], max(points["center"]) * 1.4)
    entries, title = [measured, people], "the channel is not known"
    if np.isfinite(bandwidth):
        spread = bandwidth / (2 * np.sqrt(2 * np.log(2)))
        x = np.geomspace(lowest, highest, 200)
        fit = peak * np.exp(-(np.log2(x / center) ** 2) / (2 * spread**2))
        within = (x >= points["center"].min()) & (x <= points["center"].max())
        axes.plot(x, fit, **{**FIT, "linestyle": ":"})
        entries += axes.plot(x[within], fit[within], label="channel", **FIT)
        title = f"channel: {bandwidth:.2f} octaves at {center:.3g} cycles per image"
    elif np.isfinite(center):
        title = f"channel at {center:.3g} cycles per image, bandwidth not known"
    axes.set_xlim(lowest, highest)
    axes.set_ylim(bottom=0)
    ticks = [2.0**power for power in range(-2, 10) if lowest <= 2.0**power <= highest]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set(title=title, xlabel=FREQUENCY, ylabel="sensitivity (octaves of noise)")
    return entries
