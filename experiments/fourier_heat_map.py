"""Fourier heat maps of networks (Yin et al., NeurIPS 2019): error under noise of each frequency.

Adds a wave of one frequency to the test images, before the network normalizes them, and measures
the error rate; this is repeated for every frequency, with the same norm. The paper finds that a
naturally trained network is sensitive to noise of all but the lowest frequencies, and that
adversarial training and training with Gaussian noise make it robust to high frequencies at the cost
of low ones. A network trained on low-pass images is included for comparison; it is tested on whole
images. Batch normalization uses population statistics. Error rates include images that are
misclassified even without noise, so the claims and a second figure use the increase over the clean
error.
"""

import dataclasses
import functools
import math
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.recipes import heuristics
from hfc_keras import analysis, checks, gradients, reporting
from hfc_keras.lab import tested_networks
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.runner import Cell, Plan
from hfc_keras.lab.variants import titles
from hfc_keras.reporting.claims.statements import (
    LESS,
    MORE,
    Measure,
    Statement,
    alone,
    claims,
    each,
)
from hfc_keras.reporting.figures.heat_maps import heat_map_panels, heat_map_rise, heat_map_table
from hfc_keras.training import Recipe

KEYS = "recipe seed row column".split()
# Test images that waves are added to, the paper's number; each takes 514 passes.
IMAGES, FEWER = 1000, {"smoke": 40, "quick": 500}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(tested_networks.Settings, heuristics.Normalized, heuristics.Augmented):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = ("norm", "measured")

    norm: float | None = None
    """L2 norm of the wave in each channel. Default: 4 at 32 pixels, in proportion to the width."""
    measured: int | None = None
    """Test images to add waves to. Default: 40 for smoke, 500 for quick, else 1000."""

    def check(self) -> None:
        """Also reject an invalid number of images or norm."""
        super().check()
        checks.number("measured", self.images, minimum=1, whole=True)
        if self.norm is not None:
            checks.number("norm", self.norm, minimum=0)

    @property
    def images(self) -> int:
        """Number of images, with the profile's default filled in."""
        return FEWER.get(self.profile, IMAGES) if self.measured is None else self.measured


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    found = heuristics.heuristics(settings, ("vanilla", "batch_norm", "adversarial"))
    return {**found, **heuristics.augmented(settings)}


def measure(cell: Cell) -> pd.DataFrame:
    """Return one row per frequency."""
    arguments = {"examples": cell.settings.images, "norm": cell.settings.norm}
    network = tested_networks.Network(cell)
    compute = functools.partial(_rows, cell)
    table = network.measured("fourier_heat_map", arguments, compute, in_parts=True)
    rise = table["error"] - table["clean_error"]
    return table.assign(rise=rise, classes=cell.dataset().classes)


def _rows(cell: Cell, model: keras.Model, resume: Path) -> pd.DataFrame:
    """Error rate under each frequency, signed and in cycles per image, and on clean images."""
    test, norm = cell.test_images(cell.settings.images), cell.settings.norm
    errors = analysis.fourier_heat_map(model, test.images, test.labels, norm, resume=resume)
    height, width = errors.shape
    rows, columns = np.indices(errors.shape)
    predicted = gradients.predicted(model, test.images).argmax(axis=1)
    table = pd.DataFrame(
        {
            "row": (rows - height // 2).ravel(),
            "column": (columns - width // 2).ravel(),
            "error": errors.ravel(),
            "clean_error": float((predicted != test.labels).mean()),
            "examples": len(test),
        }
    )
    measured = table["error"].notna()
    return table if measured.all() else table[measured].assign(side=min(errors.shape))


def summary(table: pd.DataFrame) -> str:
    """Return clean errors and what waves add to them."""
    return (
        "Error rate on clean images, and its rise under waves by distance to the zero frequency\n"
        "(parts of the width; mean +- standard deviation over seeds)\n\n"
        f"{heat_map_table(table).to_string()}"
    )


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw one heat map per recipe: error rates, and their rise over the error on clean images."""
    names, chance = titles(heuristics.VARIANTS), plan.chance
    return {
        "": heat_map_panels(table, names, chance=chance),
        "_rise": heat_map_panels(table, names, rise=True, chance=chance),
    }


def rise(table: pd.DataFrame, recipe: str, inner: float, outer: float) -> pd.Series:
    """Rise of the error rate in a band of frequencies, parts of the width, by seed."""
    return heat_map_rise(table, recipe, inner, outer)


def above_lowest(table: pd.DataFrame, recipe: str) -> dict[str, pd.Series]:
    """Rise in each band of frequencies minus the rise at the lowest ones, by seed."""
    lowest = rise(table, recipe, 0, 1 / 16)
    return {
        f"{words} width": reporting.difference(rise(table, recipe, *band), lowest)
        for words, band in BANDS.items()
    }


BANDS = {
    "1/8 to 1/4": (1 / 8, 1 / 4),
    "1/4 to 3/8": (1 / 4, 3 / 8),
    "from 3/8": (3 / 8, math.inf),
}
ABOVE_LOWEST = Measure("rise of the error rate", above_lowest, "error rate")
IN_EACH = "in each band of frequencies from 1/8 width minus below 1/16 width"
HIGH = Measure(
    "rise of the error rate under waves from 1/4 width",
    functools.partial(rise, inner=1 / 4, outer=math.inf),
    "error rate",
)
LOW = Measure(
    "rise of the error rate under waves below 1/8 width",
    functools.partial(rise, inner=0, outer=1 / 8),
    "error rate",
)
ROBUST = each(
    {name: (name, "vanilla") for name in ("adversarial", "noise")}, "each of them minus vanilla"
)
STATEMENTS = (
    Statement(
        "natural",
        "A naturally trained network (with BatchNorm) is more sensitive to noise in every band of "
        "higher frequencies than to noise of the lowest frequencies.",
        ABOVE_LOWEST,
        alone("batch_norm", f"batch_norm, {IN_EACH}"),
        MORE,
    ),
    Statement(
        "natural_vanilla",
        "A network without BatchNorm is more sensitive to noise in every band of higher "
        "frequencies than to noise of the lowest frequencies.",
        ABOVE_LOWEST,
        alone("vanilla", f"vanilla, {IN_EACH}"),
        MORE,
        kind="control",
    ),
    Statement(
        "high",
        "Adversarial training and training with noise make a network more robust to noise of high "
        "frequencies.",
        HIGH,
        ROBUST,
        LESS,
    ),
    Statement(
        "low",
        "Adversarial training and training with noise make a network less robust to noise of low "
        "frequencies.",
        LOW,
        ROBUST,
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
    claims=claims("heat_map", "Fourier heat maps", STATEMENTS, "Yin et al. 2019"),
)


if __name__ == "__main__":
    EXPERIMENT.main()
