"""Subsampling behind a binomial low-pass filter."""

import functools
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from hfc_keras import checks
from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.layers.reflection import reflect
from hfc_keras.spectrum.axes import uses_products
from hfc_keras.types import Floats, Record, Shape, Tensor

# Sides up to which two dense matrix products beat a depthwise convolution on a processor.
LARGEST_PRODUCT = 64


@keras.saving.register_keras_serializable(package="hfc_keras")
class BlurPool2D(ImageLayer):
    r"""Filter each channel with a binomial kernel, then keep every ``strides``-th pixel.

    .. math:: y = (a a^\top * x)_{::s, ::s}, \qquad
              a_i = 2^{1-k} \binom{k-1}{i}, \qquad |A(\omega)| = \cos^{k-1}(\omega / 2)

    Every kernel from size 2 on is blind to the Nyquist frequency, and all leave a constant as it
    is. Borders are reflected without the edge repeated, by :math:`\lfloor (k-1)/2 \rfloor` pixels
    before and :math:`\lceil (k-1)/2 \rceil` behind. The layer has no weights.

    Args:
        pool_size: int from 1 to 7, side k of the kernel; 1 is subsampling alone.
        strides: int from 1, step s between the pixels that are kept; 1 filters alone.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: ``(batch, height, width, channels)``, any finite numbers. Each side must have more
            than ``pool_size // 2`` pixels.

    Returns:
        Tensor ``(batch, ceil(height / strides), ceil(width / strides), channels)`` in the layer's
        compute dtype.

    Raises:
        ValueError: for a size or a stride out of range, another rank, or a map too small to be
            reflected.

    Reference:
        Zhang, Making Convolutional Networks Shift-Invariant Again, ICML 2019.

    Example:
        >>> import numpy as np
        >>> ramp = np.arange(36.0, dtype="float32").reshape(1, 6, 6, 1)
        >>> np.asarray(BlurPool2D(3)(ramp))[0, 0, :, 0].tolist()
        [3.5, 5.0, 7.0]
    """

    def __init__(self, pool_size: int = 3, strides: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_size = checks.number("pool_size", pool_size, 1, 7, whole=True)
        self.strides = checks.number("strides", strides, minimum=1, whole=True)

    def build(self, input_shape: Shape) -> None:
        """Refuse a map that is too small to be reflected."""
        self._check(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Filter and subsample a batch of maps."""
        self._check(inputs.shape)
        inputs = ops.cast(inputs, self.compute_dtype)
        if self.pool_size == 1:
            return inputs[:, :: self.strides, :: self.strides]
        height, width = inputs.shape[1:3]
        small = height and width and max(height, width) <= LARGEST_PRODUCT
        if small and uses_products(height, width):
            return self._by_products(inputs, height, width)
        return self._by_convolution(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the subsampled map."""
        batch, *sides, channels = input_shape
        return (batch, *(side and -(-side // self.strides) for side in sides), channels)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {**super().get_config(), "pool_size": self.pool_size, "strides": self.strides}

    def _check(self, shape: Shape) -> None:
        sides = tuple(shape[1:3])
        checks.require(
            all(side is None or side > self.pool_size // 2 for side in sides),
            f"`inputs` must have more than {self.pool_size // 2} pixels per side to be reflected "
            f"by a kernel of {self.pool_size}",
            **{"height and width": sides},
        )

    def _by_products(self, maps: Tensor, height: int, width: int) -> Tensor:
        """Filter and subsample rows, then columns, each as one matrix product."""
        rows, columns = (_matrix(n, self.pool_size, self.strides) for n in (height, width))
        channels = maps.shape[3]
        maps = ops.reshape(maps, (-1, height, width * channels))
        maps = ops.matmul(ops.cast(rows, self.compute_dtype), maps)
        maps = ops.reshape(maps, (-1, width, channels))
        maps = ops.matmul(ops.cast(columns, self.compute_dtype), maps)
        return ops.reshape(maps, (-1, len(rows), len(columns), channels))

    def _by_convolution(self, maps: Tensor) -> Tensor:
        """Filter and subsample with a depthwise convolution."""
        row = _row(self.pool_size)
        kernel = np.multiply.outer(np.outer(row, row), np.ones((maps.shape[3], 1)))
        return ops.depthwise_conv(
            reflect(maps, *_padding(self.pool_size)),
            ops.cast(kernel, self.compute_dtype),
            strides=self.strides,
            padding="valid",
            data_format="channels_last",
        )


def _row(size: int) -> Floats:
    return np.array([math.comb(size - 1, i) for i in range(size)]) / 2 ** (size - 1)


def _padding(size: int) -> tuple[int, int]:
    return (size - 1) // 2, size // 2


@functools.cache
def _matrix(length: int, size: int, strides: int) -> Floats:
    """Reflection, filter and subsampling of one axis, ``(ceil(length / strides), length)``."""
    padded = np.pad(np.eye(length), (_padding(size), (0, 0)), mode="reflect")
    shifted = (tap * padded[i : i + length] for i, tap in enumerate(_row(size)))
    filtered = sum(shifted, np.zeros((length, length)))
    return filtered[::strides].astype("float32")
