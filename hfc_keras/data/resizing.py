"""Images of another size."""

import dataclasses

import keras
import numpy as np

from hfc_keras.data.dataset import Dataset, Split
from hfc_keras.types import Array, Size

BATCH = 256


def resized(dataset: Dataset, image_size: Size | None) -> Dataset:
    """Return a data set whose images have another size.

    Bilinear with antialiasing; uint8 stays uint8 by rounding.

    Args:
        dataset: Dataset.
        image_size: ``(height, width)`` in pixels, or None to leave it as it is.

    Returns:
        Dataset.

    Example:
        >>> from hfc_keras.data.digits import digits
        >>> resized(digits(), (16, 12)).image_shape
        (16, 12, 1)
    """
    if image_size in (None, dataset.image_shape[:2]):
        return dataset
    train, test = (
        Split(resized_pixels(split.pixels, image_size), split.labels)
        for split in (dataset.train, dataset.test)
    )
    return dataclasses.replace(dataset, train=train, test=test)


def resized_pixels(pixels: Array, image_size: Size) -> Array:
    """Return an array of images in another size, in its own dtype.

    Args:
        pixels: array ``(batch, height, width, channels)``, uint8 or float in [0, 1].
        image_size: ``(height, width)`` in pixels.

    Returns:
        Array like ``pixels`` but for the size.

    Example:
        >>> resized_pixels(np.full((2, 8, 8, 1), 7, "uint8"), (4, 6)).shape
        (2, 4, 6, 1)
    """
    out = np.empty((len(pixels), *image_size, pixels.shape[3]), pixels.dtype)
    top = 255 if pixels.dtype == np.uint8 else 1
    for start in range(0, len(pixels), BATCH):
        batch = keras.ops.image.resize(
            pixels[start : start + BATCH].astype("float32"),
            image_size,
            interpolation="bilinear",
            antialias=True,
            data_format="channels_last",
        )
        batch = np.clip(keras.ops.convert_to_numpy(batch), 0, top)
        out[start : start + BATCH] = np.rint(batch) if top == 255 else batch
    return out
