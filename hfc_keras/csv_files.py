"""Tables in CSV that are noticed when they are not what they were."""

import csv
import dataclasses
import decimal
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

import pandas as pd

from hfc_keras import files, records
from hfc_keras.types import PathLike


@dataclasses.dataclass(frozen=True)
class Table:
    """A table as it stands in a file.

    Args:
        header: list of str, the columns.
        rows: list of lists of str.
        lines: list of int, the line of the file each row ends in.
        frame: DataFrame of the same rows.
    """

    header: list
    rows: list
    lines: list
    frame: pd.DataFrame

    def column(self, name: str) -> list[str]:
        """Return the cells of a column, list of str."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]

    def digest(self, rows: Iterable[int]) -> str:
        """Checksum of some rows: of their values, whatever the line ends or the order of columns.

        An empty cell counts as absent, and 1 is 1.0, so that rows keep their checksum when
        others with more columns are added to the table.

        Args:
            rows: sequence of int, places in ``rows``.

        Returns:
            str of 64 hexadecimal digits.
        """
        pairs = [
            sorted(
                [name, _canonical(cell)]
                for name, cell in zip(self.header, self.rows[row], strict=True)
                if cell
            )
            for row in rows
        ]
        return records.digest(pairs)


def parsed(content: bytes, path: PathLike, remedy: str, torn: bool = False) -> Table:
    r"""Table in the content of a CSV file, after proving that its lines are whole.

    A byte-order mark and the line ends of other systems, as editors leave them, change nothing.

    Args:
        content: bytes.
        path: str or Path it comes from, for errors.
        remedy: str, what to do about a damaged one, after a semicolon.
        torn: bool, whether a last line that breaks off is left out instead of refused; whoever
            allows that must count the rows.

    Returns:
        Table.

    Raises:
        UnusableFileError: naming file and line, if the last line breaks off, a row has not as many
            cells as the header, a column stands twice, or there is something that is no text.

    Example:
        >>> parsed(b"a,b\r\n1,x\r\n", "t.csv", "write it anew").frame["a"].tolist()
        [1]
    """

    def refuse(reason: object, line: int, error: Exception | None = None) -> NoReturn:
        raise files.UnusableFileError(
            f"A results table must be a whole CSV ({reason}); {remedy}. "
            f"Received: path={str(path)!r}, line={line}"
        ) from error

    if torn:
        content = content[: content.rfind(b"\n") + 1]
    elif not content.endswith(b"\n"):
        # A number that breaks off is a number too.
        refuse("its last line breaks off", content.count(b"\n") + 1)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse("its text is no UTF-8", content[: error.start].count(b"\n") + 1, error)
    if "\0" in text:
        refuse("it holds a NUL byte", text[: text.index("\0")].count("\n") + 1)
    header, rows, lines = _split(text, refuse)
    try:
        frame = pd.read_csv(io.StringIO(text), low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        refuse(error, 1, error)
    if len(frame) != len(rows):
        refuse("its rows cannot be separated", 1)
    return Table(header, rows, lines, frame)


def read(path: PathLike, remedy: str, torn: bool = False) -> Table:
    """Table in a CSV file, see ``parsed``.

    Args:
        path: str or Path.
        remedy: str, see ``parsed``.
        torn: bool, see ``parsed``.

    Returns:
        Table.

    Raises:
        UnusableFileError: see ``parsed``, or if the file cannot be read.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise files.UnusableFileError(
            f"A results table must be a file that can be read ({error.strerror}); {remedy}. "
            f"Received: path={str(path)!r}"
        ) from error
    return parsed(content, path, remedy, torn)


def _split(
    text: str, refuse: Callable[..., NoReturn]
) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows and the lines they end in."""
    reader, rows, lines = csv.reader(io.StringIO(text, newline=""), strict=True), [], []
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        refuse(error, reader.line_num, error)
    header = rows.pop(0) if rows else refuse("it is empty", 1)
    if len(set(header)) < len(header):
        refuse("a column stands in it twice", lines[0])
    for row, line in zip(rows, lines[1:], strict=True):
        if len(row) != len(header):
            refuse(f"a row has {len(row)} cells, the header {len(header)}", line)
    return header, rows, lines[1:]


def number(cell: str) -> decimal.Decimal | None:
    """Exact value of a cell; None if it is no number.

    Args:
        cell: str.

    Returns:
        decimal.Decimal or None.

    Example:
        >>> number("0.10"), number("abc")
        (Decimal('0.1'), None)
    """
    try:
        return decimal.Decimal(cell).normalize()
    except decimal.DecimalException:
        return None


def _canonical(cell: str) -> str:
    value = number(cell)
    return cell if value is None else str(value)
