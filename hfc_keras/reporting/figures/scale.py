"""Claims at several scales: how verdict and effect go with the scale, and a figure of both.

Rows are those of ``verdicts.judge`` with the column rung, the profile (or ``given networks``),
from the smallest scale to the largest.
"""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hfc_keras import checks
from hfc_keras.reporting.claims.sections import claim_name
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.palette import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    Look,
    Stroke,
    styled,
)
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.figures.forest import SUPPORTING, draw_interval, limits_of, panels_by_unit
from hfc_keras.reporting.rows import require_columns

COLUMNS = "id rung unit above below effect low high against verdict".split()
LOOKS: tuple[Look, ...] = (
    {"color": BLUE, "marker": "o"},
    {"color": ORANGE, "marker": "s"},
    {"color": GREEN, "marker": "^"},
    {"color": VERMILLION, "marker": "v"},
    {"color": GREY, "marker": "D"},
)
FILLS: dict[str, Stroke] = {
    "supported": {},
    "undecided": {"markerfacecolor": "white"},
    "refuted": {},
}
DECIDED = ("supported", "refuted")
# Inches.
ROW, FRAME = 0.13, 0.55


def courses(rows: pd.DataFrame) -> pd.DataFrame:
    """How each claim goes with the scale, in two words.

    Verdicts: ``stable`` or ``undecided`` (at every scale), ``flips`` (supported at one scale and
    refuted at another), ``settles`` (undecided at the smallest, decided at the largest),
    ``unsettles`` (the reverse) or ``varies``.
    Effects, where the intervals at the smallest and the largest scale have no number in common:
    ``grows`` (further within the range that supports, or nearer to it) or ``shrinks``; else
    ``overlap``, or ``no interval`` where one is missing; ``other rival`` where the two are against
    different ones.

    Args:
        rows: DataFrame with the columns ``COLUMNS``.

    Returns:
        DataFrame by id with the columns verdicts and effects; ``one scale`` where there is one.

    Raises:
        ValueError: for a column that is missing.

    Example:
        >>> import math
        >>> rows = {"id": "a", "rung": ["quick", "full"], "unit": "accuracy", "above": 0,
        ...         "below": math.inf, "effect": [0.1, 0.4], "low": [-0.1, 0.35],
        ...         "high": [0.3, 0.45], "against": "", "verdict": ["undecided", "supported"]}
        >>> courses(pd.DataFrame(rows)).loc["a"].tolist()
        ['settles', 'grows']
    """
    require_columns(rows, COLUMNS)
    found = {}
    for name, part in rows.groupby("id", sort=False):
        one = ("one scale", "one scale")
        found[name] = (_verdicts(list(part["verdict"])), _effects(part)) if len(part) > 1 else one
    return pd.DataFrame.from_dict(found, orient="index", columns=["verdicts", "effects"])


def _verdicts(verdicts: Sequence[str]) -> str:
    if len(set(verdicts)) == 1:
        return "stable" if verdicts[0] in DECIDED else "undecided"
    if set(DECIDED) <= set(verdicts):
        return "flips"
    first, last = verdicts[0] in DECIDED, verdicts[-1] in DECIDED
    return "varies" if first == last else "settles" if last else "unsettles"


def _effects(part: pd.DataFrame) -> str:
    first, last = part.iloc[0], part.iloc[-1]
    if first["against"] != last["against"]:
        return "other rival"
    if pd.isna([first["low"], last["low"]]).any():
        return "no interval"
    if not (first["high"] < last["low"] or last["high"] < first["low"]):
        return "overlap"
    inside = [
        min(row["effect"] - row["above"], row["below"] - row["effect"]) for row in (first, last)
    ]
    return "grows" if inside[1] > inside[0] else "shrinks"


def scale_figure(rows: pd.DataFrame) -> Figure:
    """Effect and interval of each claim at each scale, beside the range that supports it.

    Args:
        rows: DataFrame with the columns ``COLUMNS``; one panel per unit, one block per claim, one
            line per scale. Filled: supported; open: undecided; crossed out: refuted, or not seen at
            that scale. An interval that runs off its panel ends there in an arrowhead.

    Returns:
        matplotlib.figure.Figure, 7 inches wide.

    Raises:
        ValueError: for a column that is missing, no row, or more than five scales.

    Example:
        >>> import math
        >>> rows = {"id": "a", "rung": ["quick", "full"], "unit": "accuracy", "above": 0,
        ...         "below": math.inf, "effect": [0.1, 0.4], "low": [-0.1, 0.35],
        ...         "high": [0.3, 0.45], "against": "", "verdict": ["undecided", "supported"]}
        >>> [text.get_text() for text in scale_figure(pd.DataFrame(rows)).legends[0].texts]
        ['quick', 'full', 'supports', 'undecided', 'not seen']
    """
    require_columns(rows, COLUMNS)
    names = list(dict.fromkeys(rows["rung"]))
    checks.require(0 < len(names) <= len(LOOKS), "`rows` must have one to five scales", rung=names)
    looks = dict(zip(names, LOOKS, strict=False))
    height = ROW * (len(names) + 1)
    with matplotlib.rc_context(STYLE):
        figure, panels = panels_by_unit(rows, lambda part: height * part["id"].nunique() + FRAME)
        for axes, part in panels:
            _draw(axes, part, looks)
        figure.legend(handles=_legend(looks), loc="outside upper center", ncols=len(names) + 3)
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, looks: Mapping[str, palette.Look]) -> None:
    """Draw a panel, its first claim on top, the smallest scale first."""
    left, right = limits_of(rows)
    step = 0.8 / len(looks)
    claims = list(dict.fromkeys(rows["id"]))
    for place, name in enumerate(claims):
        part = rows[rows["id"] == name]
        start, stop = np.clip(part[["above", "below"]].iloc[0], left, right)
        axes.barh(place, stop - start, 0.9, start, color=SUPPORTING, lw=0)
        for _, row in part.iterrows():
            look = looks[row["rung"]]
            height = place - 0.4 + step * (list(looks).index(row["rung"]) + 0.5)
            ends = (row["low"], row["high"])
            draw_interval(axes, ends, height, (left, right), color=look["color"], markersize=5)
            shown = {**look, **FILLS[row["verdict"]]}
            axes.plot(row["effect"], height, **shown, markersize=4, linestyle="")
            if row["verdict"] == "refuted":
                axes.plot(row["effect"], height, marker="x", color=BLACK, markersize=5)
    axes.axvline(0, color=BLACK, lw=0.6)
    axes.set_yticks(range(len(claims)), [claim_name(name) for name in claims], fontsize=7)
    axes.set(xlim=(left, right), ylim=(len(claims) - 0.5, -0.5))
    axes.grid(visible=False, axis="y")


def _legend(looks: Mapping[str, palette.Look]) -> list[Artist]:
    handles: list[Artist] = [Line2D([], [], **look, label=name) for name, look in looks.items()]
    grey: Look = {"color": GREY, "marker": "o", "linestyle": ""}
    return [
        *handles,
        Patch(color=SUPPORTING, label="supports"),
        Line2D([], [], **styled(grey, **FILLS["undecided"]), label="undecided"),
        Line2D([], [], color=BLACK, marker="x", linestyle="", label="not seen"),
    ]
