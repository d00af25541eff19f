"""Every training method in this package, compared on the same measures in one table.

One row per method, one column per measure: accuracy on the test images, on their low and high
frequencies alone, and under noise, corruptions (nine of the fifteen of Hendrycks and Dietterich),
attacks and shifts; accuracy under corruptions as a share of that on the same images without
corruption; and the share of low and of high frequencies in the input gradient. The map plots
robustness against accuracy, colored by how much of the gradient lies beyond two thirds of the
Nyquist frequency. Correlations are over what each method changes in the network it starts from,
since architectures differ in everything at once. Networks that other experiments have trained are
not trained again. In the standard profile and above, regularizers, recombination and filters start
from a residual network with BatchNorm, SGD and crops.
"""

import dataclasses
import functools
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from experiments.effects import sensitivity
from experiments.effects.changes import CORRUPTIONS, KINDS
from experiments.measures import all_measures
from experiments.recipes import heuristics, systems
from hfc_keras import reporting
from hfc_keras.lab import tested_networks
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.runner import Cell, Plan
from hfc_keras.lab.variants import titles
from hfc_keras.reporting.claims.statements import LESS, Measure, Statement, claims, each
from hfc_keras.reporting.figures.methods import method_changes, method_rows, method_table
from hfc_keras.reporting.figures.two_views import correlation_table
from hfc_keras.reporting.statistics.shares import AT_CHANCE, recipes_at_chance
from hfc_keras.training import Recipe

KEYS = "recipe seed".split()
NAMES = {
    "accuracy": "accuracy",
    "low_accuracy": "low third",
    "high_accuracy": "high third",
    "noise": "noise",
    "corruptions": "corruptions",
    "corruptions_share": "corruptions / clean",
    "fgsm": "FGSM",
    "pgd": "PGD",
    "consistency": "same after a shift",
    "low": "gradient, low",
    "high": "gradient, high",
}
# By method, the network it starts from.
STARTS = {name: way.start for name, way in systems.ALL.items() if way.start}
# Those that start from the residual network where a profile has one.
RESIDUAL = (
    *heuristics.REGULARIZERS,
    *systems.RECOMBINED,
    *systems.ANTIALIASED,
)
# By two measures: what their changes over methods are said to have to do with each other.
QUESTIONS: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("high", "corruptions"): (
        "a larger high-frequency share of the gradient goes with less robustness to corruptions",
        {"below": 0},
    ),
    ("high", "pgd"): (
        "a larger high-frequency share of the gradient goes with less robustness to attacks",
        {"below": 0},
    ),
    ("low_accuracy", "corruptions"): (
        "higher accuracy on low frequencies alone goes with more robustness to corruptions",
        {"above": 0},
    ),
    ("accuracy", "pgd"): ("higher accuracy goes with less robustness to attacks", {"below": 0}),
}
# Also in the table of correlations: the same beside clean accuracy.
PAIRS = (
    *QUESTIONS,
    ("low_accuracy", "corruptions_share"),
    ("high", "corruptions_share"),
)
NOISES = ("gaussian_noise", "shot_noise", "impulse_noise")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(all_measures.Settings, heuristics.Heuristics, heuristics.Augmented):
    """Settings of this experiment."""

    weight: float = 0.5
    """Weight of the Fourier regularizers."""


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    return {
        **heuristics.heuristics(settings),
        **heuristics.augmented(settings),
        **heuristics.regularized(settings, settings.weight),
        **heuristics.smoothed(settings),
        **systems.recombined(settings),
        **systems.antialiased(settings),
        **systems.contextual(settings),
        **systems.anchored(settings),
        **heuristics.residual(settings, always=settings.profile == "full"),
    }


def measure(cell: Cell) -> pd.DataFrame:
    """Return all measures of one network, a row."""
    network = tested_networks.Network(cell)
    rows = all_measures.rows(network).assign(recipe=cell.name, seed=cell.recipe.seed)
    means = all_measures.shares(rows).groupby(["measure", "condition"])["accuracy"].mean()
    numbers = reporting.sensitivity_numbers(sensitivity.rings(rows)).iloc[0]
    # On the same images, which may be fewer than those of the accuracy.
    clean = rows["accuracy"][rows["measure"] == "uncorrupted"].item()
    examples = rows.groupby("measure")["examples"].max()
    corrupted = rows["condition"][rows["measure"] == "corrupted"]
    row = {
        "accuracy": means["clean", "original"],
        "low_accuracy": means["filtered", "low"],
        "high_accuracy": means["filtered", "high"],
        "noise": means["corrupted"][list(NOISES)].mean(),
        "corruptions": means["corrupted"].mean(),
        "corruptions_share": reporting.share_of_clean(means["corrupted"].mean(), clean),
        "fgsm": means["attacked", "fgsm"],
        "pgd": means["attacked", "pgd"],
        "consistency": means["shifted", "consistency"],
        "low": numbers["low"],
        "high": numbers["high"],
        "source": all_measures.source(rows),
        "corruption_names": " ".join(corrupted.unique()),
        "bn_statistics": network.bn_statistics,
        "examples": examples["clean"],
        "corrupted_examples": examples["corrupted"],
        "attacked_examples": examples["attacked"],
        "classes": cell.dataset().classes,
    }
    return pd.DataFrame([row])


