"""A batch beside its augmented copy."""

from typing import Any, Self

import keras
from keras import ops

from hfc_keras import checks
from hfc_keras.layers.image_layer import require_channels_last
from hfc_keras.types import Record


@keras.saving.register_keras_serializable(package="hfc_keras")
class BothCopies(keras.layers.Layer):
    r"""Append the augmented images to the original ones, under the same labels.

    .. math:: (x, y) \mapsto ([x; x'], [y; y]), \qquad x' = \mathrm{layer}(x)

    The loss of a training is then the mean over ``2 * batch`` images, and batch normalization
    sees them all. Amplitude-phase recombination adds the two means instead: twice this loss,
    which for SGD is this loss at twice the learning rate (and half the weight decay), and for
    Adam no difference.

    Args:
        layer: keras.layers.Layer that maps images to images of the same shape, such as
            ``layers.AmplitudePhaseMix``.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        data: dict of ``images`` ``(batch, height, width, channels)`` and ``labels``
            ``(batch,)`` or ``(batch, classes)``, see ``keras.layers.MixUp``.
        training: bool, whether to append anything; by default true.

    Returns:
        Dict of the same form, ``2 * batch`` long, the original images first.

    Raises:
        ValueError: for anything but a layer, or data without images and labels.

    Reference:
        Chen et al., Amplitude-Phase Recombination: Rethinking Robustness of Convolutional
        Neural Networks in Frequency Domain, ICCV 2021.

    Example:
        >>> import numpy as np
        >>> batch = {"images": np.zeros((3, 4, 4, 1), "float32"), "labels": np.array([0, 1, 2])}
        >>> np.asarray(BothCopies(keras.layers.Rescaling(1, offset=1))(batch)["labels"]).tolist()
        [0, 1, 2, 0, 1, 2]
    """

    def __init__(self, layer: keras.Layer, **kwargs: Any) -> None:
        require_channels_last()
        super().__init__(**{"autocast": False, **kwargs})
        checks.require(
            isinstance(layer, keras.layers.Layer), "`layer` must be a Keras layer", layer=layer
        )
        self.layer = layer

    def build(self, input_shape: Any) -> None:
        """Build the layer that makes the copies; other data than a dict are refused by the call."""
        shapes = input_shape if isinstance(input_shape, dict) else {}
        if "images" in shapes and not self.layer.built:
            self.layer.build(shapes["images"])

    def call(self, data: Any, training: bool = True) -> Any:
        """Append the copy of a batch."""
        checks.require(
            isinstance(data, dict) and {"images", "labels"} <= data.keys(),
            "`data` must be a dict of `images` and `labels`",
            data=sorted(data) if isinstance(data, dict) else type(data).__name__,
        )
        images, labels = (ops.convert_to_tensor(data[name]) for name in ("images", "labels"))
        if not training:
            return {**data, "images": images, "labels": labels}
        # A copy, as with PyTorch some layers write into what they are given.
        copies = self.layer(ops.copy(images))
        images = ops.concatenate([ops.cast(images, copies.dtype), copies], axis=0)
        return {**data, "images": images, "labels": ops.concatenate([labels, labels], axis=0)}

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return shapes twice as long."""
        return {
            name: (None if shape[0] is None else 2 * shape[0], *shape[1:])
            for name, shape in input_shape.items()
        }

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {**super().get_config(), "layer": keras.saving.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: Record) -> Self:
        """Rebuild the layer and the one it holds."""
        return cls(
            keras.saving.deserialize_keras_object(config["layer"]),
            **{name: value for name, value in config.items() if name != "layer"},
        )
