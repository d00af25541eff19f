"""What claims about one changed factor are made of: numbers by seed after the last epoch."""

from hfc_keras import reporting

RANKS = (0, 1, 2, 3)


def component(table, recipe, kind, ranks=RANKS, statistics="none"):
    """Test accuracy on a component, mean over radii.

    Args:
        table: DataFrame of ``frequency_curves.measure`` with recipe and seed.
        recipe: str.
        kind: ``"low"`` or ``"high"``.
        ranks: sequence of int, of the radii, 0 the smallest.
        statistics: str, of batch normalisation.

    Returns:
        Series by seed.
    """
    where = {"recipe": recipe, "split": "test", "component": kind, "epoch": "last"}
    where.update({"scaling": "none"} if "scaling" in table else {})
    return reporting.mean_over(table, ranks, bn_statistics=statistics, **where)


def high(table, recipe, ranks=RANKS, statistics="none"):
    """Test accuracy on high-frequency components, as of ``component``."""
    return component(table, recipe, "high", ranks, statistics)


def original(table, recipe, split="test", statistics="none"):
    """Accuracy on original images of a split, Series by seed."""
    where = {"recipe": recipe, "split": split, "component": "original", "epoch": "last"}
    return reporting.value(table, bn_statistics=statistics, **where)


def gap(table, recipe, statistics="none"):
    """Generalisation gap: accuracy on training images minus test images, both in test mode."""
    train = original(table, recipe, "train_after", statistics)
    return reporting.difference(train, original(table, recipe, "test", statistics))


def fitted(table, recipes, statistics="none"):
    """Accuracy of networks on their training images, as a claim on their gaps asks for it.

    Args:
        table: DataFrame as of ``component``.
        recipes: iterable of str.
        statistics: str, of batch normalisation.

    Returns:
        dict from the recipe to a Series by seed.
    """
    return {name: original(table, name, "train_after", statistics) for name in recipes}


def against_each(measured, table, recipe, others):
    """One recipe's number minus that of each other recipe: a claim must hold against all.

    Args:
        measured: function of (table, recipe) that returns a Series by seed, such as ``gap``.
        table: DataFrame.
        recipe: str.
        others: sequence of str, recipes.

    Returns:
        dict from the other recipe to a Series by seed.
    """
    own = measured(table, recipe)
    return {other: reporting.difference(own, measured(table, other)) for other in others}
