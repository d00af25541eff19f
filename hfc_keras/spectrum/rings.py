"""Rings of equal frequency, and the power of images on them."""

import numpy as np
from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.spectrum.axes import frequencies, real_basis, uses_products
from hfc_keras.types import ArrayLike, Channels, Floats, Integers, Rings, Tensor

RINGS = ("sum", "mean")
CHANNELS = ("mean", "power")
# Power outside the zero frequency, relative to a plane of ones, that is float32 rounding.
ROUNDING = 1e-12


def ring_index(height: int, width: int) -> Integers:
    r"""Ring of each coefficient of the DFT: its rounded distance to the zero frequency.

    .. math:: k(u, v) = \mathrm{round} \sqrt{u^2 + v^2}

    Args:
        height: int, rows of the image, at least 1.
        width: int, columns of the image, at least 1.

    Returns:
        int array ``(height, width)`` in cycles per image, zero frequency at ``[0, 0]``.

    Raises:
        ValueError: for a size below 1.

    Reference:
        Krishnamachari et al., Fourier Sensitivity and Regularization of Computer Vision
        Models, TMLR 2022.

    Example:
        >>> ring_index(4, 5)
        array([[0, 1, 2, 2, 1],
               [1, 1, 2, 2, 1],
               [2, 2, 3, 3, 2],
               [1, 1, 2, 2, 1]])
    """
    height = checks.number("height", height, minimum=1, whole=True)
    width = checks.number("width", width, minimum=1, whole=True)
    return _distance(frequencies(height), frequencies(width))


def ring_sizes(height: int, width: int) -> Integers:
    """Number of DFT coefficients on each ring; the power of white noise is in proportion.

    Args:
        height: int, rows of the image, at least 1.
        width: int, columns of the image, at least 1.

    Returns:
        int array ``(rings,)``, ring 0 (the zero frequency alone) first.

    Raises:
        ValueError: for a size below 1.

    Example:
        >>> ring_sizes(4, 4)
        array([1, 8, 6, 1])
    """
    return np.bincount(ring_index(height, width).ravel())


def ring_power(images: ArrayLike) -> Tensor:
    r"""Power of images on each ring of frequencies.

    .. math:: P_k = \sum_{k(u, v) = k} |\hat x(u, v)|^2, \qquad
              \hat x = \frac{1}{\sqrt{HW}} F x

    The rings add up to the sum of squares of the image (Parseval). Differentiable.

    Args:
        images: one channel ``(batch, height, width)``, or ``(batch, height, width, channels)``,
            whose channels are added; any finite numbers, integers are taken as float32.

    Returns:
        Tensor ``(batch, rings)`` of the float dtype of ``images``, but float32 for float16, in
        which squares of numbers from 256 on are infinite; the mean in column 0. The transform
        itself is exact to float32.

    Raises:
        ValueError: for another rank, an unknown size or a side of 0.

    Example:
        >>> stripes = np.tile([1.0, -1.0], (1, 4, 2))
        >>> tuple(ring_power(stripes).shape), round(float(ring_power(stripes)[0, 2]), 4)
        ((1, 4), 16.0)
    """
    images = _checked(images)
    dtype, wide = tensors.float_dtype(images), tensors.wide_dtype(images)
    images = ops.cast(images, wide)
    largest = _largest(images)
    power = ops.cast(_summed(images / largest), wide)
    largest = ops.reshape(largest, (-1, 1))
    return ops.cast(power * largest * largest, "float32" if dtype == "float16" else dtype)


