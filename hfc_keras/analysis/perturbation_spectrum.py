"""On which frequencies a perturbation of images has its power."""

import numpy as np
import pandas as pd
from keras import ops

from hfc_keras import checks, spectrum
from hfc_keras.analysis.inputs import Images, given
from hfc_keras.types import Floats

# A ring of an image with a smaller amplitude a coefficient is rounding of its pixels.
SMALLEST_AMPLITUDE = 1e-6


def perturbation_spectrum(images: Images, perturbed: Images, batch_size: int = 256) -> pd.DataFrame:
    r"""Share of each ring of frequencies in the power of a perturbation.

    With :math:`\delta_i = x'_i - x_i`, :math:`P_k` the power on ring ``k``, added up over
    channels, and :math:`A_k` the amplitude on it:

    .. math:: S_k = \frac1n \sum_i \frac{P_k(\delta_i)}{\sum_{j \ge 0} P_j(\delta_i)}, \qquad
              R_k = \frac1n \sum_i \frac{A_k(x'_i)}{A_k(x_i)} - 1, \qquad
              A_k(x) = \sum_{k(u, v) = k} |\hat x(u, v)|

    Ring 0 is the zero frequency. Amplitudes are added up before they are divided, since single
    coefficients of an image may be as small as one likes.

    Args:
        images: float ``(examples, height, width, channels)`` in [0, 1].
        perturbed: float array of the same shape in [0, 1], such as ``attacks.pgd(...).images``.
        batch_size: int, images at once; does not change the answer.

    Returns:
        DataFrame with one row per ring and the columns

        - ring: from 0, cycles per image, the rounded distance to the zero frequency;
        - mean, std: of the share over the images (population standard deviation); the means add
          up to 1; cumulative: of the means up to the ring;
        - white: what ``mean`` is for white noise;
        - relative: mean change of the amplitude on the ring, over the images that have any
          there; NaN if none has;
        - examples: images given; unchanged: how many of them were left out because they are not
          perturbed.

    Raises:
        ValueError: for pixels outside [0, 1], another shape, or if no image is perturbed.

    Reference:
        Yin et al., A Fourier Perspective on Model Robustness in Computer Vision, NeurIPS 2019.

    Example:
        >>> images = np.random.default_rng(0).uniform(0.1, 0.9, (5, 4, 4, 1))
        >>> table = perturbation_spectrum(images, images + 0.1)
        >>> table["mean"].round(6).tolist()
        [1.0, 0.0, 0.0, 0.0]
    """
    images, perturbed = (
        checks.pixels(given(each, name=name, ordered=True)[0], name)
        for name, each in (("images", images), ("perturbed", perturbed))
    )
    checks.require(
        images.shape == perturbed.shape,
        f"`perturbed` must have the shape of `images`, {images.shape}",
        **{"perturbed.shape": perturbed.shape},
    )
    batch_size = checks.number("batch_size", batch_size, minimum=1, whole=True)
    changed = np.flatnonzero((images != perturbed).any(axis=(1, 2, 3)))
    checks.require(
        len(changed) > 0,
        "`perturbed` must differ from `images` in at least one image",
        examples=len(images),
    )
    starts = range(0, len(changed), batch_size)
    batches = [changed[start : start + batch_size] for start in starts]
    shares = np.concatenate([_shares(perturbed[rows] - images[rows]) for rows in batches])
    before, after = (
        np.concatenate([_amplitudes(given[rows]) for rows in batches])
        for given in (images, perturbed)
    )
    sizes = spectrum.ring_sizes(*images.shape[1:3])
    mean = shares.mean(axis=0)
    return pd.DataFrame(
        {
            "ring": np.arange(len(sizes)),
            "mean": mean,
            "std": shares.std(axis=0),
            "cumulative": mean.cumsum(),
            "white": sizes / sizes.sum(),
            "relative": _relative(before, after, SMALLEST_AMPLITUDE * sizes * images.shape[3]),
            "examples": len(images),
            "unchanged": len(images) - len(changed),
        }
    )


def _shares(difference: Floats) -> Floats:
    """Shares of the rings, ``(batch, rings)``; scaled first, lest small squares underflow."""
    largest = np.abs(difference).max(axis=(1, 2, 3), keepdims=True)
    power = ops.convert_to_numpy(spectrum.ring_power(difference / largest)).astype("float64")
    return power / power.sum(axis=1, keepdims=True)


def _amplitudes(images: Floats) -> Floats:
    """Amplitude on each ring, added up over its coefficients and the channels."""
    transform = np.fft.fft2(images.astype("float64"), axes=(1, 2), norm="ortho")
    index = spectrum.ring_index(*images.shape[1:3]).ravel()
    flat = np.abs(transform).sum(axis=-1).reshape(len(images), -1)
    return flat @ np.eye(index.max() + 1)[index]


def _relative(before: Floats, after: Floats, smallest: Floats) -> Floats:
    """Mean over the images with an amplitude of the change relative to it, ring by ring."""
    known = before > smallest
    change = np.divide(after, before, out=np.ones_like(after), where=known) - 1
    count = known.sum(axis=0)
    return np.divide(change.sum(axis=0), count, out=np.full(len(count), np.nan), where=count > 0)
