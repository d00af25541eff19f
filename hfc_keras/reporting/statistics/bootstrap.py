r"""Intervals by resampling seeds and test images together.

A network is measured with one seed of its training and on one set of test images; another seed
and other images would give another number. Student's t interval over seeds (``verdicts``) holds
the images fixed. Here both are drawn anew. With ``n`` seeds, ``n - 1`` of them are drawn, with
replacement, since drawing all ``n`` would give a mean whose variance is too small by
:math:`(n - 1) / n`. Of a few seeds no bootstrap leaves the range: with three, Student's is wider.

Reference:
    Owen, The pigeonhole bootstrap, Annals of Applied Statistics 2007; Rao and Wu, Resampling
    inference with complex survey data, JASA 1988; Efron and Tibshirani 1993, percentile interval.
"""

import numpy as np
import pandas as pd
from numpy.random import Generator
from scipy import stats

from hfc_keras import checks
from hfc_keras.types import ArrayLike, Floats, Integers

Accuracies = pd.Series | pd.DataFrame
REPLICATES = 2000


def bootstrap(
    accuracies: Accuracies, examples: int, rng: Generator, replicates: int = REPLICATES
) -> Floats:
    r"""Mean accuracy over seeds, with seeds and test images drawn anew, from accuracies alone.

    .. math::
        \bar a^* = \frac{1}{n - 1} \sum_{i = 1}^{n - 1} \frac{k_i}{m}, \qquad
        k_i = F^{-1}_{\mathrm{Bin}(m, a_{s_i})}(u)

    for ``m`` images, seeds :math:`s_i` drawn with replacement, and one :math:`u`, uniform in
    (0, 1), a replicate. One ``u`` for all seeds since all are tested on the same images: an image
    that is hard for one is hard for all. That bounds the share of the images in the variance from
    above.

    Args:
        accuracies: Series by seed, float in [0, 1]; or DataFrame, one column per measurement: their
            seeds are drawn together and their images apart, so that a difference of columns
            keeps its pairs of seeds.
        examples: int, images behind each accuracy, at least 1.
        rng: numpy.random.Generator.
        replicates: int, at least 1.

    Returns:
        float array ``(replicates,)``, or ``(replicates, columns)``.

    Raises:
        ValueError: for an accuracy outside [0, 1], no seed, or a number out of range.

    Example:
        >>> accuracies = pd.Series([0.7, 0.72, 0.74], index=[0, 1, 2])
        >>> drawn = bootstrap(accuracies, 10_000, np.random.default_rng(0))
        >>> [round(end, 2) for end in bootstrap_interval(drawn)]
        [0.7, 0.74]
    """
    values = np.asarray(accuracies, "float64")
    checks.require(
        values.ndim in (1, 2) and values.size and ((values >= 0) & (values <= 1)).all(),
        "`accuracies` must hold one or more seeds, from 0 to 1",
        accuracies=accuracies if values.ndim == 1 else values.tolist(),
    )
    examples = checks.number("examples", examples, minimum=1, whole=True)
    replicates = checks.number("replicates", replicates, minimum=1, whole=True)
    columns = values.reshape(len(values), -1)
    drawn = columns[drawn_seeds(len(columns), rng, replicates)]
    levels = rng.random((replicates, 1, columns.shape[1]))
    means = (stats.binom.ppf(levels, examples, drawn) / examples).mean(axis=1)
    return means[:, 0] if values.ndim == 1 else means


def bootstrap_interval(replicates: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    r"""Percentile interval of bootstrap replicates.

    .. math:: [q_{(1 - c) / 2}, \, q_{(1 + c) / 2}]

    Args:
        replicates: float array ``(replicates,)``, finite.
        confidence: float in (0, 1).

    Returns:
        (low, high), floats.

    Raises:
        ValueError: for no replicate, one that is not finite, or another confidence.

    Example:
        >>> bootstrap_interval(np.arange(41), confidence=0.5)
        (10.0, 30.0)
    """
    checks.require(0 < confidence < 1, "`confidence` must be in (0, 1)", confidence=confidence)
    values = np.asarray(replicates, "float64")
    checks.require(
        values.ndim == 1 and values.size and np.isfinite(values).all(),
        "`replicates` must be one or more finite numbers",
        shape=values.shape,
    )
    tail = (1 - confidence) / 2
    low, high = map(float, np.quantile(values, [tail, 1 - tail]))
    return low, high


def drawn_seeds(count: int, rng: Generator, replicates: int) -> Integers:
    """Seeds of each replicate, one fewer than there are, but at least one.

    Args:
        count: int, seeds there are.
        rng: numpy.random.Generator.
        replicates: int.

    Returns:
        int array ``(replicates, max(1, count - 1))``, places from 0.

    Example:
        >>> drawn_seeds(3, np.random.default_rng(0), 5).shape
        (5, 2)
    """
    return rng.integers(count, size=(replicates, max(1, count - 1)))
