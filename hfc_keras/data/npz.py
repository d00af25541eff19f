"""The user's own arrays in one NumPy file."""

import math
import os
import pathlib
import zipfile
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from hfc_keras import checks, files
from hfc_keras.data.dataset import Dataset, Split, stored_pixels
from hfc_keras.data.memory import require_room
from hfc_keras.types import Array

T = TypeVar("T")
# A larger label without names for the classes is no class index but a fault of the file.
MOST_CLASSES = 100_000
KEYS = ("x_train", "y_train", "x_test", "y_test")
# What a file may hold instead that is only tested on, see ``given_images``.
OTHERS = ("images", "labels", "x", "y", "class_names")
# Bytes that are made of one at most; those of other methods have no limit.
INFLATED = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1_032}


def is_npz(name: str) -> bool:
    """Whether a name ends as an ``.npz`` file does, in letters of either case.

    Args:
        name: str.

    Returns:
        bool.

    Example:
        >>> is_npz("own/PHOTOS.NPZ"), is_npz("digits")
        (True, False)
    """
    return name.lower().endswith(".npz")


def npz(path: str) -> Dataset:
    """Return the data set stored in an ``.npz`` file.

    The file holds ``x_train``, ``y_train``, ``x_test``, ``y_test`` and, if wanted,
    ``class_names``; without them classes are called "0", "1", ... up to the largest
    label or the width of one-hot labels.

    Args:
        path: str, the file. Images are uint8 or float in [0, 1],
            ``(batch, height, width, channels)``; labels are indices or one-hot.

    Returns:
        Dataset named for the file.

    Raises:
        UnusableFileError: if it is no such file or holds pickled objects, or if an array's header
            claims more than the file holds.
        ValueError: if it misses a key, the memory does not hold its arrays, or images, labels
            or names are not of this form.

    Example:
        >>> import tempfile
        >>> images, labels = np.zeros((3, 8, 8, 1), "uint8"), np.array([0, 1, 2])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/mine.npz", x_train=images, y_train=labels,
        ...              x_test=images, y_test=labels)
        ...     npz(f"{folder}/mine.npz").class_names
        ('0', '1', '2')
    """
    arrays = _read(path)
    x_train, x_test = (stored_pixels(arrays[key], key) for key in ("x_train", "x_test"))
    y_train, y_test = arrays["y_train"], arrays["y_test"]
    classes = max(
        _classes(y_train, len(x_train), "y_train"), _classes(y_test, len(x_test), "y_test")
    )
    if "class_names" not in arrays:
        checks.require(
            classes <= MOST_CLASSES,
            f"labels must be below {MOST_CLASSES:,}, or `class_names` must be given",
            **{"largest label": classes - 1},
        )
    names = np.asarray(arrays.get("class_names", range(classes))).astype(str)
    checks.require(names.ndim == 1, "`class_names` must be a list", class_names=names.tolist())
    y_train = checks.class_indices(y_train, len(x_train), len(names), "y_train")
    y_test = checks.class_indices(y_test, len(x_test), len(names), "y_test")
    stem = pathlib.Path(path).stem
    return Dataset(stem, Split(x_train, y_train), Split(x_test, y_test), tuple(names.tolist()))


def _read(path: str) -> dict[str, Array]:
    """Return the arrays by key, with pickled objects and missing keys refused."""
    arrays = read_arrays(path)
    missing = [key for key in KEYS if key not in arrays]
    checks.require(
        not missing, f"an .npz file must hold {', '.join(KEYS)}", missing=missing, name=path
    )
    return arrays


def read_arrays(path: str) -> dict[str, Array]:
    """Return the arrays of an ``.npz`` file whose keys are known.

    Args:
        path: str.

    Returns:
        dict from key to array.

    Raises:
        UnusableFileError: as ``npz``.
        ValueError: if the memory does not hold them.
    """
    size = _opened(path, lambda file: _claimed_bytes(file, os.path.getsize(path)))
    require_room(size, name=path)
    return _opened(path, lambda file: {key: file[key] for key in _wanted(file)})


def _opened(path: str, function: Callable[[np.lib.npyio.NpzFile], T]) -> T:
    """Return what a function makes of the open file; whatever fails ends in the file's name."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            return function(file)
    # NumPy and zipfile have no error of their own: BadZipFile, zlib.error, TypeError, RuntimeError.
    except Exception as error:
        message = (
            "`name` must be an .npz file of plain arrays, as numpy.savez writes it, without "
            f"pickled objects. Received: name={path!r}, {error}"
        )
        raise files.UnusableFileError(message) from error


def _wanted(file: np.lib.npyio.NpzFile) -> list[str]:
    return [key for key in (*KEYS, *OTHERS) if key in file]


def _claimed_bytes(file: np.lib.npyio.NpzFile, size: int) -> int:
    """Return how many bytes the arrays will take, none more than a file of some size can hold."""
    # None only once the file is closed.
    archive = cast(zipfile.ZipFile, file.zip)
    total, names = 0, archive.namelist()
    for key in _wanted(file):
        member = archive.getinfo(f"{key}.npy" if f"{key}.npy" in names else key)
        shape, dtype, start = _array_header(archive, member)
        # The archive's own list may claim as much as the array's header.
        most = INFLATED.get(member.compress_type, math.inf) * min(member.compress_size, size)
        claimed, held = math.prod(shape) * dtype.itemsize, min(member.file_size - start, most)
        if claimed > held and not dtype.hasobject:
            raise ValueError(
                f"{key} claims {shape} of {dtype}, the file holds {max(held, 0)} bytes"
            )
        total += claimed
    return total


def _array_header(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Return shape and dtype that an array's header claims, and where its values start."""
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        first = version == (1, 0)
        read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        return shape, dtype, stream.tell()


def _classes(labels: Array, examples: int, name: str) -> int:
    """Return how many classes labels speak of: the one-hot width or the largest index + 1."""
    indices = checks.class_indices(labels, examples, name=name)
    return labels.shape[1] if labels.ndim == 2 and labels.shape[1] > 1 else int(indices.max()) + 1
