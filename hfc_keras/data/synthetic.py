"""Images whose class shows in a low frequency, a high frequency, or both."""

from collections.abc import Sequence

import numpy as np

from hfc_keras import checks
from hfc_keras.data.dataset import Dataset, Split, pair
from hfc_keras.types import Floats, Integers, Size

# Each says, from distances to the center in units of the shorter side, what is inside. All are
# mirror images of themselves, so that flipping an image leaves its class as it is.
SHAPES = {
    "disc": lambda y, x: np.hypot(y, x) < 0.2,
    "horizontal bar": lambda y, x: (abs(y) < 0.08) & (abs(x) < 0.35),
    "vertical bar": lambda y, x: (abs(x) < 0.08) & (abs(y) < 0.35),
    "ring": lambda y, x: abs(np.hypot(y, x) - 0.3) < 0.07,
    "cross": lambda y, x: (np.minimum(abs(y), abs(x)) < 0.07) & (np.maximum(abs(y), abs(x)) < 0.4),
    "saltire": lambda y, x: (abs(abs(y) - abs(x)) < 0.1) & (np.hypot(y, x) < 0.45),
    "dots side by side": lambda y, x: np.hypot(y, abs(x) - 0.22) < 0.1,
    "dots in a column": lambda y, x: np.hypot(abs(y) - 0.22, x) < 0.1,
}
BLOCK = 256


def synthetic(
    examples: int | Sequence[int] = (2000, 500),
    size: int | Sequence[int] = 32,
    channels: int = 3,
    classes: int = 4,
    shape_agreement: float = 1.0,
    texture_agreement: float = 1.0,
    shape_contrast: float = 0.25,
    texture_contrast: float = 0.1,
    noise: float = 0.05,
    seed: int = 0,
) -> Dataset:
    r"""Return images that hold a low-frequency shape and a high-frequency texture.

    .. math::
        x = \tfrac12 + c_s S_a(p - p_0) + c_t \cos(2\pi\, k_b \cdot p + \varphi) + n u

    ``S_a`` is the shape of class a, band-limited to ``size / 8`` cycles per image, without
    mean and with peak 1, at a random place ``p_0``; ``k_b`` is the texture frequency of class b,
    whole cycles per image near ``3 size / 8``, mirrored at random, with random phase; u is
    uniform in [-1, 1]. Flips of an image keep its class.
    With probability *agreement* a cue shows the label's class, otherwise one drawn from all
    classes. A radial filter at ``size / 4`` therefore separates the cues, up to rounding to uint8.

    Args:
        examples: int or ``(train, test)``, how many images.
        size: int or ``(height, width)`` in pixels, from 16; the shorter side counts above.
        channels: int from 1; all channels differ in noise only.
        classes: int in [2, 8]; both splits hold each equally often, give or take one.
        shape_agreement: float in [0, 1]; 0 makes shapes independent of the label.
        texture_agreement: float in [0, 1], the same for textures.
        shape_contrast: float from 0, amplitude ``c_s``.
        texture_contrast: float from 0, amplitude ``c_t``.
        noise: float from 0, amplitude ``n``; the three amplitudes sum to 1/2 at most, so
            that no value is ever clipped.
        seed: int from 0. A split depends on the seed and on its own number of images.

    Returns:
        Dataset of uint8 images ``(batch, height, width, channels)``.

    Raises:
        ValueError: if an argument lies outside its range.

    Example:
        >>> synthetic(examples=(8, 4)).train
        Split(8 images, 32 x 32 x 3, uint8)
    """
    contrasts = [
        checks.number(name, value, 0)
        for name, value in (
            ("shape_contrast", shape_contrast),
            ("texture_contrast", texture_contrast),
            ("noise", noise),
        )
    ]
    checks.require(
        sum(contrasts) <= 0.5 + checks.SLACK,
        "`shape_contrast`, `texture_contrast` and `noise` must sum to at most 0.5",
        sum=sum(contrasts),
    )
    size, classes = pair("size", size, 16), checks.number("classes", classes, 2, 8, whole=True)
    channels = checks.number("channels", channels, 1, whole=True)
    seed = checks.number("seed", seed, 0, whole=True)
    agreements = (
        checks.number("shape_agreement", shape_agreement, 0, 1),
        checks.number("texture_agreement", texture_agreement, 0, 1),
    )
    train, test = (
        _split(
            np.random.default_rng([seed, part]),
            count,
            size,
            channels,
            classes,
            agreements,
            contrasts,
        )
        for part, count in enumerate(pair("examples", examples))
    )
    return Dataset("synthetic", train, test, tuple(SHAPES)[:classes])


