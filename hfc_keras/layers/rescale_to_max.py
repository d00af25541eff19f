"""Each image divided by its largest value."""

import keras
from keras import ops

from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.types import Record, Tensor

# A component whose largest value is rounding error of float32 pixels holds no image.
SMALLEST_MAXIMUM = 1e-6


@keras.saving.register_keras_serializable(package="hfc_keras")
class RescaleToMax(ImageLayer):
    r"""Divide each image by its maximum over pixels and channels.

    .. math:: y = x / \max_{i,j,c} x_{ijc}

    The paper's released code rescales training images and components so; the faint
    high-frequency component is thereby amplified many times. Negative values stay, and an
    image whose maximum is at most 1e-6 is returned as it is.

    Args:
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: ``(batch, height, width, channels)``, any finite numbers.

    Returns:
        Tensor of the shape of ``inputs`` whose largest value per image is 1, in the layer's
        compute dtype.

    Raises:
        ValueError: for another rank.

    Reference:
        Released code of Wang et al., CVPR 2020, function ``train``.

    Example:
        >>> import numpy as np
        >>> float(np.max(RescaleToMax()(np.full((1, 2, 2, 1), 0.25, "float32"))))
        1.0
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Rescale a batch of images."""
        # Half precision has no number beyond 65504, and pixels of components may lie there.
        wide = "float64" if self.compute_dtype == "float64" else "float32"
        images = ops.cast(inputs, wide)
        # With an initial value the maximum over an empty batch is one, too.
        largest = ops.max(images, axis=(1, 2, 3), keepdims=True, initial=0.0)
        divisor = ops.where(largest > SMALLEST_MAXIMUM, largest, ops.ones_like(largest))
        return ops.cast(images / divisor, self.compute_dtype)

    def get_config(self) -> Record:
        """Return every argument; without this Keras would keep a dtype policy as an object."""
        return super().get_config()
