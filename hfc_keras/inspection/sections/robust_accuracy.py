"""Accuracy under attack by epsilon."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import analysis
from hfc_keras.attacks import Fgsm, Pgd
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, Subjects, Tables, most_chance, named
from hfc_keras.reporting.figures.epsilon_curves import epsilon_curves

KEPT = (
    "attack epsilon steps norm accuracy examples attacked zero_gradient_share nonfinite_share "
    "unchanged_share max_norm loss_before loss_after"
).split()


def _measure(subject: Inspected) -> pd.DataFrame:
    budget = subject.budget
    images, labels = subject.some(budget.attacked)
    tables = [
        analysis.robust_accuracy(subject.model, images, labels, attacks, False, subject.batch_size)
        for attacks in (
            [Fgsm(epsilon) for epsilon in budget.epsilons],
            [Pgd(epsilon, steps=budget.steps, seed=subject.seed) for epsilon in budget.epsilons],
        )
    ]
    # An attack that was run after a smaller one finds what that one found.
    rows = pd.concat([tables[0].iloc[:-1], tables[1].iloc[1:-1]], ignore_index=True)
    return rows[KEPT]


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    return {"": epsilon_curves(named(tables), most_chance(subjects))}


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    clean = table["accuracy"].iloc[0]
    kind = "accuracy" if subject.labelled else "agreement with its own answers"
    pgd = table[table["attack"] == "pgd"]
    levels, left = 255 * pgd["epsilon"].to_numpy(), pgd["accuracy"].to_numpy()
    below = np.flatnonzero(left < clean / 2)
    if len(below):
        half = f"{levels[below[0]]:g}/255"
        text = f"PGD halves its {kind} of {clean:.2f} by an epsilon of {half}"
    else:
        half = f"> {levels[-1]:g}/255"
        text = (
            f"PGD does not halve its {kind} of {clean:.2f} up to an epsilon of {levels[-1]:g}/255"
        )
    at = int(np.abs(levels - 8).argmin())
    text += f"; at {levels[at]:g}/255 it leaves {left[at]:.2f} of {int(table['examples'].iloc[0])}"
    masked = float(np.nanmax([0.0, *pgd["zero_gradient_share"], *pgd["nonfinite_share"]]))
    if masked > 0.01:
        text += (
            f" images, but {masked:.2f} of them have no gradient to follow, so that this is no "
            "robustness (see the last section)"
        )
    else:
        text += " images"
    return Reading(f"half at {half}", text + ".")


SECTION = Section(
    key="robust_accuracy",
    title="Attacks",
    number="epsilon of PGD that halves its accuracy",
    question="How small a change of all pixels turns its answers?",
    method=(
        "White-box attacks in the L-inf norm, FGSM (one step) and PGD from a random start; epsilon "
        "is the largest change of a pixel in gray levels of 255. A network trained without a "
        "defense falls within some levels; one that does not may hide its gradient instead, "
        "which the diagnostics in the table (images without gradient, unchanged, loss before and "
        "after) and the last section show. For a number to report use attacks.standard."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: (
        3 * (1 + subject.budget.steps) * len(subject.budget.epsilons) * subject.budget.attacked / 2
    ),
)
