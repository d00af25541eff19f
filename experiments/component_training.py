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
import sys

from experiments import components, curves, runner
from hfc_keras import reporting

KEYS = curves.KEYS
# Rows of the original test images; their history has them for every epoch.
TESTED = {"split": "test", "component": "original"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(components.Settings):
    """Settings of this experiment."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    chosen = components.recipes(settings, ("low", "high"))
    return {"original": settings.base_recipe().but(rescale=False), **chosen}


def measure(cell):
    """Return the rows of one training."""
    return components.rows(cell)


def summary(table):
    """Return Table 1 in words."""
    return components.summary(table)


def figures(table, plan):
    """Draw Table 1 as curves over the radius."""
    tested = (table["split"] == "test") & (table["component"] == table["trained_on"])
    shown = table.assign(split=table["split"].mask(tested, "test_component"))
    shown = shown[tested | (table["component"] == "original")]
    original = table["recipe"] == "original"
    last = None
    if original.any():
        last = reporting.value(table, recipe="original", epoch="last", **TESTED).mean()
    trained = shown[shown["recipe"] != "original"].assign(radius=shown["trained_radius"])
    chance = 1 / plan.cells()[0].dataset().classes
    return {"": reporting.component_curves(trained, reference=last, chance=chance)}


def _tested(component, rank, table):
    """Test accuracy on originals of the networks trained on a component at a radius, by seed."""
    radius = sorted(table["trained_radius"].dropna().unique())[rank]
    return reporting.value(table, recipe=f"{component}_{radius:g}", epoch="last", **TESTED)


def _gain(table):
    """Low minus high, mean over the four radii."""
    pairs = [(_tested("low", rank, table), _tested("high", rank, table)) for rank in range(4)]
    return sum(reporting.difference(*pair) for pair in pairs) / len(pairs)


CLAIMS = (
    reporting.Claim(
        id="component_low_generalises",
        item="Table 1",
        sentence="What is learned from low frequencies generalises far better than what is "
        "learned from high ones.",
        measured="test accuracy on originals, trained on low minus trained on high, mean over "
        "four radii",
        effect=_gain,
        above=0.2,
    ),
    reporting.Claim(
        id="component_low_rises",
        item="Table 1",
        sentence="The more low frequencies a network is trained on, the better it generalises.",
        measured="test accuracy on originals of networks trained on low, r = 1/2 width minus "
        "r = 1/8 width",
        effect=lambda table: reporting.difference(
            _tested("low", 3, table), _tested("low", 0, table)
        ),
        above=0,
    ),
    reporting.Claim(
        id="component_high_fitted",
        item="Table 1",
        sentence="High frequencies alone are fitted as well as low ones.",
        measured="training accuracy while training, trained on high minus trained on low, "
        "r = 1/8 width",
        effect=lambda table: reporting.difference(
            *(
                reporting.value(
                    table,
                    recipe=f"{component}_{min(table['trained_radius'].dropna()):g}",
                    epoch="last",
                    split="train",
                )
                for component in ("high", "low")
            )
        ),
        above=-0.1,
    ),
    *(
        reporting.Claim(
            id=f"component_high_chance_{name}",
            item="Table 1",
            sentence=f"Trained on high frequencies beyond {words}, a network guesses on originals.",
            measured=f"test accuracy on originals, trained on high, r = {words}, minus 0.1",
            effect=lambda table, rank=rank: _tested("high", rank, table) - 0.1,
            below=0.05,
        )
        for rank, name, words in (
            (1, "quarter", "1/4 width"),
            (2, "three_eighths", "3/8 width"),
            (3, "half", "1/2 width"),
        )
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
