"""Low, high and band components of images: radial masks and the filters made of them."""

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.spectrum.axes import frequencies, real_basis, uses_products
from hfc_keras.types import ArrayLike, Flags, Tensor

# A radius beyond the corner of any image.
FAR = 1e9
# Whether squared distances to the zero frequency belong to a component.
Predicate = Callable[[Any], Any]


def radial_mask(height: int, width: int, radius: float, inclusive: bool = True) -> Flags:
    r"""Disc of low frequencies.

    .. math:: M(u, v) = [\sqrt{u^2 + v^2} \le r]

    Args:
        height: int, rows of the image, at least 1.
        width: int, columns of the image, at least 1.
        radius: float, cycles per image, at least 0; beyond the corner the mask is all true.
        inclusive: bool, ``<=`` as the paper defines it, or ``<`` as its released code has it.

    Returns:
        bool array ``(height, width)``, zero frequency at ``[0, 0]``.

    Raises:
        ValueError: for a size below 1, or a radius that is negative or not finite.

    Reference:
        Wang et al., High-Frequency Component Helps Explain the Generalization of
        Convolutional Neural Networks, CVPR 2020, section 3.

    Example:
        >>> int(radial_mask(32, 32, 4).sum()), int(radial_mask(32, 32, 4, inclusive=False).sum())
        (49, 45)
    """
    height = checks.number("height", height, minimum=1, whole=True)
    width = checks.number("width", width, minimum=1, whole=True)
    keep = _disc(radius, inclusive)
    rows, columns = frequencies(height), frequencies(width)
    return keep(rows[:, None] ** 2 + columns[None, :] ** 2)


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
    _check_band(inner, outer)
    return radial_mask(height, width, outer, inclusive) & ~radial_mask(
        height, width, inner, inclusive
    )


def split(images: ArrayLike, radius: float, inclusive: bool = True) -> tuple[Tensor, Tensor]:
    r"""Low- and high-frequency components of images, each channel by itself.

    .. math:: x_l = F^{-1}(M \cdot F x), \qquad x_h = x - x_l

    Nothing is clipped: components are no pixels and may leave [0, 1].

    Args:
        images: ``(batch, height, width, channels)``, any finite numbers; integers are taken
            as float32. Height and width may be unknown while tracing.
        radius: float, cycles per image, at least 0; beyond the corner low is the image.
        inclusive: bool, ``<=`` (the paper) or ``<`` (its released code).

    Returns:
        ``(low, high)``, tensors of the shape and float dtype of ``images``, exact to 1e-5
        (half-precision results are rounded once, at the end).

    Raises:
        ValueError: for another rank, or a radius that is negative or not finite.

    Reference:
        Wang et al., CVPR 2020, section 3.

    Example:
        >>> low, high = split(np.ones((1, 8, 8, 3), "float32"), radius=2)
        >>> bool(np.allclose(low, 1, atol=1e-5)), bool(np.allclose(high, 0, atol=1e-5))
        (True, True)
    """
    images = tensors.images(images)
    (low,) = _filtered(images, [_disc(radius, inclusive)], dtype="float32")
    high = ops.cast(images, "float32") - low
    dtype = tensors.float_dtype(images)
    return ops.cast(low, dtype), ops.cast(high, dtype)


def low_components(images: ArrayLike, radii: ArrayLike, inclusive: bool = True) -> list[Tensor]:
    r"""Low-frequency components for several radii from one forward transform.

    .. math:: x_l(r) = F^{-1}(M_r \cdot F x)

    Args:
        images: ``(batch, height, width, channels)``, any finite numbers.
        radii: sequence of floats, cycles per image, each at least 0, at least one.
        inclusive: bool, ``<=`` or ``<`` at the rim of the disc.

    Returns:
        List with a tensor like ``images`` for each radius.

    Raises:
        ValueError: for another rank, or a radius that is negative or not finite.

    Example:
        >>> [part.shape[1] for part in low_components(np.zeros((1, 8, 8, 1)), [1, 2])]
        [8, 8]
    """
    predicates = [_disc(radius, inclusive) for radius in checks.radii(radii)]
    return _filtered(tensors.images(images), predicates)


