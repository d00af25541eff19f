"""Whether the model is as sure as it is right."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras.analysis.calibration import calibration_errors
from hfc_keras.analysis.predictions import confidence
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, Subjects, Tables, compared, named
from hfc_keras.reporting.figures.reliability import reliability_diagram

BINS = 15


def _measure(subject: Inspected) -> pd.DataFrame:
    """A row per bin of confidence that holds images; the errors of all are the same in each."""
    sure, right = confidence(subject.logits), subject.answers == subject.labels
    edges = np.arange(1, BINS) / BINS
    bin_of = np.searchsorted(edges, sure)
    rows = [
        {
            "lower": each / BINS,
            "upper": (each + 1) / BINS,
            "examples": int((bin_of == each).sum()),
            "confidence": float(sure[bin_of == each].mean()),
            "accuracy": float(right[bin_of == each].mean()),
        }
        for each in np.unique(bin_of)
    ]
    expected, _ = calibration_errors(sure, right, BINS)
    return pd.DataFrame(rows).assign(
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
    luck = 2 * np.sqrt(right * (1 - right) / len(subject.images))
    words = "underconfident", "about as sure as right", "overconfident"
    word = compared(sure - right, luck, *words)
    return Reading(
        f"{error:.3f}",
        f"It is {word}: {sure:.2f} sure on average and right on {right:.2f} "
        f"(expected calibration error {error:.3f}, biased upwards by few images).",
    )


SECTION = Section(
    key="calibration",
    title="Calibration",
    number="expected calibration error",
    question="Is it as sure as it is right?",
    method=(
        "Images in bins of the model's confidence, the largest softmax probability; on the "
        "diagonal the model is as sure as it is right. Guo et al., ICML 2017."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: 1.0,
    needs_labels=True,
)
