"""Robustness beside clean accuracy: shares of it, and networks that have none to lose."""

from typing import Any

import numpy as np
import pandas as pd

from hfc_keras import checks
from hfc_keras.types import ArrayLike

# What stands behind a network that does no better than guessing.
AT_CHANCE = " (at chance)"


def share_of_clean(part: ArrayLike, clean: ArrayLike) -> Any:
    r"""What is kept, or lost, as a share of the accuracy on images as they are.

    .. math:: s = a / a_{\text{clean}}

    Args:
        part: float or array, an accuracy, or a drop in it.
        clean: float or array like it, accuracy on the same images as they are, in [0, 1].

    Returns:
        float array, or float of two floats; NaN where ``clean`` is 0, of which nothing is a share.

    Raises:
        ValueError: for a clean accuracy outside [0, 1].

    Example:
        >>> share_of_clean(np.array([0.25, 0.0]), np.array([0.5, 0.0])).tolist()
        [0.5, nan]
    """
    clean = np.asarray(clean, "float64")
    checks.require(
        bool(((clean >= 0) & (clean <= 1) | np.isnan(clean)).all()),
        "`clean` must be accuracies from 0 to 1",
        clean=clean.tolist(),
    )
    part, clean = np.broadcast_arrays(np.asarray(part, "float64"), clean)
    share = np.divide(part, clean, out=np.full(part.shape, np.nan), where=clean > 0)
    return share if share.ndim else float(share)


def at_chance(
    accuracy: ArrayLike, examples: ArrayLike, classes: ArrayLike, deviations: float = 2
) -> Any:
    r"""Whether an accuracy is no better than guessing, so that a share of it says nothing.

    .. math:: a \le \frac1K + d \sqrt{\frac1K \left(1 - \frac1K\right) / n}

    Args:
        accuracy: float or array in [0, 1], on images as they are.
        examples: int or array, ``n``, images behind it.
        classes: int or array, ``K``.
        deviations: float, ``d``, standard deviations of a binomial draw.

    Returns:
        bool array, or bool of numbers.

    Raises:
        ValueError: for fewer than two classes or no image.

    Example:
        >>> at_chance(0.11, examples=1000, classes=10), at_chance(0.3, examples=1000, classes=10)
        (True, False)
    """
    accuracy, examples, classes = (
        np.asarray(each, "float64") for each in (accuracy, examples, classes)
    )
    checks.require(
        bool((examples >= 1).all() and (classes >= 2).all()),
        "`examples` must be at least 1 and `classes` at least 2",
        examples=examples.tolist(),
        classes=classes.tolist(),
    )
    chance = 1 / classes
    found = accuracy <= chance + deviations * np.sqrt(chance * (1 - chance) / examples)
    return found if found.ndim else bool(found)


def recipes_at_chance(table: pd.DataFrame, column: str = "accuracy") -> set[str]:
    """Recipes whose clean accuracy, the mean over seeds, is no better than guessing.

    Args:
        table: DataFrame with the columns recipe and ``column``, one row per network; without
            classes and examples, as tables of earlier versions are, nothing is known.
        column: str, accuracy on images as they are.

    Returns:
        set of str.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": ["a", "b"], "accuracy": [0.1, 0.6], "examples": 400, "classes": 10}
        >>> recipes_at_chance(pd.DataFrame(rows))
        {'a'}
    """
    if not {"classes", "examples"} <= set(table.columns):
        return set()
    means = table.groupby("recipe")[[column, "examples", "classes"]].mean()
    return set(means.index[at_chance(means[column], means["examples"], means["classes"])])
