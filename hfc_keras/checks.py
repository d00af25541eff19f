"""What a public call refuses, in one grammar: what is expected, then what was received.

Every function here either returns the value in the form the library works with or
raises ``ValueError``. Nothing is repaired in silence.
"""

import difflib
from collections.abc import Hashable, Iterable
from math import inf, isfinite
from typing import Any, Literal, NoReturn, TypeVar, overload

import numpy as np

from hfc_keras.arrays import as_array, rank
from hfc_keras.types import Array, ArrayLike, Floats, Integers, Tensor

T = TypeVar("T")
SLACK = 1e-6
TAKES_LEVELS = (
    "a model that takes 0-255, such as one with Rescaling(1/255) inside, goes in as "
    "models.as_classifier(model, pixels=(0, 255))"
)
# Whole numbers beyond it do not fit the integers of arrays.
LARGEST_WHOLE = 2**63 - 1


@overload
def require(condition: Literal[False], expectation: str, **received: object) -> NoReturn: ...
@overload
def require(condition: object, expectation: str, **received: object) -> None: ...
def require(condition: object, expectation: str, **received: object) -> None:
    """Raise ``ValueError`` unless a condition holds.

    Args:
        condition: bool, what must be true.
        expectation: str, what was expected, a sentence without its full stop.
        **received: the offending values by the name of their argument.

    Raises:
        ValueError: if ``condition`` is false; it ends in ``Received: name=value``.

    Example:
        >>> require(-1 >= 0, "`radius` must be at least 0", radius=-1)
        Traceback (most recent call last):
        ...
        ValueError: `radius` must be at least 0. Received: radius=-1
    """
    if not condition:
        values = ", ".join(f"{name}={value!r}" for name, value in received.items())
        raise ValueError(f"{expectation}. Received: {values}")


def choice(name: str, value: T, choices: Iterable[object]) -> T:
    """Return ``value`` if it is one of ``choices``; otherwise name the nearest ones.

    Args:
        name: str, the argument's name.
        value: what the caller passed.
        choices: list, tuple or dict of str, what is allowed.

    Returns:
        ``value``.

    Raises:
        ValueError: if ``value`` is not among ``choices``.

    Example:
        >>> choice("component", "lwo", ["low", "high"])
        Traceback (most recent call last):
        ...
        ValueError: `component` must be one of 'low', 'high'; nearest: 'low'. Received: component='lwo'
    """  # noqa: E501
    if isinstance(value, Hashable) and value in list(choices):
        return value
    close = difflib.get_close_matches(str(value), map(str, choices), n=3)
    listed = ", ".join(map(repr, choices))
    hint = f"; nearest: {', '.join(map(repr, close))}" if close else ""
    require(False, f"`{name}` must be one of {listed}{hint}", **{name: value})


@overload
def number(name: str, value: Any, minimum: float = ..., maximum: float = ...) -> float: ...
@overload
def number(
    name: str, value: Any, minimum: float = ..., maximum: float = ..., *, whole: Literal[True]
) -> int: ...
def number(
    name: str, value: Any, minimum: float = -inf, maximum: float = inf, whole: bool = False
) -> float:
    """Return ``value`` if it is a finite real number in ``[minimum, maximum]``.

    Args:
        name: str, the argument's name.
        value: what the caller passed.
        minimum: float, smallest value allowed.
        maximum: float, largest value allowed.
        whole: bool, whether only whole numbers are allowed.

    Returns:
        ``value`` as ``float``, or as ``int`` when ``whole``.

    Raises:
        ValueError: if it is no such number.

    Example:
        >>> number("radius", 8, minimum=0)
        8.0
    """
    if whole:
        maximum = min(maximum, LARGEST_WHOLE)
    kind = "a whole number" if whole else "a finite number"
    bounds = f" from {minimum:g}" if minimum > -inf else ""
    bounds += f" up to {maximum:g}" if maximum < LARGEST_WHOLE else ""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    good = real and _is_finite(value) and minimum <= value <= maximum
    good = good and (not whole or value == int(value))
    require(good, f"`{name}` must be {kind}{bounds}", **{name: value})
    return int(value) if whole else float(value)


def _is_finite(value: float | np.integer | np.floating) -> bool:
    try:
        return isfinite(value)
    # A whole number that no float can hold.
    except OverflowError:
        return False


def radii(values: ArrayLike, name: str = "radii") -> list[float]:
    """Return a list of radii.

    Args:
        values: sequence of floats, cycles per image.
        name: str, the argument's name.

    Returns:
        list of float.

    Raises:
        ValueError: if there is none, one twice, or one that is negative or not finite.

    Example:
        >>> radii([4, 8])
        [4.0, 8.0]
    """
    require(rank(values) == 1, f"`{name}` must be a sequence of numbers", **{name: values})
    found = [number(name, radius, minimum=0) for radius in as_array(values).tolist()]
    require(
        found and len(set(found)) == len(found),
        f"`{name}` must hold at least one number and none twice",
        **{name: found},
    )
    return found


