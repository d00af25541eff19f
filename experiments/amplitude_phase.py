"""Amplitude-phase recombination (Chen et al., ICCV 2021) and HybridAugment (ICCV 2023).

Trains a network on images whose amplitude spectrum is another's while the phase and the label are
its own: apr_p takes the amplitude from another image of the batch, apr_s from another version of
the same image, apr_sp does both; hybrid gives an image the high frequencies of another, hybrid_plus
also the amplitude. Measured against the plain network after as many steps (those with pairs see
two copies of each image a step): accuracy, also by frequency, under corruptions, attacks and
shifts, Fourier sensitivity, calibration, and how well the largest logit tells other images apart.
The paper finds that a network which relies on the phase is more robust to corruptions and attacks,
better calibrated, and better at telling images it does not know. The paper profile has its
schedule, and the steps of the released code, which adds the losses of both copies; elsewhere the
loss is their mean.
"""

import dataclasses
import functools
import sys
from typing import ClassVar

import pandas as pd

from experiments.effects import statements
from experiments.lab import networks, runner
from experiments.measures import battery, changed_images
from experiments.recipes import heuristics, systems
from hfc_keras import checks, data, reporting

KEYS = battery.KEYS
TABLES = battery.TABLES
TITLES = {name: heuristics.TITLES[name] for name in ("vanilla", *systems.RECOMBINED)}
# What the paper's kind of images that a network does not know is here.
OUTSIDE = "fashion_mnist"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(battery.Settings):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = (*battery.Settings.MEASURED_WITH, "outside")
    PROFILE_CHANGES: ClassVar = battery.by_profile({**battery.CIFAR_TRAINING, "model": "resnet18"})

    probability: float = 0.6
    """Probability that the second copy of a batch is recombined, as in the paper for CIFAR."""
    outside: tuple[str, ...] | None = None
    """Images to tell apart from the test images: data sets by name, gaussian and uniform for \
noise. Left out: gaussian uniform, and fashion_mnist but for smoke and for itself."""

    @property
    def outside_names(self):
        """Images of other kinds after the profile's default."""
        if self.outside is not None:
            return self.outside
        known = self.profile == "smoke" or self.dataset_name == OUTSIDE
        return data.NOISES if known else (OUTSIDE, *data.NOISES)

    def base_recipe(self):
        """Vanilla training, after a check of the images of other kinds, which must be there."""
        battery.distinct("outside", self.outside_names)
        shape = self.image_shape()
        for name in set(self.outside_names) - set(data.NOISES):
            checks.require(
                name != self.dataset_name,
                "`outside` must not hold the data set itself",
                outside=self.outside_names,
            )
            found = data.load(name, self.data_dir, examples=1).test.images
            data.as_images_like(found, shape)
        return super().base_recipe()


def recipes(settings):
    """Return the trainings to compare, by name."""
    chosen = systems.recombined(settings, settings.probability)
    if settings.profile == "paper":
        chosen = {name: _added(recipe) for name, recipe in chosen.items()}
    return {"vanilla": settings.base_recipe(), **chosen}


def _added(recipe):
    """Training by SGD with the losses of both copies added, as the released code has it."""
    if recipe.recombination == "apr_s":
        return recipe
    return recipe.but(learning_rate=2 * recipe.learning_rate, weight_decay=recipe.weight_decay / 2)


def measure(cell):
    """Return all measures of one network."""
    network = networks.Network(cell)
    tables = [
        battery.rows(network),
        changed_images.calibrated(network),
        changed_images.told_apart(network, cell.settings.outside_names),
    ]
    return pd.concat(tables, ignore_index=True)


def summary(table):
    """Return spectra, accuracies and calibration in a few numbers."""
    errors = calibration(table).to_string()
    return f"{battery.summary(table)}\n\nCalibration errors\n\n{errors}"


def calibration(table):
    """Calibration errors, as of ``reporting.condition_table``."""
    return reporting.condition_table(_calibration(table))


