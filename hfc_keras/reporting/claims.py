"""Claims of a paper, and what a table says about them.

A claim is a sentence with an effect, one number a seed, and the range in which the effect must
lie. The verdict comes from the effect's confidence interval over seeds, never from its mean.
"""

import dataclasses
import math
from collections.abc import Callable

from hfc_keras import checks

VERDICTS = ("supported", "refuted", "undecided")
# Beyond the three: a claim whose table is not there.
NOT_MEASURED = "not measured"


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
            name.
        above: float, the claim holds where ``above < effect < below``.
        below: float, see ``above``; one of the two must be finite.
        paper: str.
        by_image: function from a table and a ``numpy.random.Generator`` to an array
            ``(replicates,)`` of the effect on images drawn with replacement, for one network; None
            where seeds are the sample, and for an effect against several rivals.
        unit: str, unit of the effect; claims of one unit share a panel of the figure.
        other_dataset: str, name of a data set that the claim compares its own with; the effect
            then gets the rows of both, told apart by the column dataset.

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
    other_dataset: str = ""

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
    numbers = dict.fromkeys(("effect", "low", "high", "confidence"), math.nan)
    images = dict.fromkeys(("image_low", "image_high"), math.nan)
    verdict = {"against": "", "verdict": NOT_MEASURED}
    return {**words(claim), "n": 0, **numbers, **verdict, **images}
