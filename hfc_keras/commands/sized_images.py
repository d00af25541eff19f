"""Test images in a size that a model takes."""

from collections.abc import Sequence

import keras

from hfc_keras import data
from hfc_keras.types import PathLike, Size


def sized_images(
    model: keras.Model,
    name: PathLike,
    data_dir: PathLike | None = None,
    examples: int | Sequence[int] | None = None,
    seed: int = 0,
    image_size: int | Sequence[int] | None = None,
) -> tuple[data.Dataset, Size | None]:
    """Return a data set in a size of the user's choice, its own, or else the model's.

    Images that have one size, the model's, or whose model takes any size, stay as they are.
    Those of several sizes, or of another size than the model's, are resized to the model's.

    Args:
        model: keras.Model.
        name: str or path, see ``data.load``.
        data_dir: str, path or None, see ``data.load``.
        examples: None, int or ``(train, test)``, see ``data.load``.
        seed: int, see ``data.load``.
        image_size: None, int or ``(height, width)``, see ``data.load``; None as above.

    Returns:
        Dataset; and ``(height, width)`` of the model if images were resized to it, or None.

    Raises:
        ValueError: as ``data.load``; for images of several sizes if the model fixes none.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (12, 12, 1), 10)
        >>> dataset, size = sized_images(model, "digits", examples=5)
        >>> dataset.image_shape, size
        ((12, 12, 1), (12, 12))
    """
    own = _own_shape(model)
    try:
        dataset = data.load(name, data_dir, examples, seed, image_size)
    except data.MixedSizesError:
        if own is None:
            raise
    else:
        if own is None or image_size is not None:
            return dataset, None
        # Another number of channels is refused with the images as they are.
        if dataset.image_shape[:2] == own[:2] or dataset.image_shape[2] != own[2]:
            return dataset, None
    return data.load(name, data_dir, examples, seed, own[:2]), own[:2]


def _own_shape(model: keras.Model) -> tuple[int, int, int | None] | None:
    """``(height, width, channels)`` that a model takes, or None if it fixes no size."""
    shape = getattr(model, "input_shape", None)
    if isinstance(shape, tuple) and len(shape) == 4 and None not in shape[1:3]:
        return shape[1:]
    return None
