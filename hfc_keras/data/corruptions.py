"""Common corruptions of images, generated with the published parameters of CIFAR-10-C."""

import io
import zlib
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image
from scipy import ndimage

from hfc_keras import checks
from hfc_keras.types import Array, ArrayLike, Floats

# Of severity 1 to 5: standard deviation; photons a pixel; share of values; radius and blur of the
# disk; strength and decay of the fog; addition to the HSV value; factor; scale; quality.
PARAMETERS = {
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.10),
    "shot_noise": (500, 250, 100, 75, 50),
    "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "defocus_blur": ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    "fog": ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),
    "jpeg_compression": (80, 65, 58, 50, 40),
}
CORRUPTIONS = tuple(PARAMETERS)
LEVELS = np.float32(255)


def corrupt(
    images: ArrayLike, name: str, severity: int = 3, seed: int = 0, start: int = 0
) -> Floats:
    r"""Return images under one of the common corruptions.

    With pixels :math:`x`, clipped to [0, 1] and rounded to multiples of 1/255 afterwards:

    - ``gaussian_noise``: :math:`x + \sigma n`, n standard normal;
    - ``shot_noise``: :math:`\mathrm{Poisson}(c x) / c`;
    - ``impulse_noise``: a share of the values, each by itself, becomes 0 or 1, equally often;
    - ``defocus_blur``: convolution with ``disk_kernel``, mirrored at the border;
    - ``fog``: :math:`(x + a p) \frac{m}{m + a}`, m the largest value of the image, p of ``plasma``;
    - ``brightness``: :math:`V + b` in HSV (for one channel the value itself);
    - ``contrast``: :math:`\mu + c (x - \mu)`, the mean :math:`\mu` of each channel of each image;
    - ``pixelate``: shrunk by a box filter to a share of its sides, and enlarged by one;
    - ``jpeg_compression``: written as a JPEG file of some quality and read again.

    **Generated here, not CIFAR-10-C itself.** The parameters are those of CIFAR-10-C, for any size
    of image (so that kernels and files are made for 32 pixels), the random numbers are not; and
    CIFAR-10-C cuts values down to a level where this rounds them. Report both apart. JPEG may
    differ by a level between versions of Pillow.

    Args:
        images: float ``(batch, height, width, channels)`` in [0, 1], one or three channels.
        name: str, one of ``CORRUPTIONS``.
        severity: int from 1 to 5.
        seed: int from 0. Noise and fog of an image are drawn from the seed, the name, the severity
            and the position of the image.
        start: int from 0, position of the first image, so that a call on ``images[i:]`` with
            ``start=i`` gives the rows i and on of a call on ``images``.

    Returns:
        float32 array like ``images``, multiples of 1/255 in [0, 1].

    Raises:
        ValueError: for pixels outside [0, 1], integers, another number of channels, an unknown
            name (the nearest are named), another severity, a negative seed or start.

    Reference:
        Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
        Perturbations, ICLR 2019.

    Example:
        >>> images = np.full((2, 8, 8, 3), 0.5)
        >>> bright = corrupt(images, "brightness", severity=2)
        >>> round(float(bright.mean()), 2)
        0.6
        >>> whole = corrupt(images, "fog", seed=1)
        >>> bool((corrupt(images[1:], "fog", seed=1, start=1) == whole[1:]).all())
        True
    """
    images = checks.pixels(images)
    checks.require(
        images.shape[-1] in (1, 3),
        "`images` must have one or three channels",
        **{"images.shape": images.shape},
    )
    checks.choice("name", name, CORRUPTIONS)
    severity = checks.number("severity", severity, 1, 5, whole=True)
    seed = checks.number("seed", seed, 0, whole=True)
    start = checks.number("start", start, 0, whole=True)
    key = (seed, zlib.crc32(name.encode()), severity)
    rngs = (np.random.default_rng([*key, start + row]) for row in range(len(images)))
    changed = _CHANGES[name](images, PARAMETERS[name][severity - 1], rngs)
    return np.rint(LEVELS * np.clip(changed, 0, 1)).astype("float32") / LEVELS


def disk_kernel(radius: float, blur: float) -> Floats:
    r"""Kernel of a lens out of focus: a disk, its rim blurred.

    .. math:: k = d * g, \qquad d(u, v) \propto [u^2 + v^2 \le r^2], \qquad
              g(u, v) \propto e^{-(u^2 + v^2) / 2 b^2}, \; |u|, |v| \le 1

    Below a radius of 1 the disk is a single pixel, and the kernel a Gaussian of 3 x 3 pixels.

    Args:
        radius: float, pixels, at least 0.
        blur: float, pixels, above 0.

    Returns:
        float64 array ``(side, side)`` that sums to 1, ``side = 2 floor(radius) + 3``.

    Raises:
        ValueError: for a number out of range.

    Example:
        >>> disk_kernel(1, 0.1).round(3)[2].tolist()
        [0.0, 0.2, 0.2, 0.2, 0.0]
    """
    radius = checks.number("radius", radius, minimum=0)
    blur = checks.number("blur", blur, minimum=1e-3)
    reach = int(radius) + 1
    squares = np.arange(-reach, reach + 1) ** 2
    disk = (squares[:, None] + squares <= radius**2).astype("float64")
    taps = np.exp(-np.array([1, 0, 1]) / (2 * blur**2))
    gauss = np.outer(taps, taps)
    return ndimage.convolve(disk / disk.sum(), gauss / gauss.sum(), mode="constant")


