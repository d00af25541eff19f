"""Fig. 2 of the CVPR 2020 paper: images that a CNN gets right only with their high frequencies.

Trains a network and counts the test images by whether it is right on the image, on its low and on
its high frequencies. The paper shows images of the pattern right, wrong, right, tells of about 600
among the 10,000 test images of CIFAR-10, and finds far fewer when singular values take the place
of frequencies (section 8). Two controls: how many images would show the pattern if the answers to
the high components were dealt at random among the images that are right as they are and wrong from
their low frequencies, since a network that gives one answer to every high component is right on
some of them; and leading singular values that have the energy of the low frequencies.
"""

import dataclasses
import sys

import numpy as np
import pandas as pd

from experiments import curves, runner, settings
from hfc_keras import analysis, reporting, spectrum, training
from hfc_keras.reporting.misaligned import KEYS as KEYS
from hfc_keras.reporting.misaligned import PATTERN

TITLES = {
    "vanilla": "Vanilla",
    "batch_norm (batch)": "BatchNorm, batch statistics",
    "batch_norm (population)": "BatchNorm, population",
}
# The paper's text does not tell the radius of its figure; ours is the third, 3/8 of the width.
GALLERY_RANK = 2
BATCH_SIZE = 250
VANILLA = {"recipe": "vanilla", "bn_statistics": "none"}
BATCH_NORM = {"recipe": "batch_norm", "bn_statistics": "batch"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """Settings of this experiment."""

    bn_momentum: float = 0.9
    """Momentum of the moving averages of the batch-norm recipe."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    vanilla = settings.base_recipe()
    batch_norm = vanilla.but(normalization="batch", bn_momentum=settings.bn_momentum)
    return {"vanilla": vanilla, "batch_norm": batch_norm}


def measure(cell):
    """Return the rows of one training."""
    model, _ = cell.fit()
    normalized = cell.recipe.normalization == "batch"
    kinds = ("batch", "population") if normalized else ("moving",)
    pairs = [(kind, name) for kind in kinds for name in ("fourier", "svd")]
    table = pd.concat([_rows(cell, model, *pair) for pair in pairs], ignore_index=True)
    return table if normalized else table.assign(bn_statistics="none")


def summary(table):
    """Return numbers of images as tables."""
    radius = _gallery_radius(table)
    parts = [
        f"Of {table['examples'].max()} images, those right as they are, wrong from their low and "
        "right from their high\ncomponent, and as many as chance would give, by decomposition and "
        "radius (mean +- standard\ndeviation over seeds)",
        reporting.misaligned_table(table).to_string(),
        f"All of them, by image, low and high frequencies, at radius {radius:g}",
        reporting.contingency_table(table, radius).to_string(),
    ]
    return "\n\n".join(parts)


def figures(table, plan):
    """Draw the share of such images against radius, and the first of them."""
    drawn = {"": reporting.misaligned_curves(table, TITLES)}
    seeds = table["seed"][table["recipe"] == "vanilla"]
    if len(seeds):
        gallery = _gallery(plan.cell("vanilla", int(seeds.min())), _gallery_radius(table))
        drawn.update({"_gallery": gallery} if gallery else {})
    return drawn


def _rows(cell, model, bn_statistics, decomposition):
    """Rows of a trained network on all test images, from the store or computed."""
    dataset, told = cell.dataset(), cell.settings
    arguments = {
        "radii": list(curves.radii_of(told, dataset)),
        "decomposition": decomposition,
        "inclusive": told.inclusive,
        "bn_statistics": bn_statistics,
        "batch_size": BATCH_SIZE,
        "scaling": curves.scaling_of(told),
    }

    def compute():
        test, population = cell.test_images(), {}
        if bn_statistics == "population":
            population["train_images"] = training.filtered_images(cell.recipe, dataset.train)
        return analysis.contingency(model, test.images, test.labels, **arguments, **population)

    return cell.measured("contingency", arguments, compute)


def _gallery_radius(table):
    radii = sorted(table["radius"].unique())
    return radii[min(GALLERY_RANK, len(radii) - 1)]


def _gallery(cell, radius):
    """First images of the pattern in the fixed random order of the test images, if any."""
    (model, _), test, told = cell.fit(), cell.test_images(), cell.settings
    options = {
        "inclusive": told.inclusive,
        "scaling": curves.scaling_of(told),
        "batch_size": BATCH_SIZE,
    }
    found = analysis.component_probabilities(model, test.images, radius, **options)
    right = {name: values.argmax(axis=1) == test.labels for name, values in found.items()}
    fits = [right[name] == (wanted == "right") for name, wanted in PATTERN.items()]
    rows = np.flatnonzero(np.all(fits, axis=0))
    if not len(rows):
        return None
    shown = rows[: reporting.MOST_EXAMPLES]
    images, names = test.images[shown], cell.dataset().class_names
    low, high = (np.asarray(part) for part in spectrum.split(images, radius, told.inclusive))
    answers = np.bincount(found["high"].argmax(axis=1))
    return reporting.component_gallery(
        {"original": images, "low": low, "high": high},
        {name: values[shown] for name, values in found.items()},
        test.labels[shown],
        names,
        f"{cell.label}: {len(shown)} of {len(rows)} images (of {len(test)}) that are right as they "
        f"are, wrong from low and right from high frequencies, radius {radius:g}.\nIts answer to "
        f"{answers.max() / len(test):.1%} of all high components is {names[answers.argmax()]!r}.",
    )


def _claims(suffix, setting, rank, where):
    """Claims of the figure and of its control for one network at one of the four radii."""

    def options(table, decomposition):
        chosen = {"radius": reporting.radius(table, rank), "decomposition": decomposition}
        return {**chosen, **where}

    def shares(table, **selection):
        return reporting.value(table, "share", **PATTERN, **selection)

    def beyond_chance(table, rng):
        return np.subtract(*reporting.resampled(table, rng, **options(table, "fourier")))

    def fourier_minus_svd(table, rng):
        kinds = ("fourier", "svd")
        share = [reporting.resampled(table, rng, **options(table, kind))[0] for kind in kinds]
        return share[0] - share[1]

    return (
        reporting.Claim(
            id=f"misaligned{suffix}",
            item="Fig. 2",
            sentence="There are images that a CNN gets right, and right from their high "
            "frequencies alone, but wrong from the low ones.",
            measured=f"Share of such images minus the share if the answers to the high components "
            f"were dealt at random among those right as they are and wrong from low ({setting})",
            effect=lambda table: reporting.misaligned_effect(table, **options(table, "fourier")),
            above=0,
            by_image=beyond_chance,
            unit="share of images",
        ),
        reporting.Claim(
            id=f"misaligned_svd{suffix}",
            item="section 8",
            sentence="Far fewer images show this with singular values than with frequencies.",
            measured=f"Share of such images by frequencies minus by singular values of the same "
            f"energy ({setting})",
            effect=lambda table: reporting.difference(
                shares(table, **options(table, "fourier")), shares(table, **options(table, "svd"))
            ),
            above=0,
            by_image=fourier_minus_svd,
            unit="share of images",
        ),
    )


CLAIMS = (
    *_claims("", "vanilla, radius 3/8 of the width", 2, VANILLA),
    *_claims("_small_radius", "vanilla, radius 1/8 of the width", 0, VANILLA),
    *_claims(
        "_batch_norm",
        "BatchNorm tested with batch statistics, radius 3/8 of the width",
        2,
        BATCH_NORM,
    ),
)

if __name__ == "__main__":
    runner.main(sys.modules[__name__])
