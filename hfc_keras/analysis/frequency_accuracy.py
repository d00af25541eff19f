"""Accuracy on the low- and high-frequency components of images."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from hfc_keras import checks
from hfc_keras.analysis.batch_norm import with_statistics
from hfc_keras.analysis.inputs import Images, given, given_radii
from hfc_keras.analysis.predictions import checked, finite_logits
from hfc_keras.analysis.scaling import scaled_components
from hfc_keras.types import ArrayLike, BnStatistics, MaskShape, RadiusUnit, Scaling


def frequency_accuracy(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    radii: ArrayLike | None = None,
    inclusive: bool = True,
    bn_statistics: BnStatistics = "moving",
    train_images: Images | None = None,
    batch_size: int = 256,
    scaling: Scaling = "none",
    outside_gain: float = 0.0,
    mask: MaskShape = "disc",
    unit: RadiusUnit = "cycles",
    clip: Sequence[float] | None = None,
) -> pd.DataFrame:
    r"""Accuracy of a model on images and on their components at several radii.

    .. math:: \frac1n \sum_i [\arg\max f(c(x_i)) = y_i], \qquad
              c \in \{x,\ x_l(r),\ x_h(r)\}

    One pass over the images, one forward transform per image, ``1 + 2 len(radii)`` predictions.
    Components go to the model as they are: clipped and scaled only on demand.

    Definitions of others, whose tables can be set beside such numbers: Wang et al. take discs in
    cycles, the rim left out in their code (``inclusive=False``), not clipped. Gavrikov and Keuper
    crop a square of some share of Nyquist and clip: ``mask="square", unit="nyquist",
    clip=(0, 1)``, with the cutoff c of low passes and 1 - c of high passes as radius.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``; None where the images
            bring theirs.
        radii: floats, in the unit, each at least 0 and no two alike. Beyond the corner
            low is the image itself and high is zero. None is the width times 1/8, 1/4, 3/8 and 1/2.
        inclusive: bool, ``<=`` (the paper) or ``<`` (its released code) at the rim.
        bn_statistics: ``"moving"``, ``"batch"`` or ``"population"``, see
            ``analysis.with_statistics``; batch statistics are of each batch of each component,
            so the order of the images matters to them.
        train_images: training images as the network saw them, for ``"population"``.
        batch_size: int, images a prediction; changes the answer for ``"batch"`` only.
        scaling: ``"none"``, ``"max"`` (as the released code), ``"spread"`` (that of the images) or
            ``"matched"`` (mean and spread), see ``analysis.scaling.scaled_components``. The images
            themselves never are.
        outside_gain: float in [0, 1], what remains of the high frequencies in the low component
            and is missing in the high one.
        mask: ``"disc"`` or ``"square"``, see ``spectrum.radial_mask``.
        unit: ``"cycles"`` per image or share of ``"nyquist"``, of the radii.
        clip: ``(smallest, largest)`` that components are clipped to, such as (0, 1), or None.

    Returns:
        DataFrame with the columns component (``original``, ``low``, ``high``), radius (as it
        was given; NaN for the original), accuracy in [0, 1], examples, bn_statistics.

    Raises:
        ValueError: for pixels outside [0, 1], images that do not fit the model, labels that
            do not fit the images, a radius list that is empty, repeated or out of range, another
            mask or unit, a range to clip to that is none, or a model that does not keep the
            ``contract`` or whose logits are not finite.

    Reference:
        Wang et al., High-Frequency Component Helps Explain the Generalization of
        Convolutional Neural Networks, CVPR 2020, section 5; Gavrikov and Keuper, Can Biases in
        ImageNet Models Explain Generalization?, CVPR 2024.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> frequency_accuracy(model, test.images, test.labels, radii=[1, 2]).shape
        (5, 5)
    """
    images, labels = checked(model, images, labels, batch_size)
    radii = given_radii(radii, images.shape[2], unit)
    tested = with_statistics(model, bn_statistics, train_images)
    right = np.zeros(1 + 2 * len(radii), "int64")
    options = (inclusive, scaling, batch_size, outside_gain, mask, unit, clip)
    batches = scaled_components(images, radii, *options)
    total = -(-len(images) // batch_size)
    for rows, parts in tqdm(batches, "frequency accuracy", total, leave=False, disable=None):
        for index, logits in enumerate(finite_logits(tested, parts)):
            right[index] += int((logits.argmax(axis=1) == labels[rows]).sum())
    names = ["original"] + ["low", "high"] * len(radii)
    return pd.DataFrame(
        {
            "component": names,
            "radius": [np.nan, *np.repeat(radii, 2)],
            "accuracy": right / len(images),
            "examples": len(images),
            "bn_statistics": bn_statistics,
        }
    )


def frequency_accuracy_by_epoch(
    model: keras.Model,
    weights: Mapping[int, Any],
    images: Images,
    labels: ArrayLike | None = None,
    radii: ArrayLike | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Accuracy by component over the stored epochs of a training.

    Args:
        model: keras.Model; its own weights are put back afterwards.
        weights: dict from epoch to weights, or to a function of no argument that returns them.
        images: see ``frequency_accuracy``.
        labels: see ``frequency_accuracy``.
        radii: see ``frequency_accuracy``.
        **options: see ``frequency_accuracy``.

    Returns:
        DataFrame of ``frequency_accuracy`` with a first column epoch.

    Raises:
        ValueError: as ``frequency_accuracy``.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> epochs = {1: model.get_weights(), 2: model.get_weights()}
        >>> table = frequency_accuracy_by_epoch(model, epochs, test.images, test.labels, [2])
        >>> table["epoch"].tolist()
        [1, 1, 1, 2, 2, 2]
    """
    checks.require(weights, "`weights` must hold at least one epoch", weights=weights)
    images, labels = given(images, labels)
    own, tables = model.get_weights(), []
    try:
        for epoch, stored in weights.items():
            model.set_weights(stored() if callable(stored) else stored)
            table = frequency_accuracy(model, images, labels, radii, **options)
            table.insert(0, "epoch", epoch)
            tables.append(table)
    finally:
        model.set_weights(own)
    return pd.concat(tables, ignore_index=True)
