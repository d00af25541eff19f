"""What was done to ImageNet's pixels before a model saw them, by the names of Keras' modes."""

from typing import Any

import keras
import numpy as np

from hfc_keras import checks
from hfc_keras.types import Floats, Record, Shape, Tensor

MODES = ("caffe", "torch", "tf")
# Of ImageNet, red first, for pixels in [0, 1]; and means for blue first in 0-255.
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_MEAN = (103.939, 116.779, 123.68)


@keras.saving.register_keras_serializable(package="hfc_keras")
class ImageNetPixels(keras.layers.Layer):
    r"""Images in [0, 1] as the ``preprocess_input`` functions of Keras' applications make them.

    .. math:: 255 \, \mathrm{BGR}(x) - \mu, \qquad \frac{x - \mu}{\sigma}, \qquad 2 x - 1

    for caffe, torch and tf, with ImageNet's mean and standard deviation.

    Args:
        mode: ``"caffe"``, ``"torch"`` or ``"tf"``.
        **kwargs: see ``keras.layers.Layer``.

    Raises:
        ValueError: for another mode; for images without three channels, but with tf.

    Example:
        >>> float(ImageNetPixels("tf")(np.zeros((1, 1, 1, 3)))[0, 0, 0, 0])
        -1.0
    """

    def __init__(self, mode: str, **kwargs: Any) -> None:
        super().__init__(**{"autocast": False, "dtype": "float32", **kwargs})
        self.mode = checks.choice("preprocessing", mode, MODES)

    def build(self, input_shape: Shape) -> None:
        """Refuse images whose channels are not red, green and blue."""
        checks.require(
            self.mode == "tf" or input_shape[-1] == 3,
            f"`preprocessing` {self.mode!r} needs images with three channels; "
            "use pixels=... (--pixels) for others",
            channels=input_shape[-1],
        )

    def call(self, inputs: Tensor) -> Any:
        """Return what the model was trained on, of images in [0, 1]."""
        images = keras.ops.cast(inputs, "float32")
        if self.mode == "caffe":
            return 255 * keras.ops.flip(images, axis=-1) - keras.ops.convert_to_tensor(
                CAFFE_MEAN, "float32"
            )
        if self.mode == "torch":
            mean, spread = (keras.ops.convert_to_tensor(each, "float32") for each in (MEAN, SPREAD))
            return (images - mean) / spread
        return 2 * images - 1

    def inverse(self, pixels: Floats) -> Floats:
        """Return the images in [0, 1] of which it makes such pixels, NumPy arrays both."""
        if self.mode == "caffe":
            return (pixels + np.array(CAFFE_MEAN))[..., ::-1] / 255
        if self.mode == "torch":
            return pixels * np.array(SPREAD) + np.array(MEAN)
        return (pixels + 1) / 2

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {**super().get_config(), "mode": self.mode}
