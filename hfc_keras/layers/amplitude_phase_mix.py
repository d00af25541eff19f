"""Images of a batch that lend each other their amplitude."""

from typing import Any

import keras
from keras import ops

from hfc_keras import checks, spectrum, tensors
from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.layers.image_operations import float_pixels
from hfc_keras.types import Record, Tensor, TransformAxes


@keras.saving.register_keras_serializable(package="hfc_keras")
class AmplitudePhaseMix(ImageLayer):
    r"""Give each image the amplitude of another one and let it keep its own phase (APR-P).

    .. math:: x'_b = R(x_b, x_{\pi(b)})

    with ``R`` of ``spectrum.recombine``, the label of ``x`` and a random permutation of the
    batch, which may leave some images where they are. One draw decides for the whole batch
    whether there is any mixing at all. A batch of one image stays as it is.

    ``layers.BothCopies`` of this layer gives the original and the mixed images to a training,
    as the paper does.

    Args:
        probability: float in [0, 1] that a batch is mixed; 0.6 on CIFAR, 0.5 on ImageNet and
            0.16 with an adversary in the paper's code.
        axes: ``"spatial_channel"`` or ``"spatial"``, see ``spectrum.recombine``.
        clip: bool, whether mixed images are clipped to [0, 1]. The released code does not clip;
            but pixels outside [0, 1] are no image, attacks on them leave their epsilon ball
            when they clip, and ``checks.pixels`` refuses them. False also suits images that
            are standardized already.
        seed: int or None, seed of the layer's random numbers.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: floats ``(batch, height, width, channels)``, in [0, 1] where they are clipped.
        training: bool, whether to mix at all; by default true.

    Returns:
        Tensor of the shape of ``inputs``, in the layer's compute dtype.

    Raises:
        ValueError: for a probability outside [0, 1], other axes, integers or another rank.

    Reference:
        Chen et al., Amplitude-Phase Recombination: Rethinking Robustness of Convolutional
        Neural Networks in Frequency Domain, ICCV 2021.

    Example:
        >>> import numpy as np
        >>> images = np.random.default_rng(0).random((4, 8, 8, 3), "float32")
        >>> mixed = AmplitudePhaseMix(probability=1.0, clip=False, seed=0)(images)
        >>> means = [np.sort(np.mean(x, axis=(1, 2, 3))) for x in (images, mixed)]
        >>> bool(np.allclose(*means, atol=1e-5))
        True
    """

    def __init__(
        self,
        probability: float = 0.6,
        axes: TransformAxes = "spatial_channel",
        clip: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.probability = checks.number("probability", probability, minimum=0, maximum=1)
        self.axes: TransformAxes = checks.choice("axes", axes, spectrum.AXES)
        self.clip = tensors.flag("clip", clip)
        self.seed = tensors.seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def call(self, inputs: Tensor, training: bool = True) -> Tensor:
        """Mix a batch of images."""
        images = float_pixels(inputs)
        if not training:
            return ops.cast(images, self.compute_dtype)
        drawn, donors = draw_partners(images, self.probability, self.seed_generator)

        def mixed() -> Tensor:
            found = spectrum.recombine_within(images, donors, self.axes)
            return ops.cast(ops.clip(found, 0.0, 1.0) if self.clip else found, images.dtype)

        return ops.cast(ops.cond(drawn, mixed, lambda: images), self.compute_dtype)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {
            **super().get_config(),
            "probability": self.probability,
            "axes": self.axes,
            "clip": self.clip,
            "seed": self.seed,
        }


def draw_partners(
    images: Tensor, probability: float, generator: keras.random.SeedGenerator
) -> tuple[Tensor, Tensor]:
    """One draw for a batch, and a partner for each of its images.

    Args:
        images: tensor ``(batch, ...)``.
        probability: float in [0, 1].
        generator: keras.random.SeedGenerator.

    Returns:
        ``(drawn, partners)``: bool tensor ``()``, true with that probability, and the
        indices of the batch in random order.

    Example:
        >>> drawn, partners = draw_partners(ops.zeros(3), 1.0, keras.random.SeedGenerator(0))
        >>> bool(drawn), sorted(ops.convert_to_numpy(partners).tolist())
        (True, [0, 1, 2])
    """
    drawn = keras.random.uniform((), seed=generator, dtype="float32") < probability
    indices = ops.arange(ops.shape(images)[0], dtype="int32")
    return drawn, keras.random.shuffle(indices, seed=generator)
