"""How tested components are scaled: as they are, to a maximum of 1, or like the images."""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from keras import ops

from hfc_keras import checks, layers, spectrum
from hfc_keras.types import Array, Floats, MaskShape, PixelRange, RadiusUnit, Scaling, Tensor

KINDS = ("none", "max", "spread", "matched")
# A component whose spread is rounding error of float32 pixels holds no image.
SMALLEST_SPREAD = 1e-6


def scaled_components(
    images: Floats,
    radii: Sequence[float],
    inclusive: bool = True,
    scaling: Scaling = "none",
    batch_size: int = 256,
    outside_gain: float = 0.0,
    mask: MaskShape = "disc",
    unit: RadiusUnit = "cycles",
    clip: Sequence[float] | None = None,
) -> Iterator[tuple[slice, Iterator[Array]]]:
    r"""Yield batches of images with their components at several radii.

    - ``"none"``: components as they are.
    - ``"max"``: each divided by its maximum (``layers.RescaleToMax``), as the released code of
      the CVPR 2020 paper does.
    - ``"spread"``: the standard deviation :math:`\sigma` of each component brought to that of the
      images, channel by channel, over all images at once; its mean :math:`\mu` stays:

      .. math:: c' = \mu_c + \sigma_x \, (c - \mu_c) / \sigma_c

    - ``"matched"``: the mean, too, as a batch normalization of the input would do:

      .. math:: c' = \mu_x + \sigma_x \, (c - \mu_c) / \sigma_c

    The last two are the same for every image: a batch plays no part. A component without spread
    is returned as it is.

    The images themselves are never scaled.

    Args:
        images: float array ``(examples, height, width, channels)``.
        radii: sequence of floats, in the unit.
        inclusive: bool, ``<=`` or ``<`` at the rim.
        scaling: ``"none"``, ``"max"``, ``"spread"`` or ``"matched"``.
        batch_size: int, images per batch.
        outside_gain: float in [0, 1], what remains of the high frequencies in the low component
            and is missing in the high one, see ``layers.RadialFilter``.
        mask: ``"disc"`` or ``"square"``, see ``spectrum.radial_mask``.
        unit: ``"cycles"`` or ``"nyquist"``, see there.
        clip: ``(smallest, largest)`` that components are clipped to once they are scaled, or None.

    Yields:
        ``(rows, parts)``: a slice of the examples, and an iterator over float arrays like
        ``images[rows]``: the images, then low and high for each radius.

    Raises:
        ValueError: for another scaling, or radii that ``spectrum.low_components`` refuses.

    Example:
        >>> images = np.random.default_rng(0).random((5, 8, 8, 1), "float32")
        >>> (_, parts), = scaled_components(images, [2], scaling="matched")
        >>> [bool(abs(part.std() - images.std()) < 1e-4) for part in parts]
        [True, True, True]
    """
    checks.choice("scaling", scaling, KINDS)
    gain = checks.number("outside_gain", outside_gain, minimum=0, maximum=1)
    low = functools.partial(
        spectrum.low_components, radii=radii, inclusive=inclusive, mask=mask, unit=unit
    )
    split = functools.partial(_parts, filtered=low, gain=gain)
    scale = _clipped(_scales(images, split, scaling, batch_size), spectrum.clipping(clip))
    for rows in _rows(images, batch_size):
        parts = enumerate(split(images[rows]))
        yield rows, (part if index == 0 else scale(index, part) for index, part in parts)


def _rows(images: Array, batch_size: int) -> Iterator[slice]:
    return (slice(start, start + batch_size) for start in range(0, len(images), batch_size))


def _parts(
    images: Floats, filtered: Callable[[Array], Sequence[Tensor]], gain: float
) -> Iterator[Array]:
    """Yield the images, then low and high for each radius."""
    yield images
    for low in map(ops.convert_to_numpy, filtered(images)):
        low = low + gain * (images - low) if gain else low
        yield low
        yield images - low


def _clipped(
    scale: Callable[[int, Array], Array], limits: PixelRange | None
) -> Callable[[int, Array], Array]:
    """Function that also clips what another returns."""
    if limits is None:
        return scale
    return lambda index, part: np.clip(scale(index, part), *limits)


def _scales(
    images: Floats, split: Callable[[Array], Iterator[Array]], scaling: Scaling, batch_size: int
) -> Callable[[int, Array], Array]:
    """Function of a part's number and the part that returns it scaled."""
    if scaling == "none":
        return lambda index, part: part
    if scaling == "max":
        return lambda index, part: ops.convert_to_numpy(layers.RescaleToMax()(part))
    mean, spread = _moments(images, split, batch_size)

    def match(index: int, part: Array) -> Array:
        flat = spread[index] <= SMALLEST_SPREAD
        factor = np.where(flat, 1, spread[0] / np.where(flat, 1, spread[index]))
        center = np.where(flat, mean[index], mean[0 if scaling == "matched" else index])
        return ((part - mean[index]) * factor + center).astype(images.dtype)

    return match


def _moments(
    images: Floats, split: Callable[[Array], Iterator[Array]], batch_size: int
) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each part by channel, ``(parts, channels)`` each."""
    sums = 0
    for rows in _rows(images, batch_size):
        parts = [part.astype("float64") for part in split(images[rows])]
        sums += np.array(
            [[(part**power).sum(axis=(0, 1, 2)) for part in parts] for power in (1, 2)]
        )
    mean, square = sums / (images.size // images.shape[-1])
    return mean, np.sqrt(np.maximum(square - mean**2, 0))
