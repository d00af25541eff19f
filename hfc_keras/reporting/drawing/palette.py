"""Colours of all figures in one place, told apart by colour-blind readers.

The colours are those of Okabe and Ito. A recipe has the same look in every figure, a radius the
same colour in every panel, and whatever has a colour also has a marker or a dash for grey print.
"""

import itertools
from collections.abc import Iterable
from typing import Literal, Required, TypedDict


class Look(TypedDict, total=False):
    """How a line is drawn: keyword arguments of ``matplotlib.lines.Line2D``."""

    color: Required[str]
    marker: str
    linestyle: Literal["-", "--", "-.", ":"]
    lw: float
    markevery: int


BLACK, GREY, LIGHT_GREY = "#000000", "#666666", "#999999"
BLUE, GREEN, ORANGE, VERMILLION = "#0072B2", "#009E73", "#E69F00", "#D55E00"
PURPLE, SKY = "#CC79A7", "#56B4E9"

# From low radius to high.
RADIUS_COLORS = (BLUE, GREEN, ORANGE, VERMILLION, PURPLE, SKY)
COMPONENT_COLORS = {"low": BLUE, "high": VERMILLION}
# The vanilla recipe is called by what is compared: its labels, optimizer, batch size, network.
RECIPE_LOOKS = {
    **dict.fromkeys(["vanilla", "natural", "original"], (BLACK, "o")),
    **dict.fromkeys(["adam", "batch_100", "resnet"], (BLACK, "o")),
    "batch_norm": (VERMILLION, "D"),
    "adversarial": (BLUE, "s"),
    "mix_up": (GREEN, "^"),
    "dropout": (SKY, "v"),
    "shuffled": (PURPLE, "P"),
    "sgd": (VERMILLION, "X"),
    "adagrad": (GREEN, "<"),
    "adadelta": (ORANGE, ">"),
    "rmsprop": (PURPLE, "*"),
    "batch_25": (ORANGE, "h"),
    "batch_400": (GREEN, "d"),
    "noise": (ORANGE, "X"),
    "low_pass": (GREY, "p"),
    "lsf": (BLUE, "<"),
    "msf": (GREEN, "X"),
    "hsf": (VERMILLION, ">"),
    "asf": (PURPLE, "h"),
    "lenet": (ORANGE, "p"),
    "alexnet": (SKY, "8"),
    "vgg": (GREEN, "H"),
    "apr_p": (BLUE, "s"),
    "apr_s": (SKY, "^"),
    "apr_sp": (PURPLE, "D"),
    "hybrid": (ORANGE, "v"),
    "hybrid_plus": (VERMILLION, "P"),
    "aligned": (GREY, "X"),
    "critical": (BLUE, "s"),
    "blurpool": (ORANGE, "D"),
    "flc": (GREEN, "^"),
    "asap": (VERMILLION, "v"),
    **dict.fromkeys(["bottleneck", "resnet18"], (BLACK, "o")),
    "bottleneck_end_norm": (GREY, "X"),
    "coconv": (BLUE, "s"),
    "coresnet": (ORANGE, "D"),
    "unshared": (GREY, "X"),
    "anchored": (VERMILLION, "s"),
    "anchored_regulator": (ORANGE, "^"),
    "mix": (SKY, "v"),
    "mix_regulator": (BLUE, "D"),
    "mix_rotation": (GREEN, "P"),
}
SCALING_LOOKS = {
    "none": (BLACK, "o"),
    "max": (ORANGE, "s"),
    "spread": (GREEN, "v"),
    "matched": (BLUE, "^"),
}
OTHER_COLORS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, GREY)
# One more than the colours, so that a colour comes back with another marker.
OTHER_MARKERS = ("s", "X", "^", "D", "P", "v", "<", ">")


def recipe_looks(names: Iterable[str]) -> dict[str, Look]:
    """Colour and marker of each recipe, fixed by its name where the name is a usual one.

    Args:
        names: iterable of str, recipes in the order of their table. Those that ``RECIPE_LOOKS``
            does not know get what is left, in that order.

    Returns:
        dict from names to dicts with ``color`` and ``marker``, no look twice among up to 56
        recipes.

    Example:
        >>> recipe_looks(["vanilla", "own"])
        {'vanilla': {'color': '#000000', 'marker': 'o'}, 'own': {'color': '#0072B2', 'marker': 's'}}
    """
    names = list(dict.fromkeys(names))
    taken = [RECIPE_LOOKS[name] for name in names if name in RECIPE_LOOKS]
    colors = [color for color in OTHER_COLORS if color not in {color for color, _ in taken}]
    markers = [marker for marker in OTHER_MARKERS if marker not in {marker for _, marker in taken}]
    others = zip(itertools.cycle(colors), itertools.cycle(markers), strict=False)
    looks = {name: RECIPE_LOOKS.get(name) or next(others) for name in names}
    return {name: {"color": color, "marker": marker} for name, (color, marker) in looks.items()}


def radius_color(radius: float, radii: Iterable[float]) -> str:
    """Colour of a radius by its rank among the radii of a figure.

    Args:
        radius: float, cycles per image, one of ``radii``.
        radii: sequence of floats, all radii of the figure.

    Returns:
        str, a colour; they come back after six radii.

    Example:
        >>> radius_color(8, [4, 8, 12, 16]) == GREEN
        True
    """
    return RADIUS_COLORS[sorted(radii).index(radius) % len(RADIUS_COLORS)]
