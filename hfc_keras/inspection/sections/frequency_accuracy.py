"""Accuracy on low and on high components."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import analysis
from hfc_keras.inspection.half_radius import about, accuracy_by_radius, half_radius
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, Subjects, Tables, most_chance, named
from hfc_keras.reporting.figures.radius_curves import radius_curves
from hfc_keras.types import BnStatistics, Floats


def _statistics(subject: Inspected) -> list[BnStatistics]:
    if not analysis.has_batch_norm(subject.model):
        return ["moving"]
    return ["moving", "batch", "population"]


def _measure(subject: Inspected) -> pd.DataFrame:
    """Rows of each kind of batch-norm statistics that the model has."""
    tables = []
    images, labels = subject.some(subject.budget.filtered)
    for kind in _statistics(subject):
        seen, batch_size = None, subject.batch_size
        of = "moving averages"
        if kind == "batch":
            batch_size = subject.budget.statistics_batch
            of = f"each batch of {batch_size} images"
        if kind == "population":
            seen, of = _population(subject, images)
        table = analysis.frequency_accuracy(
            subject.model,
            images,
            labels,
            subject.budget.radii,
            bn_statistics=kind,
            batch_size=batch_size,
            train_images=seen,
        )
        tables.append(table.assign(statistics_of=of))
    return pd.concat(tables, ignore_index=True)


def _population(subject: Inspected, images: Floats) -> tuple[Floats, str]:
    """Images that give population statistics, and which they are, in words."""
    if subject.train_images is not None:
        return subject.train_images, f"{len(subject.train_images)} training images"
    images = images[: subject.budget.population]
    return images, f"{len(images)} of the test images"


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    return {"": radius_curves(named(tables), most_chance(subjects))}


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    accuracy, radius = accuracy_by_radius(table), half_radius(table, subject)
    clean, low, high = accuracy["original"].iloc[0], accuracy["low"], accuracy["high"]
    chance = f"chance {subject.chance:.2g}"
    count = min(len(subject.images), subject.budget.filtered)
    if radius is None:
        most, first = low.index[-1], high.index[0]
        return Reading(
            f"> {most:g}",
            f"Not even the frequencies up to r = {most:g} are enough for half of its "
            f"{subject.scored} ({low[most]:.2f} of {clean:.2f} on {count} images, {chance}); those "
            f"above r = {first:g} alone give {high[first]:.2f}{_batch_norm(table, first)}.",
        )
    up_to = about(radius, low.index[0])
    return Reading(
        up_to,
        f"Frequencies up to {up_to} of {subject.side / 2:g} cycles per image are enough for half "
        f"of its {subject.scored} ({clean:.2f} on {count} images, {chance}); those above this "
        f"alone give about {_at(radius, high):.2f}{_batch_norm(table, radius)}.",
    )


def _at(radius: float, values: pd.Series) -> float:
    """Value at a radius, linear between those that were measured."""
    return float(np.interp(radius, values.index, values))


def _batch_norm(table: pd.DataFrame, radius: float) -> str:
    """What the statistics of each batch change, where there are any."""
    high = table[(table["component"] == "high") & (table["bn_statistics"] == "batch")]
    if not len(high):
        return ""
    value = _at(radius, high.set_index("radius")["accuracy"])
    return f", and {value:.2f} with the batch-norm statistics of {high['statistics_of'].iloc[0]}"


SECTION = Section(
    key="frequency_accuracy",
    title="Low and high frequencies",
    number="radius up to which half of its accuracy comes back",
    question="Which frequencies are enough for the right answer?",
    method=(
        "Each image is split by an ideal filter of radius r in the Fourier plane into a low "
        "component (up to r cycles per image) and a high one (the rest), which add up to the "
        "image. The model answers to each alone, as it is: not scaled, not clipped. A model that "
        "lives on low frequencies keeps its accuracy on the left, one that reads high ones on the "
        "right. High components have mean zero, as no training image has: that they are strange "
        "to the model is part of the answer. Where there is batch normalization, its statistics "
        "are the moving averages, those of each test batch, or of a population of images pooled "
        "(training images where they are at hand, else test images); the table names their number. "
        "What is said to be about "
        "some number lies between two measured radii and is interpolated. "
        "Wang et al., CVPR 2020."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: (
        (1 + 2 * len(subject.budget.radii)) * subject.budget.filtered * len(_statistics(subject))
    ),
)
