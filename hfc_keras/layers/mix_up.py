"""Mix-up under every dtype policy and for every alpha."""

from collections.abc import Mapping
from typing import Any

import keras

from hfc_keras import checks, tensors
from hfc_keras.layers.image_layer import require_channels_last
from hfc_keras.types import Tensor

# Beyond these the weights are 0 or 1, and 1/2 to 1e-6; what draws them would overflow.
EXTREME_ALPHAS = 1e-30, 1e12
# Below this both gamma variates of a Beta variate may vanish in float32.
SMALL_ALPHA = 0.1


@keras.saving.register_keras_serializable(package="hfc_keras")
class MixUp(keras.layers.MixUp):
    r"""Mix each image of a batch with another one, each by a weight of its own.

    .. math:: \tilde x_i = b_i x_i + (1 - b_i) x_{\pi(i)}, \quad
              \tilde y_i = b_i y_i + (1 - b_i) y_{\pi(i)}, \quad
              b_i \sim \mathrm{Beta}(\alpha, \alpha)

    The numbers of ``keras.layers.MixUp``, which fails under a mixed dtype policy. Below an alpha
    of 0.1 they are others: there Keras draws a half where both gamma variates of a weight vanish
    in float32 (one weight in 6,000 at 0.05, every sixth at 0.01), though the weight is nearly
    always 0 or 1. Here it comes from their logarithms.

    Args:
        alpha: float above 0, both parameters of the Beta distribution.
        seed: int or None, seed of the layer's random numbers.
        **kwargs: see ``keras.layers.MixUp``.

    Call arguments:
        data: dict of ``images`` ``(batch, height, width, channels)`` and one-hot ``labels``
            ``(batch, classes)``.
        training: bool, whether to mix at all; by default true.

    Returns:
        Dict of the same form: images in the layer's compute dtype, labels in float32 (float64
        if that is the compute dtype), both mixed in that.

    Raises:
        ValueError: for another alpha or seed, or data of another form.

    Reference:
        Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018.

    Example:
        >>> import numpy as np
        >>> batch = {"images": np.eye(2).reshape(2, 1, 2, 1), "labels": np.eye(2)}
        >>> mixed = MixUp(alpha=1.0, seed=0)(batch)
        >>> bool(np.allclose(np.reshape(mixed["images"], (2, 2)), mixed["labels"]))
        True
    """

    # Keras sets it where the layer is made.
    backend: Any

    def __init__(self, alpha: float = 0.2, seed: int | None = None, **kwargs: Any) -> None:
        alpha = checks.number("alpha", alpha)
        checks.require(alpha > 0, "`alpha` must be a finite number above 0", alpha=alpha)
        require_channels_last(kwargs.get("data_format"))
        super().__init__(alpha, seed=tensors.seed(seed), **{"autocast": False, **kwargs})

    def __call__(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Mix a batch, after a check of its form."""
        checks.require(
            isinstance(data, dict) and {"images", "labels"} <= data.keys(),
            "`data` must be a dict of `images` and `labels`",
            data=sorted(data) if isinstance(data, dict) else type(data).__name__,
        )
        tensors.check_images(data["images"], "images")
        batch = tensors.shape_of(data["images"], "images")[0]
        shape = tensors.shape_of(data["labels"], "labels")
        checks.require(
            len(shape) == 2 and (None in (batch, shape[0]) or batch == shape[0]),
            "`labels` must be one-hot, a row of (batch, classes) for each image",
            **{"labels.shape": shape, "images.shape[0]": batch},
        )
        return super().__call__(data, *args, **kwargs)

    def get_random_transformation(
        self, data: Mapping[str, Tensor], training: bool = True, seed: Any = None
    ) -> dict[str, Any]:
        """Draw the partners of a batch and their weights."""
        random, size = self.backend.random, self.backend.shape(data["images"])[0]
        seed = self._get_seed_generator(self.backend._backend) if seed is None else seed
        order = random.shuffle(self.backend.numpy.arange(size, dtype="int32"), seed=seed)
        return {"mix_weight": self._weights(size, seed), "permutation_order": order}

    def transform_images(
        self, images: Tensor, transformation: Any = None, training: bool = True
    ) -> Tensor:
        """Mix images and return them in the compute dtype."""
        mixed = self._mixed(images, transformation) if training else images
        return self.backend.cast(mixed, self.compute_dtype)

    def transform_labels(
        self, labels: Tensor, transformation: Mapping[str, Any], training: bool = True
    ) -> Tensor:
        """Mix labels, which half precision would round."""
        return self._mixed(labels, transformation) if training else labels

    def _weights(self, size: int, seed: Any) -> Tensor:
        """Beta variates; for a small alpha of :math:`G_a = G_{a + 1} U^{1 / a}` in logarithms."""
        alpha = max(EXTREME_ALPHAS[0], min(self.alpha, EXTREME_ALPHAS[1]))
        random, log = self.backend.random, self.backend.numpy.log
        options = {"dtype": "float32", "seed": seed}
        # PyTorch has no distribution of none.
        if isinstance(size, int) and size == 0:
            return self.backend.numpy.zeros((0,), "float32")
        if alpha >= SMALL_ALPHA:
            return random.beta((size,), alpha, alpha, **options)
        first, second = (
            log(random.gamma((size,), alpha + 1, **options))
            + log(random.uniform((size,), minval=1e-7, **options)) / alpha
            for _ in range(2)
        )
        return self.backend.nn.sigmoid(first - second)

    def _mixed(self, values: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        values = self.backend.cast(values, dtype)
        weight = self.backend.cast(transformation["mix_weight"], dtype)
        weight = self.backend.numpy.reshape(weight, [-1] + [1] * (len(values.shape) - 1))
        order = transformation["permutation_order"]
        partners = self.backend.numpy.take(values, order, axis=0)
        return weight * values + (1.0 - weight) * partners
