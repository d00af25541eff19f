"""Accuracy on low and high frequencies while a network is trained."""

from collections.abc import Mapping
from typing import Any

import keras
import pandas as pd

from hfc_keras import analysis
from hfc_keras.analysis.inputs import Images, given_radii
from hfc_keras.callbacks.measuring import Measuring
from hfc_keras.types import ArrayLike, BnStatistics, Floats


class FrequencyAccuracy(Measuring):
    """Measure the accuracy on low- and high-frequency components after some epochs of ``fit``.

    The keys in Keras' ``logs`` are ``accuracy_original`` and, for each radius such as 4,
    ``accuracy_low_4`` and ``accuracy_high_4``. Put it **before** ``CSVLogger``, ``TensorBoard`` and
    whatever else shall have them. With ``every=2`` they are NaN in the epochs between, which
    ``EarlyStopping`` on one of them counts as epochs without improvement; the last epoch of
    ``fit`` is always measured.

    It measures the network inside ``training.AdversarialTraining`` and
    ``training.FourierRegularized``. A model that does not return logits is refused when ``fit``
    begins. A measure that fails later, as logits are no longer finite, gives NaN and a warning.

    Args:
        images: float ``(examples, height, width, channels)`` in [0, 1], or whatever
            ``hfc_keras.analysis`` takes; read once, at once.
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``; None where the images
            bring theirs.
        radii: see ``analysis.frequency_accuracy``.
        bn_statistics: see ``analysis.frequency_accuracy``; any but ``"moving"`` compiles a copy of
            the model in every measured epoch.
        every: int from 1, the number of epochs from one measurement to the next.
        prefix: str, what the keys in the logs begin with.
        **options: see ``analysis.frequency_accuracy``.

    Attributes:
        table: DataFrame of ``analysis.frequency_accuracy`` with a first column epoch, from 1.

    Raises:
        ValueError: for an ``every`` that is not a whole number from 1, radii that
            ``analysis.frequency_accuracy`` refuses; by ``fit`` for images, labels or a model that
            it refuses.

    Warns:
        UserWarning: for each epoch whose network could not be measured.

    Reference:
        Wang et al., High-Frequency Component Helps Explain the Generalization of
        Convolutional Neural Networks, CVPR 2020, Fig. 5.

    Example:
        >>> from hfc_keras import data, models
        >>> digits = data.load("digits", examples=(50, 20))
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> model.compile("adam", loss)
        >>> told = {"callbacks": [FrequencyAccuracy(digits.test, radii=[2])], "verbose": 0}
        >>> history = model.fit(digits.train.images, digits.train.labels, **told)
        >>> sorted(history.history)
        ['accuracy_high_2', 'accuracy_low_2', 'accuracy_original', 'loss']
    """

    def __init__(
        self,
        images: Images,
        labels: ArrayLike | None = None,
        radii: ArrayLike | None = None,
        bn_statistics: BnStatistics = "moving",
        every: int = 1,
        prefix: str = "accuracy",
        **options: Any,
    ) -> None:
        super().__init__(images, labels, every, prefix, options.get("batch_size", 256))
        unit = options.get("unit", "cycles")
        self.radii = given_radii(radii, self.images.shape[2], unit)
        self.options = {"radii": self.radii, "bn_statistics": bn_statistics, **options}

    def names(self) -> list[str]:
        """Rests of all keys."""
        parts = (f"{part}_{radius:g}" for radius in self.radii for part in ("low", "high"))
        return ["original", *parts]

    def try_out(self, model: keras.Model) -> None:
        """Refuse also options that the measure would refuse."""
        super().try_out(model)
        self.measured(model, self.images[:1], self.labels[:1])

    def measured(self, model: keras.Model, images: Floats, labels: ArrayLike) -> pd.DataFrame:
        """Accuracies by component."""
        return analysis.frequency_accuracy(model, images, labels, **self.options)

    def numbers(self, table: pd.DataFrame) -> Mapping[str, float]:
        """All of them, whose order is that of the names."""
        return dict(zip(self.names(), table["accuracy"], strict=True))
