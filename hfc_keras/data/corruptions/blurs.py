"""Blurs: each function takes images, its parameters and a random generator for each image."""

import numpy as np
from scipy import ndimage, signal

from hfc_keras import checks
from hfc_keras.data.corruptions.noises import Generators
from hfc_keras.types import Array, Floats, Integers

# Side of a kernel from which the transform is faster than a sum.
FAST = 9
# Radius beyond which the rim of the disk is blurred over five pixels instead of three.
WIDE = 8


def disk_kernel(radius: float, blur: float) -> Floats:
    r"""Kernel of a lens out of focus: a disk, its rim blurred.

    .. math:: k = d * g, \qquad d(u, v) \propto [u^2 + v^2 \le r^2], \qquad
              g(u, v) \propto e^{-(u^2 + v^2) / 2 b^2}, \; |u|, |v| \le m

    with m = 1, or 2 for a radius above 8. Below a radius of 1 the disk is a single pixel, and the
    kernel a Gaussian of 3 x 3 pixels.

    Args:
        radius: float, pixels, at least 0.
        blur: float, pixels, above 0.

    Returns:
        float64 array ``(side, side)`` that sums to 1, ``side = 2 floor(radius) + 2 m + 1``.

    Raises:
        ValueError: for a number out of range.

    Example:
        >>> disk_kernel(1, 0.1).round(3)[2].tolist()
        [0.0, 0.2, 0.2, 0.2, 0.0]
    """
    radius = checks.number("radius", radius, minimum=0)
    blur = checks.number("blur", blur, minimum=1e-3)
    rim = 1 if radius <= WIDE else 2
    reach = int(radius) + rim
    squares = np.arange(-reach, reach + 1) ** 2
    disk = (squares[:, None] + squares <= radius**2).astype("float64")
    taps = np.exp(-(np.arange(-rim, rim + 1) ** 2) / (2 * blur**2))
    gauss = np.outer(taps, taps)
    return ndimage.convolve(disk / disk.sum(), gauss / gauss.sum(), mode="constant")


def defocus_blur(images: Floats, parameters: tuple[float, float], rngs: Generators) -> Array:
    """Convolve with a disk, mirrored at the border."""
    kernel = disk_kernel(*parameters)[None, :, :, None]
    if kernel.shape[1] <= FAST:
        return ndimage.convolve(images, kernel, mode="mirror")
    reach = kernel.shape[1] // 2
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
    return signal.oaconvolve(padded, kernel, mode="valid", axes=(1, 2))


def frosted_glass_blur(
    images: Floats, parameters: tuple[float, int, int], rngs: Generators
) -> Array:
    """Blur, let pixels take the values of others nearby, once or more, and blur again."""
    deviation, reach, times = parameters
    softened = ndimage.gaussian_filter(images, (0, deviation, deviation, 0), mode="nearest")
    height, width, channels = images.shape[1:]
    values = softened.reshape(len(images), height * width, channels)
    for row, rng in enumerate(rngs):
        for _ in range(times):
            values[row] = values[row][nearby_sources(height, width, reach, rng)]
    shuffled = values.reshape(images.shape)
    return ndimage.gaussian_filter(shuffled, (0, deviation, deviation, 0), mode="nearest")


def nearby_sources(height: int, width: int, reach: int, rng: np.random.Generator) -> Integers:
    r"""Where each pixel behind frosted glass comes from.

    From the last pixel to the first, leaving a rim, each takes the value that one up to ``reach``
    pixels away has then:

    .. math:: x_{r, c} \leftarrow x_{r + i,\ c + j}, \qquad i, j \in \{-m, \dots, m - 1\}

    The released code is written as a swap of the two. On images with channels NumPy makes a copy
    of it, and so are the published images.

    Args:
        height: int, rows.
        width: int, columns.
        reach: int from 1, m in pixels.
        rng: numpy.random.Generator.

    Returns:
        int array ``(height * width,)``: for each pixel, row by row, the index of its source.

    Raises:
        ValueError: for a reach below 1.

    Example:
        >>> sources = nearby_sources(4, 4, 1, np.random.default_rng(0)).reshape(4, 4)
        >>> sources[:2].tolist()
        [[0, 1, 2, 3], [4, 5, 6, 7]]
    """
    reach = checks.number("reach", reach, minimum=1, whole=True)
    pixels = np.arange(height * width)
    taken = pixels.reshape(height, width).copy()
    rows, columns = (np.arange(reach + 1, side - reach + 1) for side in (height, width))
    down, across = rng.integers(-reach, reach, (2, len(rows), len(columns)))
    taken[np.ix_(rows, columns)] = (rows[:, None] + down) * width + columns + across
    taken = taken.ravel()
    # A later pixel has changed already: what it has then is what it took itself, and so on.
    last = np.where(taken > pixels, taken, pixels)
    while (last != last[last]).any():
        last = last[last]
    return taken[last]


