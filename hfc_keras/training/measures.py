"""Keeps what was measured on the weights of a recipe."""

import json
import shutil
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import pandas as pd

from hfc_keras import csv_files, data, files, records
from hfc_keras.training import kept_files

# Raised when a measure means something else than before, so that old rows are not used.
MEASURES = 1


def measured(
    folder: Path,
    network: str,
    dataset: data.Dataset,
    measure: str,
    arguments: Mapping[str, object],
    compute: Callable[..., pd.DataFrame],
    in_parts: bool = False,
) -> pd.DataFrame:
    """Rows of a measure from a folder, or computed and kept there; see ``Store.measured``.

    Args:
        folder: Path.
        network: str, hash of its recipe, or of the weights of one that others trained.
        dataset: data.Dataset.
        measure: str.
        arguments: dict for JSON.
        compute: function of no argument that returns the DataFrame.
        in_parts: bool, whether ``compute`` takes a folder ``resume`` to keep its parts in, as
            ``analysis.robust_accuracy`` does; it is removed once the rows are kept.

    Returns:
        DataFrame.
    """
    key = records.digest([MEASURES, dataset.fingerprint, arguments])
    owner = {"recipe": network, "data": dataset.fingerprint, "measure": measure, "key": key}
    before = folder / f"{measure}-{key[:16]}.csv"
    # The name separates what must have a checksum from what was written before there were any.
    path = before.with_suffix(".checked.csv")
    for kept, header in ((path, owner), (before, None)):
        try:
            if kept.exists():
                return read(kept, header)
        except records.NewerFormatError:
            raise
        except files.UnusableFileError as error:
            warnings.warn(f"A measure is made again: {error}", stacklevel=3)
            break
    parts = before.with_suffix(".parts")
    rows = compute(resume=parts) if in_parts else compute()
    files.write_whole(path, as_text(rows, owner))
    shutil.rmtree(parts, ignore_errors=True)
    return read(path, owner)


def as_text(rows: pd.DataFrame, owner: Mapping[str, object]) -> str:
    """Content of the file of a measure.

    Args:
        rows: DataFrame.
        owner: dict for JSON: recipe, data, measure, key.

    Returns:
        str, a line of JSON and the rows as CSV.
    """
    table = rows.to_csv(index=False)
    return f"# {json.dumps(records.sealed({**owner, 'rows': records.digest(table)}))}\n{table}"


def read(path: Path, owner: Mapping[str, object] | None) -> pd.DataFrame:
    """Rows of a measure, after proving that they are whole and whose they are.

    Args:
        path: Path.
        owner: dict of what the header must say; None for a file written before there were
            headers, of which nothing but its form can be checked.

    Returns:
        DataFrame.

    Raises:
        NewerFormatError: if a newer version wrote the file.
        UnusableFileError: if it is damaged or another one's.
    """
    remedy = "it is measured again"
    try:
        content = path.read_bytes().replace(b"\r\n", b"\n")
    except OSError as error:
        raise files.UnusableFileError(
            f"A measure must be a file that can be read ({error.strerror}); {remedy}. "
            f"Received: path={str(path)!r}"
        ) from error
    if owner is not None:
        head, _, content = content.partition(b"\n")
        header = records.opened(head.removeprefix(b"#"), path, remedy)
        text = content.decode(errors="replace")
        kept_files.check_owner(header, {**owner, "rows": records.digest(text)}, path)
    rows = csv_files.parsed(content, path, remedy).frame
    shares = [name for name in ("accuracy", "share") if owner is None and name in rows]
    values = cast(pd.Series, rows[shares].fillna(0).stack())
    if not values.between(0, 1).all():
        raise files.UnusableFileError(
            f"A measure must hold accuracies and shares from 0 to 1; {remedy}. "
            f"Received: path={str(path)!r}"
        )
    return rows
