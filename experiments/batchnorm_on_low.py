"""Fig. 6 of the CVPR 2020 paper: batch normalization without high frequencies.

Trains a network on the low-frequency component of the training images at several radii, with and
without batch normalization. To explain why batch normalization helps, the paper suggests that it
amplifies the faint high frequencies. It finds that training is still faster, though least so at the
smallest radius, while test accuracy is not always better. Networks are tested on the original
images and on the matching component, with the statistics of each test batch, as in the released
code, with moving averages and with population statistics.
"""

import dataclasses
import functools
from collections.abc import Iterable

import pandas as pd
from matplotlib.figure import Figure

from experiments.effects import last_epoch
from experiments.measures import component_trainings, frequency_curves
from hfc_keras import reporting
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.profiles import NORMALIZED
from hfc_keras.lab.runner import Plan
from hfc_keras.reporting.claims.statements import (
    MORE,
    NO_MORE,
    Comparison,
    Measure,
    Number,
    Statement,
    claims,
)
from hfc_keras.reporting.figures.component_panels import batch_norm_panels
from hfc_keras.training import Recipe

WIDTHS = ("1/8", "1/4", "3/8", "1/2")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(component_trainings.Settings):
    """Settings of this experiment."""

    bn_momentum: float = 0.9
    """Momentum of the moving averages."""


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    normalized = {"normalization": "batch", "bn_momentum": settings.bn_momentum}
    normalized |= NORMALIZED.get(settings.profile, {})
    with_bn = component_trainings.recipes(settings, ("low",), **normalized)
    return {
        **component_trainings.recipes(settings, ("low",)),
        **{f"{name}_batch_norm": recipe for name, recipe in with_bn.items()},
    }


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw a panel for each radius; batch normalization by the statistics of each test batch."""
    shown = table[table["bn_statistics"].isin(["none", "batch"])]
    normalized = shown["recipe"].str.endswith("_batch_norm").map({True: "batch", False: "none"})
    shown = shown.assign(normalization=normalized, radius=shown["trained_radius"])
    return {"": batch_norm_panels(shown, chance=reporting.chance(table))}


def trained_at(table: pd.DataFrame, rank: int) -> tuple[str, str]:
    """Names of the two networks trained at a radius: with and without batch normalization."""
    name = f"low_{reporting.radius(table, rank, 'trained_radius'):g}"
    return f"{name}_batch_norm", name


def gain(number: Number, table: pd.DataFrame, ranks: Iterable[int]) -> pd.Series:
    """What batch normalization adds to a number, mean over radii, by seed."""
    return reporting.mean_of(
        reporting.difference(*(number(table, name) for name in trained_at(table, rank)))
        for rank in ranks
    )


def beyond_smallest(number: Number, table: pd.DataFrame) -> dict[str, pd.Series]:
    """What it adds at each larger radius minus at the smallest, by seed."""
    least = gain(number, table, [0])
    return {
        f"r = {WIDTHS[rank]} width": reporting.difference(gain(number, table, [rank]), least)
        for rank in (1, 2, 3)
    }


def speed(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Training accuracy, mean over the epochs, by seed."""
    own = table[(table["recipe"] == recipe) & (table["split"] == "train")]
    return own.groupby("seed")["accuracy"].mean()


def fit(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Accuracy on the images trained on, after the last epoch, by seed."""
    where = {"split": "train_after", "component": "low", "epoch": "last"}
    statistics = last_epoch.tested_with(table, recipe, "batch")
    return reporting.value(table, recipe=recipe, bn_statistics=statistics, **where)


def gap(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Accuracy on the images trained on minus test accuracy on original images, by seed."""
    return reporting.difference(fit(table, recipe), test(table, recipe))


def fitted(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Accuracy of every network on the images that it was trained on."""
    return {
        f"{name} (r = {width} width)": fit(table, name)
        for rank, width in enumerate(WIDTHS)
        for name in reversed(trained_at(table, rank))
    }


test = functools.partial(last_epoch.original, statistics="batch")
ADDED = "with minus without BatchNorm"
ON_BATCH = "batch statistics, networks trained on low"
MEAN = Comparison("mean over radii", functools.partial(gain, ranks=range(4)))
SMALLEST = Comparison("r = 1/8 width", functools.partial(gain, ranks=[0]))
BEYOND = Comparison("each larger radius minus r = 1/8 width", beyond_smallest)
SPEED = Measure(f"training accuracy, {ADDED}", speed)
TEST = Measure(f"test accuracy on original images, {ADDED}, {ON_BATCH}", test)
STATEMENTS = (
    Statement(
        "speed",
        "BatchNorm also speeds up training on low frequencies.",
        SPEED,
        MEAN,
        MORE,
        measured=f"{SPEED.words}, mean over epochs and radii",
    ),
    Statement(
        "speed_least",
        "BatchNorm speeds up training least where there are the fewest frequencies.",
        SPEED,
        BEYOND,
        MORE,
        measured=f"{SPEED.words}, mean over epochs: trained on low, {BEYOND.words}",
    ),
    Statement(
        "test_less",
        "BatchNorm helps test accuracy least where there are the fewest frequencies.",
        TEST,
        BEYOND,
        MORE,
        measured=f"{TEST.words}: {BEYOND.words}",
    ),
    Statement(
        "test_lowest",
        "Trained on the lowest frequencies alone, BatchNorm does not help test accuracy.",
        TEST,
        SMALLEST,
        NO_MORE,
    ),
    Statement(
        "gap",
        "Trained on low frequencies, BatchNorm generalizes worse than vanilla.",
        Measure(
            f"accuracy on the images trained on minus test accuracy on original images, {ADDED}, "
            f"{ON_BATCH}",
            gap,
        ),
        MEAN,
        MORE,
        fitted=fitted,
    ),
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=component_trainings.rows,
    keys=frequency_curves.KEYS,
    summary=component_trainings.summary,
    figures=figures,
    claims=claims("batchnorm_on_low", "Fig. 6", STATEMENTS),
)


if __name__ == "__main__":
    EXPERIMENT.main()
