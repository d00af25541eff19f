"""What a training or a run leaves behind, and how much of it another one lacks."""

import collections
import hashlib
from pathlib import Path

import numpy as np

from hfc_keras.types import Record


def compared(folder: Path, whole: Path) -> Record:
    """Compare what was killed and resumed with what was not interrupted.

    Args:
        folder: Path.
        whole: Path.

    Returns:
        dict of equal (bool, whether all tables and arrays are, bit by bit), rows (of the tables of
        the whole) and rows_lost.
    """
    rows, expected = (collections.Counter(_rows(each)) for each in (folder, whole))
    return {
        "equal": _content(folder) == _content(whole),
        "rows": expected.total(),
        "rows_lost": (expected - rows).total(),
    }


def _content(folder: Path) -> dict[str, str]:
    """Digests of tables and arrays by path; files of arrays have dates beside them."""
    found = {}
    for path in sorted(folder.rglob("*.csv")):
        found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted(folder.rglob("*.npz")):
        with np.load(path, allow_pickle=False) as arrays:
            for name in sorted(arrays.files):
                array = arrays[name]
                described = f"{array.dtype} {array.shape}".encode() + array.tobytes()
                key = f"{path.relative_to(folder)} {name}"
                found[key] = hashlib.sha256(described).hexdigest()
    return found


def _rows(folder: Path) -> list[str]:
    """Rows of all tables, each with the path of its table."""
    return [
        f"{path.relative_to(folder)} {row}"
        for path in sorted(folder.rglob("*.csv"))
        for row in path.read_text(encoding="utf-8").splitlines()[1:]
    ]