def summary(table: pd.DataFrame) -> str:
    """Return all measures of each method, and how what they change goes together."""
    words = (
        "Mean and 95 % interval over seeds (noise: three kinds; corruptions: "
        f"{', '.join(KINDS)}, {', '.join(table['source'].unique())}; FGSM and PGD: mean "
        "over epsilons; gradient: share up to a third of Nyquist and beyond two thirds)\n\n"
        f"{methods(table).to_string()}"
    )
    found = correlations(table)
    if found.empty:
        return words
    return (
        f"{words}\n\nRank correlation, over {changes(table)['recipe'].nunique()} methods, of what "
        "they change in two measures of the network they start from, and 95 % interval of a "
        f"bootstrap over methods\n\n{found.to_string()}"
    )


def methods(table: pd.DataFrame) -> pd.DataFrame:
    """All measures of each method, see ``method_table``; those that guess are marked."""
    found, guessing = (
        method_table(shared(table), NAMES),
        recipes_at_chance(table),
    )
    return found.rename(index={name: name + AT_CHANCE for name in guessing})


def correlations(table: pd.DataFrame) -> pd.DataFrame:
    """How what the methods change goes together, see ``correlation_table``."""
    return correlation_table(changes(table), PAIRS, NAMES)


TABLES = (methods, correlations)


def shared(table: pd.DataFrame) -> pd.DataFrame:
    """Table with accuracy under corruptions as a share of clean accuracy.

    Tables up to version 0.6 lack it; there it is the share of the accuracy on all test images.
    """
    if "corruptions_share" in table:
        return table
    share = reporting.share_of_clean(table["corruptions"], table["accuracy"])
    return table.assign(corruptions_share=share)


def changes(table: pd.DataFrame) -> pd.DataFrame:
    """What each method changes, see ``method_changes``."""
    return method_changes(shared(table), starts_of(table), NAMES)


def starts_of(table: pd.DataFrame) -> dict[str, str]:
    """By method, the network it starts from in a table."""
    residual = heuristics.RESIDUAL in set(table["recipe"])
    return {**STARTS, **(dict.fromkeys(RESIDUAL, heuristics.RESIDUAL) if residual else {})}


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw each method beside the network it starts from, sorted by what it changes."""
    columns = {
        "accuracy": "accuracy on\ntest images",
        "corruptions": f"accuracy, {len(KINDS)} of\n15 corruptions",
        "corruptions_share": "corrupted /\nclean accuracy",
        "pgd": "accuracy\nunder PGD",
        "high": "gradient beyond\n2/3 Nyquist",
    }
    words = titles(systems.ALL)
    words |= {name: f"{words[name]}{AT_CHANCE}" for name in recipes_at_chance(table)}
    guessed = "accuracy", "corruptions", "pgd"
    levels: dict[str, float | None] = dict.fromkeys(guessed, plan.chance)
    starts = starts_of(table)
    return {"": method_rows(shared(table), columns, starts, "corruptions", words, levels)}


def _number(table: pd.DataFrame, recipe: str, column: str) -> pd.Series:
    """One measure of a method, by seed."""
    return reporting.value(table, column, recipe=recipe)


def _pairs(table: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
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


SMOOTHED = {systems.ALL[name].title: (name, "vanilla") for name in heuristics.SMOOTHED}
STATEMENTS = [
    Statement(
        f"smooth_training_{name}",
        f"A first layer that is trained to be smooth {words} (the paper smooths it after "
        "training).",
        Measure(measured, functools.partial(_number, column=column), unit),
        each(SMOOTHED, f"each of {', '.join(heuristics.SMOOTHED)} minus vanilla"),
        LESS,
        kind="question",
    )
    for name, words, measured, column, unit in (
        (
            "high",
            "makes the network use less of the high frequencies",
            "accuracy on the high third of the frequencies",
            "high_accuracy",
            "accuracy",
        ),
        (
            "sensitivity",
            "reduces the high-frequency share of the gradient",
            sensitivity.HIGH.words,
            "high",
            sensitivity.HIGH.unit,
        ),
    )
]
CLAIMS = tuple(
    reporting.Claim(
        id=f"methods_{first}_{second}",
        paper="All papers",
        item="All methods together",
        sentence=f"Across methods, {sentence}.",
        measured="Spearman's rank correlation over methods between their changes in "
        f"{NAMES[first]} and in {NAMES[second]}, as means over seeds"
        + (f"; {CORRUPTIONS}" if second == "corruptions" else ""),
        pairs=functools.partial(_pairs, first=first, second=second),
        unit="rank correlation",
        kind="question",
        **bound,
    )
    for (first, second), (sentence, bound) in QUESTIONS.items()
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=measure,
    keys=KEYS,
    summary=summary,
    tables=TABLES,
    figures=figures,
    claims=(*CLAIMS, *claims("", "section 6.1", STATEMENTS)),
)


if __name__ == "__main__":
    EXPERIMENT.main()
