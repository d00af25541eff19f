"""What claims on the course of a training are made of: when it got somewhere, and where it was."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hfc_keras import checks
from hfc_keras.reporting.claims.effects import chance, radius
from hfc_keras.reporting.rows import MissingMeasurementError, rows_of


def epochs_until(
    table: pd.DataFrame, level: float, recipe: str, split: str = "train"
) -> tuple[pd.Series, pd.Series]:
    r"""Epochs until a recipe classifies a share of its training images right.

    .. math:: t + \frac{\text{level} - a_t}{a_{t'} - a_t} (t' - t)

    where t' is the first measured epoch with :math:`a_{t'} \ge \text{level}` and t the one before
    it; without one before it, t'.

    Args:
        table: DataFrame with the columns recipe, seed, epoch, split and accuracy; rows of
            original images.
        level: float in [0, 1].
        recipe: str.
        split: ``"train"``, means over an epoch while training, or ``"train_after"``, in test mode
            after the epoch.

    Returns:
        ``(epochs, reached)``: Series of float and of bool by ascending seed. A training that ends
        before it reaches the level counts as its last epoch, a lower bound, and is not
        ``reached``.

    Raises:
        MissingMeasurementError: naming the seeds of the recipe that have no such rows.
        ValueError: for a column that the table lacks, or an epoch twice or without a number.

    Example:
        >>> table = pd.DataFrame({"recipe": "a", "seed": 0, "epoch": [1, 2, 3], "split": "train",
        ...                       "accuracy": [0.25, 0.5, 0.75]})
        >>> [column.tolist() for column in epochs_until(table, 0.5, "a")]
        [[2.0], [True]]
        >>> [column.tolist() for column in epochs_until(table, 0.625, "a")]
        [[2.5], [True]]
        >>> [column.tolist() for column in epochs_until(table, 0.9, "a")]
        [[3.0], [False]]
    """
    level = checks.number("level", level, minimum=0, maximum=1)
    checks.choice("split", split, ["train", "train_after"])
    where = {"component": "original"} if "component" in table else {}
    curves = _curves(table, recipe=recipe, split=split, **where)
    expected = set(rows_of(table, recipe=recipe)["seed"])
    missing = sorted(expected - curves.keys())
    if missing or not expected:
        raise MissingMeasurementError(
            "A table must hold the accuracies by epoch; there are none for "
            f"{f'seeds {missing}' if missing else 'any seed'}. Received: recipe={recipe!r}, "
            f"split={split!r}"
        )
    epochs = {seed: _epoch_of(curve, level) for seed, curve in curves.items()}
    reached = {seed: bool((curve >= level).any()) for seed, curve in curves.items()}
    return pd.Series(epochs), pd.Series(reached)


def at_equal_fit(
    table: pd.DataFrame, recipes: Iterable[str], rank: int
) -> tuple[pd.Series, dict[str, pd.Series]]:
    r"""Accuracy on low-pass filtered training images where recipes fit them equally well.

    .. math:: \text{level} = \min_{\text{recipe}} \max_t a_t, \quad
              b_t + \frac{\text{level} - a_t}{a_{t'} - a_t} (b_{t'} - b_t)

    where t' is the first measured epoch with :math:`a_{t'} \ge \text{level}`, t the one before it,
    a the accuracy on the training images and b that on their low components. A seed is left out if
    it has not all recipes, or if one of them is above the level at its first measured epoch.

    Args:
        table: DataFrame with the columns recipe, seed, epoch, split, component, radius and
            accuracy; of split ``train_after``.
        recipes: sequence of str, none twice, at least one.
        rank: int from 0, of the radius, see ``radius``.

    Returns:
        ``(levels, found)``: Series of float by ascending seed, and a dict of such Series by recipe.

    Raises:
        MissingMeasurementError: if no seed is left, or an epoch lacks its low component.
        ValueError: for a column that the table lacks, or an epoch twice or without a number.

    Example:
        >>> rows = [("a", 1, 0.25, 0.25), ("a", 2, 0.75, 0.5), ("b", 1, 0.0, 0.0),
        ...         ("b", 3, 0.5, 0.125)]
        >>> table = pd.concat(
        ...     pd.DataFrame({"recipe": recipe, "seed": 0, "epoch": epoch, "split": "train_after",
        ...                   "component": ["original", *["low"] * 4],
        ...                   "radius": [np.nan, 1, 2, 3, 4], "accuracy": [fit, *[low] * 4]})
        ...     for recipe, epoch, fit, low in rows)
        >>> levels, found = at_equal_fit(table, ["a", "b"], 0)
        >>> levels.tolist(), found["a"].tolist(), found["b"].tolist()
        ([0.5], [0.375], [0.125])
    """
    recipes = list(recipes)
    checks.require(
        recipes and len(set(recipes)) == len(recipes),
        "`recipes` must hold at least one recipe and none twice",
        recipes=recipes,
    )
    after = {"split": "train_after"}
    low = {"component": "low", "radius": radius(table, rank), **after}
    fits = {name: _curves(table, recipe=name, component="original", **after) for name in recipes}
    lows = {name: _curves(table, recipe=name, **low) for name in recipes}
    seeds = sorted(set.intersection(*(set(curves) for curves in fits.values())))
    levels = {seed: min(fits[name][seed].max() for name in recipes) for seed in seeds}
    late = [seed for seed in seeds if any(fits[name][seed].iloc[0] > levels[seed] for name in fits)]
    kept = [seed for seed in seeds if seed not in late]
    if not kept:
        raise MissingMeasurementError(
            "Recipes are compared at equal fit in seeds that have them all, each measured before "
            f"it fits as well; there is no such seed. Received: recipes={recipes}, "
            f"measured too late: seeds={late}"
        )
    found = {
        name: pd.Series({seed: _crossed(name, seed, fits, lows, levels[seed]) for seed in kept})
        for name in recipes
    }
    return pd.Series(levels).loc[kept], found


def epochs_until_learned(
    table: pd.DataFrame, recipe: str, rank: int, share: float = 0.9
) -> pd.Series:
    r"""Epochs until most of what is ever learned of the low frequencies is learned.

    .. math:: \text{level} = c + \text{share} \left( \max_t b_t - c \right)

    where b is the accuracy on low-pass filtered training images and c that of guessing. The epoch
    is interpolated as by ``epochs_until``. Noise raises the highest accuracy, and so makes the
    answer later rather than earlier.

    Args:
        table: DataFrame with the columns recipe, seed, epoch, split, component, radius, accuracy
            and classes; of split ``train_after``.
        recipe: str.
        rank: int from 0, of the radius, see ``radius``.
        share: float in [0, 1].

    Returns:
        Series of float by ascending seed; without seeds that are never better than guessing.

    Raises:
        MissingMeasurementError: if there are no such rows, or no seed is left.
        ValueError: for a column that the table lacks, or an epoch twice or without a number.

    Example:
        >>> rows = {"recipe": "a", "seed": 0, "epoch": [1, 2, 3] * 4, "split": "train_after",
        ...         "component": "low", "radius": np.repeat([1, 2, 3, 4], 3),
        ...         "accuracy": [0.5, 0.75, 1.0] * 4, "classes": 2}
        >>> epochs_until_learned(pd.DataFrame(rows), "a", 0, share=0.75).tolist()
        [2.5]
    """
    share, guessed = checks.number("share", share, minimum=0, maximum=1), chance(table)
    low = {"component": "low", "radius": radius(table, rank), "split": "train_after"}
    curves = _curves(table, recipe=recipe, **low)
    found = {
        seed: _epoch_of(curve, guessed + share * (curve.max() - guessed))
        for seed, curve in curves.items()
        if curve.max() > guessed
    }
    if not found:
        raise MissingMeasurementError(
            "A table must hold by epoch the low component of training images, from which something "
            f"is learned. Received: recipe={recipe!r}, radius={low['radius']:g}"
        )
    return pd.Series(found)


def _curves(table: pd.DataFrame, **where: object) -> dict[Any, pd.Series]:
    """Accuracy by epoch, ascending, of each seed that has any; NaN and a second one are refused."""
    rows = rows_of(table, **where)
    for name in ("epoch", "accuracy"):
        checks.choice("column", name, list(table.columns))
    bad = rows[rows.duplicated(["seed", "epoch"]) | ~np.isfinite(rows["accuracy"])]
    checks.require(
        not len(bad),
        "A table must hold one finite accuracy for each seed and epoch; it has not for "
        f"{bad[['seed', 'epoch']].head(3).to_dict('records')}",
        **where,
    )
    groups = rows.sort_values("epoch").groupby("seed")
    return {seed: part.set_index("epoch")["accuracy"] for seed, part in groups}


def _epoch_of(curve: pd.Series, level: float) -> float:
    """Epoch at which a curve first comes up to a level; the last one if it does not."""
    epochs, values = curve.index.to_numpy("float64"), curve.to_numpy()
    if not (values >= level).any():
        return float(epochs[-1])
    first = int(np.argmax(values >= level))
    before = max(first - 1, 0)
    return float(np.interp(level, values[[before, first]], epochs[[before, first]]))


def _crossed(
    recipe: str,
    seed: int,
    fits: Mapping[str, Mapping[Any, pd.Series]],
    lows: Mapping[str, Mapping[Any, pd.Series]],
    level: float,
) -> float:
    """Accuracy on the low component where the fit first comes up to a level."""
    fit = fits[recipe][seed]
    low = lows[recipe].get(seed, pd.Series(dtype="float64"))
    missing = fit.index.difference(low.index).tolist()
    if missing:
        raise MissingMeasurementError(
            "A table must hold the low component at every measured epoch. Received: "
            f"recipe={recipe!r}, seed={seed}, missing: epochs={missing}"
        )
    low, first = low.reindex(fit.index).to_numpy(), int(np.argmax(fit >= level))
    before = max(first - 1, 0)
    return float(np.interp(level, fit.iloc[[before, first]], low[[before, first]]))