def plasma(noise: ArrayLike, decay: float) -> Floats:
    r"""Plasma fractals by the diamond-square method, periodic and scaled to [0, 1].

    Starting from one point, the side doubles in each round: the center of each square is the mean
    of its four corners, then the middle of each edge that of its two ends and the two centers
    beside it, and each is displaced by :math:`s\,u`, u uniform in [-1, 1]. From round to round

    .. math:: s \leftarrow s / \mathrm{decay}^2,

    squared because the published maps multiply two factors that decay alike.

    Args:
        noise: float ``(batch, side, side)`` in [-1, 1], the displacements u; side a power of two.
        decay: float above 0; the larger, the smoother.

    Returns:
        float64 array like ``noise``; each map has minimum 0 and, unless constant, maximum 1.

    Raises:
        ValueError: for another shape, or a decay out of range.

    Reference:
        Fournier et al., Computer Rendering of Stochastic Models, CACM 1982.

    Example:
        >>> noise = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8))
        >>> heights = plasma(noise, 2)
        >>> heights.shape, float(heights.min()), float(heights.max())
        ((2, 8, 8), 0.0, 1.0)
    """
    noise, decay = np.asarray(noise, "float64"), checks.number("decay", decay, minimum=1e-3)
    step = noise.shape[-1] if noise.ndim == 3 else 0
    checks.require(
        step > 0 and noise.shape[1] == step and step & (step - 1) == 0,
        "`noise` must be (batch, side, side), side a power of two",
        **{"noise.shape": noise.shape},
    )
    heights, size = np.zeros((len(noise), 1, 1)), 1.0
    while step > 1:
        heights = _doubled(heights, size * noise[:, :: step // 2, :: step // 2])
        step, size = step // 2, size / decay**2
    heights -= heights.min(axis=(1, 2), keepdims=True)
    highest = heights.max(axis=(1, 2), keepdims=True)
    return heights / np.where(highest > 0, highest, 1)


def _doubled(heights: Floats, displacements: Floats) -> Floats:
    """Maps of twice the side; old points stay where they are."""
    right, below = (np.roll(heights, -1, axis) for axis in (2, 1))
    centres = (heights + right + below + np.roll(right, -1, 1)) / 4 + displacements[:, 1::2, 1::2]
    fine = np.empty(displacements.shape)
    fine[:, ::2, ::2], fine[:, 1::2, 1::2] = heights, centres
    fine[:, ::2, 1::2] = (heights + right + centres + np.roll(centres, 1, 1)) / 4
    fine[:, 1::2, ::2] = (heights + below + centres + np.roll(centres, 1, 2)) / 4
    fine[:, ::2, 1::2] += displacements[:, ::2, 1::2]
    fine[:, 1::2, ::2] += displacements[:, 1::2, ::2]
    return fine


def _gaussian_noise(images: Floats, deviation: float, rngs: Iterable[np.random.Generator]) -> Array:
    noise = [rng.standard_normal(images.shape[1:], "float32") for rng in rngs]
    return images + deviation * np.stack(noise)


def _shot_noise(images: Floats, photons: float, rngs: Iterable[np.random.Generator]) -> Array:
    counts = [rng.poisson(photons * image) for image, rng in zip(images, rngs, strict=True)]
    return np.stack(counts) / photons


def _impulse_noise(images: Floats, share: float, rngs: Iterable[np.random.Generator]) -> Array:
    lots = np.stack([rng.random(images.shape[1:]) for rng in rngs])
    return np.where(lots < share, lots < share / 2, images)


def _defocus_blur(
    images: Floats, parameters: tuple[float, float], rngs: Iterable[np.random.Generator]
) -> Array:
    return ndimage.convolve(images, disk_kernel(*parameters)[None, :, :, None], mode="mirror")


def _fog(
    images: Floats, parameters: tuple[float, float], rngs: Iterable[np.random.Generator]
) -> Array:
    strength, decay = parameters
    height, width = images.shape[1:3]
    side = 1 << (max(height, width) - 1).bit_length()
    noise = np.stack([rng.uniform(-1, 1, (side, side)) for rng in rngs])
    fog = strength * plasma(noise, decay)[:, :height, :width, None]
    largest = images.max(axis=(1, 2, 3), keepdims=True)
    return (images + fog) * largest / (largest + strength)


def _brightness(images: Floats, addition: float, rngs: Iterable[np.random.Generator]) -> Array:
    # Hue and saturation stay: red, green and blue grow by the same factor as their largest.
    value = images.max(axis=-1, keepdims=True)
    raised = np.minimum(value + addition, 1)
    return np.where(value > 0, images * raised / np.where(value > 0, value, 1), raised)


def _contrast(images: Floats, factor: float, rngs: Iterable[np.random.Generator]) -> Array:
    mean = images.mean(axis=(1, 2), keepdims=True)
    return mean + factor * (images - mean)


def _pixelate(images: Floats, scale: float, rngs: Iterable[np.random.Generator]) -> Array:
    sides = images.shape[2], images.shape[1]
    smaller = [max(1, int(scale * side)) for side in sides]
    box = Image.Resampling.BOX
    return _by_pillow(images, lambda picture: picture.resize(smaller, box).resize(sides, box))


def _jpeg_compression(images: Floats, quality: int, rngs: Iterable[np.random.Generator]) -> Array:
    def compressed(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return _by_pillow(images, compressed)


def _by_pillow(images: Floats, change: Callable[[Image.Image], Image.Image]) -> Array:
    levels = np.rint(LEVELS * images).astype("uint8")
    levels = levels[..., 0] if images.shape[-1] == 1 else levels
    changed = np.stack([np.asarray(change(Image.fromarray(level))) for level in levels])
    return changed.reshape(images.shape) / LEVELS


_CHANGES = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "impulse_noise": _impulse_noise,
    "defocus_blur": _defocus_blur,
    "fog": _fog,
    "brightness": _brightness,
    "contrast": _contrast,
    "pixelate": _pixelate,
    "jpeg_compression": _jpeg_compression,
}
