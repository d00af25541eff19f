"""Cost of amplitude-phase recombination of a batch, relative to a ResNet-8 training step."""

import functools
from collections.abc import Mapping

import keras
import numpy as np

from benchmarks import timing
from hfc_keras import layers, models
from hfc_keras.types import Record, Tensor

NETWORK, BATCH, SIDE = "resnet8", 100, 32
REPEATS = 15


def main() -> None:
    """Time every layer and a step in one run.

    ``added`` is the extra time of a call with the layer; ``ratio`` is its ratio to the step on the
    batch alone, ``ratio_both`` to the step on both copies. Here pairs are mixed in every call; in
    training they are mixed in a share of the batches, 0.6 by default.
    """
    rng = np.random.default_rng(0)
    images = rng.random((BATCH, SIDE, SIDE, 3), "float32")
    labels = rng.integers(0, 10, BATCH)
    model = models.build(NETWORK, images.shape[1:], 10)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ways = {
        "training step": functools.partial(model.train_on_batch, images, labels),
        "training step, both copies": functools.partial(
            model.train_on_batch, np.tile(images, (2, 1, 1, 1)), np.tile(labels, 2)
        ),
    }
    ways.update(
        {
            name: functools.partial(Augmentation(layer).predict_on_batch, images)
            for name, layer in _layers().items()
        }
    )
    seconds = timing.interleaved(ways, repeats=REPEATS)
    timing.write("amplitude_phase", [_row(way, seconds) for way in seconds])


def _row(way: str, seconds: Mapping[str, float]) -> Record:
    """Row of the table: seconds, and for a layer the time it adds to a call and to a step."""
    row = {"way": way, "images": BATCH, "seconds": round(seconds[way], 5)}
    if way.startswith("training step"):
        return row
    added = seconds[way] - seconds["no layer"]
    ratios = (added / seconds[f"training step{copies}"] for copies in ("", ", both copies"))
    names = "added", "ratio", "ratio_both"
    return row | dict(zip(names, (round(value, 5) for value in (added, *ratios)), strict=True))


def _layers() -> dict[str, keras.Layer]:
    """The recombinations, the standard augmentation, and a call without any layer."""
    return {
        "no layer": keras.layers.Identity(),
        "RandomCropFlip": layers.RandomCropFlip(seed=0),
        "AmplitudePhaseMix": layers.AmplitudePhaseMix(1.0, seed=0),
        "AmplitudePhaseMix, spatial": layers.AmplitudePhaseMix(1.0, axes="spatial", seed=0),
        "AmplitudePhaseSingle": layers.AmplitudePhaseSingle(seed=0),
        "HybridAugment": layers.HybridAugment(1.0, seed=0),
        "HybridAugment++": layers.HybridAugment(1.0, recombine=True, seed=0),
    }


class Augmentation(keras.Model):
    """A single layer as a model; it augments in prediction, too."""

    def __init__(self, layer: keras.Layer) -> None:
        super().__init__()
        self.layer = layer

    def call(self, images: Tensor) -> Tensor:
        """Augment a batch of images."""
        return self.layer(images, training=True)


if __name__ == "__main__":
    main()
