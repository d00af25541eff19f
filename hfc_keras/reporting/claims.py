"""Claims of a paper, and what a table says about them.

A claim is a sentence with an effect, one number a seed, and the range in which the effect must
lie. The verdict comes from the effect's confidence interval over seeds, never from its mean.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import special

from hfc_keras import checks
from hfc_keras.reporting.effects import MissingMeasurementError

VERDICTS = ("supported", "refuted", "undecided")
# Beyond the three: a claim whose table is not there.
NOT_MEASURED = "not measured"
# Fewer seeds have an interval that says nothing (two: 12.7 standard errors to either side).
FEWEST_SEEDS = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence of a paper that a table can support or refute.

    Args:
        id: str, unique among all claims.
        item: str, where the paper makes it: ``"Fig. 5"``, ``"Table 1"``, ``"section 5"``.
        sentence: str, the claim in our words.
        measured: str, what the effect is, with its unit.
        effect: function from a table (DataFrame) to a Series of float by seed.
        above: float, the claim holds where ``above < effect < below``.
        below: float, see ``above``; one of the two must be finite.
        paper: str.
        by_image: function from a table and a ``numpy.random.Generator`` to an array
            ``(replicates,)`` of the effect on images drawn with replacement, for one network; None
            where seeds are the sample.
        unit: str, unit of the effect; claims of one unit share a panel of the figure.

    Raises:
        ValueError: for a range that is empty or holds every number.

    Example:
        >>> Claim(id="a", item="Fig. 5", sentence="A helps.", measured="A minus B, accuracy",
        ...       effect=lambda table: table.set_index("seed")["gain"], above=0).below
        inf
    """

    id: str
    item: str
    sentence: str
    measured: str
    effect: Callable
    above: float = -math.inf
    below: float = math.inf
    paper: str = "Wang et al. 2020"
    by_image: Callable | None = None
    unit: str = "accuracy"

    def __post_init__(self):
        """Check the range."""
        bounded = math.isfinite(self.above) or math.isfinite(self.below)
        checks.require(
            bounded and self.above < self.below,
            f"Claim {self.id!r} must have `above` < `below`, one of them finite",
            above=self.above,
            below=self.below,
        )


def unique_claims(claims):
    """Return claims after proving that no two have one id.

    Args:
        claims: iterable of Claim.

    Returns:
        tuple of Claim.

    Raises:
        ValueError: naming the ids that stand twice.

    Example:
        >>> unique_claims([])
        ()
    """
    claims = tuple(claims)
    ids = [claim.id for claim in claims]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    checks.require(not twice, "The id of a claim must be unique", twice=twice)
    return claims


def judge(claim, table, confidence=0.95):
    r"""Verdict on a claim from the confidence interval of its effect over seeds.

    .. math:: \bar e \pm t_{n-1} \, s / \sqrt{n}

    The claim is supported if this interval lies inside ``(above, below)``, refuted if it has no
    number in common with it, and undecided else or with fewer than three seeds. Seeds that agree
    exactly have the interval of one point.

    Args:
        claim: Claim.
        table: DataFrame of measurements.
        confidence: float in (0, 1).

    Returns:
        dict: the claim's words and range; ``n`` seeds; ``effect``, the mean, and ``low`` and
        ``high``, Student's t interval (NaN for one seed); ``verdict``; and ``image_low`` and
        ``image_high``, the percentile interval of ``by_image`` (NaN without it).

    Raises:
        ValueError: naming the claim: for an effect that is not a finite number for each of one
            or more seeds, a seed twice, or whatever the effect itself refuses.

    Example:
        >>> claim = Claim(id="a", item="Fig. 5", sentence="A helps.", measured="gain, accuracy",
        ...               effect=lambda table: table.set_index("seed")["gain"], above=0)
        >>> row = judge(claim, pd.DataFrame({"seed": [0, 1, 2], "gain": [0.1, 0.2, 0.3]}))
        >>> row["verdict"], round(row["low"], 3), round(row["high"], 3)
        ('undecided', -0.048, 0.448)
    """
    checks.require(0 < confidence < 1, "`confidence` must be in (0, 1)", confidence=confidence)
    effects = _effects(claim, table)
    low, high = _student(effects, confidence)
    image_low, image_high = _by_image(claim, table, confidence)
    return {
        **words(claim),
        "n": len(effects),
        "effect": float(effects.mean()),
        "low": low,
        "high": high,
        "verdict": _verdict(claim, len(effects), low, high),
        "image_low": image_low,
        "image_high": image_high,
    }


def words(claim):
    """What a claim says, as the first columns of a row.

    Args:
        claim: Claim.

    Returns:
        dict with paper, item, id, sentence, measured, unit, above and below.

    Example:
        >>> claim = Claim(id="a", item="Fig. 5", sentence="A helps.", measured="gain, accuracy",
        ...               effect=len, above=0)
        >>> list(words(claim))
        ['paper', 'item', 'id', 'sentence', 'measured', 'unit', 'above', 'below']
    """
    names = ("paper", "item", "id", "sentence", "measured", "unit", "above", "below")
    return {name: getattr(claim, name) for name in names}


def unmeasured(claim):
    """Row of a claim whose measurements are not there.

    Args:
        claim: Claim.

    Returns:
        dict with the keys of ``judge``: no seed, numbers NaN, the verdict ``not measured``.

    Example:
        >>> claim = Claim(id="a", item="Fig. 5", sentence="A helps.", measured="gain, accuracy",
        ...               effect=len, above=0)
        >>> unmeasured(claim)["verdict"]
        'not measured'
    """
    numbers = dict.fromkeys(("effect", "low", "high"), math.nan)
    images = dict.fromkeys(("image_low", "image_high"), math.nan)
    return {**words(claim), "n": 0, **numbers, "verdict": NOT_MEASURED, **images}


@contextlib.contextmanager
def _naming(claim):
    """Name the claim in what its functions refuse, and a column that they do not find."""
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


def _effects(claim, table):
    """Effect of each seed."""
    with _naming(claim):
        effects = claim.effect(table)
    name = f"The effect of claim {claim.id!r}"
    by_seed = isinstance(effects, pd.Series) and len(effects) and effects.index.is_unique
    checks.require(
        by_seed,
        f"{name} must be a Series of one or more seeds, none twice",
        seeds=list(getattr(effects, "index", [])),
    )
    effects = effects.astype("float64")
    bad = effects[~np.isfinite(effects)]
    checks.require(not len(bad), f"{name} must be finite for every seed", seeds=bad.to_dict())
    return effects


def _student(effects, confidence):
    n = len(effects)
    if n == 1:
        return math.nan, math.nan
    # Rounding of the mean must not move the point that all seeds agree on.
    if effects.min() == effects.max():
        return float(effects.iloc[0]), float(effects.iloc[0])
    half = special.stdtrit(n - 1, (1 + confidence) / 2) * effects.std(ddof=1) / math.sqrt(n)
    return float(effects.mean() - half), float(effects.mean() + half)


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
