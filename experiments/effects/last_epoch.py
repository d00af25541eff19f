"""What claims about one changed factor are made of: numbers by seed after the last epoch."""

import functools
from collections.abc import Iterable

import pandas as pd

from hfc_keras import reporting
from hfc_keras.reporting.claims.statements import Measure

RANKS = (0, 1, 2, 3)
# The two small radii, the two large ones, and the smallest.
LOWEST, HIGHEST, SMALLEST = (0, 1), (2, 3), (0,)
WORDS = {
    LOWEST: "r = 1/8 and 1/4 width",
    HIGHEST: "r = 3/8 and 1/2 width",
    SMALLEST: "r = 1/8 width",
}


def component(
    table: pd.DataFrame,
    recipe: str,
    kind: str,
    ranks: Iterable[int] = RANKS,
    statistics: str = "none",
    scaling: str = "none",
) -> pd.Series:
    """Test accuracy on a component, mean over radii.

    Args:
        table: DataFrame of ``frequency_curves.rows`` with recipe and seed.
        recipe: str.
        kind: ``"low"`` or ``"high"``.
        ranks: sequence of int, of the radii, 0 the smallest.
        statistics: str, of batch normalization, where the network has it.
        scaling: str, of the component, where the table has several.

    Returns:
        Series by seed.
    """
    where = {"recipe": recipe, "split": "test", "component": kind, "epoch": "last"}
    if scaling != "none" or "scaling" in table:
        where["scaling"] = scaling
    where["bn_statistics"] = tested_with(table, recipe, statistics)
    return reporting.mean_over(table, ranks, **where)


def tested_with(table: pd.DataFrame, recipe: str, statistics: str) -> str:
    """Statistics that a network is tested with: ``"none"`` for one without batch normalization."""
    own = table["bn_statistics"][table["recipe"] == recipe]
    return "none" if (own == "none").all() else statistics


def high(
    table: pd.DataFrame, recipe: str, ranks: Iterable[int] = RANKS, statistics: str = "none"
) -> pd.Series:
    """Test accuracy on high-frequency components, see ``component``."""
    return component(table, recipe, "high", ranks, statistics)


def original(
    table: pd.DataFrame, recipe: str, split: str = "test", statistics: str = "none"
) -> pd.Series:
    """Accuracy on original images of a split, Series by seed."""
    where = {"recipe": recipe, "split": split, "component": "original", "epoch": "last"}
    where["bn_statistics"] = tested_with(table, recipe, statistics)
    return reporting.value(table, **where)


def gap(table: pd.DataFrame, recipe: str, statistics: str = "none") -> pd.Series:
    """Generalization gap: accuracy on training images minus test images, both in test mode."""
    train = original(table, recipe, "train_after", statistics)
    return reporting.difference(train, original(table, recipe, "test", statistics))


def fitted(
    table: pd.DataFrame, recipes: Iterable[str], statistics: str = "none"
) -> dict[str, pd.Series]:
    """Accuracy of networks on their training images, as a claim on their gaps asks for it.

    Args:
        table: DataFrame, see ``component``.
        recipes: iterable of str.
        statistics: str, of batch normalization.

    Returns:
        dict from the recipe to a Series by seed.
    """
    return {name: original(table, name, "train_after", statistics) for name in recipes}


def on(kind: str, ranks: tuple[int, ...] = LOWEST, statistics: str = "none") -> Measure:
    """Measure of accuracy on low or high components.

    Args:
        kind: ``"low"`` or ``"high"``.
        ranks: tuple of int, one of ``WORDS``.
        statistics: see ``component``.

    Returns:
        Measure.
    """
    number = functools.partial(component, kind=kind, ranks=ranks, statistics=statistics)
    return Measure(f"accuracy on {kind} components, {WORDS[ranks]}", number)


TEST = Measure("accuracy on test images", original)
GAP = Measure("accuracy on training minus test images", gap)
HIGH = Measure("accuracy on high components, mean over four radii", high)
