"""Networks and images of the comparisons, the same for every package."""

import dataclasses
import functools
from typing import Any

import keras
import numpy as np

from hfc_keras import data, gradients, models
from hfc_keras.commands import model_source
from hfc_keras.types import Floats, Integers

# ResNet-8 with batch normalization on all of CIFAR-10, and one trained on images attacked by PGD-7.
NATURAL = "cifar10-resnet8-bn-examples=all-epochs=10-seed=0"
ADVERSARIAL = "cifar10-resnet8-adversary=pgd,epsilon:0.0314-examples=10000x4000-epochs=12-seed=0"
WIDE, WIDTH = "resnet8", 3
# On so many images the two frameworks' logits are compared.
COMPARED = 8


@dataclasses.dataclass
class Subject:
    """A network, and images that it is measured on.

    Args:
        name: str.
        model: keras.Model from images in [0, 1] to logits.
        images: float32 ``(examples, height, width, channels)``.
        labels: int ``(examples,)``.
    """

    name: str
    model: keras.Model
    images: Floats
    labels: Integers

    @functools.cached_property
    def module(self) -> Any:
        """The same network in PyTorch."""
        from benchmarks.peers.to_torch import to_torch

        return to_torch(self.model, self.images[:COMPARED])

    @functools.cached_property
    def tensors(self) -> tuple[Any, Any]:
        """The same images and labels in PyTorch."""
        import torch  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`

        from benchmarks.peers.to_torch import to_tensor

        return to_tensor(self.images), torch.from_numpy(self.labels.astype("int64"))

    @functools.cached_property
    def fastest(self) -> tuple[Any, tuple[Any, Any]]:
        """Network, and images and labels, in the layout that one would choose by hand."""
        import torch  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`

        from benchmarks.peers.to_torch import channels_last

        images, labels = self.tensors
        images = images.contiguous(memory_format=torch.channels_last)
        return channels_last(self.module), (images, labels)


def wide(examples: int) -> Subject:
    """ResNet-8 at width 3 with batch normalization, untrained; its own answers are the labels."""
    images, _ = _test_images(examples)
    keras.utils.set_random_seed(0)
    model = models.build(WIDE, images.shape[1:], 10, width=WIDTH, normalization="batch")
    labels = _answers(model, images)
    return Subject(f"{WIDE}, width {WIDTH}, untrained", model, images, labels)


def natural(examples: int) -> Subject:
    """The published ResNet-8 with batch normalization."""
    return _published("resnet8, natural", NATURAL, examples)


def adversarial(examples: int) -> Subject:
    """The published ResNet-8 that was trained on adversarial images."""
    return _published("resnet8, adversarial", ADVERSARIAL, examples)


def _published(name: str, published: str, examples: int) -> Subject:
    return Subject(name, model_source.load(published), *_test_images(examples))


def _test_images(examples: int) -> tuple[Floats, Integers]:
    test = data.load("cifar10", examples=(1, examples)).test
    return np.asarray(test.images, "float32"), np.asarray(test.labels)


def _answers(model: keras.Model, images: Floats) -> Integers:
    return np.asarray(gradients.predicted(model, images)).argmax(axis=1)
