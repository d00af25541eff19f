"""Gaussian noise as an augmentation of pixels."""

from typing import Any

import keras
from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.layers.image_operations import float_pixels
from hfc_keras.types import Record, Tensor

# Of more than this nothing is left but black and white; its product may overflow.
ALL_NOISE = 1e9


@keras.saving.register_keras_serializable(package="hfc_keras")
class PixelNoise(ImageLayer):
    r"""Add Gaussian noise to pixels and clip them to [0, 1] again.

    .. math:: x' = \min(1, \max(0, x + \sigma n)), \qquad n \sim N(0, 1)

    ``keras.layers.GaussianNoise`` does not clip and does nothing outside of ``fit``, so that a
    pipeline would go without it; hence a layer of its own.

    Args:
        stddev: float, standard deviation of the noise in units of the pixels, at least 0.
        seed: int or None, seed of the layer's random numbers.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: floats ``(batch, height, width, channels)`` in [0, 1].
        training: bool, whether to add noise at all; by default true.

    Returns:
        Tensor of the shape of ``inputs``, in the layer's compute dtype.

    Raises:
        ValueError: for a standard deviation that is negative or not finite, integers (which the
            clip would turn into black and white) or another rank.

    Reference:
        Ford et al., Adversarial Examples Are a Natural Consequence of Test Error in Noise,
        ICML 2019.

    Example:
        >>> import numpy as np
        >>> PixelNoise(0.1, seed=0)(np.ones((2, 4, 4, 3), "float32")).shape == (2, 4, 4, 3)
        True
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = checks.number("stddev", stddev, minimum=0)
        self.seed = tensors.seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def call(self, inputs: Tensor, training: bool = True) -> Tensor:
        """Add noise to a batch of images."""
        images = float_pixels(inputs)
        if not training:
            return ops.cast(images, self.compute_dtype)
        noise = keras.random.normal(ops.shape(images), seed=self.seed_generator, dtype="float32")
        noisy = ops.cast(images, "float32") + min(self.stddev, ALL_NOISE) * noise
        return ops.cast(ops.clip(noisy, 0.0, 1.0), self.compute_dtype)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}
