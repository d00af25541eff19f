"""Table 2 and Fig. 7 of the CVPR 2020 paper: does smoothing the first layer make a CNN robust?

Trains a network on the images (natural) and on attacked images (adversarial), with first-layer
kernels of 3 x 3 and 5 x 5, smooths those kernels by eq. 3 with several rho, and attacks the
result. The paper finds that smoothing makes a natural network somewhat more robust, an
adversarially trained one only against large perturbations, and that adversarial training makes
kernels smoother. Eq. 3 multiplies a constant kernel by 1 + 8 rho and with it the logits of a
network without batch normalisation, so that cross-entropy saturates and its gradient vanishes.
Four controls tell robustness from such masked gradients: smoothing divided by 1 + 8 rho, attacks
with the margin loss, which does not saturate, PGD with many steps and restarts on what survives,
and a natural network trained five times as long, which is surer of itself.
"""

import dataclasses
import sys

import numpy as np
import pandas as pd

from experiments.lab import networks, runner
from experiments.measures import smoothed_robustness
from hfc_keras import checks, models, reporting

KEYS = smoothed_robustness.KEYS
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

    MEASURED_WITH = (*smoothed_robustness.Settings.MEASURED_WITH, "rhos")

    rhos: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 1.0)
    """Strengths of smoothing; 0 is the network as trained."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    rhos = [checks.number("rhos", rho, minimum=0) for rho in settings.rhos]
    distinct = len(set(rhos)) == len(rhos)
    checks.require(distinct and 0 in rhos, "`rhos` must differ and hold 0, as trained", rhos=rhos)
    natural = settings.base_recipe()
    adversarial = settings.adversarial(natural)
    chosen = {"natural": natural, "adversarial": adversarial}
    # Masked gradients need a network that is sure of itself, as the paper's is after 100 epochs.
    if settings.profile != "paper":
        chosen["natural_long"] = natural.but(epochs=5 * natural.epochs)
    # The residual networks for small images alone take another first layer.
    if natural.model in ("resnet8", "resnet20", "resnet32", "resnet44"):
        larger = {"first_kernel": 5}
        chosen["natural_5x5"] = natural.but(options={**natural.options, **larger})
        chosen["adversarial_5x5"] = adversarial.but(options={**adversarial.options, **larger})
    return chosen


def measure(cell):
    """Return the rows of one training, at every rho, as eq. 3 stands and normalised."""
    network = networks.Network(cell)
    trained = network.model
    # One model takes the weights of all, so that its attacks are compiled once.
    model, tables = models.smooth_model(trained, 0), []
    for rho in cell.settings.rhos:
        for normalized in (False, True) if rho else (False,):
            smoothed = models.smooth_model(trained, rho, normalize=normalized)
            model.set_weights(smoothed.get_weights())
            tables.append(smoothed_robustness.rows(network, model, rho, normalized))
    return pd.concat(tables, ignore_index=True)


def summary(table):
    """Return accuracies and kernels in words."""
    return smoothed_robustness.summary(table)


def figures(table, plan):
    """Draw Table 2 as curves over rho, and the kernels of each first seed as in Fig. 7."""
    kernels = {}
    for name, seed in table.groupby("recipe", sort=False)["seed"].first().items():
        model, _ = plan.cell(name, int(seed)).fit()
        for rho in (0, max(plan.settings.rhos)):
            layer = models.first_convolution(models.smooth_model(model, rho))
            title = TITLES[name] + (f", rho {rho:g}" if rho else "")
            kernels[title] = np.asarray(layer.kernel)
    return {
        "": reporting.robustness_panels(table, TITLES),
        "_kernels": reporting.kernel_pictures(kernels),
    }


def _kernels(suffix=""):
    """Roughness of adversarial kernels minus that of natural ones, as trained."""

    def effect(table):
        where = {"rho": 0, "attack": "none"}
        pair = (
            reporting.value(table, "roughness", recipe=f"{kind}{suffix}", **where)
            for kind in ("adversarial", "natural")
        )
        return reporting.difference(*pair)

    return effect


def _accuracy(table, recipe, rho, epsilon=None, loss="cross_entropy"):
    """Accuracy, clean or under PGD at an epsilon; 0 and 1 are the smallest and largest of both."""
    rho = table["rho"].max() if rho else 0
    if epsilon is None:
        return reporting.value(table, recipe=recipe, rho=rho, normalized=False, attack="none")
    epsilon = table["epsilon"].max() if epsilon else table["epsilon"].min()
    attack = {"attack": "pgd", "epsilon": epsilon, "loss": loss, "restarts": 1}
    return reporting.value(table, recipe=recipe, rho=rho, normalized=False, **attack)


def _gain(recipe, epsilon=None, loss="cross_entropy"):
    """What the strongest smoothing adds to an accuracy."""

    def effect(table):
        pair = (_accuracy(table, recipe, rho, epsilon, loss) for rho in (1, 0))
        return reporting.difference(*pair)

    return effect


def _over_adversarial(epsilon, loss="cross_entropy", longest=False):
    """A natural network with the strongest smoothing minus the adversarial one as trained."""

    def effect(table):
        # The paper's own training is long: its profile has no longer one.
        longer = longest and "natural_long" in set(table["recipe"])
        natural = _accuracy(table, "natural_long" if longer else "natural", 1, epsilon, loss)
        return reporting.difference(natural, _accuracy(table, "adversarial", 0, epsilon, loss))

    return effect


TABLE_2 = "the numbers of Table 2"
CLAIMS = (
    reporting.Claim(
        id="adversarial_kernels_smoother",
        item="Fig. 7",
        sentence="Adversarial training makes the kernels of the first layer smoother.",
        measured="roughness of 3 x 3 kernels, adversarial minus natural",
        effect=_kernels(),
        below=0,
        unit="roughness",
    ),
    reporting.Claim(
        id="adversarial_kernels_smoother_5x5",
        item="Fig. 7",
        sentence="So it does with larger kernels (the paper's appendix).",
        measured="roughness of 5 x 5 kernels, adversarial minus natural",
        effect=_kernels("_5x5"),
        below=0,
        unit="roughness",
    ),
    reporting.Claim(
        id="smoothing_costs_accuracy",
        item="Table 2",
        sentence="Smoothing the first layer of a natural network costs accuracy on clean images.",
        measured="clean accuracy, natural, largest rho minus rho 0",
        effect=_gain("natural"),
        below=0,
    ),
    reporting.Claim(
        id="smoothing_helps_natural",
        item="Table 2",
        sentence="Smoothing makes a natural network somewhat more robust.",
        measured="accuracy under PGD, smallest epsilon, natural, largest rho minus rho 0",
        effect=_gain("natural", 0),
        above=0,
        unverified=TABLE_2,
    ),
    reporting.Claim(
        id="smooth_is_not_robust",
        item="Table 2",
        sentence="Smooth kernels alone do not make a network robust: a smoothed natural network "
        "stays below an adversarially trained one.",
        measured="accuracy under PGD, smallest epsilon, natural with the largest rho minus "
        "adversarial with rho 0",
        effect=_over_adversarial(0),
        below=0,
    ),
    reporting.Claim(
        id="smoothed_beats_adversarial",
        item="Table 2",
        sentence="Against the largest perturbations a smoothed natural network beats the "
        "adversarially trained one.",
        measured="accuracy under PGD, largest epsilon, natural with the largest rho minus "
        "adversarial with rho 0",
        effect=_over_adversarial(1),
        above=0,
    ),
    reporting.Claim(
        id="smoothed_beats_adversarial_long",
        item="Table 2",
        kind="control",
        sentence="Against the largest perturbations the smoothed natural network that was trained "
        "longest beats it (as the paper's after 100 epochs, it is sure of itself).",
        measured="accuracy under PGD, largest epsilon, longest natural training with the largest "
        "rho minus adversarial with rho 0",
        effect=_over_adversarial(1, longest=True),
        above=0,
    ),
    reporting.Claim(
        id="smoothed_beats_adversarial_margin",
        item="Table 2",
        kind="control",
        sentence="It does so under the margin loss, too (which does not saturate, so that its "
        "gradient is not masked).",
        measured="accuracy under PGD with the margin loss, largest epsilon, longest natural "
        "training with the largest rho minus adversarial with rho 0",
        effect=_over_adversarial(1, "margin", longest=True),
        above=0,
    ),
    reporting.Claim(
        id="smoothing_helps_adversarial",
        item="Table 2",
        sentence="Smoothing makes an adversarially trained network more robust against the "
        "largest perturbations.",
        measured="accuracy under PGD, largest epsilon, adversarial, largest rho minus rho 0",
        effect=_gain("adversarial", 1),
        above=0,
    ),
    reporting.Claim(
        id="smoothing_harms_adversarial",
        item="Table 2",
        sentence="Against the smallest perturbations it does not: the network loses robustness.",
        measured="accuracy under PGD, smallest epsilon, adversarial, largest rho minus rho 0",
        effect=_gain("adversarial", 0),
        below=0,
        unverified=TABLE_2,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
