"""Accuracies with intervals over seeds and test images together, as a table."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from hfc_keras.reporting.rows import require_columns, unique_rows
from hfc_keras.reporting.statistics.bootstrap import bootstrap, bootstrap_interval

HEADING = (
    "Test accuracy on images as they are, with the 95 % interval of a bootstrap over seeds and\n"
    "images together (of few seeds Student's t over seeds alone is wider)"
)


def accuracy_intervals(
    table: pd.DataFrame, keys: Iterable[str], confidence: float = 0.95
) -> pd.DataFrame:
    """Mean accuracy over seeds, and the interval of a bootstrap over seeds and images.

    Args:
        table: DataFrame with the columns seed, accuracy, examples and ``keys``.
        keys: sequence of str, columns that name a measurement beside its seed.
        confidence: float in (0, 1).

    Returns:
        DataFrame, one row per measurement in the order of the table, indexed by ``keys``: accuracy,
        low, high, seeds, examples (the fewest of a seed). The interval is of ``bootstrap``; of one
        seed it is of its images alone, and of a few seeds no wider than their range and the images
        make it, where Student's t is wider.

    Raises:
        ValueError: for a missing column, a measurement that stands twice, or whatever
            ``bootstrap`` refuses.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": [0, 1, 2], "accuracy": [0.7, 0.72, 0.74],
        ...         "examples": 10_000}
        >>> found = accuracy_intervals(pd.DataFrame(rows), ["recipe"])
        >>> found.loc["vanilla", ["accuracy", "low", "high"]].round(2).tolist()
        [0.72, 0.7, 0.74]
    """
    keys = list(keys)
    require_columns(table, [*keys, "seed", "accuracy", "examples"])
    unique_rows(table, [*keys, "seed"])
    rows = []
    for names, part in table.groupby(keys, sort=False, dropna=False):
        accuracies, examples = part.set_index("seed")["accuracy"], int(part["examples"].min())
        drawn = bootstrap(accuracies, examples, np.random.default_rng(0))
        low, high = bootstrap_interval(drawn, confidence)
        values = accuracies.mean(), low, high, len(part), examples
        rows.append((*names, *values))
    columns = [*keys, "accuracy", "low", "high", "seeds", "examples"]
    return pd.DataFrame(rows, columns=columns).set_index(keys if len(keys) > 1 else keys[0])


def intervals_in_words(table: pd.DataFrame, keys: Iterable[str]) -> str:
    """``accuracy_intervals`` with a heading, for a summary.

    Args:
        table: DataFrame, see ``accuracy_intervals``, of images as they are.
        keys: see ``accuracy_intervals``.

    Returns:
        str of several lines.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "accuracy": [0.7], "examples": 10_000}
        >>> print(intervals_in_words(pd.DataFrame(rows), ["recipe"]).splitlines()[-1])
        vanilla     0.700 0.690 0.709      1     10000
    """
    found = accuracy_intervals(table, keys)
    return f"{HEADING}\n\n{found.to_string(float_format='{:.3f}'.format)}"
