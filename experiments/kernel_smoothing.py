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
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.effects import smoothed_robustness as effects
from experiments.measures import smoothed_robustness
from hfc_keras import checks, models
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


TABLE_2 = "the numbers of Table 2"
# By what is added to the id: the attack, and what is added to the sentence.
ATTACKS = {"": ("pgd", ""), "_fgsm": ("fgsm", " (under FGSM)")}
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
        effects.of_kernels("roughness of 3 x 3 kernels"),
        minus("adversarial", "natural"),
        LESS,
        item="Fig. 7",
    ),
    Statement(
        "adversarial_kernels_smoother_5x5",
        "Adversarial training also makes 5 x 5 kernels of the first layer smoother (the paper's "
        "appendix).",
        effects.of_kernels("roughness of 5 x 5 kernels"),
        minus("adversarial_5x5", "natural_5x5", "adversarial minus natural"),
        LESS,
        item="Fig. 7",
    ),
    *(
        Statement(
            f"adversarial_kernels_energy{suffix}",
            "Adversarial training leaves less of the energy of the first layer's kernels "
            f"({size}) at high frequencies.",
            effects.of_kernels(
                f"share of the energy of {size} kernels beyond 1/4 width", "energy_beyond", "share"
            ),
            minus(f"adversarial{suffix}", f"natural{suffix}", "adversarial minus natural"),
            LESS,
            item="Fig. 7",
        )
        for suffix, size in (("", "3 x 3"), ("_5x5", "5 x 5"))
    ),
    Statement(
        "trade_off",
        "Of two networks the more robust one is less accurate: adversarial training makes a "
        "network more accurate on attacked images and less so on clean ones.",
        Measure("accuracy on clean images and under PGD", effects.trade_off),
        alone("natural"),
        MORE,
        measured="clean accuracy, natural minus adversarial, and accuracy under PGD, smallest "
        "epsilon, adversarial minus natural",
        item="Corollary 1",
    ),
    Statement(
        "smoothing_costs_accuracy",
        "Smoothing the first layer of a natural network costs accuracy on clean images.",
        Measure("clean accuracy", effects.gain),
        NATURAL,
        LESS,
    ),
    Statement(
        "smoothing_costs_accuracy_adversarial",
        "Smoothing the first layer of an adversarially trained network costs accuracy on clean "
        "images.",
        Measure("clean accuracy", effects.gain),
        ADVERSARIAL,
        LESS,
        unverified=TABLE_2,
    ),
    *(
        Statement(
            f"smoothing_steps_clean_{recipe}",
            f"The more the first layer of {words} is smoothed, the lower its accuracy on clean "
            "images.",
            Measure("clean accuracy", effects.steps),
            alone(recipe, f"{recipe}, each rho minus the next smaller one"),
            LESS,
            unverified=TABLE_2,
        )
        for recipe, words in (
            ("natural", "a natural network"),
            ("adversarial", "an adversarially trained network"),
        )
    ),
    *(
        Statement(
            f"smoothing_steps_natural{suffix}",
            "The more the first layer of a natural network is smoothed, the more robust it "
            f"is{end}.",
            effects.attacked_by(attack, "smallest", effects.steps),
            alone("natural", "natural, each rho minus the next smaller one"),
            MORE,
            unverified=TABLE_2,
        )
        for suffix, (attack, end) in ATTACKS.items()
    ),
    *(
        Statement(
            f"smoothing_helps_natural{suffix}",
            f"Smoothing makes a natural network somewhat more robust{end}.",
            effects.attacked_by(attack, "smallest"),
            NATURAL,
            MORE,
            unverified=TABLE_2,
        )
        for suffix, (attack, end) in ATTACKS.items()
    ),
    *(
        Statement(
            f"smooth_is_not_robust{suffix}",
            "Smooth kernels alone do not make a network robust: a smoothed natural network "
            f"stays below an adversarially trained one{end}.",
            effects.beside_adversarial(attack, "smallest"),
            SMOOTHED,
            LESS,
        )
        for suffix, (attack, end) in ATTACKS.items()
    ),
    Statement(
        "smoothed_beats_adversarial",
        "Against the largest perturbations, a smoothed natural network is more robust than the "
        "adversarially trained one.",
        effects.beside_adversarial("pgd", "largest"),
        SMOOTHED,
        MORE,
    ),
    Statement(
        "smoothed_beats_adversarial_long",
        "Against the largest perturbations, the smoothed natural network trained longest is more "
        "robust than the adversarially trained one (like the paper's after 100 epochs, it is "
        "confident).",
        effects.beside_adversarial("pgd", "largest"),
        LONGEST,
        MORE,
        kind="control",
    ),
    Statement(
        "smoothed_beats_adversarial_margin",
        "The same holds under the margin loss (which does not saturate, so its gradient is not "
        "masked).",
        effects.beside_adversarial("pgd", "largest", "margin"),
        LONGEST,
        MORE,
        kind="control",
    ),
    *(
        Statement(
            f"smoothing_helps_adversarial{suffix}",
            "Smoothing makes an adversarially trained network more robust against the "
            f"largest perturbations{end}.",
            effects.attacked_by(attack, "largest"),
            ADVERSARIAL,
            MORE,
        )
        for suffix, (attack, end) in ATTACKS.items()
    ),
    *(
        Statement(
            f"smoothing_harms_adversarial{suffix}",
            "Against the smallest perturbations, smoothing makes an adversarially trained network "
            f"less robust{end}.",
            effects.attacked_by(attack, "smallest"),
            ADVERSARIAL,
            LESS,
            unverified=TABLE_2,
        )
        for suffix, (attack, end) in ATTACKS.items()
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
