"""Low, high and band components of images."""

from collections.abc import Collection, Sequence

import numpy as np
from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.spectrum.axes import frequencies, real_basis, uses_products
from hfc_keras.spectrum.masks import Predicate, check_band, clipping, within
from hfc_keras.types import ArrayLike, MaskShape, PixelRange, RadiusUnit, Tensor


def split(
    images: ArrayLike,
    radius: float,
    inclusive: bool = True,
    mask: MaskShape = "disc",
    unit: RadiusUnit = "cycles",
    clip: PixelRange | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Low- and high-frequency components of images, each channel by itself.

    .. math:: x_l = F^{-1}(M \cdot F x), \qquad x_h = x - x_l

    Components are no pixels and may leave [0, 1]: nothing is clipped unless asked for.

    Args:
        images: ``(batch, height, width, channels)``, any finite numbers; integers are taken
            as float32. Height and width may be unknown while tracing.
        radius: float, at least 0; beyond the corner low is the image.
        inclusive: bool, ``<=`` (the paper) or ``<`` (its released code).
        mask: see ``radial_mask``.
        unit: see ``radial_mask``.
        clip: ``(smallest, largest)`` that either component is clipped to, such as (0, 1), or
            None. Clipped components do not add up to the image.

    Returns:
        ``(low, high)``, tensors of the shape and float dtype of ``images``, exact to 1e-5
        (half-precision results are rounded once, at the end).

    Raises:
        ValueError: for another rank, a radius that is negative or not finite, another mask or
            unit, or a range to clip to that is none.

    Reference:
        Wang et al., CVPR 2020, section 3.

    Example:
        >>> low, high = split(np.ones((1, 8, 8, 3), "float32"), radius=2)
        >>> bool(np.allclose(low, 1, atol=1e-5)), bool(np.allclose(high, 0, atol=1e-5))
        (True, True)
    """
    images, limits = tensors.images(images), clipping(clip)
    inside = within(radius, inclusive, mask, unit)
    (low,) = _filtered(images, [inside], dtype="float32")
    parts = low, ops.cast(images, "float32") - low
    parts = [ops.clip(part, *limits) for part in parts] if limits else parts
    dtype = tensors.float_dtype(images)
    return ops.cast(parts[0], dtype), ops.cast(parts[1], dtype)


def low_components(
    images: ArrayLike,
    radii: ArrayLike,
    inclusive: bool = True,
    mask: MaskShape = "disc",
    unit: RadiusUnit = "cycles",
) -> list[Tensor]:
    r"""Low-frequency components for several radii from one forward transform.

    .. math:: x_l(r) = F^{-1}(M_r \cdot F x)

    Args:
        images: ``(batch, height, width, channels)``, any finite numbers.
        radii: sequence of floats, each at least 0, at least one.
        inclusive: bool, ``<=`` or ``<`` at the rim.
        mask: see ``radial_mask``.
        unit: see ``radial_mask``.

    Returns:
        List with a tensor like ``images`` for each radius.

    Raises:
        ValueError: for another rank, a radius that is negative or not finite, another mask or
            unit.

    Example:
        >>> [part.shape[1] for part in low_components(np.zeros((1, 8, 8, 1)), [1, 2])]
        [8, 8]
    """
    predicates = [within(radius, inclusive, mask, unit) for radius in checks.radii(radii)]
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
    check_band(inner, outer)
    in_outer, in_inner = within(outer, inclusive), within(inner, inclusive)
    ring = [lambda *where: in_outer(*where) & ~in_inner(*where)]
    (part,) = _filtered(tensors.images(images), ring)
    return part


def _filtered(
    images: Tensor, predicates: Sequence[Predicate], dtype: str | None = None
) -> list[Tensor]:
    """Keep the frequencies that fulfil a predicate, one result each."""
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
    where = row_frequencies[:, None], column_frequencies[None, :], height, width
    masks = [predicate(*where) for predicate in predicates]
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
    height, width = ops.shape(planes)[2:]
    where = frequencies(height)[:, None], frequencies(width)[None, :], height, width
    real, imaginary = ops.fft2((planes, ops.zeros_like(planes)))
    masks = [ops.cast(predicate(*where), "float32") for predicate in predicates]
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
