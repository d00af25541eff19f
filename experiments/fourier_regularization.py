"""Fourier regularization (Krishnamachari et al., TMLR 2022): training the sensitivity.

Trains a network with a penalty on the frequencies of its own input gradient: lsf leaves it
sensitive to low frequencies, msf to middle ones, hsf to high ones, and asf to all alike. Measured
are its Fourier sensitivity, its accuracy on the test images, on their low, middle and high
frequencies (thirds up to Nyquist; the mean counts as low), on images with shuffled patches, on
corrupted images and under attack, and what the weight of the penalty costs. The paper finds that
each regularizer changes the sensitivity as intended, and robustness with it. Recipes with a weight
in their name get only the first three of these measures.
"""

import dataclasses
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.effects import changes, sensitivity
from experiments.measures import all_measures, changed_images, fourier_sensitivity
from experiments.recipes import heuristics
from hfc_keras import checks, data, reporting
from hfc_keras.lab import tested_networks
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.profiles import RESIDUAL
from hfc_keras.lab.runner import Cell, Plan
from hfc_keras.lab.variants import chosen, drawn, rivals
from hfc_keras.reporting.claims.statements import (
    LESS,
    MORE,
    NO_LESS,
    Measure,
    Statement,
    alone,
    claims,
    minus,
)
from hfc_keras.reporting.figures.conditions import weight_curves
from hfc_keras.training import Recipe

KINDS = heuristics.REGULARIZERS
VARIANTS = chosen(heuristics.VARIANTS, ("vanilla", *KINDS))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(all_measures.Changed):
    """Settings of this experiment."""

    MEASURED_WITH: ClassVar = (*all_measures.Changed.MEASURED_WITH, "patches")
    PROFILE_CHANGES: ClassVar = RESIDUAL

    weight: float = 0.5
    """Weight of the penalty, as in the paper's released code."""
    other_weights: tuple[float, ...] = (0.1, 2.0)
    """Other weights at which accuracy and sensitivity are measured."""
    patches: tuple[int, ...] = (2, 4)
    """Number of patches per side to shuffle. It must divide the height and width."""

    def check(self) -> None:
        """Also reject patches that do not divide the images."""
        super().check()
        all_measures.distinct("patches", self.patches)
        for patches in self.patches:
            data.patch_shuffle(np.zeros((1, *self.image_shape()), "float32"), patches)


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    weights = (settings.weight, *settings.other_weights)
    words = [f"{weight:g}" for weight in weights]
    checks.require(len(set(words)) == len(words), "weights must differ in words", weights=words)
    trainings = {"vanilla": settings.base_recipe()}
    for weight in weights:
        for name, recipe in heuristics.regularized(settings, weight).items():
            trainings[name if weight == settings.weight else f"{name}_{weight:g}"] = recipe
    return trainings


def measure(cell: Cell) -> pd.DataFrame:
    """Return the spectrum of one network and its accuracies."""
    network, settings = tested_networks.Network(cell), cell.settings
    tables = [
        fourier_sensitivity.rows(network).assign(measure="sensitivity"),
        changed_images.clean(network),
        changed_images.filtered(network),
    ]
    if cell.name in ("vanilla", *KINDS):
        tables.append(changed_images.shuffled(network, settings.patches))
        tables.append(changed_images.corrupted(network, settings.severities))
        tables.append(changed_images.attacked(network, settings.epsilons))
    weight = cell.recipe.regularizer_weight if cell.recipe.regularizer else 0.0
    return pd.concat(tables, ignore_index=True).assign(weight=weight)


def summary(table: pd.DataFrame) -> str:
    """Return spectra and accuracies in a few numbers."""
    main = _main(table)
    parts = [all_measures.spectra_in_words(table)]
    return "\n\n".join(parts + ([all_measures.accuracies_in_words(main)] if len(main) else []))


