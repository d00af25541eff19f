"""The standard CIFAR augmentation: pad, crop at random, flip at random."""

from typing import Any

import keras
from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.types import Record, Tensor

# Of more black than this around each image memory would be full.
LARGEST_PADDING = 1024


@keras.saving.register_keras_serializable(package="hfc_keras")
class RandomCropFlip(ImageLayer):
    """Pad with zeros, crop back at a random place, mirror left-right half of the time.

    Place and mirroring are drawn for each image. ``keras.layers.RandomCrop`` draws one place
    for a whole batch, hence a layer of its own.

    Args:
        padding: int from 0 to 1024, pixels added on each side before the crop.
        flip: bool, whether images are mirrored with probability 1/2.
        seed: int or None, seed of the layer's random numbers.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: ``(batch, height, width, channels)``.
        training: bool, whether to augment at all; by default true.

    Returns:
        Tensor of the shape of ``inputs``, in the layer's compute dtype; integers stay integers.

    Raises:
        ValueError: for a padding that is negative or no whole number, or another rank.

    Reference:
        He et al., Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2.

    Example:
        >>> import numpy as np
        >>> RandomCropFlip(padding=1, seed=0)(np.ones((2, 4, 4, 3), "float32")).shape[1:3] == (4, 4)
        True
    """

    # Floats come in the compute dtype, integers as they are.
    AUTOCAST = True

    def __init__(
        self, padding: int = 4, flip: bool = True, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.padding = checks.number("padding", padding, 0, LARGEST_PADDING, whole=True)
        self.flip = tensors.flag("flip", flip)
        self.seed = tensors.seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def call(self, inputs: Tensor, training: bool = True) -> Tensor:
        """Augment a batch of images."""
        if not training:
            return inputs
        batch, height, width, channels = ops.shape(inputs)
        rows = self._offsets(batch) + ops.arange(height, dtype="int32")
        columns = self._offsets(batch) + ops.arange(width, dtype="int32")
        if self.flip:
            drawn = keras.random.uniform((batch, 1), seed=self.seed_generator, dtype="float32")
            columns = ops.where(drawn < 0.5, ops.flip(columns, axis=1), columns)
        # Whole pixels from a flat list: a tenth of the time of one axis after the other.
        border = [self.padding, self.padding]
        padded = ops.pad(inputs, [[0, 0], border, border, [0, 0]])
        across, down = width + 2 * self.padding, height + 2 * self.padding
        rows = rows + down * ops.arange(batch, dtype="int32")[:, None]
        pixels = across * rows[:, :, None] + columns[:, None, :]
        taken = ops.take(ops.reshape(padded, (-1, channels)), pixels, axis=0)
        # JAX takes no pixels as a flat list.
        return ops.reshape(taken, (batch, height, width, channels))

    def _offsets(self, batch: int) -> Tensor:
        limit = 2 * self.padding + 1
        return keras.random.randint((batch, 1), 0, limit, seed=self.seed_generator)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {
            **super().get_config(),
            "padding": self.padding,
            "flip": self.flip,
            "seed": self.seed,
        }
