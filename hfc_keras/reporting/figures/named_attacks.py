"""Names of attacks and of smoothed networks in tables of robustness.

A table of robustness has one row per measurement and the columns ``COLUMNS``: the recipe and the
seed of a network, how much its first layer was smoothed after training (``rho``, 0 as trained;
``normalized`` if divided by 1 + 8 rho, which is false at rho 0), the attack with its settings
(``none`` for clean images, with the settings NaN), the accuracy in [0, 1] and the number of images,
and the roughness of the first kernel and its energy beyond a radius.
"""

import numpy as np
import pandas as pd

from hfc_keras import checks
from hfc_keras.reporting.rows import require_columns, unique_rows

COLUMNS = (
    "recipe seed rho normalized attack epsilon steps restarts loss accuracy examples "
    "roughness energy_beyond"
).split()


def named_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with the name of their attack (curve), epsilon (strength) and both (setting).

    Args:
        table: DataFrame with the columns ``COLUMNS``.

    Returns:
        DataFrame with three columns more.

    Raises:
        ValueError: for a column that is missing, an attack that is unknown, a measurement that
            stands twice, or a normalized network of rho 0.
    """
    require_columns(table, COLUMNS)
    checks.require(
        not (table["normalized"].astype(bool) & (table["rho"] == 0)).any(),
        "`table` must have normalized false at rho 0, where it is the same network",
        normalized=True,
    )
    settings = zip(*(table[name] for name in ("attack", "steps", "restarts", "loss")), strict=True)
    curves = [_curve(*setting) for setting in settings]
    strengths = [_strength(value) for value in table["epsilon"]]
    both = [f"{curve} {value}".strip() for curve, value in zip(curves, strengths, strict=True)]
    named = table.assign(curve=curves, strength=strengths, setting=both)
    return unique_rows(named, ["recipe", "seed", "rho", "normalized", "setting"])


def _curve(attack: str, steps: float, restarts: float, loss: object) -> str:
    checks.choice("attack", attack, ["none", "fgsm", "pgd"])
    if attack == "none":
        return "clean"
    name = "FGSM" if attack == "fgsm" else f"PGD-{steps:g}"
    return name + (f" x {restarts:g}" if restarts > 1 else "") + " margin" * (loss == "margin")


def _strength(epsilon: float) -> str:
    """Epsilon in short: ``0.03``, or ``8/255`` where it has more than three decimals."""
    if np.isnan(epsilon):
        return ""
    grey_levels = round(epsilon * 255)
    long = abs(epsilon - round(epsilon, 3)) > checks.SLACK
    fits = abs(epsilon - grey_levels / 255) < checks.SLACK
    return f"{grey_levels}/255" if long and fits else f"{epsilon:g}"


def row_names(named: pd.DataFrame) -> pd.Series | list[str]:
    """Recipe, and how it was smoothed where not all rows are smoothed alike.

    Args:
        named: DataFrame of ``named_rows``.

    Returns:
        Series or list of str, one per row.
    """
    if len(named[["rho", "normalized"]].drop_duplicates()) == 1:
        return named["recipe"]
    smoothed = zip(named["recipe"], named["rho"], named["normalized"], strict=True)
    return [
        f"{recipe}, rho {rho:g}{' normalized' if normalized else ''}" if rho else recipe
        for recipe, rho, normalized in smoothed
    ]
