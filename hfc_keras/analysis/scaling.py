"""How tested components are scaled: as they are, to a maximum of 1, or like the images."""

import numpy as np
from keras import ops

from hfc_keras import checks, layers, spectrum

KINDS = ("none", "max", "matched")
# A component whose spread is rounding error of float32 pixels holds no image.
SMALLEST_SPREAD = 1e-6


def scaled_components(images, radii, inclusive=True, scaling="none", batch_size=256):
    r"""Yield batches of images with their components at several radii.

    - ``"none"``: components as they are.
    - ``"max"``: each divided by its maximum (``layers.RescaleToMax``), as the released code of
      the CVPR 2020 paper does.
    - ``"matched"``: each component brought to mean and standard deviation of the images, channel
      by channel, over all images at once:

      .. math:: c' = \mu_x + \sigma_x \, (c - \mu_c) / \sigma_c

      This is what a batch normalisation of the input would do, and it is the same for every
      image: a batch plays no part. A component without spread is returned as it is.

    The images themselves are never scaled.

    Args:
        images: float array ``(examples, height, width, channels)``.
        radii: sequence of floats, cycles per image.
        inclusive: bool, ``<=`` or ``<`` at the rim of the disc.
        scaling: ``"none"``, ``"max"`` or ``"matched"``.
        batch_size: int, images a batch.

    Yields:
        ``(rows, parts)``: a slice of the examples, and an iterator over float arrays like
        ``images[rows]``: the images, then low and high for each radius.

    Raises:
        ValueError: for another scaling, or radii as of ``spectrum.low_components``.

    Example:
        >>> images = np.random.default_rng(0).random((5, 8, 8, 1), "float32")
        >>> (_, parts), = scaled_components(images, [2], scaling="matched")
        >>> [bool(abs(part.std() - images.std()) < 1e-4) for part in parts]
        [True, True, True]
    """
    checks.choice("scaling", scaling, KINDS)
    scale = _scales(images, radii, inclusive, scaling, batch_size)
    for rows, parts in _batches(images, radii, inclusive, batch_size):
        yield rows, (part if index == 0 else scale(index, part) for index, part in parts)


def _batches(images, radii, inclusive, batch_size):
    """Yield a slice and an iterator over its numbered parts, unscaled."""
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        yield rows, enumerate(_parts(images[rows], radii, inclusive))


def _parts(images, radii, inclusive):
    yield images
    for low in map(ops.convert_to_numpy, spectrum.low_components(images, radii, inclusive)):
        yield low
        yield images - low


def _scales(images, radii, inclusive, scaling, batch_size):
    """Function of a part's number and the part that returns it scaled."""
    if scaling == "none":
        return lambda index, part: part
    if scaling == "max":
        return lambda index, part: ops.convert_to_numpy(layers.RescaleToMax()(part))
    mean, spread = _moments(images, radii, inclusive, batch_size)

    def match(index, part):
        flat = spread[index] <= SMALLEST_SPREAD
        factor = np.where(flat, 1, spread[0] / np.where(flat, 1, spread[index]))
        shift = np.where(flat, mean[index], mean[0])
        return ((part - mean[index]) * factor + shift).astype(images.dtype)

    return match


def _moments(images, radii, inclusive, batch_size):
    """Mean and standard deviation of each part by channel, ``(1 + 2 radii, channels)`` each."""
    sums = np.zeros((2, 1 + 2 * len(radii), images.shape[-1]))
    for _, parts in _batches(images, radii, inclusive, batch_size):
        for index, part in parts:
            part = part.astype("float64")
            sums[0, index] += part.sum(axis=(0, 1, 2))
            sums[1, index] += np.square(part).sum(axis=(0, 1, 2))
    mean, square = sums / (images.size // images.shape[-1])
    return mean, np.sqrt(np.maximum(square - mean**2, 0))
