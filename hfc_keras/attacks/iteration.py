"""One iteration of the attack loop."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.random import Generator

from hfc_keras import gradients, losses
from hfc_keras.attacks.confinement import Confinement
from hfc_keras.attacks.norms import NORMS, drawn
from hfc_keras.types import Array, Engine, Floats, Loss, Predict, Tensor

# Logarithm of the smallest normal float32: a margin below it leaves cross-entropy nothing.
LOG_TINY = -87.3


@dataclasses.dataclass(frozen=True)
class Iteration(Confinement):
    r"""A step of the engine, then back to the frequencies, the ball and the range of pixels.

    .. math:: x_{t+1} = \Pi_{[0, 1]}(x + \Pi_\epsilon(B(x_t + \alpha\, d(g) - x)))

    Equal iterations are compiled once for a model (``gradients.compiled``), whatever epsilon
    and step size, which are tensors.

    Args:
        norm: str, one of ``norms.NORMS``.
        mask: None or tuple, see ``Pgd``.
        clip_min: float.
        clip_max: float.
        loss: str, one of ``losses.LOSSES``.
        engine: ``"native"`` or ``"cleverhans"``.
        targeted: bool.
        momentum: float.

    Example:
        >>> from hfc_keras.attacks import Pgd
        >>> Iteration.of(Pgd(0.1)) == Iteration.of(Pgd(0.2, steps=7))
        True
    """

    loss: Loss
    engine: Engine
    targeted: bool
    momentum: float

    def start(self, attack: Any, images: Floats, generators: Sequence[Generator]) -> Floats:
        """Where the attack starts: at the images, or drawn uniformly from the ball.

        Args:
            attack: Fgsm or Pgd.
            images: float32 array ``(batch, height, width, channels)``.
            generators: one random generator an image.

        Returns:
            float32 array like ``images``.
        """
        if not attack.random_start:
            return images
        moved = images + attack.epsilon * drawn(attack.norm, images.shape, generators)
        confined = self.confined(images, moved.astype("float32"), attack.epsilon)
        return ops.convert_to_numpy(confined)

    def state(self, start: Floats, epsilon: float) -> list[Array]:
        """What a step changes: the images and, with momentum, the velocity."""
        return [start, *([np.zeros_like(start)] if self.momentum else [])]

    def arguments(self, attack: Any, restart: int, step: int, shape: Sequence[int]) -> list[Any]:
        """What a step takes beside images, labels and state: epsilon and step size."""
        return [np.float32(attack.epsilon), np.float32(attack.step)]

    def candidates(self, state: Sequence[Any]) -> list[Any]:
        """Images of a state that may fool the model."""
        return [state[0]]

    def __call__(
        self,
        predict: Predict,
        images: Tensor,
        labels: Tensor,
        epsilon: Any,
        step_size: Any,
        adversarial: Tensor,
        *velocity: Tensor,
    ) -> tuple[Tensor, ...]:
        """Return the next images, with momentum the next velocity, and the gradient's faults.

        Args:
            predict: function from images to logits, in inference mode.
            images: float32 ``(batch, height, width, channels)``, the center of the ball.
            labels: int ``(batch,)`` or dense ``(batch, classes)``.
            epsilon: scalar.
            step_size: scalar.
            adversarial: float32 tensor like ``images``, where the attack is now.
            *velocity: with momentum, tensor like ``images``.

        Returns:
            ``(adversarial, *velocity, loss, zero, nonfinite)``; the last three are ``(batch,)``,
            the loss that the attack increases and whether its gradient was zero or not finite,
            see ``gradient``. CleverHans does not return them.
        """
        if self.engine == "cleverhans":
            from hfc_keras.attacks import cleverhans as engine

            moved = engine.step(self, predict, labels, adversarial, step_size)
            moved = ops.where(ops.isfinite(moved), moved, adversarial)
            unknown = ops.zeros_like(adversarial[:, 0, 0, 0])
            return self.confined(images, moved, epsilon, engine.project), unknown, unknown, unknown
        gradient, *noted = self.gradient(predict, labels, adversarial)
        gradient = ops.where(ops.isfinite(gradient), gradient, 0.0)
        if velocity:
            total = ops.sum(ops.abs(gradient), axis=(1, 2, 3), keepdims=True)
            gradient = self.momentum * velocity[0] + gradient / ops.maximum(total, 1e-12)
            velocity = (gradient,)
        moved = adversarial + step_size * NORMS[self.norm].direction(gradient)
        moved = ops.clip(moved, self.clip_min, self.clip_max)
        return self.confined(images, moved, epsilon), *velocity, *noted

    def gradient(
        self, predict: Predict, labels: Tensor, adversarial: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Gradient of what the attack increases, and its faults.

        Args:
            predict: function from images to logits, in inference mode.
            labels: int ``(batch,)`` or dense ``(batch, classes)``.
            adversarial: float32 tensor ``(batch, height, width, channels)``.

        Returns:
            ``(gradient, loss, zero, nonfinite)``, the gradient of each sample's own loss, the loss
            ``(batch,)`` and two bool ``(batch,)``, see ``faults``.
        """
        sign = -1.0 if self.targeted else 1.0

        def increased(logits: Tensor) -> Tensor:
            return sign * losses.sample_losses(logits, labels, self.loss)

        gradient, loss, logits = loss_and_gradient(predict, increased, adversarial)
        return gradient, loss, *faults(gradient, logits, labels, self.loss)


