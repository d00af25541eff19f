"""Files of weights, by name: of NumPy, of PyTorch, and of safetensors."""

import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hfc_keras import checks, error_texts, files
from hfc_keras.models.torch_files import BFLOAT16, read_torch
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
            return dict(stored)


def _of_safetensors(path: Path) -> dict[str, Array]:
    """Arrays of a file of safetensors: length of a JSON header, header, numbers."""
    content = memoryview(path.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    described = json.loads(bytes(content[8:start]))
    if not isinstance(described, dict):
        raise ValueError("its header names no tensors")
    described.pop("__metadata__", None)
    return {name: _placed(content[start:], each) for name, each in described.items()}


def _placed(content: memoryview, described: Mapping[str, Any]) -> Array:
    """One array, from where the header says it lies."""
    first, last = described["data_offsets"]
    shape, dtype = described["shape"], SAFE[described["dtype"]]
    if not 0 <= first <= last <= len(content) or last - first != math.prod(shape) * dtype.itemsize:
        raise ValueError("it ends within a tensor")
    return np.frombuffer(content[first:last], dtype).reshape(shape)


READERS = {
    ".npz": _of_numpy,
    ".safetensors": _of_safetensors,
    **dict.fromkeys((".pth", ".pt", ".th", ".ckpt", ".tar", ".bin"), read_torch),
}
ENDINGS = tuple(READERS)
