"""The octave of frequencies in which noise disturbs a model most."""

import warnings
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import pandas as pd
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks, contract, spectrum
from hfc_keras.analysis.channel import fitted_channel, threshold
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import checked, finite_logits
from hfc_keras.types import Array, ArrayLike, Floats, Integers

# Cycles per image; at 224 pixels the last one is the Nyquist frequency.
CENTERS = tuple(1.75 * 2**octave for octave in range(7))
NOISES = (0.02, 0.04, 0.08, 0.16)
# Mean of gray images, that of ImageNet in the released code; weights of red, green and blue.
MEAN, GRAY = 0.449, (0.299, 0.587, 0.114)


def critical_band(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    centers: Sequence[float] | None = None,
    noises: Sequence[float] = NOISES,
    contrast: float = 0.2,
    seed: int = 0,
    batch_size: int = 256,
) -> pd.DataFrame:
    r"""Accuracy under noise of one octave, octave by octave, and the channel that it shows.

    The images become gray, :math:`g = .299 R + .587 G + .114 B`, all of one mean and one contrast
    (standard deviation divided by the mean), and get Gaussian noise of the octave around a center
    :math:`f`, the same in all channels:

    .. math:: x'_i = \Pi\left(.449 \left(1 + c \, \frac{g_i - \bar g_i}{\sigma(g_i)}\right) +
              s \, \frac{b_f(n_i)}{\mathrm{rms}(b_f(n_i))}\right), \qquad
              b_f: f / \sqrt 2 < \sqrt{u^2 + v^2} \le \sqrt 2 f

    :math:`\Pi` clips to [0, 1]. So noise of every octave has the same power. The noise
    :math:`n_i` of an image is the same at every level. An image without any contrast stays without.

    The threshold of an octave is the smallest level at which the accuracy, on straight lines
    between the levels, falls to the criterion half way between the model's own accuracy without
    noise and chance, one in the number of its classes: 50 % for the 16 classes of the paper and an
    accuracy near 1. The sensitivity is how many octaves the threshold lies below the largest level,
    and 0 where the accuracy never falls so far. Least squares fit the channel to it:

    .. math:: S(f) = \log_2 \frac{s_{\max}}{s_f} \approx
              A \exp\left(- \frac{(\log_2 f - \mu)^2}{2 \sigma^2}\right)

    Its center is :math:`2^\mu` cycles per image, its bandwidth :math:`2 \sqrt{2 \ln 2} \, \sigma`
    octaves, the full width at half of the height. People have 1.0 octave at 39.6 cycles per image.

    The released code differs: it multiplies the deviations from the mean by ``c``, so that images
    keep contrasts of their own; takes the octaves from a Laplacian pyramid; keeps pixels in range
    by moving the image below the noise; and counts levels in place of interpolating thresholds.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1], one or three channels.
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, the true classes;
            None where the images bring theirs.
        centers: floats above 0, cycles per image, none twice; None is the paper's 1.75, 3.5, 7,
            14, 28, 56 and 112. Those above the Nyquist frequency, half of the shorter side, are
            left out with a warning. At least three are needed for a channel; small images have
            more with steps of half an octave, such as ``2 ** np.arange(0.5, 4, 0.5)``.
        noises: floats above 0, none twice, levels s besides none: root mean square of the noise.
        contrast: float, above 0, c.
        seed: int from 0, of the noise.
        batch_size: int, images at once; does not change the answer.

    Returns:
        DataFrame with a row without noise (center NaN, noise 0), then one for each center and
        level, and the columns

        - center: cycles per image; noise: level; accuracy: in [0, 1];
        - criterion: accuracy that defines a threshold; threshold: that of the center, NaN where
          the accuracy does not fall to the criterion; sensitivity: in octaves, see above;
        - channel_center: cycles per image; channel_bandwidth: octaves; channel_peak: A, octaves;
          the same in all rows, NaN where there is no fit;
        - original_accuracy: on the images as they are, in color and of their own contrasts;
          examples: images measured.

    Raises:
        ValueError: for other numbers of channels, centers, levels or a contrast out of range,
            no center below the Nyquist frequency, and as ``analysis.frequency_accuracy``.

    Warns:
        UserWarning: with the centers that are left out, and with the reason why there is no
            channel or no bandwidth of it; for thresholds below the smallest noise.

    Reference:
        Subramanian et al., Spatial-frequency channels, shape bias, and adversarial robustness,
        NeurIPS 2023.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> with warnings.catch_warnings():  # An untrained network has no channel.
        ...     warnings.simplefilter("ignore")
        ...     table = critical_band(model, test.images[:50], test.labels[:50], [1, 2, 4])
        >>> len(table), table["center"].nunique()
        (13, 3)
    """
    images, labels = checked(model, images, labels, batch_size)
    checks.require(
        images.shape[3] in (1, 3),
        "`images` must be gray or of red, green and blue",
        **{"images.shape": images.shape},
    )
    centers = _centers(centers, images.shape[1:3])
    noises = sorted(_positive("noises", noises))
    contrast = _positive("contrast", [contrast])[0]
    seed = checks.number("seed", seed, minimum=0, whole=True)
    right = np.zeros(2 + len(centers) * len(noises), "int64")
    starts = range(0, len(images), batch_size)
    total = len(starts) * len(right)
    with tqdm(total=total, desc="critical band", leave=False, disable=None) as bar:
        for at in starts:
            rows = np.arange(at, min(at + batch_size, len(images)))
            noisy = _noisy(images[rows], rows, centers, noises, contrast, seed)
            for index, logits in enumerate(finite_logits(model, noisy)):
                right[index] += int((logits.argmax(axis=1) == labels[rows]).sum())
                bar.update()
    chance = 1 / contract.form_of(model, images).classes
    return _table(right, len(images), centers, noises, chance)


