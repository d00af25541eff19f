"""Weather: each function takes images, its parameters and a random generator for each image."""

import functools
from pathlib import Path

import numpy as np

from hfc_keras import checks
from hfc_keras.data import image_files
from hfc_keras.data.corruptions.blurs import enlarged, moved
from hfc_keras.data.corruptions.noises import Generators
from hfc_keras.types import Array, ArrayLike, Floats, PathLike, Size

# Weights of red, green and blue in gray.
GRAY = np.array([0.299, 0.587, 0.114])
# Color of ice.
ICE = np.array([0.86, 0.93, 1.0])
# What photographs of frost are shrunk by for small images.
SHRUNK = {"cifar10": 0.2, "imagenet": 1.0}


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


def fog(images: Floats, parameters: tuple[float, float], rngs: Generators) -> Array:
    """Add a plasma, and shrink the sum to the brightest value of the image."""
    strength, decay = parameters
    maps = strength * np.stack([_plasma_map(images, rng, decay) for rng in rngs])[..., None]
    largest = images.max(axis=(1, 2, 3), keepdims=True)
    return (images + maps) * largest / (largest + strength)


def _plasma_map(images: Array, rng: np.random.Generator, decay: float) -> Floats:
    """Plasma of the size of the images."""
    height, width = images.shape[1:3]
    side = 1 << (max(height, width) - 1).bit_length()
    return plasma(rng.uniform(-1, 1, (1, side, side)), decay)[0, :height, :width]


def snow(images: Floats, parameters: tuple[float, ...], rngs: Generators) -> Array:
    """Lighten the images, and let flakes fall on them, from above and upside down."""
    mean, deviation, zoom, threshold, radius, spread, weight = parameters
    flakes = []
    for rng in rngs:
        layer = enlarged(rng.normal(mean, deviation, (1, *images.shape[1:3])), zoom)[0]
        layer = np.where(layer < threshold, 0, layer).clip(0, 1)
        angle = float(np.deg2rad(rng.uniform(-135, -45)))
        flakes.append(moved(layer[..., None], radius, spread, angle))
    layers = np.stack(flakes)
    gray = images @ GRAY[:, None] if images.shape[-1] == 3 else images
    lightened = weight * images + (1 - weight) * np.maximum(images, 1.5 * gray + 0.5)
    return lightened + layers + layers[:, ::-1, ::-1]


def frost(
    images: Floats,
    parameters: tuple[float, float],
    rngs: Generators,
    textures: PathLike | None = None,
    shrunk: float = 1.0,
) -> Array:
    """Lay frost over the images: generated, or cut from photographs in a folder."""
    weight, strength = parameters
    height, width, channels = images.shape[1:]
    if textures is None:
        layers = np.stack([frost_texture(height, width, rng) for rng in rngs])
    else:
        photographs = _photographs(_pictures(textures), shrunk, (height, width))
        layers = np.stack([_cut(photographs, rng, (height, width)) for rng in rngs])
    return weight * images + strength * (layers if channels == 3 else layers @ GRAY[:, None])


def frost_texture(height: int, width: int, rng: np.random.Generator) -> Floats:
    r"""Texture that resembles frost on a pane: a white film with brighter crystals.

    .. math:: t = 0.2 + 0.4\, p_1 + 0.6 \, p_1 (1 - |2 p_2 - 1|)^6

    with two maps of ``plasma``, :math:`p_1` smooth and :math:`p_2` rough: the crystals are where
    the rough one is near one half, and lie on the thicker parts of the film. Nothing of it is taken
    from the photographs of the published corruption.

    Args:
        height: int, rows, at least 1.
        width: int, columns, at least 1.
        rng: numpy.random.Generator.

    Returns:
        float64 array ``(height, width, 3)`` in [0, 1], bluish.

    Raises:
        ValueError: for a size below 1.

    Example:
        >>> texture = frost_texture(6, 9, np.random.default_rng(0))
        >>> texture.shape, bool(0 <= texture.min() and texture.max() <= 1)
        ((6, 9, 3), True)
    """
    height = checks.number("height", height, 1, whole=True)
    width = checks.number("width", width, 1, whole=True)
    shape = np.empty((1, height, width))
    film, rough = (_plasma_map(shape, rng, decay) for decay in (1.7, 1.25))
    crystals = film * (1 - np.abs(2 * rough - 1)) ** 6
    return (0.2 + 0.4 * film + 0.6 * crystals).clip(0, 1)[..., None] * ICE


def _pictures(folder: PathLike) -> tuple[tuple[Path, int], ...]:
    """Image files of a folder, and when each was written."""
    endings = image_files.endings()
    paths = [each for each in sorted(Path(folder).glob("*")) if each.suffix.lower() in endings]
    checks.require(
        paths, "`frost_textures` must be a folder with image files", frost_textures=str(folder)
    )
    return tuple((each, each.stat().st_mtime_ns) for each in paths)


@functools.lru_cache(maxsize=2)
def _photographs(pictures: tuple[tuple[Path, int], ...], shrunk: float, size: Size) -> list[Floats]:
    """Pictures, shrunk, but at least as large as the images."""
    found = []
    for path, _ in pictures:
        sides = image_files.header(path).size
        scale = max(shrunk, *(want / side for want, side in zip(size, sides, strict=True)))
        height, width = (
            max(want, round(scale * side)) for want, side in zip(size, sides, strict=True)
        )
        pixels, _ = image_files.read(path, False, (height, width))
        found.append(pixels / np.float32(255))
    return found


def _cut(photographs: list[Floats], rng: np.random.Generator, size: Size) -> Floats:
    """Piece of one of some photographs, both at random."""
    chosen = photographs[rng.integers(len(photographs))]
    rows, columns = (
        rng.integers(side - want + 1) + np.arange(want)
        for side, want in zip(chosen.shape[:2], size, strict=True)
    )
    return chosen[np.ix_(rows, columns)]
