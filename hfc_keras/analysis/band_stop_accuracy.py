"""Accuracy on images from which a ring of frequencies is removed."""

import keras
import numpy as np
import pandas as pd
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks, spectrum
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import accuracy, checked
from hfc_keras.types import ArrayLike, Floats, Integers


def band_stop_accuracy(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    bands: int = 16,
    batch_size: int = 256,
) -> pd.DataFrame:
    r"""Accuracy of a model on images without the frequencies of one ring, ring by ring.

    .. math:: a_k = \frac1n \sum_i [\arg\max f(x_i - b_k(x_i)) = y_i], \qquad
              b_k:\ r_{k-1} < \sqrt{u^2 + v^2} \le r_k

    The rings have equal width, :math:`r_k = k \min(H, W) / (2 \cdot \text{bands})`, but for the
    last one, which reaches beyond that to the corner. So together they hold every frequency but
    zero, which stays. Rings hold the more coefficients the larger they are. Components are not
    clipped.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, the true classes; None
            where the images bring theirs.
        bands: int, at least 1, number of rings. More than half of the smaller side leave some
            without any frequency.
        batch_size: int, images at once; does not change the answer.

    Returns:
        DataFrame with a row for the images as they are, then one per ring, and the columns

        - inner, outer: limits of the ring in cycles per image, the outer one included; NaN for
          the images as they are;
        - coefficients: how many of the ``height * width`` of a channel were removed;
        - accuracy: in [0, 1]; drop: accuracy on the images as they are minus it;
        - examples: images measured.

    Raises:
        ValueError: for pixels outside [0, 1], images that do not fit the model, labels that are
            missing or do not fit the images or the classes, a model that returns probabilities
            or logits that are not finite, a number of bands that is not a whole one from 1.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> table = band_stop_accuracy(model, test.images[:50], test.labels[:50], bands=2)
        >>> table[["inner", "outer", "coefficients"]].round(2).values.tolist()
        [[nan, nan, 0.0], [0.0, 2.0, 12.0], [2.0, 5.66, 51.0]]
    """
    images, labels = checked(model, images, labels, batch_size)
    bands = checks.number("bands", bands, minimum=1, whole=True)
    height, width = images.shape[1:3]
    limits = _limits(height, width, bands)
    tested = tqdm([None, *limits], "band stop", leave=False, disable=None)
    found = np.array([_accuracy(model, images, labels, each, batch_size) for each in tested])
    sizes = [int(spectrum.band_mask(height, width, *each).sum()) for each in limits]
    return pd.DataFrame(
        {
            "inner": [np.nan, *(inner for inner, _ in limits)],
            "outer": [np.nan, *(outer for _, outer in limits)],
            "coefficients": [0, *sizes],
            "accuracy": found,
            "drop": found[0] - found,
            "examples": len(images),
        }
    )


def _limits(height: int, width: int, bands: int) -> list[tuple[float, float]]:
    """Inner and outer limit of each ring."""
    limits = np.linspace(0, min(height, width) / 2, bands + 1)
    limits[-1] = max(limits[-1], np.hypot(height // 2, width // 2))
    return list(zip(limits[:-1].tolist(), limits[1:].tolist(), strict=True))


def _accuracy(
    model: keras.Model,
    images: Floats,
    labels: Integers,
    limits: tuple[float, float] | None,
    batch_size: int,
) -> float:
    """Accuracy without a ring; None is no ring."""
    if limits is None:
        return accuracy(model, images, labels, None, batch_size)
    inner, outer = limits

    def stop(batch: Floats, start: int) -> Floats:
        return batch - ops.convert_to_numpy(spectrum.band(batch, inner, outer))

    return accuracy(model, images, labels, stop, batch_size)
