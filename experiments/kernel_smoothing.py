"""Table 2 and Fig. 7 of the CVPR 2020 paper: does smoothing the first layer make a CNN robust?

Trains a network on the images (natural) and on attacked images (adversarial), with first-layer
kernels of 3 x 3 and 5 x 5, smooths these kernels by eq. 3 with several values of rho, and attacks
the result. The paper finds that smoothing makes a natural network somewhat more robust and an
adversarially trained one only against large perturbations, and that adversarial training makes
kernels smoother. Eq. 3 multiplies a constant kernel by 1 + 8 rho, and with it the logits of a
network without batch normalization, so that cross-entropy saturates and its gradient vanishes. Four
controls separate robustness from such masked gradients: smoothing divided by 1 + 8 rho; attacks
with the margin loss, which does not saturate; PGD with many steps and restarts on the images that
survive; and a natural network trained five times as long, which is more confident.
"""

import dataclasses
import functools
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.measures import smoothed_robustness
from hfc_keras import checks, models, reporting
from hfc_keras.lab import tested_networks
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.runner import Cell, Plan
from hfc_keras.reporting.claims.statements import (
    LESS,
    MORE,
    Measure,
    Statement,
    alone,
    claims,
    minus,
)
from hfc_keras.reporting.figures.kernels import kernel_pictures
from hfc_keras.reporting.figures.robustness import robustness_panels
from hfc_keras.training import Recipe

TITLES = {
    "natural": "natural, 3 x 3",
    "natural_long": "natural, 3 x 3, 5 x as long",
    "adversarial": "adversarial, 3 x 3",
    "natural_5x5": "natural, 5 x 5",
    "adversarial_5x5": "adversarial, 5 x 5",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(smoothed_robustness.Settings):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = (*smoothed_robustness.Settings.MEASURED_WITH, "rhos")

    rhos: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 1.0)
    """Strengths of smoothing; 0 is the network as trained."""

    def check(self) -> None:
        """Also reject invalid strengths, and a list without 0, the network as trained."""
        super().check()
        rhos = [checks.number("rhos", rho, minimum=0) for rho in self.rhos]
        distinct = len(set(rhos)) == len(rhos)
        words = "`rhos` must differ and hold 0, as trained"
        checks.require(distinct and 0 in rhos, words, rhos=rhos)


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    natural = settings.base_recipe()
    adversarial = settings.adversarial(natural)
    chosen = {"natural": natural, "adversarial": adversarial}
    # Masked gradients need a confident network, as the paper's is after 100 epochs.
    if settings.profile != "paper":
        chosen["natural_long"] = natural.but(epochs=5 * natural.epochs)
    # The residual networks for small images alone take another first layer.
    if natural.model in ("resnet8", "resnet20", "resnet32", "resnet44"):
        larger = {"first_kernel": 5}
        chosen["natural_5x5"] = natural.but(options={**natural.options, **larger})
        chosen["adversarial_5x5"] = adversarial.but(options={**adversarial.options, **larger})
    return chosen


def measure(cell: Cell) -> pd.DataFrame:
    """Return the rows of one training, at every rho, as eq. 3 stands and normalized."""
    network = tested_networks.Network(cell)
    trained = network.model
    # One model takes the weights of all, so that its attacks are compiled once.
    model, tables = models.smooth_model(trained, 0), []
    for rho in cell.settings.rhos:
        for normalized in (False, True) if rho else (False,):
            smoothed = models.smooth_model(trained, rho, normalize=normalized)
            model.set_weights(smoothed.get_weights())
            tables.append(smoothed_robustness.rows(network, model, rho, normalized))
    return pd.concat(tables, ignore_index=True)


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw Table 2 as curves over rho, and the kernels of each first seed as in Fig. 7."""
    kernels = {}
    for name, seed in table.groupby("recipe", sort=False)["seed"].first().items():
        model, _ = plan.cell(str(name), int(seed)).fit()
        for rho in (0, max(plan.settings.rhos)):
            layer = models.first_convolution(models.smooth_model(model, rho))
            title = TITLES[str(name)] + (f", rho {rho:g}" if rho else "") + f" (seed {seed})"
            kernels[title] = np.asarray(layer.kernel)
    return {
        "": robustness_panels(table, TITLES, plan.chance),
        "_kernels": kernel_pictures(kernels),
    }


def roughness(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Roughness of the first kernels as trained, by seed."""
    return reporting.value(table, "roughness", recipe=recipe, rho=0, attack="none")


def accuracy(
    table: pd.DataFrame,
    recipe: str,
    rho: float,
    epsilon: float | None = None,
    loss: str = "cross_entropy",
) -> pd.Series:
    """Accuracy, clean or under PGD at an epsilon; 0 and 1 are the smallest and largest of both."""
    rho = table["rho"].max() if rho else 0
    if epsilon is None:
        return reporting.value(table, recipe=recipe, rho=rho, normalized=False, attack="none")
    epsilon = table["epsilon"].max() if epsilon else table["epsilon"].min()
    attack = {"attack": "pgd", "epsilon": epsilon, "loss": loss, "restarts": 1}
    return reporting.value(table, recipe=recipe, rho=rho, normalized=False, **attack)


