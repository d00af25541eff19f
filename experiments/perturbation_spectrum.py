"""Where do adversarial perturbations have their power? Spectra of FGSM and PGD by training.

Attacks the test images of each network with FGSM and PGD (L-inf, 8/255, without a random start,
which would add white noise) and takes the spectrum of the perturbation. Yin et al. (NeurIPS 2019)
find that perturbations of a naturally trained network are concentrated in high frequencies, and
that those of an adversarially trained one are not. The sign in both attacks whitens a spectrum;
compare the curves with white noise and with each other. Images that are misclassified anyway are
attacked, too; those with a zero gradient stay unchanged, and are left out and counted. Batch
normalization uses population statistics.
"""

import dataclasses
import functools
import warnings
from typing import ClassVar

import keras
import pandas as pd
from matplotlib.figure import Figure

from experiments.recipes import heuristics
from hfc_keras import analysis, attacks, checks, reporting
from hfc_keras.lab import tested_networks
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.runner import Cell, Plan
from hfc_keras.lab.variants import drawn
from hfc_keras.reporting.claims.statements import (
    LESS,
    MORE,
    Measure,
    Statement,
    alone,
    claims,
    minus,
)
from hfc_keras.reporting.effects.perturbations import perturbation_share
from hfc_keras.reporting.figures.perturbations import (
    perturbation_curves,
    perturbation_table,
)
from hfc_keras.training import Recipe

KEYS = "recipe seed attack ring".split()
ATTACKS = {"fgsm": "FGSM", "pgd": "PGD"}
# Test images that the smaller profiles attack, which takes 63 passes, and steps of PGD by profile.
FEWER = {"smoke": 40, "quick": 1000}
STEPS, USUAL_STEPS = {"smoke": 4, "paper": 40}, 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(tested_networks.Settings, heuristics.Mixed, heuristics.Noisy):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = ("attacked", "steps", "test_epsilon")

    attacked: int | None = None
    """Test images to attack. Default: 40 for smoke, 1000 for quick, else all."""
    steps: int | None = None
    """Steps of PGD. Default: 4 for smoke, 40 for paper, else 20."""
    test_epsilon: float = 8 / 255
    """Radius of the L-inf ball of both attacks; --epsilon is that of the adversarial training."""

    def check(self) -> None:
        """Also reject invalid attacks."""
        super().check()
        if self.images is not None:
            checks.number("attacked", self.images, minimum=1, whole=True)
        checks.require(
            self.test_epsilon > 0, "`test_epsilon` must be above 0", test_epsilon=self.test_epsilon
        )
        self.tests()

    @property
    def images(self) -> int | None:
        """Number of images, with the profile's default filled in; None is all."""
        return self.final_examples(FEWER) if self.attacked is None else self.attacked

    def tests(self) -> dict[str, attacks.Fgsm | attacks.Pgd]:
        """Return the attacks by name.

        Returns:
            dict from name to attacks.Fgsm or attacks.Pgd.
        """
        steps = STEPS.get(self.profile, USUAL_STEPS) if self.steps is None else self.steps
        return {
            "fgsm": attacks.Fgsm(self.test_epsilon),
            "pgd": attacks.Pgd(self.test_epsilon, steps=steps, random_start=False),
        }


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    names = ("vanilla", "batch_norm", "mix_up", "adversarial")
    return {**heuristics.heuristics(settings, names), **heuristics.noisy(settings)}


def measure(cell: Cell) -> pd.DataFrame:
    """Return one row per attack and ring."""
    network, tables = tested_networks.Network(cell), []
    for name, attack in cell.settings.tests().items():
        arguments = {"examples": cell.settings.images, **attack.to_dict()}
        compute = functools.partial(_compute, cell, attack)
        table = network.measured("perturbation_spectrum", arguments, compute)
        tables.append(table.assign(attack=name, epsilon=attack.epsilon))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(image_size=min(cell.dataset().image_shape[:2]))


def _compute(cell: Cell, attack: attacks.Fgsm | attacks.Pgd, model: keras.Model) -> pd.DataFrame:
    test = cell.test_images(cell.settings.images)
    with warnings.catch_warnings():
        # How many images have no gradient is a column of the table.
        warnings.filterwarnings("ignore", "The gradient of .* of the images")
        found = attacks.run(model, test.images, test.labels, attack)
    return analysis.perturbation_spectrum(test.images, found.images)


def summary(table: pd.DataFrame) -> str:
    """Return the share of high frequencies in words."""
    left_out = table.groupby(["recipe", "seed", "attack"])["unchanged"].first()
    return (
        "Share of a perturbation's power beyond parts of the width (mean +- standard deviation\n"
        f"over seeds)\n\n{perturbation_table(table).to_string()}\n\n"
        f"Images without a gradient, left out: at most {left_out.max()} of "
        f"{table['examples'].max()}"
    )


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw one panel per attack."""
    return {"": perturbation_curves(table, **drawn(heuristics.VARIANTS))}


def share(table: pd.DataFrame, recipe: str, column: str = "mean") -> dict[str, pd.Series]:
    """Share of high frequencies by attack and seed."""
    return {
        words: perturbation_share(table, recipe, attack, column=column)
        for attack, words in ATTACKS.items()
    }


def beyond_white(table: pd.DataFrame, recipe: str) -> dict[str, pd.Series]:
    """Share of high frequencies minus that of white noise, by attack and seed."""
    white = share(table, recipe, "white")
    return {
        words: reporting.difference(own, white[words])
        for words, own in share(table, recipe).items()
    }


WORDS = "share of the perturbation's power beyond 1/4 width, for each attack"
SHARE, BEYOND_WHITE = Measure(WORDS, share, "share"), Measure(WORDS, beyond_white, "share")
STATEMENTS = (
    Statement(
        "natural_high",
        "Perturbations of a naturally trained network have a larger high-frequency share than "
        "white noise (a common belief, not the paper's, which says that they are not strictly "
        "high-frequency).",
        BEYOND_WHITE,
        alone("vanilla", "vanilla minus white noise"),
        MORE,
        kind="question",
    ),
    Statement(
        "adversarial_low",
        "Perturbations of an adversarially trained network have a smaller high-frequency share.",
        SHARE,
        minus("adversarial"),
        LESS,
    ),
    Statement(
        "noise_low",
        "Perturbations of a network trained with Gaussian noise have a smaller high-frequency "
        "share.",
        SHARE,
        minus("noise"),
        LESS,
        kind="question",
    ),
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=measure,
    keys=KEYS,
    summary=summary,
    figures=figures,
    claims=claims("perturbation", "perturbation spectra", STATEMENTS, "Yin et al. 2019"),
)


if __name__ == "__main__":
    EXPERIMENT.main()
