"""Low- or high-frequency component of images as a layer."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from hfc_keras import checks, spectrum, tensors
from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.types import Component, MaskShape, RadiusUnit, Record, Tensor


@keras.saving.register_keras_serializable(package="hfc_keras")
class RadialFilter(ImageLayer):
    r"""Keep the frequencies inside or outside a disc or square, each channel by itself.

    .. math:: x_l = F^{-1}(M_r \cdot F x), \qquad x_h = x - x_l

    With ``outside_gain`` :math:`g` the low component is :math:`x_l + g x_h` and the high one
    :math:`(1 - g) x_h`: the first public version of the paper's code had :math:`g = 0.5`.
    Works in float32 under every dtype policy, for any image size, known or not.

    Args:
        radius: float, at least 0, in cycles per image unless ``unit`` says otherwise. Beyond the
            corner of the spectrum, at ``hypot(height, width) / 2`` cycles, low is the identity
            and high is zero.
        component: ``"low"`` or ``"high"``.
        inclusive: bool, ``<=`` at the rim as in the paper, or ``<`` as in its released code.
        outside_gain: float in [0, 1], weight of the frequencies outside the disc.
        mask: ``"disc"`` or ``"square"``, see ``spectrum.radial_mask``.
        clip: ``(smallest, largest)`` that the component is clipped to, such as (0, 1), or None.
        unit: ``"cycles"`` per image or share of ``"nyquist"``, of the radius.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: ``(batch, height, width, channels)``, any finite numbers.

    Returns:
        Tensor of the shape of ``inputs``, in the layer's compute dtype.

    Raises:
        ValueError: for a radius or gain out of range, another component, mask or unit, a range to
            clip to that is none, or another rank.

    Reference:
        Wang et al., High-Frequency Component Helps Explain the Generalization of
        Convolutional Neural Networks, CVPR 2020, section 3.

    Example:
        >>> import numpy as np
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
        >>> low, high = RadialFilter(2)(images), RadialFilter(2, component="high")(images)
        >>> bool(np.allclose(low + high, images, atol=1e-5))
        True
    """

    def __init__(
        self,
        radius: float,
        component: Component = "low",
        inclusive: bool = True,
        outside_gain: float = 0.0,
        mask: MaskShape = "disc",
        clip: Sequence[float] | None = None,
        unit: RadiusUnit = "cycles",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.radius = checks.number("radius", radius, minimum=0)
        self.component = checks.choice("component", component, ["low", "high"])
        self.inclusive = tensors.flag("inclusive", inclusive)
        self.outside_gain = checks.number("outside_gain", outside_gain, minimum=0, maximum=1)
        self.mask: MaskShape = checks.choice("mask", mask, spectrum.MASKS)
        self.clip = spectrum.clipping(clip)
        self.unit: RadiusUnit = checks.choice("unit", unit, spectrum.UNITS)

    def call(self, inputs: Tensor) -> Tensor:
        """Filter a batch of images."""
        inputs = ops.cast(inputs, "float32")
        low, high = spectrum.split(inputs, self.radius, self.inclusive, self.mask, self.unit)
        low = low + self.outside_gain * high if self.outside_gain else low
        high = (1 - self.outside_gain) * high
        part = low if self.component == "low" else high
        return ops.cast(ops.clip(part, *self.clip) if self.clip else part, self.compute_dtype)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        # Only where they are set: the hash of a recipe that holds the layer stays what it was.
        later = {
            "mask": (self.mask, "disc"),
            "clip": (self.clip, None),
            "unit": (self.unit, "cycles"),
        }
        return {
            **super().get_config(),
            "radius": self.radius,
            "component": self.component,
            "inclusive": self.inclusive,
            "outside_gain": self.outside_gain,
            **{name: value for name, (value, default) in later.items() if value != default},
        }