def gain(table: pd.DataFrame, recipe: str, epsilon: float | None = None) -> pd.Series:
    """What the strongest smoothing adds to an accuracy, by seed."""
    return reporting.difference(*(accuracy(table, recipe, rho, epsilon) for rho in (1, 0)))


def over_adversarial(
    table: pd.DataFrame, recipe: str, epsilon: float, loss: str = "cross_entropy"
) -> pd.Series:
    """A network with the strongest smoothing minus the adversarial one as trained, by seed."""
    if recipe == "natural_long" and recipe not in set(table["recipe"]):
        # The paper's own training is long: its profile has no longer one.
        recipe = "natural"
    smoothed = accuracy(table, recipe, 1, epsilon, loss)
    return reporting.difference(smoothed, accuracy(table, "adversarial", 0, epsilon, loss))


TABLE_2 = "the numbers of Table 2"
PGD = "accuracy under PGD"
SMALLEST = Measure(f"{PGD}, smallest epsilon", functools.partial(gain, epsilon=0))
LARGEST = Measure(f"{PGD}, largest epsilon", functools.partial(gain, epsilon=1))
BESIDE_LARGEST = Measure(f"{PGD}, largest epsilon", functools.partial(over_adversarial, epsilon=1))
NATURAL = alone("natural", "natural, largest rho minus rho 0")
ADVERSARIAL = alone("adversarial", "adversarial, largest rho minus rho 0")
SMOOTHED = alone("natural", "natural with the largest rho minus adversarial with rho 0")
LONGEST = alone(
    "natural_long",
    "longest natural training with the largest rho minus adversarial with rho 0",
)
STATEMENTS = (
    Statement(
        "adversarial_kernels_smoother",
        "Adversarial training makes the kernels of the first layer smoother.",
        Measure("roughness of 3 x 3 kernels", roughness, "roughness"),
        minus("adversarial", "natural"),
        LESS,
        item="Fig. 7",
    ),
    Statement(
        "adversarial_kernels_smoother_5x5",
        "Adversarial training also makes 5 x 5 kernels of the first layer smoother (the paper's "
        "appendix).",
        Measure("roughness of 5 x 5 kernels", roughness, "roughness"),
        minus("adversarial_5x5", "natural_5x5", "adversarial minus natural"),
        LESS,
        item="Fig. 7",
    ),
    Statement(
        "smoothing_costs_accuracy",
        "Smoothing the first layer of a natural network costs accuracy on clean images.",
        Measure("clean accuracy", gain),
        NATURAL,
        LESS,
    ),
    Statement(
        "smoothing_helps_natural",
        "Smoothing makes a natural network somewhat more robust.",
        SMALLEST,
        NATURAL,
        MORE,
        unverified=TABLE_2,
    ),
    Statement(
        "smooth_is_not_robust",
        "Smooth kernels alone do not make a network robust: a smoothed natural network "
        "stays below an adversarially trained one.",
        Measure(SMALLEST.words, functools.partial(over_adversarial, epsilon=0)),
        SMOOTHED,
        LESS,
    ),
    Statement(
        "smoothed_beats_adversarial",
        "Against the largest perturbations, a smoothed natural network is more robust than the "
        "adversarially trained one.",
        BESIDE_LARGEST,
        SMOOTHED,
        MORE,
    ),
    Statement(
        "smoothed_beats_adversarial_long",
        "Against the largest perturbations, the smoothed natural network trained longest is more "
        "robust than the adversarially trained one (like the paper's after 100 epochs, it is "
        "confident).",
        BESIDE_LARGEST,
        LONGEST,
        MORE,
        kind="control",
    ),
    Statement(
        "smoothed_beats_adversarial_margin",
        "The same holds under the margin loss (which does not saturate, so its gradient is not "
        "masked).",
        Measure(
            f"{PGD} with the margin loss, largest epsilon",
            functools.partial(over_adversarial, epsilon=1, loss="margin"),
        ),
        LONGEST,
        MORE,
        kind="control",
    ),
    Statement(
        "smoothing_helps_adversarial",
        "Smoothing makes an adversarially trained network more robust against the "
        "largest perturbations.",
        LARGEST,
        ADVERSARIAL,
        MORE,
    ),
    Statement(
        "smoothing_harms_adversarial",
        "Against the smallest perturbations, smoothing makes an adversarially trained network less "
        "robust.",
        SMALLEST,
        ADVERSARIAL,
        LESS,
        unverified=TABLE_2,
    ),
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=measure,
    keys=smoothed_robustness.KEYS,
    summary=smoothed_robustness.summary,
    figures=figures,
    claims=claims("", "Table 2", STATEMENTS),
)


if __name__ == "__main__":
    EXPERIMENT.main()
