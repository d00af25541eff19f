"""Tidy tables: one measurement per row, and what is read off them."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from hfc_keras.reporting.rows import unique_rows


def last_epoch(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over seeds of the last epoch, one column per recipe.

    Args:
        table: DataFrame with the columns ``KEYS`` and accuracy.

    Returns:
        DataFrame of str, rows ``train`` (while training), ``train after`` (training images
        after the epoch, in test mode), ``test``, ``low r`` and ``high r`` (of the test images;
        of the training images where no test images were filtered), columns the recipes (with
        the batch-norm statistics where there are several), cells ``mean +- standard
        deviation`` (ddof 1; the mean alone for a single seed). Rows of a table with the column
        scaling count where it is ``none``.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": [0, 1], "epoch": 5, "split": "test",
        ...         "component": "low", "radius": 4.0, "bn_statistics": "none",
        ...         "accuracy": [0.2, 0.4]}
        >>> last_epoch(pd.DataFrame(rows)).loc["low 4", "vanilla"]
        '0.300 +- 0.141'
    """
    final = table[table["epoch"] == table.groupby("recipe")["epoch"].transform("max")]
    if "scaling" in final:
        final = final[final["scaling"] == "none"]
    original = final["component"] == "original"
    filtered = "train_after" if (final["split"] != "test")[~original].all() else "test"
    final = final[original | (final["split"] == filtered)]
    final = final.assign(row=_row_names(final), column=_column_names(final))
    grouped = final.groupby(["row", "column"], sort=False)["accuracy"]
    cells = grouped.agg(["mean", "std"]).apply(mean_and_spread, axis=1).unstack("column")
    rows, columns = list(dict.fromkeys(final["row"])), list(dict.fromkeys(final["column"]))
    order = sorted(rows, key=_rank)
    wide = cells.reindex(index=order, columns=columns).fillna("")
    return wide.rename_axis(index=None, columns=None)


def scaling_table(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over seeds of the last epoch on high components, scaled in several ways.

    Args:
        table: DataFrame with the columns ``KEYS``, scaling and accuracy.

    Returns:
        DataFrame of str, rows ``recipe (statistics), scaling``, columns ``high r``, cells as of
        ``last_epoch``.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": [0, 1], "epoch": 5, "split": "test",
        ...         "component": "high", "radius": 4.0, "bn_statistics": "none",
        ...         "scaling": "max", "accuracy": [0.2, 0.4]}
        >>> scaling_table(pd.DataFrame(rows)).loc["vanilla, max", "high 4"]
        '0.300 +- 0.141'
    """
    final = table[table["epoch"] == table.groupby("recipe")["epoch"].transform("max")]
    final = final[(final["component"] == "high") & (final["split"] == "test")]
    names = zip(_column_names(final), final["scaling"], strict=True)
    final = final.assign(row=[", ".join(pair) for pair in names], column=_row_names(final))
    grouped = final.groupby(["row", "column"], sort=False)["accuracy"]
    cells = grouped.agg(["mean", "std"]).apply(mean_and_spread, axis=1).unstack("column")
    order = [
        f"{column}, {scaling}"
        for column in dict.fromkeys(_column_names(final))
        for scaling in dict.fromkeys(final["scaling"])
    ]
    return cells.reindex(order).rename_axis(index=None, columns=None)


def means_by_recipe(table: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Mean and standard deviation over seeds, one row per recipe.

    Args:
        table: DataFrame with the columns recipe, seed and ``columns``.
        columns: sequence of str.

    Returns:
        DataFrame of str.

    Example:
        >>> table = pd.DataFrame({"recipe": "a", "seed": [0, 1], "x": [1.0, 3.0]})
        >>> means_by_recipe(table, ["x"]).loc["a", "x"]
        '2.000 +- 1.414'
    """
    unique_rows(table, ["recipe", "seed"])
    groups = table.groupby("recipe", sort=False)
    cells = {
        column: groups[column].agg(["mean", "std"]).apply(mean_and_spread, axis=1)
        for column in columns
    }
    return pd.DataFrame(cells).rename_axis(index=None)


def column_name(recipe: str, bn_statistics: str) -> str:
    """Heading of a recipe measured with some batch-norm statistics.

    Args:
        recipe: str.
        bn_statistics: str; ``none`` where the network has no batch normalization.

    Returns:
        str.

    Example:
        >>> column_name("batch_norm", "moving"), column_name("vanilla", "none")
        ('batch_norm (moving)', 'vanilla')
    """
    return recipe if bn_statistics == "none" else f"{recipe} ({bn_statistics})"


def _column_names(table: pd.DataFrame) -> list[str]:
    pairs = zip(table["recipe"], table["bn_statistics"], strict=True)
    return [column_name(*pair) for pair in pairs]


def _row_names(table: pd.DataFrame) -> list[str]:
    triples = zip(table["split"], table["component"], table["radius"], strict=True)
    return [
        split.replace("_", " ") if component == "original" else f"{component} {radius:g}"
        for split, component, radius in triples
    ]


def _rank(row: str) -> tuple[int, float]:
    """Place of a row: train, train after, test, low by radius, high by radius."""
    first, _, second = row.partition(" ")
    radius = float(second) if first in ("low", "high") else len(second)
    return ["train", "test", "low", "high"].index(first), radius


def mean_and_spread(row: Any) -> str:
    """Cell of a table for reading.

    Args:
        row: Series or dict with mean and std, NaN for a single seed.

    Returns:
        str.

    Example:
        >>> mean_and_spread({"mean": 0.5, "std": 0.01})
        '0.500 +- 0.010'
    """
    return f"{row['mean']:.3f}" + ("" if pd.isna(row["std"]) else f" +- {row['std']:.3f}")
