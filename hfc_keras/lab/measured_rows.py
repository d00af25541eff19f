"""What a measure returned, checked before anything of it is written."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hfc_keras import csv_files, files
from hfc_keras.reporting.table_files import rows_by_cell, wrong_values

# Columns that the experiment fills in.
CELL = ("recipe", "seed")


class UnusableRowsError(ValueError):
    """Rows of a measure that cannot go into a table, with the experiment and the cell."""


def of_cell(title: str, cell: Any, keys: Sequence[str], rows: Any) -> pd.DataFrame:
    """Rows of a cell as they go into the table.

    Args:
        title: str, name of the experiment.
        cell: runner.Cell.
        keys: list of str, the columns that name a measurement.
        rows: what the measure returned.

    Returns:
        DataFrame with recipe and seed, first the columns of ``keys``.

    Raises:
        UnusableRowsError: for anything but a DataFrame with at least one row and the columns of
            ``keys``, none twice, for a recipe or a seed that is not the cell's, and for an accuracy
            that is missing.
    """
    if not isinstance(rows, pd.DataFrame):
        returned = type(rows).__name__
        raise _refused(title, "must return a DataFrame", cell.label, returned=returned)
    names = [str(name) for name in rows.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _refused(title, "must return each column once", cell.label, twice=twice)
    if not len(rows):
        raise _refused(title, "must return at least one row", cell.label, rows=0)
    wanted = [name for name in keys if name not in CELL]
    missing = [name for name in wanted if name not in names]
    if missing:
        expected = f"must return the columns that `keys` of the experiment names, {wanted}"
        raise _refused(title, expected, cell.label, missing=missing, columns=names)
    for name, own in zip(CELL, (cell.name, cell.seed), strict=True):
        others = [value for value in rows[name] if value != own] if name in names else []
        if others:
            expected = f"must leave `{name}` to the experiment, or return the cell's own"
            raise _refused(title, expected, cell.label, **{name: others[0]})
    _check_filled(title, cell.label, rows.drop(columns=[*wanted, *CELL], errors="ignore"))
    rows = rows.assign(recipe=cell.name, seed=cell.seed)
    others = rows.columns.difference(list(keys), sort=False)
    return rows[[*keys, *others]]


def check(title: str, label: str, keys: Sequence[str], text: str) -> None:
    """Refuse before a table is written what reading it would refuse.

    Args:
        title: str, name of the experiment.
        label: str, the cell that was measured last.
        keys: list of str, the columns that name a measurement.
        text: str, CSV of the table as it would be written.

    Raises:
        UnusableRowsError: if a measurement stands in it twice, there is text among numbers, or an
            accuracy or a share is outside [0, 1].
    """
    try:
        table = csv_files.parsed(text.encode(), title, "return what a CSV can hold")
    except files.UnusableFileError as error:
        reason = str(error).partition(";")[0]
        expected = "must return rows that a CSV file can hold"
        raise _refused(title, expected, label, reason=reason) from error
    _check_unique(title, label, keys, table.frame)
    cells = rows_by_cell(table)
    for wrong in wrong_values(table, keys, range(len(table.rows))):
        found = next(name for name, places in cells.items() if wrong.row in places)
        expected = f"must return {wrong.expected} as `{wrong.name}`"
        raise _refused(title, expected, found, **{wrong.name: wrong.value})


def _check_unique(title: str, label: str, keys: Sequence[str], frame: pd.DataFrame) -> None:
    """Refuse a measurement that stands twice, naming the columns that tell its rows apart."""
    twice = frame[frame.duplicated(list(keys))]
    if not len(twice):
        return
    first = twice[list(keys)].iloc[:1]
    both = frame.merge(first, on=list(keys))
    apart = [name for name in frame if both[name].nunique(dropna=False) > 1]
    if not apart:
        expected, row = "must return a measurement once; these rows are the same", first.iloc[0]
        raise _refused(title, expected, label, measurement=row.to_dict())
    expected = (
        f"must return a measurement once; `keys` of the experiment, {list(keys)}, must name "
        "the columns that tell its rows apart"
    )
    measurement = first.iloc[0].to_dict()
    raise _refused(title, expected, label, measurement=measurement, different=apart)


def _check_filled(title: str, label: str, rows: pd.DataFrame) -> None:
    """Refuse an empty accuracy in a row that holds no other measurement.

    Other measurements are numbers that are not beside every accuracy; the number of images is.
    """
    for name in [each for each in rows if str(each).endswith("accuracy")]:
        empty = rows[name].isna()
        numbers = rows.select_dtypes("number")
        other = numbers.loc[:, numbers[~empty].isna().any()].notna().any(axis=1)
        if (empty & ~other).any():
            expected = (
                f"must return a share from 0 to 1 as `{name}`, which may be empty only in a row "
                "that holds another measurement"
            )
            raise _refused(title, expected, label, **{str(name): float("nan")})


def _refused(title: str, expected: str, label: str, **received: object) -> UnusableRowsError:
    """Error in the grammar of all refusals."""
    words = ", ".join(f"{name}={value!r}" for name, value in {"cell": label, **received}.items())
    return UnusableRowsError(f"`measure` of {title} {expected}. Received: {words}")
