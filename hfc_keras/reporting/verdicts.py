"""The verdict on a claim, from the confidence interval of its effect over seeds."""

import contextlib
import math
import traceback
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

from hfc_keras import checks
from hfc_keras.reporting.claims import words
from hfc_keras.reporting.effects import MissingMeasurementError

# Fewer seeds have an interval that says nothing (two: 12.7 standard errors to either side).
FEWEST_SEEDS = 3
CONFIDENCE = 0.95


def judge(claim, table, confidence=CONFIDENCE):
    r"""Verdict on a claim from the confidence interval of its effect over seeds.

    .. math:: \bar e \pm t_{n-1} \, s / \sqrt{n}

    The claim is supported if this interval lies inside ``(above, below)``, refuted if it has no
    number in common with it, and undecided else or with fewer than three seeds. Seeds that agree
    exactly have the interval of one point.

    Against several rivals the claim is refuted if it is against any, supported if it is against
    all, and undecided else. Since one of many comparisons may refute by chance, against ``k``
    rivals it takes an interval at the confidence :math:`1 - (1 - c) / k` (Bonferroni) to refute;
    the interval that decides is the one returned. The numbers are those against the decisive
    rival, among those with that verdict: whose mean is nearest to a bound, or, if refuted,
    farthest beyond one.

    Args:
        claim: Claim.
        table: DataFrame of measurements.
        confidence: float in (0, 1).

    Returns:
        dict: the claim's words and range; ``n`` seeds; ``effect``, the mean, and ``low`` and
        ``high``, Student's t interval (NaN for one seed), and its ``confidence``; ``against``,
        the name of the decisive rival (empty without rivals); ``verdict``; and ``image_low`` and
        ``image_high``, the percentile interval of ``by_image`` (NaN without it).

    Raises:
        ValueError: naming the claim: for an effect that is not a finite number for each of one
            or more seeds, a seed twice, whatever the effect itself refuses, or a table that it
            cannot work with (IndexError, TypeError, AttributeError: with their place).

    Example:
        >>> from dataclasses import replace
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
    effects = _effects(claim, table)
    judged = [
        _judged(claim, name, values, confidence, len(effects)) for name, values in effects.items()
    ]
    image_low, image_high = _by_image(claim, table, confidence)
    images = {"image_low": image_low, "image_high": image_high}
    return {**words(claim), **_decisive(claim, judged), **images}


def student_interval(effects, confidence=CONFIDENCE):
    r"""Student's t interval of a mean.

    .. math:: \bar e \pm t_{n-1} \, s / \sqrt{n}

    Args:
        effects: Series of float, one a seed.
        confidence: float in (0, 1).

    Returns:
        (low, high), floats; NaN for one seed, one point for seeds that agree exactly.

    Example:
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


@contextlib.contextmanager
def _naming(claim):
    """Name the claim in what its functions refuse, and where a table is not as they take it.

    Other errors pass, and the cause stays in the traceback: a mistake in a claim looks the same.
    """
    try:
        yield
    except MissingMeasurementError as error:
        raise MissingMeasurementError(f"Claim {claim.id!r}: {error}") from error
    except ValueError as error:
        raise ValueError(f"Claim {claim.id!r}: {error}") from error
    except KeyError as error:
        raise ValueError(
            f"Claim {claim.id!r}: the table must hold what is measured. Received: missing={error}"
        ) from error
    except (IndexError, TypeError, AttributeError) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise ValueError(
            f"Claim {claim.id!r}: the table must have the form that the claim is written for. "
            f"Received: {type(error).__name__}={str(error)!r}, "
            f"at={f'{Path(place.filename).name}:{place.lineno}'!r}"
        ) from error


def _effects(claim, table):
    """Effect of each seed by the name of the rival, which is empty without rivals."""
    with _naming(claim):
        effects = claim.effect(table)
    if not isinstance(effects, dict):
        return {"": _by_seed(claim, effects)}
    named = effects and all(isinstance(name, str) and name for name in effects)
    checks.require(
        named and claim.by_image is None,
        f"The effects of claim {claim.id!r} must be one or more Series by the rival's name, "
        "without `by_image`",
        rivals=list(effects),
        by_image=claim.by_image,
    )
    return {name: _by_seed(claim, values, f" against {name}") for name, values in effects.items()}


def _by_seed(claim, effects, against=""):
    """Effects as float, one finite number a seed."""
    name = f"The effect of claim {claim.id!r}{against}"
    by_seed = isinstance(effects, pd.Series) and len(effects) and effects.index.is_unique
    checks.require(
        by_seed,
        f"{name} must be a Series of one or more seeds, none twice",
        seeds=list(getattr(effects, "index", [])),
    )
    with _naming(claim):
        effects = effects.astype("float64")
    bad = effects[~np.isfinite(effects)]
    checks.require(not len(bad), f"{name} must be finite for every seed", seeds=bad.to_dict())
    return effects


def _judged(claim, against, effects, confidence, rivals):
    """Columns of a row that come from the effects against one of some rivals."""
    low, high = student_interval(effects, confidence)
    verdict = _verdict(claim, len(effects), low, high)
    if verdict == "refuted" and rivals > 1:
        confidence = 1 - (1 - confidence) / rivals
        low, high = student_interval(effects, confidence)
        verdict = _verdict(claim, len(effects), low, high)
    return {
        "n": len(effects),
        "effect": float(effects.mean()),
        "low": low,
        "high": high,
        "confidence": confidence,
        "against": against,
        "verdict": verdict,
    }


def _decisive(claim, judged):
    """The one of several judgements that stands for all."""
    found = [row["verdict"] for row in judged]
    verdict = next(one for one in ("refuted", "undecided", "supported") if one in found)

    def inside(row):
        """How far the mean is from the nearer bound, negative beyond it."""
        return min(row["effect"] - claim.above, claim.below - row["effect"])

    refuted = verdict == "refuted"
    rows = [row for row in judged if row["verdict"] == verdict]
    return min(rows, key=lambda row: inside(row) if refuted else abs(inside(row)))


def _verdict(claim, n, low, high):
    if n < FEWEST_SEEDS:
        return "undecided"
    if claim.above < low and high < claim.below:
        return "supported"
    return "refuted" if high <= claim.above or low >= claim.below else "undecided"


def _by_image(claim, table, confidence):
    if claim.by_image is None:
        return math.nan, math.nan
    with _naming(claim):
        replicates = np.asarray(claim.by_image(table, np.random.default_rng(0)), "float64")
    checks.require(
        replicates.ndim == 1 and replicates.size and np.isfinite(replicates).all(),
        f"The bootstrap of claim {claim.id!r} must be one or more finite replicates",
        shape=replicates.shape,
    )
    tail = (1 - confidence) / 2
    return tuple(map(float, np.quantile(replicates, [tail, 1 - tail])))
