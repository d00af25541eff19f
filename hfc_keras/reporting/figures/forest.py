"""All claims together as a figure, of rows of ``ledger``."""

from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFT, CARETRIGHT
from matplotlib.patches import Patch

from hfc_keras import checks
from hfc_keras.reporting.claims.claim import NOT_MEASURED, VERDICTS, in_words
from hfc_keras.reporting.claims.sections import check_columns, claim_name
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.palette import BLACK, BLUE, GREY, VERMILLION, Look, styled
from hfc_keras.reporting.drawing.style import STYLE

# Told apart by color, by shape and by fill.
LOOKS: dict[str, Look] = {
    "supported": {"color": BLUE, "marker": "o"},
    "refuted": {"color": VERMILLION, "marker": "X"},
    "undecided": {"color": GREY, "marker": "D", "markerfacecolor": "white"},
}
SUPPORTING = "#d5e8f5"
# Inches.
ROW, FRAME, WIDTH = 0.19, 0.5, 7.0


def claims_forest(rows: pd.DataFrame, title: str = "") -> Figure:
    """Effect and interval of each claim beside the range that supports it, one panel per unit.

    Args:
        rows: DataFrame with the columns ``COLUMNS``; those that are not measured are left out.
            An interval that runs off its panel ends there in an arrowhead.
        title: str, stands above all, such as the paper that makes the claims; profile and data set
            follow where all claims have one, and stand beside each claim otherwise.

    Returns:
        matplotlib.figure.Figure, 7 inches wide.

    Raises:
        ValueError: for a column that is missing, or if nothing was measured.

    Example:
        >>> import math
        >>> import pandas as pd
        >>> from hfc_keras.reporting.claims.sections import COLUMNS
        >>> row = dict.fromkeys(COLUMNS, "x") | dict.fromkeys(["effect", "low", "high"], 0.25)
        >>> row |= dict.fromkeys(["image_low", "image_high"], math.nan)
        >>> row |= {"above": 0, "below": math.inf, "verdict": "supported"}
        >>> len(claims_forest(pd.DataFrame([row])).axes)
        1
    """
    check_columns(rows)
    rows = rows[rows["verdict"] != NOT_MEASURED]
    checks.require(len(rows), "`rows` must hold at least one claim that was measured", rows=0)
    places = {name: rows[name].unique().tolist() for name in ("profile", "dataset")}
    several = [name for name, values in places.items() if len(values) > 1]
    shared = [*([title] if title else []), *(v[0] for v in places.values() if len(v) == 1)]
    with matplotlib.rc_context(STYLE):
        figure, panels = panels_by_unit(rows, lambda part: ROW * len(part) + FRAME, above=0.7)
        for axes, part in panels:
            _draw(axes, part, several)
        handles = _legend(rows)
        figure.legend(handles=handles, loc="outside upper center", ncols=3, title=", ".join(shared))
    return figure


def panels_by_unit(
    rows: pd.DataFrame, height: Callable[[pd.DataFrame], float], above: float = 0.3
) -> tuple[Figure, list[tuple[Axes, pd.DataFrame]]]:
    """Figure with a panel for each unit, one below the other.

    Args:
        rows: DataFrame with the column unit.
        height: function from the rows of a panel to its height in inches.
        above: float, inches for what stands above all panels.

    Returns:
        (figure, list of (axes, rows)).
    """
    parts = dict(list(rows.groupby("unit", sort=False)))
    heights = [height(part) for part in parts.values()]
    figure = Figure(figsize=(WIDTH, sum(heights) + above), layout="constrained")
    grid = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights).ravel()
    for axes, unit in zip(grid, parts, strict=True):
        axes.set_xlabel(f"effect ({unit})")
    return figure, list(zip(grid, parts.values(), strict=True))


def _draw(axes: Axes, rows: pd.DataFrame, several: list[str]) -> None:
    """Draw a panel, its first claim on top."""
    places = np.arange(len(rows))
    left, right = limits_of(rows)
    for place, (_, row) in zip(places.tolist(), rows.iterrows(), strict=True):
        start, stop = np.clip([row["above"], row["below"]], left, right)
        axes.barh(place, stop - start, 0.8, start, color=SUPPORTING, lw=0)
        look, limits = LOOKS[row["verdict"]], (left, right)
        images = (row["image_low"], row["image_high"])
        draw_interval(axes, images, place + 0.25, limits, color=BLACK, lw=0.8, markersize=4)
        seeds = (row["low"], row["high"])
        draw_interval(axes, seeds, place, limits, color=look["color"], markersize=6)
        axes.plot(row["effect"], place, **styled(look, markersize=3.5, linestyle=""))
    axes.axvline(0, color=BLACK, lw=0.6)
    labels = [
        f"{', '.join([claim_name(row['id']), *row[several]])} ({row['item']})"
        for _, row in rows.iterrows()
    ]
    axes.set_yticks(places, labels, fontsize=7)
    axes.set(xlim=(left, right), ylim=(len(rows) - 0.5, -0.5))
    axes.grid(visible=False, axis="y")


def draw_interval(
    axes: Axes,
    interval: tuple[float, float],
    place: float,
    limits: tuple[float, float],
    markersize: float,
    **look: Any,
) -> None:
    """Draw an interval, with an arrowhead at each end that lies beyond the limits of the panel."""
    axes.plot(interval, [place, place], **look)
    (low, high), (left, right) = interval, limits
    for beyond, end, head in ((low < left, left, CARETLEFT), (high > right, right, CARETRIGHT)):
        if beyond:
            axes.plot(end, place, marker=head, markersize=markersize, clip_on=False, **look)


def limits_of(rows: pd.DataFrame) -> tuple[float, float]:
    """Range that holds the effects and the finite bounds, and intervals of about their size.

    A single interval is there as a whole.
    """
    bounds = rows[["above", "below"]].to_numpy("float64")
    values = np.concatenate([rows["effect"].dropna(), bounds[np.isfinite(bounds)], [0.0]])
    margin = 0.35 * (np.ptp(values) or 1.0)
    low, high = np.nanmin([*rows["low"], *values]), np.nanmax([*rows["high"], *values])
    if len(rows) == 1:
        space = 0.05 * (high - low or 1.0)
        return low - space, high + space
    left, right = values.min() - margin, values.max() + margin
    return max(left, low - 0.2 * margin), min(right, high + 0.2 * margin)


def _legend(rows: pd.DataFrame) -> list[Artist]:
    """A handle for each verdict that occurs, with how often, and for the two kinds of range."""
    counts = rows["verdict"].value_counts()
    profiles = set(rows["profile"])
    largest = profiles.pop() if len(profiles) == 1 else "several"
    handles: list[Artist] = [
        Line2D([], [], **LOOKS[name], label=f"{in_words(name, largest)} ({counts[name]})")
        for name in VERDICTS
        if name in counts
    ]
    handles.append(Patch(color=SUPPORTING, label="supports"))
    if rows["image_low"].notna().any():
        handles.append(Line2D([], [], color=BLACK, lw=0.8, label="over seeds and images"))
    return handles
