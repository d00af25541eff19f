"""Robustness of networks whose first layer was smoothed, and how smooth it was before, by seed."""

import functools
import itertools
from collections.abc import Callable
from typing import Literal, TypeAlias

import pandas as pd

from hfc_keras import reporting
from hfc_keras.reporting.claims.claim import Effects
from hfc_keras.reporting.claims.statements import Measure

NAMES = {"pgd": "PGD", "fgsm": "FGSM"}
Epsilon: TypeAlias = Literal["smallest", "largest"] | None
"""Of the table's, for attacked images; None is clean images."""


def kernels(table: pd.DataFrame, recipe: str, column: str = "roughness") -> pd.Series:
    """Roughness, or another number, of the first kernels as trained, by seed."""
    return reporting.value(table, column, recipe=recipe, rho=0, attack="none")


def accuracy(
    table: pd.DataFrame,
    recipe: str,
    rho: float,
    epsilon: Epsilon = None,
    loss: str = "cross_entropy",
    attack: str = "pgd",
) -> pd.Series:
    """Accuracy on clean or attacked images, by seed.

    Args:
        table: DataFrame of ``measures.smoothed_robustness.rows`` with recipe and seed.
        recipe: str.
        rho: float, of the smoothing.
        epsilon: see ``Epsilon``.
        loss: str, of the attack.
        attack: ``"pgd"`` or ``"fgsm"``.

    Returns:
        Series of float by seed.
    """
    where = {"recipe": recipe, "rho": rho, "normalized": False}
    if epsilon is None:
        return reporting.value(table, attack="none", **where)
    ball = table["epsilon"].min() if epsilon == "smallest" else table["epsilon"].max()
    attacked = {"attack": attack, "epsilon": ball, "loss": loss, "restarts": 1}
    return reporting.value(table, **where, **attacked)


def gain(
    table: pd.DataFrame, recipe: str, epsilon: Epsilon = None, attack: str = "pgd"
) -> pd.Series:
    """What the strongest smoothing adds to an accuracy, by seed."""
    strengths = (table["rho"].max(), 0)
    return reporting.difference(
        *(accuracy(table, recipe, rho, epsilon, attack=attack) for rho in strengths)
    )


def steps(
    table: pd.DataFrame, recipe: str, epsilon: Epsilon = None, attack: str = "pgd"
) -> dict[str, pd.Series]:
    """What each larger strength of smoothing adds to the one before it, by seed."""
    strengths = sorted(table["rho"][table["recipe"] == recipe].unique())
    return {
        f"rho from {before:g} to {after:g}": reporting.difference(
            *(accuracy(table, recipe, rho, epsilon, attack=attack) for rho in (after, before))
        )
        for before, after in itertools.pairwise(strengths)
    }


def over_adversarial(
    table: pd.DataFrame,
    recipe: str,
    epsilon: Epsilon,
    loss: str = "cross_entropy",
    attack: str = "pgd",
) -> pd.Series:
    """A network with the strongest smoothing minus the adversarial one as trained, by seed."""
    if recipe == "natural_long" and recipe not in set(table["recipe"]):
        # The paper's own training is long: its profile has no longer one.
        recipe = "natural"
    smoothed = accuracy(table, recipe, table["rho"].max(), epsilon, loss, attack)
    return reporting.difference(smoothed, accuracy(table, "adversarial", 0, epsilon, loss, attack))


def trade_off(table: pd.DataFrame, recipe: str) -> dict[str, pd.Series]:
    """What adversarial training costs a network on clean images and adds under attack, by seed."""
    pair = ("adversarial", recipe)
    robust = reporting.difference(*(accuracy(table, name, 0, "smallest") for name in pair))
    clean = reporting.difference(*(accuracy(table, name, 0) for name in pair))
    return {"clean images": -clean, "PGD": robust}


def of_kernels(words: str, column: str = "roughness", unit: str = "roughness") -> Measure:
    """Measure of a number of the first kernels as trained.

    Args:
        words: str, what it is.
        column: str, of the table.
        unit: str.

    Returns:
        Measure.
    """
    return Measure(words, functools.partial(kernels, column=column), unit)


def attacked_by(attack: str, epsilon: Epsilon, number: Callable[..., Effects] = gain) -> Measure:
    """Measure of what smoothing adds under an attack.

    Args:
        attack: ``"pgd"`` or ``"fgsm"``.
        epsilon: see ``Epsilon``.
        number: ``gain`` for the strongest smoothing, ``steps`` for each strength.

    Returns:
        Measure.
    """
    words = f"accuracy under {NAMES[attack]}, {epsilon} epsilon"
    return Measure(words, functools.partial(number, epsilon=epsilon, attack=attack))


def beside_adversarial(attack: str, epsilon: Epsilon, loss: str = "cross_entropy") -> Measure:
    """Measure of ``over_adversarial``.

    Args:
        attack: ``"pgd"`` or ``"fgsm"``.
        epsilon: see ``Epsilon``.
        loss: ``"cross_entropy"`` or ``"margin"``, of the attack.

    Returns:
        Measure.
    """
    how = " with the margin loss" if loss == "margin" else ""
    words = f"accuracy under {NAMES[attack]}{how}, {epsilon} epsilon"
    chosen = {"epsilon": epsilon, "loss": loss, "attack": attack}
    return Measure(words, functools.partial(over_adversarial, **chosen))
