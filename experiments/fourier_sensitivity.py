"""Fourier sensitivity of networks (Krishnamachari et al., TMLR 2022): data, training, architecture.

Takes the gradient of the loss with respect to the test images and asks which frequencies it has:
the share of each ring of frequencies in its power, by network. The paper finds that the curve
depends on the data set, on how the network was trained (adversarial training moves it to low
frequencies, Gaussian noise changes it slightly) and on its architecture, and that a standard
network on CIFAR-10 is most sensitive near the Nyquist frequency. Batch normalisation uses
population statistics. For photographs give a folder of class folders, such as --dataset photos
--image-size 224 --recipes vanilla.
"""

import dataclasses
import functools
import sys
from typing import ClassVar, Literal

import numpy as np

from experiments.effects import statements
from experiments.lab import networks, runner
from experiments.lab.profiles import TMLR_TRAINING
from experiments.measures import sensitivity
from experiments.recipes import heuristics
from hfc_keras import reporting

KEYS = "recipe seed ring".split()
TITLES = heuristics.TITLES
PANELS = {
    "training": ["vanilla", "dropout", "mix_up", "batch_norm"],
    "robust training": ["vanilla", "adversarial", "noise", "low_pass"],
    "architecture": ["vanilla", *heuristics.ARCHITECTURES, "sgd_batch_norm"],
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(
    networks.Settings, heuristics.Heuristics, heuristics.Augmented, heuristics.Architectures
):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = ("channels", "rings")
    PROFILE_CHANGES: ClassVar = {"paper": TMLR_TRAINING}

    channels: Literal["mean", "power"] = "mean"
    """mean: of the gradient over channels, as in the paper. power: summed over channels."""
    rings: Literal["sum", "mean"] = "sum"
    """sum: of the power on a ring, as in the paper. mean: over the coefficients of a ring."""
    image_size: int | None = None
    """Side in pixels to which images are resized. Left out: as they are."""

    def base_recipe(self):
        """Vanilla training, on resized images where that is asked for."""
        return super().base_recipe().but(image_size=self.image_size)


def recipes(settings):
    """Return the trainings to compare, by name."""
    return {
        **heuristics.heuristics(settings),
        **heuristics.augmented(settings),
        **heuristics.architectures(settings),
        **heuristics.residual(settings),
    }


def measure(cell):
    """Return the spectrum of one network."""
    return sensitivity.rows(networks.Network(cell), cell.settings.channels, cell.settings.rings)


def summary(table):
    """Return each spectrum in a few numbers."""
    return (
        "Fourier sensitivity (mean +- standard deviation over seeds; low, mid, high: share of the\n"
        "rings up to a third of Nyquist, two thirds, beyond; peak, centre: cycles per image)\n\n"
        f"{reporting.sensitivity_table(table).to_string()}"
    )


def figures(table, plan):
    """Draw the spectra of trainings and of architectures."""
    return {"": reporting.sensitivity_curves(table, PANELS, TITLES)}


_claim = functools.partial(
    statements.claim, "sensitivity", sensitivity.PAPER, "Fourier sensitivity", unit="share"
)


def _peak(recipe, table):
    """Ring with the largest share over the Nyquist frequency."""
    nyquist = table["image_size"].iloc[0] / 2
    return sensitivity.number("peak", table, recipe) / nyquist


def _beyond_white(recipe, table):
    """Share beyond two thirds of Nyquist, a recipe minus white noise."""
    size = table["image_size"].iloc[0]
    white = table[(table["recipe"] == recipe) & (table["ring"] > size // 3)]
    white = white.groupby("seed")["white"].sum()
    return reporting.difference(sensitivity.number("high", table, recipe), white)


def _less_than_adversarial(table):
    """How much more adversarial training moves the centre than noise does, in absolute value."""
    moved = (sensitivity.shift("centre", table, one).abs() for one in ("adversarial", "noise"))
    return reporting.difference(*moved)


def _other_data(table):
    """Distance between two data sets' centres over Nyquist, minus that between two seeds."""
    centres = {
        name: sensitivity.number("centre", rows, "vanilla") / (rows["image_size"].iloc[0] / 2)
        for name, rows in table.groupby("dataset", sort=False)
    }
    own, other = centres.values()
    between_seeds = (own - np.roll(own, 1)).abs()
    return reporting.difference(reporting.difference(own, other).abs(), between_seeds)


def _apart(table):
    """Distance of the centre from ResNet's, minus that of ResNet's next seed, by seed."""
    own = sensitivity.number("centre", table, "vanilla")
    between_seeds = (own - np.roll(own, 1)).abs()
    apart = {
        TITLES[other]: sensitivity.shift("centre", table, other).abs()
        for other in heuristics.ARCHITECTURES
    }
    return {title: reporting.difference(each, between_seeds) for title, each in apart.items()}


CLAIMS = (
    *(
        _claim(
            f"nyquist{name}",
            f"{words} is most sensitive near the Nyquist frequency (the paper: on CIFAR-10).",
            f"ring with the largest share over the Nyquist frequency, {recipe}",
            functools.partial(_peak, recipe),
            above=0.75,
            below=1.25,
            unit="Nyquist frequencies",
            kind="control" if name else "paper",
        )
        for name, words, recipe in (
            ("", "A standard network (it has BatchNorm)", "batch_norm"),
            ("_vanilla", "A network without BatchNorm", "vanilla"),
        )
    ),
    _claim(
        "not_white",
        "A standard network is more sensitive to the high frequencies than white noise would be.",
        "share beyond two thirds of Nyquist, batch_norm minus white noise",
        functools.partial(_beyond_white, "batch_norm"),
        above=0,
        kind="question",
    ),
    _claim(
        "adversarial",
        "Adversarial training moves the sensitivity to low frequencies.",
        "centre of the spectrum in cycles per image, adversarial minus vanilla",
        functools.partial(sensitivity.shift, "centre", recipe="adversarial"),
        below=0,
        unit="cycles",
    ),
    _claim(
        "noise",
        "Training with Gaussian noise changes it less than adversarial training does.",
        "distance of the centre from vanilla's, in cycles per image, adversarial minus noise",
        _less_than_adversarial,
        above=0,
        unit="cycles",
    ),
    _claim(
        "low_pass",
        "Training on low frequencies alone moves it to low frequencies.",
        "share up to a third of Nyquist, low_pass minus vanilla",
        functools.partial(sensitivity.shift, "low", recipe="low_pass"),
        above=0,
        kind="question",
    ),
    _claim(
        "batch_norm",
        "BatchNorm makes the gradient hold more of the high frequencies.",
        "share beyond two thirds of Nyquist, batch_norm minus vanilla",
        functools.partial(sensitivity.shift, "high", recipe="batch_norm"),
        above=0,
        kind="question",
    ),
    _claim(
        "dataset",
        "Sensitivity depends on the data set, beyond what seeds do (the other one here: "
        "Fashion-MNIST).",
        "distance between the centres of the two data sets' spectra minus that between two seeds, "
        "over the Nyquist frequency, vanilla",
        _other_data,
        above=0,
        unit="Nyquist frequencies",
        other_dataset="fashion_mnist",
    ),
    _claim(
        "architecture",
        "Sensitivity depends on the architecture, beyond what seeds do.",
        "distance of the centre from ResNet's minus that between two seeds of ResNet, in "
        "cycles per image",
        _apart,
        above=0,
        unit="cycles",
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
