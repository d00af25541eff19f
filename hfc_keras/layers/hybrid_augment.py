"""Low frequencies of one image with the high ones of another."""

from typing import Any

import keras
import numpy as np
from keras import ops

from hfc_keras import checks, spectrum, tensors
from hfc_keras.layers.amplitude_phase_mix import draw_partners
from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.layers.image_operations import float_pixels
from hfc_keras.layers.reflection import reflect
from hfc_keras.types import Record, Tensor, TransformAxes


@keras.saving.register_keras_serializable(package="hfc_keras")
class HybridAugment(ImageLayer):
    r"""Give each image the high frequencies of another one (HybridAugment and HybridAugment++).

    .. math:: x'_b = L x_b + (x_{\pi(b)} - L x_{\pi(b)})

    with a Gaussian blur ``L``, reflected at the rim, the label of ``x`` and a random permutation
    of the batch. HybridAugment++ also gives the low frequencies of ``x_b`` the amplitude of
    those of a third image, by ``spectrum.recombine``. Each of the two is drawn once for a whole
    batch; the second only counts where the first does.

    Args:
        probability: float in [0, 1] that a batch is mixed, of either draw.
        recombine: bool, whether it is HybridAugment++.
        kernel_size: int, odd, width of the blur's kernel in pixels.
        sigma: float above 0, standard deviation of the blur in pixels.
        axes: ``"spatial_channel"`` or ``"spatial"``, see ``spectrum.recombine``.
        clip: bool, whether mixed images are clipped to [0, 1], see ``AmplitudePhaseMix``.
        seed: int or None, seed of the layer's random numbers.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: floats ``(batch, height, width, channels)``, sides above ``kernel_size // 2``.
        training: bool, whether to mix at all; by default true.

    Returns:
        Tensor of the shape of ``inputs``, in the layer's compute dtype.

    Raises:
        ValueError: for an argument out of range, integers, or images smaller than the kernel.

    Reference:
        Yucel et al., HybridAugment++: Unified Frequency Spectra Perturbations for Model
        Robustness, ICCV 2023.

    Example:
        >>> import numpy as np
        >>> images = np.full((4, 8, 8, 3), 0.5, "float32")
        >>> bool(np.allclose(HybridAugment(probability=1.0, seed=0)(images), images))
        True
    """

    def __init__(
        self,
        probability: float = 0.6,
        recombine: bool = False,
        kernel_size: int = 3,
        sigma: float = 0.5,
        axes: TransformAxes = "spatial_channel",
        clip: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.probability = checks.number("probability", probability, minimum=0, maximum=1)
        self.recombine = tensors.flag("recombine", recombine)
        self.kernel_size = checks.number("kernel_size", kernel_size, minimum=1, whole=True)
        checks.require(self.kernel_size % 2, "`kernel_size` must be odd", kernel_size=kernel_size)
        self.sigma = checks.number("sigma", sigma, minimum=1e-3)
        self.axes: TransformAxes = checks.choice("axes", axes, spectrum.AXES)
        self.clip = tensors.flag("clip", clip)
        self.seed = tensors.seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def call(self, inputs: Tensor, training: bool = True) -> Tensor:
        """Mix a batch of images."""
        images = ops.cast(float_pixels(inputs), "float32")
        if not training:
            return ops.cast(images, self.compute_dtype)
        drawn, others = self._partners(images)
        again, donors = self._partners(images) if self.recombine else (drawn, others)

        def mixed() -> Tensor:
            low = self._blurred(images)
            high = ops.take(images - low, others, axis=0)
            if self.recombine:
                low = ops.cond(
                    again,
                    lambda: spectrum.recombine_within(low, donors, self.axes),
                    lambda: low,
                )
            return ops.clip(low + high, 0.0, 1.0) if self.clip else low + high

        return ops.cast(ops.cond(drawn, mixed, lambda: images), self.compute_dtype)

    def _partners(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return draw_partners(images, self.probability, self.seed_generator)

    def _blurred(self, images: Tensor) -> Tensor:
        """Convolution of each channel with a Gaussian whose weights add up to 1."""
        border = self.kernel_size // 2
        checks.require(
            all(side is None or side > border for side in images.shape[1:3]),
            f"`inputs` must have sides above {border} pixels to be reflected",
            **{"inputs.shape": tuple(images.shape)},
        )
        padded = reflect(images, border, border)
        weights = np.exp(-((np.arange(-border, border + 1) / self.sigma) ** 2) / 2)
        kernel = np.outer(weights, weights)[:, :, None, None] / weights.sum() ** 2
        kernel = np.tile(kernel.astype("float32"), (1, 1, images.shape[-1], 1))
        return ops.depthwise_conv(padded, kernel, padding="valid", data_format="channels_last")

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        names = ("probability", "recombine", "kernel_size", "sigma", "axes", "clip", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
