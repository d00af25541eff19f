"""Ways of training that an experiment compares: name, title, look and start of each."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TypedDict

from hfc_keras.reporting.drawing.palette import Dash, Look


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way of training.

    Args:
        name: str, of its recipe, as on the command line and in tables.
        title: str, in figures; empty is the name.
        look: (color, marker) of its lines and points, or (color, marker, dash); None is one that is
            left.
        start: str, name of the way that it changes, with which it is compared; None is none.
    """

    name: str
    title: str = ""
    look: tuple[str, str] | tuple[str, str, Dash] | None = None
    start: str | None = None


class Drawn(TypedDict):
    """What figures need to know of variants."""

    titles: dict[str, str]
    looks: dict[str, Look]


def by_name(*variants: Variant) -> dict[str, Variant]:
    """Return a dict from name to Variant, in the order that is given."""
    return {variant.name: variant for variant in variants}


def chosen(variants: Mapping[str, Variant], names: Iterable[str]) -> dict[str, Variant]:
    """Return some of the variants.

    Args:
        variants: dict from name to Variant.
        names: iterable of str.

    Returns:
        dict from name to Variant, in the order of the names.
    """
    return {name: variants[name] for name in names}


def titles(variants: Mapping[str, Variant]) -> dict[str, str]:
    """Return a dict from name to title."""
    return {name: variant.title or name for name, variant in variants.items()}


def rivals(variants: Mapping[str, Variant], names: Iterable[str]) -> dict[str, str]:
    """Return a dict from title to name, for a claim that must hold against each of them."""
    return {variants[name].title: name for name in names}


def drawn(variants: Mapping[str, Variant]) -> Drawn:
    """Return what figures need to know of variants.

    Args:
        variants: dict from name to Variant.

    Returns:
        dict of arguments, ``titles`` and ``looks``.

    Example:
        >>> drawn(by_name(Variant("plain", look=("#000000", "o")), Variant("mixed", "mix-up")))
        {'titles': {'plain': 'plain', 'mixed': 'mix-up'}, \
'looks': {'plain': {'color': '#000000', 'marker': 'o'}}}
    """
    looks = {name: _look(variant.look) for name, variant in variants.items() if variant.look}
    return {"titles": titles(variants), "looks": looks}


def _look(given: tuple[str, str] | tuple[str, str, Dash]) -> Look:
    look: Look = {"color": given[0], "marker": given[1]}
    return look if len(given) == 2 else {**look, "linestyle": given[2]}
