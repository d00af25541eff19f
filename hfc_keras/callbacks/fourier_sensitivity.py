"""Fourier sensitivity while a network is trained."""

from collections.abc import Mapping

import keras
import pandas as pd

from hfc_keras import analysis, checks, spectrum
from hfc_keras.analysis.inputs import Images
from hfc_keras.callbacks.measuring import Measuring
from hfc_keras.reporting.effects.fourier_sensitivity import sensitivity_numbers
from hfc_keras.types import ArrayLike, Channels, Floats

# Ends of the keys, and the columns of ``sensitivity_numbers`` that they show.
COLUMNS = {"low": "low", "mid": "mid", "high": "high", "center": "centre"}


class FourierSensitivity(Measuring):
    """Measure the Fourier sensitivity of a network after some epochs of ``fit``.

    The keys in Keras' ``logs`` are ``sensitivity_low``, ``sensitivity_mid`` and
    ``sensitivity_high``, the shares of the input gradient's power in the lowest third of the
    frequencies up to Nyquist, the next, and all above, as ``training.FourierRegularized`` divides
    them; and ``sensitivity_center``, the mean ring in cycles per image.

    Which epochs are measured, what stands in the others, and where it belongs in the list of
    callbacks is as with ``callbacks.FrequencyAccuracy``.

    Args:
        images: float ``(examples, height, width, channels)`` in [0, 1], or whatever
            ``hfc_keras.analysis`` takes; read once, at once.
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``; None where the images
            bring theirs.
        channels: see ``analysis.fourier_sensitivity``.
        every: int from 1, the number of epochs from one measurement to the next.
        prefix: str, what the keys in the logs begin with.
        batch_size: int from 1, images at once.

    Attributes:
        table: DataFrame of ``analysis.fourier_sensitivity``, all rings, with a first column epoch,
            from 1.

    Raises:
        ValueError: for an ``every`` that is not a whole number from 1, another kind of channels;
            by ``fit`` for images, labels or a model that ``analysis.fourier_sensitivity`` refuses.

    Warns:
        UserWarning: for each epoch whose network could not be measured, such as one whose
            gradient is zero.

    Reference:
        Krishnamachari et al., Fourier Sensitivity and Regularization of Computer Vision
        Models, TMLR 2022.

    Example:
        >>> from hfc_keras import data, models
        >>> digits = data.load("digits", examples=(50, 20))
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> model.compile("adam", loss)
        >>> told = {"callbacks": [FourierSensitivity(digits.test)], "verbose": 0}
        >>> logs = model.fit(digits.train.images, digits.train.labels, **told).history
        >>> round(sum(logs[f"sensitivity_{name}"][0] for name in ("low", "mid", "high")), 6)
        1.0
    """

    def __init__(
        self,
        images: Images,
        labels: ArrayLike | None = None,
        channels: Channels = "mean",
        every: int = 1,
        prefix: str = "sensitivity",
        batch_size: int = 256,
    ) -> None:
        super().__init__(images, labels, every, prefix, batch_size)
        self.channels: Channels = checks.choice("channels", channels, spectrum.CHANNELS)

    def names(self) -> list[str]:
        """Rests of all keys."""
        return list(COLUMNS)

    def measured(self, model: keras.Model, images: Floats, labels: ArrayLike) -> pd.DataFrame:
        """Shares by ring."""
        return analysis.fourier_sensitivity(
            model, images, labels, self.channels, batch_size=self.batch_size
        )

    def numbers(self, table: pd.DataFrame) -> Mapping[str, float]:
        """Shares of the thirds, and the mean ring."""
        size = min(self.images.shape[1:3])
        told = sensitivity_numbers(table.assign(recipe="", seed=0, image_size=size))
        return {name: float(told[column].iloc[0]) for name, column in COLUMNS.items()}
