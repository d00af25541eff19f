"""Band-stop test: which ring of frequencies can a trained network do without?

Removes one of 16 equally wide rings of frequencies (4 for smoke) from the test images and measures
the accuracy that is left, ring by ring, as Vasconcelos et al. (2020) do to see what anti-aliasing
changes; here for the training heuristics of the CVPR 2020 paper and for noise and low-pass
training. Unlike a test on low and high components it leaves the rest of the image: the drop is what
a ring is worth beside all others; its share of the accuracy on whole images sets networks of other
accuracy beside each other. Batch normalisation uses population statistics.
"""

import dataclasses
import functools
import sys
from typing import ClassVar

from experiments.lab import networks, runner
from experiments.recipes import heuristics
from hfc_keras import analysis, checks, reporting

KEYS = "recipe seed inner".split()
ITEM = "band stop"
# Rings; 8 x 8 digits have no more than four that hold a frequency each.
BANDS, FEW_BANDS = 16, 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(networks.Settings, heuristics.Heuristics, heuristics.Augmented):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = ("bands",)

    bands: int | None = None
    """Number of rings, at least 2. Left out: 16, or 4 for smoke."""

    @property
    def rings(self):
        """Number of rings after the profile's default."""
        if self.bands is not None:
            return self.bands
        return FEW_BANDS if self.profile == "smoke" else BANDS


def recipes(settings):
    """Return the trainings to compare, by name."""
    checks.number("bands", settings.rings, minimum=2, whole=True)
    return {**heuristics.heuristics(settings), **heuristics.augmented(settings)}


def measure(cell):
    """Return a row for the originals and one a ring, of all test images."""
    test, bands = cell.test_images(), cell.settings.rings

    def compute(model):
        return analysis.band_stop_accuracy(model, test.images, test.labels, bands)

    table = networks.Network(cell).measured("band_stop_accuracy", {"bands": bands}, compute)
    original = table["accuracy"][table["inner"].isna()].item()
    share = reporting.share_of_clean(table["drop"], original)
    return table.assign(share=share, classes=cell.dataset().classes)


def summary(table):
    """Return what low and high rings are worth."""
    return (
        "Accuracy on originals, mean drop without a low and without a high ring (they meet at a\n"
        "quarter of the width), both as shares of the accuracy on originals, and the ring worth\n"
        "most (mean +- standard deviation over seeds)\n\n"
        f"{reporting.band_stop_table(table).to_string()}"
    )


def figures(table, plan):
    """Draw accuracy, drop and share lost against the ring."""
    chance = reporting.chance(table)
    return {"": reporting.band_stop_curves(table, heuristics.TITLES, chance)}


def _low_minus_high(table):
    """Worth of a low ring minus that of a high one, vanilla, by seed."""
    return reporting.difference(
        *(reporting.band_stop_drop(table, "vanilla", half) for half in ("low", "high"))
    )


def _high_against_vanilla(table, recipe):
    """Worth of a high ring, a recipe minus vanilla, by seed."""
    return reporting.difference(
        *(reporting.band_stop_drop(table, name, "high") for name in (recipe, "vanilla"))
    )


def _robust(table):
    return {name: _high_against_vanilla(table, name) for name in ("adversarial", "noise")}


CLAIMS = (
    reporting.Claim(
        id="band_stop_low",
        item=ITEM,
        kind="control",
        sentence="A network needs low frequencies more than high ones.",
        measured="mean drop of accuracy without one ring, vanilla, rings below 1/4 width minus "
        "rings from there",
        effect=_low_minus_high,
        above=0,
    ),
    reporting.Claim(
        id="band_stop_robust_high",
        item=ITEM,
        kind="question",
        sentence="Networks trained adversarially or with noise do better without high frequencies.",
        measured="mean drop of accuracy without one ring from 1/4 width, each of them minus "
        "vanilla",
        effect=_robust,
        below=0,
    ),
    reporting.Claim(
        id="band_stop_batch_norm_high",
        item=ITEM,
        kind="question",
        sentence="BatchNorm makes the high frequencies of whole images worth more.",
        measured="mean drop of accuracy without one ring from 1/4 width, batch_norm minus vanilla",
        effect=functools.partial(_high_against_vanilla, recipe="batch_norm"),
        above=0,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
