"""Which frequencies of an image the loss of a model is sensitive to."""

import dataclasses

import keras
import numpy as np
import pandas as pd
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks, gradients, losses, spectrum
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import checked, require_finite
from hfc_keras.types import ArrayLike, Channels, Floats, Predict, Rings, Tensor


def fourier_sensitivity(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    channels: Channels = "mean",
    rings: Rings = "sum",
    batch_size: int = 256,
) -> pd.DataFrame:
    r"""Share of each ring of frequencies in the power of the input gradient.

    The gradient with respect to the Fourier coefficients of an image is the unitary transform of
    its gradient with respect to the pixels. With :math:`g_i` the gradient of the cross-entropy of
    image ``i`` and its true label, averaged over channels, and ring ``k`` the coefficients whose
    distance to the zero frequency rounds to ``k``:

    .. math:: S_k = \frac1n \sum_i \frac{P_k(g_i)}{\sum_{j \ge 1} P_j(g_i)}, \qquad
              P_k(g) = \sum_{k(u, v) = k} |\hat g(u, v)|^2

    The zero frequency is left out, and each image counts alike, however large its gradient. The
    gradient is taken in inference mode at the pixels in [0, 1]; the reference code takes it after
    mean and standard deviation, which weights channels otherwise. Read the curve against
    ``white``: rings grow with their radius, and so does the power of white noise on them.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        images: float ``(examples, height, width, channels)`` in [0, 1]; any size, odd and
            non-square ones too.
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, the true classes; None
            where the images bring theirs.
        channels: ``"mean"`` of the gradient over channels before the transform, in which
            opposite colors cancel, or ``"power"``, summed over channels after it.
        rings: ``"sum"`` of the power on a ring, or its ``"mean"`` over the ring's coefficients.
        batch_size: int, images at once; does not change the answer.

    Returns:
        DataFrame with one row per ring and the columns

        - ring: from 1, cycles per image;
        - mean, std: of the share over the images (population standard deviation); the means add
          up to 1;
        - white: what ``mean`` is for white noise;
        - examples: images measured; zero_gradient: how many of them were left out because their
          gradient is zero (or constant over the image).

    Raises:
        ValueError: for pixels outside [0, 1], images that do not fit the model, labels that are
            missing or do not fit the images or the classes, a model that returns probabilities, a
            gradient that is not finite, or one that is zero for all images.

    Reference:
        Krishnamachari et al., Fourier Sensitivity and Regularization of Computer Vision
        Models, TMLR 2022.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> table = fourier_sensitivity(model, test.images[:50], test.labels[:50])
        >>> table["ring"].tolist(), round(float(table["mean"].sum()), 6)
        ([1, 2, 3, 4, 5, 6], 1.0)
    """
    checks.choice("channels", channels, spectrum.CHANNELS)
    checks.choice("rings", rings, spectrum.RINGS)
    images, labels = checked(model, images, labels, batch_size)
    checks.require(
        images.shape[1] * images.shape[2] > 1,
        "`images` must be larger than one pixel: that has no frequency but zero",
        **{"images.shape": images.shape},
    )
    measure = gradients.compiled(model, _Shares(channels, rings))
    starts = tqdm(range(0, len(images), batch_size), "sensitivity", leave=False, disable=None)
    parts = [measure(images[at : at + batch_size], labels[at : at + batch_size]) for at in starts]
    require_finite(sum(int((~ops.convert_to_numpy(finite)).sum()) for _, finite in parts))
    shares = np.concatenate([ops.convert_to_numpy(part).astype("float64") for part, _ in parts])
    return _table(shares, _white(rings, *images.shape[1:3]))


@dataclasses.dataclass(frozen=True)
class _Shares:
    """Shares of the rings in the gradient of each image, for ``gradients.compiled``."""

    channels: Channels
    rings: Rings

    def __call__(self, predict: Predict, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        def total(x: Tensor) -> tuple[Tensor, Tensor]:
            logits = predict(x)
            return ops.sum(losses.sample_losses(logits, labels)), logits

        (_, logits), gradient = gradients.value_and_gradient(total, images, has_aux=True)
        shares = spectrum.ring_shares(gradient, self.rings, self.channels)
        finite = ops.all(ops.isfinite(logits), axis=-1)
        # Compiled code may hide from the gradient that a logit is not finite.
        return ops.where(finite[:, None], shares, float("nan")), finite


def _white(rings: str, height: int, width: int) -> Floats:
    """Shares of the rings of white noise."""
    sizes = spectrum.ring_sizes(height, width)[1:]
    expected = sizes if rings == "sum" else np.ones(len(sizes))
    return expected / expected.sum()


def _table(shares: Floats, white: Floats) -> pd.DataFrame:
    """Mean and spread over the images whose gradient is not zero."""
    bad = np.flatnonzero(~np.isfinite(shares).all(axis=1))
    checks.require(
        len(bad) == 0,
        f"`model` must have finite gradients; those of {len(bad)} images are not",
        **{"first image": int(bad[0]) if len(bad) else None},
    )
    counted = shares[shares.any(axis=1)]
    checks.require(
        len(counted) > 0,
        "`model` must be differentiable in its images (no argmax, rounding or integers) "
        "and its loss not saturated; the gradient is zero for every image (`channels='mean'`: or "
        "its mean over channels)",
        examples=len(shares),
    )
    return pd.DataFrame(
        {
            "ring": np.arange(1, shares.shape[1] + 1),
            "mean": counted.mean(axis=0),
            "std": counted.std(axis=0),
            "white": white,
            "examples": len(shares),
            "zero_gradient": len(shares) - len(counted),
        }
    )
