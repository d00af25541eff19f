"""Does a first layer that is trained to be smooth make a CNN robust?

The CVPR 2020 paper smooths kernels after training and finds that robust networks have smooth
kernels, but that smooth kernels do not make a network robust. Here the first layer is kept smooth
during training, in three ways: by a penalty on its roughness, by a constraint that bounds it, and
by a layer that smooths its kernel in every call. These networks are attacked, and so are a vanilla
and an adversarially trained one for comparison.
"""

import dataclasses

import pandas as pd
from matplotlib.figure import Figure

from experiments.measures import smoothed_robustness
from experiments.recipes import heuristics
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.runner import Plan
from hfc_keras.lab.variants import chosen, titles
from hfc_keras.reporting.figures.robustness import robustness_points
from hfc_keras.training import Recipe

VARIANTS = chosen(heuristics.VARIANTS, ("vanilla", *heuristics.SMOOTHED, "adversarial"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(smoothed_robustness.Settings):
    """Settings of this experiment."""

    penalty: float = 0.3
    """Weight of the roughness penalty (see hfc_keras.regularizers.KernelRoughness)."""
    max_roughness: float = 0.3
    """Largest roughness that the constraint allows; white noise has 2.7 on 3 x 3 kernels."""
    rho: float = 1.0
    """Strength of the layer's own smoothing, divided by 1 + 8 rho."""


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    strengths = settings.penalty, settings.max_roughness, settings.rho
    vanilla = settings.base_recipe()
    return {
        "vanilla": vanilla,
        **heuristics.smoothed(settings, *strengths),
        "adversarial": settings.adversarial(vanilla),
    }


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw accuracy and roughness of each training."""
    return {"": robustness_points(table, titles(VARIANTS), plan.chance)}


EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=smoothed_robustness.measure,
    keys=smoothed_robustness.KEYS,
    summary=smoothed_robustness.summary,
    figures=figures,
)


if __name__ == "__main__":
    EXPERIMENT.main()
