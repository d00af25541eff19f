"""Step and projection of the attack loop as CleverHans 4 takes them.

Only its fast gradient method and its projection are used. Random starts, restarts and masks
are those of the loop, since CleverHans' own cannot be seeded image by image.
"""

import numpy as np
import tensorflow as tf
from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
from cleverhans.tf2.utils import clip_eta

from hfc_keras import losses

ORDERS = {"linf": np.inf, "l2": 2}


def step(parts, predict, labels, adversarial, step_size):
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
    def loss(labels, logits):
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


def project(parts, perturbation, epsilon):
    """Return the nearest perturbation in the ball.

    Args:
        parts: iteration.Iteration.
        perturbation: float32 tensor ``(batch, height, width, channels)``.
        epsilon: float or scalar tensor.

    Returns:
        Tensor like ``perturbation``.
    """
    return clip_eta(perturbation, ORDERS[parts.norm], epsilon)
