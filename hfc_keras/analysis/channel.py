"""Thresholds of noise, and the channel of frequencies that is fitted to them: pure functions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import optimize

from hfc_keras.types import Floats

# Full width at half of the height of a Gaussian, in its standard deviation.
WIDTH = 2 * np.sqrt(2 * np.log(2))
# Standard deviations in octaves between which one is looked for, and where the search begins.
NARROWEST, WIDEST, STARTS = 0.1, 5.0, (0.4, 1.0, 2.0)
Channel = tuple[float, float, float]


def threshold(levels: Floats, accuracy: Floats, criterion: float) -> float:
    """Smallest level at which the accuracy, on straight lines, falls to a criterion.

    Args:
        levels: float array, rising.
        accuracy: float array, at each level; above the criterion at the first one.
        criterion: float.

    Returns:
        float; NaN where the accuracy does not fall so far.

    Example:
        >>> threshold(np.array([0.0, 0.1, 0.2]), np.array([1.0, 0.8, 0.4]), 0.6).round(3)
        np.float64(0.15)
    """
    below = np.flatnonzero(accuracy <= criterion)
    if not len(below):
        return np.nan
    after = max(int(below[0]), 1)
    pair = slice(after - 1, after + 1)
    return np.interp(-criterion, -accuracy[pair], levels[pair])


def fitted_channel(centers: Sequence[float], sensitivity: Floats) -> tuple[Channel, str]:
    r"""Gaussian over the logarithm of frequency that fits sensitivities best.

    .. math:: S(f) = A \exp\left(- \frac{(\log_2 f - \mu)^2}{2 \sigma^2}\right)

    Args:
        centers: sequence of floats, rising, cycles per image.
        sensitivity: float array, at least 0, at each center.

    Returns:
        ``((center, bandwidth, peak), reason)``: :math:`2^\mu`, the full width at half of the
        height in octaves, and A, NaN for what cannot be said; and why, or nothing.

    Example:
        >>> octaves = np.arange(7.0)
        >>> channel, _ = fitted_channel(2**octaves, 3 * np.exp(-((octaves - 2.5) ** 2) / 2))
        >>> np.round(channel, 3).tolist()
        [5.657, 2.355, 3.0]
    """
    none = np.nan, np.nan, np.nan
    octaves, seen = np.log2(centers), np.flatnonzero(sensitivity > 0)
    if not len(seen):
        return none, "the accuracy falls to the criterion at no center up to the largest level"
    if len(centers) < 3:
        return none, f"a channel needs at least three centers, and there are {len(centers)}"
    if len(seen) == 2 and np.diff(seen) > 1:
        return none, "noise is felt at two centers apart from each other, which are no channel"
    if len(seen) <= 2:
        # Through two points go narrow and high curves as well as wide and low ones.
        center = 2 ** np.average(octaves[seen], weights=sensitivity[seen])
        alone = float(center), np.nan, float(sensitivity.max())
        count = {1: "one center", 2: "two centers"}[len(seen)]
        return alone, f"noise is felt at {count} only, so that the bandwidth cannot be told"
    peak, mean, spread = _least_squares(octaves, sensitivity)
    if not octaves[0] - 0.5 <= mean <= octaves[-1] + 0.5:
        beyond = f"{2**mean:.3g} cycles per image"
        return none, f"sensitivity would be largest at {beyond}, which lies beyond the centers"
    if spread > 0.99 * WIDEST:
        return none, "sensitivity is the same at all centers, so that there is no bandwidth"
    return (float(2**mean), float(WIDTH * spread), float(peak)), ""


def _least_squares(octaves: Floats, sensitivity: Floats) -> tuple[float, float, float]:
    """Height, mean and standard deviation, the best of several searches."""
    largest = sensitivity.max()
    lowest = [0.0, octaves[0] - 1, NARROWEST]
    highest = [2 * largest, octaves[-1] + 1, WIDEST]

    def off(values: Any) -> Floats:
        height, mean, spread = values
        return height * np.exp(-((octaves - mean) ** 2) / (2 * spread**2)) - sensitivity

    starts = [(largest, octaves[np.argmax(sensitivity)], spread) for spread in STARTS]
    found = [optimize.least_squares(off, start, bounds=(lowest, highest)) for start in starts]
    return tuple(min(found, key=lambda each: each.cost).x)
