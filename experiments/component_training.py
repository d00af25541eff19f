"""Table 1 of the CVPR 2020 paper: what a network learns from one component generalises how far?

Trains the same network on the low-frequency and on the high-frequency component of the training
images at several radii, and tests it on the original test images and on their components. The
paper finds that both are fitted, that what is learned from low frequencies generalises, the better
the larger the radius, and that what is learned from high frequencies does not. Components are
divided by their maximum as in the paper's text and released code; --no-rescale leaves them as they
are, --no-inclusive and --outside-gain 0.5 are other switches of that code. A network trained on
the original images stands beside them.
"""

import dataclasses
import functools
import sys

from experiments.lab import runner
from experiments.lab.profiles import PROFILES
from experiments.measures import component_trainings, frequency_curves
from hfc_keras import reporting

KEYS = frequency_curves.KEYS
# Rows of the original test images; their history has them for every epoch.
TESTED = {"split": "test", "component": "original"}
# Names in the figure of rows of the component trained on.
OWN = {"test": "test_component", "train_after": "train_component"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(component_trainings.Settings):
    """Settings of this experiment."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    chosen = component_trainings.recipes(settings, ("low", "high"))
    rescale = PROFILES[settings.profile].get("rescale", False)
    return {"original": settings.base_recipe().but(rescale=rescale), **chosen}


def measure(cell):
    """Return the rows of one training."""
    return component_trainings.rows(cell)


def summary(table):
    """Return Table 1 in words."""
    return component_trainings.summary(table)


def figures(table, plan):
    """Draw Table 1 as curves over the radius."""
    own = table["component"] == table["trained_on"]
    shown = table.assign(split=table["split"].mask(own, table["split"].replace(OWN)))
    shown = shown[own | (table["component"] == "original")]
    original = table["recipe"] == "original"
    if original.all():
        return {}
    last = None
    if original.any():
        last = reporting.value(table, recipe="original", epoch="last", **TESTED).mean()
    trained = shown[shown["recipe"] != "original"].assign(radius=shown["trained_radius"])
    chance = reporting.chance(table)
    return {"": reporting.component_curves(trained, reference=last, chance=chance)}


def _accuracy(component, rank, table, split="test"):
    """Accuracy of networks trained on a component at a radius, by seed.

    Args:
        component: str.
        rank: int, of the radius, 0 the smallest.
        table: DataFrame, this experiment's.
        split: ``"test"``, on originals, or ``"train_after"``, on the images trained on.
    """
    radius = reporting.radius(table, rank, "trained_radius")
    where = TESTED if split == "test" else {"split": split, "component": component}
    return reporting.value(table, recipe=f"{component}_{radius:g}", epoch="last", **where)


def _gain(one, other, table):
    """Trained on one component minus trained on the other, mean over the four radii, by seed."""
    pairs = ([_accuracy(each, rank, table) for each in (one, other)] for rank in range(4))
    return reporting.mean_of(reporting.difference(*pair) for pair in pairs)


def _fitted(table):
    """Accuracy on the images trained on, high minus low component, each radius by itself."""
    pairs = (
        [_accuracy(component, rank, table, "train_after") for component in ("high", "low")]
        for rank in range(4)
    )
    return {
        f"r = {words} width": reporting.difference(*pair)
        for words, pair in zip(("1/8", "1/4", "3/8", "1/2"), pairs, strict=True)
    }


def _at_chance(table):
    """Trained on high frequencies beyond each radius but the smallest, above guessing."""
    return {
        f"r = {words} width": _accuracy("high", rank, table) - reporting.chance(table)
        for rank, words in ((1, "1/4"), (2, "3/8"), (3, "1/2"))
    }


def _rise(table):
    """Trained on low frequencies up to the largest radius minus up to the smallest."""
    values = [_accuracy("low", rank, table) for rank in range(4)]
    return reporting.difference(values[3], values[0])


TABLE_1 = "the numbers of Table 1"
CLAIMS = (
    reporting.Claim(
        id="component_low_generalises",
        item="Table 1",
        sentence="What is learned from low frequencies generalises far better than what is "
        "learned from high ones.",
        measured="test accuracy on originals, trained on low minus trained on high, mean over "
        "four radii; far better is 0.2 or more",
        effect=functools.partial(_gain, "low", "high"),
        above=0.2,
    ),
    reporting.Claim(
        id="component_low_rises",
        item="Table 1",
        sentence="The more low frequencies a network is trained on, the better it generalises.",
        measured="test accuracy on originals, trained on low, r = 1/2 width minus r = 1/8 width",
        effect=_rise,
        above=0,
        unverified=TABLE_1,
    ),
    reporting.Claim(
        id="component_high_fitted",
        item="Table 1",
        sentence="High frequencies alone are fitted as well as low ones.",
        measured="accuracy on the images trained on, trained on high minus trained on low, each "
        "radius",
        effect=_fitted,
        above=-reporting.EQUIVALENCE,
        unverified=TABLE_1,
    ),
    reporting.Claim(
        id="component_high_chance",
        item="Table 1",
        sentence="Trained on high frequencies alone, beyond all radii but the smallest, a network "
        "guesses on originals.",
        measured="test accuracy on originals minus chance, trained on high, each radius from 1/4 "
        "width",
        effect=_at_chance,
        below=reporting.EQUIVALENCE,
        unverified=TABLE_1,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
