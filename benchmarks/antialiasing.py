"""A training step of an anti-aliased network compared with one of its plain twin."""

import functools
from collections.abc import Callable

import keras
import numpy as np

from benchmarks import timing
from hfc_keras import models
from hfc_keras.types import Floats, Integers

NETWORK, EXAMPLES, SIDE = "resnet20", 100, 32
NORMALIZATIONS = ("none", "batch")
WAYS = ("none", "critical", "blurpool", "flc", "asap")


def main() -> None:
    """Time a step of every kind in one run; ratio is seconds over those of ``none``."""
    rng = np.random.default_rng(0)
    images = rng.random((EXAMPLES, SIDE, SIDE, 3), "float32")
    labels = rng.integers(0, 10, EXAMPLES)
    rows = []
    for normalization in NORMALIZATIONS:
        seconds = timing.interleaved(_steps(images, labels, normalization), repeats=15)
        rows += [
            {
                "task": "training step",
                "network": NETWORK,
                "normalization": normalization,
                "way": way,
                "seconds": round(value, 4),
                "reference": "none",
                "ratio": round(value / seconds["none"], 3),
            }
            for way, value in seconds.items()
        ]
    timing.write("antialiasing", rows)


def _steps(images: Floats, labels: Integers, normalization: str) -> dict[str, Callable[[], object]]:
    """A training step for each way to halve maps."""
    steps = {}
    for way in WAYS:
        model = models.build(
            NETWORK, images.shape[1:], 10, normalization=normalization, antialias=way
        )
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        steps[way] = functools.partial(model.train_on_batch, images, labels)
    return steps


if __name__ == "__main__":
    main()
