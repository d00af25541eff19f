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

from experiments import robustness, runner
from hfc_keras import checks, models, reporting

KEYS = robustness.KEYS
TITLES = {
    "natural": "natural, 3 x 3",
    "natural_long": "natural, 3 x 3, 5 x as long",
    "adversarial": "adversarial, 3 x 3",
    "natural_5x5": "natural, 5 x 5",
    "adversarial_5x5": "adversarial, 5 x 5",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(robustness.Settings):
    """Settings of this experiment."""

    MEASURED_WITH = (*robustness.Settings.MEASURED_WITH, "rhos")

    rhos: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 1.0)
    """Strengths of smoothing; 0 is the network as trained."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    rhos = [checks.number("rhos", rho, minimum=0) for rho in settings.rhos]
    distinct = len(set(rhos)) == len(rhos)
    checks.require(distinct and 0 in rhos, "`rhos` must differ and hold 0, as trained", rhos=rhos)
    natural = settings.base_recipe()
    adversarial = natural.but(adversary=settings.attack())
    chosen = {"natural": natural, "adversarial": adversarial}
    # Masked gradients need a network that is sure of itself, as the paper's is after 100 epochs.
    if settings.profile != "paper":
        chosen["natural_long"] = natural.but(epochs=5 * natural.epochs)
    # The residual networks for small images alone take another first layer.
    if natural.model in ("resnet8", "resnet20", "resnet32", "resnet44"):
        larger = {"first_kernel": 5}
        chosen["natural_5x5"] = natural.but(options=larger)
        chosen["adversarial_5x5"] = adversarial.but(options=larger)
    return chosen


def measure(cell):
    """Return the rows of one training, at every rho, as eq. 3 stands and normalised."""
    trained, _ = cell.fit()
    # One model takes the weights of all, so that its attacks are compiled once.
    model, tables = models.smooth_model(trained, 0), []
    for rho in cell.settings.rhos:
        for normalized in (False, True) if rho else (False,):
            smoothed = models.smooth_model(trained, rho, normalize=normalized)
            model.set_weights(smoothed.get_weights())
            tables.append(robustness.rows(cell, model, rho, normalized))
    return pd.concat(tables, ignore_index=True)


def summary(table):
    """Return accuracies and kernels in words."""
    return robustness.summary(table)


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


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
