"""Accuracy on changed test images, by seed."""

from collections.abc import Iterable

import pandas as pd

from hfc_keras.reporting.rows import (
    MissingMeasurementError,
    one_source,
    rows_of,
    unique_rows,
)

KEYS = "recipe seed measure condition level".split()


def condition_effect(
    table: pd.DataFrame, recipe: str, measure: str, conditions: Iterable[str] | None = None
) -> pd.Series:
    """Mean accuracy of a recipe over some conditions and all their levels, for a claim.

    Args:
        table: DataFrame with the columns recipe, seed, measure, condition, level, accuracy.
        recipe: str.
        measure: str.
        conditions: iterable of str; None is all of the measure.

    Returns:
        Series of float by seed.

    Raises:
        MissingMeasurementError: if a seed of the recipe lacks one of the conditions or levels that
            other rows of the measure have.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": [0, 0], "measure": "attacked",
        ...         "condition": "pgd", "level": [0.1, 0.2], "accuracy": [0.5, 0.25]}
        >>> condition_effect(pd.DataFrame(rows), "vanilla", "attacked").tolist()
        [0.375]
    """
    rows = one_source(rows_of(table, measure=measure))
    rows = rows if conditions is None else rows[rows["condition"].isin(list(conditions))]
    unique_rows(rows, KEYS)
    wide = _wide(rows)
    seeds = sorted(rows_of(table, recipe=recipe)["seed"].unique())
    own = wide[wide.index.get_level_values("recipe") == recipe].droplevel("recipe")
    own = own.reindex(seeds)
    found = set(rows["condition"]) >= set(conditions or ())
    if own.empty or own.isna().any(axis=None) or not found:
        raise MissingMeasurementError(
            "A table must hold every condition and level of a claim for each seed. Received: "
            f"recipe={recipe!r}, measure={measure!r}, conditions={conditions}"
        )
    return own.mean(axis=1)


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracies, one row per recipe and seed, one column per condition and level."""
    level = rows["level"].fillna(-1)
    index = ["recipe", "seed", "condition", "level"]
    return rows.assign(level=level).set_index(index)["accuracy"].unstack(["condition", "level"])
