"""The images and labels that ``fit`` begins with, whatever they come in."""

import types
from collections.abc import Iterator
from typing import Any

import keras

from hfc_keras import checks


def first_batch(x: Any, y: Any = None, name: str = "x") -> tuple[Any, Any, Any]:
    """Images and labels of the first batch.

    Args:
        x: array, list of one array, dataset, PyDataset or generator, as ``keras.Model.fit``
            takes it.
        y: array or None, the labels beside an array.
        name: str, the argument's name.

    Returns:
        ``(x, images, labels)``: ``x`` for ``fit``, a generator from its first batch on again;
        images and labels as found, or None for another iterable, which is not looked at.

    Raises:
        ValueError: for no batch at all, several arrays of images, or a data set of unknown
            rank.

    Example:
        >>> import numpy as np
        >>> first_batch([np.zeros((2, 8, 8, 1))], np.zeros(2))[1].shape
        (2, 8, 8, 1)
    """
    if isinstance(x, types.GeneratorType):
        batch = next(x, None)
        x = _with_first(batch, x)
    elif hasattr(x, "element_spec"):
        _check_ranks(x.element_spec, name)
        batch = next(iter(x), None)
    elif isinstance(x, keras.utils.PyDataset):
        batch = None if x.num_batches == 0 else x[0]
    elif hasattr(x, "shape") or isinstance(x, (list, tuple, dict)):
        return x, one_array(x, name), y
    else:
        return x, None, None
    checks.require(
        batch is not None,
        f"`{name}` must hold at least one batch",
        **{name: f"{type(x).__name__} without a batch"},
    )
    images, labels, _ = keras.utils.unpack_x_y_sample_weight(batch)
    return x, one_array(images, name), labels


def one_array(images: Any, name: str = "x") -> Any:
    """Return images, or the only array in a list of them.

    Args:
        images: tensor or array, or a list or tuple of one.
        name: str, the argument's name.

    Returns:
        Tensor or array.

    Raises:
        ValueError: for several arrays, a dict, or a ragged or sparse tensor.

    Example:
        >>> import numpy as np
        >>> one_array((np.ones(1),))
        array([1.])
    """
    if isinstance(images, (list, tuple)) and len(images) == 1:
        images = images[0]
    several = not hasattr(images, "shape") and isinstance(images, (list, tuple, dict))
    checks.require(
        not several,
        f"`{name}` must be one array of images",
        **{name: f"{type(images).__name__} of {len(images) if several else 1}"},
    )
    dense = not any(hasattr(images, each) for each in ("row_splits", "dense_shape", "todense"))
    checks.require(
        dense,
        f"`{name}` must be dense images of one size",
        **{name: type(images).__name__},
    )
    return images


def _with_first(batch: Any, rest: Iterator[Any]) -> Iterator[Any]:
    if batch is not None:
        yield batch
    yield from rest


def _check_ranks(spec: Any, name: str) -> None:
    """Refuse a data set whose tensors may be of any rank, which no Keras model trains on."""
    shapes = (getattr(each, "shape", None) for each in keras.tree.flatten(spec))
    unknown = any(getattr(shape, "rank", 0) is None for shape in shapes)
    checks.require(
        not unknown,
        f"`{name}` must state the rank of its images and labels; map it through tf.ensure_shape, "
        "such as (None, 32, 32, 3) and (None,)",
        element_spec=spec,
    )
