"""In which precision an attack searches."""

import functools
import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

from hfc_keras import gradients, losses
from hfc_keras.attacks.frozen import FULL, HALF, frozen
from hfc_keras.attacks.iteration import loss_and_gradient
from hfc_keras.error_texts import reason
from hfc_keras.gradients import half_precision
from hfc_keras.types import Floats, Precision, Predict, Tensor

# Images on which the copy must predict as the model does, and the share of them.
COMPARED, AGREEMENT = 64, 0.9
# Share of them whose gradients must point the same way, and the cosine from which they do. Where
# units are saturated, the slope is lost in eight bits.
ALIKE, COSINE = 0.98, 0.5
# Share of the range of the logits by which the margin of as many may differ: of what is nearer to
# failing, an attack searches again.
LEEWAY = 0.02


def precision_of(
    model: keras.Model, asked: Precision, images: Floats, batch_size: int = COMPARED
) -> Precision:
    """Precision in which an attack computes its gradients.

    Args:
        model: keras.Model that returns logits.
        asked: ``"float32"``, ``"bfloat16"`` or ``"auto"``.
        images: float32 array ``(batch, height, width, channels)``.
        batch_size: int, images at once.

    Returns:
        ``"bfloat16"`` if a copy in it leads; ``"float32"`` if the model itself does, in whatever
        precision it has. With ``"auto"`` the copy leads if this machine computes in bfloat16, no
        layer has float16 or float64, the copy predicts the same class for nine of ten images, and
        of 98 of 100 the margins differ by at most 2 % of the range of the logits, and the gradients
        point the same way.

    Raises:
        ValueError: for ``"bfloat16"`` and a model that cannot be copied, or does not take it.

    Warns:
        UserWarning: for ``"bfloat16"`` where it answers otherwise, and once in a process where it
            is no faster.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> precision_of(model, "float32", np.zeros((1, 8, 8, 1), "float32"))
        'float32'
    """
    if asked == FULL:
        return FULL
    pays = half_precision.pays()
    if asked == "auto" and not (pays and own_precision(model) in (FULL, HALF)):
        return FULL
    try:
        alike = _is_alike(model, images[:COMPARED], batch_size)
    # Weights that Keras does not see, or a layer that takes float32 alone, whose error may be of
    # any kind: the attack goes on in the precision of the model.
    except Exception as error:
        if asked == "auto":
            return FULL
        raise ValueError(
            "`precision` must be 'auto' or 'float32' for a model that does not compute in bfloat16 "
            f"({reason(error)}). Received: precision='bfloat16'"
        ) from error
    if asked == HALF:
        _tell(pays, alike)
    return HALF if alike or asked == HALF else FULL


def _is_alike(model: keras.Model, images: Floats, batch_size: int) -> bool:
    """Whether the copy answers as the model does, nearly enough to lead an attack."""
    labels = gradients.predicted(model, images, batch_size).argmax(axis=-1).astype("int32")
    logits, gradient = _answers(model, images, labels, batch_size)
    others, other_gradient = _answers(frozen(model), images, labels, batch_size)
    same = np.mean(others.argmax(axis=-1) == labels) >= AGREEMENT
    margins = [losses.sample_losses(each, labels, "margin") for each in (logits, others)]
    apart = abs(np.subtract(*map(ops.convert_to_numpy, margins)))
    near = np.mean(apart <= LEEWAY * np.ptp(logits, axis=-1)) >= ALIKE
    alike = np.mean(_cosines(gradient, other_gradient) >= COSINE) >= ALIKE
    return bool(same and near and alike)


def own_precision(model: keras.Model) -> str:
    """Precision that a network computes in.

    Args:
        model: keras.Model.

    Returns:
        ``"float32"``, or the other one if layers with weights have another.

    Example:
        >>> own_precision(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
        'float32'
    """
    used = {layer.compute_dtype for layer in model._flatten_layers() if layer.weights}
    return min(used - {FULL}, default=FULL)


def _answers(model: keras.Model, images: Floats, labels: Any, batch_size: int) -> list[Any]:
    """Logits of a model, and the gradient of the margin of each image."""
    answer = gradients.compiled(model, _logits_and_gradient)
    starts = range(0, len(images), batch_size)
    batches = [slice(start, start + batch_size) for start in starts]
    parts = [map(ops.convert_to_numpy, answer(images[each], labels[each])) for each in batches]
    return [np.concatenate(each) for each in zip(*parts, strict=True)]


def _logits_and_gradient(predict: Predict, images: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
    """For ``gradients.compiled``."""
    margins = functools.partial(losses.sample_losses, labels=labels, loss="margin")
    gradient, _, logits = loss_and_gradient(predict, margins, images)
    return ops.cast(logits, FULL), gradient


def _cosines(some: Floats, others: Floats) -> Floats:
    """Cosine of the angle between the gradients of each image, 1 where both are zero."""
    flat = [each.reshape(len(each), -1).astype("float64") for each in (some, others)]
    norms = [np.linalg.norm(each, axis=1) for each in flat]
    products = (flat[0] * flat[1]).sum(axis=1)
    size = norms[0] * norms[1]
    neither = (norms[0] == 0) & (norms[1] == 0)
    return np.where(neither, 1.0, products / np.where(size > 0, size, 1.0))


def _tell(pays: bool, alike: bool) -> None:
    """Warn of half precision that was asked for and is slow or coarse."""
    if not pays:
        _tell_once()
    if not alike:
        warnings.warn(
            "In bfloat16 this model answers otherwise, by more than an attack can make good: "
            "robustness may be overstated. Set precision='auto'. Received: precision='bfloat16'",
            stacklevel=6,
        )


@functools.cache
def _tell_once() -> None:
    warnings.warn(
        "bfloat16 is no faster than float32 here: there is no accelerator, and the processor does "
        "not compute in it, or the backend does not use that. Set precision='auto'. Received: "
        "precision='bfloat16'",
        stacklevel=6,
    )
