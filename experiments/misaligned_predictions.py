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

from experiments.lab import runner, settings
from experiments.measures import frequency_curves
from hfc_keras import analysis, reporting, spectrum, training
from hfc_keras.reporting.figures.misaligned import KEYS as KEYS
from hfc_keras.reporting.figures.misaligned import PATTERN

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
class Settings(settings.Components):
    """Settings of this experiment."""

    bn_momentum: float = 0.9
    """Momentum of the moving averages of the batch-norm recipe."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    vanilla = settings.base_recipe()
    batch_norm = settings.normalized().but(bn_momentum=settings.bn_momentum)
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
        "radii": list(frequency_curves.radii_of(told, dataset)),
        "decomposition": decomposition,
        "inclusive": told.inclusive,
        "bn_statistics": bn_statistics,
        "batch_size": BATCH_SIZE,
        "scaling": frequency_curves.scaling_of(cell),
    }

    def compute():
        test, population = cell.test_images(), {}
        if bn_statistics == "population":
            population["train_images"] = training.population_images(cell.recipe, dataset, model)
        return analysis.contingency(model, test.images, test.labels, **arguments, **population)

    drawn = bn_statistics == "population" and training.is_augmented(cell.recipe, dataset)
    told = {**arguments, "population": "augmented"} if drawn else arguments
    return cell.measured("contingency", told, compute)


def _gallery_radius(table):
    radii = sorted(table["radius"].unique())
    return radii[min(GALLERY_RANK, len(radii) - 1)]


def _gallery(cell, radius):
    """First images of the pattern in the fixed random order of the test images, if any."""
    (model, _), test, told = cell.fit(), cell.test_images(), cell.settings
    options = {
        "inclusive": told.inclusive,
        "scaling": frequency_curves.scaling_of(cell),
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


def _claims(suffix, kind, setting, rank, where):
    """Claims of the figure and of its control for one network at one of the four radii."""

    def options(table, decomposition):
        chosen = {"radius": reporting.radius(table, rank), "decomposition": decomposition}
        return {**chosen, **where}

    def beyond_chance(table, decomposition="fourier"):
        return reporting.misaligned_effect(table, **options(table, decomposition))

    def on_other_images(table, rng):
        return np.subtract(*reporting.resampled(table, rng, **options(table, "fourier")))

    beyond = "the share if the answers to the high components were dealt at random among those"
    return (
        reporting.Claim(
            id=f"misaligned{suffix}",
            item="Fig. 2",
            kind=kind,
            unverified=RADIUS if kind == "paper" else "",
            sentence="There are images that a CNN gets right, and right from their high "
            "frequencies alone, but wrong from the low ones.",
            measured=f"share of such images beyond chance ({beyond} right as they are and wrong "
            f"from low), {setting}",
            effect=beyond_chance,
            above=0,
            by_image=on_other_images,
            unit="share of images",
        ),
        reporting.Claim(
            id=f"misaligned_svd{suffix}",
            item="section 8",
            kind=kind,
            unverified=RADIUS if kind == "paper" else "",
            sentence="Far fewer images, less than half as many, show this with singular "
            "values than with frequencies.",
            measured="share of such images beyond chance by frequencies minus twice that by "
            f"singular values of the same energy, {setting}",
            effect=lambda table: reporting.difference(
                beyond_chance(table), 2 * beyond_chance(table, "svd")
            ),
            above=0,
            unit="share of images",
        ),
    )


RADIUS = "the radius of the figure"
CLAIMS = (
    *_claims("", "paper", "vanilla, r = 3/8 width", 2, VANILLA),
    *_claims("_small_radius", "control", "vanilla, r = 1/8 width", 0, VANILLA),
    *_claims(
        "_batch_norm",
        "control",
        "BatchNorm tested with batch statistics, r = 3/8 width",
        2,
        BATCH_NORM,
    ),
)

if __name__ == "__main__":
    runner.main(sys.modules[__name__])
