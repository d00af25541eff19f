"""Exponents of growth, fitted by least squares on logarithms."""

import dataclasses
from typing import Literal

import numpy as np
import scipy.stats

from hfc_keras.types import ArrayLike

# Overhead hides the growth of small sizes, so that the exponent is that of the largest ones.
LARGEST = 4
CONFIDENCE = 0.95
# GB: less cannot be told from what the allocator rounds to.
SMALLEST = 0.016
# Half of an interval that is wider decides nothing.
WIDEST = 0.5


@dataclasses.dataclass(frozen=True)
class Exponent:
    """Exponent of a power law, with its confidence interval.

    Args:
        value: float.
        low: float.
        high: float.
    """

    value: float
    low: float
    high: float

    def verdict(self, expected: float) -> Literal["within", "above", "undecided"]:
        """Whether the growth is no worse than expected.

        Args:
            expected: float, exponent of the arithmetic.

        Returns:
            "above" where the whole interval lies above it; else "undecided" where half the
            interval is wider than 0.5, or "within".
        """
        if self.low > expected:
            return "above"
        return "undecided" if (self.high - self.low) / 2 > WIDEST else "within"


def exponent(x: ArrayLike, y: ArrayLike) -> Exponent:
    r"""Exponent of a power law through points, of the four largest x alone.

    .. math:: \log y = \log c + p \log x

    Args:
        x: floats above 0, some of which may occur several times.
        y: floats above 0, as many.

    Returns:
        Exponent, with the 95% interval of the slope; infinitely wide for two points, and
        none where y stays what it is.
    """
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    kept = x >= np.unique(x)[-LARGEST:][0]
    if len(np.unique(y[kept])) == 1:
        return Exponent(0.0, 0.0, 0.0)
    line = scipy.stats.linregress(np.log(x[kept]), np.log(y[kept]))
    freedom = int(kept.sum()) - 2
    slope, error = float(line.slope), float(line.stderr)  # pyright: ignore[reportAttributeAccessIssue]: SciPy's result is a tuple with names
    if freedom < 1:
        return Exponent(slope, -np.inf, np.inf)
    half = float(scipy.stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    return Exponent(slope, slope - half, slope + half)


def memory_exponent(x: ArrayLike, gigabytes: ArrayLike) -> Exponent:
    """Exponent of memory, in which less than 16 MB is no growth.

    Args:
        x: floats above 0.
        gigabytes: floats, as many.
    """
    return exponent(x, np.maximum(np.asarray(gigabytes, "float64"), SMALLEST))
