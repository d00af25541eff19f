"""What a folder of the store says in words: whose it is, its data, its time, its precision."""

import itertools
import warnings
from pathlib import Path

from hfc_keras import checks, data, files, records
from hfc_keras.training.recipe import Recipe

PRECISION, DEVICES = "precision.txt", "devices.txt"
# Devices of a training without a strategy.
ONE = "1"


def text(path: Path) -> str | None:
    """Text of a small file, with marks for what is no text; None if there is no file.

    Args:
        path: Path.

    Returns:
        str or None.

    Raises:
        UnusableFileError: if there is something that cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    except OSError as error:
        raise files.UnusableFileError(
            f"`path` must be a file that can be read ({error.strerror}); remove it. "
            f"Received: path={str(path)!r}"
        ) from error


def described(folder: Path) -> str | None:
    """Hash of the recipe that ``recipe.json`` names.

    Args:
        folder: Path.

    Returns:
        str; None if there is no such file, and the reason if it is damaged.
    """
    path = folder / "recipe.json"
    try:
        return records.digest(records.read(path, "remove it")) if path.exists() else None
    except files.UnusableFileError as error:
        return f"unknown ({error})"


def check_described(folder: Path, recipe: Recipe) -> None:
    """Warn if a folder says that it is another recipe's.

    Args:
        folder: Path.
        recipe: training.Recipe.
    """
    found = described(folder)
    if found not in (None, recipe.hash):
        warnings.warn(
            "`recipe.json` of a store's folder must be the recipe that the folder's name says; "
            "files that do not say their recipe themselves do not count there. Remove it if they "
            f"are this recipe's. Received: recipe={found!r}, path={str(folder)!r}",
            stacklevel=5,
        )


def check_data(folder: Path, recipe: Recipe, dataset: data.Dataset) -> None:
    """Refuse data that differ from those in ``data.txt``.

    Args:
        folder: Path.
        recipe: training.Recipe.
        dataset: data.Dataset.

    Raises:
        UnusableFileError: if their fingerprint is another one.
    """
    path = folder / "data.txt"
    if text(path) not in (None, dataset.fingerprint):
        raise files.UnusableFileError(
            f"`dataset` must hold what it held when it was trained on, by {path}; remove "
            f"{folder} or use another store. Received: dataset={recipe.dataset!r}"
        )


def seconds(path: Path) -> float | None:
    """Seconds in a file; what is no duration warns.

    Args:
        path: Path.

    Returns:
        float, or None if nothing is known.
    """
    try:
        found = text(path)
        return None if found is None else checks.number("seconds", float(found), minimum=0)
    except ValueError as error:
        message = f"The time of a training counts from now on: {error}; path={str(path)!r}"
        warnings.warn(message, stacklevel=3)
        return None


def add_precision(folder: Path, epoch: int, name: str) -> None:
    """Note the dtype policy that an epoch was trained under.

    Args:
        folder: Path.
        epoch: int, from 1; notes of later epochs go.
        name: str, such as ``"mixed_bfloat16"``.
    """
    # Epochs of before there was this note were trained in full.
    _add(folder / PRECISION, epoch, name, "float32")


def add_devices(folder: Path, epoch: int, words: str) -> None:
    """Note the devices that an epoch was trained on, once several were used.

    Args:
        folder: Path.
        epoch: int, from 1; notes of later epochs go.
        words: str, such as ``"2 x gpu"``, or ``"1"``.
    """
    if words != ONE or (folder / DEVICES).exists():
        _add(folder / DEVICES, epoch, words, ONE)


def precision(folder: Path) -> str:
    """Dtype policies that a network was trained under, in their order.

    Args:
        folder: Path.

    Returns:
        str, such as ``"float32"``, or ``"mixed_bfloat16, then float32"``.

    Example:
        >>> from pathlib import Path
        >>> precision(Path("no such folder"))
        'float32'
    """
    return _in_order(folder / PRECISION) or "float32"


def circumstances(folder: Path) -> dict[str, str]:
    """How a network was trained, besides what its recipe says.

    Args:
        folder: Path.

    Returns:
        dict of precision, see ``precision``, and devices, such as ``"2 x gpu, then 1"``.

    Example:
        >>> from pathlib import Path
        >>> circumstances(Path("no such folder"))
        {'precision': 'float32', 'devices': '1'}
    """
    return {"precision": precision(folder), "devices": _in_order(folder / DEVICES) or ONE}


def _add(path: Path, epoch: int, line: str, earlier: str) -> None:
    """Write the line of an epoch, after those of the epochs before."""
    lines = [*_lines(path), *[earlier] * epoch][: epoch - 1]
    files.write_whole(path, "\n".join([*lines, line]) + "\n")


def _in_order(path: Path) -> str:
    """Lines of a file, those that repeat the one before left out."""
    return ", then ".join(line for line, _ in itertools.groupby(_lines(path)))


def _lines(path: Path) -> list[str]:
    """Lines of a file of notes, one for each epoch."""
    lines = (text(path) or "").splitlines()
    return [line.strip() for line in lines if line.strip()]
