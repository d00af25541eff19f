"""Share of images whose predicted class survives a small shift."""

import functools

import keras
import numpy as np

from hfc_keras import checks
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import checked_images, predicted_logits
from hfc_keras.types import Array, Integers

MODES = ("crop", "circular")


def shift_consistency(
    model: keras.Model,
    images: Images,
    max_shift: int = 4,
    mode: str = "crop",
    pairs: int = 1,
    seed: int = 0,
    batch_size: int = 256,
) -> float:
    r"""Share of images that a model puts into the same class after two random shifts.

    .. math:: \frac1n \sum_i [\arg\max f(T_{s_i} x_i) = \arg\max f(T_{t_i} x_i)]

    Both shifts, of rows and of columns, are whole pixels and uniform in
    :math:`[-m, m]`. The paper cuts two random windows of 224 pixels out of 256; small images have
    no margin to cut from, so they are reflected over their border first, or rolled. The released
    code draws the two windows once for a batch, here each image has shifts of its own, which are
    the same for any ``batch_size``. Which class is right plays no part: a constant model scores 1.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; run in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        max_shift: int from 0, largest shift m in pixels.
        mode: str, "crop" (what enters is the reflection without the edge repeated, and m must be
            below the smaller side) or "circular" (what leaves on one side enters on the other).
        pairs: int from 1, pairs of shifts for each image; the share is over all of them.
        seed: int from 0, of the shifts.
        batch_size: int, images at once; does not change the answer.

    Returns:
        float in [0, 1].

    Raises:
        ValueError: for a number out of range, another mode, pixels outside [0, 1], images that do
            not fit the model, a model that returns probabilities or logits that are not finite.

    Reference:
        Zhang, Making Convolutional Networks Shift-Invariant Again, ICML 2019, section 4.

    Example:
        >>> from hfc_keras import data, models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> images = data.load("digits", examples=20).test.images
        >>> shift_consistency(model, images, max_shift=0)
        1.0
    """
    images = checked_images(model, images, batch_size)
    max_shift = checks.number("max_shift", max_shift, minimum=0, whole=True)
    checks.choice("mode", mode, MODES)
    checks.require(
        mode == "circular" or max_shift < min(images.shape[1:3]),
        "`max_shift` must be below the smaller side of images that are reflected",
        max_shift=max_shift,
        **{"images.shape": images.shape},
    )
    pairs = checks.number("pairs", pairs, minimum=1, whole=True)
    rng = np.random.default_rng(checks.number("seed", seed, minimum=0, whole=True))
    shifts = rng.integers(-max_shift, max_shift, (len(images), pairs, 2, 2), endpoint=True)
    same = 0
    for one, other in shifts.transpose(1, 2, 0, 3):
        first, second = (
            predicted_logits(model, images, functools.partial(_shifted, moved, mode), batch_size)
            for moved in (one, other)
        )
        same += int((first.argmax(axis=1) == second.argmax(axis=1)).sum())
    return same / (len(images) * pairs)


def _shifted(shifts: Integers, mode: str, images: Array, start: int = 0) -> Array:
    """Batch of images, each moved by the rows and columns of its own, ``(examples, 2)``."""
    shifts = shifts[start : start + len(images)]
    rows, columns = (
        _sources(size, shifts[:, axis], mode) for axis, size in enumerate(images.shape[1:3])
    )
    index = np.arange(len(images))[:, None, None]
    return images[index, rows[:, :, None], columns[:, None, :]]


def _sources(size: int, shifts: Integers, mode: str) -> Integers:
    """Pixel along an axis that each pixel is taken from, ``(batch, size)``."""
    source = np.arange(size) - shifts[:, None]
    if mode == "circular":
        return source % size
    source = abs(source)
    return np.where(source < size, source, 2 * (size - 1) - source)