def motion_kernel(radius: float, deviation: float, angle: float) -> tuple[Integers, Floats]:
    r"""Where a moving camera takes a pixel from, and with what weight.

    .. math:: w_i \propto e^{-i^2 / 2 \sigma^2}, \qquad
              o_i = \lceil i \, (\sin \varphi, \cos \varphi) - \tfrac12 \rceil, \qquad
              i = 0 \dots 2 \lceil r \rceil

    One half of a Gaussian, which only ever looks ahead, as ImageMagick has it.

    Args:
        radius: float, pixels, above 0.
        deviation: float, pixels, above 0.
        angle: float, radians, from the columns to the rows.

    Returns:
        ``(offsets, weights)``: int ``(taps, 2)``, rows and columns, and float64 ``(taps,)`` that
        sums to 1.

    Raises:
        ValueError: for a number out of range.

    Example:
        >>> offsets, weights = motion_kernel(1, 1, 0.0)
        >>> offsets.tolist(), weights.round(3).tolist()
        ([[0, 0], [0, 1], [0, 2]], [0.574, 0.348, 0.078])
    """
    radius = checks.number("radius", radius, minimum=1e-3)
    deviation = checks.number("deviation", deviation, minimum=1e-3)
    angle = checks.number("angle", angle)
    index = np.arange(2 * int(np.ceil(radius)) + 1)
    weights = np.exp(-(index**2) / (2 * deviation**2))
    ahead = index[:, None] * np.array([np.sin(angle), np.cos(angle)])
    return np.ceil(ahead - 0.5).astype(int), weights / weights.sum()


def moved(image: Array, radius: float, deviation: float, angle: float) -> Array:
    """One image ``(height, width, channels)`` in motion; beyond its border its rim goes on."""
    found = np.zeros(image.shape)
    rows, columns = (np.arange(side) for side in image.shape[:2])
    for (down, across), weight in zip(*motion_kernel(radius, deviation, angle), strict=True):
        chosen = (rows + down).clip(0, len(rows) - 1), (columns + across).clip(0, len(columns) - 1)
        found += weight * image[np.ix_(*chosen)]
    return found


def motion_blur(images: Floats, parameters: tuple[float, float], rngs: Generators) -> Array:
    """Move each image along a direction of its own, up to 45 degrees from the rows."""
    pairs = zip(images, rngs, strict=True)
    return np.stack([moved(image, *parameters, _angle(rng, -45, 45)) for image, rng in pairs])


def zoom_blur(images: Floats, parameters: tuple[float, float], rngs: Generators) -> Array:
    """Mean of the images and of enlargements of their middle."""
    end, step = parameters
    factors = np.arange(1, end, step)
    total = images + sum(enlarged(images, factor) for factor in factors)
    return total / (len(factors) + 1)


def enlarged(images: Array, factor: float) -> Array:
    """Middle of images ``(batch, height, width, ...)``, enlarged to their size, bilinear."""
    for axis in (1, 2):
        low, high, share = _sources(images.shape[axis], factor)
        weight = share.reshape([-1 if each == axis else 1 for each in range(images.ndim)])
        images = images.take(low, axis) * (1 - weight) + images.take(high, axis) * weight
    return images


def _sources(side: int, factor: float) -> tuple[Integers, Integers, Floats]:
    """Two places of a side that each place of it is taken from, and the weight of the second."""
    cut = int(np.ceil(side / factor))
    length = round(cut * factor)
    first, skipped = (side - cut) // 2, (length - side) // 2
    # The ends of what is cut out become the ends of what it is enlarged to.
    places = (skipped + np.arange(side)) * (cut - 1) / max(length - 1, 1)
    low = np.minimum(places.astype(int), max(cut - 2, 0))
    return first + low, first + np.minimum(low + 1, cut - 1), places - low


def _angle(rng: np.random.Generator, low: float, high: float) -> float:
    """Random angle between two, given in degrees, in radians."""
    return float(np.deg2rad(rng.uniform(low, high)))
