"""The verdict on a claim, from the confidence interval of its effect over its sample."""

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
from scipy import special

from hfc_keras import checks
from hfc_keras.reporting.claims.checked_effects import effects_of, naming, pairs_of
from hfc_keras.reporting.claims.claim import Claim, Effect, sample, words
from hfc_keras.reporting.claims.resampled_effects import seeds_and_images
from hfc_keras.reporting.statistics.bootstrap import bootstrap_interval
from hfc_keras.reporting.statistics.correlation_intervals import (
    FEWEST_TRAININGS,
    correlation_interval,
)
from hfc_keras.types import Record

# Fewer seeds have an interval that says nothing (two: 12.7 standard errors to either side).
FEWEST_SEEDS = 3
CONFIDENCE = 0.95
# How the reasons of an undecided claim begin.
BOUND_WITHIN, NOT_FITTED = "the interval contains the bound", "not fitted"
CONSTANT = "a measure is the same for all trainings"
TOO_FEW = "fewer than"


def judge(claim: Claim, table: pd.DataFrame, confidence: float = CONFIDENCE) -> Record:
    r"""Verdict on a claim from the confidence interval of its effect over seeds or trainings.

    .. math:: \bar e \pm t_{n-1} \, s / \sqrt{n}

    The claim is supported if this interval lies inside ``(above, below)``, refuted if it has no
    number in common with it, and undecided otherwise or with fewer than three seeds. Seeds that
    agree exactly have the interval of one point.

    Against several rivals the claim is refuted if it is against any, supported if it is against
    all, and undecided otherwise. Since one of many comparisons may refute by chance, against ``k``
    rivals it takes an interval at the confidence :math:`1 - (1 - c) / k` (Bonferroni) to refute;
    the interval that decides is the one returned. The numbers are those against the decisive
    rival, among those with that verdict: if supported, whose mean is nearest to a bound; if
    refuted, farthest beyond one; if undecided, the one nearest to refuting, whose mean is farthest
    from the range in half-widths of its interval.

    A claim on a correlation over trainings has those as its sample: value and percentile interval
    are those of ``correlation_interval``. A claim whose networks must have fitted their training
    images is undecided where one has not.

    Args:
        claim: Claim.
        table: DataFrame of measurements.
        confidence: float in (0, 1).

    Returns:
        dict: the claim's words and range; ``sample``, ``seeds`` or ``trainings``, and their number
        ``n``; ``effect``, the mean, and ``low`` and ``high``, Student's t interval (NaN for one
        seed), and its ``confidence``; ``detectable``, half its width: an effect at least so far
        from the bound is what this n would have decided; ``against``, the name of the decisive
        rival (empty without rivals); ``verdict``, and the ``reason`` of an undecided one;
        ``image_low`` and ``image_high``, the interval over seeds and test images at the same
        confidence (NaN where the effect is not made of accuracies); ``fit``, the least of the
        means that the claim asks to be ``fit_needed`` (NaN if it asks for none).

    Raises:
        ValueError: naming the claim: for an effect that is not a finite number for each of one
            or more seeds, a seed twice, a fit that is not known, whatever the effect itself
            refuses, or a table that it cannot work with (IndexError, TypeError, AttributeError:
            with their place).

    Example:
        >>> from dataclasses import replace
        >>> import pandas as pd
        >>> from hfc_keras.reporting import Claim
        >>> claim = Claim(id="a", item="Fig. 5", sentence="A helps.", measured="gain, accuracy",
        ...               effect=lambda table: table.set_index("seed")["gain"], above=0)
        >>> row = judge(claim, pd.DataFrame({"seed": [0, 1, 2], "gain": [0.1, 0.2, 0.3]}))
        >>> row["verdict"], round(row["low"], 3), round(row["high"], 3)
        ('undecided', -0.048, 0.448)
        >>> rivals = {"adam": pd.Series([0.3, 0.3, 0.3]), "rmsprop": pd.Series([0.1, 0.1, 0.1])}
        >>> row = judge(replace(claim, effect=lambda table: rivals), pd.DataFrame())
        >>> row["verdict"], row["against"], row["low"]
        ('supported', 'rmsprop', 0.1)
    """
    checks.require(0 < confidence < 1, "`confidence` must be in (0, 1)", confidence=confidence)
    if claim.pairs is None:
        effects = effects_of(claim, table)
        rivals = len(effects)
        judged = [_judged(claim, *each, confidence, rivals) for each in effects.items()]
        found = _decisive(claim, judged)
        ends = _over_images(claim, table, found["against"], found["confidence"])
    else:
        found, ends = _correlated(claim, table, confidence), (math.nan, math.nan)
    images = dict(zip(("image_low", "image_high"), ends, strict=True))
    fit, needed, reason = _fit(claim, table)
    if fit < needed:
        found |= {"verdict": "undecided", "reason": reason}
    return {**words(claim), **found, **images, "fit": fit, "fit_needed": needed}


def of_interval(low: float, high: float, above: float = -math.inf, below: float = math.inf) -> str:
    """What an interval says of a number that is expected between two bounds.

    Args:
        low: float, lower end of the interval; NaN without one.
        high: float, its upper end.
        above: float, the lower bound.
        below: float, the upper one.

    Returns:
        str: ``"supported"`` if the interval lies inside ``(above, below)``, ``"refuted"`` if it has
        no number in common with it, else ``"undecided"``.

    Example:
        >>> of_interval(-0.7, -0.2, below=0), of_interval(-0.7, 0.2, below=0)
        ('supported', 'undecided')
    """
    if above < low and high < below:
        return "supported"
    return "refuted" if high <= above or low >= below else "undecided"


