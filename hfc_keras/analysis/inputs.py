"""What measures take as images and labels: arrays, a split, or a data set of batches."""

from collections.abc import Iterable, Sized
from typing import Any, TypeAlias, cast

import numpy as np

from hfc_keras import checks, data
from hfc_keras.arrays import as_array
from hfc_keras.types import Array, ArrayLike, RadiusUnit

Images: TypeAlias = ArrayLike | data.Split | Iterable[tuple[Any, Any]]
"""Images of a measure, with their labels in a split or a data set of batches."""

# Radii of the experiments, parts of the width: 4, 8, 12, 16 at 32 pixels.
RADII = (1 / 8, 1 / 4, 3 / 8, 1 / 2)
ENDLESS = -1
PAIRS = (
    "must be a data set of (images, labels) batches (as_supervised=True and .batch(256) in "
    "TensorFlow Datasets, without weights)"
)


def given(
    images: Images,
    labels: ArrayLike | None = None,
    name: str = "images",
    ordered: bool = False,
) -> tuple[Array, ArrayLike | None]:
    """Images and labels as arrays, whatever they come in.

    A data set is read once, in its own order, and no image is held twice.

    Args:
        images: array or tensor ``(examples, height, width, channels)``, uint8 for levels in 0-255;
            a ``data.Split``; or an iterable of (images, labels) batches that knows its length or
            is a ``tf.data.Dataset`` with an end.
        labels: array, or None where the images bring theirs.
        name: str, the argument's name of the images.
        ordered: bool, whether the rows are compared with others, so that batches are refused: a
            data set may come in another order each time.

    Returns:
        ``(images, labels)``: an array in [0, 1] if it came as uint8, otherwise as it came; labels
        as they came, or None for arrays without. What measures need of both is checked by
        ``predictions.checked``.

    Raises:
        ValueError: for labels beside images that bring theirs, a ``data.Dataset`` instead of one
            of its splits, or batches that do not end, are none, of several sizes or no pairs.

    Example:
        >>> split = data.Split(np.full((2, 8, 8, 1), 255, "uint8"), [3, 1])
        >>> images, labels = given(split)
        >>> float(images.max()), labels.tolist()
        (1.0, [3, 1])
        >>> given(np.zeros((1, 8, 8, 1)), [0])[1]
        [0]
    """
    checks.require(
        not isinstance(images, data.Dataset),
        f"`{name}` must be one split of a data set, .test or .train",
        **{name: images},
    )
    if not isinstance(images, data.Split) and not _has_batches(images):
        return _in_unit_range(images), labels
    checks.require(
        labels is None,
        f"`labels` must be left out where `{name}` brings its own",
        **{name: type(images).__name__},
        labels=type(labels).__name__,
    )
    if isinstance(images, data.Split):
        return images.images, images.labels
    checks.require(
        not ordered,
        f"`{name}` must be an array or a data.Split, whose order is known",
        **{name: type(images).__name__},
    )
    return _read(cast(Iterable[Any], images), name)


def required_labels(labels: ArrayLike | None, examples: int) -> ArrayLike:
    """Refuse labels that are missing.

    Args:
        labels: labels that ``given`` returned.
        examples: int, how many images there are.

    Returns:
        ``labels``.

    Raises:
        ValueError: if they are None.

    Example:
        >>> required_labels([3], 1)
        [3]
    """
    if labels is None:
        checks.require(
            False,
            f"`labels` must hold one label for each of {examples} images, unless `images` is a "
            "data.Split or a data set of (images, labels) batches",
            labels=labels,
        )
    return labels


def given_radii(radii: ArrayLike | None, width: int, unit: RadiusUnit = "cycles") -> list[float]:
    """Radii as ``checks.radii`` has them, or the default ones of images.

    Args:
        radii: floats, in the unit, each at least 0 and no two alike; None is the width times 1/8,
            1/4, 3/8 and 1/2.
        width: int, columns of the images.
        unit: ``"cycles"`` or ``"nyquist"``, of which the default is 1/4, 1/2, 3/4 and 1.

    Returns:
        list of float.

    Raises:
        ValueError: as ``checks.radii``.

    Example:
        >>> given_radii(None, 32)
        [4.0, 8.0, 12.0, 16.0]
    """
    full = 2 if unit == "nyquist" else width
    return [full * part for part in RADII] if radii is None else checks.radii(radii)


def _has_batches(images: object) -> bool:
    """Whether it is no array but an iterable of batches, such as a data set or a loader."""
    array = hasattr(images, "__array__") or isinstance(images, (list, tuple, str, bytes, dict))
    known = isinstance(images, Sized) or hasattr(images, "element_spec")
    return isinstance(images, Iterable) and known and not array


def _in_unit_range(images: Any) -> Array:
    """Levels of uint8 as pixels in [0, 1], other numbers as they are."""
    images = as_array(images)
    if images.dtype != np.uint8:
        return images
    return np.divide(images, np.float32(255), dtype="float32")


def _read(batches: Iterable[Any], name: str) -> tuple[Array, Array]:
    """Images and labels of all batches."""
    cardinality = getattr(batches, "cardinality", None)
    checks.require(
        cardinality is None or int(cardinality()) != ENDLESS,
        f"`{name}` must be a data set that ends, such as dataset.take(4) of one that repeats",
        **{name: batches},
    )
    images, labels, filled = None, [], 0
    for batch in batches:
        part, true = _pair(batch, name)
        part = _in_unit_range(part)
        if images is None:
            images = np.empty((_count(batches) * len(part), *part.shape[1:]), part.dtype)
        checks.require(
            images.shape[1:] == part.shape[1:],
            f"`{name}` must be of one size",
            sizes=[images.shape[1:], part.shape[1:]],
        )
        if filled + len(part) > len(images):
            images.resize((filled + len(part), *images.shape[1:]), refcheck=False)
        images[filled : filled + len(part)] = part
        filled += len(part)
        labels.append(true)
    if images is None:
        checks.require(False, f"`{name}` must hold at least one batch", **{name: batches})
    return images[:filled], np.concatenate(labels)


def _count(batches: Iterable[Any]) -> int:
    """How many batches there are, or one where they do not know it themselves."""
    try:
        return max(1, len(cast(Sized, batches)))
    # Without a length, or a data set that was filtered.
    except TypeError:
        return 1


def _pair(batch: Any, name: str) -> tuple[Array, Array]:
    """Images and labels of one batch."""
    pair = batch if isinstance(batch, (tuple, list)) else ()
    checks.require(len(pair) == 2, f"`{name}` {PAIRS}", batch=_outline(batch))
    images, labels = map(as_array, pair)
    fits = images.ndim == 4 and labels.ndim >= 1 and len(images) == len(labels)
    checks.require(fits, f"`{name}` {PAIRS}", batch=_outline(batch))
    return images, labels


def _outline(batch: Any) -> Any:
    """Shapes of what a batch is made of, or its type."""
    if isinstance(batch, (tuple, list)):
        return tuple(map(_outline, batch))
    shape = getattr(batch, "shape", None)
    return type(batch).__name__ if shape is None else tuple(shape)
