"""Correlation of two measures over trainings or networks, with a bootstrap over them."""

import dataclasses

import numpy as np
from numpy.random import Generator
from scipy import stats

from hfc_keras import checks
from hfc_keras.reporting.statistics.bootstrap import REPLICATES, bootstrap_interval
from hfc_keras.types import ArrayLike, Floats

COEFFICIENTS = ("spearman", "pearson")
# Fewer trainings decide nothing at 95 %: four are in perfect order, or its reverse, with a
# chance of 2 / 4! = 0.08, and so is each draw of them then.
FEWEST_TRAININGS = 5


@dataclasses.dataclass(frozen=True)
class Correlation:
    """A correlation over trainings, with its bootstrap interval.

    Args:
        value: float in [-1, 1]; NaN for one training, or if one of the measures is constant.
        low: float, lower end of the percentile interval; NaN without one.
        high: float, its upper end.
        trainings: int, how many.
    """

    value: float
    low: float
    high: float
    trainings: int


def correlation_interval(
    x: ArrayLike,
    y: ArrayLike,
    rng: Generator | None = None,
    replicates: int = REPLICATES,
    confidence: float = 0.95,
    coefficient: str = "spearman",
    at_equal: ArrayLike | None = None,
) -> Correlation:
    r"""Correlation over trainings, with a bootstrap interval over trainings.

    .. math:: r_{xy} = \frac{\sum_i (x_i - \bar x)(y_i - \bar y)}
                       {\sqrt{\sum_i (x_i - \bar x)^2 \sum_i (y_i - \bar y)^2}}, \qquad
              r_{xy \cdot z} = \frac{r_{xy} - r_{xz} r_{yz}}
                       {\sqrt{(1 - r_{xz}^2) (1 - r_{yz}^2)}}

    of the ranks (Spearman) or of the measures themselves (Pearson); the second one, the partial
    correlation, where there is a measure z that is to be held equal. The sample is the trainings
    (recipes, or networks that others trained), each with its mean over seeds: seeds of one recipe
    are repetitions and no further trainings. They are drawn with replacement, all measures of one
    together, and ranked anew each time. The ends of the interval are percentiles of correlations
    of draws, so that none passes 1 or -1.

    Args:
        x: float array ``(trainings,)``, or ``(trainings, seeds)``, of which the mean is taken.
        y: likewise, of the same trainings.
        rng: numpy.random.Generator; None is one from seed 0.
        replicates: int, at least 1.
        confidence: float in (0, 1).
        coefficient: ``"spearman"`` or ``"pearson"``.
        at_equal: likewise of the same trainings, the measure z; or None.

    Returns:
        Correlation; its interval is NaN below five trainings.

    Raises:
        ValueError: for numbers that are not finite, unequal numbers of trainings, another
            coefficient, or as ``bootstrap_interval``.

    Reference:
        Spearman 1904; Efron and Tibshirani 1993, percentile interval.

    Example:
        >>> found = correlation_interval([1, 2, 3, 4, 5], [1, 4, 9, 16, 25])
        >>> found.value, found.high, found.trainings
        (1.0, 1.0, 5)
    """
    checks.choice("coefficient", coefficient, COEFFICIENTS)
    replicates = checks.number("replicates", replicates, minimum=1, whole=True)
    measures = _measures({"x": x, "y": y, "at_equal": at_equal})
    trainings = measures.shape[1]
    value = float(correlations(measures, coefficient)) if trainings > 1 else np.nan
    low = high = np.nan
    if trainings >= FEWEST_TRAININGS and np.isfinite(value):
        rng = np.random.default_rng(0) if rng is None else rng
        chosen = rng.integers(trainings, size=(replicates, trainings))
        drawn = correlations(measures[:, chosen], coefficient)
        # A draw of one training alone has no correlation.
        known = drawn[np.isfinite(drawn)]
        low, high = bootstrap_interval(known, confidence) if len(known) else (np.nan, np.nan)
    return Correlation(value, low, high, trainings)


def correlations(measures: Floats, coefficient: str = "spearman") -> Floats:
    """Correlation of two measures over the last axis; see ``correlation_interval``.

    Args:
        measures: float array ``(2, ..., trainings)``; ``(3, ..., trainings)`` with the measure that
            is to be held equal.
        coefficient: ``"spearman"`` or ``"pearson"``.

    Returns:
        float array ``(...)`` in [-1, 1]; NaN where a measure is constant.

    Example:
        >>> float(correlations(np.array([[1.0, 2.0, 3.0], [5.0, 6.0, 9.0]])))
        1.0
    """
    if coefficient == "spearman":
        measures = stats.rankdata(measures, axis=-1)
    x, y, *others = measures
    found = _pearson(x, y)
    for z in others:
        own, its = _pearson(x, z), _pearson(y, z)
        found = _ratio(found - own * its, np.sqrt((1 - own**2) * (1 - its**2)))
    return found


def _pearson(x: Floats, y: Floats) -> Floats:
    x, y = (each - each.mean(axis=-1, keepdims=True) for each in (x, y))
    return _ratio((x * y).sum(axis=-1), np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1)))


def _ratio(product: Floats, size: Floats) -> Floats:
    """Quotient within [-1, 1], where rounding may leave it; NaN where the size is zero."""
    empty = np.full(np.shape(product), np.nan)
    return np.clip(np.divide(product, size, out=empty, where=size > 1e-12), -1, 1)


def _measures(given: dict[str, ArrayLike | None]) -> Floats:
    """Array ``(measures, trainings)`` of those given, each a mean over its seeds."""
    arrays = {name: np.asarray(each, "float64") for name, each in given.items() if each is not None}
    checks.require(
        all(each.ndim in (1, 2) and each.size for each in arrays.values())
        and len({len(each) for each in arrays.values()}) == 1,
        "`x` and `y` must be of the same trainings, (trainings,) or (trainings, seeds)",
        **{name: each.shape for name, each in arrays.items()},
    )
    means = np.stack([each.reshape(len(each), -1).mean(axis=1) for each in arrays.values()])
    checks.require(np.isfinite(means).all(), "`x` and `y` must be finite", means=means.tolist())
    return means
