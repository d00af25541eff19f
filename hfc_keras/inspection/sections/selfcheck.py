"""Verdicts of selfcheck: can its robust accuracy be believed?"""

import dataclasses

import pandas as pd

from hfc_keras import selfchecks
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, no_figure

EPSILON = 8 / 255
# Forward passes that all checks of attacks take an image, about.
PASSES = 1000


def _measure(subject: Inspected) -> pd.DataFrame:
    images, labels = subject.some(subject.budget.checked)
    checked = selfchecks.Subject(subject.model, images, labels, EPSILON, subject.seed)
    found = selfchecks.checked(checked, subject.budget.attack_checks)
    return pd.DataFrame([dataclasses.asdict(check) for check in found])


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    counts = table["status"].value_counts().reindex(selfchecks.STATUSES, fill_value=0)
    bad = table.loc[table["status"] == "fail", "name"].tolist()
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    text = f"Of {len(table)} checks on {subject.budget.checked} images {told}"
    text += f"; what fails: {', '.join(bad)}" if bad else ""
    if not subject.budget.attack_checks:
        text += "; those of attacks are left out at this size of images in a fast profile"
    return Reading(told, text + ".")


SECTION = Section(
    key="selfcheck",
    title="Selfcheck",
    number="checks",
    question="Can the numbers under attack be believed?",
    method=(
        "Whether the model returns finite logits, the same for the same image whatever stands "
        "beside it, and whether attacks find what they must: that the loss rises, that a huge "
        "epsilon leaves nothing, that many steps find more than one, that random noise and random "
        "search find less than the gradient. Carlini et al., 2019."
    ),
    measure=_measure,
    draw=no_figure,
    read=_read,
    cost=lambda subject: (
        subject.budget.checked * (PASSES / 2 if subject.budget.attack_checks else 5)
    ),
    needs_skill=False,
)
