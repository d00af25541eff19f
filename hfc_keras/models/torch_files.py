"""Tensors in files that PyTorch wrote, read without PyTorch and without running what they hold."""

import collections
import math
import pickle
import zipfile
from collections.abc import Callable, Sequence
from io import BufferedReader
from typing import Any, NamedTuple

import numpy as np

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
ARCHIVE, DESCRIPTION = b"PK\x03\x04", "data.pkl"
# What the files from before PyTorch 1.6 begin with, and their version.
MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


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
            damaged file ends in errors of pickle and zipfile, too.

    Example:
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
        stream.seek(0)
        if not archive:
            return _of_stream(stream)
        with zipfile.ZipFile(stream) as members:
            return _of_archive(members)


def _of_archive(archive: zipfile.ZipFile) -> Any:
    """Content of a file of PyTorch 1.6 or newer: a pickle, and a member for each storage."""
    names = archive.namelist()
    roots = [name.removesuffix(DESCRIPTION) for name in names if name.endswith(f"/{DESCRIPTION}")]
    if len(roots) != 1:
        raise ValueError(f"an archive, but none of PyTorch: {len(roots)} times {DESCRIPTION} in it")
    # A small file may unpack to more than the memory holds.
    if any(each.file_size > each.compress_size for each in archive.infolist()):
        raise ValueError("its members are compressed, as those of PyTorch never are")
    order = f"{roots[0]}byteorder"
    if order in names and archive.read(order) != b"little":
        raise ValueError("its numbers are big-endian")

    def storage(key: str, dtype: np.dtype[Any], count: int) -> Array:
        return np.frombuffer(archive.read(f"{roots[0]}data/{key}"), dtype, count)

    with archive.open(roots[0] + DESCRIPTION) as stream:
        return _Unpickler(stream, storage).load()


def _of_stream(stream: BufferedReader) -> Any:
    """Content of a file from before PyTorch 1.6: five pickles, then the storages."""
    storages: dict[str, Array] = {}

    def storage(key: str, dtype: np.dtype[Any], count: int) -> Array:
        return storages.setdefault(key, np.empty(count, dtype))

    def load() -> Any:
        return _Unpickler(stream, storage).load()

    # The magic number is read alone first: what follows in another file is not looked at.
    if stream.peek(1)[:1] != b"\x80" or load() != MAGIC:
        raise ValueError("neither an archive nor an older file of PyTorch")
    version, system, content, keys = (load() for _ in range(4))
    if version != VERSION or not system["little_endian"]:
        raise ValueError("its version is unknown, or its numbers are big-endian")
    if set(keys) != set(storages):
        raise ValueError("it is cut or damaged: it does not hold the numbers of every tensor")
    for key in keys:
        _fill(storages[key], stream)
    return content


def _fill(storage: Array, stream: BufferedReader) -> None:
    """Read the numbers of a storage, of which tensors are views already."""
    count = int.from_bytes(stream.read(8), "little")
    numbers = np.frombuffer(stream.read(storage.nbytes), "u1")
    if count != storage.size or numbers.size != storage.nbytes:
        raise ValueError("it ends within a tensor")
    storage.view("u1")[:] = numbers


class _Storage(NamedTuple):
    """All numbers of one or several tensors, which a pickle can neither make nor change."""

    numbers: Array


class _Tensor:
    """Function from a storage and a place in it to the tensor there."""

    __slots__ = ()

    def __call__(
        self, storage: _Storage, offset: int, shape: Sequence[int], strides: Sequence[int], *_: Any
    ) -> Array:
        """Return a tensor in a storage, after proving that it lies in there."""
        # Another tensor, whose numbers lie in a larger array, is no storage.
        if not isinstance(storage, _Storage):
            raise ValueError("it holds a tensor in something that is no storage")
        # NumPy's integers, unlike Python's, become small again where they are too large.
        if any(type(each) is not int for each in (offset, *shape, *strides)):
            raise ValueError("it holds a tensor whose place is not one of whole numbers")
        numbers = storage.numbers
        steps = [(side - 1) * stride for side, stride in zip(shape, strides, strict=True)]
        if (
            min([offset, *shape, *strides]) < 0
            or math.prod(shape) > numbers.size
            or (math.prod(shape) and offset + sum(steps) >= numbers.size)
        ):
            raise ValueError("a tensor in it reaches beyond its numbers")
        spaces = [stride * numbers.itemsize for stride in strides]
        return np.lib.stride_tricks.as_strided(numbers[offset:], shape, spaces)


class _Parameter:
    """Function from the tensor of a parameter, and more, to the tensor."""

    __slots__ = ()

    def __call__(self, tensor: Array, *_: Any) -> Array:
        """Return the tensor alone."""
        return tensor


# What stands for the classes and functions of tensors, beside the names in ``STORAGES``.
KNOWN = {
    "collections.OrderedDict": collections.OrderedDict,
    "torch._utils._rebuild_tensor": _Tensor(),
    "torch._utils._rebuild_tensor_v2": _Tensor(),
    "torch._utils._rebuild_parameter": _Parameter(),
}


class _Unpickler(pickle.Unpickler):
    """Reader of pickles that knows tensors.

    A pickle may set attributes of whatever it holds. What this reader gives out has none that can
    be set: text, tuples, objects without attributes, and a built-in class.

    Args:
        stream: file.
        storage: function from key, dtype and number of elements to an array of them.
    """

    def __init__(self, stream: Any, storage: Callable[[str, np.dtype[Any], int], Array]) -> None:
        super().__init__(stream, encoding="utf-8")
        self.storage = storage

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a class or function, if it is one of tensors."""
        if module == "torch" and name in STORAGES:
            return name
        if f"{module}.{name}" not in KNOWN:
            raise ValueError(
                f"it holds {module}.{name}, which is code and is not run; in PyTorch, "
                "torch.save(model.state_dict(), path) writes the weights alone"
            )
        return KNOWN[f"{module}.{name}"]

    def persistent_load(self, pid: Any) -> _Storage:
        """Return a storage: all numbers of one or several tensors."""
        kind, name, key, _, count, *view = pid
        if kind != "storage" or any(view):
            raise ValueError("it holds storages of another kind")
        if type(count) is not int or count < 0:
            raise ValueError("the size of a storage in it is no whole number from 0")
        return _Storage(self.storage(key, STORAGES[name], count))