def figures(table, plan):
    """Draw accuracies and shares, spectra, corruptions and calibration errors."""
    return {
        **battery.figures(table, TITLES, "amplitude and phase", "accuracy, share or area"),
        "_calibration": reporting.condition_points(_calibration(table), TITLES, "error"),
    }


def _calibration(table):
    """Calibration errors in the column accuracy."""
    return battery.filled(table[table["measure"] == "calibration"])


_claim = functools.partial(
    statements.claim, "recombination", "Chen et al. 2021", "Amplitude-phase recombination"
)
_hybrid = functools.partial(
    statements.claim, "recombination", "Yucel et al. 2023", "Amplitude-phase recombination"
)


def _outside(table):
    """What APR-SP adds to the area under the curve, by kind of images."""
    kinds = {OUTSIDE: "Fashion-MNIST", **{name: f"{name} noise" for name in data.NOISES}}
    return {
        words: battery.gain("apr_sp", "outside", table, conditions=(name,))
        for name, words in kinds.items()
    }


CLAIMS = (
    *(
        _claim(
            f"{name}_corrupted",
            f"{TITLES[name]} makes the network more robust to corruptions.",
            f"accuracy, mean over severities and {battery.CORRUPTIONS}, {name} minus vanilla",
            functools.partial(battery.gain, name, "corrupted"),
            above=0,
        )
        for name in ("apr_p", "apr_s", "apr_sp")
    ),
    _claim(
        "both",
        "APR-SP is more robust to corruptions than each of its halves.",
        f"accuracy, mean over severities and {battery.CORRUPTIONS}, apr_sp minus each of apr_p and "
        "apr_s",
        functools.partial(battery.gains, "apr_sp", "corrupted", ("apr_p", "apr_s")),
        above=0,
    ),
    _claim(
        "clean",
        "APR-SP costs little accuracy on clean images.",
        "accuracy on test images, apr_sp minus vanilla",
        functools.partial(battery.gain, "apr_sp", "clean"),
        above=-reporting.EQUIVALENCE,
    ),
    _claim(
        "attacked",
        "Without adversarial training, too, APR-SP makes the network more robust to attacks (the "
        "paper: with it).",
        "accuracy under PGD, mean over epsilons, apr_sp minus vanilla",
        functools.partial(battery.gain, "apr_sp", "attacked", conditions=("pgd",)),
        above=0,
        kind="question",
    ),
    _claim(
        "calibration",
        "APR-SP makes the network better calibrated on clean images (the paper: on corrupted "
        "ones).",
        "root mean square calibration error on test images, apr_sp minus vanilla",
        functools.partial(battery.gain, "apr_sp", "calibration", conditions=("rms",)),
        below=0,
        unit="error",
        kind="question",
    ),
    _claim(
        "outside",
        "APR-SP makes the network better at telling images it does not know.",
        "area under the ROC curve of the largest logit, apr_sp minus vanilla, for Fashion-MNIST "
        "and for each of two kinds of noise",
        _outside,
        above=0,
        unit="AUROC",
    ),
    _claim(
        "sensitivity",
        "APR-SP moves the Fourier sensitivity to low frequencies.",
        "share up to a third of Nyquist, apr_sp minus vanilla",
        functools.partial(battery.shift, "low", "apr_sp"),
        above=0,
        unit="share",
        kind="question",
    ),
    _hybrid(
        "hybrid_corrupted",
        "HybridAugment makes the network more robust to corruptions.",
        f"accuracy, mean over severities and {battery.CORRUPTIONS}, hybrid minus vanilla",
        functools.partial(battery.gain, "hybrid", "corrupted"),
        above=0,
    ),
    _hybrid(
        "hybrid_plus_corrupted",
        "Of pairs, HybridAugment++ is more robust to corruptions than HybridAugment and than "
        "APR-P.",
        f"accuracy, mean over severities and {battery.CORRUPTIONS}, hybrid_plus minus each of them",
        functools.partial(battery.gains, "hybrid_plus", "corrupted", ("hybrid", "apr_p")),
        above=0,
        kind="question",
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
