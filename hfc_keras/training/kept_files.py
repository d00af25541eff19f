"""What the store's files of arrays hold, with a header that says whose they are."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hfc_keras import files, records
from hfc_keras.training.recipe import Recipe
from hfc_keras.types import Array, Record

REMEDY = "remove its folder to train anew"
GROUPS = ("weights", "optimizer")
# What a damaged archive can end in, before and after NumPy reads it.
DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)


def arrays_as_bytes(
    groups: Mapping[str, Sequence[Array]],
    owner: Mapping[str, object],
    history: pd.DataFrame | None = None,
) -> bytes:
    """Content of a file of arrays.

    Args:
        groups: dict from weights, optimizer to lists of arrays.
        owner: dict for JSON that says whose they are: recipe, data, epoch.
        history: DataFrame or None.

    Returns:
        bytes, ``.npz``.
    """
    buffer = io.BytesIO()
    counts = {group: len(arrays) for group, arrays in groups.items()}
    named: dict[str, Any] = {
        f"{group}-{index:05d}": array
        for group, arrays in groups.items()
        for index, array in enumerate(arrays)
    }
    text = "" if history is None else json.dumps(history.to_dict("list"))
    header = json.dumps(records.sealed({**owner, "arrays": counts}))
    np.savez(buffer, header=np.array(header), history=np.array(text), **named)
    return buffer.getvalue()


def read_arrays(path: Path, owner: Mapping[str, object], described: str | None = None) -> Record:
    """Arrays of a file, after proving that they are whole and whose they are.

    Args:
        path: Path.
        owner: dict of what the header must say; what is None may be anything.
        described: str or None, hash of the recipe that the folder's ``recipe.json`` names, which
            speaks for files written before there were headers.

    Returns:
        dict of weights and optimizer (lists of arrays) and, where there is one, history
        (DataFrame).

    Raises:
        NewerFormatError: if a newer version wrote the file.
        UnusableFileError: if it is damaged, another one's, or holds numbers that are not finite.
    """
    try:
        members = _members(path.read_bytes())
        header = json.loads(str(members.pop("header", "{}")))
        history = json.loads(str(members.pop("history")) or "null")
        history = None if history is None else pd.DataFrame(history)
        groups = {name: [] for name in GROUPS}
        for key in sorted(members):
            groups[key.partition("-")[0]].append(members[key])
    except (*DAMAGE, RecursionError) as error:
        raise files.UnusableFileError(
            f"A file of the store must be whole ({error or type(error).__name__}); {REMEDY}. "
            f"Received: path={str(path)!r}"
        ) from error
    if header:
        header = records.opened(json.dumps(header), path, REMEDY)
        counts = {name: len(groups[name]) for name in header.get("arrays", {})}
        check_owner(header, {**owner, "arrays": counts}, path)
    elif described is not None:
        check_owner({"recipe": described}, {"recipe": owner["recipe"]}, path)
    check_finite(groups["weights"], path)
    return groups if history is None else {**groups, "history": history}


def check_owner(header: Mapping[str, object], owner: Mapping[str, object], path: Path) -> None:
    """Refuse a file that says it is of another recipe, data set, epoch or measure.

    Args:
        header: dict.
        owner: dict of what it must say; what is None may be anything.
        path: Path, for the error.

    Raises:
        UnusableFileError: if it says something else.
    """
    for name, value in owner.items():
        if value is not None and header.get(name) != value:
            raise files.UnusableFileError(
                f"A file of the store must be of {name} {value!r}, as its place says; {REMEDY}, "
                f"or bring the right file back. Received: {name}={header.get(name)!r}, "
                f"path={str(path)!r}"
            )


def check_shapes(arrays: Sequence[Any], expected: Sequence[Any], path: Path) -> None:
    """Refuse arrays whose number or shapes are not those of a network.

    Args:
        arrays: list of arrays.
        expected: list of arrays or variables.
        path: Path, for the error.

    Raises:
        UnusableFileError: naming the first shape that differs.
    """
    found, wanted = ([tuple(each.shape) for each in side] for side in (arrays, expected))
    if found == wanted:
        return
    pairs = zip(found, wanted, strict=False)
    first = next((pair for pair in pairs if pair[0] != pair[1]), (len(found), len(wanted)))
    raise files.UnusableFileError(
        f"A file of weights must fit the network of its recipe, shape {first[1]}; {REMEDY}. "
        f"Received: shape={first[0]}, path={str(path)!r}"
    )


def check_progress(groups: Record, recipe: Recipe, model: Any, path: Path) -> None:
    """Refuse progress that a training cannot go on from.

    Args:
        groups: dict, see ``read_arrays``.
        recipe: training.Recipe.
        model: compiled keras.Model that it must fit, or None.
        path: Path, for the error.

    Raises:
        UnusableFileError: if its epochs are not the first ones of the recipe, or arrays do not
            fit.
    """
    history = groups.get("history")
    epochs = [] if history is None or "epoch" not in history else history["epoch"].tolist()
    if not epochs or epochs != list(range(1, recipe.epochs + 1))[: len(epochs)]:
        raise files.UnusableFileError(
            f"Progress must hold the epochs so far, of {recipe.epochs}; {REMEDY}. "
            f"Received: epochs={epochs}, path={str(path)!r}"
        )
    if model is not None:
        check_shapes(groups["weights"], model.get_weights(), path)
        check_shapes(groups["optimizer"], model.optimizer.variables, path)


def check_finite(arrays: Sequence[Array], path: Path) -> None:
    """Refuse weights that are not finite.

    Args:
        arrays: list of arrays.
        path: Path, for the error.

    Raises:
        UnusableFileError: naming the arrays.
    """
    bad = [
        index
        for index, array in enumerate(arrays)
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all()
    ]
    if bad:
        raise files.UnusableFileError(
            f"Weights must be finite; {REMEDY}. Received: arrays={bad}, path={str(path)!r}"
        )


def _members(content: bytes) -> dict[str, Array]:
    """Arrays of an archive by name, after its checksums have been proved."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # A small file may unpack to more than the memory holds.
        if any(each.compress_type != zipfile.ZIP_STORED for each in archive.infolist()):
            raise zipfile.BadZipFile("compressed, as no file of the store is")
        if sum(each.file_size for each in archive.infolist()) > len(content):
            raise zipfile.BadZipFile("arrays claim to be larger than the file")
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"wrong checksum of {damaged}")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
