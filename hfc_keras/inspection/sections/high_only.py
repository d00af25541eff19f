"""Images that are classified correctly only from their high frequencies."""

import numpy as np
import pandas as pd
from keras import ops
from matplotlib.figure import Figure

from hfc_keras import spectrum
from hfc_keras.analysis import component_probabilities
from hfc_keras.analysis.chance import beyond_luck
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, Subjects, Tables, figure_name
from hfc_keras.reporting.figures.gallery import component_gallery
from hfc_keras.types import Integers

SHOWN = 4
# Part of the smaller side that is the radius.
PART = 1 / 8


def _radius(subject: Inspected) -> float:
    """Radius at which the low component is told apart from the image, yet holds much of it."""
    return max(1.0, round(subject.side * PART))


def _measure(subject: Inspected) -> pd.DataFrame:
    """A row per image: the answers to it, to its low and to its high frequencies."""
    rows = subject.some_rows(subject.budget.filtered)
    images, labels = subject.images[rows], subject.labels[rows]
    radius = _radius(subject)
    found = component_probabilities(subject.model, images, radius, batch_size=subject.batch_size)
    answers = {name: values.argmax(axis=1) for name, values in found.items()}
    own = (answers["low"] != labels) & (answers["high"] == labels) & (answers["original"] == labels)
    return pd.DataFrame(
        {
            "image": [subject.sources[row] if subject.sources else str(row) for row in rows],
            "row": rows,
            "label": labels,
            **answers,
            "high_only": own,
            "radius": radius,
        }
    )


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    figures = {}
    for name, subject in subjects.items():
        table = tables[name]
        rows = table.loc[table["high_only"], "row"].to_numpy()[:SHOWN]
        if len(rows) and subject.images.shape[3] in (1, 3):
            key, radius = figure_name(name, subjects), table["radius"].iloc[0]
            figures[key] = _gallery(subject, rows, radius)
    return figures


def _gallery(subject: Inspected, rows: Integers, radius: float) -> Figure:
    images = subject.images[rows]
    low, high = spectrum.split(images, radius)
    parts = {"original": images, "low": low, "high": high}
    parts = {name: ops.convert_to_numpy(part) for name, part in parts.items()}
    answers = component_probabilities(subject.model, images, radius)
    names = [subject.class_name(label) for label in range(subject.classes)]
    return component_gallery(parts, answers, subject.labels[rows], names)


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    count, share = int(table["high_only"].sum()), float(table["high_only"].mean())
    among = table[(table["original"] == table["label"]) & (table["low"] != table["label"])]
    answers = among["high"].to_numpy(), among["label"].to_numpy()
    luck = beyond_luck(*answers)[2] if len(among) else 0.0
    radius = table["radius"].iloc[0]
    spread = 2 * np.sqrt(max(luck, 1))
    word = "more than" if count > luck + spread else "no more than"
    text = (
        f"{count} of {len(table)} images ({share:.2f}) are classified correctly from their "
        f"frequencies above r = {radius:g} but not from those up to it, {word} luck would give "
        f"({luck:.0f})"
    )
    return Reading(f"{count} of {len(table)}", text + ".")


SECTION = Section(
    key="high_only",
    title="Only high frequencies",
    number="images right only from high frequencies",
    question="Which images does it classify by their high frequencies alone?",
    method=(
        "Images that are right as they are and from their high frequencies, while what a person "
        "still sees, the low ones, is put into another class. Luck is what the model's answers to "
        "the high frequencies would get right if they were dealt to these images at random. "
        "Wang et al., CVPR 2020, Fig. 2."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: 3 * subject.budget.filtered,
    pictures=True,
)
