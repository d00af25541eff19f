"""Whose class a model sees where the low frequencies of one image meet the high ones of another."""

import warnings
from collections.abc import Iterator

import keras
import numpy as np
import pandas as pd
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks, spectrum
from hfc_keras.analysis.batch_norm import with_statistics
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import checked, finite_logits
from hfc_keras.types import Array, ArrayLike, BnStatistics, Floats, Integers

# Parts of the shorter side.
RADII = tuple(part / 16 for part in range(1, 9))


def hybrid_preference(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    radii: ArrayLike | None = None,
    inclusive: bool = True,
    bn_statistics: BnStatistics = "moving",
    train_images: Images | None = None,
    seed: int = 0,
    batch_size: int = 256,
) -> pd.DataFrame:
    r"""Share of answers that follow the low or the high frequencies of hybrids of two classes.

    Each image gives its low-frequency component to a hybrid, and another image :math:`j(i)` of a
    different class, drawn at random, its high-frequency component:

    .. math:: h_i = x_{l,i}(r) + x_{h,j(i)}(r), \qquad
              L(r) = \frac1n \sum_i [\arg\max f(h_i) = y_i], \qquad
              H(r) = \frac1n \sum_i [\arg\max f(h_i) = y_{j(i)}]

    The crossover is the radius at which low frequencies take over, :math:`L = H` on straight
    lines between the radii, the last such place if there are several. A network with a lower
    crossover goes by lower frequencies: up to it they suffice to outweigh all others. The same
    pairs are used at every radius. Hybrids are not clipped.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        images: float ``(examples, height, width, channels)`` in [0, 1], or
            whatever else ``analysis.frequency_accuracy`` takes.
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, of two classes or more;
            None where the images bring theirs.
        radii: floats, cycles per image, each at least 0 and no two alike; None is the shorter
            side times 1/16, 2/16, ..., 8/16.
        inclusive: bool, ``<=`` or ``<`` at the rim of the disc.
        bn_statistics: ``"moving"``, ``"batch"`` or ``"population"``, see
            ``analysis.with_statistics``.
        train_images: training images as the network saw them, for ``"population"``.
        seed: int from 0, of the pairs.
        batch_size: int, images a prediction; changes the answer for ``"batch"`` only.

    Returns:
        DataFrame with a row per radius, from small to large, and the columns

        - radius: cycles per image;
        - low, high, neither: shares of the hybrids, which add up to 1;
        - preference: low / (low + high), NaN where no answer follows either;
        - crossover: cycles per image, the same in all rows, NaN where it lies outside of the radii;
        - original_accuracy: on the images as they are; examples; bn_statistics.

    Raises:
        ValueError: for labels of a single class, a negative seed, and as
            ``analysis.frequency_accuracy``.

    Warns:
        UserWarning: if there is no crossover, with the reason.

    Reference:
        Oliva, Torralba and Schyns, Hybrid images, ACM Transactions on Graphics 2006, for the
        images; the shares follow the cue-conflict test of Geirhos et al., ImageNet-trained CNNs
        are biased towards texture, ICLR 2019.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> with warnings.catch_warnings():  # An untrained network may have no crossover.
        ...     warnings.simplefilter("ignore")
        ...     table = hybrid_preference(model, test.images[:50], test.labels[:50], [1, 2])
        >>> table[["low", "high", "neither"]].sum(axis=1).round(6).tolist()
        [1.0, 1.0]
    """
    images, labels = checked(model, images, labels, batch_size)
    side = min(images.shape[1:3])
    radii = sorted(checks.radii([side * part for part in RADII] if radii is None else radii))
    others = partners(labels, checks.number("seed", seed, minimum=0, whole=True))
    tested = with_statistics(model, bn_statistics, train_images)
    counts, right = np.zeros((len(radii), 2), "int64"), 0
    for at in tqdm(range(0, len(images), batch_size), "hybrids", leave=False, disable=None):
        rows = slice(at, at + batch_size)
        own, other = labels[rows], labels[others[rows]]
        hybrids = _hybrids(images[rows], images[others[rows]], radii, inclusive)
        original, *answers = (each.argmax(axis=1) for each in finite_logits(tested, hybrids))
        right += int((original == own).sum())
        counts += [[(each == own).sum(), (each == other).sum()] for each in answers]
    shares = counts / len(images)
    crossover, reason = _crossover(radii, shares)
    if reason:
        warnings.warn(f"There is no crossover: {reason}", stacklevel=2)
    low, high = shares.T
    followed = np.where(low + high > 0, low + high, np.nan)
    return pd.DataFrame(
        {
            "radius": radii,
            "low": low,
            "high": high,
            "neither": 1 - low - high,
            "preference": low / followed,
            "crossover": crossover,
            "original_accuracy": right / len(images),
            "examples": len(images),
            "bn_statistics": bn_statistics,
        }
    )


def partners(labels: Integers, seed: int) -> Integers:
    """Row of an image of another class for each image, each such image with the same chance.

    Args:
        labels: int ``(examples,)``, of two classes or more.
        seed: int from 0.

    Returns:
        int ``(examples,)``.

    Raises:
        ValueError: for labels of a single class.

    Example:
        >>> partners(np.array([3, 5, 3]), seed=0)[[0, 2]].tolist()
        [1, 1]
    """
    counts = np.bincount(labels)
    checks.require(
        np.count_nonzero(counts) > 1,
        "`labels` must hold at least two classes, so that an image has one of another class",
        classes=np.flatnonzero(counts).tolist(),
    )
    by_class, starts = np.argsort(labels, kind="stable"), np.cumsum(counts) - counts
    others = len(labels) - counts[labels]
    place = np.random.default_rng(seed).integers(0, others)
    # Past the images of the own class, which stand together.
    place += np.where(place >= starts[labels], counts[labels], 0)
    return by_class[place]


def _hybrids(
    images: Floats, others: Floats, radii: list[float], inclusive: bool
) -> Iterator[Array]:
    """Yield the images, then at each radius their low parts with the high parts of the others."""
    yield images
    lows = spectrum.low_components(images, radii, inclusive)
    for low, away in zip(lows, spectrum.low_components(others, radii, inclusive), strict=True):
        yield ops.convert_to_numpy(low) + others - ops.convert_to_numpy(away)


def _crossover(radii: list[float], shares: Floats) -> tuple[float, str]:
    """Radius where low begins to lead for good, or NaN and why."""
    lead = shares[:, 0] - shares[:, 1]
    if not shares.any():
        return np.nan, "no answer follows either image"
    if lead[-1] < 0:
        return np.nan, f"high frequencies lead at the largest radius, {radii[-1]:g}"
    behind = np.flatnonzero(lead < 0)
    if not len(behind):
        return np.nan, f"low frequencies lead at the smallest radius, {radii[0]:g}, already"
    pair = slice(behind[-1], behind[-1] + 2)
    return float(np.interp(0, lead[pair], radii[pair])), ""
