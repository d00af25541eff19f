"""Whether the model is as sure as it is right."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras.analysis.calibration import calibration_errors, reliability_table
from hfc_keras.analysis.predictions import confidence
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, Subjects, Tables, compared, named
from hfc_keras.reporting.figures.reliability import reliability_diagram

BINS = 15


def _measure(subject: Inspected) -> pd.DataFrame:
    """One row per bin of confidence that holds images; means over all images stand in each."""
    sure, right = confidence(subject.logits), subject.answers == subject.labels
    expected, _ = calibration_errors(sure, right, BINS)
    return reliability_table(sure, right, BINS).assign(
        mean_confidence=float(sure.mean()),
        mean_accuracy=float(right.mean()),
        expected_calibration_error=expected,
    )


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    return {"": reliability_diagram(named(tables))}


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    first = table.iloc[0]
    sure, right = first["mean_confidence"], first["mean_accuracy"]
    error = first["expected_calibration_error"]
    # Of no image, or of all, the plain formula would know the accuracy exactly.
    count = len(subject.images)
    likely = (right * count + 1) / (count + 2)
    luck = max(0.01, 2 * np.sqrt(likely * (1 - likely) / count))
    words = "underconfident", "well calibrated on average", "overconfident"
    word = compared(sure - right, luck, *words)
    return Reading(
        f"{error:.3f}",
        f"It is {word}: its mean confidence is {sure:.2f}, its accuracy {right:.2f} "
        f"(expected calibration error {error:.3f}, biased upwards by few images).",
    )


SECTION = Section(
    key="calibration",
    title="Calibration",
    number="expected calibration error",
    question="Is it as sure as it is right?",
    method=(
        "Images in bins of the model's confidence, the largest softmax probability; on the "
        "diagonal the model is as sure as it is right. The larger a point, the more images are in "
        "its bin. Guo et al., ICML 2017."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: 1.0,
    needs_labels=True,
)