def loss_and_gradient(
    predict: Predict, increased: Callable[[Any], Any], adversarial: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient of each sample's own loss with respect to its pixels.

    Args:
        predict: function from images to logits, in inference mode.
        increased: function from logits to the losses ``(batch,)``.
        adversarial: float32 tensor ``(batch, height, width, channels)``.

    Returns:
        ``(gradient, losses, logits)``.

    Example:
        >>> found = loss_and_gradient(lambda x: x[:, 0, 0], lambda z: z[:, 0], np.ones((2, 1, 1, 3)))
        >>> [ops.convert_to_numpy(each).shape for each in found]
        [(2, 1, 1, 3), (2,), (2, 3)]
    """  # noqa: E501

    def total(x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        logits = predict(x)
        each = increased(logits)
        return ops.sum(each), (each, logits)

    (_, aux), gradient = gradients.value_and_gradient(total, adversarial, has_aux=True)
    return gradient, *aux


def faults(gradient: Tensor, logits: Tensor, labels: Tensor, loss: Loss) -> tuple[Tensor, Tensor]:
    """Whether the gradient of each sample is zero everywhere, or not finite.

    Args:
        gradient: tensor ``(batch, height, width, channels)``.
        logits: tensor ``(batch, classes)``; in compiled code, a NaN among them may not reach the
            gradient.
        labels: int ``(batch,)`` or dense ``(batch, classes)``.
        loss: str. A cross-entropy counts as zero where it underflows, since compiled code may
            leave rounding errors as its gradient there.

    Returns:
        Two bool tensors ``(batch,)``.

    Example:
        >>> gradient, logits = np.zeros((1, 1, 1, 1)), np.array([[1.0, np.nan]])
        >>> [bool(each[0]) for each in faults(gradient, logits, np.array([0]), "margin")]
        [True, True]
    """
    zero = ops.all(gradient == 0, axis=(1, 2, 3))
    if loss == "cross_entropy":
        margins = losses.sample_losses(logits, labels, "margin")
        zero = ops.logical_or(zero, margins < LOG_TINY)
    nonfinite = ops.logical_not(ops.all(ops.isfinite(gradient), axis=(1, 2, 3)))
    return zero, ops.logical_or(nonfinite, ops.any(ops.isnan(logits), axis=-1))


@dataclasses.dataclass(frozen=True)
class FirstGradient:
    """Loss and faults of the gradients where an attack starts, for ``gradients.compiled``.

    Args:
        iteration: Iteration.

    Example:
        >>> from hfc_keras.attacks import Pgd
        >>> FirstGradient(Iteration.of(Pgd(0.1))) == FirstGradient(Iteration.of(Pgd(0.2)))
        True
    """

    iteration: Iteration

    def __call__(self, predict: Predict, images: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
        """Return loss, zero and nonfinite, see ``Iteration.gradient``."""
        return self.iteration.gradient(predict, labels, images)[1:]
