"""Share of the images that are right, but wrong from their low frequencies, by seed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hfc_keras import checks
from hfc_keras.reporting.claims.effects import value
from hfc_keras.reporting.statistics.bootstrap import drawn_seeds
from hfc_keras.types import Floats

KEYS = "recipe seed bn_statistics decomposition radius original low high".split()
COLUMNS = [*KEYS, "count", "share", "chance", "examples"]
PAIR = ("right", "wrong")
PATTERN = {"original": "right", "low": "wrong", "high": "right"}


def misaligned_share(table: pd.DataFrame, radius: float, **where: Any) -> pd.Series:
    """Share of images with the pattern.

    Args:
        table: DataFrame with the columns ``COLUMNS``.
        radius: float, cycles per image.
        **where: column to value, names the rest of the measurement.

    Returns:
        Series of float by seed, in [0, 1].

    Raises:
        ValueError: as ``reporting.value``.

    Example:
        >>> import pandas as pd
        >>> rows = {"seed": [0, 1], "radius": 4.0, **PATTERN, "share": [0.5, 0.25]}
        >>> misaligned_share(pd.DataFrame(rows), 4.0).tolist()
        [0.5, 0.25]
    """
    return value(table, "share", radius=radius, **PATTERN, **where)


def wrong_from_low(table: pd.DataFrame, radius: float, **where: Any) -> pd.Series:
    """Share of images that are right as they are and wrong from their low frequencies.

    Args:
        table: DataFrame with the columns ``COLUMNS``.
        radius: float, cycles per image.
        **where: column to value, names the rest of the measurement.

    Returns:
        Series of float by seed, in [0, 1].

    Raises:
        ValueError: as ``reporting.value``.

    Example:
        >>> import pandas as pd
        >>> rows = {"seed": 0, "radius": 4.0, **PATTERN, "high": PAIR, "share": [0.25, 0.5]}
        >>> wrong_from_low(pd.DataFrame(rows), 4.0).tolist()
        [0.75]
    """
    either = ({**PATTERN, "high": answer} for answer in PAIR)
    right, wrong = (value(table, "share", radius=radius, **one, **where) for one in either)
    return right + wrong


def misaligned_effect(table: pd.DataFrame, radius: float, **where: Any) -> pd.Series:
    """Share of images with the pattern beyond the share that chance would give.

    Args:
        table: DataFrame with the columns ``COLUMNS``.
        radius: float, cycles per image.
        **where: column to value, names the rest of the measurement.

    Returns:
        Series of float by seed, in [-1, 1].

    Raises:
        ValueError: as ``reporting.value``.

    Example:
        >>> import pandas as pd
        >>> rows = {"seed": [0, 1], "radius": 4.0, **PATTERN, "share": 0.5, "chance": 0.25}
        >>> misaligned_effect(pd.DataFrame(rows), 4.0).tolist()
        [0.25, 0.25]
    """
    share = misaligned_share(table, radius, **where)
    return share - value(table, "chance", radius=radius, **PATTERN, **where)


def resampled(
    table: pd.DataFrame,
    rng: np.random.Generator,
    radius: float,
    replicates: int = 2000,
    **where: Any,
) -> tuple[Floats, Floats]:
    r"""Shares of images with the pattern for other seeds and on other test images, both drawn anew.

    .. math:: \frac{1}{n - 1} \sum_{i = 1}^{n - 1} \frac{1}{m} \sum_{j = 1}^{m} [o_{s_i}(u_j) = o],
              \qquad u_j \sim U(0, 1)

    Seeds :math:`s_i` are drawn as ``bootstrap`` draws them. One number per image gives its outcome
    :math:`o` for every seed, by the shares of the eight outcomes one after the other, since all
    seeds are tested on the same images: which bounds the share of the images in the variance from
    above. For each seed, the rate at which a random answer is right on a high part is held as
    measured.

    Args:
        table: DataFrame with the columns ``COLUMNS``.
        rng: numpy.random.Generator.
        radius: float, cycles per image.
        replicates: int, at least 1.
        **where: column to value, names the rest of the measurement.

    Returns:
        ``(share, chance)``, float arrays ``(replicates,)`` in [0, 1].

    Raises:
        ValueError: unless each seed has its eight rows.

    Example:
        >>> import pandas as pd
        >>> rows = [(o, l, h) for o in PAIR for l in PAIR for h in PAIR]
        >>> table = pd.DataFrame(rows, columns=["original", "low", "high"])
        >>> table = table.assign(seed=0, radius=4.0, count=10, share=1 / 8, chance=1 / 8)
        >>> share, chance = resampled(table, np.random.default_rng(0), 4.0)
        >>> round(float(share.mean()), 2), round(float(chance.mean()), 2)
        (0.13, 0.12)
    """
    where = {"radius": radius, **where}
    fits = np.all([table[name] == wanted for name, wanted in where.items()], axis=0)
    networks = [_outcomes(part, where) for _, part in table[fits].groupby("seed")]
    checks.require(networks, "`table` must hold the measurement", **where)
    ends, examples, rates = zip(*networks, strict=True)
    chosen = drawn_seeds(len(networks), rng, replicates)
    share, among = np.empty((2, replicates))
    for row, seeds in enumerate(chosen):
        images = np.sort(rng.random(max(examples)))
        below = np.searchsorted(images, np.stack([ends[seed] for seed in seeds])) / len(images)
        share[row] = below[:, 0].mean()
        among[row] = (below[:, 1] * np.take(rates, seeds)).mean()
    return share, among


def _outcomes(own: pd.DataFrame, where: Mapping[str, Any]) -> tuple[list[float], int, float]:
    """Of a network: shares with the pattern and among which it is; images; rate of luck."""
    outcomes = own[["original", "low", "high"]].drop_duplicates()
    checks.require(
        len(own) == len(outcomes) == 8,
        "`table` must hold the eight rows of a measurement",
        rows=len(own),
        **where,
    )
    among = (own["original"] == "right") & (own["low"] == "wrong")
    pattern = among & (own["high"] == "right")
    examples = own["count"].sum()
    ends = [own["count"][chosen].sum() / examples for chosen in (pattern, among)]
    stratum = own["share"][among].sum()
    rate = own["chance"][pattern].sum() / stratum if stratum else 0.0
    return ends, int(examples), rate
