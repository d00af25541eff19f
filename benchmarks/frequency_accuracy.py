"""Cost of ``frequency_accuracy`` at four radii relative to nine forward passes, ResNet-8."""

import functools

import keras
import numpy as np

from benchmarks import timing
from hfc_keras import analysis, models
from hfc_keras.types import Floats

RADII = (4, 8, 12, 16)
EXAMPLES, BATCH = 2560, 256


def nine_forward_passes(model: keras.Model, images: Floats) -> None:
    """Plain forward passes over the images in the same batches, one per component."""
    for _ in range(1 + 2 * len(RADII)):
        for start in range(0, len(images), BATCH):
            model.predict_on_batch(images[start : start + BATCH])


def main() -> None:
    """Time both with and without batch normalization in one run."""
    rng = np.random.default_rng(0)
    images, labels = rng.random((EXAMPLES, 32, 32, 3), "float32"), rng.integers(0, 10, EXAMPLES)
    rows = []
    for normalization in ("none", "batch"):
        model = models.build("resnet8", (32, 32, 3), 10, normalization=normalization)
        seconds = timing.interleaved(
            {
                "frequency_accuracy": functools.partial(
                    analysis.frequency_accuracy, model, images, labels, RADII
                ),
                "nine_forward_passes": functools.partial(nine_forward_passes, model, images),
            }
        )
        ratio = seconds["frequency_accuracy"] / seconds["nine_forward_passes"]
        rows.append({"normalization": normalization, **seconds, "ratio": round(ratio, 3)})
    timing.write("frequency_accuracy", rows)


if __name__ == "__main__":
    main()
