"""Step and projection of the attack loop as CleverHans 4 takes them.

Only its fast gradient method and its projection are used. Random starts, restarts and masks
are those of the loop, since CleverHans' own cannot be seeded image by image.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
from cleverhans.tf2.utils import clip_eta

from hfc_keras import losses
from hfc_keras.attacks.iteration import Iteration
from hfc_keras.types import Predict, Tensor

ORDERS = {"linf": np.inf, "l2": 2}


def step(
    parts: Iteration, predict: Predict, labels: Tensor, adversarial: Tensor, step_size: Any
) -> Tensor:
    """Return the images after one step, clipped to the range of pixels.

    Args:
        parts: iteration.Iteration, with norm, loss, targeted, clip_min and clip_max.
        predict: function from images to logits.
        labels: int ``(batch,)`` or dense ``(batch, classes)``.
        adversarial: float32 tensor ``(batch, height, width, channels)``.
        step_size: float or scalar tensor.

    Returns:
        Tensor like ``adversarial``.

    Reference:
        Papernot et al., Technical Report on the CleverHans v2.1.0 Adversarial Examples
        Library, 2018.
    """

    # `labels` and `logits` are the names by which CleverHans calls its loss.
    @tf.autograph.experimental.do_not_convert
    def loss(labels: Tensor, logits: Tensor) -> Tensor:
        return losses.sample_losses(logits, labels, parts.loss)

    return fast_gradient_method(
        tf.autograph.experimental.do_not_convert(predict),
        adversarial,
        step_size,
        ORDERS[parts.norm],
        loss_fn=loss,
        clip_min=parts.clip_min,
        clip_max=parts.clip_max,
        y=labels,
        targeted=parts.targeted,
    )


def project(parts: Iteration, perturbation: Tensor, epsilon: Any) -> Tensor:
    """Return the nearest perturbation in the ball.

    Args:
        parts: iteration.Iteration.
        perturbation: float32 tensor ``(batch, height, width, channels)``.
        epsilon: float or scalar tensor.

    Returns:
        Tensor like ``perturbation``.
    """
    return clip_eta(perturbation, ORDERS[parts.norm], epsilon)
