"""Colors of all figures in one place, which color-blind readers can distinguish.

The first eight are those of Okabe and Ito; seven more are for figures of many networks, where two
that come near each other to a color-blind reader also have different dashes. A recipe has the same
look in every panel, and in every figure that is given its look; a radius has the same color in
every panel, and whatever has a color also has a marker or a dash for gray print.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypedDict

Dash = Literal["-", "--", "-.", ":", ""]


class Stroke(TypedDict, total=False):
    """What a line has besides its color: keyword arguments of ``matplotlib.lines.Line2D``."""

    marker: str
    markerfacecolor: str
    linestyle: Dash
    lw: float
    markevery: int


class Look(Stroke):
    """How a line is drawn: the same with its color."""

    color: str


class LabelledLook(Look):
    """The same with what the legend says."""

    label: str


def styled(look: Look, **others: Any) -> dict[str, Any]:
    """A look with further keyword arguments of matplotlib, in place of its own.

    Args:
        look: dict, as of ``recipe_looks``.
        **others: keyword arguments.

    Returns:
        dict.

    Example:
        >>> styled({"color": BLACK, "marker": "o"}, linestyle="")
        {'color': '#000000', 'marker': 'o', 'linestyle': ''}
    """
    return {**look, **others}


BLACK, GREY, LIGHT_GREY = "#000000", "#666666", "#999999"
BLUE, GREEN, ORANGE, VERMILLION = "#0072B2", "#009E73", "#E69F00", "#D55E00"
PURPLE, SKY = "#CC79A7", "#56B4E9"
INDIGO, VIOLET, BROWN, LIME = "#1A1A8C", "#7766FF", "#553300", "#88CC77"
WINE, FOREST, PINK = "#882255", "#004D2E", "#F4A6CE"

# From low radius to high.
RADIUS_COLORS = (BLUE, GREEN, ORANGE, VERMILLION, PURPLE, SKY)
COMPONENT_COLORS = {"low": BLUE, "high": VERMILLION}
SCALING_LOOKS = {
    "none": (BLACK, "o"),
    "max": (ORANGE, "s"),
    "spread": (GREEN, "v"),
    "matched": (BLUE, "^"),
}
OTHER_COLORS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, GREY)
# One more than the colors, so that a color comes back with another marker.
OTHER_MARKERS = ("s", "X", "^", "D", "P", "v", "<", ">")


def recipe_looks(names: Iterable[str], looks: Mapping[str, Look] | None = None) -> dict[str, Look]:
    """Color and marker of each recipe: that which is given, or one of those that are left.

    Args:
        names: iterable of str, recipes in the order of their table.
        looks: dict from names to dicts with ``color`` and ``marker``, or None. Names that it does
            not hold get what no other name of the figure has, in their order.

    Returns:
        dict from names to dicts with ``color`` and ``marker``, no look twice among up to 56
        recipes.

    Example:
        >>> recipe_looks(["vanilla", "own"], {"vanilla": {"color": BLACK, "marker": "o"}})
        {'vanilla': {'color': '#000000', 'marker': 'o'}, 'own': {'color': '#0072B2', 'marker': 's'}}
    """
    names, given = list(dict.fromkeys(names)), looks or {}
    taken = [given[name] for name in names if name in given]
    colors, markers = (
        [each for each in every if each not in {look[part] for look in taken}]
        for part, every in (("color", OTHER_COLORS), ("marker", OTHER_MARKERS))
    )
    others = zip(itertools.cycle(colors), itertools.cycle(markers), strict=False)
    free: Iterator[Look] = ({"color": color, "marker": marker} for color, marker in others)
    return {name: given.get(name) or next(free) for name in names}


def radius_color(radius: float, radii: Iterable[float]) -> str:
    """Color of a radius by its rank among the radii of a figure.

    Args:
        radius: float, cycles per image, one of ``radii``.
        radii: sequence of floats, all radii of the figure.

    Returns:
        str, a color; they come back after six radii.

    Example:
        >>> radius_color(8, [4, 8, 12, 16]) == GREEN
        True
    """
    return RADIUS_COLORS[sorted(radii).index(radius) % len(RADIUS_COLORS)]
