"""One corruption of some images."""

import functools
import zlib

import numpy as np

from hfc_keras import checks
from hfc_keras.data.corruptions import blurs, distortions, noises, weather
from hfc_keras.data.corruptions.parameters import CORRUPTIONS, PARAMETERS, table_for
from hfc_keras.types import ArrayLike, Floats, PathLike

LEVELS = np.float32(255)
CHANGES = {
    "gaussian_noise": noises.gaussian_noise,
    "shot_noise": noises.shot_noise,
    "impulse_noise": noises.impulse_noise,
    "defocus_blur": blurs.defocus_blur,
    "frosted_glass_blur": blurs.frosted_glass_blur,
    "motion_blur": blurs.motion_blur,
    "zoom_blur": blurs.zoom_blur,
    "snow": weather.snow,
    "frost": weather.frost,
    "fog": weather.fog,
    "brightness": distortions.brightness,
    "contrast": distortions.contrast,
    "elastic": distortions.elastic,
    "pixelate": distortions.pixelate,
    "jpeg_compression": distortions.jpeg_compression,
}
# What is drawn for an image is the same at every severity.
ALIKE = ("motion_blur", "snow", "frost", "elastic")


def corrupt(
    images: ArrayLike,
    name: str,
    severity: int = 3,
    seed: int = 0,
    start: int = 0,
    parameters: str | None = None,
    frost_textures: PathLike | None = None,
) -> Floats:
    r"""Return images under one of the common corruptions.

    With pixels :math:`x`, clipped to [0, 1] and rounded to multiples of 1/255 afterwards:

    - ``gaussian_noise``: :math:`x + \sigma n`, n standard normal;
    - ``shot_noise``: :math:`\mathrm{Poisson}(c x) / c`;
    - ``impulse_noise``: a share of the values, each by itself, becomes 0 or 1, equally often;
    - ``defocus_blur``: convolution with ``disk_kernel``, mirrored at the border;
    - ``frosted_glass_blur``: a Gaussian blur, then pixels moved by ``nearby_sources``, then the
      blur again;
    - ``motion_blur``: convolution with ``motion_kernel`` at an angle of up to 45 degrees;
    - ``zoom_blur``: mean of x and of enlargements of its middle, bilinear;
    - ``snow``: x lightened, plus flakes, thresholded normal noise in motion, and the same flakes
      upside down;
    - ``frost``: :math:`a x + b f`, f of ``frost_texture``, or a piece of a photograph;
    - ``fog``: :math:`(x + a p) \frac{m}{m + a}`, m the largest value of the image, p of ``plasma``;
    - ``brightness``: :math:`V + b` in HSV (for one channel the value itself);
    - ``contrast``: :math:`\mu + c (x - \mu)`, the mean :math:`\mu` of each channel of each image;
    - ``elastic``: a random affine map, then a smooth random field of displacements, bilinear;
    - ``pixelate``: shrunk by a box filter to a share of its sides, and enlarged by one;
    - ``jpeg_compression``: written as a JPEG file of some quality and read again.

    **Generated here, neither CIFAR-10-C nor ImageNet-C.** The parameters are those of CIFAR-10-C,
    made for 32 pixels, and, for images whose sides are 64 pixels or more, those of ImageNet-C, made
    for 224; either are taken for any size as they are, but for ``elastic``, which goes with the
    size. The random numbers are others; and the published images cut values down to a level where
    this rounds them. Report both apart. JPEG may differ by a level between versions of Pillow.

    **Frost is not the published one at all** unless ``frost_textures`` has its photographs, which
    are not part of this package: a generated texture stands for them, so that accuracies under it
    can be compared with each other, and not with published ones.

    Severities grow as published, which is not always by the change of the pixels: ``motion_blur``
    of CIFAR-10-C is the same at severity 3 and 4, ``elastic`` distorts by other means from one to
    the next, and ``frost`` darkens the image as it lays on more.

    Args:
        images: float ``(batch, height, width, channels)`` in [0, 1], one or three channels.
        name: str, one of ``CORRUPTIONS``.
        severity: int from 1 to 5.
        seed: int from 0. What is random of an image is drawn from the seed, the name and the
            position of the image, for noise, fog and frosted glass also from the severity.
        start: int from 0, position of the first image, so that a call on ``images[i:]`` with
            ``start=i`` gives the rows i and on of a call on ``images``.
        parameters: ``"cifar10"``, ``"imagenet"``, or None for those that go with the size.
        frost_textures: str or path of a folder of photographs of frost, or None for a generated
            texture. For parameters of CIFAR-10-C they are shrunk to a fifth, as published.

    Returns:
        float32 array like ``images``, multiples of 1/255 in [0, 1].

    Raises:
        ValueError: for pixels outside [0, 1], integers, another number of channels, an unknown
            name (the nearest are named), another severity, a negative seed or start, other
            parameters, or a folder without image files.

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
    table = table_for(*images.shape[1:3]) if parameters is None else parameters
    chosen = PARAMETERS[checks.choice("parameters", table, PARAMETERS)][name][severity - 1]
    key = (seed, zlib.crc32(name.encode()), *(() if name in ALIKE else (severity,)))
    rngs = (np.random.default_rng([*key, start + row]) for row in range(len(images)))
    change = CHANGES[name]
    if name == "frost":
        change = functools.partial(change, textures=frost_textures, shrunk=weather.SHRUNK[table])
    changed = change(images, chosen, rngs)
    return np.rint(LEVELS * np.clip(changed, 0, 1)).astype("float32") / LEVELS