def shapes(classes: int, size: Size) -> Floats:
    """Return the band-limited shape of every class, centered on pixel ``[0, 0]``.

    Args:
        classes: int in [1, 8].
        size: ``(height, width)``.

    Returns:
        float32 ``(classes, height, width)``: zero mean, peak 1, no frequency beyond an
        eighth of the shorter side.

    Example:
        >>> shapes(4, (32, 32)).shape
        (4, 32, 32)
    """
    side = min(size)
    rows, columns = (np.fft.fftfreq(n) * n for n in size)
    y, x = np.meshgrid(rows / side, columns / side, indexing="ij")
    inside = np.stack([shape(y, x) for shape in list(SHAPES.values())[:classes]])
    radius = np.hypot(rows[:, None], columns)
    band = (radius > 0) & (radius <= side / 8)
    smooth = np.real(np.fft.ifft2(np.fft.fft2(inside) * band))
    return (smooth / abs(smooth).max(axis=(1, 2), keepdims=True)).astype("float32")


def texture_frequencies(classes: int, size: Size) -> Integers:
    """Return the texture frequency of every class, evenly spread from across to down.

    Args:
        classes: int.
        size: ``(height, width)``.

    Returns:
        int ``(classes, 2)``: cycles per image down and across.

    Example:
        >>> texture_frequencies(4, (32, 32)).tolist()
        [[0, 12], [6, 10], [10, 6], [12, 0]]
    """
    angle = np.linspace(0, np.pi / 2, classes)
    radius = 3 / 8 * min(size)
    return np.rint(radius * np.stack([np.sin(angle), np.cos(angle)], axis=1)).astype(int)


def _split(
    rng: np.random.Generator,
    count: int,
    size: Size,
    channels: int,
    classes: int,
    agreements: tuple[float, float],
    contrasts: Sequence[float],
) -> Split:
    """Draw labels and cues, then render the images block by block."""
    labels = rng.permutation(np.arange(count) % classes)
    shape_class, texture_class = (_cue(rng, labels, agreement, classes) for agreement in agreements)
    place = rng.integers(size, size=(count, 2))
    phase = rng.uniform(0, 2 * np.pi, count)
    mirror = np.stack([np.ones(count, int), rng.choice([-1, 1], count)], axis=1)
    shape_table = shapes(classes, size)
    frequencies = mirror * texture_frequencies(classes, size)[texture_class]
    pixels = np.empty((count, *size, channels), "uint8")
    for start in range(0, count, BLOCK):
        rows = slice(start, start + BLOCK)
        pattern = 0.5 + contrasts[0] * _place(shape_table[shape_class[rows]], place[rows])
        pattern += contrasts[1] * _grating(frequencies[rows], phase[rows], size)
        values = pattern[..., None] + contrasts[2] * rng.uniform(-1, 1, (*pattern.shape, channels))
        pixels[rows] = np.rint(255 * values)
    return Split(pixels, labels)


def _cue(rng: np.random.Generator, labels: Integers, agreement: float, classes: int) -> Integers:
    """Return the class that a cue shows: the label's, or one drawn from all classes."""
    agrees = rng.random(len(labels)) < agreement
    return np.where(agrees, labels, rng.integers(classes, size=len(labels)))


def _place(tables: Floats, place: Integers) -> Floats:
    """Shift every image ``(batch, height, width)`` round the edges to its own place."""
    height, width = tables.shape[1:]
    rows = (np.arange(height) - place[:, :1]) % height
    columns = (np.arange(width) - place[:, 1:]) % width
    return tables[np.arange(len(tables))[:, None, None], rows[:, :, None], columns[:, None, :]]


def _grating(frequencies: Integers, phase: Floats, size: Size) -> Floats:
    """Return ``cos(2 pi (u y / height + v x / width) + phase)``, ``(batch, height, width)``."""
    turns = 2 * np.pi * frequencies
    down = turns[:, :1] * (np.arange(size[0]) / size[0]) + phase[:, None]
    across = turns[:, 1:] * (np.arange(size[1]) / size[1])
    return np.cos(down[:, :, None] + across[:, None, :])
