"""Which images are right as they are, from one component and from the other: a 2 x 2 x 2 table."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import keras
import numpy as np
import pandas as pd
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks, layers, singular_values, spectrum
from hfc_keras.analysis.batch_norm import with_statistics
from hfc_keras.analysis.inputs import Images, given_radii
from hfc_keras.analysis.predictions import checked, checked_images, finite_logits
from hfc_keras.types import (
    Array,
    ArrayLike,
    BnStatistics,
    Decomposition,
    Floats,
    Integers,
    MaskShape,
    RadiusUnit,
)

Lows: TypeAlias = Callable[[Floats], list[Array]]
DECOMPOSITIONS = ("fourier", "svd")
SCALINGS = ("none", "max")


def contingency(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    radii: ArrayLike | None = None,
    decomposition: Decomposition = "fourier",
    inclusive: bool = True,
    bn_statistics: BnStatistics = "moving",
    train_images: Images | None = None,
    batch_size: int = 256,
    scaling: str = "none",
    mask: MaskShape = "disc",
    unit: RadiusUnit = "cycles",
) -> pd.DataFrame:
    r"""Count images by whether a model is right on them, on their low and on their high part.

    .. math:: n_{abc} = \left|\{i : [f(x_i) = y_i] = a,\ [f(x_{l,i}) = y_i] = b,\
              [f(x_{h,i}) = y_i] = c\}\right|

    With ``"svd"`` the parts are the leading and trailing singular values of each channel, cut
    so that the leading part has the energy of the low-frequency component: a control for what
    the frequencies have to do with it.

    The column ``chance`` is the share that a row would have if the model's answers to the high
    parts were dealt at random among the images with the same original and low: with
    :math:`n_k` labels and :math:`m_k` answers of class :math:`k` among those :math:`n` images,
    :math:`\sum_k n_k m_k / n` of them would be right. A model that gives one answer to every
    high part is right no more often than that, whatever the classes are.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``; None where the images
            bring theirs.
        radii: floats, in the unit, each at least 0 and no two alike; None is the width times 1/8,
            1/4, 3/8 and 1/2.
        decomposition: ``"fourier"`` or ``"svd"``.
        inclusive: bool, ``<=`` (the paper) or ``<`` (its released code) at the rim.
        bn_statistics: ``"moving"``, ``"batch"`` or ``"population"``, see
            ``analysis.with_statistics``.
        train_images: training images as the network saw them, for ``"population"``.
        batch_size: int, images a prediction; changes the answer for ``"batch"`` only.
        scaling: ``"none"``, or ``"max"`` to divide each part by its maximum, as the released
            code does.
        mask: ``"disc"`` or ``"square"``, see ``spectrum.radial_mask``.
        unit: ``"cycles"`` per image or share of ``"nyquist"``, of the radii.

    Returns:
        DataFrame, eight rows for each radius, with the columns decomposition, radius (as it was
        given); original, low, high (each ``right`` or ``wrong``); count, share (of all images),
        chance (also a share of all images), low_energy (sum of squares of the low parts over that
        of the images), examples, bn_statistics.

    Raises:
        ValueError: as ``analysis.frequency_accuracy``, or for another decomposition or scaling.

    Reference:
        Wang et al., High-Frequency Component Helps Explain the Generalization of
        Convolutional Neural Networks, CVPR 2020, Fig. 2 and section 8.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> table = contingency(model, test.images, test.labels, radii=[1, 2])
        >>> len(table), bool(table["count"].sum() == 2 * len(test))
        (16, True)
    """
    images, labels = checked(model, images, labels, batch_size)
    radii = given_radii(radii, images.shape[2], unit)
    tested = with_statistics(model, bn_statistics, train_images)
    lows = _lows(radii, decomposition, inclusive, mask, unit)
    answers, energy = [], np.zeros(1 + len(radii))
    for parts_energy, logits in _predicted(tested, images, lows, batch_size, scaling):
        answers.append(np.argmax(logits, axis=2))
        energy += parts_energy
    original, *parts = np.concatenate(answers, axis=1)
    tables = []
    for radius, low, high, kept in zip(radii, parts[::2], parts[1::2], energy[1:], strict=True):
        table = _outcomes(labels, original, low, high)
        table.insert(0, "radius", radius)
        tables.append(table.assign(low_energy=kept / energy[0] if energy[0] else 1.0))
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "decomposition", decomposition)
    return table.assign(examples=len(labels), bn_statistics=bn_statistics)


def component_probabilities(
    model: keras.Model,
    images: Images,
    radius: float,
    decomposition: Decomposition = "fourier",
    inclusive: bool = True,
    bn_statistics: BnStatistics = "moving",
    train_images: Images | None = None,
    batch_size: int = 256,
    scaling: str = "none",
    mask: MaskShape = "disc",
    unit: RadiusUnit = "cycles",
) -> dict[str, Floats]:
    r"""Class probabilities of a model on images, on their low and on their high parts.

    .. math:: p(c) = \mathrm{softmax}(f(c)), \qquad c \in \{x,\ x_l(r),\ x_h(r)\}

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        radius: float, in the unit, at least 0.
        decomposition: see ``contingency``.
        inclusive: see ``contingency``.
        bn_statistics: see ``contingency``.
        train_images: see ``contingency``.
        batch_size: see ``contingency``.
        scaling: see ``contingency``.
        mask: see ``contingency``.
        unit: see ``contingency``.

    Returns:
        dict with the keys ``original``, ``low``, ``high``: float32 ``(examples, classes)``, each
        row summing to 1.

    Raises:
        ValueError: as ``contingency``.

    Example:
        >>> from hfc_keras import data, models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> found = component_probabilities(model, data.load("digits").test.images[:3], radius=2)
        >>> {name: values.shape for name, values in found.items()}
        {'original': (3, 10), 'low': (3, 10), 'high': (3, 10)}
    """
    images = checked_images(model, images, batch_size)
    tested = with_statistics(model, bn_statistics, train_images)
    lows = _lows(checks.radii([radius], "radius"), decomposition, inclusive, mask, unit)
    logits = [values for _, values in _predicted(tested, images, lows, batch_size, scaling)]
    values = np.concatenate(logits, axis=1)
    values = np.exp(values - values.max(axis=2, keepdims=True))
    values /= values.sum(axis=2, keepdims=True)
    return dict(zip(("original", "low", "high"), values, strict=True))


def _predicted(
    model: keras.Model,
    images: Floats,
    lows_of: Lows,
    batch_size: int,
    scaling: str,
) -> Iterator[tuple[list[float], list[Floats]]]:
    """Yield for each batch the energies of images and low parts, and the logits.

    Logits are of the images, then of low and high for each radius.
    """
    checks.choice("scaling", scaling, SCALINGS)
    starts = range(0, len(images), batch_size)
    for start in tqdm(starts, desc="predictions by component", leave=False, disable=None):
        batch = images[start : start + batch_size]
        lows = lows_of(batch)
        energy = [np.square(part, dtype="float64").sum() for part in (batch, *lows)]
        parts = [part for low in lows for part in (low, batch - low)]
        if scaling == "max":
            parts = [ops.convert_to_numpy(layers.RescaleToMax()(part)) for part in parts]
        yield energy, list(finite_logits(model, (batch, *parts)))


def _lows(
    radii: Sequence[float],
    decomposition: Decomposition,
    inclusive: bool,
    mask: MaskShape,
    unit: RadiusUnit,
) -> Lows:
    """Function from images to their low parts: frequencies, or singular values of their energy."""
    checks.choice("decomposition", decomposition, DECOMPOSITIONS)

    def lows(images: Floats) -> list[Array]:
        found = spectrum.low_components(images, radii, inclusive, mask, unit)
        parts = [ops.convert_to_numpy(low) for low in found]
        if decomposition == "fourier":
            return parts
        energies = [np.square(low, dtype="float64").sum(axis=(1, 2)) for low in parts]
        leading = singular_values.leading_components(images, energies)
        return [ops.convert_to_numpy(part) for part in leading]

    return lows


def _outcomes(labels: Integers, original: Integers, low: Integers, high: Integers) -> pd.DataFrame:
    """Eight rows of counts from the answers to images, low and high parts."""
    rows = []
    for original_right, low_right in itertools.product((True, False), repeat=2):
        among = ((original == labels) == original_right) & ((low == labels) == low_right)
        right, expected = (high[among] == labels[among]).sum(), _dealt(labels[among], high[among])
        for name, count, chance in (
            ("right", right, expected),
            ("wrong", among.sum() - right, among.sum() - expected),
        ):
            rows.append((original_right, low_right, name, count, chance))
    table = pd.DataFrame(rows, columns=["original", "low", "high", "count", "chance"])
    table["share"] = table["count"] / len(labels)
    table["chance"] = table["chance"] / len(labels)
    for name in ("original", "low"):
        table[name] = np.where(table[name], "right", "wrong")
    return table[["original", "low", "high", "count", "share", "chance"]]


def _dealt(labels: Integers, answers: Integers) -> float:
    """Answers that would be right on average if they were dealt among the images at random."""
    if not len(labels):
        return 0.0
    classes = 1 + max(labels.max(), answers.max())
    found, given = (np.bincount(values, minlength=classes) for values in (labels, answers))
    return float(found @ given / len(labels))
