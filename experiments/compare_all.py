"""Every way of training in this package on the same measures, in one table.

A row a method, a column a measure: accuracy, also on low and on high frequencies alone, under
noise, all corruptions, attacks and shifts, and the share of low and of high frequencies in the
input gradient. The map sets robustness against accuracy, coloured by how much of the gradient lies
beyond two thirds of the Nyquist frequency. Correlations are over what each method changes in the
network it starts from, since architectures differ in everything at once. In the quick profile,
networks that other experiments have trained are not trained again.
"""

import dataclasses
import functools
import sys

import pandas as pd

from experiments import runner, statements, system_trainings, systems, trainings
from hfc_keras import reporting

KEYS = "recipe seed".split()
NAMES = {
    "accuracy": "accuracy",
    "low_accuracy": "low third",
    "high_accuracy": "high third",
    "noise": "noise",
    "corruptions": "corruptions",
    "fgsm": "FGSM",
    "pgd": "PGD",
    "consistency": "same after a shift",
    "low": "gradient, low",
    "high": "gradient, high",
}
# By method, the network it starts from.
STARTS = {
    **dict.fromkeys(
        (
            *trainings.HEURISTICS[1:],
            "noise",
            "low_pass",
            *trainings.REGULARIZERS,
            *trainings.SMOOTHED,
            *system_trainings.RECOMBINED,
            *system_trainings.ANTIALIASED,
        ),
        "vanilla",
    ),
    **dict.fromkeys(system_trainings.CONTEXTUAL[1:], system_trainings.CONTEXTUAL[0]),
    **dict.fromkeys(system_trainings.ANCHORED[1:], system_trainings.ANCHORED[0]),
}
# By two measures: whether those whose first one grows lose or gain in the second.
QUESTIONS = {
    ("high", "corruptions"): (
        "those whose gradient gains high frequencies lose robustness to corruptions",
        {"below": 0},
    ),
    ("high", "pgd"): (
        "those whose gradient gains high frequencies lose robustness to attacks",
        {"below": 0},
    ),
    ("low_accuracy", "corruptions"): (
        "those that gain accuracy on low frequencies alone gain robustness to corruptions",
        {"above": 0},
    ),
    ("accuracy", "pgd"): ("those that gain accuracy lose robustness to attacks", {"below": 0}),
}
NOISES = ("gaussian_noise", "shot_noise", "impulse_noise")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(systems.Settings, trainings.Heuristics, trainings.Augmented):
    """Settings of this experiment."""

    weight: float = 0.5
    """Weight of the Fourier regularizers."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    return {
        **trainings.heuristics(settings),
        **trainings.augmented(settings),
        **trainings.regularized(settings, settings.weight),
        **trainings.smoothed(settings),
        **system_trainings.recombined(settings),
        **system_trainings.antialiased(settings),
        **system_trainings.contextual(settings),
        **system_trainings.anchored(settings),
    }


def measure(cell):
    """Return all measures of one network, a row."""
    model, _ = cell.fit()
    rows = systems.rows(cell, model).assign(recipe=cell.name, seed=cell.recipe.seed)
    means = systems.shares(rows).groupby(["measure", "condition"])["accuracy"].mean()
    numbers = reporting.sensitivity_numbers(systems.rings(rows)).iloc[0]
    row = {
        "accuracy": means["clean", "original"],
        "low_accuracy": means["filtered", "low"],
        "high_accuracy": means["filtered", "high"],
        "noise": means["corrupted"][list(NOISES)].mean(),
        "corruptions": means["corrupted"].mean(),
        "fgsm": means["attacked", "fgsm"],
        "pgd": means["attacked", "pgd"],
        "consistency": means["shifted", "consistency"],
        "low": numbers["low"],
        "high": numbers["high"],
        "source": systems.source(rows),
    }
    return pd.DataFrame([row])


def summary(table):
    """Return all measures of each method, and how what they change goes together."""
    words = (
        "Mean and 95 % interval over seeds (noise: three kinds; corruptions: "
        f"{', '.join(table['source'].unique())}; FGSM and PGD: mean over epsilons; gradient: share "
        f"up to a third of Nyquist and beyond two thirds)\n\n{methods(table).to_string()}"
    )
    found = correlations(table)
    if found.empty:
        return words
    return (
        f"{words}\n\nRank correlation, over {changes(table)['recipe'].nunique()} methods, of what "
        "they change in two measures of the network they start from, and 95 % interval of a "
        f"bootstrap over methods\n\n{found.to_string()}"
    )


def methods(table):
    """All measures of each method, as of ``reporting.method_table``."""
    return reporting.method_table(table, NAMES)


def correlations(table):
    """How what the methods change goes together, as of ``reporting.correlation_table``."""
    return reporting.correlation_table(changes(table), QUESTIONS, NAMES)


TABLES = (methods, correlations)


def changes(table):
    """What each method changes, as of ``reporting.method_changes``."""
    return reporting.method_changes(table, STARTS, NAMES)


def figures(table, plan):
    """Draw robustness against accuracy, coloured by the gradient's high frequencies."""
    names = {
        "accuracy": "accuracy on test images",
        "corruptions": "accuracy under corruptions",
        "pgd": "accuracy under PGD",
        "high": "share of the gradient's power beyond two thirds of Nyquist",
    }
    chosen = "accuracy", ("corruptions", "pgd"), "high"
    return {"": reporting.method_map(table, *chosen, names, trainings.TITLES)}


def _pairs(first, second, table):
    """What each method changes in both; a comparison of some of them says nothing of all."""
    changed = changes(table)
    missing = sorted(STARTS.keys() - set(changed["recipe"]))
    if missing:
        raise reporting.MissingMeasurementError(
            "A claim about all methods needs each of them, and the network it starts from, with "
            f"every seed. Received: missing={missing}"
        )
    names = {first: "first", second: "second"}
    return changed[["recipe", "seed", *names]].rename(columns=names)


_claim = functools.partial(
    statements.claim, "methods", "All papers", "All methods together", unit="rank correlation"
)
CLAIMS = tuple(
    _claim(
        f"{first}_{second}",
        f"Of all methods, {sentence}.",
        f"Spearman's rank correlation over methods of what they change in {NAMES[first]} and in "
        f"{NAMES[second]}, each a mean over seeds"
        + (f"; {systems.CORRUPTIONS}" if second == "corruptions" else ""),
        None,
        pairs=functools.partial(_pairs, first, second),
        kind="question",
        **bound,
    )
    for (first, second), (sentence, bound) in QUESTIONS.items()
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
