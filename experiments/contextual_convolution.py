"""Contextual convolution (Duta et al., 2021): branches of one layer with growing dilation.

Trains a bottleneck network whose 3 x 3 convolutions are split into branches of growing dilation,
with exactly as many weights, and its plain twin. The released network differs from the plain one in
a second way: the last normalization of each stage comes after the addition. The experiment
separates the two effects; all networks keep the same pixels when they downsample. bottleneck has
neither, bottleneck_end_norm the late normalization alone, coconv the branches alone, coresnet both.
Measured are accuracy, also by frequency, under corruptions, attacks and shifts, and the Fourier
sensitivity. The paper finds that the branches make the network more accurate. The paper profile
uses its schedule for ImageNet, on the data set that is given.
"""

import dataclasses
import functools
from typing import ClassVar

from experiments.effects import changes, sensitivity
from experiments.measures import all_measures
from experiments.recipes import residual_trainings, systems
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.variants import chosen
from hfc_keras.reporting.claims.statements import LESS, MORE, Statement, claims, each, minus
from hfc_keras.training import Recipe

VARIANTS = chosen(systems.VARIANTS, systems.CONTEXTUAL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(all_measures.Given):
    """Settings of this experiment."""

    PROFILE_CHANGES: ClassVar = residual_trainings.by_profile(
        {**residual_trainings.IMAGENET_TRAINING, "milestones": (30, 60, 80)}
    )


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    return systems.contextual(settings, settings.width)


BRANCHES = {
    VARIANTS[plain].title: (branched, plain)
    for branched, plain in (("coconv", "bottleneck"), ("coresnet", "bottleneck_end_norm"))
}
STATEMENTS = (
    Statement(
        "network",
        "The released network is more accurate than its plain twin.",
        changes.TEST,
        minus("coresnet", "bottleneck"),
        MORE,
    ),
    Statement(
        "branches",
        "The branches alone make the network more accurate, wherever the last normalization is.",
        changes.TEST,
        each(BRANCHES, "with minus without branches"),
        MORE,
        kind="question",
    ),
    Statement(
        "end_norm",
        "The late normalization alone makes the network more accurate.",
        changes.TEST,
        minus("bottleneck_end_norm", "bottleneck"),
        MORE,
        kind="control",
    ),
    Statement(
        "sensitivity",
        "Branches with larger dilation move the gradient to low frequencies.",
        sensitivity.CENTRE,
        minus("coconv", "bottleneck"),
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
    figures=functools.partial(
        all_measures.figures, ways=VARIANTS, heading="contextual convolution"
    ),
    claims=claims("context", "Contextual convolution", STATEMENTS, "Duta et al. 2021"),
)


if __name__ == "__main__":
    EXPERIMENT.main()
