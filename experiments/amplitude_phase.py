"""Amplitude-phase recombination (Chen et al., ICCV 2021) and HybridAugment (ICCV 2023).

Trains on images whose amplitude spectrum comes from another image while phase and label stay their
own: apr_p takes the amplitude from another image of the batch, apr_s from another augmented version
of the same image, apr_sp does both; hybrid takes the high frequencies from another image,
hybrid_plus also the amplitude. The plain network is trained for as many steps (recipes that pair
images see two copies of each image per step). Measured are accuracy, also by frequency, under
corruptions, attacks and shifts, Fourier sensitivity, calibration, also on corrupted images, whose
class is named where phase and amplitude are swapped, and out-of-distribution detection by the
largest logit. The paper finds that a network that relies on the phase is more robust to
corruptions and attacks, better calibrated, and better at detecting out-of-distribution images. The
paper profile uses the paper's schedule and the steps of the released code, which adds the losses of
both copies; the other profiles use their mean.
"""

import dataclasses
from typing import ClassVar

import pandas as pd
from matplotlib.figure import Figure

from experiments.effects import changes, sensitivity
from experiments.measures import all_measures, changed_images
from experiments.recipes import residual_trainings, systems
from hfc_keras import checks, data, reporting
from hfc_keras.lab import tested_networks
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.runner import Cell, Plan
from hfc_keras.lab.variants import chosen, drawn, rivals
from hfc_keras.reporting.claims.statements import (
    LESS,
    MORE,
    NO_LESS,
    Measure,
    Statement,
    claims,
    minus,
)
from hfc_keras.training import Recipe

VARIANTS = chosen(systems.ALL, ("vanilla", *systems.RECOMBINED))
# What stands here for the paper's out-of-distribution images.
OUTSIDE = "fashion_mnist"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(all_measures.Settings):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = (*all_measures.Settings.MEASURED_WITH, "outside")
    PROFILE_CHANGES: ClassVar = residual_trainings.by_profile(
        {**residual_trainings.CIFAR_TRAINING, "model": "resnet18"}
    )

    probability: float = 0.6
    """Probability that the second copy of a batch is recombined, as in the paper for CIFAR."""
    outside: tuple[str, ...] | None = None
    """Images to distinguish from the test images: data sets by name, gaussian and uniform for \
noise. Default: gaussian, uniform and fashion_mnist (the last not for smoke, nor when it is the \
data set)."""

    @property
    def outside_names(self) -> tuple[str, ...]:
        """Images from outside the task, with the profile's default filled in."""
        if self.outside is not None:
            return self.outside
        known = self.profile == "smoke" or self.dataset_name == OUTSIDE
        return data.NOISES if known else (OUTSIDE, *data.NOISES)

    def check(self) -> None:
        """Also reject images from outside the task that are not available."""
        super().check()
        all_measures.distinct("outside", self.outside_names)
        shape = self.image_shape()
        for name in set(self.outside_names) - set(data.NOISES):
            checks.require(
                name != self.dataset_name,
                "`outside` must not hold the data set itself",
                outside=self.outside_names,
            )
            found = data.load(name, self.data_dir, examples=1).test.images
            data.as_images_like(found, shape)


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    recombined = systems.recombined(settings, settings.probability)
    if settings.profile == "paper":
        recombined = {name: _added(recipe) for name, recipe in recombined.items()}
    return {"vanilla": settings.base_recipe(), **recombined}


def _added(recipe: Recipe) -> Recipe:
    """Training by SGD with the losses of both copies added, as the released code has it."""
    if recipe.recombination == "apr_s":
        return recipe
    return recipe.but(learning_rate=2 * recipe.learning_rate, weight_decay=recipe.weight_decay / 2)


def measure(cell: Cell) -> pd.DataFrame:
    """Return all measures of one network."""
    network = tested_networks.Network(cell)
    tables = [
        all_measures.rows(network),
        changed_images.calibrated(network),
        changed_images.calibrated_corrupted(network, cell.settings.severities),
        changed_images.swapped(network),
        changed_images.told_apart(network, cell.settings.outside_names),
    ]
    return pd.concat(tables, ignore_index=True)


def summary(table: pd.DataFrame) -> str:
    """Return spectra, accuracies and calibration in a few numbers."""
    errors = calibration(table).to_string()
    return f"{all_measures.summary(table)}\n\nCalibration errors\n\n{errors}"


