"""The norms in which a perturbation is bounded."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from keras import ops

from hfc_keras.types import ArrayLike, Floats, Norm, Tensor

# As in CleverHans: the smallest squared L2 norm by which a gradient is divided.
SMALLEST_SQUARE = 1e-12

Draw: TypeAlias = Callable[[Any], Any]
"""Function of a shape that draws numbers."""


class Linf:
    """Largest absolute value over pixels and channels.

    Example:
        >>> import numpy as np
        >>> np.asarray(Linf().project(np.full((1, 1, 1, 1), 3.0), 0.5)).item()
        0.5
    """

    def direction(self, gradient: ArrayLike) -> Tensor:
        """Step of norm 1 that increases a linear function most."""
        return ops.sign(gradient)

    def project(self, perturbation: ArrayLike, epsilon: Any) -> Tensor:
        """Nearest perturbation in the ball."""
        return ops.clip(perturbation, -epsilon, epsilon)

    def size(self, perturbation: ArrayLike) -> Tensor:
        """Norm of each sample, ``(batch,)``."""
        return ops.max(ops.abs(perturbation), axis=(1, 2, 3))

    def start(self, uniform: Draw, normal: Draw, shape: Sequence[Any]) -> Any:
        """Uniform draw from the unit ball.

        Args:
            uniform: function of a shape that draws from [0, 1).
            normal: function of a shape that draws from the standard normal distribution.
            shape: (batch, height, width, channels).
        """
        return 2.0 * uniform(shape) - 1.0


class L2:
    """Euclidean norm over pixels and channels.

    Example:
        >>> import numpy as np
        >>> np.asarray(L2().size(np.array([3.0, 4.0]).reshape(1, 1, 1, 2))).tolist()
        [5.0]
    """

    def direction(self, gradient: Tensor) -> Any:
        """Step of norm 1 along the gradient; shorter where its norm is below 1e-6."""
        square = ops.sum(ops.square(gradient), axis=(1, 2, 3), keepdims=True)
        return gradient / ops.sqrt(ops.maximum(square, SMALLEST_SQUARE))

    def project(self, perturbation: Tensor, epsilon: Any) -> Any:
        """Nearest perturbation in the ball."""
        square = ops.sum(ops.square(perturbation), axis=(1, 2, 3), keepdims=True)
        norm = ops.sqrt(ops.maximum(square, SMALLEST_SQUARE))
        return perturbation * ops.minimum(1.0, epsilon / norm)

    def size(self, perturbation: ArrayLike) -> Tensor:
        """Norm of each sample, ``(batch,)``."""
        return ops.sqrt(ops.sum(ops.square(perturbation), axis=(1, 2, 3)))

    def start(self, uniform: Draw, normal: Draw, shape: Sequence[Any]) -> Any:
        """Uniform draw from the unit ball: a direction, and a radius to the power 1 / pixels."""
        noise = ops.convert_to_tensor(normal(shape))
        values = math.prod(shape[1:])
        # A data set may leave the sizes of its images open, which are tensors then.
        values = values if isinstance(values, int) else ops.cast(values, "float32")
        radius = ops.power(uniform((shape[0], 1, 1, 1)), 1.0 / values)
        return noise * radius / ops.sqrt(ops.sum(ops.square(noise), axis=(1, 2, 3), keepdims=True))


NORMS = {"linf": Linf(), "l2": L2()}


def drawn(norm: Norm, shape: Sequence[int], generators: Sequence[np.random.Generator]) -> Floats:
    """Uniform draw from the unit ball for each image, from its own random generator.

    Args:
        norm: str, one of ``NORMS``.
        shape: (batch, height, width, channels).
        generators: ``batch`` random generators.

    Returns:
        float32 array of the shape.

    Example:
        >>> drawn("linf", (2, 4, 4, 1), [np.random.default_rng(seed) for seed in (0, 1)]).shape
        (2, 4, 4, 1)
    """

    def draws(method: str) -> Draw:
        return lambda shape: np.stack(
            [getattr(each, method)(shape[1:], dtype="float32") for each in generators]
        )

    noise = NORMS[norm].start(draws("random"), draws("standard_normal"), shape)
    return np.asarray(ops.convert_to_numpy(noise))
