"""Images of another size."""

import dataclasses

import keras
import numpy as np

from hfc_keras.data.dataset import Split

BATCH = 256


def resized(dataset, image_size):
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
        Split(_resize(split.pixels, image_size), split.labels)
        for split in (dataset.train, dataset.test)
    )
    return dataclasses.replace(dataset, train=train, test=test)


def _resize(pixels, image_size):
    """Resize ``(batch, height, width, channels)`` in batches, in the array's own dtype."""
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
