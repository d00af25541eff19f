"""What attacks achieved, measured alike for all of them."""

import dataclasses

import keras
import numpy as np
import pandas as pd

from benchmarks.peers.subjects import Subject
from hfc_keras import gradients
from hfc_keras.types import Array, Floats

# Two attacks did the same work if robust accuracy is within one point.
MEASURE, TOLERANCE = "robust accuracy", 0.01
# Rounding of pixels at the rim of the ball.
SLACK = 1e-5


@dataclasses.dataclass(frozen=True)
class RobustAccuracy:
    """Accuracy on what an attack returned, by the Keras model in float32.

    Args:
        subject: Subject.
        epsilon: float, radius of the L-inf ball.
    """

    subject: Subject
    epsilon: float

    def __call__(self, result: pd.DataFrame | Array) -> float:
        """Robust accuracy of a table of ``robust_accuracy`` or of adversarial images.

        Args:
            result: DataFrame, or array ``(examples, height, width, channels)``.

        Returns:
            float; NaN, which compares with nothing, for images outside the ball or the range.
        """
        if isinstance(result, pd.DataFrame):
            inside = result["max_norm"].max() <= self.epsilon + SLACK
            return float(result["accuracy"].iloc[-1]) if inside else float("nan")
        images = np.asarray(result, "float32")
        if not self._allowed(images):
            return float("nan")
        logits = gradients.predicted(self.subject.model, images)
        return float((logits.argmax(axis=1) == self.subject.labels).mean())

    def _allowed(self, images: Floats) -> bool:
        inside = abs(images - self.subject.images).max() <= self.epsilon + SLACK
        return bool(inside and images.min() >= -SLACK and images.max() <= 1 + SLACK)


def is_tensorflow() -> bool:
    """Whether the backend is TensorFlow, which CleverHans' attack here needs."""
    return keras.backend.backend() == "tensorflow"
