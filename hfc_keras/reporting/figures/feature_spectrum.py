"""Spectra of feature maps: the number at the Nyquist frequency, and curves of all layers."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.panels import PAGE
from hfc_keras.reporting.drawing.ring_panels import draw_nyquist
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import require_columns, unique_rows

KEYS = ["layer", "ring"]
VALUES = ["frequency", "log_amplitude"]
IMAGES = "images"
# From dark to light in gray print, without the end that white paper hides.
COLORS, LIGHTEST = "cividis", 0.8
# Names of layers that fit beside each other.
MOST_NAMES = 40


def high_frequency_table(table: pd.DataFrame) -> pd.DataFrame:
    r"""Log amplitude of each layer at the Nyquist frequency of its maps, relative to ring 0.

    Of maps of an odd side it is the ring below. This is the number that Park and Kim follow
    through the depth of a network.

    Args:
        table: DataFrame of ``analysis.feature_spectrum``, with the columns layer, ring, frequency,
            log_amplitude.

    Returns:
        DataFrame with the columns layer, frequency, log_amplitude, in the order of the table.

    Raises:
        ValueError: for a missing column, or a ring that stands twice.

    Example:
        >>> rows = {"layer": "conv0", "ring": [0, 1, 2, 3], "frequency": [0, 0.5, 1, 1.5],
        ...         "log_amplitude": [0, -1.0, -2.0, -3.0]}
        >>> high_frequency_table(pd.DataFrame(rows))["log_amplitude"].tolist()
        [-2.0]
    """
    require_columns(table, [*KEYS, *VALUES])
    unique_rows(table, KEYS)
    below = table[table["frequency"] <= 1]
    last = below.loc[below.groupby("layer", sort=False)["ring"].idxmax()]
    return last[["layer", *VALUES]].reset_index(drop=True)


def feature_spectrum_curves(table: pd.DataFrame) -> Figure:
    """Log amplitude by frequency, a line per layer, and at the Nyquist frequency over the depth.

    Args:
        table: DataFrame of ``analysis.feature_spectrum``; lines are colored in the order of its
            layers, the first ones dark, and the images are black and dashed. The vertical line is
            the Nyquist frequency, where the second panel is taken from.

    Returns:
        matplotlib.figure.Figure, 7 inches wide.

    Raises:
        ValueError: as ``high_frequency_table``.

    Reference:
        Park and Kim, How Do Vision Transformers Work?, ICLR 2022, Fig. 2.

    Example:
        >>> rows = {"layer": "conv0", "ring": [0, 1, 2, 3], "frequency": [0, 0.5, 1, 1.5],
        ...         "log_amplitude": [0, -1.0, -2.0, -3.0]}
        >>> figure = feature_spectrum_curves(pd.DataFrame(rows))
        >>> [label.get_text() for label in figure.axes[1].get_xticklabels()]
        ['conv0']
    """
    high = high_frequency_table(table)
    looks = _looks(high["layer"].tolist())
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 3.4), layout="constrained")
        curves, depth = figure.subplots(1, 2, width_ratios=(2, 3))
        draw_nyquist(curves, 1)
        for name, part in table.groupby("layer", sort=False):
            curves.plot(part["frequency"], part["log_amplitude"], **looks[str(name)])
        curves.set(
            xlabel="frequency (1: Nyquist frequency of the layer)",
            ylabel="log amplitude relative to ring 0",
        )
        curves.set_title("feature maps", pad=12)
        curves.legend(handles=_entries(list(high["layer"]), looks), loc="lower left")
        _draw_depth(depth, high, looks)
    return figure


def _entries(names: Sequence[str], looks: Mapping[str, palette.Look]) -> list[Line2D]:
    """Legend: the images, the first and the last layer, those that there are."""
    layers = [name for name in names if name != IMAGES]
    ends = {name: IMAGES for name in names if name == IMAGES}
    ends |= dict(zip(["first layer", "last layer"], layers[:1] + layers[1:][-1:], strict=False))
    return [Line2D([], [], label=label, **looks[name]) for label, name in ends.items()]


def _draw_depth(axes: Axes, high: pd.DataFrame, looks: dict[str, palette.Look]) -> None:
    """Points of the layers in their order, joined by a line."""
    places = np.arange(len(high))
    axes.plot(places, high["log_amplitude"], color=palette.LIGHT_GREY, lw=0.8, zorder=1)
    points: dict[str, Any] = {"marker": "o", "markersize": 4, "linestyle": "", "clip_on": False}
    for place, name, value in zip(places, high["layer"], high["log_amplitude"], strict=True):
        axes.plot([place], [value], **palette.styled(looks[str(name)], **points))
    often = -(-len(high) // MOST_NAMES)
    shown = places[::often]
    size = 7 if len(shown) <= 20 else 5
    axes.set_xticks(shown, high["layer"].iloc[shown], rotation=90, fontsize=size, parse_math=False)
    axes.grid(False, axis="x")
    axes.set_title("at the Nyquist frequency", pad=12)
    axes.set(xlabel="layer", xlim=(-0.6, len(high) - 0.4))


def _looks(names: Sequence[str]) -> dict[str, palette.Look]:
    """Colors from dark to light in the order of the layers; the images are black."""
    layers = [name for name in names if name != IMAGES]
    scale = matplotlib.colormaps[COLORS]
    shades = scale(np.linspace(0, LIGHTEST, max(2, len(layers))))
    looks: dict[str, palette.Look] = {
        name: {"color": to_hex(shade), "lw": 1.0}
        for name, shade in zip(layers, shades, strict=False)
    }
    return {IMAGES: {"color": palette.BLACK, "linestyle": "--", "lw": 1.3}, **looks}
