"""A ring of frequencies of images as a layer."""

from typing import Any

import keras
from keras import ops

from hfc_keras import checks, spectrum, tensors
from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.types import Record, Tensor


@keras.saving.register_keras_serializable(package="hfc_keras")
class BandFilter(ImageLayer):
    r"""Keep the frequencies of a ring, or everything but that ring.

    .. math:: x_b = F^{-1}(B \cdot F x), \qquad
              B(u, v) = [r_1 < \sqrt{u^2 + v^2} \le r_2]

    Args:
        inner: float, cycles per image, at least 0.
        outer: float, cycles per image, above ``inner``.
        inclusive: bool; the ring is ``inner < d <= outer``, or ``inner <= d < outer`` if false.
        stop: bool, remove the ring instead of keeping it.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: ``(batch, height, width, channels)``, any finite numbers.

    Returns:
        Tensor of the shape of ``inputs``, in the layer's compute dtype. Nothing is clipped.

    Raises:
        ValueError: for limits that are negative, not finite or crossed, or another rank.

    Example:
        >>> import numpy as np
        >>> constant = np.ones((1, 8, 8, 1), "float32")
        >>> bool(np.allclose(BandFilter(1, 3, stop=True)(constant), constant, atol=1e-5))
        True
    """

    def __init__(
        self, inner: float, outer: float, inclusive: bool = True, stop: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.inner = checks.number("inner", inner, minimum=0)
        self.outer = checks.number("outer", outer, minimum=0)
        checks.require(inner < outer, "`outer` must be above `inner`", inner=inner, outer=outer)
        self.inclusive = tensors.flag("inclusive", inclusive)
        self.stop = tensors.flag("stop", stop)

    def call(self, inputs: Tensor) -> Tensor:
        """Filter a batch of images."""
        inputs = ops.cast(inputs, "float32")
        part = spectrum.band(inputs, self.inner, self.outer, self.inclusive)
        return ops.cast(inputs - part if self.stop else part, self.compute_dtype)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {
            **super().get_config(),
            "inner": self.inner,
            "outer": self.outer,
            "inclusive": self.inclusive,
            "stop": self.stop,
        }
