"""Fig. 5 of the CVPR 2020 paper: training heuristics and the frequencies a CNN uses.

Trains the same network by the recipes vanilla, dropout, mix_up, batch_norm and adversarial, and
measures its accuracy on the test images and on their low- and high-frequency components. The paper
finds that dropout changes little, that mix-up makes the network use more of the high frequencies
and batch normalization even more, while adversarial training leaves it with the low ones. Batch
normalization is tested with three kinds of statistics, because the released code uses those of each
test batch while Keras uses moving averages, and the results differ. The paper suggests that batch
normalization amplifies the faint high frequencies. To test that, components are also scaled before
the test: to a maximum of 1, to the spread of the images, and to their mean and spread.
"""

import dataclasses
import functools

import pandas as pd
from matplotlib.figure import Figure

from experiments.effects import batch_norm, last_epoch
from experiments.effects.datasets import APPENDIX, FASHION, on_fashion
from experiments.effects.last_epoch import HIGHEST, LOWEST, SMALLEST, WORDS, on
from experiments.measures import frequency_curves
from experiments.recipes import heuristics
from hfc_keras import reporting
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.runner import Plan
from hfc_keras.lab.settings import Components
from hfc_keras.lab.variants import rivals
from hfc_keras.reporting.claims.statements import (
    LESS,
    MORE,
    SIMILAR,
    Comparison,
    Measure,
    Statement,
    alone,
    claims,
    minus,
)
from hfc_keras.reporting.figures.component_panels import scaling_points
from hfc_keras.reporting.tables import scaling_table

KEYS = [*frequency_curves.KEYS, "scaling"]
TITLES = {
    "vanilla": "Vanilla",
    "dropout": "Dropout",
    "mix_up": "Mix-up",
    "batch_norm (moving)": "BatchNorm, moving averages",
    "batch_norm (batch)": "BatchNorm, batch statistics",
    "batch_norm (population)": "BatchNorm, population",
    "adversarial": "Adversarial training",
}
# What the accuracy while training is on, where that is not the images as they are.
CHANGED = {"mix_up": "mixed images", "adversarial": "attacked images"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Components, heuristics.Heuristics):
    """Settings of this experiment."""


