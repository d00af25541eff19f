"""Spectrum of the input gradient beside that of white noise."""

import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import analysis, thirds
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, Subjects, Tables, compared, named
from hfc_keras.reporting.figures.fourier_sensitivity import sensitivity_curves


def _measure(subject: Inspected) -> pd.DataFrame:
    images, labels = subject.some(subject.budget.gradients)
    return analysis.fourier_sensitivity(
        subject.model, images, labels, batch_size=subject.batch_size
    )


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    sides = {name: subject.side for name, subject in subjects.items()}
    table = named(tables)
    table = table.assign(image_size=table["model"].map(sides))
    return {"": sensitivity_curves(table, {"": list(tables)}, below=True)}


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    limit = thirds.limits(subject.side)[1]
    beyond = table["ring"] > limit
    share, white = table.loc[beyond, "mean"].sum(), table.loc[beyond, "white"].sum()
    word = compared(share - white, 0.02, "less than", "as much as", "more than")
    left_out = int(table["zero_gradient"].iloc[0])
    limits = f"; {left_out} images without a gradient are left out" if left_out else ""
    return Reading(
        f"{share:.2f} (white {white:.2f})",
        f"Of the power of its input gradient {share:.2f} lies above two thirds of "
        f"Nyquist ({limit:.3g} cycles), {word} in white noise ({white:.2f}){limits}.",
    )


SECTION = Section(
    key="fourier_sensitivity",
    title="Fourier sensitivity",
    number="share of the gradient above two thirds of Nyquist",
    question="Which frequencies is its loss most sensitive to?",
    method=(
        "Share of each ring of frequencies in the power of the gradient of the cross-entropy with "
        "respect to the pixels, mean over images. Rings grow with their radius, so read the curve "
        "against white noise (dashed): above it the loss reacts to these frequencies more than to "
        "noise in general. It says what tiny changes do, not what the answer rests on. "
        "Krishnamachari et al., TMLR 2022."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: 3 * subject.budget.gradients,
    needs_skill=False,
)
