"""One iteration of the attack loop."""

import dataclasses
from collections.abc import Callable
from typing import Any, Self, cast

from keras import ops

from hfc_keras import gradients, losses, spectrum
from hfc_keras.attacks.attack_settings import Attack
from hfc_keras.attacks.norms import NORMS
from hfc_keras.types import ArrayLike, Engine, Loss, Mask, Norm, Predict, Tensor

# Logarithm of the smallest normal float32: a margin below it leaves cross-entropy nothing.
LOG_TINY = -87.3


@dataclasses.dataclass(frozen=True)
class Iteration:
    r"""A step of the engine, then back to the frequencies, the ball and the range of pixels.

    .. math:: x_{t+1} = \Pi_{[0, 1]}(x + \Pi_\epsilon(B(x_t + \alpha\, d(g) - x)))

    Equal iterations are compiled once for a model (``gradients.compiled``), whatever epsilon
    and step size, which are tensors.

    Args:
        norm: str, one of ``norms.NORMS``.
        loss: str, one of ``losses.LOSSES``.
        engine: ``"native"`` or ``"cleverhans"``.
        targeted: bool.
        momentum: float.
        mask: None or tuple, see ``Pgd``.
        clip_min: float.
        clip_max: float.

    Example:
        >>> from hfc_keras.attacks import Pgd
        >>> Iteration.of(Pgd(0.1)) == Iteration.of(Pgd(0.2, steps=7))
        True
    """

    norm: Norm
    loss: Loss
    engine: Engine
    targeted: bool
    momentum: float
    mask: Mask | None
    clip_min: float
    clip_max: float

    @classmethod
    def of(cls, attack: Attack) -> Self:
        """Return the iteration of an attack.

        Args:
            attack: Fgsm or Pgd.
        """
        return cls(**{field.name: getattr(attack, field.name) for field in dataclasses.fields(cls)})

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
        gradient, *faults = self.gradient(predict, labels, adversarial)
        gradient = ops.where(ops.isfinite(gradient), gradient, 0.0)
        if velocity:
            total = ops.sum(ops.abs(gradient), axis=(1, 2, 3), keepdims=True)
            gradient = self.momentum * velocity[0] + gradient / ops.maximum(total, 1e-12)
            velocity = (gradient,)
        moved = adversarial + step_size * NORMS[self.norm].direction(gradient)
        moved = ops.clip(moved, self.clip_min, self.clip_max)
        return self.confined(images, moved, epsilon), *velocity, *faults

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
            ``(batch,)`` and two bool ``(batch,)``. A cross-entropy counts as zero where it
            underflows, since compiled code may leave rounding errors as its gradient there.
        """
        sign = -1.0 if self.targeted else 1.0

        def total(x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            logits = predict(x)
            increased = sign * losses.sample_losses(logits, labels, self.loss)
            return ops.sum(increased), (increased, logits)

        (_, aux), gradient = gradients.value_and_gradient(total, adversarial, has_aux=True)
        increased, logits = aux
        zero = ops.all(gradient == 0, axis=(1, 2, 3))
        if self.loss == "cross_entropy":
            margins = losses.sample_losses(logits, labels, "margin")
            zero = ops.logical_or(zero, margins < LOG_TINY)
        nonfinite = ops.logical_not(ops.all(ops.isfinite(gradient), axis=(1, 2, 3)))
        # In compiled code, a NaN among the logits may not reach the gradient.
        nonfinite = ops.logical_or(nonfinite, ops.any(ops.isnan(logits), axis=-1))
        return gradient, increased, zero, nonfinite

    def confined(
        self,
        images: ArrayLike,
        moved: Any,
        epsilon: Any,
        project: Callable[[Any, Tensor, Any], Tensor] | None = None,
    ) -> Tensor:
        """Images within the mask, the ball and the range of pixels.

        Args:
            images: tensor, the center of the ball.
            moved: tensor like ``images``.
            epsilon: scalar.
            project: function of (iteration, perturbation, epsilon), or None for our own.

        Returns:
            Tensor like ``images``.
        """
        images = ops.convert_to_tensor(images)
        perturbation = ops.convert_to_tensor(moved) - images
        if self.mask is not None:
            # Scaled, not clipped, into the ball: clipping would add other frequencies.
            perturbation = self.masked(perturbation)
            size = NORMS[self.norm].size(perturbation)[:, None, None, None]
            perturbation = perturbation * ops.minimum(1.0, epsilon / ops.maximum(size, 1e-12))
        project = project or (lambda parts, *rest: NORMS[parts.norm].project(*rest))
        perturbation = project(self, perturbation, epsilon)
        return ops.clip(images + perturbation, self.clip_min, self.clip_max)

    def masked(self, perturbation: Tensor) -> Tensor:
        """Frequencies of a perturbation that the mask keeps."""
        kind, *radii = cast(Mask, self.mask)
        if kind == "band":
            return spectrum.band(perturbation, *radii)
        low, high = spectrum.split(perturbation, *radii)
        return low if kind == "low" else high


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
