"""What batch normalization adds on high frequencies, by statistics and scaling: numbers by seed."""

import pandas as pd

from experiments.effects import last_epoch
from experiments.effects.last_epoch import HIGHEST, LOWEST
from hfc_keras import reporting


def most_at_lowest(table: pd.DataFrame, recipe: str) -> pd.Series:
    """What a recipe adds beyond the two small radii minus beyond the two large ones, by seed."""
    gains = (
        reporting.difference(
            *(last_epoch.high(table, name, ranks, "batch") for name in (recipe, "vanilla"))
        )
        for ranks in (LOWEST, HIGHEST)
    )
    return reporting.difference(*gains)


def of_the_batch(table: pd.DataFrame, recipe: str) -> pd.Series:
    """What the statistics of the test batch add beyond those of the population, by seed."""
    kinds = ("batch", "population")
    return reporting.difference(*(last_epoch.high(table, recipe, LOWEST, one) for one in kinds))


def scaled(table: pd.DataFrame, recipe: str, scaling: str, statistics: str) -> pd.Series:
    """Accuracy on high components beyond the two small radii, scaled in some way, by seed."""
    return last_epoch.component(table, recipe, "high", LOWEST, statistics, scaling)


def repaired(table: pd.DataFrame, recipe: str, scaling: str) -> pd.Series:
    """What scaling adds with fixed statistics minus half of what batch statistics add, by seed."""
    plain, own, batch = (
        scaled(table, recipe, *how)
        for how in (("none", "population"), (scaling, "population"), ("none", "batch"))
    )
    return reporting.difference(
        reporting.difference(own, plain), reporting.difference(batch, plain) / 2
    )


def lifted(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Accuracy on high components of the images' spread minus as they are, by seed."""
    return reporting.difference(
        *(scaled(table, recipe, scaling, "none") for scaling in ("spread", "none"))
    )
