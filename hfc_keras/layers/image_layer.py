"""What all layers of images share."""

from typing import Any

import keras

from hfc_keras import checks, tensors
from hfc_keras.types import ArrayLike, Shape

TRANSPOSED = "keras.ops.transpose(images, (0, 2, 3, 1))"


class ImageLayer(keras.layers.Layer):
    """Base of the layers that take images or maps ``(batch, height, width, channels)``.

    A layer keeps the shape of its input unless it has a ``compute_output_shape`` of its own; a
    mask of the pixels then passes through, too.

    Keras checks the rank of an input in words of its own and no side of it, and a layer whose
    output shape is known runs no ``call`` on symbolic inputs: hence a check before all of it.

    Args:
        **kwargs: see ``keras.layers.Layer``; also ``data_format``, which must be channels last.

    Raises:
        ValueError: if images are channels first, by that argument or by Keras' setting.

    Example:
        >>> layer = ImageLayer(name="identity")
        >>> layer.compute_output_shape((None, 8, 8, 3)), layer.supports_masking
        ((None, 8, 8, 3), True)
    """

    # Whether Keras casts inputs and weights to the compute dtype before ``call``. Most layers
    # work in float32 under every dtype policy, and cast what they return.
    AUTOCAST = False

    def __init__(self, **kwargs: Any) -> None:
        require_channels_last(kwargs.pop("data_format", None))
        super().__init__(**{"autocast": self.AUTOCAST, **kwargs})
        # Where pixels change their places, their mask would be one of other pixels.
        self.supports_masking = type(self).compute_output_shape is ImageLayer.compute_output_shape

    def __call__(self, inputs: ArrayLike, *args: Any, **kwargs: Any) -> Any:
        """Call the layer on ``(batch, height, width, channels)``; the batch may be empty."""
        require_channels_last()
        tensors.check_images(inputs, "inputs")
        return super().__call__(inputs, *args, **kwargs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape


def require_channels_last(data_format: str | None = None) -> None:
    """Refuse images that are channels first, whose axes would be taken for others.

    Args:
        data_format: str or None, an argument of a layer; None is not given.

    Raises:
        ValueError: unless it is None or ``"channels_last"``, and so is Keras' setting.

    Example:
        >>> require_channels_last("channels_first")
        Traceback (most recent call last):
        ...
        ValueError: `data_format` must be 'channels_last'; give the layer keras.ops.transpose(images, (0, 2, 3, 1)). Received: data_format='channels_first'
    """  # noqa: E501
    checks.require(
        data_format in (None, "channels_last"),
        f"`data_format` must be 'channels_last'; give the layer {TRANSPOSED}",
        data_format=data_format,
    )
    setting = keras.config.image_data_format()
    checks.require(
        setting == "channels_last",
        "keras.config.image_data_format() must be 'channels_last'; call "
        "keras.config.set_image_data_format('channels_last') first, and transpose images that are "
        f"channels first: {TRANSPOSED}",
        image_data_format=setting,
    )
