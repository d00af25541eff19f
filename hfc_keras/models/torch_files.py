"""Tensors in files that PyTorch wrote, read without PyTorch and without running what they hold."""

import io
import math
import os
import zipfile
from collections.abc import Callable, Sequence
from io import BufferedReader
from typing import IO, Any, NamedTuple

import numpy as np

from hfc_keras.models.torch_pickles import read_pickle
from hfc_keras.types import Array, PathLike

# NumPy has no such number of its own: the upper half of a float32.
BFLOAT16 = np.dtype([("bfloat16", "<u2")])
# Kinds of storages by the names of their classes.
STORAGES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": BFLOAT16,
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}
NAMES = ", ".join(STORAGES)
ARCHIVE, DESCRIPTION = b"PK\x03\x04", "data.pkl"
# What the files from before PyTorch 1.6 begin with, and their version.
MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
# More axes than NumPy has.
MOST_AXES = 64


def read_torch(path: PathLike) -> Any:
    """What ``torch.save`` wrote into a file, with arrays in place of tensors.

    A file of PyTorch is a pickle, which may call any function when it is read. This reader knows
    tensors, parameters, numbers, text, lists and dictionaries, and nothing else.

    Args:
        path: str or Path, of the zip format or the one from before PyTorch 1.6.

    Returns:
        dict, list, array or number; arrays of bfloat16 have the dtype ``BFLOAT16``.

    Raises:
        ValueError: naming what the file holds besides, or for tensors that are not whole. A
            damaged file ends in errors of lists and zipfile, too.

    Example:
        >>> import pickle
        >>> import tempfile
        >>> path = f"{tempfile.mkdtemp()}/own.pth"
        >>> with open(path, "wb") as stream:
        ...     for content in (MAGIC, VERSION, {"little_endian": True}, {"epoch": 3}, []):
        ...         pickle.dump(content, stream)
        >>> read_torch(path)
        {'epoch': 3}
    """
    with open(path, "rb") as stream:
        archive = stream.read(len(ARCHIVE)) == ARCHIVE
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if not archive:
            return _of_stream(stream, size)
        with zipfile.ZipFile(stream) as members:
            return _of_archive(members, size)


def _of_archive(archive: zipfile.ZipFile, size: int) -> Any:
    """Content of a file of PyTorch 1.6 or newer: a pickle, and a member for each storage."""
    names = archive.namelist()
    roots = [name.removesuffix(DESCRIPTION) for name in names if name.endswith(f"/{DESCRIPTION}")]
    if len(roots) != 1:
        raise ValueError(f"an archive, but none of PyTorch: {len(roots)} times {DESCRIPTION} in it")
    # A small file may unpack to more than the memory holds; the sizes are what its list claims.
    if any(each.compress_type != zipfile.ZIP_STORED for each in archive.infolist()):
        raise ValueError("its members are compressed, as those of PyTorch never are")
    if sum(each.file_size for each in archive.infolist()) > size:
        raise ValueError("its members claim to be larger than the file")
    order = f"{roots[0]}byteorder"
    if order in names and archive.read(order) != b"little":
        raise ValueError("its numbers are big-endian")

    def numbers(key: str, dtype: np.dtype[Any], count: int) -> Array:
        return np.frombuffer(archive.read(f"{roots[0]}data/{key}"), dtype, count)

    return _content(io.BytesIO(archive.read(roots[0] + DESCRIPTION)), numbers, {})


