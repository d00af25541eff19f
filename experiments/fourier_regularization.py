"""Fourier regularization (Krishnamachari et al., TMLR 2022): training the sensitivity away.

Trains a network with a penalty on the frequencies of its own input gradient: lsf leaves it
sensitive to low frequencies, msf to middle ones, hsf to high ones, and asf to all alike. Measured
are its Fourier sensitivity, its accuracy on the test images, on their low, middle and high
frequencies (thirds up to Nyquist; the mean counts as low), on images whose patches change places,
on corrupted images, and under attack, and what the weight of the penalty costs. The paper finds
that each regularizer changes the sensitivity as intended, and robustness with it. Recipes with a
weight in their name are measured on the first three alone.
"""

import dataclasses
import functools
import sys
from typing import ClassVar

import numpy as np
import pandas as pd

from experiments import conditions, runner, sensitivity, settings, statements, trainings
from hfc_keras import attacks, checks, data, reporting, training

KEYS = "recipe seed measure condition level ring".split()
KINDS = trainings.REGULARIZERS
TITLES = {name: trainings.TITLES[name] for name in ("vanilla", *KINDS)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = ("epsilons", "patches", "severities")

    weight: float = 0.5
    """Weight of the penalty, as in the paper's released code."""
    other_weights: tuple[float, ...] = (0.1, 2.0)
    """Other weights at which accuracy and sensitivity are measured."""
    epsilons: tuple[float, ...] = (2 / 255, 8 / 255)
    """Radii of the L-inf balls of FGSM and PGD."""
    patches: tuple[int, ...] = (2, 4)
    """Patches a side that change places; they must divide the image's sides."""
    severities: tuple[int, ...] = (1, 3, 5)
    """Severities of the corruptions, 1 to 5."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    weights = (settings.weight, *settings.other_weights)
    words = [f"{weight:g}" for weight in weights]
    checks.require(len(set(words)) == len(words), "weights must differ in words", weights=words)
    _check(settings)
    chosen = {"vanilla": settings.base_recipe()}
    for weight in weights:
        for name, recipe in trainings.regularized(settings, weight).items():
            chosen[name if weight == settings.weight else f"{name}_{weight:g}"] = recipe
    return chosen


def _check(settings):
    """Refuse what could not be measured after the training."""
    shape = training.load_data(settings.base_recipe(), settings.data_dir).image_shape
    for epsilon in settings.epsilons:
        attacks.Pgd(epsilon)
    blank = np.zeros((1, *shape), "float32")
    for patches in settings.patches:
        data.patch_shuffle(blank, patches)
    for severity in settings.severities:
        data.corrupt(blank, "contrast", severity)
    for name in ("epsilons", "patches", "severities"):
        values = getattr(settings, name)
        checks.require(
            values and len(set(values)) == len(values),
            f"`{name}` must hold at least one value and none twice",
            **{name: values},
        )


def measure(cell):
    """Return the spectrum of one network and its accuracies."""
    model, _ = cell.fit()
    told = cell.settings
    tables = [
        sensitivity.rows(cell, model).assign(measure="sensitivity"),
        conditions.clean(cell, model),
        conditions.filtered(cell, model),
    ]
    if cell.name in ("vanilla", *KINDS):
        tables.append(conditions.shuffled(cell, model, told.patches))
        tables.append(conditions.corrupted(cell, model, told.severities))
        tables.append(conditions.attacked(cell, model, told.epsilons))
    weight = cell.recipe.regularizer_weight if cell.recipe.regularizer else 0.0
    return pd.concat(tables, ignore_index=True).assign(weight=weight)


def summary(table):
    """Return spectra and accuracies in a few numbers."""
    accuracies = _main(table)
    words = (
        "Fourier sensitivity (mean +- standard deviation over seeds; low, mid, high: share of the\n"
        "rings up to a third of Nyquist, two thirds, beyond; peak, centre: cycles per image)\n\n"
        f"{spectra(table).to_string()}"
    )
    if not len(accuracies):
        return words
    sources = ", ".join(sorted(accuracies["source"].dropna().unique()))
    return (
        f"{words}\n\nAccuracy\n\n{by_condition(table).to_string()}\n\n"
        f"Accuracy under corruptions ({sources}), mean over severities\n\n"
        f"{by_corruption(table).to_string()}"
    )


def spectra(table):
    """Numbers of each spectrum, as of ``reporting.sensitivity_table``."""
    return reporting.sensitivity_table(_rings(table))


def by_condition(table):
    """Accuracies at the usual weight, as of ``reporting.condition_table``."""
    return reporting.condition_table(_main(table))


def by_corruption(table):
    """Accuracies under corruptions, as of ``reporting.corruption_table``."""
    return reporting.corruption_table(_corruptions(table))


TABLES = (spectra, by_condition, by_corruption)


def figures(table, plan):
    """Draw the spectra, the accuracies by condition, and both against the weight."""
    weights = {"_weight": reporting.weight_curves(table, KINDS, TITLES)}
    if not len(_main(table)):
        return weights
    return {
        "": reporting.sensitivity_curves(_rings(table), {"Fourier regularization": TITLES}, TITLES),
        "_accuracy": reporting.condition_points(_main(table), TITLES),
        "_corruptions": reporting.corruption_points(_corruptions(table), TITLES),
        **weights,
    }


def _rings(table):
    """Spectra of all recipes."""
    return table[table["measure"] == "sensitivity"]


def _main(table):
    """Accuracies of the recipes at the usual weight."""
    return table[table["recipe"].isin(TITLES) & (table["measure"] != "sensitivity")]


def _corruptions(table):
    """Accuracies on corrupted images and on images as they are, as rows of corruptions."""
    rows = _main(table)
    rows = rows[rows["measure"].isin(["clean", "corrupted"])]
    names = rows["condition"].replace("original", "none")
    return rows.assign(corruption=names, severity=rows["level"].fillna(0))


def _gain(recipe, measure, conditions, table, over="vanilla"):
    """Accuracy of a recipe minus that of another, Series by seed."""
    pair = (reporting.condition_effect(table, one, measure, conditions) for one in (recipe, over))
    return reporting.difference(*pair)


def _most(name, table):
    """Share in the band that a regularizer names minus the larger of the other two."""
    rings = _rings(table)
    own = sensitivity.number(KINDS[name], rings, name)
    return {
        f"the share of {other}": reporting.difference(own, sensitivity.number(other, rings, name))
        for other in ("low", "mid", "high")
        if other != KINDS[name]
    }


def _flattest(table):
    """Entropy of the spectrum of asf minus that of every other recipe."""
    rings = _rings(table)
    return {
        other: sensitivity.shift("entropy", rings, "asf", other)
        for other in ("vanilla", "lsf", "msf", "hsf")
    }


def _own_band(name, table):
    """Accuracy on the band that a regularizer names, minus that of each other recipe."""
    return {
        other: _gain(name, "filtered", [KINDS[name]], table, over=other)
        for other in TITLES
        if other not in (name, "asf")
    }


_claim = functools.partial(
    statements.claim, "regularization", sensitivity.PAPER, "Fourier regularization"
)


NOISES = ("gaussian_noise", "shot_noise", "impulse_noise")
SMOOTH = ("brightness", "contrast", "fog")
CLAIMS = (
    *(
        _claim(
            f"{name}_band",
            f"The {name.upper()} regularizer leaves most of the sensitivity in the "
            f"{KINDS[name]} band.",
            f"share in the {KINDS[name]} third minus the share in each other third, {name}",
            functools.partial(_most, name),
            unit="share",
            above=0,
        )
        for name in ("lsf", "msf", "hsf")
    ),
    _claim(
        "asf_flat",
        "The ASF regularizer makes the spectrum flatter than any other training here.",
        "entropy in bits of the rings up to Nyquist, asf minus each other recipe",
        _flattest,
        unit="bits",
        above=0,
    ),
    *(
        _claim(
            f"{name}_test",
            f"The {name.upper()} regularizer costs little accuracy.",
            f"accuracy on test images, {name} minus vanilla",
            functools.partial(_gain, name, "clean", None),
            above=-reporting.EQUIVALENCE,
        )
        for name in KINDS
    ),
    *(
        _claim(
            f"{name}_filtered",
            f"The {name.upper()} regularizer is the best on test images filtered to its band.",
            f"accuracy on the {KINDS[name]} third of the frequencies, {name} minus each of "
            "the others but asf",
            functools.partial(_own_band, name),
            above=0,
        )
        for name in ("lsf", "msf", "hsf")
    ),
    _claim(
        "lsf_noise",
        "LSF makes the network more robust to noise.",
        "accuracy under Gaussian, shot and impulse noise, lsf minus vanilla",
        functools.partial(_gain, "lsf", "corrupted", NOISES),
        above=0,
    ),
    _claim(
        "lsf_smooth",
        "Our question: it pays for that under corruptions of the lowest frequencies.",
        "accuracy under brightness, contrast and fog, lsf minus vanilla",
        functools.partial(_gain, "lsf", "corrupted", SMOOTH),
        below=0,
    ),
    _claim(
        "lsf_attacked",
        "Our question: LSF makes the network more robust to small adversarial perturbations.",
        "accuracy under PGD, mean over epsilons, lsf minus vanilla",
        functools.partial(_gain, "lsf", "attacked", ("pgd",)),
        above=0,
    ),
    _claim(
        "lsf_shuffled",
        "Our question: LSF loses more than HSF where patches change places.",
        "accuracy on shuffled patches, lsf minus hsf",
        functools.partial(_gain, "lsf", "shuffled", None, over="hsf"),
        below=0,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