def by_condition(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies at the usual weight, see ``reporting.condition_table``."""
    return all_measures.by_condition(_main(table))


def by_corruption(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies under corruptions, see ``reporting.corruption_table``."""
    return all_measures.by_corruption(_main(table))


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw the spectra, the accuracies by condition, and both against the weight."""
    named, chance = drawn(VARIANTS), plan.chance
    weights: dict[str, Figure] = {"_weight": weight_curves(table, KINDS, **named, chance=chance)}
    if not len(_main(table)):
        return weights
    return {
        "": reporting.sensitivity_curves(
            sensitivity.rings(table), {"Fourier regularization": VARIANTS}, **named
        ),
        "_accuracy": reporting.condition_points(
            all_measures.shares(_main(table)), **named, chance=chance
        ),
        "_corruptions": reporting.corruption_points(
            all_measures.corruptions(_main(table)), **named, chance=chance
        ),
        **weights,
    }


def _main(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies of the recipes at the usual weight."""
    return table[table["recipe"].isin(VARIANTS) & (table["measure"] != "sensitivity")]


def smallest_attack(table: pd.DataFrame, recipe: str) -> pd.Series:
    """Accuracy under PGD at the smallest epsilon, by seed."""
    attacked = table[table["measure"] == "attacked"]
    smallest = attacked[attacked["level"] == attacked["level"].min()]
    return changes.share(smallest, recipe, "attacked", ("pgd",))


def own_band(table: pd.DataFrame, recipe: str) -> dict[str, pd.Series]:
    """Share in the band that a regularizer names minus that in each of the other two."""
    own = sensitivity.number(table, recipe, KINDS[recipe])
    return {
        f"the share of {other}": reporting.difference(own, sensitivity.number(table, recipe, other))
        for other in ("low", "mid", "high")
        if other != KINDS[recipe]
    }


UNSEEN = "the numbers in the paper's results tables"
ENTROPY = sensitivity.of("entropy in bits of the rings up to Nyquist", "entropy", "bits")
SHUFFLED = changes.on("accuracy on shuffled patches", "shuffled")
SMALLEST_ATTACK = Measure("accuracy under PGD at the smallest epsilon", smallest_attack)
NOISE = changes.on(
    "accuracy under Gaussian, shot and impulse noise",
    "corrupted",
    conditions=("gaussian_noise", "shot_noise", "impulse_noise"),
)
SMOOTH = changes.on(
    "accuracy under brightness, contrast and fog",
    "corrupted",
    conditions=("brightness", "contrast", "fog"),
)
BANDS = {name: KINDS[name] for name in ("lsf", "msf", "hsf")}
STATEMENTS = (
    *(
        Statement(
            f"{name}_band",
            f"With the {name.upper()} regularizer, the {band} band has the largest share of the "
            "sensitivity.",
            Measure(
                f"share in the {band} third minus the share in each other third", own_band, "share"
            ),
            alone(name),
            MORE,
        )
        for name, band in BANDS.items()
    ),
    Statement(
        "asf_flat",
        "The ASF regularizer makes the spectrum flatter than any other recipe here.",
        ENTROPY,
        minus("asf", ("vanilla", *BANDS), "asf minus each other recipe"),
        MORE,
    ),
    *(
        Statement(
            f"{name}_test",
            f"The {name.upper()} regularizer costs little accuracy.",
            changes.TEST,
            minus(name),
            NO_LESS,
            unverified=UNSEEN,
        )
        for name in KINDS
    ),
    *(
        Statement(
            f"{name}_filtered",
            f"The {name.upper()} regularizer is the best on test images filtered to its band.",
            changes.on(
                f"accuracy on the {band} third of the frequencies", "filtered", conditions=[band]
            ),
            minus(
                name,
                rivals(VARIANTS, [other for other in VARIANTS if other not in (name, "asf")]),
                f"{name} minus each of the others but asf",
            ),
            MORE,
            unverified=UNSEEN,
        )
        for name, band in BANDS.items()
    ),
    *(
        Statement(
            f"{name}_corrupted",
            f"The {name.upper()} regularizer makes the network more robust to corruptions on "
            "average.",
            changes.CORRUPTED,
            minus(name),
            MORE,
            unverified=UNSEEN,
        )
        for name in KINDS
    ),
    Statement(
        "lsf_noise",
        "LSF makes the network more robust to noise.",
        NOISE,
        minus("lsf"),
        MORE,
        unverified=UNSEEN,
    ),
    Statement(
        "lsf_smooth",
        "LSF makes the network less robust to corruptions of the lowest frequencies.",
        SMOOTH,
        minus("lsf"),
        LESS,
        kind="question",
        unverified=UNSEEN,
    ),
    Statement(
        "lsf_attacked",
        "LSF makes the network more robust to small adversarial perturbations.",
        SMALLEST_ATTACK,
        minus("lsf"),
        MORE,
        kind="question",
    ),
    Statement(
        "lsf_shuffled",
        "LSF is less accurate than HSF on images with shuffled patches.",
        SHUFFLED,
        minus("lsf", "hsf"),
        LESS,
        kind="question",
        unverified=UNSEEN,
    ),
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=measure,
    keys=all_measures.KEYS,
    summary=summary,
    tables=(all_measures.spectra, by_condition, by_corruption),
    figures=figures,
    claims=claims("regularization", "Fourier regularization", STATEMENTS, sensitivity.PAPER),
)


if __name__ == "__main__":
    EXPERIMENT.main()
