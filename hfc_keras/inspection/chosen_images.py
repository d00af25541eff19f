"""The images that a profile is made of, chosen of those that were given."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hfc_keras import checks, data
from hfc_keras.analysis import inputs
from hfc_keras.arrays import as_array
from hfc_keras.data.dataset import stored_pixels, subset_rows
from hfc_keras.inspection import arguments
from hfc_keras.types import Array, ArrayLike, Floats, Integers


class ChosenImages(NamedTuple):
    """Images with what is known of each.

    Args:
        pixels: float32 ``(examples, height, width, channels)`` in [0, 1].
        labels: int or one-hot array, or None.
        sources: list of str, where each image is from.
    """

    pixels: Floats
    labels: Array | None
    sources: list[str]


def chosen_images(
    images: Any, labels: ArrayLike | None, examples: int | None, seed: int, sources: Sequence[str]
) -> ChosenImages:
    """Choose images, see ``inspect`` for what may be given.

    Args:
        images: what holds the images.
        labels: labels, or None.
        examples: int or None, images at most.
        seed: int from 0, of the draw.
        sources: list of str, one per image, or none.

    Returns:
        ChosenImages.

    Raises:
        ValueError: for what are no images, or labels or sources that are not as many.
    """
    given, labels = _given(images, labels)
    pixels, rows = _images(given, examples, seed)
    count = len(given)
    return ChosenImages(pixels, _labels(labels, count, rows), _sources(sources, count, rows))


def population_images(images: Any, count: int, seed: int) -> Floats | None:
    """Choose training images for population statistics, as many as go through a model at once.

    Args:
        images: what holds them, or None.
        count: int, how many at most.
        seed: int from 0, of the draw.

    Returns:
        float32 array in [0, 1], or None.

    Raises:
        ValueError: for what are no images.
    """
    if images is None:
        return None
    # They go through the model a large batch at a time, layer by layer.
    name = "train_images"
    return _images(_given(images, None, name)[0], count, seed, name)[0]


def _given(
    images: Any, labels: ArrayLike | None, name: str = "images"
) -> tuple[Any, ArrayLike | None]:
    """Images and labels; levels stay levels until some of them are chosen."""
    arguments.no_path(name, images)
    if isinstance(images, data.Split) and labels is None:
        return images.pixels, images.labels
    if isinstance(images, np.ndarray) and images.dtype == np.uint8:
        return images, labels
    return inputs.given(images, labels, name)


def _images(
    images: Any, examples: int | None, seed: int, name: str = "images"
) -> tuple[Floats, Integers]:
    """Images as float32 in [0, 1], and which rows they are."""
    pixels: Array = stored_pixels(images, name)
    limit = None if examples is None else checks.number("examples", examples, 1, whole=True)
    rows = subset_rows(len(pixels), limit, seed)
    chosen = pixels if len(rows) == len(pixels) else pixels[rows]
    if chosen.dtype == np.uint8:
        chosen = np.divide(chosen, np.float32(255), dtype="float32")
    return chosen, rows


def _labels(labels: ArrayLike | None, examples: int, rows: Integers) -> Array | None:
    """Labels of the chosen images; one-hot still, so that their classes can be counted."""
    if labels is None:
        return None
    checks.class_indices(labels, examples)
    return as_array(labels)[rows]


def _sources(sources: Sequence[str], examples: int, rows: Integers) -> list[str]:
    """Where the chosen images are from."""
    checks.require(
        not sources or len(sources) == examples,
        f"`sources` must name each of the {examples} images",
        sources=len(sources),
    )
    return [str(sources[row] if sources else row) for row in rows]
