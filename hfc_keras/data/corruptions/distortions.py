"""Distortions and digital changes: each function takes images, parameters and generators."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

from hfc_keras.data.corruptions.noises import Generators
from hfc_keras.types import Array, Floats

LEVELS = np.float32(255)


def brightness(images: Floats, addition: float, rngs: Generators) -> Array:
    """Raise the value of HSV."""
    # Hue and saturation stay: red, green and blue grow by the same factor as their largest.
    value = images.max(axis=-1, keepdims=True)
    raised = np.minimum(value + addition, 1)
    return np.where(value > 0, images * raised / np.where(value > 0, value, 1), raised)


def contrast(images: Floats, factor: float, rngs: Generators) -> Array:
    """Draw the pixels of each channel together."""
    mean = images.mean(axis=(1, 2), keepdims=True)
    return mean + factor * (images - mean)


def pixelate(images: Floats, scale: float, rngs: Generators) -> Array:
    """Shrink and enlarge the images by boxes."""
    sides = images.shape[2], images.shape[1]
    smaller = [max(1, int(scale * side)) for side in sides]
    box = Image.Resampling.BOX
    return _by_pillow(images, lambda picture: picture.resize(smaller, box).resize(sides, box))


def jpeg_compression(images: Floats, quality: int, rngs: Generators) -> Array:
    """Write each image as a JPEG file and read it again."""

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


def elastic(images: Floats, parameters: tuple[float, float, float], rngs: Generators) -> Array:
    """Distort each image by an affine map, then by a smooth field, both at random."""
    pairs = zip(images, rngs, strict=True)
    return np.stack([_distorted(image, parameters, rng) for image, rng in pairs])


def _distorted(
    image: Array, parameters: tuple[float, float, float], rng: np.random.Generator
) -> Array:
    height, width = image.shape[:2]
    strength, smoothness, reach = (min(height, width) * part for part in parameters)
    places = np.indices((height, width), "float64")
    matrix = _random_map(height, width, reach, rng)
    image = _taken(
        image, np.tensordot(matrix[:2].T, places, 1) + matrix[2, :, None, None], "mirror"
    )
    field = rng.uniform(-1, 1, (2, height, width))
    smooth = [
        ndimage.gaussian_filter(each, smoothness, mode="reflect", truncate=3) for each in field
    ]
    return _taken(image, places + strength * np.stack(smooth), "reflect")


def _random_map(height: int, width: int, reach: float, rng: np.random.Generator) -> Floats:
    """Matrix ``(3, 2)`` that takes a place of the result, and 1, to one of the image.

    Three corners of a square in the middle are displaced by up to the reach in rows and columns.
    """
    center = np.array([height // 2, width // 2], "float64")
    half = max(min(height, width) // 3, 1)
    corners = center + half * np.array([[1, 1], [-1, 1], [-1, -1]])
    displaced = corners + rng.uniform(-reach, reach, corners.shape)
    return np.linalg.solve(np.concatenate([displaced, np.ones((3, 1))], axis=1), corners)


def _taken(image: Array, places: Floats, mode: str) -> Array:
    """Values of an image at places ``(2, height, width)``, bilinear, channel by channel."""
    channels = [
        ndimage.map_coordinates(image[..., index], places, order=1, mode=mode)
        for index in range(image.shape[-1])
    ]
    return np.stack(channels, axis=-1)
