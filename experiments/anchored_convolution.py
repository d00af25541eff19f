"""Anchored convolution (Huang et al., 2019): one kernel shared by many layers.

Trains residual networks in which one convolution kernel is shared by all layers (anchored) or by
all layers of the same width (mix), with a separate normalization at each use. They are compared
with the ordinary network and with the anchored one given separate kernels (unshared). To recover
accuracy, the paper adds a regulator, a 1 x 1 convolution that is not shared; the released code
rotates the channels instead. Measured are accuracy, also by frequency, under corruptions, attacks
and shifts, and the Fourier sensitivity: does a filter that is applied repeatedly use fewer
frequencies? The paper's training is not published; the paper profile uses the usual schedule of
residual networks on CIFAR.
"""

import dataclasses
import functools
from typing import ClassVar

from experiments.effects import changes, sensitivity
from experiments.measures import all_measures
from experiments.recipes import residual_trainings, systems
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.variants import chosen, rivals
from hfc_keras.reporting.claims.statements import LESS, MORE, SIMILAR, Statement, claims, minus
from hfc_keras.training import Recipe

VARIANTS = chosen(systems.VARIANTS, systems.ANCHORED)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(all_measures.Given):
    """Settings of this experiment."""

    PROFILE_CHANGES: ClassVar = residual_trainings.by_profile(residual_trainings.CIFAR_TRAINING)


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    return systems.anchored(settings, settings.width)


STATEMENTS = (
    Statement(
        "cost",
        "One kernel for all layers costs accuracy, against ResNet-18 and against the same network "
        "with separate kernels.",
        changes.TEST,
        minus("anchored", rivals(VARIANTS, ("resnet18", "unshared"))),
        LESS,
    ),
    Statement(
        "regulator_better",
        "The regulator makes a network with one kernel more accurate.",
        changes.TEST,
        minus("anchored_regulator", "anchored"),
        MORE,
    ),
    Statement(
        "mix_better",
        "A network with a kernel for each width is more accurate than with one for all.",
        changes.TEST,
        minus("mix", "anchored"),
        MORE,
    ),
    Statement(
        "mix_regulator_better",
        "The regulator makes a network with a kernel for each width more accurate.",
        changes.TEST,
        minus("mix_regulator", "mix"),
        MORE,
    ),
    Statement(
        "mix_similar",
        "With a kernel for each width and regulators the network is about as accurate as the "
        "ordinary one.",
        changes.TEST,
        minus("mix_regulator", "resnet18"),
        SIMILAR,
    ),
    Statement(
        "rotation",
        "With the rotation of the released code the network is about as accurate as with the "
        "regulator.",
        changes.TEST,
        minus("mix_rotation", "mix_regulator"),
        SIMILAR,
        kind="question",
    ),
    Statement(
        "sensitivity",
        "Reusing one kernel moves the gradient to low frequencies.",
        sensitivity.CENTRE,
        minus("anchored", "unshared"),
        LESS,
        kind="question",
    ),
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=all_measures.measure,
    keys=all_measures.KEYS,
    summary=all_measures.summary,
    tables=all_measures.TABLES,
    figures=functools.partial(all_measures.figures, ways=VARIANTS, heading="anchored convolution"),
    claims=claims("anchored", "Anchored convolution", STATEMENTS, "Huang et al. 2019"),
)


if __name__ == "__main__":
    EXPERIMENT.main()
