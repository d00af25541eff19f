"""Reads a table of results back, and verifies it by the record beside it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from hfc_keras import checks, csv_files, files, records
from hfc_keras.reporting.rows import KEYS
from hfc_keras.types import PathLike, Record

REMEDY = "restore it, or replace it with --fresh"
# Ends of the names of columns that hold shares of images.
SHARES = ("accuracy", "share")


def read_table(
    path: PathLike,
    columns: Iterable[str] = KEYS,
    lost_rows: bool = False,
    torn: bool = False,
) -> pd.DataFrame:
    r"""Read a table written earlier, if it is what was written.

    Each cell (a recipe with a seed) that the record beside the table has a checksum of must have
    it still. Cells of records made before there were checksums are judged by what they have:
    numbers where the column has numbers, accuracies and shares from 0 to 1.

    Args:
        path: str or Path of a CSV file; its record has the suffix ``.json``.
        columns: sequence of str, the columns that must be there.
        lost_rows: bool, whether a cell may have another number of rows than the record counts;
            whoever allows that must count them.
        torn: bool, whether the last line may break off, which is left out then.

    Returns:
        DataFrame.

    Raises:
        UnusableFileError: by file and, where known, line: if the file is no table,
            breaks off inside a line, lacks a column or rows, or holds other values than were
            written, or if the record is damaged or of a newer version.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "t.csv"
        >>> _ = path.write_text("recipe,seed\nvanilla,0\n")
        >>> len(read_table(path, ["recipe", "seed"]))
        1
    """
    path = Path(path)
    table = csv_files.read(path, REMEDY, torn)
    missing = [column for column in columns if column not in table.header]
    if missing:
        raise files.UnusableFileError(
            f"A results table must have the columns {list(columns)}; missing are {missing}. "
            f"Bring the file back, or replace it with --fresh. Received: path={str(path)!r}"
        )
    record = path.with_suffix(".json")
    content = records.read(record, REMEDY) if record.exists() else {}
    if "columns" in content and table.header != content["columns"]:
        raise files.UnusableFileError(
            f"A results table must have the columns of its record, {content['columns']}; {REMEDY}. "
            f"Received: path={str(path)!r}, line=1, columns={table.header}"
        )
    if {"recipe", "seed"} <= {*table.header}:
        _check_cells(path, table, _cells(content), columns, lost_rows)
    return table.frame


def checksums(content: str) -> dict[str, str]:
    r"""Checksum of each cell of a table.

    Args:
        content: str, CSV with the columns recipe and seed.

    Returns:
        dict from the cell's label to str.

    Example:
        >>> list(checksums("recipe,seed,accuracy\nvanilla,0,0.5\n"))
        ['vanilla seed 0']
    """
    table = csv_files.parsed(content.encode(), "results", REMEDY)
    return {label: table.digest(rows) for label, rows in rows_by_cell(table).items()}


class Wrong(NamedTuple):
    """A value that no table may hold.

    Args:
        name: str, its column.
        row: int, its place in the rows of the table.
        value: str, as it stands in the file.
        expected: str, what must stand there in words.
    """

    name: str
    row: int
    value: str
    expected: str


def wrong_values(
    table: csv_files.Table, keys: Iterable[str], rows: Iterable[int]
) -> Iterator[Wrong]:
    r"""Text among numbers, and accuracies and shares outside [0, 1]: the first of each column.

    Args:
        table: csv_files.Table.
        keys: sequence of str, the columns that name a measurement, which may hold anything; but
            seeds are numbers.
        rows: sequence of int, places in ``table.rows``.

    Yields:
        Wrong, in the order of the columns.

    Example:
        >>> table = csv_files.parsed(b"recipe,accuracy\nvanilla,50.0\n", "t.csv", REMEDY)
        >>> [wrong.expected for wrong in wrong_values(table, ["recipe"], [0])]
        ['a share from 0 to 1']
    """
    keys, rows = list(keys), list(rows)
    for name in table.header:
        wrong = _wrong_in(table, name, rows) if name not in keys or name == "seed" else None
        if wrong:
            yield wrong


def _wrong_in(table: csv_files.Table, name: str, rows: Iterable[int]) -> Wrong | None:
    """First value of a column that may not stand there."""
    cells, share = table.column(name), name.endswith(SHARES)
    numbers = {row: csv_files.number(cells[row]) for row in rows if cells[row]}
    if not share and all(value is None for value in numbers.values()):
        return None
    for row, value in numbers.items():
        if value is None or (share and (value.is_nan() or not 0 <= value <= 1)):
            return Wrong(
                name,
                row,
                cells[row],
                "a share from 0 to 1" if share else "a number",
            )
    return None


def _cells(content: Record) -> dict[str, Record]:
    """Cells of a record; what other records hold is not ours to judge."""
    cells = content.get("cells")
    if isinstance(cells, dict) and all(isinstance(cell, dict) for cell in cells.values()):
        return cells
    return {}


def rows_by_cell(table: csv_files.Table) -> dict[str, list[int]]:
    r"""Places of the rows of each cell.

    Args:
        table: csv_files.Table with the columns recipe and seed.

    Returns:
        dict from the cell's label to list of int.

    Example:
        >>> table = csv_files.parsed(b"recipe,seed\nvanilla,0\nvanilla,0\n", "t.csv", REMEDY)
        >>> rows_by_cell(table)
        {'vanilla seed 0': [0, 1]}
    """
    found = {}
    for row, pair in enumerate(zip(table.column("recipe"), table.column("seed"), strict=True)):
        found.setdefault(" seed ".join(pair), []).append(row)
    return found


def _check_cells(
    path: Path,
    table: csv_files.Table,
    cells: Mapping[str, Record],
    columns: Iterable[str],
    lost_rows: bool,
) -> None:
    found, unsealed = rows_by_cell(table), []
    for label in {**cells, **found}:
        rows, cell = found.get(label, []), cells.get(label, {})
        if label in cells and len(rows) != cell.get("rows"):
            checks.require(
                lost_rows,
                f"A table must hold the rows that its record counts; it has others of {label!r}",
                path=str(path),
                rows=len(rows),
            )
        elif records.SEAL not in cell:
            unsealed += rows
        elif cell[records.SEAL] != table.digest(rows):
            raise files.UnusableFileError(
                f"A results table must hold what was measured; the rows of {label!r} have "
                f"changed since. Bring the file back, or replace it with --fresh. Received: "
                f"path={str(path)!r}, lines={table.lines[rows[0]]} to {table.lines[rows[-1]]}"
            )
    for wrong in wrong_values(table, columns, unsealed):
        raise files.UnusableFileError(
            f"`{wrong.name}` of a results table must be {wrong.expected}; {REMEDY}. Received: "
            f"{wrong.name}={wrong.value!r}, path={str(path)!r}, line={table.lines[wrong.row]}"
        )
