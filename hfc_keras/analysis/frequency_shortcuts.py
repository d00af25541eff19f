"""How few frequencies a model needs for a class, and what they make of the other classes."""

import functools
import warnings
from collections.abc import Iterator
from typing import Any, Literal, overload

import keras
import numpy as np
import pandas as pd
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks, spectrum
from hfc_keras.analysis.fourier_heat_map import half_plane
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import checked, finite_logits, predicted_logits
from hfc_keras.types import Array, ArrayLike, Flags, Floats, Integers

Masks = dict[int, Flags]


@overload
def frequency_shortcuts(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    keep: float = ...,
    patch: int | None = ...,
    batch_size: int = ...,
    return_masks: Literal[False] = ...,
) -> pd.DataFrame: ...
@overload
def frequency_shortcuts(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    keep: float = ...,
    patch: int | None = ...,
    batch_size: int = ...,
    *,
    return_masks: Literal[True],
) -> tuple[pd.DataFrame, Masks]: ...
def frequency_shortcuts(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    keep: float = 0.95,
    patch: int | None = None,
    batch_size: int = 256,
    return_masks: bool = False,
) -> pd.DataFrame | tuple[pd.DataFrame, Masks]:
    r"""Smallest set of frequencies with which a model still finds a class, for each class.

    The frequencies are ranked by how much the cross-entropy of the images of the class rises
    without them:

    .. math:: D_c(u, v) = \operatorname*{mean}_{y_i = c} \ell(f(x_i - b_{u, v}(x_i)), c) -
              \ell(f(x_i), c)

    Images are then filtered to the mean and the first k of the ranking, with the smallest k at
    which the true-positive rate of the class is at least ``keep`` times that on the images as they
    are. It is looked for by doubling k, then by bisection, so it is the smallest where the rate
    rises with k. All images are filtered by that mask, and two rates say what it means:

    - ``answered`` of the class itself: its true-positive rate, and of the others: how often they
      are taken for it, false positives;
    - ``accuracy`` of each class under the mask.

    Few frequencies with a high true-positive rate and many false positives are a shortcut: the
    model takes whatever has them for the class.

    Frequencies are removed and kept together with their negatives and in squares of ``patch``
    cycles. The ranking takes a prediction of all images for each square: 513 at 32 x 32 pixels
    and ``patch=1``. The paper keeps a given part of the frequencies, 1 to 20 %.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1], larger than one pixel.
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, the true classes;
            None where the images bring theirs.
        keep: float in (0, 1], part of the true-positive rate that must stay.
        patch: int from 1, cycles; None is a sixteenth of the shorter side, at least 1.
        batch_size: int, images at once; does not change the answer.
        return_masks: bool, whether to return the masks as well.

    Returns:
        DataFrame with a row for each pair of classes that have images, and the columns

        - mask: class whose frequencies are kept; frequencies: how many of the
          ``height * width`` coefficients, the mean not counted; share: of all;
        - label: class of the images; answered: share of them that are answered as ``mask``;
          accuracy: share that are right; original_answered, original_accuracy: the same on the
          images as they are; examples: images of the class.

        A class that the model never finds has no mask: NaN and a warning. With ``return_masks``
        also a dict from the classes to their masks, bool ``(height, width)``, the zero frequency
        at ``[0, 0]``.

    Raises:
        ValueError: for numbers out of range, images of one pixel, and as
            ``analysis.frequency_accuracy``.

    Warns:
        UserWarning: naming the classes that the model never finds.

    Reference:
        Wang et al., What do neural networks learn in image classification? A frequency shortcut
        perspective, ICCV 2023.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> with warnings.catch_warnings():  # An untrained network finds few classes.
        ...     warnings.simplefilter("ignore")
        ...     table = frequency_shortcuts(model, test.images[:20], test.labels[:20], patch=4)
        >>> len(table) == len(set(test.labels[:20].tolist())) ** 2
        True
    """
    images, labels = checked(model, images, labels, batch_size)
    keep = checks.number("keep", keep, minimum=0, maximum=1)
    checks.require(keep > 0, "`keep` must be above 0", keep=keep)
    side = min(images.shape[1:3])
    patch = checks.number("patch", max(1, side // 16) if patch is None else patch, 1, whole=True)
    squares = _squares(images.shape[1], images.shape[2], patch)
    predict = functools.partial(predicted_logits, model, batch_size=batch_size)
    original, classes = predict(images), np.unique(labels)
    rows: list[dict[str, Any]] = []
    masks: Masks = {}
    total = len(images) * len(squares)
    with tqdm(total=total, desc="shortcuts", leave=False, disable=None) as bar:
        for label in classes.tolist():
            own = labels == label
            found = original[own].argmax(axis=1) == label
            if not found.any():
                bar.update(own.sum() * len(squares))
                rows += _rates(label, None, original, original * np.nan, labels)
                continue
            order = _ranked(model, images[own], label, squares, batch_size, bar)
            enough = keep * found.mean()
            masks[label] = _smallest_mask(predict, images[own], label, order, enough)
            filtered = predict(images, functools.partial(_filtered, masks[label]))
            rows += _rates(label, masks[label], original, filtered, labels)
    lost = [label for label in classes.tolist() if label not in masks]
    if lost:
        warnings.warn(f"The model never finds the classes {lost}, which have no mask", stacklevel=2)
    table = pd.DataFrame(rows)
    return (table, masks) if return_masks else table


def _squares(height: int, width: int, patch: int) -> list[Integers]:
    """Indices ``(row, column)`` of the frequencies of each square, without their negatives."""
    pairs = half_plane(height, width)[1:]
    checks.require(
        len(pairs),
        "`images` must be larger than one pixel: that has no frequency but zero",
        **{"height and width": (height, width)},
    )
    sides = np.array([height, width])
    signed = np.where(2 * pairs > sides, pairs - sides, pairs)
    # Of the two in a pair the one on the right counts.
    signed = np.where(signed[:, 1:] < 0, -signed, signed)
    place = np.unique(signed // patch, axis=0, return_inverse=True)[1].ravel()
    return [pairs[place == number] for number in range(place.max() + 1)]


def _mask(shape: tuple[int, ...], squares: list[Integers]) -> Flags:
    """Mask of the mean, of some squares and of their negatives."""
    height, width = shape[1:3]
    mask = np.zeros((height, width), bool)
    mask[0, 0] = True
    for rows, columns in (square.T for square in squares):
        mask[rows, columns] = mask[-rows % height, -columns % width] = True
    return mask


def _filtered(mask: Flags, images: Array, start: int = 0) -> Array:
    return ops.convert_to_numpy(spectrum.masked(images, mask))


def _ranked(
    model: keras.Model,
    images: Floats,
    label: int,
    squares: list[Integers],
    batch_size: int,
    bar: tqdm,
) -> list[Integers]:
    """Squares by the mean cross-entropy of images of a class without each, the largest first."""
    losses = np.zeros(len(squares))
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        # Few images are without several squares in one prediction.
        together = max(1, batch_size // len(batch))
        groups = [slice(at, at + together) for at in range(0, len(squares), together)]
        spectra = np.fft.fft2(batch.transpose(0, 3, 1, 2))
        without = (
            np.concatenate([batch - _component(spectra, square) for square in squares[group]])
            for group in groups
        )
        for group, logits in zip(groups, finite_logits(model, without), strict=True):
            entropies = _cross_entropies(logits.astype("float64"), label)
            losses[group] += entropies.reshape(-1, len(batch)).sum(axis=1)
            bar.update(len(logits))
    return [squares[index] for index in np.argsort(-losses, kind="stable")]


def _cross_entropies(logits: Floats, label: int) -> Floats:
    logits = logits - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(logits).sum(axis=1)) - logits[:, label]


def _component(spectra: Array, square: Integers) -> Floats:
    r"""Component of images at the frequencies of a square and their negatives.

    .. math:: b(y, x) = \frac1{HW} \operatorname{Re} \sum_{u, v} c_{uv} \hat x(u, v)
              e^{2 \pi i (u y / H + v x / W)}

    with c = 2, or 1 where a frequency is its own negative. A sum over the rows and one over the
    columns of a small square, where a transform would go through all frequencies.

    Args:
        spectra: complex ``(batch, channels, height, width)``, transforms of the images.
        square: int ``(pairs, 2)``, rows and columns of frequencies without their negatives.

    Returns:
        float32 array ``(batch, height, width, channels)``.
    """
    sides = np.array(spectra.shape[2:])
    (rows, row_of), (columns, column_of) = (
        np.unique(each, return_inverse=True) for each in square.T
    )
    often = np.where((2 * square % sides == 0).all(axis=1), 1, 2) / sides.prod()
    held = np.zeros((*spectra.shape[:2], len(rows), len(columns)), "complex64")
    held[:, :, row_of, column_of] = spectra[:, :, square[:, 0], square[:, 1]] * often
    down, across = (
        np.exp(2j * np.pi * np.outer(np.arange(side), each) / side).astype("complex64")
        for side, each in zip(sides, (rows, columns), strict=True)
    )
    return (down @ (held @ across.T)).real.transpose(0, 2, 3, 1)


def _smallest_mask(
    predict: Any, images: Floats, label: int, order: list[Integers], enough: float
) -> Flags:
    """Mask of the first squares of a ranking with which enough images of a class are found."""

    def suffices(count: int) -> bool:
        if count == len(order):
            return True
        keep = functools.partial(_filtered, _mask(images.shape, order[:count]))
        # Rates are multiples of one image, which rounding must not raise.
        return (predict(images, keep).argmax(axis=1) == label).mean() >= enough - 1e-9

    low, high = 0, 0
    while not suffices(high):
        low, high = high, min(len(order), max(1, 2 * high))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return _mask(images.shape, order[:high])


def _rates(
    label: int, mask: Flags | None, original: Floats, filtered: Floats, labels: Integers
) -> Iterator[dict[str, Any]]:
    """Yield a row of the table for each class of images, under the mask of one class."""
    count = np.nan if mask is None else int(mask.sum()) - 1
    size = 1 if mask is None else mask.size
    for other in np.unique(labels).tolist():
        own = labels == other
        before, after = original[own].argmax(axis=1), filtered[own].argmax(axis=1)
        known = np.nan if mask is None else 1.0
        yield {
            "mask": label,
            "frequencies": count,
            "share": count / size,
            "label": other,
            "answered": known * (after == label).mean(),
            "accuracy": known * (after == other).mean(),
            "original_answered": (before == label).mean(),
            "original_accuracy": (before == other).mean(),
            "examples": int(own.sum()),
        }
