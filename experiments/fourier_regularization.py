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

from experiments.effects import statements
from experiments.lab import networks, runner
from experiments.lab.profiles import RESIDUAL
from experiments.measures import battery, changed_images, sensitivity
from experiments.recipes import heuristics
from hfc_keras import checks, data, reporting

KEYS = "recipe seed measure condition level ring".split()
KINDS = heuristics.REGULARIZERS
TITLES = {name: heuristics.TITLES[name] for name in ("vanilla", *KINDS)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(battery.Changed):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = (*battery.Changed.MEASURED_WITH, "patches")
    PROFILE_CHANGES: ClassVar = RESIDUAL

    weight: float = 0.5
    """Weight of the penalty, as in the paper's released code."""
    other_weights: tuple[float, ...] = (0.1, 2.0)
    """Other weights at which accuracy and sensitivity are measured."""
    patches: tuple[int, ...] = (2, 4)
    """Patches a side that change places; they must divide the image's sides."""

    def base_recipe(self):
        """Vanilla training, after a check of what is measured later."""
        battery.distinct("patches", self.patches)
        for patches in self.patches:
            data.patch_shuffle(np.zeros((1, *self.image_shape()), "float32"), patches)
        return super().base_recipe()


def recipes(settings):
    """Return the trainings to compare, by name."""
    weights = (settings.weight, *settings.other_weights)
    words = [f"{weight:g}" for weight in weights]
    checks.require(len(set(words)) == len(words), "weights must differ in words", weights=words)
    chosen = {"vanilla": settings.base_recipe()}
    for weight in weights:
        for name, recipe in heuristics.regularized(settings, weight).items():
            chosen[name if weight == settings.weight else f"{name}_{weight:g}"] = recipe
    return chosen


def measure(cell):
    """Return the spectrum of one network and its accuracies."""
    network, told = networks.Network(cell), cell.settings
    tables = [
        sensitivity.rows(network).assign(measure="sensitivity"),
        changed_images.clean(network),
        changed_images.filtered(network),
    ]
    if cell.name in ("vanilla", *KINDS):
        tables.append(changed_images.shuffled(network, told.patches))
        tables.append(changed_images.corrupted(network, told.severities))
        tables.append(changed_images.attacked(network, told.epsilons))
    weight = cell.recipe.regularizer_weight if cell.recipe.regularizer else 0.0
    return pd.concat(tables, ignore_index=True).assign(weight=weight)


def summary(table):
    """Return spectra and accuracies in a few numbers."""
    main = _main(table)
    parts = [battery.spectra_in_words(table)]
    return "\n\n".join(parts + ([battery.accuracies_in_words(main)] if len(main) else []))


def by_condition(table):
    """Accuracies at the usual weight, as of ``reporting.condition_table``."""
    return battery.by_condition(_main(table))


def by_corruption(table):
    """Accuracies under corruptions, as of ``reporting.corruption_table``."""
    return battery.by_corruption(_main(table))


TABLES = (battery.spectra, by_condition, by_corruption)


def figures(table, plan):
    """Draw the spectra, the accuracies by condition, and both against the weight."""
    weights = {"_weight": reporting.weight_curves(table, KINDS, TITLES)}
    if not len(_main(table)):
        return weights
    return {
        "": reporting.sensitivity_curves(
            battery.rings(table), {"Fourier regularization": TITLES}, TITLES
        ),
        "_accuracy": reporting.condition_points(battery.shares(_main(table)), TITLES),
        "_corruptions": reporting.corruption_points(battery.corruptions(_main(table)), TITLES),
        **weights,
    }


def _main(table):
    """Accuracies of the recipes at the usual weight."""
    return table[table["recipe"].isin(TITLES) & (table["measure"] != "sensitivity")]


def _smallest_attack(table):
    """Accuracy under PGD at the smallest epsilon, lsf minus vanilla, by seed."""
    attacked = table[table["measure"] == "attacked"]
    return battery.gain(
        "lsf",
        "attacked",
        attacked[attacked["level"] == attacked["level"].min()],
        conditions=("pgd",),
    )


def _most(name, table):
    """Share in the band that a regularizer names minus that in each of the other two."""
    rings = battery.rings(table)
    own = sensitivity.number(KINDS[name], rings, name)
    return {
        f"the share of {other}": reporting.difference(own, sensitivity.number(other, rings, name))
        for other in ("low", "mid", "high")
        if other != KINDS[name]
    }


def _flattest(table):
    """Entropy of the spectrum of asf minus that of every other recipe."""
    return {
        other: battery.shift("entropy", "asf", table, other)
        for other in ("vanilla", "lsf", "msf", "hsf")
    }


def _own_band(name, table):
    """Accuracy on the band that a regularizer names, minus that of each other recipe."""
    others = [other for other in TITLES if other not in (name, "asf")]
    return battery.gains(name, "filtered", others, table, conditions=[KINDS[name]])


_claim = functools.partial(
    statements.claim, "regularization", sensitivity.PAPER, "Fourier regularization"
)


NOISES = ("gaussian_noise", "shot_noise", "impulse_noise")
SMOOTH = ("brightness", "contrast", "fog")
UNSEEN = "what the paper's tables of results say"
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
            functools.partial(battery.gain, name, "clean"),
            above=-reporting.EQUIVALENCE,
            unverified=UNSEEN,
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
            unverified=UNSEEN,
        )
        for name in ("lsf", "msf", "hsf")
    ),
    _claim(
        "lsf_noise",
        "LSF makes the network more robust to noise.",
        "accuracy under Gaussian, shot and impulse noise, lsf minus vanilla",
        functools.partial(battery.gain, "lsf", "corrupted", conditions=NOISES),
        above=0,
        unverified=UNSEEN,
    ),
    _claim(
        "lsf_smooth",
        "LSF pays for it under corruptions of the lowest frequencies.",
        "accuracy under brightness, contrast and fog, lsf minus vanilla",
        functools.partial(battery.gain, "lsf", "corrupted", conditions=SMOOTH),
        below=0,
        kind="question",
        unverified=UNSEEN,
    ),
    _claim(
        "lsf_attacked",
        "LSF makes the network more robust to small adversarial perturbations.",
        "accuracy under PGD at the smallest epsilon, lsf minus vanilla",
        _smallest_attack,
        above=0,
        kind="question",
    ),
    _claim(
        "lsf_shuffled",
        "LSF loses more than HSF where patches change places.",
        "accuracy on shuffled patches, lsf minus hsf",
        functools.partial(battery.gain, "lsf", "shuffled", over="hsf"),
        below=0,
        kind="question",
        unverified=UNSEEN,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
