"""Fourier heat maps of networks (Yin et al., NeurIPS 2019): error under a wave of each frequency.

Adds a wave of one frequency to the test images, before the network normalises them, and counts how
many are then wrong; for every frequency, with the same norm. The paper finds that a naturally
trained network is sensitive to waves of all but the lowest frequencies, and that adversarial
training and training with Gaussian noise make it robust to high frequencies at the cost of low
ones. A network trained on low-pass images stands beside them; it is tested on whole images. Batch
normalisation uses population statistics. Error rates are also of images that are wrong anyway: the
claims, and a second figure, are about the rise over the error on clean images.
"""

import dataclasses
import functools
import math
import sys
from typing import ClassVar

import numpy as np
import pandas as pd

from experiments.effects import statements
from experiments.lab import networks, runner
from experiments.recipes import heuristics
from hfc_keras import analysis, checks, gradients, reporting

KEYS = "recipe seed row column".split()
NAMES = ("vanilla", "batch_norm", "adversarial", "noise", "low_pass")
PAPER = "Yin et al. 2019"
ITEM = "Fourier heat maps"
# Test images that waves are added to, the paper's number; each takes 514 passes.
IMAGES, FEWER = 1000, {"smoke": 40, "quick": 500}
ROBUST = ("adversarial", "noise")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(networks.Settings, heuristics.Normalized, heuristics.Augmented):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = ("norm", "measured")

    norm: float | None = None
    """L2 norm of the wave in each channel. Left out: 4 at 32 pixels, in proportion to the width."""
    measured: int | None = None
    """Test images to add waves to. Left out: 40 for smoke, 500 for quick, else 1000."""

    @property
    def images(self):
        """Number of images after the profile's default."""
        return FEWER.get(self.profile, IMAGES) if self.measured is None else self.measured


def recipes(settings):
    """Return the trainings to compare, by name."""
    checks.number("measured", settings.images, minimum=1, whole=True)
    if settings.norm is not None:
        checks.number("norm", settings.norm, minimum=0)
    found = heuristics.heuristics(settings, ("vanilla", "batch_norm", "adversarial"))
    return {**found, **heuristics.augmented(settings)}


def measure(cell):
    """Return a row a frequency."""
    arguments = {"examples": cell.settings.images, "norm": cell.settings.norm}
    network = networks.Network(cell)
    table = network.measured("fourier_heat_map", arguments, functools.partial(_rows, cell))
    rise = table["error"] - table["clean_error"]
    return table.assign(rise=rise, classes=cell.dataset().classes)


def _rows(cell, model):
    """Error rate under each frequency, signed and in cycles per image, and on clean images."""
    test, norm = cell.test_images(cell.settings.images), cell.settings.norm
    errors = analysis.fourier_heat_map(model, test.images, test.labels, norm)
    height, width = errors.shape
    rows, columns = np.indices(errors.shape)
    predicted = gradients.predicted(model, test.images).argmax(axis=1)
    return pd.DataFrame(
        {
            "row": (rows - height // 2).ravel(),
            "column": (columns - width // 2).ravel(),
            "error": errors.ravel(),
            "clean_error": float((predicted != test.labels).mean()),
            "examples": len(test),
        }
    )


def summary(table):
    """Return clean errors and what waves add to them."""
    return (
        "Error rate on clean images, and its rise under waves by distance to the zero frequency\n"
        "(parts of the width; mean +- standard deviation over seeds)\n\n"
        f"{reporting.heat_map_table(table).to_string()}"
    )


def figures(table, plan):
    """Draw a heat map a recipe: error rates, and their rise over the error on clean images."""
    return {
        "": reporting.heat_map_panels(table, heuristics.TITLES),
        "_rise": reporting.heat_map_panels(table, heuristics.TITLES, rise=True),
    }


def _all_but_lowest(table, recipe):
    """Rise of a recipe in each band minus its rise at the lowest frequencies, by seed."""
    lowest = reporting.heat_map_rise(table, recipe, 0, 1 / 16)
    bands = {"1/8 to 1/4": (1 / 8, 1 / 4), "1/4 to 3/8": (1 / 4, 3 / 8)}
    bands["from 3/8"] = (3 / 8, math.inf)
    return {
        f"{words} width": reporting.difference(
            reporting.heat_map_rise(table, recipe, *band), lowest
        )
        for words, band in bands.items()
    }


def _against_vanilla(table, inner, outer):
    """Rise of each robust training minus that of vanilla, by seed."""
    vanilla = reporting.heat_map_rise(table, "vanilla", inner, outer)
    return {
        name: reporting.difference(reporting.heat_map_rise(table, name, inner, outer), vanilla)
        for name in ROBUST
    }


_claim = functools.partial(statements.claim, "heat_map", PAPER, ITEM, unit="error rate")
CLAIMS = (
    *(
        _claim(
            f"natural{name}",
            f"{words} is sensitive to waves of all but the lowest frequencies.",
            f"rise of the error rate, {recipe}, in each band of frequencies from 1/8 width minus "
            "below 1/16 width",
            functools.partial(_all_but_lowest, recipe=recipe),
            above=0,
            kind="control" if name else "paper",
        )
        for name, words, recipe in (
            ("", "A naturally trained network (it has BatchNorm)", "batch_norm"),
            ("_vanilla", "A network without BatchNorm", "vanilla"),
        )
    ),
    _claim(
        "high",
        "Adversarial training and training with noise make a network robust to high frequencies.",
        "rise of the error rate under waves from 1/4 width, each of them minus vanilla",
        functools.partial(_against_vanilla, inner=1 / 4, outer=math.inf),
        below=0,
    ),
    _claim(
        "low",
        "Both make it less robust to low frequencies.",
        "rise of the error rate under waves below 1/8 width, each of them minus vanilla",
        functools.partial(_against_vanilla, inner=0, outer=1 / 8),
        above=0,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
