"""What the model answers to the images as they are."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, Subjects, Tables
from hfc_keras.reporting.figures.answers import answer_pictures

SHOWN = 8


def _measure(subject: Inspected) -> pd.DataFrame:
    """One row for each class of the labels: images, right ones, what others are taken for."""
    rows = []
    for label in np.unique(subject.labels):
        given = subject.answers[subject.labels == label]
        wrong = given[given != label]
        often = int(np.bincount(wrong).argmax()) if len(wrong) else None
        rows.append(
            {
                "class": int(label),
                "name": subject.class_name(label),
                "examples": len(given),
                "right": len(given) - len(wrong),
                "accuracy": 1 - len(wrong) / len(given),
                "taken_for": "" if often is None else subject.class_name(often),
                "times": 0 if often is None else int((wrong == often).sum()),
            }
        )
    return pd.DataFrame(rows)


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    subject = next(iter(subjects.values()))
    rows = subject.some_rows(SHOWN)
    answers = {
        name: [each.class_name(each.answers[row]) for row in rows]
        for name, each in subjects.items()
    }
    labels = [subject.class_name(label) for label in subject.labels[rows]]
    if not subject.labelled:
        labels = None
    return {"": answer_pictures(subject.images[rows], answers, labels)}


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    count = len(subject.images)
    if not subject.labelled:
        given = table["examples"] / count
        most = table.iloc[int(given.argmax())]
        return Reading(
            "no labels",
            f"It puts the {count} images, which have no labels, into {len(table)} "
            f"class{'es' * (len(table) > 1)}, {most['examples']} of them into {most['name']!r}.",
        )
    right = int(table["right"].sum())
    interval = stats.binomtest(right, count).proportion_ci(method="wilson")
    worst = table.iloc[int(table["accuracy"].argmin())]
    number = f"{subject.accuracy:.3g}"
    sentence = (
        f"{subject.accuracy:.2f} of {count} image{'s' * (count > 1)} right (95% interval "
        f"{interval.low:.2f} to {interval.high:.2f}; chance {subject.chance:.2g})"
    )
    if table["accuracy"].nunique() > 1:
        sentence += f", lowest for class {worst['name']!r} ({worst['accuracy']:.2f})"
    return Reading(number, sentence + ".")


SECTION = Section(
    key="answers",
    title="Answers",
    number="share of right answers",
    question="What does the model answer to the images as they are?",
    method=(
        "If the answers are not what you know of the model, nothing below means much: then the "
        "range of pixels, the order of the colors or of the classes, or the kind of output is not "
        "what the model was trained with."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: len(subject.images),
    needs_skill=False,
    pictures=True,
)
