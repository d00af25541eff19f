"""What claims are made of: one measurement per seed, read off a tidy table.

Nothing is averaged over what was not named: a seed must have exactly one row that fits.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
import pandas as pd

from hfc_keras import checks
from hfc_keras.reporting.rows import MissingMeasurementError, rows_of

# The default radii as multiples of the smallest, which is an eighth of the width.
RADII = (1, 2, 3, 4)
# Two accuracies that are no further apart count as similar.
EQUIVALENCE = 0.05


def value(table: pd.DataFrame, column: str = "accuracy", **where: Any) -> pd.Series:
    r"""One measurement per seed.

    .. math:: v_s = \text{the only row of seed } s \text{ that fits}

    Args:
        table: DataFrame with the columns seed, ``column`` and those of ``where``.
        column: str, what was measured.
        **where: column to value, compared for equality; NaN fits NaN, and ``epoch="last"`` the
            last epoch of each recipe.

    Returns:
        Series of float, shape ``(seeds,)``, by ascending seed.

    Raises:
        MissingMeasurementError: naming the seeds of the recipe (of the whole table if ``where``
            names none) that have no such row.
        ValueError: for a column that the table lacks, or naming the seeds with several rows.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"recipe": "vanilla", "seed": [0, 1], "accuracy": [0.5, 0.75]})
        >>> value(table, recipe="vanilla").tolist()
        [0.5, 0.75]
    """
    checks.choice("column", column, list(table.columns))
    recipe = {name: wanted for name, wanted in where.items() if name == "recipe"}
    expected = sorted(rows_of(table, **recipe)["seed"].unique().tolist())
    rows = rows_of(table, **where)
    counts = rows["seed"].value_counts().reindex(expected, fill_value=0)
    named = {"column": column, **where}
    if not len(rows) or (counts == 0).any():
        missing = counts.index[counts == 0].tolist()
        raise MissingMeasurementError(
            "A table must hold one measurement a seed; there is none for "
            f"{f'seeds {missing}' if missing else 'any seed'}. Received: {_words(named)}"
        )
    twice = counts.index[counts > 1].tolist()
    checks.require(
        not twice, f"A table must hold one measurement a seed; seeds {twice} have more", **named
    )
    return rows.set_index("seed")[column].astype("float64").sort_index()


def difference(first: pd.Series, second: pd.Series) -> pd.Series:
    """Difference of two measurements, paired by seed.

    Args:
        first: Series of float by seed, as ``value`` returns it.
        second: the same.

    Returns:
        Series of float ``first - second`` by seed. One recipe may have been trained with more
        seeds than the other: those count that both have.

    Raises:
        MissingMeasurementError: if each has seeds that the other lacks, naming them.

    Example:
        >>> import pandas as pd
        >>> difference(pd.Series({0: 0.75, 1: 0.5}), pd.Series({1: 0.25, 0: 0.25})).tolist()
        [0.5, 0.25]
    """
    own, others = set(first.index), set(second.index)
    if not (own and others and (own <= others or others <= own)):
        raise MissingMeasurementError(
            "Recipes that are compared must have the same seeds, or one of them more; unpaired are "
            f"{sorted(own ^ others)}. Received: {list(first.index)} and {list(second.index)}"
        )
    common = [seed for seed in first.index if seed in others]
    return first.reindex(common) - second.reindex(common)


def mean_of(measurements: Iterable[pd.Series]) -> pd.Series:
    r"""Mean of several measurements per seed.

    .. math:: v_s = \frac{1}{n} \sum_{i = 1}^n v_{i s}

    Args:
        measurements: iterable of Series of float by seed, at least one.

    Returns:
        Series of float by seed: of those that all of them have.

    Raises:
        MissingMeasurementError: if they have no seed in common.

    Example:
        >>> import pandas as pd
        >>> mean_of([pd.Series({0: 0.75, 1: 0.5}), pd.Series({0: 0.25})]).to_dict()
        {0: 0.5}
    """
    parts = list(measurements)
    common = [seed for seed in parts[0].index if all(seed in part.index for part in parts)]
    if not common:
        seeds = [list(part.index) for part in parts]
        raise MissingMeasurementError(
            f"Measurements whose mean is taken must have a seed in common. Received: seeds={seeds}"
        )
    return cast(pd.Series, sum(part.reindex(common) for part in parts)) / len(parts)


def radius(table: pd.DataFrame, rank: int, column: str = "radius") -> float:
    r"""Radius by its rank, so that a claim holds for any size of image.

    .. math:: r_k = (k + 1) \, r_0, \quad r_0 = \text{width} / 8

    Args:
        table: DataFrame with the column ``column``.
        rank: int from 0, an eighth of the images' width, to 3, half of it.
        column: str, holds cycles per image, NaN for original images.

    Returns:
        float, cycles per image.

    Raises:
        MissingMeasurementError: if the table has fewer than four radii.
        ValueError: if they are not as 1:2:3:4, or for another rank.

    Example:
        >>> import pandas as pd
        >>> radius(pd.DataFrame({"radius": [4.0, 8.0, np.nan, 12.0, 16.0]}), 3)
        16.0
    """
    checks.choice("column", column, list(table.columns))
    rank = checks.number("rank", rank, minimum=0, maximum=len(RADII) - 1, whole=True)
    found = table[column].dropna().unique().tolist()
    numbers = all(isinstance(one, (int, float)) for one in found)
    found = sorted(found) if numbers else found
    default = numbers and len(found) == len(RADII)
    default = default and np.allclose(found, np.multiply(found[0], RADII), checks.SLACK, 0)
    needed = "Claims need the four default radii, parts 1/8, 1/4, 3/8 and 1/2 of the width"
    if numbers and len(found) < len(RADII):
        # Trainings of other radii may be still to come.
        raise MissingMeasurementError(f"{needed}. Received: {column}={found!r}")
    checks.require(default, needed, **{column: found})
    return float(found[rank])


def chance(table: pd.DataFrame) -> float:
    r"""Accuracy of guessing.

    .. math:: 1 / \text{classes}

    Args:
        table: DataFrame with the column classes, the number of classes, the same in every row.

    Returns:
        float in (0, 1/2].

    Raises:
        ValueError: for a table without that column, or with several values in it.

    Example:
        >>> import pandas as pd
        >>> chance(pd.DataFrame({"seed": [0, 1], "classes": 10}))
        0.1
    """
    missing = "classes" not in table.columns
    found = [] if missing else table["classes"].unique().tolist()
    checks.require(
        len(found) == 1,
        "Chance needs the column `classes`, with one number in every row",
        **({"columns": list(table.columns)} if missing else {"classes": found}),
    )
    return 1 / checks.number("classes", found[0], minimum=2, whole=True)


def mean_over(
    table: pd.DataFrame, ranks: Iterable[int], column: str = "accuracy", **where: Any
) -> pd.Series:
    r"""Mean of one measurement per seed over some of the four radii.

    .. math:: v_s = \frac{1}{n} \sum_{k} v_s(r_k)

    Args:
        table: DataFrame, see ``value`` and ``radius``.
        ranks: sequence of int from 0, the smallest radius, to 3; none twice, at least one.
        column: str, what was measured.
        **where: column to value, see ``value``, without radius.

    Returns:
        Series of float, shape ``(seeds,)``, by ascending seed.

    Raises:
        ValueError: for no rank or one twice, and whatever ``value`` and ``radius`` refuse.

    Example:
        >>> import pandas as pd
        >>> rows = {"seed": 0, "radius": [4.0, 8.0, 12.0, 16.0], "accuracy": [0.25, 0.5, 0.5, 1.0]}
        >>> mean_over(pd.DataFrame(rows), [2, 3]).tolist()
        [0.75]
    """
    ranks = list(ranks)
    checks.require(
        ranks and len(set(ranks)) == len(ranks),
        "`ranks` must hold at least one rank and none twice",
        ranks=ranks,
    )
    return mean_of(value(table, column, radius=radius(table, rank), **where) for rank in ranks)


def _words(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())