def pixels(images: ArrayLike, name: str = "images", bounded: bool = True) -> Floats:
    """Return images as float32 pixels after checking form and range.

    Args:
        images: floats ``(batch, height, width, channels)``; up to 1e-6 beyond [0, 1] is clipped.
        name: str, the argument's name.
        bounded: bool; false takes any finite numbers, such as filtered images.

    Returns:
        float32 array ``(batch, height, width, channels)`` in [0, 1].

    Raises:
        ValueError: for another rank or range, channels first, no image, integers, NaN, infinity.

    Example:
        >>> pixels(np.full((1, 2, 2, 1), 0.5)).dtype
        dtype('float32')
    """
    images = as_array(images)
    image_shape(images, name)
    require(
        np.issubdtype(images.dtype, np.floating) or images.dtype.name == "bfloat16",
        f"`{name}` must be float pixels in [0, 1] (divide uint8 by 255; {TAKES_LEVELS})",
        **{f"{name}.dtype": str(images.dtype)},
    )
    images = images.astype("float32", copy=False)
    low, high = float(images.min()), float(images.max())
    if not np.isfinite(low + high):
        bad = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))
        require(
            False,
            f"`{name}` must be finite; {len(bad)} images hold NaN or infinity, first {bad[0]}",
            **{name: images.ravel()[~np.isfinite(images.ravel())][0]},
        )
    if not bounded:
        return images
    require(
        -SLACK <= low and high <= 1 + SLACK,
        f"`{name}` must be pixels in [0, 1] (divide 0-255 by 255; {TAKES_LEVELS})",
        **{f"{name}.min": low, f"{name}.max": high},
    )
    return images if 0 <= low and high <= 1 else np.clip(images, 0.0, 1.0)


def image_shape(images: Tensor, name: str = "images") -> None:
    """Refuse an array that is not ``(batch, height, width, channels)``.

    Args:
        images: array with a ``shape``.
        name: str, the argument's name.

    Raises:
        ValueError: for another rank, channels first or an empty batch.

    Example:
        >>> image_shape(np.zeros((1, 3, 32, 32)))
        Traceback (most recent call last):
        ...
        ValueError: `images` must be (batch, height, width, channels), channels last. Received: images.shape=(1, 3, 32, 32)
    """  # noqa: E501
    shape = tuple(images.shape)
    channels_first = len(shape) == 4 and _is_channels_first(*shape[1:])
    require(
        len(shape) == 4 and not channels_first,
        f"`{name}` must be (batch, height, width, channels), channels last",
        **{f"{name}.shape": shape},
    )
    require(shape[0] > 0, f"`{name}` must hold at least one image", **{f"{name}.shape": shape})
    require(
        min(shape) > 0,
        f"`{name}` must have at least one pixel per side and one channel",
        **{f"{name}.shape": shape},
    )


def _is_channels_first(first: int, second: int, third: int) -> bool:
    """Few channels, then two sides of some length that are about alike."""
    sides = sorted((second, third))
    return first <= 4 and first < sides[0] and third >= 8 and sides[1] <= 2 * sides[0]


def class_indices(
    labels: ArrayLike, examples: int, classes: int | None = None, name: str = "labels"
) -> Integers:
    """Return labels as class indices.

    Args:
        labels: int array ``(batch,)`` or ``(batch, 1)``, or one-hot ``(batch, classes)``.
        examples: int, how many labels are expected.
        classes: int or None; indices must lie in [0, classes) when given.
        name: str, the argument's name.

    Returns:
        int64 array ``(batch,)``.

    Raises:
        ValueError: for another count, fractions, rows not one-hot, indices out of range.

    Example:
        >>> class_indices([[0, 1], [1, 0]], examples=2)
        array([1, 0])
    """
    found = _label_array(labels, name)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    require(
        found.ndim in (1, 2) and len(found) == examples > 0,
        f"`{name}` must hold one label for each of {examples} images",
        **{f"{name}.shape": found.shape},
    )
    if found.ndim == 2:
        one_hot = ((found == 0) | (found == 1)).all() and (found.sum(axis=1) == 1).all()
        require(one_hot, f"`{name}` of rank 2 must be one-hot", **{name: found[:2].tolist()})
        require(
            classes in (None, found.shape[1]),
            f"`{name}` must be one-hot over {classes} classes",
            **{f"{name}.shape": found.shape},
        )
        found = found.argmax(axis=1)
    fractions = found[~(np.isfinite(found) & (found == np.floor(found)))]
    require(not len(fractions), f"`{name}` must be whole numbers", **{name: fractions[:3].tolist()})
    low, high = found.min(), found.max()
    good, limit = low >= 0 and (classes is None or high < classes), f" to {(classes or 1) - 1}"
    expected = f"`{name}` must be class indices from 0{limit if classes else ''}"
    require(good, expected, **{f"{name}.min": int(low), f"{name}.max": int(high)})
    return found.astype("int64")


def _label_array(labels: ArrayLike, name: str) -> Array:
    """Labels as an array of real numbers."""
    try:
        found = as_array(labels)
    except ValueError as error:
        raise ValueError(
            f"`{name}` must hold one label for each image, or one-hot rows of one length. "
            f"Received: {name}={type(labels).__name__} of rows that differ in length"
        ) from error
    real = np.issubdtype(found.dtype, np.number) and not np.iscomplexobj(found)
    real = real or found.dtype.name == "bfloat16" or (found.dtype == bool and found.ndim == 2)
    # A single value is no list of labels, which the caller says.
    real = real or found.ndim == 0
    how = {"b": ", by astype(int)", "U": ", by numpy.unique(return_inverse=True)"}
    expected = f"`{name}` must be whole numbers{how.get(found.dtype.kind, '')}"
    require(real, expected, **{f"{name}.dtype": str(found.dtype)})
    return found
