"""Gradients with respect to images."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from hfc_keras import checks, contract, losses, tensors
from hfc_keras.gradients.backends import chosen
from hfc_keras.gradients.compiling import compiled
from hfc_keras.types import ArrayLike, Loss, Predict, Tensor


def value_and_gradient(
    function: Callable[[Any], Any], images: ArrayLike, has_aux: bool = False
) -> tuple[Any, Tensor]:
    r"""Value of a scalar function of images and its gradient, itself differentiable again.

    .. math:: (f(x),\ \nabla_x f(x))

    A model in training mode must be called inside ``function`` through
    ``model.stateless_call(trainable, non_trainable, images, training=True)``; its new
    non-trainable values then go out as auxiliary output and are assigned by the caller:

    .. code-block:: python

        def loss(x):
            logits, updated = model.stateless_call(
                model.trainable_variables, model.non_trainable_variables, x, training=True
            )
            return ops.mean(losses.sample_losses(logits, labels)), updated

        (value, updated), gradient = value_and_gradient(loss, images, has_aux=True)
        for variable, new in zip(model.non_trainable_variables, updated, strict=True):
            variable.assign(new)

    A plain call would leak values of JAX's tracing out of the function.

    With PyTorch, what comes back has a graph only where gradients are recorded and something else
    than the images, such as a weight, can be differentiated by.

    Args:
        function: function of one tensor that returns a scalar tensor, or with ``has_aux`` a
            pair of it and anything else.
        images: tensor or array of any shape, usually ``(batch, height, width, channels)``, any
            finite numbers; integers are taken as float32.
        has_aux: bool, whether ``function`` returns a pair.

    Returns:
        ``(value, gradient)`` or ``((value, auxiliary), gradient)``; the gradient has the shape
        and dtype of ``images`` and is zero where the value does not depend on them.

    Raises:
        ValueError: if the value is no scalar, or for another backend.

    Example:
        >>> import numpy as np
        >>> value, gradient = value_and_gradient(lambda x: ops.sum(x**2), np.ones((1, 2)))
        >>> float(value), np.asarray(gradient).tolist()
        (2.0, [[2.0, 2.0]])
    """
    images = ops.convert_to_tensor(images)
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(images.dtype)):
        images = ops.cast(images, "float32")

    def with_aux(x: Tensor) -> tuple[Tensor, Any]:
        value, aux = function(x) if has_aux else (function(x), None)
        value = ops.convert_to_tensor(value)
        checks.require(
            len(value.shape) == 0,
            "`function` must return a scalar, such as a sum over the images",
            shape=tuple(value.shape),
        )
        return value, aux

    value, aux, gradient = chosen().differentiate(with_aux, images)
    return ((value, aux) if has_aux else value), gradient


def input_gradient(
    model: keras.Model, images: ArrayLike, labels: ArrayLike, loss: Loss = "cross_entropy"
) -> Tensor:
    r"""Gradient of each sample's own loss with respect to its pixels.

    .. math:: g_i = \nabla_{x_i} \ell(f(x_i), y_i)

    Taken in inference mode, so that a sample's gradient does not depend on its batch, and in
    one batch: for many images call it in a loop. No weight of the model changes.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        images: ``(batch, height, width, channels)``, any finite numbers, taken as float32.
        labels: int ``(batch,)`` or one-hot ``(batch, classes)``.
        loss: ``"cross_entropy"``, ``"margin"`` or ``"dlr"``, see ``losses.sample_losses``.

    Returns:
        float32 tensor of the shape of ``images``.

    Raises:
        ValueError: for another loss, a model that does not keep the ``contract``, images that do
            not fit it, labels that do not fit the images or the classes.

    Reference:
        Goodfellow et al., Explaining and Harnessing Adversarial Examples, ICLR 2015.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> input_gradient(model, test.images[:4], test.labels[:4]).shape == (4, 8, 8, 1)
        True
    """
    checks.choice("loss", loss, losses.LOSSES)
    images = ops.cast(tensors.real(images, "images"), "float32")
    checks.image_shape(images)
    found = contract.classifier(model, images)
    labels = checks.class_indices(labels, images.shape[0], found.classes).astype("int32")
    (gradient,) = compiled(model, SampleGradient(loss))(images, labels)
    return gradient


@dataclasses.dataclass(frozen=True)
class SampleGradient:
    """Gradient of each sample's own loss, for ``compiled``.

    Args:
        loss: str, one of ``losses.LOSSES``.

    Example:
        >>> SampleGradient("margin") == SampleGradient("margin")
        True
    """

    loss: Loss

    def __call__(self, predict: Predict, images: Tensor, labels: Tensor) -> tuple[Tensor]:
        """Return a tuple of the gradient."""

        def total(x: Tensor) -> Tensor:
            return ops.sum(losses.sample_losses(predict(x), labels, self.loss))

        return (value_and_gradient(total, images)[1],)
