"""Table 1 of the CVPR 2020 paper: how well does what is learned from one component generalize?

Trains the same network on the low-frequency and on the high-frequency component of the training
images at several radii, and tests it on the original test images and on their components. The paper
finds that both can be fitted, that what is learned from low frequencies generalizes, better the
larger the radius, and that what is learned from high frequencies does not. Components are divided
by their maximum, as in the paper's text and released code; --no-rescale leaves them unscaled, and
--no-inclusive and --outside-gain 0.5 are other switches of that code. A network trained on the
original images is included for comparison.
"""

import dataclasses

import pandas as pd
from matplotlib.figure import Figure

from experiments.measures import component_trainings, frequency_curves
from hfc_keras import reporting
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.profiles import PROFILES
from hfc_keras.lab.runner import Plan
from hfc_keras.reporting.claims.statements import (
    MORE,
    NO_LESS,
    NO_MORE,
    Bound,
    Comparison,
    Measure,
    Number,
    Statement,
    claims,
)
from hfc_keras.reporting.figures.component_panels import component_curves
from hfc_keras.training import Recipe

WIDTHS = ("1/8", "1/4", "3/8", "1/2")
# Names in the figure of rows of the component trained on.
OWN = {"test": "test_component", "train_after": "train_component"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(component_trainings.Settings):
    """Settings of this experiment."""


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    chosen = component_trainings.recipes(settings, ("low", "high"))
    rescale = PROFILES[settings.profile].get("rescale", False)
    return {"original": settings.base_recipe().but(rescale=rescale), **chosen}


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw Table 1 as curves over the radius."""
    own = table["component"] == table["trained_on"]
    shown = table.assign(split=table["split"].mask(own, table["split"].replace(OWN)))
    shown = shown[own | (table["component"] == "original")]
    original = table["recipe"] == "original"
    if original.all():
        return {}
    last = None
    if original.any():
        last = test(table, "original").mean()
    trained = shown[shown["recipe"] != "original"].assign(radius=shown["trained_radius"])
    chance = reporting.chance(table)
    return {"": component_curves(trained, reference=last, chance=chance)}


def test(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Accuracy on the original test images after the last epoch, by seed."""
    where = {"split": "test", "component": "original"}
    return reporting.value(table, recipe=recipe, epoch="last", **where)


def train(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Accuracy on the images that a network was trained on, by seed."""
    where = {"split": "train_after", "component": recipe.partition("_")[0]}
    return reporting.value(table, recipe=recipe, epoch="last", **where)


def above_chance(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Accuracy on the original test images above guessing, by seed."""
    return test(table, recipe) - reporting.chance(table)


def trained_on(component: str, table: pd.DataFrame, rank: int) -> str:
    """Name of the network trained on a component at a radius, 0 the smallest."""
    return f"{component}_{reporting.radius(table, rank, 'trained_radius'):g}"


def low_minus_high(number: Number, table: pd.DataFrame) -> pd.Series:
    """Trained on low minus trained on high, mean over the four radii, by seed."""
    return reporting.mean_of(
        reporting.difference(
            *(number(table, trained_on(each, table, rank)) for each in ("low", "high"))
        )
        for rank in range(4)
    )


def largest_minus_smallest(number: Number, table: pd.DataFrame) -> pd.Series:
    """Trained on low up to the largest radius minus up to the smallest, by seed."""
    values = [number(table, trained_on("low", table, rank)) for rank in range(4)]
    return reporting.difference(values[3], values[0])


def high_minus_low(number: Number, table: pd.DataFrame) -> dict[str, pd.Series]:
    """Trained on high minus trained on low, each radius by itself, by seed."""
    return {
        f"r = {width} width": reporting.difference(
            *(number(table, trained_on(each, table, rank)) for each in ("high", "low"))
        )
        for rank, width in enumerate(WIDTHS)
    }


def high(number: Number, table: pd.DataFrame) -> dict[str, pd.Series]:
    """Trained on high beyond each radius but the smallest, by seed."""
    return {
        f"r = {WIDTHS[rank]} width": number(table, trained_on("high", table, rank))
        for rank in (1, 2, 3)
    }


def high_lowest(number: Number, table: pd.DataFrame) -> pd.Series:
    """Trained on high beyond the smallest radius, by seed."""
    return number(table, trained_on("high", table, 0))


TABLE_1 = "the numbers of Table 1"
TEST = Measure("test accuracy on original images", test)
STATEMENTS = (
    Statement(
        "low_generalises",
        "What is learned from low frequencies generalizes far better than what is "
        "learned from high ones.",
        TEST,
        Comparison(
            "trained on low minus trained on high, mean over four radii; far better is 0.2 or more",
            low_minus_high,
        ),
        Bound(above=0.2),
    ),
    Statement(
        "low_rises",
        "The more low frequencies a network is trained on, the better it generalizes.",
        TEST,
        Comparison("trained on low, r = 1/2 width minus r = 1/8 width", largest_minus_smallest),
        MORE,
        unverified=TABLE_1,
    ),
    Statement(
        "high_fitted",
        "High frequencies alone are fitted as well as low ones.",
        Measure("accuracy on the images trained on", train),
        Comparison("trained on high minus trained on low, each radius", high_minus_low),
        NO_LESS,
        unverified=TABLE_1,
    ),
    Statement(
        "high_chance",
        "Trained on high frequencies alone, beyond every radius except the smallest, a network "
        "is at chance on original images.",
        Measure("test accuracy on original images minus chance", above_chance),
        Comparison("trained on high, each radius from 1/4 width", high),
        NO_MORE,
        unverified=TABLE_1,
    ),
    Statement(
        "high_lowest",
        "Trained on high frequencies alone beyond the smallest radius (r = 1/8 width), a network "
        "is clearly above chance on original images.",
        Measure("test accuracy on original images minus chance", above_chance),
        Comparison("trained on high, r = 1/8 width; clearly is 0.05 or more", high_lowest),
        Bound(above=reporting.EQUIVALENCE),
        unverified=TABLE_1,
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
    claims=claims("component", "Table 1", STATEMENTS),
)


if __name__ == "__main__":
    EXPERIMENT.main()
