"""Two papers, two measures: do they agree on which networks use high frequencies?

Wang et al. (CVPR 2020) ask how often a network is right from the high frequencies of an image
alone; Krishnamachari et al. (TMLR 2022) ask how much of its input gradient lies there. Both are
measured on every training of the other experiments and compared by their rank correlation over
trainings, with an interval from a bootstrap over them. The accuracy is the mean over the high
components beyond the two smaller radii, an eighth and a quarter of the width; the sensitivity is
the share of the gradient's power beyond two thirds of the Nyquist frequency.
"""

import dataclasses
import functools
from collections.abc import Collection

import pandas as pd
from matplotlib.figure import Figure

from experiments.measures import fourier_sensitivity, frequency_curves
from experiments.recipes import heuristics
from hfc_keras import reporting
from hfc_keras.lab import tested_networks
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.runner import Cell, Plan
from hfc_keras.lab.settings import Radii
from hfc_keras.lab.variants import drawn
from hfc_keras.reporting.figures.two_views import rank_correlation, two_views
from hfc_keras.training import Recipe

KEYS = "recipe seed".split()
ACCURACY, SENSITIVITY = "high_accuracy", "high"
NAMES = {
    "high_accuracy": "accuracy, high components",
    "low_accuracy": "accuracy, low components",
    "high": "sensitivity beyond 2/3 Nyquist",
    "low": "sensitivity up to 1/3 Nyquist",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(
    tested_networks.Settings,
    Radii,
    heuristics.Heuristics,
    heuristics.Augmented,
    heuristics.Architectures,
):
    """Settings of this experiment."""

    weight: float = 0.5
    """Weight of the Fourier regularizers."""


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    return {
        **heuristics.heuristics(settings),
        **heuristics.augmented(settings, settings.inclusive),
        **heuristics.architectures(settings),
        **heuristics.regularized(settings, settings.weight),
        **heuristics.residual(settings),
    }


def measure(cell: Cell) -> pd.DataFrame:
    """Return the two measures of one network, a row."""
    network = tested_networks.Network(cell)
    kind = "moving" if network.bn_statistics == "none" else network.bn_statistics
    tested = frequency_curves.component_rows(
        cell, network.trained, kind, epochs=frequency_curves.last_epoch(cell), scaling="none"
    )
    spectrum = fourier_sensitivity.rows(network).assign(recipe=cell.name, seed=cell.recipe.seed)
    numbers = reporting.sensitivity_numbers(spectrum).reset_index(drop=True)
    smaller = tested[tested["radius"].isin(sorted(tested["radius"].unique())[:2])]
    chosen = pd.concat([smaller, tested[tested["component"] == "original"]])
    means = chosen.groupby("component")["accuracy"].mean()
    # A network without batch normalization has its accuracy from the training.
    accuracy = means.get("original", network.history["val_accuracy"].iloc[-1])
    row = {"accuracy": accuracy, "examples": len(cell.dataset().test)}
    row["bn_statistics"] = network.bn_statistics
    row.update({f"{kind}_accuracy": means[kind] for kind in ("low", "high")})
    return pd.concat([pd.DataFrame([row]), numbers], axis=1)


def summary(table: pd.DataFrame) -> str:
    """Return both measures by training, and their rank correlation."""
    found = rank_correlation(table, ACCURACY, SENSITIVITY)
    return (
        f"{means(table).to_string()}\n\n"
        f"Rank correlation of {NAMES[ACCURACY]} and {NAMES[SENSITIVITY]} over "
        f"{found.trainings} trainings: {found.value:+.2f}, 95 % interval of a bootstrap over "
        f"trainings {found.low:+.2f} to {found.high:+.2f}"
    )


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Both measures by training, mean and standard deviation over seeds."""
    return reporting.means_by_recipe(table, ["accuracy", *NAMES])


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw one measure against the other, for high and for low frequencies."""
    pairs = [("high", "high_accuracy"), ("low", "low_accuracy")]
    return {"": two_views(table, pairs, NAMES, **drawn(heuristics.VARIANTS), chance=plan.chance)}


def _pairs(table: pd.DataFrame, kind: str, left_out: Collection[str]) -> pd.DataFrame:
    """Both measures of each network."""
    kept = table[~table["recipe"].isin(left_out)]
    names = {f"{kind}_accuracy": "first", kind: "second"}
    return kept[["recipe", "seed", *names]].rename(columns=names)


def _claim(kind: str, name: str, words: str, left_out: Collection[str] = ()) -> reporting.Claim:
    return reporting.Claim(
        id=f"two_views_{kind}{name}",
        paper="Both papers",
        item="Two views of one network",
        kind="question",
        sentence=f"Among {words}, those with higher {kind}-frequency accuracy are more sensitive "
        f"to {kind} frequencies.",
        measured=f"Spearman's rank correlation over {words} of {NAMES[f'{kind}_accuracy']} and "
        f"{NAMES[kind]}, each a mean over seeds",
        pairs=functools.partial(_pairs, kind=kind, left_out=left_out),
        unit="rank correlation",
        above=0,
    )


CLAIMS = (
    *(_claim(kind, "", "the recipes here") for kind in ("high", "low")),
    *(
        _claim(kind, "_unregularized", "the recipes without a regularizer", heuristics.REGULARIZERS)
        for kind in ("high", "low")
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
    claims=CLAIMS,
)


if __name__ == "__main__":
    EXPERIMENT.main()
