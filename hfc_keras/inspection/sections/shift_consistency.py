"""Share of answers that survive small shifts."""

import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import analysis
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import (
    NotApplicableError,
    Reading,
    Section,
    Subjects,
    Tables,
    named,
)
from hfc_keras.reporting.figures.shift_curves import shift_curves


def _measure(subject: Inspected) -> pd.DataFrame:
    images, _ = subject.some(subject.budget.shifted)
    shifts = [shift for shift in subject.budget.shifts if shift < subject.side]
    if not shifts:
        raise NotApplicableError("a row or column of pixels has no reflection to shift in")
    rows = [
        {
            "max_shift": shift,
            "consistency": analysis.shift_consistency(
                subject.model, images, shift, seed=subject.seed, batch_size=subject.batch_size
            ),
            "examples": len(images),
        }
        for shift in shifts
    ]
    return pd.DataFrame(rows)


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    return {"": shift_curves(named(tables))}


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    first, last = table.iloc[0], table.iloc[-1]
    unit = "pixel" if first["max_shift"] == 1 else "pixels"
    text = (
        f"After two shifts of up to {first['max_shift']:g} {unit} {first['consistency']:.2f} of "
        "the answers agree"
    )
    if len(table) > 1:
        text += f", of up to {last['max_shift']:g} pixels {last['consistency']:.2f}"
    return Reading(f"{first['consistency']:.2f}", text + ".")


SECTION = Section(
    key="shift_consistency",
    title="Shifts",
    number="answers that agree after one pixel",
    question="Do its answers survive small shifts?",
    method=(
        "Each image is shifted twice, by whole pixels at random, with reflected borders; "
        "counted are the images whose two answers agree, right or wrong. Networks that subsample "
        "without a filter alias: high frequencies turn into low ones that depend on where the grid "
        "lies. Zhang, ICML 2019."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: 2 * len(subject.budget.shifts) * subject.budget.shifted,
)
