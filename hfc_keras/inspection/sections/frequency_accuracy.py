"""Accuracy on low and on high components."""

import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import analysis
from hfc_keras.inspection.headline import crossing
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.section import Reading, Section, Subjects, Tables, named
from hfc_keras.reporting.figures.radius_curves import radius_curves
from hfc_keras.types import BnStatistics


def _statistics(subject: Inspected) -> list[BnStatistics]:
    if not analysis.has_batch_norm(subject.model):
        return ["moving"]
    return ["moving", "batch", "population"]


def _measure(subject: Inspected) -> pd.DataFrame:
    """Rows of each kind of batch-norm statistics that the model has."""
    budget, tables = subject.budget, []
    images, labels = subject.some(budget.filtered)
    # Without training images, the population is that of the images at hand.
    seen = subject.train_images
    seen = images[: budget.population] if seen is None else seen
    for kind in _statistics(subject):
        tables.append(
            analysis.frequency_accuracy(
                subject.model,
                images,
                labels,
                budget.radii,
                bn_statistics=kind,
                batch_size=subject.batch_size,
                train_images=seen if kind == "population" else None,
            )
        )
    return pd.concat(tables, ignore_index=True)


def _draw(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    chance = max(subject.chance for subject in subjects.values())
    return {"": radius_curves(named(tables), chance)}


def _read(table: pd.DataFrame, subject: Inspected) -> Reading:
    own = table[table["bn_statistics"] == "moving"].set_index(["component", "radius"])["accuracy"]
    clean, low, high = own["original"].iloc[0], own["low"], own["high"]
    half = (clean + subject.chance) / 2
    enough = low[low >= half]
    first = high.index[0]
    if len(enough):
        radius = enough.index[0]
        first = radius
        kept = (
            f"Frequencies up to r = {radius:g} of {subject.side / 2:g} cycles per image are enough "
            f"for half of its accuracy above chance ({enough.iloc[0]:.2f} of {clean:.2f})"
        )
        number = f"{crossing(low, half):.3g}"
    else:
        kept = (
            f"Not even the frequencies up to r = {low.index[-1]:g} are enough for half of its "
            f"accuracy above chance ({low.iloc[-1]:.2f} of {clean:.2f})"
        )
        number = f"> {low.index[-1]:g}"
    beyond = (
        f"what lies beyond r = {first:g} alone gives {high[first]:.2f} "
        f"(chance {subject.chance:.2g})"
    )
    return Reading(number, f"{kept}; {beyond}{_batch_norm(table, first)}.")


def _batch_norm(table: pd.DataFrame, radius: float) -> str:
    """What the statistics of each batch change, where there are any."""
    at = table[(table["component"] == "high") & (table["radius"] == radius)]
    by_kind = at.set_index("bn_statistics")["accuracy"]
    if "batch" not in by_kind:
        return ""
    return f", and {by_kind['batch']:.2f} with the batch-norm statistics of each test batch"


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
        "(training images where they are at hand, else these images). "
        "Wang et al., CVPR 2020."
    ),
    measure=_measure,
    draw=_draw,
    read=_read,
    cost=lambda subject: (
        (1 + 2 * len(subject.budget.radii)) * subject.budget.filtered * len(_statistics(subject))
    ),
)
