"""Two checked splits of images and labels, and the names of their classes."""

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from hfc_keras import checks
from hfc_keras.arrays import as_array, rank
from hfc_keras.data.printable_names import printable_names
from hfc_keras.types import Array, ArrayLike, Floats, ImageShape, Integers


class MixedSizesError(ValueError):
    """Images of several sizes, and no size given to which they should be resized."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images with one label each, checked once and read-only from then on.

    Args:
        pixels: array ``(batch, height, width, channels)``, uint8 in 0-255 or float in
            [0, 1]; floats are kept as float32.
        labels: class indices ``(batch,)`` or one-hot ``(batch, classes)``; kept as int64.

    Raises:
        ValueError: if either is not of this form, or there is no image.

    Example:
        >>> split = Split(np.full((2, 8, 8, 1), 255, "uint8"), [[0, 1], [1, 0]])
        >>> split
        Split(2 images, 8 x 8 x 1, uint8)
        >>> split.labels, split.images.max()
        (array([1, 0]), np.float32(1.0))
    """

    pixels: Array
    labels: Array

    def __post_init__(self) -> None:
        """Check both arrays and keep them read-only."""
        pixels = stored_pixels(self.pixels)
        labels = checks.class_indices(self.labels, len(pixels))
        object.__setattr__(self, "pixels", _read_only(pixels))
        object.__setattr__(self, "labels", _read_only(labels))

    @property
    def images(self) -> Floats:
        """float32 ``(batch, height, width, channels)`` in [0, 1]; four bytes per value."""
        if self.pixels.dtype != np.uint8:
            return self.pixels
        return _read_only(np.divide(self.pixels, np.float32(255), dtype="float32"))

    def take(self, rows: ArrayLike) -> "Split":
        """Return the split that holds only some rows.

        Args:
            rows: int array of row numbers.

        Returns:
            Split.

        Example:
            >>> Split(np.zeros((3, 8, 8, 1)), [0, 1, 2]).take([0, 2]).labels
            array([0, 2])
        """
        chosen = np.asarray(rows)
        return Split(self.pixels[chosen], self.labels[chosen])

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.pixels)

    def __repr__(self) -> str:
        """Name the size instead of printing the arrays."""
        sides = " x ".join(map(str, self.pixels.shape[1:]))
        return f"Split({len(self)} images, {sides}, {self.pixels.dtype})"


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """A training and a test split over the same classes and image shape.

    Args:
        name: str, what tables call it.
        train: Split.
        test: Split.
        class_names: sequence of str, one per class, without control characters.

    Raises:
        ValueError: if the image shapes differ, a name is missing, or one holds a line
            break, a tab or another control character, or a label lies outside the classes.

    Example:
        >>> split = Split(np.zeros((4, 8, 8, 1)), [0, 1, 1, 0])
        >>> dataset = Dataset("squares", train=split, test=split, class_names=["a", "b"])
        >>> dataset.classes, dataset.image_shape
        (2, (8, 8, 1))
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the splits against each other and against the classes."""
        printable_names([self.name], "data set")
        object.__setattr__(self, "class_names", printable_names(self.class_names))
        checks.require(
            self.train.pixels.shape[1:] == self.test.pixels.shape[1:],
            "`train` and `test` must hold images of one shape (resize with `image_size`)",
            train=self.train,
            test=self.test,
        )
        for name, split in (("train.labels", self.train), ("test.labels", self.test)):
            checks.class_indices(split.labels, len(split), self.classes, name)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def image_shape(self) -> ImageShape:
        """``(height, width, channels)``."""
        return self.train.pixels.shape[1:]

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hexadecimal sha256 of all pixels and labels: equal for equal data alone."""
        digest = hashlib.sha256()
        for split in (self.train, self.test):
            for array in (split.pixels, split.labels):
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def subset(self, examples: int | tuple[int, int] | None = None, seed: int = 0) -> "Dataset":
        """Return a random subset of both splits, drawn without replacement.

        A split that holds no more than its limit is returned whole. For one seed the
        subset of fewer examples is part of the subset of more.

        Args:
            examples: None for all, an int for at most so many in either split, or
                ``(train, test)``.
            seed: int, decides which rows.

        Returns:
            Dataset; rows keep their order.

        Raises:
            ValueError: if a limit is no whole number from 1.

        Example:
            >>> split = Split(np.zeros((4, 8, 8, 1)), [0, 1, 2, 3])
            >>> dataset = Dataset("four", split, split, "abcd").subset((2, 3))
            >>> len(dataset.train), len(dataset.test)
            (2, 3)
        """
        if examples is None:
            return self
        limits = pair("examples", examples)
        train, test = (
            split if limit >= len(split) else split.take(subset_rows(len(split), limit, seed))
            for split, limit in zip((self.train, self.test), limits, strict=True)
        )
        return dataclasses.replace(self, train=train, test=test)


def stored_pixels(pixels: ArrayLike, name: str = "pixels") -> Array:
    """Return images in the form in which a split stores them.

    Args:
        pixels: array ``(batch, height, width, channels)``, uint8 or float in [0, 1].
        name: str, the argument's name.

    Returns:
        The array itself if uint8, otherwise float32.

    Raises:
        ValueError: for another rank, channels first, no image, integers other than
            uint8, values that are not finite or not in [0, 1].

    Example:
        >>> stored_pixels(np.zeros((5, 8, 8)))
        Traceback (most recent call last):
        ...
        ValueError: `pixels` must be (batch, height, width, channels); pixels[..., None] adds the channel to gray images. Received: pixels.shape=(5, 8, 8)
    """  # noqa: E501
    pixels = as_array(pixels)
    checks.require(
        pixels.ndim != 3,
        f"`{name}` must be (batch, height, width, channels); "
        f"{name}[..., None] adds the channel to gray images",
        **{f"{name}.shape": pixels.shape},
    )
    checks.image_shape(pixels, name)
    if pixels.dtype == np.uint8:
        return pixels
    checks.require(
        np.issubdtype(pixels.dtype, np.floating),
        f"`{name}` must be uint8 in 0-255 or float in [0, 1]",
        **{f"{name}.dtype": str(pixels.dtype)},
    )
    return checks.pixels(pixels, name)


def subset_rows(count: int, limit: int | None, seed: int) -> Integers:
    """Return which rows a random subset holds.

    Args:
        count: int, rows there are.
        limit: int or None, rows wanted at most.
        seed: int.

    Returns:
        int array, ascending; all rows if there are no more than ``limit``.

    Example:
        >>> subset_rows(3, 8, seed=0)
        array([0, 1, 2])
    """
    if limit is None or limit >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).permutation(count)[:limit])


def pair(name: str, value: int | Sequence[int], minimum: int = 1) -> tuple[int, int]:
    """Return one or two whole numbers as a pair.

    Args:
        name: str, the argument's name.
        value: int, or two of them.
        minimum: int, smallest allowed.

    Returns:
        tuple of two ints, both the same for a single number.

    Raises:
        ValueError: if it is neither.

    Example:
        >>> pair("image_size", 32)
        (32, 32)
    """
    both: Any = value if rank(value) == 1 else (value, value)
    checks.require(
        len(both) == 2, f"`{name}` must be a whole number or two of them", **{name: value}
    )
    first, second = both
    return (
        checks.number(name, first, minimum, whole=True),
        checks.number(name, second, minimum, whole=True),
    )


def _read_only(array: Array) -> Array:
    """Return a view that cannot be written to; the caller's own array keeps its flag."""
    view = array.view()
    view.flags.writeable = False
    return view
