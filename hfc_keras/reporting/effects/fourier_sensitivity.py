"""Numbers of a spectrum of Fourier sensitivity, by seed."""

import numpy as np
import pandas as pd

from hfc_keras import thirds
from hfc_keras.reporting.rows import MissingMeasurementError, require_columns, rows_of, unique_rows
from hfc_keras.types import Array

KEYS = "recipe seed ring".split()


def sensitivity_numbers(table: pd.DataFrame) -> pd.DataFrame:
    r"""What a spectrum of Fourier sensitivity says in a few numbers, one row per recipe and seed.

    With ``N`` the smaller side of the images:

    Args:
        table: DataFrame with the columns recipe, seed, ring, mean, image_size (``N``).

    Returns:
        DataFrame indexed by recipe and seed, in the order of the table, with the columns

        - low, mid, high: share of the rings up to N/6, from there to N/3, and beyond;
        - peak: ring with the largest share;
        - centre: mean ring, :math:`\sum_k k S_k`;
        - entropy: Shannon entropy in bits of the rings up to N/2, made to add up to 1.

    Raises:
        ValueError: for a missing column or a ring that stands twice.

    Reference:
        Krishnamachari et al., Fourier Sensitivity and Regularization of Computer Vision
        Models, TMLR 2022.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "ring": [1, 2, 3, 4], "image_size": 6,
        ...         "mean": [0.5, 0.25, 0.25, 0.0]}
        >>> sensitivity_numbers(pd.DataFrame(rows)).iloc[0].to_dict()
        {'low': 0.5, 'mid': 0.25, 'high': 0.25, 'peak': 1.0, 'centre': 1.75, 'entropy': 1.5}
    """
    require_columns(table, [*KEYS, "mean", "image_size"])
    unique_rows(table, KEYS)
    rows = {}
    for key, part in table.groupby(["recipe", "seed"], sort=False):
        rows[key] = _numbers(part["ring"].to_numpy(), part["mean"].to_numpy(), part["image_size"])
    index = pd.MultiIndex.from_tuples(rows, names=["recipe", "seed"])
    return pd.DataFrame(list(rows.values()), index=index)


def sensitivity_effect(table: pd.DataFrame, number: str, **where: object) -> pd.Series:
    """One of ``sensitivity_numbers`` per seed, for a claim.

    Args:
        table: DataFrame, see ``sensitivity_numbers``.
        number: str, its column.
        **where: values by column that the rows have.

    Returns:
        Series by seed.

    Raises:
        MissingMeasurementError: if no row has these values.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": [0, 0, 1, 1], "ring": [1, 2, 1, 2],
        ...         "image_size": 6, "mean": [0.5, 0.5, 0.75, 0.25]}
        >>> sensitivity_effect(pd.DataFrame(rows), "low", recipe="vanilla").tolist()
        [0.5, 0.75]
    """
    chosen = rows_of(table, **where)
    if not len(chosen):
        raise MissingMeasurementError(
            f"A table must hold the sensitivity of every recipe of a claim. Received: {where}"
        )
    return sensitivity_numbers(chosen)[number].droplevel("recipe")


def _numbers(ring: Array, share: Array, image_size: pd.Series) -> dict[str, float]:
    size = image_size.iloc[0]
    low, mid = thirds.limits(size)
    inside = share[ring <= size // 2]
    inside = inside[inside > 0] / inside.sum()
    return {
        "low": share[ring <= low].sum(),
        "mid": share[(ring > low) & (ring <= mid)].sum(),
        "high": share[ring > mid].sum(),
        "peak": float(ring[share.argmax()]),
        "centre": float((ring * share).sum()),
        "entropy": float(-(inside * np.log2(inside)).sum()),
    }
