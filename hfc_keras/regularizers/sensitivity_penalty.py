"""Penalties on the frequencies that a network's input gradient has."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from keras import ops

from hfc_keras import checks, spectrum, tensors, thirds
from hfc_keras.types import ArrayLike, Flags, Floats, ImageShape, Tensor

KINDS = ("low", "mid", "high", "all")
# A third of the Nyquist frequency of fewer pixels holds no ring.
SMALLEST = 6


@dataclasses.dataclass(frozen=True)
class SensitivityBand:
    r"""Rings of frequencies that a penalty leaves alone, all others being penalized.

    .. math:: R = \sum_{k \notin (a, b]} S_k

    Args:
        inner: float, cycles per image, at least 0; rings above it are in the band.
        outer: float, cycles per image, above ``inner``; rings up to it are in the band.

    Raises:
        ValueError: for limits that are negative, not finite or crossed, or with no whole number
            between them.

    Example:
        >>> SensitivityBand(5, 10).rings(32, 32)[[4, 5, 9, 10]].tolist()
        [False, True, True, False]
    """

    inner: float
    outer: float

    def __post_init__(self) -> None:
        """Check the limits and make them floats."""
        for name in ("inner", "outer"):
            value = checks.number(name, getattr(self, name), minimum=0)
            object.__setattr__(self, name, value)
        checks.require(
            math.floor(self.inner) < math.floor(self.outer),
            "`outer` must be above `inner`, with a whole number in (inner, outer]",
            inner=self.inner,
            outer=self.outer,
        )

    def rings(self, height: int, width: int) -> Flags:
        """Which rings of an image size are in the band.

        Args:
            height: int, rows of the image.
            width: int, columns of the image.

        Returns:
            bool array ``(rings - 1,)``, ring 1 first.

        Raises:
            ValueError: if no ring is in the band, or all are, so that nothing is penalized.
        """
        index = np.arange(1, len(spectrum.ring_sizes(height, width)))
        inside = (index > self.inner) & (index <= self.outer)
        checks.require(
            inside.any() and not inside.all(),
            f"the band must hold some of the rings 1 to {len(index)} and leave out others",
            inner=self.inner,
            outer=self.outer,
        )
        return inside


Kind: TypeAlias = Literal["low", "mid", "high", "all"] | SensitivityBand
"""What a penalty leaves: a third of the frequencies, a flat spectrum, or a band."""


def sensitivity_penalty(
    gradients: ArrayLike, kind: Kind = "low", total: Callable[[Any], Any] | None = None
) -> Tensor:
    r"""Penalty that leaves the Fourier sensitivity of a network in one band.

    With :math:`S_k` the mean over the batch of the share of ring ``k`` in the power of the input
    gradient (channel mean, without the zero frequency) and ``N = min(height, width)``:

    .. math:: R_{low} = \sum_{k > \lfloor N/6 \rfloor} S_k, \quad
              R_{mid} = \sum_{k \le \lfloor N/6 \rfloor} S_k +
                        \sum_{k > \lfloor N/3 \rfloor} S_k, \quad
              R_{high} = \sum_{k \le \lfloor N/3 \rfloor} S_k

    .. math:: R_{all} = \sum_{k=1}^{\lfloor N/2 \rfloor} q_k \log_2 q_k, \qquad
              q_k = S_k / \sum_{j=1}^{\lfloor N/2 \rfloor} S_j

    so ``"low"`` keeps the lowest third of the frequencies up to Nyquist, ``"mid"`` the next,
    ``"high"`` all above, and ``"all"`` is lowest where the spectrum is flat. The scale of the
    gradients plays no part. Differentiable, for ``training.FourierRegularized``.

    Args:
        gradients: ``(batch, height, width, channels)``, of each image's own loss.
        kind: ``"low"``, ``"mid"``, ``"high"``, ``"all"`` or a SensitivityBand.
        total: function that adds up a tensor over the devices that share a batch, or None where
            ``gradients`` are of the whole batch.

    Returns:
        float32 scalar tensor, in [0, 1]; for ``"all"`` in [-log2(N / 2), 0] bits. Images whose
        gradient is zero or constant are left out; NaN if no image is left.

    Raises:
        ValueError: for another kind or rank, an empty batch, sides below 6 pixels, or a band that
            holds no ring or all.

    Reference:
        Krishnamachari et al., Fourier Sensitivity and Regularization of Computer Vision
        Models, TMLR 2022.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(64, 32, 32, 3))
        >>> round(float(sensitivity_penalty(noise, "low")), 2)
        0.91
    """
    gradients = tensors.images(gradients, "gradients", filled=True)
    shape = tuple(gradients.shape)
    checks.require(
        None not in shape[1:3],
        "`gradients` must have a known height and width",
        **{"gradients.shape": shape},
    )
    check_kind(kind, shape[1:])
    shares = spectrum.ring_shares(gradients, channels="mean")
    # NaN in a gradient must stay, so rows are left out by their zeros alone.
    counted = ops.cast(ops.any(shares != 0, axis=1), "float32")
    sums = ops.sum(shares, axis=0), ops.sum(counted)
    power, count = sums if total is None else map(total, sums)
    mean = power / count
    if kind == "all":
        return _negative_entropy(mean[: min(shape[1:3]) // 2])
    return ops.sum(mean * ops.convert_to_tensor(_penalised(kind, *shape[1:3])))


def check_kind(kind: Kind, image_shape: ImageShape, name: str = "kind") -> None:
    """Refuse a band that cannot be kept by images of a size.

    Args:
        kind: ``"low"``, ``"mid"``, ``"high"``, ``"all"`` or a SensitivityBand.
        image_shape: (height, width, channels).
        name: str, the argument's name.

    Raises:
        ValueError: for another kind, sides below 6 pixels, or a band that holds no ring or all.

    Example:
        >>> check_kind("low", (8, 8, 1))
    """
    if isinstance(kind, SensitivityBand):
        kind.rings(*image_shape[:2])
        return
    checks.choice(name, kind, KINDS)
    checks.require(
        min(image_shape[:2]) >= SMALLEST,
        f"images must be {SMALLEST} pixels per side or more, so that each third holds a ring",
        image_shape=tuple(image_shape),
    )


def as_kind(value: object, name: str) -> Kind:
    """Kind of penalty, or a band made of a pair of limits.

    Args:
        value: ``"low"``, ``"mid"``, ``"high"``, ``"all"``, a SensitivityBand or a pair (inner,
            outer).
        name: str, the argument's name.

    Returns:
        str or SensitivityBand.

    Raises:
        ValueError: for anything else.

    Example:
        >>> as_kind((5, 10), "kind")
        SensitivityBand(inner=5.0, outer=10.0)
    """
    if isinstance(value, SensitivityBand):
        return value
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return SensitivityBand(*value)
    return cast(Kind, checks.choice(name, value, KINDS))


def as_plain(kind: Kind) -> str | list[float]:
    """Kind as JSON has it: a str, or the limits of a band.

    Args:
        kind: as ``as_kind`` returns it.

    Returns:
        str or list of two floats.

    Example:
        >>> as_plain(SensitivityBand(5, 10))
        [5.0, 10.0]
    """
    return kind if isinstance(kind, str) else [kind.inner, kind.outer]


def _penalised(kind: Kind, height: int, width: int) -> Floats:
    """1 for each penalized ring from 1 on, 0 for the others."""
    index = np.arange(1, len(spectrum.ring_sizes(height, width)))
    low, mid = thirds.limits(min(height, width))
    if isinstance(kind, SensitivityBand):
        kept = kind.rings(height, width)
    else:
        kept = {
            "low": index <= low,
            "mid": (index > low) & (index <= mid),
            "high": index > mid,
        }[kind]
    return (~kept).astype("float32")


def _negative_entropy(power: Tensor) -> Tensor:
    """Minus the Shannon entropy in bits of some powers, after they are made to add up to 1."""
    share = power / ops.sum(power)
    return ops.sum(share * ops.log2(ops.where(share == 0, 1.0, share)))