def ring_shares(
    images: ArrayLike,
    rings: Rings = "sum",
    channels: Channels = "power",
) -> Tensor:
    r"""Share of each ring in the power outside the zero frequency, image by image.

    .. math:: S_k = P_k / \sum_{j \ge 1} P_j, \qquad k \ge 1

    Images are first divided by their largest absolute value, which changes no share and keeps
    the squares of small numbers, such as gradients, from underflowing. Differentiable.

    Args:
        images: see ``ring_power``.
        rings: ``"sum"`` of the power on a ring, or its ``"mean"`` over the ring's coefficients,
            in which white noise is flat.
        channels: ``"power"``, added over channels, or that of their ``"mean"``, in which opposite
            colors cancel.

    Returns:
        float32 tensor ``(batch, rings - 1)``, rows that add up to 1; a row of zeros for an
        image without power outside the zero frequency.

    Raises:
        ValueError: for another choice or rank, an unknown size or a side of 0.

    Example:
        >>> stripes = np.tile([1e-30, -1e-30], (1, 4, 2))
        >>> np.asarray(ring_shares(stripes)).round(3).tolist()
        [[0.0, 1.0, 0.0]]
    """
    checks.choice("rings", rings, RINGS)
    checks.choice("channels", channels, CHANNELS)
    images = _checked(images)
    images = ops.cast(images, tensors.wide_dtype(images))
    largest = _largest(images)
    if channels == "mean" and len(images.shape) == 4:
        images, largest = ops.mean(images, axis=-1), largest[..., 0]
    # Without the mean, whose rounding would leak into the rings of an image that hardly varies.
    varying = images - ops.mean(images, axis=(1, 2), keepdims=True)
    power = _summed(varying / largest)[:, 1:]
    empty = ops.sum(power, axis=1, keepdims=True) < ROUNDING * images.shape[1] * images.shape[2]
    if rings == "mean":
        power = power / ops.cast(ring_sizes(*images.shape[1:3])[1:], "float32")
    total = ops.sum(power, axis=1, keepdims=True)
    return ops.where(empty, 0.0, power / ops.where(empty, 1.0, total))


def _checked(images: ArrayLike) -> Tensor:
    """Images as a tensor, of a rank and a size that have rings."""
    images = tensors.images(images, planes=True)
    checks.require(
        None not in tuple(images.shape)[1:3],
        "`images` must be (batch, height, width, ...) with a known height and width",
        **{"images.shape": tuple(images.shape)},
    )
    return images


def _largest(images: Tensor) -> Tensor:
    """Largest absolute value of each image, whose square may overflow or vanish; 1 for zeros."""
    axes = tuple(range(1, len(images.shape)))
    largest = ops.max(ops.abs(images), axis=axes, keepdims=True, initial=0.0)
    largest = ops.stop_gradient(largest)
    return ops.where(largest == 0, ops.ones_like(largest), largest)


def _summed(images: Tensor) -> Tensor:
    """Power on each ring, summed over channels, ``(batch, rings)`` in float32."""
    height, width = images.shape[1:3]
    planes = ops.cast(images, "float32")
    if len(images.shape) == 4:
        planes = ops.transpose(planes, (0, 3, 1, 2))
    power, index = _power(planes, height, width)
    if len(images.shape) == 4:
        power = ops.sum(power, axis=1)
    # The batch goes last, since the segments are sums over the first axis.
    flat = ops.transpose(ops.reshape(power, (-1, height * width)))
    rings = ops.segment_sum(flat, index.ravel().astype("int32"), int(index.max()) + 1)
    return ops.transpose(rings)


def _power(planes: Tensor, height: int, width: int) -> tuple[Tensor, Integers]:
    """Squared coefficients of planes ``(..., height, width)``, and the ring of each.

    In the real basis the two coefficients of a frequency stand for its cosine and its sine; the
    sum of their squares over a ring is that of the complex coefficients.
    """
    if uses_products(height, width):
        rows, row_frequencies = real_basis(height)
        columns, column_frequencies = real_basis(width)
        spectrum = ops.matmul(rows, ops.matmul(planes, ops.transpose(columns)))
        return spectrum**2, _distance(row_frequencies, column_frequencies)
    real, imaginary = ops.fft2((planes, ops.zeros_like(planes)))
    index = _distance(frequencies(height), frequencies(width))
    return (real**2 + imaginary**2) / (height * width), index


def _distance(rows: Floats, columns: Floats) -> Integers:
    """Rounded distance to the zero frequency of each pair of frequencies."""
    return np.rint(np.hypot(rows[:, None], columns[None, :])).astype(int)
