"""Mix-up with one weight for a whole batch."""

from collections.abc import Mapping
from typing import Any

import keras

from hfc_keras.layers.mix_up import MixUp
from hfc_keras.types import Tensor


@keras.saving.register_keras_serializable(package="hfc_keras")
class BatchMixUp(MixUp):
    r"""Mix each image of a batch with another one, all by the same weight.

    .. math:: \tilde x = b x + (1 - b) x_\pi, \quad \tilde y = b y + (1 - b) y_\pi, \quad
              b \sim \mathrm{Beta}(\alpha, \alpha)

    ``keras.layers.MixUp`` draws a weight for every image; the released code of Wang et al.
    and the code of the mix-up paper draw one for the batch.

    Args:
        alpha: float above 0, both parameters of the Beta distribution.
        seed: int or None, seed of the layer's random numbers.
        **kwargs: see ``keras.layers.MixUp``.

    Call arguments:
        data: dict of ``images`` ``(batch, height, width, channels)`` and one-hot ``labels``
            ``(batch, classes)``.

    Returns:
        Dict of the same form: images in the layer's compute dtype, labels in float32 (float64
        if that is the compute dtype).

    Raises:
        ValueError: for an alpha that is not finite or not above 0, another seed, or data of
            another form.

    Reference:
        Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018.

    Example:
        >>> import numpy as np
        >>> batch = {"images": np.eye(2).reshape(2, 1, 2, 1), "labels": np.eye(2)}
        >>> mixed = BatchMixUp(alpha=1.0, seed=0)(batch)
        >>> bool(np.allclose(np.reshape(mixed["images"], (2, 2)), mixed["labels"]))
        True
    """

    def get_random_transformation(
        self, data: Mapping[str, Tensor], training: bool = True, seed: Any = None
    ) -> dict[str, Any]:
        """Draw the partners of a batch and its single weight."""
        drawn = super().get_random_transformation(data, training=training, seed=seed)
        return {**drawn, "mix_weight": drawn["mix_weight"][:1]}