def band(images: ArrayLike, inner: float, outer: float, inclusive: bool = True) -> Tensor:
    r"""Component of images in a ring of frequencies, each channel by itself.

    .. math:: x_b = F^{-1}(B \cdot F x)

    Args:
        images: ``(batch, height, width, channels)``, any finite numbers.
        inner: float, cycles per image, at least 0.
        outer: float, cycles per image, above ``inner``.
        inclusive: bool, see ``band_mask``.

    Returns:
        Tensor of the shape and float dtype of ``images``.

    Raises:
        ValueError: for another rank or limits that ``band_mask`` refuses.

    Example:
        >>> bool(np.allclose(band(np.ones((1, 8, 8, 1)), 0, 2), 0, atol=1e-5))
        True
    """
    _check_band(inner, outer)
    in_outer, in_inner = _disc(outer, inclusive), _disc(inner, inclusive)
    ring = [lambda squared: in_outer(squared) & ~in_inner(squared)]
    (part,) = _filtered(tensors.images(images), ring)
    return part


def _disc(radius: float, inclusive: bool) -> Predicate:
    """Predicate on the squared distance to the zero frequency, which is a whole number.

    The square of a radius such as sqrt(2) is rounded back to the whole number it stands for,
    so that the rim belongs to the disc or not as ``inclusive`` says.
    """
    inclusive = tensors.flag("inclusive", inclusive)
    limit = min(checks.number("radius", radius, minimum=0), FAR) ** 2
    limit = round(limit) if math.isclose(limit, round(limit), rel_tol=1e-12) else limit
    return (lambda squared: squared <= limit) if inclusive else (lambda squared: squared < limit)


def _check_band(inner: float, outer: float) -> None:
    checks.number("inner", inner, minimum=0)
    checks.number("outer", outer, minimum=0)
    checks.require(inner < outer, "`outer` must be above `inner`", inner=inner, outer=outer)


def _filtered(
    images: Tensor, predicates: Sequence[Predicate], dtype: str | None = None
) -> list[Tensor]:
    """Keep the frequencies whose squared distance fulfils a predicate, one result each."""
    dtype = dtype or tensors.float_dtype(images)
    planes = ops.transpose(ops.cast(images, "float32"), (0, 3, 1, 2))
    transform = _by_products if uses_products(*images.shape[1:3]) else _by_fft
    parts = transform(planes, predicates)
    return [ops.cast(ops.transpose(part, (0, 2, 3, 1)), dtype) for part in parts]


def _by_products(planes: Tensor, predicates: Sequence[Predicate]) -> list[Tensor]:
    """Filter planes (batch, channels, height, width) in the real cosine and sine basis."""
    height, width = ops.shape(planes)[2:]
    rows, row_frequencies = real_basis(height)
    columns, column_frequencies = real_basis(width)
    squared = row_frequencies[:, None] ** 2 + column_frequencies[None, :] ** 2
    masks = [predicate(squared) for predicate in predicates]
    extents = [_extent(mask) for mask in masks]
    m, n = map(_largest, zip(*extents, strict=True))
    spectrum = ops.matmul(rows[:m], ops.matmul(planes, ops.transpose(columns[:n])))
    parts = []
    for mask, (m, n) in zip(masks, extents, strict=True):
        kept = spectrum[..., :m, :n] * ops.cast(mask[:m, :n], "float32")
        parts.append(ops.matmul(ops.transpose(rows[:m]), ops.matmul(kept, columns[:n])))
    return parts


def _by_fft(planes: Tensor, predicates: Sequence[Predicate]) -> list[Tensor]:
    """Filter planes (batch, channels, height, width) with the complex transform."""
    rows, columns = (frequencies(size) for size in ops.shape(planes)[2:])
    squared = rows[:, None] ** 2 + columns[None, :] ** 2
    real, imaginary = ops.fft2((planes, ops.zeros_like(planes)))
    masks = [ops.cast(predicate(squared), "float32") for predicate in predicates]
    return [ops.ifft2((real * mask, imaginary * mask))[0] for mask in masks]


def _extent(mask: Tensor) -> tuple[int | None, int | None]:
    """Leading rows and columns outside which a known mask is empty; None is all of them."""
    if not isinstance(mask, np.ndarray):
        return None, None
    used = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    rows, columns = (int(indices.max()) + 1 if indices.size else 1 for indices in used)
    return rows, columns


def _largest(sizes: Collection[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return max(known) if len(known) == len(sizes) else None
