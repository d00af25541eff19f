"""Files of weights, by name: of NumPy, of PyTorch, and of safetensors."""

import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hfc_keras import checks, error_texts, files
from hfc_keras.models.torch_files import BFLOAT16, MOST_AXES, read_torch
from hfc_keras.types import Array, PathLike

# Kinds of numbers by their names in a file of safetensors.
SAFE = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": BFLOAT16,
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
# An archive may become that many bytes, or times its size: weights are hardly made smaller, and
# those of a new network, many of them equal, are few.
UNPACKED, TIMES = 2**30, 100


def read_weights(path: PathLike) -> Any:
    """What a file of weights holds, without running any of it.

    Args:
        path: str or Path, of a file that ends as one of ``ENDINGS`` does.

    Returns:
        dict from name to array; of a file of PyTorch whatever was saved, see
        ``torch_files.read_torch``. Arrays of bfloat16 have the dtype ``torch_files.BFLOAT16``.

    Raises:
        ValueError: if there is no such file, or its ending is another one.
        UnusableFileError: if it is damaged, or holds anything but tensors, numbers and text.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "own.npz"
        >>> np.savez(path, **{"linear.bias": np.zeros(3)})
        >>> read_weights(path)["linear.bias"].shape
        (3,)
    """
    path = Path(path).expanduser()
    checks.require(not path.is_dir(), "`weights` must be a file, not a folder", weights=str(path))
    checks.require(
        path.suffix.lower() in READERS,
        f"`weights` must be a file that ends in {', '.join(ENDINGS)}",
        weights=str(path),
    )
    checks.require(path.is_file(), "`weights` must be a file that exists", weights=str(path))
    try:
        return READERS[path.suffix.lower()](path)
    # Neither pickle nor zipfile nor NumPy has an error of its own.
    except Exception as error:
        raise files.UnusableFileError(
            f"`weights` must be a whole {path.suffix} file of tensors alone "
            f"({error_texts.reason(error)}). Received: weights={str(path)!r}"
        ) from error


def _of_numpy(path: Path) -> dict[str, Array]:
    """Arrays of an ``.npz`` file."""
    # NumPy takes what is no archive for a pickle, and says so.
    with open(path, "rb") as stream, zipfile.ZipFile(stream) as archive:
        unpacked = sum(each.file_size for each in archive.infolist())
        if unpacked > max(UNPACKED, TIMES * path.stat().st_size):
            raise ValueError(f"its arrays would take {unpacked / 1e9:,.1f} GB")
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as stored:
            return {name: _plain(stored, name) for name in stored}


def _plain(stored: Mapping[str, Any], name: str) -> Array:
    """One member of an ``.npz`` file, if it can be read without running what it holds."""
    try:
        array = stored[name]
    except ValueError as error:
        if "pickle" not in str(error):
            raise
        array = None
    # A member that is no file of NumPy comes as the bytes it is made of.
    if not isinstance(array, np.ndarray):
        raise ValueError(
            f"{name!r} in it is no plain array of numbers; np.savez(path, **arrays) writes such"
        )
    return array


def _of_safetensors(path: Path) -> dict[str, Array]:
    """Arrays of a file of safetensors: length of a JSON header, header, numbers."""
    content = memoryview(path.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    if start > len(content):
        raise ValueError("it is cut or damaged: it ends within its header")
    described, numbers = _header(bytes(content[8:start])), content[start:]
    places = {name: _place(name, each) for name, each in described.items()}
    end = 0
    # The format has every byte belong to one tensor.
    for first, last in sorted((each.first, each.last) for each in places.values()):
        if first != end:
            raise ValueError("it is damaged: its tensors overlap, or leave numbers out")
        end = last
    if end != len(numbers):
        raise ValueError("it is cut or damaged: its tensors do not end where it does")
    return {
        name: np.frombuffer(numbers[each.first : each.last], each.dtype).reshape(each.shape)
        for name, each in places.items()
    }


def _header(content: bytes) -> dict[str, Any]:
    """What a header says of each tensor by name, but for what it says of the whole file."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a name stands there twice")
        return dict(pairs)

    try:
        described = json.loads(content, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            "it is damaged: its header is no JSON that names each tensor once"
        ) from error
    if not isinstance(described, dict):
        raise ValueError("its header names no tensors")
    described.pop("__metadata__", None)
    return described


class _Place(NamedTuple):
    """Where the numbers of a tensor lie, and what they are."""

    first: int
    last: int
    dtype: np.dtype[Any]
    shape: list[int]


def _place(name: str, described: Any) -> _Place:
    """Where one tensor lies, after proving that its numbers fill that place."""
    told = described if isinstance(described, dict) else {}
    parts: list[Any] = [told.get(key) for key in ("dtype", "shape", "data_offsets")]
    dtype, shape, offsets = parts
    if dtype not in list(SAFE):
        raise ValueError(f"{name!r} is of {dtype}, which is not supported; {', '.join(SAFE)} are")
    if not _whole(shape) or not _whole(offsets) or len(offsets) != 2 or len(shape) > MOST_AXES:
        raise ValueError(f"it is damaged: shape or place of {name!r} are no whole numbers from 0")
    place = _Place(offsets[0], offsets[1], SAFE[dtype], shape)
    if place.last - place.first != math.prod(shape) * place.dtype.itemsize:
        raise ValueError(f"it is damaged: {name!r} has other numbers than its shape says")
    return place


def _whole(values: Any) -> bool:
    """Whether these are whole numbers from 0, none too large for a place."""
    return isinstance(values, list) and all(
        type(each) is int and 0 <= each <= checks.LARGEST_WHOLE for each in values
    )


READERS = {
    ".npz": _of_numpy,
    ".safetensors": _of_safetensors,
    **dict.fromkeys((".pth", ".pt", ".th", ".ckpt", ".tar", ".bin"), read_torch),
}
ENDINGS = tuple(READERS)
