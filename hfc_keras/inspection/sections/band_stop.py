"""Accuracy without one ring of frequencies."""

import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import analysis, thirds
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, Subjects, Tables, most_chance, named
from hfc_keras.reporting.figures.band_stop import band_stop_curves


def _measure(subject: Inspected) -> pd.DataFrame:
    images, labels = subject.some(subject.budget.banded)
    return analysis.band_stop_accuracy(
        subject.model, images, labels, subject.budget.bands, subject.batch_size
    )


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    return {"": band_stop_curves(named(tables), chance=most_chance(subjects))}


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    clean, rings = table["accuracy"].iloc[0], table.iloc[1:]
    worst = rings.iloc[int(rings["drop"].argmax())]
    limit = thirds.limits(subject.side)[1]
    high = rings.loc[rings["inner"] >= limit, "drop"]
    ring = f"{worst['inner']:.3g} to {worst['outer']:.3g}"
    sentence = (
        f"Without the ring from {ring} cycles it loses most, {worst['drop']:.2f} of {clean:.2f}"
    )
    if worst["drop"] <= 0:
        sentence = f"No single ring of frequencies costs it any of its {clean:.2f}"
    elif len(high) and worst["inner"] < limit:
        sentence += (
            f"; a ring above two thirds of Nyquist ({limit:.3g}) costs at most "
            f"{max(high.max(), 0):.2f}"
        )
    return Reading(ring, sentence + ".")


SECTION = Section(
    key="band_stop_accuracy",
    title="Band stop",
    number="ring that costs most",
    question="Which frequencies can it not do without?",
    method=(
        "One ring of frequencies after the other is removed from the images, the rest stays. A "
        "large drop says that the ring is needed, a small one that others make up for it. Outer "
        "rings hold more coefficients and less power of natural images. Components are not "
        "clipped."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: (1 + subject.budget.bands) * subject.budget.banded,
)
