"""Band-stop test: which ring of frequencies can a trained network do without?

Removes one of 16 rings of equal width (4 for smoke) from the spectrum of the test images and
measures the remaining accuracy, ring by ring, as Vasconcelos et al. (2020) do to see what
anti-aliasing changes. The networks here are those of the training heuristics of the CVPR 2020
paper, and networks trained with noise and on low-pass images. Unlike a test on low and high
components, this leaves the rest of the image intact: the drop in accuracy is what a ring is worth
in addition to all others. Its share of the accuracy on whole images makes networks of different
accuracy comparable. Batch normalization uses population statistics.
"""

import dataclasses
import functools
from typing import ClassVar

import keras
import pandas as pd
from matplotlib.figure import Figure

from experiments.recipes import heuristics
from hfc_keras import analysis, checks, reporting
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
    each,
    minus,
)
from hfc_keras.reporting.effects.band_stop import band_stop_drop
from hfc_keras.reporting.figures.band_stop import (
    band_stop_curves,
    band_stop_table,
)
from hfc_keras.training import Recipe

KEYS = "recipe seed inner".split()
# Rings; 8 x 8 digits have no more than four that hold a frequency each.
BANDS, FEW_BANDS = 16, 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(tested_networks.Settings, heuristics.Heuristics, heuristics.Augmented):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = ("bands",)

    bands: int | None = None
    """Number of rings, at least 2. Default: 16, or 4 for smoke."""

    def check(self) -> None:
        """Also reject fewer than two rings."""
        super().check()
        checks.number("bands", self.rings, minimum=2, whole=True)

    @property
    def rings(self) -> int:
        """Number of rings, with the profile's default filled in."""
        if self.bands is not None:
            return self.bands
        return FEW_BANDS if self.profile == "smoke" else BANDS


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    return {**heuristics.heuristics(settings), **heuristics.augmented(settings)}


def measure(cell: Cell) -> pd.DataFrame:
    """Return one row for the original images and one per ring, of all test images."""
    test, bands = cell.test_images(), cell.settings.rings

    def compute(model: keras.Model) -> pd.DataFrame:
        return analysis.band_stop_accuracy(model, test.images, test.labels, bands)

    table = tested_networks.Network(cell).measured("band_stop_accuracy", {"bands": bands}, compute)
    original = table["accuracy"][table["inner"].isna()].item()
    share = reporting.share_of_clean(table["drop"], original)
    return table.assign(share=share, classes=cell.dataset().classes)


def summary(table: pd.DataFrame) -> str:
    """Return what low and high rings are worth."""
    return (
        "Accuracy on original images, mean drop without a low and without a high ring (they meet\n"
        "at a quarter of the width), both as shares of the accuracy on original images, and the\n"
        "ring worth most (mean +- standard deviation over seeds)\n\n"
        f"{band_stop_table(table).to_string()}"
    )


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw accuracy, drop and share lost against the ring."""
    chance = reporting.chance(table)
    return {"": band_stop_curves(table, **drawn(heuristics.VARIANTS), chance=chance)}


def low_minus_high(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Worth of a low ring minus that of a high one, by seed."""
    return reporting.difference(*(band_stop_drop(table, recipe, half) for half in ("low", "high")))


DROP = "mean drop of accuracy without one ring"
HIGH = Measure(f"{DROP} from 1/4 width", functools.partial(band_stop_drop, half="high"))
STATEMENTS = (
    Statement(
        "low",
        "A network needs low frequencies more than high ones.",
        Measure(DROP, low_minus_high),
        alone("vanilla", "vanilla, rings below 1/4 width minus rings from there"),
        MORE,
        kind="control",
    ),
    Statement(
        "robust_high",
        "Networks trained adversarially or with noise lose less accuracy without high frequencies "
        "than vanilla.",
        HIGH,
        each(
            {name: (name, "vanilla") for name in ("adversarial", "noise")},
            "each of them minus vanilla",
        ),
        LESS,
        kind="question",
    ),
    Statement(
        "batch_norm_high",
        "BatchNorm makes the network depend more on the high frequencies of whole images.",
        HIGH,
        minus("batch_norm"),
        MORE,
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
    claims=claims("band_stop", "band stop", STATEMENTS),
)


if __name__ == "__main__":
    EXPERIMENT.main()
