"""Fourier sensitivity of networks (Krishnamachari et al., TMLR 2022): data, training, architecture.

Takes the gradient of the loss with respect to the test images and measures which frequencies it
contains: the share of its power in each ring of frequencies, for each network. The paper finds that
the curve depends on the data set, on how the network was trained (adversarial training moves it to
low frequencies, Gaussian noise changes it slightly) and on its architecture, and that a standard
network on CIFAR-10 is most sensitive near the Nyquist frequency. Batch normalization uses
population statistics. For photographs, give a folder of class folders, for example --dataset photos
--image-size 224 --recipes vanilla.
"""

import dataclasses
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.effects import sensitivity
from experiments.measures import fourier_sensitivity
from experiments.recipes import heuristics
from hfc_keras import reporting
from hfc_keras.lab import tested_networks
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.profiles import TMLR_TRAINING
from hfc_keras.lab.runner import Cell, Plan
from hfc_keras.lab.variants import drawn, rivals
from hfc_keras.reporting.claims.statements import (
    LESS,
    MORE,
    Bound,
    Measure,
    Statement,
    alone,
    claims,
    minus,
)
from hfc_keras.training import Recipe

KEYS = "recipe seed ring".split()
VARIANTS = heuristics.VARIANTS
PANELS = {
    "training": ["vanilla", "dropout", "mix_up", "batch_norm"],
    "robust training": ["vanilla", "adversarial", "noise", "low_pass"],
    "architecture": ["vanilla", *heuristics.ARCHITECTURES, "sgd_batch_norm"],
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(
    tested_networks.Settings, heuristics.Heuristics, heuristics.Augmented, heuristics.Architectures
):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = ("channels", "rings")
    PROFILE_CHANGES: ClassVar = {"paper": TMLR_TRAINING}

    channels: Literal["mean", "power"] = "mean"
    """mean: of the gradient over channels, as in the paper. power: summed over channels."""
    rings: Literal["sum", "mean"] = "sum"
    """sum: of the power on a ring, as in the paper. mean: over the coefficients of a ring."""


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    return {
        **heuristics.heuristics(settings),
        **heuristics.augmented(settings),
        **heuristics.architectures(settings),
        **heuristics.residual(settings),
    }


def measure(cell: Cell) -> pd.DataFrame:
    """Return the spectrum of one network."""
    return fourier_sensitivity.rows(
        tested_networks.Network(cell), cell.settings.channels, cell.settings.rings
    )


def summary(table: pd.DataFrame) -> str:
    """Return each spectrum in a few numbers."""
    return (
        "Fourier sensitivity (mean +- standard deviation over seeds; low, mid, high: share of the\n"
        "rings up to a third of Nyquist, two thirds, beyond; peak, centre: cycles per image)\n\n"
        f"{reporting.sensitivity_table(table).to_string()}"
    )


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw the spectra of trainings and of architectures."""
    return {"": reporting.sensitivity_curves(table, PANELS, **drawn(VARIANTS))}


def peak(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Ring with the largest share over the Nyquist frequency, by seed."""
    nyquist = table["image_size"].iloc[0] / 2
    return sensitivity.number(table, recipe, "peak") / nyquist


def beyond_white(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Share beyond two thirds of Nyquist, a recipe minus white noise, by seed."""
    size = table["image_size"].iloc[0]
    white = table[(table["recipe"] == recipe) & (table["ring"] > size // 3)]
    white = white.groupby("seed")["white"].sum()
    return reporting.difference(sensitivity.number(table, recipe, "high"), white)


def distance(table: pd.DataFrame, recipe: str) -> pd.Series:
    """How far the center of a recipe is from vanilla's, by seed."""
    return sensitivity.moved(table, recipe, "centre").abs()


def between_seeds(centre: pd.Series) -> pd.Series:
    """How far the center is from that of the next seed."""
    return (centre - np.roll(centre, 1)).abs()


def other_data(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Distance between two data sets' centers over Nyquist, minus that between two seeds."""
    centres = {
        name: sensitivity.number(rows, recipe, "centre") / (rows["image_size"].iloc[0] / 2)
        for name, rows in table.groupby("dataset", sort=False)
    }
    own, other = centres.values()
    return reporting.difference(reporting.difference(own, other).abs(), between_seeds(own))


def apart(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Distance of the center from ResNet's, minus that of ResNet's next seed, by seed."""
    own = sensitivity.number(table, "vanilla", "centre")
    return reporting.difference(distance(table, recipe), between_seeds(own))


PEAK = Measure(
    "ring with the largest share over the Nyquist frequency", peak, "Nyquist frequencies"
)
NEAR_NYQUIST = Bound(above=0.75, below=1.25)
STATEMENTS = (
    Statement(
        "nyquist",
        "A standard network (it has BatchNorm) is most sensitive near the Nyquist frequency (the "
        "paper: on CIFAR-10).",
        PEAK,
        alone("batch_norm"),
        NEAR_NYQUIST,
    ),
    Statement(
        "nyquist_vanilla",
        "A network without BatchNorm is most sensitive near the Nyquist frequency (the paper: on "
        "CIFAR-10).",
        PEAK,
        alone("vanilla"),
        NEAR_NYQUIST,
        kind="control",
    ),
    Statement(
        "not_white",
        "The gradient of a standard network has a larger high-frequency share than white noise.",
        Measure("share beyond two thirds of Nyquist", beyond_white, "share"),
        alone("batch_norm", "batch_norm minus white noise"),
        MORE,
        kind="question",
    ),
    Statement(
        "adversarial",
        "Adversarial training moves the sensitivity to low frequencies.",
        sensitivity.CENTRE,
        minus("adversarial"),
        LESS,
    ),
    Statement(
        "noise",
        "Training with Gaussian noise changes the sensitivity less than adversarial training does.",
        Measure(
            "distance of the mean frequency from vanilla's, in cycles per image", distance, "cycles"
        ),
        minus("adversarial", "noise"),
        MORE,
    ),
    Statement(
        "low_pass",
        "Training on low frequencies alone moves the sensitivity to low frequencies.",
        sensitivity.LOW,
        minus("low_pass"),
        MORE,
        kind="question",
    ),
    Statement(
        "batch_norm",
        "BatchNorm increases the high-frequency share of the gradient.",
        sensitivity.HIGH,
        minus("batch_norm"),
        MORE,
        kind="question",
    ),
    Statement(
        "dataset",
        "The sensitivity differs more between data sets than between seeds (the other data set "
        "here: Fashion-MNIST).",
        Measure(
            "distance between the mean frequencies of the two data sets' spectra minus that "
            "between two seeds, over the Nyquist frequency",
            other_data,
            "Nyquist frequencies",
        ),
        alone("vanilla"),
        MORE,
        other_dataset="fashion_mnist",
    ),
    Statement(
        "architecture",
        "The sensitivity differs more between architectures than between seeds.",
        Measure(
            "distance of the mean frequency from ResNet's minus that between two seeds of ResNet, "
            "in cycles per image",
            apart,
            "cycles",
        ),
        alone(rivals(VARIANTS, heuristics.ARCHITECTURES)),
        MORE,
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
    claims=claims("sensitivity", "Fourier sensitivity", STATEMENTS, sensitivity.PAPER),
)


if __name__ == "__main__":
    EXPERIMENT.main()
