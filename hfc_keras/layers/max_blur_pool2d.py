"""Maximum pooling that does not alias."""

from typing import Any

import keras
from keras import ops

from hfc_keras import checks
from hfc_keras.layers.blur_pool2d import BlurPool2D
from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.types import Record, Shape, Tensor


@keras.saving.register_keras_serializable(package="hfc_keras")
class MaxBlurPool2D(ImageLayer):
    r"""Maxima at every pixel, then ``BlurPool2D``.

    .. math:: y = \mathrm{BlurPool}_{k, s}\Big( \max_{0 \le i, j < p} x_{\cdot + i, \cdot + j} \Big)

    A strided maximum pooling is the same with a subsampling in the place of the filter, so that
    what it returns depends on where the grid of the kept pixels lies.

    Args:
        pool_size: int from 1, side p of the window of the maximum.
        blur_size: int from 1 to 7, side k of the filter's kernel.
        strides: int from 1, step s between the pixels that are kept.
        padding: str, "valid" or "same", of the maximum.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: ``(batch, height, width, channels)``, any finite numbers.

    Returns:
        Tensor ``(batch, ceil(m / strides), ceil(n / strides), channels)`` in the layer's compute
        dtype, with m, n the height and width, less ``pool_size - 1`` where padding is "valid".

    Raises:
        ValueError: for a size or a stride out of range, another padding or rank, a map without a
            whole window, or one too small to be reflected.

    Reference:
        Zhang, Making Convolutional Networks Shift-Invariant Again, ICML 2019.

    Example:
        >>> import numpy as np
        >>> MaxBlurPool2D()(np.ones((1, 7, 8, 3), "float32")).shape == (1, 3, 4, 3)
        True
    """

    def __init__(
        self,
        pool_size: int = 2,
        blur_size: int = 3,
        strides: int = 2,
        padding: str = "valid",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = checks.number("pool_size", pool_size, minimum=1, whole=True)
        self.blur_size = checks.number("blur_size", blur_size, 1, 7, whole=True)
        self.strides = checks.number("strides", strides, minimum=1, whole=True)
        self.padding = checks.choice("padding", padding, ("valid", "same"))
        self.blur = BlurPool2D(blur_size, strides, dtype=self.dtype_policy, name="blur")

    def build(self, input_shape: Shape) -> None:
        """Refuse a map that is too small."""
        self.blur.build(self._maxima_shape(input_shape))

    def call(self, inputs: Tensor) -> Tensor:
        """Pool a batch of maps."""
        inputs = ops.cast(inputs, self.compute_dtype)
        maxima = ops.max_pool(
            inputs, self.pool_size, 1, padding=self.padding, data_format="channels_last"
        )
        return self.blur(maxima)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the subsampled map."""
        return self.blur.compute_output_shape(self._maxima_shape(input_shape))

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "blur_size": self.blur_size,
            "strides": self.strides,
            "padding": self.padding,
        }

    def _maxima_shape(self, input_shape: Shape) -> Shape:
        batch, *sides, channels = input_shape
        lost = self.pool_size - 1 if self.padding == "valid" else 0
        checks.require(
            all(side is None or side > lost for side in sides),
            f"`inputs` must have at least {self.pool_size} pixels per side",
            **{"height and width": tuple(sides)},
        )
        return (batch, *(side and side - lost for side in sides), channels)
