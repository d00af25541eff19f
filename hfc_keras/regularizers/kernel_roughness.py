"""What keeps convolution kernels smooth while a network is trained: a penalty, a constraint."""

import keras

from hfc_keras import checks, kernels
from hfc_keras.types import ArrayLike, Record, Tensor


@keras.saving.register_keras_serializable(package="hfc_keras")
class KernelRoughness(keras.regularizers.Regularizer):
    r"""Penalty on the squared differences of adjacent weights of a convolution kernel.

    .. math:: \alpha R(w), \qquad R(w) = \|\nabla w\|^2 / \|w\|^2

    as ``kernels.roughness`` has it. It does not change with the kernel's scale, so it asks for
    smooth weights and not for small ones.

    Args:
        weight: float, at least 0, factor on the roughness.

    Call arguments:
        kernel: ``(height, width, in, out)``.

    Returns:
        Scalar tensor, at least 0.

    Raises:
        ValueError: for a weight that is negative or not finite, or a kernel of another rank.

    Example:
        >>> layer = keras.layers.Conv2D(4, 3, kernel_regularizer=KernelRoughness(0.1))
        >>> layer.build((None, 8, 8, 1))
        >>> len(layer.losses)
        1
    """

    def __init__(self, weight: float = 0.01) -> None:
        self.weight = checks.number("weight", weight, minimum=0)

    # Keras' own returns 0.0, which a checker takes for its type.
    def __call__(self, kernel: ArrayLike) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the penalty of a kernel."""
        return self.weight * kernels.roughness(kernel)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the penalty."""
        return {"weight": self.weight}


@keras.saving.register_keras_serializable(package="hfc_keras")
class MaxRoughness(keras.constraints.Constraint):
    r"""Constraint on the roughness of a convolution kernel.

    .. math:: R(w) = \|\nabla w\|^2 / \|w\|^2 \le \text{limit}

    After each step of the optimizer a kernel beyond the limit is smoothed just enough and
    scaled back to its norm, see ``kernels.limit_roughness``. White noise has a roughness of
    8/3 for 3 x 3 weights and 3.2 for 5 x 5. The initial kernel is left as it is until the
    first step.

    Args:
        limit: float above 0, largest roughness.

    Call arguments:
        kernel: ``(height, width, in, out)``.

    Returns:
        Tensor of the shape and dtype of ``kernel``.

    Raises:
        ValueError: for a limit that is not finite or not above 0, or a kernel of another rank.

    Example:
        >>> import numpy as np
        >>> checkerboard = np.array([[2.0, -1.0], [-1.0, 2.0]]).reshape(2, 2, 1, 1)
        >>> round(float(kernels.roughness(MaxRoughness(0.5)(checkerboard))), 3)
        0.5
    """

    def __init__(self, limit: float) -> None:
        self.limit = checks.number("limit", limit, minimum=0)
        checks.require(self.limit > 0, "`limit` must be above 0", limit=limit)

    def __call__(self, kernel: ArrayLike) -> Tensor:
        """Return a kernel within the limit."""
        return kernels.limit_roughness(kernel, self.limit)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the constraint."""
        return {"limit": self.limit}