def _of_stream(stream: BufferedReader, size: int) -> Any:
    """Content of a file from before PyTorch 1.6: five pickles, then the storages."""
    storages: dict[str, Array] = {}

    def numbers(key: str, dtype: np.dtype[Any], count: int) -> Array:
        if count * dtype.itemsize > size:
            raise ValueError("a tensor in it claims to be larger than the file")
        return np.empty(count, dtype)

    def load() -> Any:
        return _content(stream, numbers, storages)

    # The magic number is read alone first: what follows in another file is not looked at.
    if stream.peek(1)[:1] != b"\x80" or load() != MAGIC:
        raise ValueError("neither an archive nor an older file of PyTorch")
    version, system, content, keys = (load() for _ in range(4))
    if version != VERSION or not system["little_endian"]:
        raise ValueError("its version is unknown, or its numbers are big-endian")
    if any(type(key) is not str for key in keys) or set(keys) != set(storages):
        raise ValueError("it is cut or damaged: it does not hold the numbers of every tensor")
    for key in keys:
        _fill(storages[key], stream)
    return content


def _fill(storage: Array, stream: BufferedReader) -> None:
    """Read the numbers of a storage, of which tensors are views already."""
    count = int.from_bytes(stream.read(8), "little")
    space: Any = storage.view("u1")
    if count != storage.size or stream.readinto(space) != storage.nbytes:
        raise ValueError("it ends within a tensor")


class _Storage(NamedTuple):
    """All numbers of one or several tensors, which a pickle can neither make nor change."""

    numbers: Array


def _content(
    stream: IO[bytes],
    numbers: Callable[[str, np.dtype[Any], int], Array],
    storages: dict[str, Array],
) -> Any:
    """What a pickle holds.

    Args:
        stream: file.
        numbers: function from key, dtype and number of elements of a storage to an array of them.
        storages: dict of arrays by key, which gets those of the pickle.
    """

    def stored(described: Any) -> _Storage:
        kind, name, key, _, count, *view = described
        if kind != "storage" or any(view) or any(type(each) is not str for each in (name, key)):
            raise ValueError("it holds storages of another kind")
        if type(count) is not int or count < 0:
            raise ValueError("the size of a storage in it is no whole number from 0")
        if key not in storages:
            storages[key] = numbers(key, STORAGES[name], count)
        found = storages[key]
        if (found.dtype, found.size) != (STORAGES[name], count):
            raise ValueError("it holds a storage of two kinds or sizes")
        return _Storage(found)

    return read_pickle(stream, _found, stored)


def _found(name: str) -> Any:
    """What stands for a class or function, if it is one of tensors."""
    module, _, last = name.rpartition(".")
    if module == "torch" and last in STORAGES:
        return last
    if module == "torch" and last.endswith("Storage"):
        raise ValueError(f"its numbers are of {last}, which is not supported; {NAMES} are")
    if name not in KNOWN:
        raise ValueError(
            f"it holds {name}, which is code and is not run; in PyTorch, "
            "torch.save(model.state_dict(), path) writes the weights alone"
        )
    return KNOWN[name]


def _tensor(
    storage: _Storage, offset: int, shape: Sequence[int], strides: Sequence[int], *_: Any
) -> Array:
    """A tensor in a storage, after proving that it lies in there."""
    # Another tensor, whose numbers lie in a larger array, is no storage.
    if not isinstance(storage, _Storage):
        raise ValueError("it holds a tensor in something that is no storage")
    # NumPy's integers, unlike Python's, become small again where they are too large.
    place = (offset, *shape, *strides)
    if len(place) > 2 * MOST_AXES or any(type(each) is not int for each in place):
        raise ValueError("it holds a tensor whose place is not one of whole numbers")
    numbers = storage.numbers
    steps = [(side - 1) * stride for side, stride in zip(shape, strides, strict=True)]
    if (
        min(place) < 0
        or math.prod(shape) > numbers.size
        or (math.prod(shape) and offset + sum(steps) >= numbers.size)
    ):
        raise ValueError("a tensor in it reaches beyond its numbers")
    spaces = [stride * numbers.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(numbers[offset:], shape, spaces)


def _parameter(tensor: Array, *_: Any) -> Array:
    """The tensor of a parameter."""
    return tensor


# What stands for the functions of tensors, beside the names in ``STORAGES``.
KNOWN = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
}