def summary(table: pd.DataFrame) -> str:
    """Return the accuracies after the last epoch in words."""
    heading = "Accuracy on high components as they are and scaled, after the last epoch"
    scaled = scaling_table(table).to_string()
    return f"{frequency_curves.summary(table)}\n\n{heading}\n\n{scaled}"


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw a panel for each recipe, and what scaling its components changes."""
    chance = reporting.chance(table)
    return {
        "": reporting.frequency_panels(table, TITLES, chance=chance, changed=CHANGED),
        "_scaling": scaling_points(table, TITLES, chance=chance),
    }


REPAIRED = "section 5, BatchNorm"


def tested_with(recipe: str, statistics: str) -> Comparison:
    """Return the comparison with vanilla of a network that some statistics are tested of."""
    return minus(recipe, words=f"{_tested(recipe, statistics)} minus vanilla")


def _tested(recipe: str, statistics: str) -> str:
    return f"{recipe}, tested with {statistics} statistics"


def invariant(table: pd.DataFrame, recipe: str) -> dict[str, pd.Series]:
    """At chance on high components is also one answer to them all; so they are taken away, too."""
    low, high = (last_epoch.component(table, recipe, kind, HIGHEST) for kind in ("low", "high"))
    return {
        "low components": reporting.difference(last_epoch.original(table, recipe), low),
        "high components": high - reporting.chance(table),
    }


def above_chance(table: pd.DataFrame) -> dict[str, pd.Series]:
    """A network that guesses is invariant to everything."""
    beyond = last_epoch.original(table, "adversarial") - reporting.chance(table)
    return {"accuracy of adversarial beyond chance": beyond}


STATEMENTS = (
    Statement(
        "dropout_high",
        "Dropout hardly changes high-frequency accuracy.",
        on("high"),
        minus("dropout"),
        SIMILAR,
    ),
    Statement(
        "mix_up_high",
        "Mix-up makes the network use more of the high frequencies.",
        on("high"),
        minus("mix_up"),
        MORE,
    ),
    *(
        Statement(
            f"{name}_test",
            f"{title} hardly changes test accuracy.",
            last_epoch.TEST,
            minus(name),
            SIMILAR,
        )
        for name, title in (("mix_up", "Mix-up"), ("dropout", "Dropout"))
    ),
    *(
        Statement(
            f"batch_norm_test{suffix}",
            f"BatchNorm hardly changes test accuracy {words}.",
            Measure(
                last_epoch.TEST.words,
                functools.partial(last_epoch.original, statistics=statistics),
            ),
            tested_with("batch_norm", statistics),
            SIMILAR,
            kind=kind,
        )
        for suffix, statistics, words, kind in (
            ("", "batch", "(read by eye off the authors' poster: 0.85 and 0.84)", "paper"),
            ("_population", "population", "also with fixed statistics", "control"),
        )
    ),
    Statement(
        "batch_norm_above",
        "BatchNorm makes the network use more of the high frequencies than any other heuristic.",
        on("high", statistics="batch"),
        minus(
            "batch_norm",
            rivals(heuristics.VARIANTS, ("dropout", "mix_up", "adversarial")),
            f"{_tested('batch_norm', 'batch')} minus each of dropout, mix_up and adversarial",
        ),
        MORE,
    ),
    Statement(
        "batch_norm_high_fashion_mnist",
        f"BatchNorm makes the network use more of the high frequencies {APPENDIX}.",
        on_fashion(on("high", statistics="batch")),
        tested_with("batch_norm", "batch"),
        MORE,
        other_dataset=FASHION,
    ),
    *(
        Statement(
            f"batch_norm_{component}{suffix}",
            f"BatchNorm makes the network use more of the {component} frequencies {words}.",
            on(component, statistics=statistics),
            tested_with("batch_norm", statistics),
            MORE,
            kind=kind,
        )
        for component in ("high", "low")
        for suffix, statistics, words, kind in (
            ("", "batch", "(as the paper tests it)", "paper"),
            ("_population", "population", "also with fixed statistics", "control"),
        )
    ),
    Statement(
        "batch_norm_statistics",
        "With BatchNorm, high-frequency accuracy falls once test images are not normalized by "
        "their own batch.",
        Measure(on("high").words, batch_norm.of_the_batch),
        alone("batch_norm", "batch_norm, tested with batch minus with population statistics"),
        MORE,
        kind="control",
    ),
    Statement(
        "batch_norm_most",
        "The gain in high-frequency accuracy from BatchNorm is larger at small radii than at large "
        "ones.",
        Measure("accuracy on high components", batch_norm.most_at_lowest),
        alone(
            "batch_norm",
            f"batch_norm with batch statistics minus vanilla: {WORDS[LOWEST]} minus "
            f"{WORDS[HIGHEST]}",
        ),
        MORE,
    ),
    *(
        Statement(
            f"batch_norm_{name}",
            f"{words} gives at least half of the gain in high-frequency accuracy from batch "
            "statistics.",
            Measure(
                "accuracy on high components",
                functools.partial(batch_norm.repaired, scaling=scaling),
            ),
            alone(
                "batch_norm",
                f"batch_norm, {WORDS[LOWEST]}: what bringing components to the {target} of the "
                "images adds with population statistics minus half of what batch statistics add",
            ),
            MORE,
            item=REPAIRED,
            kind="control",
        )
        for name, scaling, words, target in (
            ("magnitude", "spread", "Restoring the magnitude of the input", "spread"),
            ("matched", "matched", "Restoring mean and magnitude of the input", "mean and spread"),
        )
    ),
    Statement(
        "vanilla_magnitude",
        "Vanilla is more accurate on high frequencies once their small magnitude is restored.",
        Measure("accuracy on high components", batch_norm.lifted),
        alone(
            "vanilla",
            f"vanilla, {WORDS[LOWEST]}: with the spread of the images minus as they are",
        ),
        MORE,
        item=REPAIRED,
        kind="control",
    ),
    Statement(
        "adversarial_test",
        "Adversarial training costs accuracy.",
        last_epoch.TEST,
        minus("adversarial"),
        LESS,
    ),
    Statement(
        "adversarial_gap",
        "Adversarial training gives a smaller generalization gap.",
        last_epoch.GAP,
        minus("adversarial"),
        LESS,
        # What adversarial training costs in fit is part of the claim.
        fitted=functools.partial(last_epoch.fitted, recipes=("vanilla",)),
    ),
    Statement(
        "adversarial_invariant",
        "An adversarially trained network is invariant to the highest frequencies.",
        Measure("accuracy on original images minus on low components, and on high ones", invariant),
        alone("adversarial"),
        SIMILAR,
        measured=f"adversarial, {WORDS[HIGHEST]}: accuracy on original images minus on low "
        "components, and accuracy on high components minus chance",
        fitted=above_chance,
        fitted_above=0.2,
    ),
    Statement(
        "adversarial_high_lowest",
        "Beyond the smallest radius (r = 1/8 width), an adversarially trained network uses more of "
        "the high frequencies than vanilla.",
        on("high", SMALLEST),
        minus("adversarial"),
        MORE,
    ),
    Statement(
        "adversarial_low",
        "An adversarially trained network keeps more of its accuracy on the lowest frequencies.",
        on("low", SMALLEST),
        minus("adversarial"),
        MORE,
    ),
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=heuristics.heuristics,
    measure=functools.partial(frequency_curves.rows, scalings=("max", "spread", "matched")),
    keys=KEYS,
    summary=summary,
    figures=figures,
    claims=claims("heuristics", "Fig. 5", STATEMENTS),
)


if __name__ == "__main__":
    EXPERIMENT.main()
