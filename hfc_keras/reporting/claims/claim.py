"""Claims of a paper, and what a table says about them.

A claim is a sentence with an effect, one number per seed, and the range in which the effect must
lie. The verdict comes from the effect's confidence interval over seeds, never from its mean.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd

from hfc_keras import checks
from hfc_keras.types import ArrayLike, Record

VERDICTS = ("supported", "refuted", "undecided")
# Whose sentence it is: a paper's, or ours, put to test what a paper says or what none says.
KINDS = {
    "paper": "Claims of the papers",
    "control": "Controls of our own",
    "question": "Questions of our own",
}
# Share of its training images that a network must have right before its generalization gap counts.
FITTED = 0.9
# The profile of which "refuted" is said outright; at a smaller one it reads as ``not seen``.
OUTRIGHT = "paper"
# Beyond the three: a claim whose table is not there.
NOT_MEASURED = "not measured"

Effects: TypeAlias = pd.Series | dict[str, pd.Series]
"""One number per seed, or such a Series against each of several rivals."""

Effect: TypeAlias = Callable[[pd.DataFrame], Effects]
ByImage: TypeAlias = Callable[[pd.DataFrame, np.random.Generator], ArrayLike]
Pairs: TypeAlias = Callable[[pd.DataFrame], pd.DataFrame]
Fit: TypeAlias = Callable[[pd.DataFrame], Mapping[str, pd.Series]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence of a paper that a table can support or refute.

    Args:
        id: str, unique among all claims.
        item: str, where the paper makes it: ``"Fig. 5"``, ``"Table 1"``, ``"section 5"``.
        sentence: str, the claim in our words.
        measured: str, what the effect is, with its unit.
        effect: function from a table (DataFrame) to a Series of float by seed; or, for a claim
            that must hold against each of several rivals, to a dict of such Series by the rival's
            name. None with ``pairs``.
        above: float, the claim holds where ``above < effect < below``.
        below: float, see ``above``; one of the two must be finite.
        paper: str.
        kind: str of ``KINDS``.
        unverified: str, what of the sentence was remembered and not found in the paper; empty
            where it was found.
        by_image: function from a table and a ``numpy.random.Generator`` to an array
            ``(replicates,)`` of the mean effect over seeds and test images that are drawn anew;
            None where the accuracies of the table are, see ``resampled_effects``.
        pairs: function from a table to a DataFrame with the columns recipe, seed, first and
            second, for a claim on Spearman's correlation of the last two over trainings: those
            are its sample, each with its mean over seeds.
        fitted: function from a table to a dict from names of networks to Series of float by seed,
            each of which must be ``fitted_above`` on average, or the claim is left undecided;
            None asks for nothing.
        fitted_above: float.
        unit: str, unit of the effect; claims of one unit share a panel of the figure.
        other_dataset: str, name of a data set that the claim compares its own with; the effect
            then gets the rows of both, with the column dataset.

    Raises:
        ValueError: for a range that is empty or holds every number, another kind, or unless it has
            one of ``effect`` and ``pairs``.

    Example:
        >>> Claim(id="a", item="Fig. 5", sentence="A helps.", measured="A minus B, accuracy",
        ...       effect=lambda table: table.set_index("seed")["gain"], above=0).below
        inf
    """

    id: str
    item: str
    sentence: str
    measured: str
    effect: Effect | None = None
    above: float = -math.inf
    below: float = math.inf
    paper: str = "Wang et al. 2020"
    kind: str = "paper"
    unverified: str = ""
    by_image: ByImage | None = None
    pairs: Pairs | None = None
    fitted: Fit | None = None
    fitted_above: float = FITTED
    unit: str = "accuracy"
    other_dataset: str = ""

    def __post_init__(self) -> None:
        """Check the range."""
        bounded = math.isfinite(self.above) or math.isfinite(self.below)
        checks.require(
            bounded and self.above < self.below,
            f"Claim {self.id!r} must have `above` < `below`, one of them finite",
            above=self.above,
            below=self.below,
        )
        checks.choice("kind", self.kind, list(KINDS))
        checks.require(
            (self.effect is None) != (self.pairs is None),
            f"Claim {self.id!r} must have one of `effect` and `pairs`",
            effect=self.effect,
            pairs=self.pairs,
        )


def unique_claims(claims: Iterable[Claim]) -> tuple[Claim, ...]:
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


def words(claim: Claim) -> Record:
    """What a claim says, as the first columns of a row.

    Args:
        claim: Claim.

    Returns:
        dict with paper, kind, item, id, sentence, measured, unit, unverified, above and below.

    Example:
        >>> claim = Claim(id="a", item="Fig. 5", sentence="A helps.", measured="gain, accuracy",
        ...               effect=len, above=0)
        >>> list(words(claim))[:5]
        ['paper', 'kind', 'item', 'id', 'sentence']
    """
    names = "paper kind item id sentence measured unit unverified above below".split()
    return {name: getattr(claim, name) for name in names}


def unmeasured(claim: Claim) -> Record:
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
    numbers = ("effect", "low", "high", "confidence", "detectable")
    last = dict.fromkeys(("image_low", "image_high", "fit"), math.nan)
    return {
        **words(claim),
        "sample": sample(claim),
        "n": 0,
        **dict.fromkeys(numbers, math.nan),
        "against": "",
        "verdict": NOT_MEASURED,
        "reason": "",
        **last,
        "fit_needed": claim.fitted_above if claim.fitted else math.nan,
    }


def sample(claim: Claim) -> str:
    """What a claim's interval is over: ``seeds`` or ``trainings``.

    Args:
        claim: Claim.

    Example:
        >>> sample(Claim(id="a", item="b", sentence="c", measured="d", pairs=len, above=0))
        'trainings'
    """
    return "seeds" if claim.pairs is None else "trainings"


def in_words(verdict: str, profile: str) -> str:
    """A verdict in words: at a small scale ``refuted`` says only that the effect was not seen.

    Args:
        verdict: str, of ``VERDICTS`` or ``NOT_MEASURED``.
        profile: str, of the table.

    Returns:
        str.

    Example:
        >>> in_words("refuted", "quick"), in_words("supported", "quick")
        ('not seen at this scale', 'supported')
    """
    return "not seen at this scale" if verdict == "refuted" and profile != OUTRIGHT else verdict
