"""A convolution whose kernel is smoothed each time it is used."""

from collections.abc import Sequence
from typing import Any, cast

import keras

from hfc_keras import checks, kernels, tensors
from hfc_keras.arrays import rank
from hfc_keras.layers.image_layer import ImageLayer, require_channels_last
from hfc_keras.types import Record, Tensor


@keras.saving.register_keras_serializable(package="hfc_keras")
class SmoothConv2D(keras.layers.Conv2D, ImageLayer):
    r"""Convolution with the smoothed kernel; the weights themselves stay free.

    .. math:: y = S_\rho(w) * x + b, \qquad
              S_\rho(w)_{ij} = w_{ij} + \rho \sum_{(h,k) \in N(i,j)} w_{hk}

    as ``kernels.smooth`` has it. The gradient passes through the smoothing, so a network can
    be trained with it, where the paper smooths a trained kernel once.

    Args:
        filters: int from 1, number of output channels.
        kernel_size: int or pair of ints from 1.
        rho: float, at least 0, weight of the eight neighbors.
        normalize: bool, divide the smoothed kernel by ``1 + 8 rho``.
        **kwargs: see ``keras.layers.Conv2D``, by keyword; ``data_format`` must be channels last.

    Call arguments:
        inputs: ``(batch, height, width, channels)``.

    Returns:
        Tensor ``(batch, new height, new width, filters)`` in the layer's compute dtype.

    Raises:
        ValueError: for filters or a size that are no whole numbers from 1, a rho that is negative
            or not finite, or another rank.

    Reference:
        Wang et al., High-Frequency Component Helps Explain the Generalization of
        Convolutional Neural Networks, CVPR 2020, equation 3.

    Example:
        >>> import numpy as np
        >>> layer = SmoothConv2D(4, 3, rho=0.25, padding="same")
        >>> layer(np.ones((1, 8, 8, 1), "float32")).shape == (1, 8, 8, 4)
        True
    """

    AUTOCAST = True

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        rho: float,
        normalize: bool = False,
        **kwargs: Any,
    ) -> None:
        filters = checks.number("filters", filters, minimum=1, whole=True)
        require_channels_last(kwargs.get("data_format"))
        super().__init__(filters, _sides(kernel_size), **kwargs)
        self.rho = checks.number("rho", rho, minimum=0)
        self.normalize = tensors.flag("normalize", normalize)

    @property
    def smoothed_kernel(self) -> Tensor:
        """Kernel that the images are convolved with, ``(height, width, in, filters)``."""
        return kernels.smooth(self.kernel, self.rho, self.normalize)

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Any:
        """Convolve with the smoothed kernel."""
        return super().convolution_op(inputs, kernels.smooth(kernel, self.rho, self.normalize))

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {**super().get_config(), "rho": self.rho, "normalize": self.normalize}


def _sides(kernel_size: int | Sequence[int]) -> tuple[int, ...]:
    """Height and width of a kernel, of one number or two."""
    single = rank(kernel_size) == 0
    sides = (kernel_size,) * 2 if single else tuple(cast(Sequence[int], kernel_size))
    checks.require(len(sides) == 2, "`kernel_size` must be one or two ints", kernel_size=sides)
    return tuple(checks.number("kernel_size", side, minimum=1, whole=True) for side in sides)
