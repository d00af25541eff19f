"""Cells that gave no rows, with the reason: a table of their own beside that of the results."""

from pathlib import Path
from typing import Any

import pandas as pd

from hfc_keras import csv_files, files
from hfc_keras.error_texts import reason
from hfc_keras.non_finite import NonFiniteLogitsError
from hfc_keras.types import Record

REMEDY = "remove it, and the cells are tried again all the same"
COLUMNS = ["recipe", "seed", "status", "epoch", "reason"]
ENDING = ".failed.csv"
DIVERGED, FAILED, MEMORY = "diverged", "failed", "out_of_memory"
STATUSES = {FloatingPointError: DIVERGED, NonFiniteLogitsError: DIVERGED, MemoryError: MEMORY}
# Errors whose words say enough; of others the traceback is printed.
KNOWN = tuple(STATUSES)


def path_of(results: Path) -> Path:
    """File of the cells that failed.

    Args:
        results: Path of the results without suffix.

    Returns:
        Path.

    Example:
        >>> path_of(Path("results/batch_size")).name
        'batch_size.failed.csv'
    """
    return results.with_name(f"{results.name}{ENDING}")


def is_one(path: Path) -> bool:
    """Whether a file is such a table, and not one of results.

    Args:
        path: Path.

    Returns:
        bool.

    Example:
        >>> is_one(Path("results/batch_size.failed.csv"))
        True
    """
    return path.name.endswith(ENDING)


def row(cell: Any, error: Exception) -> Record:
    """Say of a cell that it gave no rows.

    Args:
        cell: runner.Cell.
        error: Exception that ended it.

    Returns:
        dict by column: recipe, seed; status (``"diverged"`` for numbers of a training, or logits of
        what it gave, that are not finite, ``"out_of_memory"``, else ``"failed"``); epoch (int from
        1 or None, the one that ended it); reason.

    Example:
        >>> from types import SimpleNamespace
        >>> cell = SimpleNamespace(name="vanilla", seed=0)
        >>> row(cell, FloatingPointError("The loss must stay finite"))["status"]
        'diverged'
    """
    found = (status for kind, status in STATUSES.items() if isinstance(error, kind))
    # What nobody has trained here has not diverged.
    given = isinstance(error, NonFiniteLogitsError) and not hasattr(cell, "recipe")
    status = FAILED if given else next(found, FAILED)
    values = (cell.name, cell.seed, status, getattr(error, "epoch", None))
    return dict(zip(COLUMNS, (*values, reason(error)), strict=True))


def read(path: Path) -> dict[str, Record]:
    """Cells that earlier runs failed at.

    Args:
        path: Path of the file, which need not exist.

    Returns:
        dict from the cell's label to its row.

    Raises:
        UnusableFileError: if the file is damaged.

    Example:
        >>> read(Path("no such file"))
        {}
    """
    if not path.exists():
        return {}
    table = csv_files.read(path, REMEDY).frame
    if list(table.columns) != COLUMNS:
        raise files.UnusableFileError(
            f"A table of failed cells must have the columns {COLUMNS}; {REMEDY}. "
            f"Received: path={str(path)!r}, columns={list(table.columns)}"
        )
    rows: list[Any] = table.to_dict("records")
    return {f"{each['recipe']} seed {each['seed']}": each for each in rows}


def write(path: Path, rows: dict[str, Record]) -> None:
    """Write the cells that failed; without any there is no file.

    Args:
        path: Path of the file.
        rows: dict from the cell's label to its row.

    Raises:
        UnusableFileError: if the file cannot be written.

    Example:
        >>> write(Path("no such file"), {})
    """
    if not rows:
        path.unlink(missing_ok=True)
        return
    table = pd.DataFrame(list(rows.values()), columns=COLUMNS).astype({"epoch": "Int64"})
    files.write_whole(path, table.to_csv(index=False))
