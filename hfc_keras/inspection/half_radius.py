"""Which frequencies are enough for half of a model's accuracy above chance."""

import numpy as np
import pandas as pd

from hfc_keras.inspection.inspected import Inspected


def accuracy_by_radius(table: pd.DataFrame) -> pd.Series:
    """Accuracy with a model's own batch-norm statistics, by component and radius.

    Args:
        table: DataFrame of ``analysis.frequency_accuracy``.

    Returns:
        Series of floats with the index ``(component, radius)``.

    Example:
        >>> columns = ["component", "radius", "accuracy", "bn_statistics"]
        >>> rows = [("low", 2.0, 0.5, "moving"), ("low", 2.0, 0.3, "batch")]
        >>> accuracy_by_radius(pd.DataFrame(rows, columns=columns))["low"].to_dict()
        {2.0: 0.5}
    """
    own = table[table["bn_statistics"] == "moving"]
    return own.set_index(["component", "radius"])["accuracy"]


def half_radius(table: pd.DataFrame, subject: Inspected) -> float | None:
    """Smallest radius up to which frequencies are enough for half of the accuracy above chance.

    Args:
        table: DataFrame of ``analysis.frequency_accuracy``.
        subject: Inspected.

    Returns:
        float, cycles per image, linear between the radii that were measured; None if it takes
        more than the largest of them.
    """
    accuracy = accuracy_by_radius(table)
    return crossing(accuracy["low"], _half(accuracy, subject))


def half_radius_beyond(table: pd.DataFrame, subject: Inspected) -> float | None:
    """Largest radius beyond which frequencies are enough for half of the accuracy above chance.

    Args:
        table: DataFrame of ``analysis.frequency_accuracy``.
        subject: Inspected.

    Returns:
        float, cycles per image, linear between the radii that were measured; None if those beyond
        the smallest of them are not enough.
    """
    accuracy = accuracy_by_radius(table)
    return crossing(accuracy["high"].iloc[::-1], _half(accuracy, subject))


def either_is_enough(table: pd.DataFrame, subject: Inspected) -> bool:
    """Whether there is a measured radius up to which frequencies are enough, and beyond which, too.

    Args:
        table: DataFrame of ``analysis.frequency_accuracy``.
        subject: Inspected.

    Returns:
        bool.
    """
    accuracy = accuracy_by_radius(table)
    half = _half(accuracy, subject)
    return bool(((accuracy["low"] >= half) & (accuracy["high"] >= half)).any())


def is_clear(table: pd.DataFrame, subject: Inspected) -> bool:
    """Whether half of the accuracy above chance is more than the noise of so many images.

    Args:
        table: DataFrame of ``analysis.frequency_accuracy``.
        subject: Inspected.

    Returns:
        bool.
    """
    clean = accuracy_by_radius(table)["original"].iloc[0]
    count = min(len(subject.images), subject.budget.filtered)
    noise = np.sqrt(max(clean * (1 - clean), 1 / count) / count)
    return bool((clean - subject.chance) / 2 > 2 * noise)


def _half(accuracy: pd.Series, subject: Inspected) -> float:
    return (accuracy["original"].iloc[0] + subject.chance) / 2


def crossing(values: pd.Series, level: float) -> float | None:
    """Return the first radius at which values reach a level, linear between radii; None if never.

    Args:
        values: Series of floats by radius, in either order.
        level: float.

    Returns:
        float or None.

    Example:
        >>> crossing(pd.Series([0.2, 0.6], index=[2.0, 4.0]), 0.4)
        3.0
    """
    x, y = values.index.to_numpy(), values.to_numpy()
    reached = np.flatnonzero(y >= level)
    if not len(reached):
        return None
    first = reached[0]
    if first == 0:
        return float(x[0])
    part = (level - y[first - 1]) / (y[first] - y[first - 1])
    return float(x[first - 1] + part * (x[first] - x[first - 1]))


def about(radius: float, measured: float) -> str:
    """Write a radius: as it is where it is the outermost measured one, else as interpolated.

    Args:
        radius: float, cycles per image.
        measured: float, the outermost measured radius.

    Returns:
        str, no finer than an interpolated radius is known.

    Example:
        >>> about(2.5, 2.5), about(8.94, 2.5), about(1.26, 0.5)
        ('2.5', 'about 9', 'about 1.3')
    """
    if radius == measured:
        return f"{radius:g}"
    return f"about {radius:.0f}" if radius >= 2 else f"about {radius:.1f}"