def _positive(name: str, values: Sequence[float]) -> list[float]:
    """Numbers above 0, if there is one and none twice."""
    found = checks.radii(values, name)
    checks.require(min(found) > 0, f"`{name}` must be above 0", **{name: min(found)})
    return found


def _centers(centers: Sequence[float] | None, sides: tuple[int, int]) -> list[float]:
    """Centers from low to high, without those above the Nyquist frequency."""
    wanted = sorted(_positive("centers", CENTERS if centers is None else centers))
    nyquist = min(sides) / 2
    kept = [center for center in wanted if center <= nyquist]
    checks.require(
        kept,
        f"`centers` must hold one up to the Nyquist frequency, {nyquist:g} cycles per image",
        centers=wanted,
    )
    for center in kept:
        checks.require(
            spectrum.band_mask(*sides, *_octave(center)).any(),
            "`centers` must be so high that the octave around each holds a frequency",
            centers=center,
        )
    if len(kept) < len(wanted):
        left_out = ", ".join(f"{center:g}" for center in wanted[len(kept) :])
        warnings.warn(
            f"Centers above the Nyquist frequency of the images, {nyquist:g} cycles per image, are "
            f"left out: {left_out}",
            stacklevel=3,
        )
    return kept


def _octave(center: float) -> tuple[float, float]:
    return center / np.sqrt(2), center * np.sqrt(2)


def _noisy(
    images: Floats,
    rows: Array,
    centers: Sequence[float],
    noises: Sequence[float],
    contrast: float,
    seed: int,
) -> Iterator[Array]:
    """Yield images as they are, gray ones of one contrast, then noise at each center and level."""
    yield images
    channels = images.shape[3]
    gray = _gray(images, contrast)
    yield _pixels(gray, channels)
    sides = images.shape[1:3]
    white = np.stack([np.random.default_rng([seed, row]).normal(size=sides) for row in rows])
    white = white[..., None].astype("float32")
    for center in centers:
        band = ops.convert_to_numpy(spectrum.band(white, *_octave(center)))
        band = band / np.sqrt(np.mean(band**2, axis=(1, 2, 3), keepdims=True))
        for noise in noises:
            yield _pixels(gray + noise * band, channels)


def _gray(images: Floats, contrast: float) -> Floats:
    """Gray images of one mean and one contrast."""
    gray = images @ np.array(GRAY, "float32")[:, None] if images.shape[3] == 3 else images
    centered = gray - gray.mean(axis=(1, 2, 3), keepdims=True)
    spread = centered.std(axis=(1, 2, 3), keepdims=True)
    # A spread that is rounding of an image without contrast.
    flat = spread < 1e-6
    return MEAN * (1 + contrast * np.where(flat, 0, centered / np.where(flat, 1, spread)))


def _pixels(gray: Floats, channels: int) -> Array:
    return np.repeat(np.clip(gray, 0, 1), channels, axis=3).astype("float32")


def _table(
    right: Integers, examples: int, centers: Sequence[float], noises: Sequence[float], chance: float
) -> pd.DataFrame:
    """Rows of all measurements, with thresholds and the channel."""
    original, clean, *noisy = (right / examples).tolist()
    noisy = np.reshape(noisy, (len(centers), len(noises)))
    criterion = (clean + chance) / 2
    knows = clean > chance + 2 * np.sqrt(chance * (1 - chance) / examples)
    curves = [np.array([clean, *row]) for row in noisy]
    levels = np.array([0.0, *noises])
    found = np.array([threshold(levels, each, criterion) if knows else np.nan for each in curves])
    sensitivity = np.where(np.isnan(found), 0.0, np.log2(noises[-1] / found))
    channel, reason = fitted_channel(centers, sensitivity)
    if not knows:
        reason = f"the accuracy on gray images of this contrast, {clean:.3g}, could be chance"
    if reason:
        warnings.warn(f"The critical band is not known in full: {reason}", stacklevel=3)
    below = [f"{center:g}" for center, each in zip(centers, found, strict=True) if each < noises[0]]
    if below:
        warnings.warn(
            f"The thresholds at {', '.join(below)} cycles per image lie below the smallest noise, "
            f"{noises[0]:g}; they are interpolated from no noise at all. Smaller `noises` measure "
            "them",
            stacklevel=3,
        )
    table = pd.DataFrame(
        {
            "center": np.repeat([np.nan, *centers], [1, *[len(noises)] * len(centers)]),
            "noise": [0.0, *np.tile(noises, len(centers))],
            "accuracy": [clean, *noisy.ravel()],
            "criterion": criterion,
            "threshold": [np.nan, *np.repeat(found, len(noises))],
            "sensitivity": [np.nan, *np.repeat(sensitivity, len(noises))],
        }
    )
    names = ("channel_center", "channel_bandwidth", "channel_peak")
    return table.assign(
        **dict(zip(names, channel, strict=True)), original_accuracy=original, examples=examples
    )
