"""What all layers of images refuse."""

import keras

from hfc_keras import tensors


class ImageLayer(keras.layers.Layer):
    """Base of the layers that take images or maps.

    Keras checks the rank of an input in words of its own and no side of it, and a layer whose
    output shape is known runs no ``call`` on symbolic inputs: hence a check before all of it.
    """

    def __call__(self, inputs, *args, **kwargs):
        """Call the layer on ``(batch, height, width, channels)``; the batch may be empty."""
        tensors.check_images(inputs, "inputs")
        return super().__call__(inputs, *args, **kwargs)
