"""Mix-up with one weight for a whole batch."""

import warnings

import keras


@keras.saving.register_keras_serializable(package="hfc_keras")
class BatchMixUp(keras.layers.MixUp):
    r"""Mix each image of a batch with another one, all by the same weight.

    .. math:: \tilde x = b x + (1 - b) x_\pi, \quad \tilde y = b y + (1 - b) y_\pi, \quad
              b \sim \mathrm{Beta}(\alpha, \alpha)

    ``keras.layers.MixUp`` draws a weight for every image; the released code of Wang et al.
    and the code of the mix-up paper draw one for the batch.

    Args:
        alpha: float above 0, both parameters of the Beta distribution.
        seed: int or None, seed of the layer's random numbers.
        **kwargs: as of ``keras.layers.MixUp``.

    Call arguments:
        data: dict of ``images`` ``(batch, height, width, channels)`` and one-hot ``labels``
            ``(batch, classes)``.

    Returns:
        Dict of the same form.

    Reference:
        Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018.

    Example:
        >>> import numpy as np
        >>> batch = {"images": np.eye(2).reshape(2, 1, 2, 1), "labels": np.eye(2)}
        >>> mixed = BatchMixUp(alpha=1.0, seed=0)(batch)
        >>> bool(np.allclose(np.reshape(mixed["images"], (2, 2)), mixed["labels"]))
        True
    """

    def get_random_transformation(self, data, training=True, seed=None):
        """Draw the partners of a batch and its single weight."""
        with warnings.catch_warnings():
            # Keras asks for int64 indices, which JAX narrows with a warning each time.
            warnings.filterwarnings("ignore", "Explicitly requested dtype int64")
            drawn = super().get_random_transformation(data, training=training, seed=seed)
        return {**drawn, "mix_weight": drawn["mix_weight"][:1]}
