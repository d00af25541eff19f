"""Images that swap amplitude and phase with an augmented copy of themselves."""

from typing import Any

import keras
from keras import ops

from hfc_keras import checks, spectrum, tensors
from hfc_keras.layers import image_operations
from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.types import Record, Tensor, TransformAxes

SMALLEST_SEVERITY = 0.1


@keras.saving.register_keras_serializable(package="hfc_keras")
class AmplitudePhaseSingle(ImageLayer):
    r"""Augment each image once or twice, and mix phase and amplitude of the two (APR-S).

    .. math:: x_1 = a(x), \quad x_2 = b(x_1), \qquad
              x' = x_1, \; R(x_2, x_1) \text{ or } R(x_1, x_2)

    with ``R`` of ``spectrum.recombine``. ``a`` and ``b`` are drawn among the nine of
    ``image_operations.OPERATIONS``, each with a strength uniform in [0.1, severity] and a
    random sign; the three results have probability 1/2, 1/4 and 1/4. All is drawn for each
    image by itself.

    Images go through 8 bits as in the released code, but what recombination leaves outside of
    0 to 255 is rounded and clipped; there the cast wraps round, so that -3 becomes 253. The
    rim of a turned or sheared image fades into black here, where Pillow's, in the released code,
    is cut: 5 and 3 % of the pixels at 32 pixels per side differ, see ``image_operations.apply``.

    Under TensorFlow, XLA has no such affine maps: ``supports_jit`` is false there, so that
    ``compile`` leaves a model with this layer uncompiled.

    Args:
        probability: float in [0, 1] that an image is augmented; others stay as they are. The
            released code has 1, with an adversary up to 1 as well.
        severity: float from 0.1 to 10, the largest strength.
        axes: ``"spatial_channel"`` or ``"spatial"``, see ``spectrum.recombine``.
        seed: int or None, seed of the layer's random numbers.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: floats ``(batch, height, width, channels)`` in [0, 1].
        training: bool, whether to augment at all; by default true.

    Returns:
        Tensor of the shape of ``inputs`` in [0, 1], in the layer's compute dtype.

    Raises:
        ValueError: for an argument out of range, other axes, integers or another rank.

    Reference:
        Chen et al., Amplitude-Phase Recombination: Rethinking Robustness of Convolutional
        Neural Networks in Frequency Domain, ICCV 2021.

    Example:
        >>> import numpy as np
        >>> images = np.random.default_rng(0).random((4, 8, 8, 3), "float32")
        >>> levels = 255 * np.asarray(AmplitudePhaseSingle(seed=0)(images))
        >>> bool(np.allclose(levels, levels.round(), atol=1e-4))
        True
    """

    def __init__(
        self,
        probability: float = 1.0,
        severity: float = 3.0,
        axes: TransformAxes = "spatial_channel",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.probability = checks.number("probability", probability, minimum=0, maximum=1)
        self.severity = checks.number("severity", severity, SMALLEST_SEVERITY, 10)
        self.axes: TransformAxes = checks.choice("axes", axes, spectrum.AXES)
        self.seed = tensors.seed(seed)
        # XLA has no affine maps of TensorFlow, so `fit` must not compile a model with this layer.
        self.supports_jit = keras.backend.backend() != "tensorflow"
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def call(self, inputs: Tensor, training: bool = True) -> Tensor:
        """Augment a batch of images."""
        images = image_operations.float_pixels(inputs)
        if not training:
            return ops.cast(images, self.compute_dtype)
        shape = (ops.shape(images)[0], 9)
        drawn = keras.random.uniform(shape, seed=self.seed_generator, dtype="float32")
        once = self._augmented(image_operations.to_levels(images), drawn[:, :3])
        twice = self._augmented(once, drawn[:, 3:6])
        augmented, mixed, exchanged = (
            drawn[:, 6 + index, None, None, None] < probability
            for index, probability in enumerate((self.probability, 0.5, 0.5))
        )
        anchor = ops.cast(ops.where(exchanged, once, twice), "float32") / 255
        donor = ops.cast(ops.where(exchanged, twice, once), "float32") / 255
        both = image_operations.to_levels(spectrum.recombine(anchor, donor, self.axes))
        result = ops.cast(ops.where(mixed, both, once), "float32") / 255
        result = ops.where(augmented, result, ops.cast(images, "float32"))
        return ops.cast(result, self.compute_dtype)

    def _augmented(self, levels: Tensor, drawn: Tensor) -> Tensor:
        """Each image by the operation, strength and sign of its three numbers in [0, 1)."""
        count = len(image_operations.OPERATIONS)
        operations = ops.minimum(ops.cast(count * drawn[:, 0], "int32"), count - 1)
        strengths = SMALLEST_SEVERITY + (self.severity - SMALLEST_SEVERITY) * drawn[:, 1]
        strengths = ops.where(drawn[:, 2] < 0.5, strengths, -strengths)
        return image_operations.apply(levels, operations, strengths)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {
            **super().get_config(),
            "probability": self.probability,
            "severity": self.severity,
            "axes": self.axes,
            "seed": self.seed,
        }
