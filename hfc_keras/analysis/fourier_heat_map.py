"""Error rate of a model under a wave of each frequency: the Fourier heat map."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from hfc_keras import checks, gradients, spectrum
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import checked, require_finite
from hfc_keras.types import Array, ArrayLike, Floats, Integers, Predict, Tensor

# Of the waves, as of Yin et al.; with it all waves of a norm have the same contrast.
PHASE = np.pi / 4
NORM, AT_WIDTH = 4.0, 32


def half_plane(height: int, width: int) -> Integers:
    """One of each two frequencies that are each other's negative, ``(u, v)`` and ``(-u, -v)``.

    A real wave has both, so it is one frequency; with a phase, as of Yin et al., the two formulas
    give waves that differ in where they start.

    Args:
        height: int, rows of the image, at least 1.
        width: int, columns of the image, at least 1.

    Returns:
        int array ``(pairs, 2)``, row and column of the DFT, each at least 0; 514 for 32 x 32.

    Raises:
        ValueError: for a size below 1.

    Example:
        >>> half_plane(2, 3).tolist()
        [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    height = checks.number("height", height, minimum=1, whole=True)
    width = checks.number("width", width, minimum=1, whole=True)
    index = np.arange(height * width)
    row, column = np.divmod(index, width)
    negative = (-row % height) * width + (-column % width)
    return np.stack([row, column], axis=1)[index <= negative]


def fourier_heat_map(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    norm: float | None = None,
    seed: int = 0,
    batch_size: int = 256,
) -> Floats:
    r"""Error rate of a model on images to which a wave of one frequency is added, by frequency.

    .. math:: E(u, v) = \frac1n \sum_i [\arg\max f(\Pi(x_i + r_i \, \epsilon \, U_{u, v}))
              \ne y_i]

    :math:`U` is ``spectrum.fourier_basis`` with phase :math:`\pi / 4`, of L2 norm 1, and
    :math:`\Pi` clips to [0, 1]. The sign :math:`r = \pm 1` is drawn for each image and channel
    from the seed and the frequency. Half of the frequencies are evaluated (514 of 1,024 for
    32 x 32, see ``half_plane``) and mirrored, since a real wave holds a frequency and its negative.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, the true classes; None
            where the images bring theirs.
        norm: float, at least 0, L2 norm of the perturbation of **each channel** before pixels
            are clipped; None is ``4.0 * width / 32``, a wave of peak 0.177 on square images.
        seed: int, at least 0, of the signs.
        batch_size: int, images at once; does not change the answer.

    Returns:
        float64 array ``(height, width)`` in [0, 1], the zero frequency at
        ``[height // 2, width // 2]`` as ``numpy.fft.fftshift`` has it.

    Raises:
        ValueError: for pixels outside [0, 1], images that do not fit the model, labels that are
            missing or do not fit the images or the classes, a model that returns probabilities
            or logits that are not finite, a norm that is negative or not finite.

    Reference:
        Yin et al., A Fourier Perspective on Model Robustness in Computer Vision, NeurIPS 2019.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> fourier_heat_map(model, test.images[:20], test.labels[:20]).shape
        (8, 8)
    """
    images, labels = checked(model, images, labels, batch_size)
    height, width, channels = images.shape[1:]
    size = NORM * width / AT_WIDTH if norm is None else checks.number("norm", norm, minimum=0)
    seed = checks.number("seed", seed, minimum=0, whole=True)
    wrong, errors = gradients.compiled(model, _wrong), np.empty((height, width))
    for row, column in tqdm(half_plane(height, width), "heat map", leave=False, disable=None):
        wave = size * spectrum.fourier_basis(height, width, row, column, PHASE)
        signs = np.random.default_rng([seed, row, column]).integers(0, 2, (len(images), channels))
        rate = _error_rate(wrong, images, labels, wave, 1 - 2 * signs, batch_size)
        errors[row, column] = errors[-row, -column] = rate
    return np.fft.fftshift(errors)


def _error_rate(
    wrong: Callable[..., Any],
    images: Floats,
    labels: Integers,
    wave: Floats,
    signs: Array,
    batch_size: int,
) -> float:
    """Share of the images that are wrong with the wave added."""
    wave, signs = wave.astype("float32"), signs.astype("float32")
    total, bad = 0.0, 0
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        # What is compiled takes the batch as first axis of every tensor.
        waves = np.broadcast_to(wave, (len(signs[rows]), *wave.shape))
        (flags,) = wrong(images[rows], labels[rows], waves, signs[rows])
        total += float(np.sum(flags, dtype="float64"))
        bad += int(np.isnan(flags).sum())
    require_finite(bad)
    return total / len(images)


def _wrong(
    predict: Predict, images: Tensor, labels: Tensor, waves: Tensor, signs: Tensor
) -> tuple[Tensor]:
    """Tuple of 1 for each image that is wrong with the wave added, NaN without finite logits."""
    logits = predict(ops.clip(images + waves[..., None] * signs[:, None, None, :], 0.0, 1.0))
    predicted = ops.cast(ops.argmax(logits, axis=-1), "int32")
    flags = ops.cast(ops.not_equal(predicted, labels), "float32")
    return (ops.where(ops.all(ops.isfinite(logits), axis=-1), flags, np.nan),)