def calibration(table: pd.DataFrame) -> pd.DataFrame:
    """Calibration errors, see ``reporting.condition_table``."""
    return reporting.condition_table(_calibration(table))


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw accuracies and shares, spectra, corruptions and calibration errors."""
    return {
        **all_measures.figures(
            table, plan, VARIANTS, "amplitude and phase", "accuracy, share or area"
        ),
        "_calibration": reporting.condition_points(
            _calibration(table), **drawn(VARIANTS), label="error"
        ),
    }


def _calibration(table: pd.DataFrame) -> pd.DataFrame:
    """Calibration errors in the column accuracy."""
    return changes.filled(table[table["measure"] == "calibration"])


CHEN, YUCEL = "Chen et al. 2021", "Yucel et al. 2023"
KINDS = {OUTSIDE: "Fashion-MNIST", **{name: f"{name} noise" for name in data.NOISES}}


def known_apart(table: pd.DataFrame, recipe: str) -> dict[str, pd.Series]:
    """Area under the curve by kind of images, by seed."""
    return {
        words: changes.share(table, recipe, "outside", (name,)) for name, words in KINDS.items()
    }


def by_phase(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Share of answers that follow the phase minus that of those that follow the amplitude."""
    return reporting.difference(
        *(changes.share(table, recipe, "swapped", (name,)) for name in ("phase", "amplitude"))
    )


CALIBRATION = changes.on(
    "root mean square calibration error on test images",
    "calibration",
    "error",
    conditions=("rms",),
)
CALIBRATION_CORRUPTED = changes.on(
    f"root mean square calibration error, mean over severities and {changes.CORRUPTIONS}",
    "calibration_corrupted",
    "error",
)
SWAPPED = Measure(
    "phase of one image and amplitude of another: share of answers that name the class of the "
    "phase minus share of those that name that of the amplitude",
    by_phase,
    "share",
)
KNOWN_APART = Measure("area under the ROC curve of the largest logit", known_apart, unit="AUROC")
STATEMENTS = (
    *(
        Statement(
            f"{name}_corrupted",
            f"{VARIANTS[name].title} makes the network more robust to corruptions.",
            changes.CORRUPTED,
            minus(name),
            MORE,
        )
        for name in ("apr_p", "apr_s", "apr_sp")
    ),
    Statement(
        "both",
        "APR-SP is more robust to corruptions than APR-P and than APR-S.",
        changes.CORRUPTED,
        minus("apr_sp", rivals(VARIANTS, ("apr_p", "apr_s"))),
        MORE,
    ),
    Statement(
        "clean",
        "APR-SP costs little accuracy on clean images.",
        changes.TEST,
        minus("apr_sp"),
        NO_LESS,
    ),
    Statement(
        "attacked",
        "APR-SP makes the network more robust to attacks even without adversarial training (the "
        "paper: with it).",
        changes.ATTACKED,
        minus("apr_sp"),
        MORE,
        kind="question",
    ),
    Statement(
        "calibration",
        "APR-SP makes the network better calibrated on clean images (the paper: on corrupted "
        "ones).",
        CALIBRATION,
        minus("apr_sp"),
        LESS,
        kind="question",
    ),
    Statement(
        "calibration_corrupted",
        "APR-SP makes the network better calibrated on corrupted images.",
        CALIBRATION_CORRUPTED,
        minus("apr_sp"),
        LESS,
        unverified="the numbers of the paper's table",
    ),
    Statement(
        "phase",
        "APR-SP makes the network go by the phase of an image rather than by the amplitude.",
        SWAPPED,
        minus("apr_sp"),
        MORE,
        kind="question",
    ),
    Statement(
        "outside",
        "APR-SP makes the network better at detecting out-of-distribution images.",
        KNOWN_APART,
        minus(
            "apr_sp",
            words="apr_sp minus vanilla, for Fashion-MNIST and for each of two kinds of noise",
        ),
        MORE,
    ),
    Statement(
        "sensitivity",
        "APR-SP moves the Fourier sensitivity to low frequencies.",
        sensitivity.LOW,
        minus("apr_sp"),
        MORE,
        kind="question",
    ),
    Statement(
        "hybrid_corrupted",
        "HybridAugment makes the network more robust to corruptions.",
        changes.CORRUPTED,
        minus("hybrid"),
        MORE,
        paper=YUCEL,
    ),
    Statement(
        "hybrid_plus_corrupted",
        "With pairs of images, HybridAugment++ is more robust to corruptions than HybridAugment "
        "and than APR-P.",
        changes.CORRUPTED,
        minus(
            "hybrid_plus",
            rivals(VARIANTS, ("hybrid", "apr_p")),
            "hybrid_plus minus each of hybrid and apr_p",
        ),
        MORE,
        paper=YUCEL,
        kind="question",
    ),
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=measure,
    keys=all_measures.KEYS,
    summary=summary,
    tables=all_measures.TABLES,
    figures=figures,
    claims=claims("recombination", "Amplitude-phase recombination", STATEMENTS, CHEN),
)


if __name__ == "__main__":
    EXPERIMENT.main()
