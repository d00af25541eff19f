"""Which frequencies a model lives on, in one sentence."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hfc_keras import thirds
from hfc_keras.inspection.half_radius import (
    about,
    either_is_enough,
    half_radius,
    half_radius_beyond,
    is_clear,
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
    if subject.doubt:
        return f"{name} {subject.doubt}."
    table = tables["frequency_accuracy"]
    if not is_clear(table, subject):
        return f"{name} is too close to chance here to tell which frequencies it lives on."
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
    return f"lives on {WORDS[min(first, last), max(first, last)]} frequencies"


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
        up_to = f"those up to {about(low, smallest)} of {nyquist} are enough for {half}"
    if high is None:
        return f"{up_to}, {'nor' if low is None else 'but not'} those above {smallest:g} alone"
    also = "but" if low is None else "and so are"
    are = " are" if low is None else ""
    return f"{up_to}, {also} those above {about(high, largest)} alone{are}"
