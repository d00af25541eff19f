"""Which frequencies are low, high or in a band: masks and what they are made of."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.spectrum.axes import frequencies
from hfc_keras.types import Flags, MaskShape, PixelRange, RadiusUnit

# A radius beyond the corner of any image.
FAR = 1e9
MASKS, UNITS = ("disc", "square"), ("cycles", "nyquist")
# Of squared distances in shares of Nyquist, which no float holds exactly.
ROUNDING = 1e-9
# Which frequencies belong to a component, from those of the rows ``(height, 1)``, those of the
# columns ``(1, width)``, height and width.
Predicate = Callable[[Any, Any, Any, Any], Any]


def radial_mask(
    height: int,
    width: int,
    radius: float,
    inclusive: bool = True,
    mask: MaskShape = "disc",
    unit: RadiusUnit = "cycles",
) -> Flags:
    r"""Disc or square of low frequencies.

    .. math:: M(u, v) = [\sqrt{u^2 + v^2} \le r] \quad \text{or} \quad
              M(u, v) = [\max(|u|, |v|) \le r]

    In shares of the Nyquist frequency, ``2 u / height`` and ``2 v / width`` take the place of
    ``u`` and ``v``, so that 1 reaches the border of the spectrum along each axis.

    Args:
        height: int, rows of the image, at least 1.
        width: int, columns of the image, at least 1.
        radius: float, at least 0, half a side of a square; beyond the corner the mask is all true.
        inclusive: bool, ``<=`` as the paper defines it, or ``<`` as its released code has it.
        mask: ``"disc"``, as Wang et al. have it, or ``"square"``, as Gavrikov and Keuper have it,
            whose crop holds the rim at its lower ends and not at its upper ones.
        unit: ``"cycles"`` per image or share of ``"nyquist"``, of the radius.

    Returns:
        bool array ``(height, width)``, zero frequency at ``[0, 0]``.

    Raises:
        ValueError: for a size below 1, a radius that is negative or not finite, another mask or
            unit.

    Reference:
        Wang et al., High-Frequency Component Helps Explain the Generalization of
        Convolutional Neural Networks, CVPR 2020, section 3; Gavrikov and Keuper, Can Biases in
        ImageNet Models Explain Generalization?, CVPR 2024.

    Example:
        >>> int(radial_mask(32, 32, 4).sum()), int(radial_mask(32, 32, 4, inclusive=False).sum())
        (49, 45)
        >>> int(radial_mask(32, 32, 0.25, mask="square", unit="nyquist").sum())
        81
    """
    height = checks.number("height", height, minimum=1, whole=True)
    width = checks.number("width", width, minimum=1, whole=True)
    keep = within(radius, inclusive, mask, unit)
    return keep(frequencies(height)[:, None], frequencies(width)[None, :], height, width)


def band_mask(height: int, width: int, inner: float, outer: float, inclusive: bool = True) -> Flags:
    r"""Ring of frequencies: the outer disc without the inner one.

    .. math:: B(u, v) = [r_1 < \sqrt{u^2 + v^2} \le r_2]

    With ``inclusive=False`` the limits are :math:`r_1 \le \cdot < r_2`. Either way low(r1),
    the band and high(r2) add up to the image. An inclusive band from 0 leaves the mean out.

    Args:
        height: int, rows of the image, at least 1.
        width: int, columns of the image, at least 1.
        inner: float, cycles per image, at least 0.
        outer: float, cycles per image, above ``inner``.
        inclusive: bool, whether the outer limit (and not the inner one) is in the band.

    Returns:
        bool array ``(height, width)``, zero frequency at ``[0, 0]``.

    Raises:
        ValueError: for a size below 1, a limit that is negative or not finite, or
            ``outer <= inner``.

    Example:
        >>> band_mask(4, 4, 0, 1).astype(int)
        array([[0, 1, 0, 1],
               [1, 0, 0, 0],
               [0, 0, 0, 0],
               [1, 0, 0, 0]])
    """
    check_band(inner, outer)
    return radial_mask(height, width, outer, inclusive) & ~radial_mask(
        height, width, inner, inclusive
    )


def clipping(clip: Sequence[float] | None) -> PixelRange | None:
    """Return a range to clip to, if it is one.

    Args:
        clip: ``(smallest, largest)``, or None.

    Returns:
        tuple of two floats, or None.

    Raises:
        ValueError: unless it is None or two finite numbers in ascending order.

    Example:
        >>> clipping([0, 1])
        (0.0, 1.0)
    """
    if clip is None:
        return None
    expected = "`clip` must be None or two finite numbers (smallest, largest), such as (0, 1)"
    checks.require(isinstance(clip, (tuple, list)) and len(clip) == 2, expected, clip=clip)
    low, high = (checks.number("clip", each) for each in clip)
    checks.require(low < high, expected, clip=clip)
    return low, high


def within(
    radius: float, inclusive: bool, mask: MaskShape = "disc", unit: RadiusUnit = "cycles"
) -> Predicate:
    """Predicate on frequencies, whose squared distance to zero is a whole number in cycles.

    The square of a radius such as sqrt(2) is rounded back to the whole number it stands for,
    so that the rim belongs to the disc or not as ``inclusive`` says.
    """
    inclusive = tensors.flag("inclusive", inclusive)
    checks.choice("mask", mask, MASKS)
    checks.choice("unit", unit, UNITS)
    limit = min(checks.number("radius", radius, minimum=0), FAR) ** 2
    limit = round(limit) if math.isclose(limit, round(limit), rel_tol=1e-12) else limit

    def keep(rows: Any, columns: Any, height: Any, width: Any) -> Any:
        farthest = limit
        if unit == "nyquist":
            rows, columns = 2 * rows / _float(height), 2 * columns / _float(width)
            farthest = limit * (1 + ROUNDING if inclusive else 1 - ROUNDING)
        known = isinstance(rows, np.ndarray) and isinstance(columns, np.ndarray)
        larger = np.maximum if known else ops.maximum
        squared = rows**2 + columns**2 if mask == "disc" else larger(rows**2, columns**2)
        return squared <= farthest if inclusive else squared < farthest

    return keep


def _float(size: Any) -> Any:
    """A side as a number that divides frequencies, also while it is not known."""
    return size if isinstance(size, (int, np.integer)) else ops.cast(size, "float64")


def check_band(inner: float, outer: float) -> None:
    """Refuse limits of a ring that are negative, not finite or crossed."""
    checks.number("inner", inner, minimum=0)
    checks.number("outer", outer, minimum=0)
    checks.require(inner < outer, "`outer` must be above `inner`", inner=inner, outer=outer)
