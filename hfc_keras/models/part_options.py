"""Options of ``Parts`` that need more than a look: smoothing, and numbers by channel."""

from typing import Any

from hfc_keras import checks

# By kind of smoothing: its default strength.
SMOOTHING = {"penalty": 0.01, "constraint": 1.0, "layer": 0.25}


def smoothing(kind: str | None, strength: float | None) -> tuple[str | None, float]:
    """Kind and strength of smoothing, see ``Parts``.

    Args:
        kind: None, or str, one of ``SMOOTHING``.
        strength: None, which is the default of the kind, or float.

    Returns:
        ``(kind, strength)``; the strength of no kind is 0.

    Raises:
        ValueError: for another kind, a strength without one, or one out of its range.

    Example:
        >>> smoothing("layer", None)
        ('layer', 0.25)
    """
    checks.choice("smoothing", kind, (None, *SMOOTHING))
    if strength is None:
        return kind, 0.0 if kind is None else SMOOTHING[kind]
    checks.require(kind, "`smoothing` must be given with its strength", smoothing=kind)
    strength = checks.number("smoothing_strength", strength, minimum=0)
    checks.require(
        strength > 0 or kind != "constraint",
        "`smoothing_strength` must be above 0 for a constraint",
        smoothing_strength=strength,
    )
    return kind, strength


def per_channel(name: str, value: Any, channels: int) -> list[float]:
    """A number for each channel, of one for all or a list.

    Args:
        name: str, the argument's name.
        value: float, or list, tuple or array of one float per channel.
        channels: int.

    Returns:
        List of floats.

    Raises:
        ValueError: for another number of them, or one that is not finite.

    Example:
        >>> per_channel("mean", 0.5, 3)
        [0.5, 0.5, 0.5]
    """
    listed = isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) == 1
    values = list(value) if listed else [value] * channels
    checks.require(
        len(values) == channels,
        f"`{name}` must be a number or one for each of {channels} channels",
        **{name: value},
    )
    return [checks.number(name, each) for each in values]
