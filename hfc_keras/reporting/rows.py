"""Rows of tidy tables, one measurement per row: which there are, and none twice."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from hfc_keras import checks

KEYS = ["recipe", "seed", "epoch", "split", "component", "radius", "bn_statistics"]


def unique_rows(table: pd.DataFrame, keys: Sequence[str] = KEYS) -> pd.DataFrame:
    """Return a table after proving that no measurement stands in it twice.

    Args:
        table: DataFrame.
        keys: columns that name a measurement.

    Returns:
        ``table``.

    Raises:
        ValueError: naming the first measurement that stands twice.

    Example:
        >>> len(unique_rows(pd.DataFrame({"recipe": ["a", "b"]}), ["recipe"]))
        2
    """
    twice = table[table.duplicated(keys)]
    first = twice[keys].iloc[0].to_dict() if len(twice) else None
    checks.require(first is None, "A measurement must stand in a table once", measurement=first)
    return table


def measured_once(table: pd.DataFrame) -> pd.DataFrame:
    """Return a bare table of ``analysis`` as figures of many trainings expect it.

    Args:
        table: DataFrame. One with a column recipe is returned as it is; otherwise recipe is what
            stands in a column model, or ``"model"``. Columns seed, epoch, split that are missing
            become 0, 1 and ``"test"``; bn_statistics becomes ``"none"``.

    Returns:
        DataFrame.

    Example:
        >>> measured_once(pd.DataFrame({"accuracy": [0.5]})).columns.tolist()
        ['accuracy', 'recipe', 'seed', 'epoch', 'split', 'bn_statistics']
    """
    if "recipe" in table.columns:
        return table
    recipe = table["model"] if "model" in table.columns else "model"
    fixed = {"seed": 0, "epoch": 1, "split": "test", "bn_statistics": "none"}
    missing = {name: value for name, value in fixed.items() if name not in table.columns}
    return table.assign(recipe=recipe, **missing)


def one_source(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table after proving that its corrupted images have one maker.

    Args:
        table: DataFrame; without the column source it passes.

    Returns:
        ``table``.

    Raises:
        ValueError: naming the makers, if there are several.

    Example:
        >>> len(one_source(pd.DataFrame({"source": ["generated", "images", None]})))
        3
    """
    sources = set(table["source"].dropna()) - {"images"} if "source" in table else set()
    checks.require(
        len(sources) <= 1,
        "A table must hold corrupted images of one source",
        sources=sorted(sources),
    )
    return table


def require_columns(table: pd.DataFrame, columns: Iterable[str]) -> None:
    """Refuse a table that lacks a column or holds no row.

    Args:
        table: DataFrame.
        columns: list of str.

    Raises:
        ValueError: naming the columns that are missing.

    Example:
        >>> import pandas as pd
        >>> require_columns(pd.DataFrame({"seed": [0]}), ["seed", "epoch"])
        Traceback (most recent call last):
        ...
        ValueError: `table` must have the columns ['seed', 'epoch']. Received: missing=['epoch']
    """
    missing = [column for column in columns if column not in table.columns]
    checks.require(not missing, f"`table` must have the columns {columns}", missing=missing)
    checks.require(len(table), "`table` must hold at least one row", rows=len(table))


def last_rows(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Rows of the last epoch of each training; all where there is no column epoch.

    Args:
        table: DataFrame.
        keys: list of str, columns that name a training.

    Returns:
        DataFrame.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"recipe": ["a", "a", "b"], "epoch": [1, 3, 2]})
        >>> last_rows(table, ["recipe"])["epoch"].tolist()
        [3, 2]
    """
    if "epoch" not in table.columns:
        return table
    return table[table["epoch"] == table.groupby(list(keys))["epoch"].transform("max")]


class MissingMeasurementError(ValueError):
    """A measurement that a table should hold and does not, by its name."""


def rows_of(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    """Rows that have all the values that are asked for.

    Args:
        table: DataFrame with the columns seed and those of ``where``.
        **where: column to value, see ``value``.

    Returns:
        DataFrame, in the order of the table.

    Raises:
        ValueError: for a column that the table lacks.

    Example:
        >>> table = pd.DataFrame({"seed": [0, 0, 1], "radius": [4.0, np.nan, 4.0]})
        >>> len(rows_of(table, radius=4)), len(rows_of(table, radius=np.nan, seed=0))
        (2, 1)
    """
    for name in ("seed", *where):
        checks.choice("column", name, list(table.columns))
    return table[_fits(table, where)]


def _fits(table: pd.DataFrame, where: Mapping[str, Any]) -> pd.Series:
    """Which rows have all the values that were asked for."""
    fits = pd.Series(True, index=table.index)
    for name, wanted in where.items():
        column = table[name]
        if name == "epoch" and isinstance(wanted, str):
            checks.choice("epoch", wanted, ["last"])
            wanted = table.groupby("recipe")["epoch"].transform("max")
        empty = np.isscalar(wanted) and pd.isna(cast(Any, wanted))
        fits &= column.isna() if empty else column == wanted
    return fits


def complete_rows(rows: pd.DataFrame, seeds: Iterable[int], **named: object) -> pd.DataFrame:
    """Return rows after proving that every seed has as many of them.

    Args:
        rows: DataFrame with the column seed.
        seeds: iterable of int, the seeds that must have rows.
        **named: what the rows are, for the message.

    Returns:
        ``rows``.

    Raises:
        MissingMeasurementError: if a seed has none or not as many as another, or there is no seed.

    Example:
        >>> import pandas as pd
        >>> len(complete_rows(pd.DataFrame({"seed": [0, 0, 1, 1]}), [0, 1]))
        4
    """
    counts = rows["seed"].value_counts().reindex(sorted(set(seeds)), fill_value=0)
    if not len(counts) or counts.min() == 0 or counts.nunique() > 1:
        words = ", ".join(f"{name}={value!r}" for name, value in named.items())
        raise MissingMeasurementError(
            "A table must hold the same measurements of every seed. "
            f"Received: {words}, rows by seed {counts.to_dict()}"
        )
    return rows