def student_interval(effects: pd.Series, confidence: float = CONFIDENCE) -> tuple[float, float]:
    r"""Student's t interval of a mean.

    .. math:: \bar e \pm t_{n-1} \, s / \sqrt{n}

    Args:
        effects: Series of float, one per seed.
        confidence: float in (0, 1).

    Returns:
        (low, high), floats; NaN for one seed, one point for seeds that agree exactly.

    Example:
        >>> import pandas as pd
        >>> low, high = student_interval(pd.Series([0.1, 0.2, 0.3]))
        >>> round(low, 3), round(high, 3)
        (-0.048, 0.448)
    """
    n = len(effects)
    if n == 1:
        return math.nan, math.nan
    # Rounding of the mean must not move the point that all seeds agree on.
    if effects.min() == effects.max():
        return float(effects.iloc[0]), float(effects.iloc[0])
    half = special.stdtrit(n - 1, (1 + confidence) / 2) * effects.std(ddof=1) / math.sqrt(n)
    return float(effects.mean() - half), float(effects.mean() + half)


def _correlated(claim: Claim, table: pd.DataFrame, confidence: float) -> Record:
    """Columns of a row for a correlation over trainings."""
    pairs = pairs_of(claim, table)
    with naming(claim):
        found = correlation_interval(pairs["first"], pairs["second"], confidence=confidence)
    return _numbers(claim, found.trainings, found.value, (found.low, found.high), confidence)


def _judged(
    claim: Claim, against: str, effects: pd.Series, confidence: float, rivals: int
) -> Record:
    """Columns of a row that come from the effects against one of some rivals."""
    n, mean = len(effects), float(effects.mean())
    interval = student_interval(effects, confidence)
    if rivals > 1 and _verdict(claim, n, *interval) == "refuted":
        confidence = 1 - (1 - confidence) / rivals
        interval = student_interval(effects, confidence)
    return _numbers(claim, n, mean, interval, confidence, against)


def _numbers(
    claim: Claim,
    n: int,
    effect: float,
    interval: tuple[float, float],
    confidence: float,
    against: str = "",
) -> Record:
    verdict = _verdict(claim, n, *interval)
    few = n < _fewest(claim)
    reason = f"{TOO_FEW} {_fewest(claim)} {sample(claim)}" if few else BOUND_WITHIN
    if math.isnan(effect) and not few:
        reason = CONSTANT
    return {
        "sample": sample(claim),
        "n": n,
        "effect": effect,
        "low": interval[0],
        "high": interval[1],
        "confidence": confidence,
        "detectable": (interval[1] - interval[0]) / 2,
        "against": against,
        "verdict": verdict,
        "reason": reason if verdict == "undecided" else "",
    }


def _decisive(claim: Claim, judged: Sequence[Record]) -> Record:
    """The one of several judgments that stands for all."""
    found = [row["verdict"] for row in judged]
    verdict = next(one for one in ("refuted", "undecided", "supported") if one in found)

    def inside(row: Record) -> float:
        """How far the mean is from the nearer bound, negative beyond it."""
        return min(row["effect"] - claim.above, claim.below - row["effect"])

    def adverse(row: Record) -> float:
        """The same in half-widths of the interval: nothing where there is none."""
        return inside(row) / row["detectable"] if row["detectable"] > 0 else 0.0

    order = {"refuted": inside, "undecided": adverse, "supported": lambda row: abs(inside(row))}
    return min((row for row in judged if row["verdict"] == verdict), key=order[verdict])


def _fewest(claim: Claim) -> int:
    return FEWEST_SEEDS if claim.pairs is None else FEWEST_TRAININGS


def _verdict(claim: Claim, n: int, low: float, high: float) -> str:
    if n < _fewest(claim):
        return "undecided"
    return of_interval(low, high, claim.above, claim.below)


def _fit(claim: Claim, table: pd.DataFrame) -> tuple[float, float, str]:
    """The least of the means that a claim asks for, and what is said of one that is too small."""
    if claim.fitted is None:
        return math.nan, math.nan, ""
    with naming(claim):
        means = {
            name: float(values.mean(skipna=False)) for name, values in claim.fitted(table).items()
        }
    checks.require(
        all(map(math.isfinite, means.values())),
        f"The fit that claim {claim.id!r} asks for must be known of every network",
        fit=means,
    )
    least, needed = min(means, key=means.__getitem__), claim.fitted_above
    return means[least], needed, f"{NOT_FITTED}: {least} has {means[least]:.2f} of {needed:g}"


def _over_images(
    claim: Claim, table: pd.DataFrame, against: str, confidence: float
) -> tuple[float, float]:
    """Interval over seeds and test images, of effects that are made of accuracies."""
    rng = np.random.default_rng(0)
    if claim.by_image is None:
        if claim.unit != "accuracy":
            return math.nan, math.nan
        with naming(claim):
            return seeds_and_images(cast(Effect, claim.effect), table, against, confidence, rng)
    with naming(claim):
        drawn = np.asarray(claim.by_image(table, rng), "float64")
    checks.require(
        drawn.ndim == 1 and drawn.size and np.isfinite(drawn).all(),
        f"The bootstrap of claim {claim.id!r} must be one or more finite replicates",
        shape=drawn.shape,
    )
    return bootstrap_interval(drawn, confidence)
