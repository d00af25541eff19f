"""Error rate of a model under a wave of each frequency: the Fourier heat map."""

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks, gradients, spectrum
from hfc_keras.analysis.digests import digest_of_array
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.kept_parts import Parts
from hfc_keras.analysis.predictions import checked, require_finite
from hfc_keras.types import Array, ArrayLike, Floats, Integers, PathLike, Predict, Tensor

# Of the waves, as of Yin et al.; with it all waves of a norm have the same contrast.
PHASE = np.pi / 4
NORM, AT_WIDTH = 4.0, 32
# Pixels of the largest images of which every wave is tried, how many waves that is, and the fewest
# that a map is made of, 9 x 9 frequencies.
ALL_UP_TO, WAVES, FEWEST = 64 * 64, 2050, 41
# Of a call that keeps its parts.
WAVES_A_PART = 16


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
    max_frequency: float | None = None,
    step: int | None = None,
    resume: PathLike | None = None,
) -> Floats:
    r"""Error rate of a model on images to which a wave of one frequency is added, by frequency.

    .. math:: E(u, v) = \frac1n \sum_i [\arg\max f(\Pi(x_i + r_i \, \epsilon \, U_{u, v}))
              \ne y_i]

    :math:`U` is ``spectrum.fourier_basis`` with phase :math:`\pi / 4`, of L2 norm 1, and
    :math:`\Pi` clips to [0, 1]. The sign :math:`r = \pm 1` is drawn for each image and channel
    from the seed and the frequency. Half of the frequencies are evaluated (514 of 1,024 for
    32 x 32, see ``half_plane``) and mirrored, since a real wave holds a frequency and its negative.

    **Of images beyond 64 x 64 pixels not all is measured unless asked for**: 224 x 224 pixels have
    25,090 waves. With N the square root of the number of pixels, the default step is the smallest
    one that leaves at most :math:`\max(41,\ 2050 \cdot (64 / N)^3)` waves, which is every 23rd
    frequency of a row and a column at 224 x 224, 41 waves. What is not measured is NaN, never
    filled in. For the lowest frequencies in full, as the paper has them of ImageNet, take
    ``max_frequency=31, step=1``.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, the true classes; None
            where the images bring theirs.
        norm: float, at least 0, L2 norm of the perturbation of **each channel** before pixels
            are clipped; None is ``4.0 * width / 32``, a wave of peak 0.177 on square images.
        seed: int, at least 0, of the signs.
        batch_size: int, images at once; does not change the answer.
        max_frequency: float, cycles per image, at least 0: rows and columns of higher frequency
            are left out. None is no limit.
        step: int from 1: only rows and columns whose frequency is a multiple of it. None is 1 for
            images up to 64 x 64 pixels, see above for larger ones.
        resume: str, Path or None, a folder that keeps every finished part of the measurement, so
            that the same call goes on after it was stopped; None keeps nothing. It may hold the
            parts of any number of calls: each knows its own by the model, images and arguments.

    Returns:
        float64 array ``(height, width)`` in [0, 1], the zero frequency at
        ``[height // 2, width // 2]`` as ``numpy.fft.fftshift`` has it; NaN where nothing was
        measured.

    Raises:
        ValueError: for pixels outside [0, 1], images that do not fit the model, labels that are
            missing or do not fit the images or the classes, a model that returns probabilities
            or logits that are not finite, a norm or largest frequency that is negative or not
            finite, a step that is not a whole number from 1, or a folder ``resume`` that cannot
            be written or holds a part of another call in the place of one of this.

    Warns:
        UserWarning: if ``step`` is None and some frequencies are left out for their number.

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
    waves = _waves(height, width, max_frequency, step)
    told = {"norm": size, "seed": seed, "waves": digest_of_array(waves)}
    parts = Parts(resume, "fourier_heat_map", model, images, labels, **told)
    wrong, errors = gradients.compiled(model, _wrong), np.full((height, width), np.nan)

    def rate(row: int, column: int) -> float:
        wave = size * spectrum.fourier_basis(height, width, row, column, PHASE)
        signs = np.random.default_rng([seed, row, column]).integers(0, 2, (len(images), channels))
        return _error_rate(wrong, images, labels, wave, 1 - 2 * signs, batch_size)

    with tqdm(total=len(waves), desc="heat map", leave=False, disable=None) as bar:
        for start in range(0, len(waves), WAVES_A_PART):
            chosen = waves[start : start + WAVES_A_PART].tolist()
            rates = parts.get(
                f"waves-{start:05d}",
                lambda chosen=chosen: {"error_rates": [rate(*wave) for wave in chosen]},
            )["error_rates"]
            for (row, column), found in zip(chosen, rates, strict=True):
                errors[row, column] = errors[-row, -column] = found
            bar.update(len(chosen))
    return np.fft.fftshift(errors)


def _waves(height: int, width: int, max_frequency: float | None, step: int | None) -> Integers:
    """Those of the half plane that are measured; tells of a step that is chosen here."""
    limit = np.inf if max_frequency is None else checks.number("max_frequency", max_frequency, 0)
    pairs = half_plane(height, width)
    distances = np.minimum(pairs, np.array([height, width]) - pairs)
    within = (distances <= limit).all(axis=1)
    pairs, distances = pairs[within], distances[within]
    if step is not None:
        step = checks.number("step", step, minimum=1, whole=True)
        return pairs[(distances % step == 0).all(axis=1)]
    most = max(FEWEST, WAVES * (ALL_UP_TO / (height * width)) ** 1.5)
    kept = ((each, (distances % each == 0).all(axis=1)) for each in itertools.count(1))
    step, chosen = next((each, rows) for each, rows in kept if rows.sum() <= most)
    if step > 1:
        warnings.warn(
            f"The heat map of {height} x {width} pixels measures {chosen.sum()} of {len(pairs)} "
            f"waves, of each row and column every frequency divisible by {step}, and is NaN "
            "elsewhere; choose others by `step` (1 is all of them) and `max_frequency`.",
            stacklevel=3,
        )
    return pairs[chosen]


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
        (flags,) = map(ops.convert_to_numpy, wrong(images[rows], labels[rows], waves, signs[rows]))
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
