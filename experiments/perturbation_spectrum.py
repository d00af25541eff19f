"""Where do adversarial perturbations have their power? Spectra of FGSM and PGD by training.

Attacks the test images of each network with FGSM and PGD (L-inf, 8/255, without a random start,
which would add white noise) and takes the spectrum of what was added. Yin et al. (NeurIPS 2019)
find that perturbations of a naturally trained network are concentrated in high frequencies, and
that those of an adversarially trained one no longer are. The sign in both attacks whitens a
spectrum; read the curves against white noise and against each other. An image that is wrong anyway
is attacked, too; one whose gradient is zero stays as it is, is left out and counted. Batch
normalisation uses population statistics.
"""

import dataclasses
import functools
import sys
import warnings
from typing import ClassVar

import pandas as pd

from experiments.effects import statements
from experiments.lab import networks, runner
from experiments.recipes import heuristics
from hfc_keras import analysis, attacks, checks, reporting

KEYS = "recipe seed attack ring".split()
NAMES = ("vanilla", "batch_norm", "mix_up", "adversarial", "noise")
PAPER = "Yin et al. 2019"
ITEM = "perturbation spectra"
ATTACKS = {"fgsm": "FGSM", "pgd": "PGD"}
# Test images that the smaller profiles attack, which takes 63 passes, and steps of PGD by profile.
FEWER = {"smoke": 40, "quick": 1000}
STEPS, USUAL_STEPS = {"smoke": 4, "paper": 40}, 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(networks.Settings, heuristics.Mixed, heuristics.Noisy):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = ("attacked", "steps", "test_epsilon")

    attacked: int | None = None
    """Test images to attack. Left out: 40 for smoke, 1000 for quick, else all."""
    steps: int | None = None
    """Steps of PGD. Left out: 4 for smoke, 40 for paper, else 20."""
    test_epsilon: float = 8 / 255
    """Radius of the L-inf ball of both attacks; --epsilon is that of the adversarial training."""

    @property
    def images(self):
        """Number of images after the profile's default; None is all."""
        return self.final_examples(FEWER) if self.attacked is None else self.attacked

    def tests(self):
        """Return the attacks by name.

        Returns:
            dict from name to attacks.Fgsm or attacks.Pgd.
        """
        steps = STEPS.get(self.profile, USUAL_STEPS) if self.steps is None else self.steps
        return {
            "fgsm": attacks.Fgsm(self.test_epsilon),
            "pgd": attacks.Pgd(self.test_epsilon, steps=steps, random_start=False),
        }


def recipes(settings):
    """Return the trainings to compare, by name."""
    if settings.images is not None:
        checks.number("attacked", settings.images, minimum=1, whole=True)
    checks.require(
        settings.test_epsilon > 0,
        "`test_epsilon` must be above 0",
        test_epsilon=settings.test_epsilon,
    )
    settings.tests()
    names = ("vanilla", "batch_norm", "mix_up", "adversarial")
    return {**heuristics.heuristics(settings, names), **heuristics.noisy(settings)}


def measure(cell):
    """Return a row an attack and ring."""
    network, tables = networks.Network(cell), []
    for name, attack in cell.settings.tests().items():
        arguments = {"examples": cell.settings.images, **attack.to_dict()}
        compute = functools.partial(_measured, cell, attack)
        table = network.measured("perturbation_spectrum", arguments, compute)
        tables.append(table.assign(attack=name, epsilon=attack.epsilon))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(image_size=min(cell.dataset().image_shape[:2]))


def _measured(cell, attack, model):
    test = cell.test_images(cell.settings.images)
    with warnings.catch_warnings():
        # How many images have no gradient is a column of the table.
        warnings.filterwarnings("ignore", "The gradient of .* of the images")
        found = attacks.run(model, test.images, test.labels, attack)
    return analysis.perturbation_spectrum(test.images, found.images)


def summary(table):
    """Return the share of high frequencies in words."""
    left_out = table.groupby(["recipe", "seed", "attack"])["unchanged"].first()
    return (
        "Share of a perturbation's power beyond parts of the width (mean +- standard deviation\n"
        f"over seeds)\n\n{reporting.perturbation_table(table).to_string()}\n\n"
        f"Images without a gradient, left out: at most {left_out.max()} of "
        f"{table['examples'].max()}"
    )


def figures(table, plan):
    """Draw a panel an attack."""
    return {"": reporting.perturbation_curves(table, heuristics.TITLES)}


def _beyond_white(table):
    """Share of high frequencies of vanilla minus that of white noise, by attack and seed."""
    return {
        words: reporting.difference(
            *(
                reporting.perturbation_share(table, "vanilla", attack, column=column)
                for column in ("mean", "white")
            )
        )
        for attack, words in ATTACKS.items()
    }


def _against_vanilla(table, recipe):
    """Share of high frequencies, a recipe minus vanilla, by attack and seed."""
    return {
        words: reporting.difference(
            *(reporting.perturbation_share(table, name, attack) for name in (recipe, "vanilla"))
        )
        for attack, words in ATTACKS.items()
    }


_claim = functools.partial(statements.claim, "perturbation", PAPER, ITEM, unit="share")
SHARE = "share of the perturbation's power beyond 1/4 width, for each attack, "
CLAIMS = (
    _claim(
        "natural_high",
        "Perturbations of a naturally trained network hold more of the high frequencies than white "
        "noise does (a common belief, not the paper's: it says that they are not strictly high).",
        f"{SHARE}vanilla minus white noise",
        _beyond_white,
        above=0,
        kind="question",
    ),
    _claim(
        "adversarial_low",
        "Perturbations of an adversarially trained network have less of the high frequencies.",
        f"{SHARE}adversarial minus vanilla",
        functools.partial(_against_vanilla, recipe="adversarial"),
        below=0,
    ),
    _claim(
        "noise_low",
        "Those of a network trained with Gaussian noise have less of them, too.",
        f"{SHARE}noise minus vanilla",
        functools.partial(_against_vanilla, recipe="noise"),
        below=0,
        kind="question",
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
