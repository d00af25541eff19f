"""Which frequencies a model lives on, in one sentence."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hfc_keras import thirds
from hfc_keras.analysis.predictions import LEAST
from hfc_keras.inspection.half_radius import (
    either_is_enough,
    half_radius,
    half_radius_beyond,
    rounded,
)
from hfc_keras.inspection.inspected import Inspected

# Frequencies from one third to another.
WORDS = {
    (0, 0): "low",
    (0, 1): "low and middle",
    (0, 2): "low to high",
    (1, 1): "middle",
    (1, 2): "middle and high",
    (2, 2): "high",
}


def headline(subject: Inspected, tables: Mapping[str, pd.DataFrame]) -> str:
    """Return which frequencies a model lives on: which of them alone are enough.

    The first number in it is ``half_radius``, as in the section on these components. Low, middle
    and high are as in ``thirds``.

    Args:
        subject: Inspected.
        tables: dict from section to DataFrame.

    Returns:
        str, a sentence.
    """
    name = subject.name
    if "frequency_accuracy" not in tables:
        return f"{name}: which frequencies it lives on could not be measured."
    if not subject.beyond_luck and len(subject.images) < LEAST:
        return f"{name}: {len(subject.images)} images are too few to tell its answers from chance."
    if not subject.beyond_luck:
        return f"{name} is near chance on these images: first see that it is fed as it was trained."
    table = tables["frequency_accuracy"]
    low, high = half_radius(table, subject), half_radius_beyond(table, subject)
    half = f"half of its {subject.scored}"
    enough = _enough(table, low, high, half, subject)
    if either_is_enough(table, subject):
        return f"{name} can live on low frequencies and on higher ones alike: {enough}."
    return f"{name} {_lives_on(low, high, subject.side)}: {enough}."


def _lives_on(low: float | None, high: float | None, size: int) -> str:
    """Name the frequencies by the radii up to and beyond which they are enough."""
    if low is None and high is None:
        return "needs most frequencies at once"
    # What begins lower is enough, and what ends higher: between them lies what matters.
    first = 0 if high is None else _third(high, size)
    last = 2 if low is None else _third(low, size)
    return f"lives on {WORDS[first, last]} frequencies"


def _third(radius: float, size: int) -> int:
    return int(np.searchsorted(thirds.limits(size), radius))


def _enough(
    table: pd.DataFrame, low: float | None, high: float | None, half: str, subject: Inspected
) -> str:
    """Say which frequencies are enough alone."""
    radii = table["radius"].dropna()
    smallest, largest = radii.min(), radii.max()
    nyquist = f"{subject.side / 2:g} cycles per image"
    if low is None:
        up_to = f"those up to {largest:g} of {nyquist} are not enough for {half}"
    else:
        up_to = f"those up to {_about(low, smallest)} of {nyquist} are enough for {half}"
    if high is None:
        return f"{up_to}, {'nor' if low is None else 'but not'} those beyond {smallest:g} alone"
    also = "but" if low is None else "and so are"
    are = " are" if low is None else ""
    return f"{up_to}, {also} those beyond {_about(high, largest)} alone{are}"


def _about(radius: float, measured: float) -> str:
    """Write a radius that is interpolated, or as it is where it is the outermost measured one."""
    return f"{radius:g}" if radius == measured else f"about {rounded(radius)}"
