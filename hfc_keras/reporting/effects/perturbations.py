"""Share of high frequencies in the power of perturbations, by seed."""

import pandas as pd

from hfc_keras import checks
from hfc_keras.reporting.rows import complete_rows, require_columns, rows_of, unique_rows

KEYS = "recipe seed attack ring".split()
VALUES = ("mean", "white", "image_size")
# A quarter of the image's smaller side, half of the Nyquist frequency, divides low from high.
HALF = 1 / 4


def perturbation_share(
    table: pd.DataFrame, recipe: str, attack: str, beyond: float = HALF, column: str = "mean"
) -> pd.Series:
    r"""Share of high frequencies in the power of perturbations, one number per seed.

    .. math:: \sum_{k > a N} S_k

    Args:
        table: DataFrame with the columns recipe, seed, attack, ring, mean, white, image_size
            (``N``, the smaller side of the images).
        recipe: str.
        attack: str.
        beyond: float, ``a``, a part of ``N``; a quarter is half of the Nyquist frequency.
        column: ``"mean"``, or ``"white"`` for what it is for white noise.

    Returns:
        Series of float in [0, 1] by seed.

    Raises:
        MissingMeasurementError: if a seed has not as many rings as another, or there is none.
        ValueError: for another column, a missing one or a ring that stands twice.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "attack": "pgd", "ring": [0, 1, 2, 3],
        ...         "mean": [0.25, 0.25, 0.25, 0.25], "white": 0.25, "image_size": 4}
        >>> perturbation_share(pd.DataFrame(rows), "vanilla", "pgd").tolist()
        [0.5]
    """
    require_columns(table, [*KEYS, *VALUES])
    checks.choice("column", column, ["mean", "white"])
    own = rows_of(table, recipe=recipe)
    chosen = rows_of(own, attack=attack)
    unique_rows(chosen, KEYS)
    complete_rows(chosen, own["seed"], recipe=recipe, attack=attack)
    within = chosen[column].where(chosen["ring"] > beyond * chosen["image_size"], 0.0)
    return within.groupby(chosen["seed"]).sum().astype("float64").sort_index()
