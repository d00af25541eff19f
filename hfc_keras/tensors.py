"""Tensors as layers and pure functions take them: real numbers, of one rank, no side empty.

Unlike ``checks.pixels`` nothing here looks at values, so all of it holds while tracing, and a
batch may be empty or of unknown length.
"""

import keras
import numpy as np
from keras import ops

from hfc_keras import checks
from hfc_keras.types import ArrayLike, Shape, Tensor

IMAGES = "(batch, height, width, channels)"
LARGEST_SEED = 2**32 - 1


def real(values: ArrayLike, name: str) -> Tensor:
    """Tensor of real numbers.

    Args:
        values: array, tensor or nested sequence of numbers.
        name: str, the argument's name.

    Returns:
        Tensor of the shape and dtype of ``values``.

    Raises:
        ValueError: for text, objects, ragged or sparse data, or complex numbers, whose imaginary
            part would be lost.

    Example:
        >>> real([1j], "images")
        Traceback (most recent call last):
        ...
        ValueError: `images` must be an array or tensor of real numbers. Received: images.dtype='complex128'
    """  # noqa: E501
    _check_dtype(values, name)
    try:
        return ops.convert_to_tensor(values)
    except (ValueError, TypeError) as error:
        expected = f"`{name}` must be an array or tensor of real numbers"
        message = f"{expected}. Received: {name} of type {type(values).__name__}"
        raise ValueError(message) from error


def images(
    values: ArrayLike, name: str = "images", planes: bool = False, filled: bool = False
) -> Tensor:
    """Images as a tensor, after a check of their form.

    Args:
        values: array or tensor ``(batch, height, width, channels)``, any finite numbers.
        name: str, the argument's name.
        planes: bool, whether ``(batch, height, width)`` will do as well.
        filled: bool, whether an empty batch is refused.

    Returns:
        Tensor of the shape and dtype of ``values``.

    Raises:
        ValueError: for another rank, a side of 0, no numbers, or a batch that must not be empty.

    Example:
        >>> images(np.zeros((0, 4, 4, 1))).shape == (0, 4, 4, 1)
        True
    """
    values = real(values, name)
    check_images(values, name, planes, filled)
    return values


def check_images(
    values: ArrayLike, name: str = "images", planes: bool = False, filled: bool = False
) -> None:
    """Refuse by name what has not the form of images, without converting it.

    Args:
        values: array, tensor or symbolic tensor.
        name: str, the argument's name.
        planes: bool, see ``images``.
        filled: bool, see ``images``.

    Raises:
        ValueError: as ``images``.

    Example:
        >>> check_images(np.zeros((2, 0, 8, 1)))
        Traceback (most recent call last):
        ...
        ValueError: `images` must have at least 1 pixel per side and 1 channel. Received: images.shape=(2, 0, 8, 1)
    """  # noqa: E501
    _check_dtype(values, name)
    shape = shape_of(values, name)
    forms = f"(batch, height, width) or {IMAGES}" if planes else IMAGES
    checks.require(
        len(shape) == 4 or (planes and len(shape) == 3),
        f"`{name}` must be {forms}: expected ndim=4, found ndim={len(shape)}",
        **{f"{name}.shape": shape},
    )
    checks.require(
        0 not in shape[1:],
        f"`{name}` must have at least 1 pixel per side and 1 channel",
        **{f"{name}.shape": shape},
    )
    checks.require(
        not filled or shape[0] != 0,
        f"`{name}` must hold at least one image",
        **{f"{name}.shape": shape},
    )


def shape_of(values: object, name: str) -> Shape:
    """Shape as a tuple, None for a side that is not known while tracing.

    Args:
        values: array or tensor.
        name: str, the argument's name.

    Returns:
        Tuple of int or None.

    Raises:
        ValueError: if there is no shape, or not even the rank is known.

    Example:
        >>> shape_of(keras.Input((8, 8, 1)), "images")
        (None, 8, 8, 1)
    """
    shape = getattr(values, "shape", None)
    if shape is None:
        checks.require(
            False, f"`{name}` must be an array or tensor", **{name: type(values).__name__}
        )
    # A shape of TensorFlow has a rank, which is None where nothing is known.
    checks.require(
        getattr(shape, "rank", 0) is not None,
        f"`{name}` must have a known rank (set it with `tf.ensure_shape`)",
        **{f"{name}.shape": str(shape)},
    )
    return tuple(shape)


def float_dtype(values: Tensor) -> str:
    """Dtype of what is made from a tensor: its own if float, else float32.

    Args:
        values: tensor.

    Returns:
        str.

    Example:
        >>> float_dtype(np.zeros(1, "float16")), float_dtype(np.zeros(1, "uint8"))
        ('float16', 'float32')
    """
    dtype = keras.backend.standardize_dtype(values.dtype)
    return dtype if keras.backend.is_float_dtype(dtype) else "float32"


def wide_dtype(values: Tensor) -> str:
    """Dtype of powers and ratios of a tensor: float64 if it is that, else float32.

    The square of 300 already is beyond half precision.

    Args:
        values: tensor.

    Returns:
        str, ``"float64"`` or ``"float32"``.

    Example:
        >>> wide_dtype(np.zeros(1, "float16")), wide_dtype(np.zeros(1, "float64"))
        ('float32', 'float64')
    """
    return "float64" if float_dtype(values) == "float64" else "float32"


def flag(name: str, value: object) -> bool:
    """Return ``value`` if it is a bool; ``"no"`` would count as true.

    Args:
        name: str, the argument's name.
        value: what the caller passed.

    Returns:
        bool.

    Raises:
        ValueError: for anything else.

    Example:
        >>> flag("inclusive", "no")
        Traceback (most recent call last):
        ...
        ValueError: `inclusive` must be True or False. Received: inclusive='no'
    """
    good = isinstance(value, (bool, np.bool_))
    checks.require(good, f"`{name}` must be True or False", **{name: value})
    return bool(value)


def seed(value: object, name: str = "seed") -> int | None:
    """Return the seed of a layer, None or a whole number.

    Args:
        value: what the caller passed.
        name: str, the argument's name.

    Returns:
        None or int.

    Raises:
        ValueError: for anything else, or a number that is negative or beyond 32 bits.

    Example:
        >>> seed(np.int64(3))
        3
    """
    return None if value is None else checks.number(name, value, 0, LARGEST_SEED, whole=True)


def _check_dtype(values: ArrayLike, name: str) -> None:
    """Refuse what has a dtype without order or magnitude: complex numbers, text, objects."""
    dtype = getattr(values, "dtype", None)
    if dtype is None:
        try:
            dtype = np.asarray(values).dtype
        except ValueError:  # Rows of several lengths.
            dtype = np.dtype(object)
    text = getattr(dtype, "name", None) or str(dtype)
    checks.require(
        not text.startswith(("complex", "str", "object", "bytes", "variant", "datetime")),
        f"`{name}` must be an array or tensor of real numbers",
        **{f"{name}.dtype": text},
    )
