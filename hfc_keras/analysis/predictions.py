"""What a model answers, batch by batch, after the checks that every measure makes."""

import warnings
from collections.abc import Iterable, Iterator

import keras
import numpy as np

from hfc_keras import checks, contract, gradients
from hfc_keras.analysis.chance import beyond_luck
from hfc_keras.analysis.inputs import Images, given, required_labels
from hfc_keras.arrays import as_array
from hfc_keras.non_finite import NonFiniteLogitsError
from hfc_keras.types import Array, ArrayLike, Change, Floats, Integers

# Images that show whether a model knows its task at all; fewer than the least show nothing.
MOST, LEAST = 256, 20
NEAR_CHANCE = "The model is near chance"
# Ranges of pixels that a model may have been trained on.
RANGES = ((0, 255), (-1, 1))


def checked_images(
    model: keras.Model,
    images: Images,
    batch_size: int = 256,
    name: str = "images",
    stacklevel: int = 3,
) -> Floats:
    """Check what comes into a measure that needs no labels: model and images.

    Args:
        model: keras.Model that keeps the ``contract``.
        images: see ``inputs.given``; floats in [0, 1].
        batch_size: int from 1, images at once.
        name: str, the argument's name of the images.
        stacklevel: int, see ``warnings.warn``, 2 being the caller.

    Returns:
        float32 array ``(examples, height, width, channels)`` in [0, 1].

    Raises:
        ValueError: for images that are no pixels or do not fit the model, a batch size below 1,
            or a model that ``contract.classifier`` refuses.

    Warns:
        UserWarning: if the model was made for pixels in 0-255, or is random in inference.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> checked_images(model, np.zeros((2, 8, 8, 1))).dtype.name
        'float32'
    """
    images = checks.pixels(given(images, name=name)[0], name)
    whole = isinstance(batch_size, (int, np.integer)) and not isinstance(batch_size, bool)
    checks.require(
        whole and batch_size >= 1, "`batch_size` must be an int from 1", batch_size=batch_size
    )
    contract.classifier(model, images, name, stacklevel + 1)
    return images


def checked(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    batch_size: int = 256,
    stacklevel: int = 3,
) -> tuple[Floats, Integers]:
    """Check what comes into a measure: model, images and labels.

    Args:
        model: keras.Model that keeps the ``contract``.
        images: see ``inputs.given``; floats in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, or None, see there.
        batch_size: int from 1, images at once.
        stacklevel: int, see ``warnings.warn``, 2 being the caller.

    Returns:
        ``(images, labels)``: float32 in [0, 1], and int32 ``(examples,)``.

    Raises:
        ValueError: as ``checked_images``; for labels that do not fit, or logits not finite.

    Warns:
        UserWarning: as ``checked_images``; also of a model near chance on the images as they are.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> [each.dtype.name for each in checked(model, test)]
        ['float32', 'int32']
    """
    images, labels = given(images, labels)
    images = checked_images(model, images, batch_size, stacklevel=stacklevel + 1)
    found = contract.form_of(model, images)
    labels = checks.class_indices(required_labels(labels, len(images)), len(images), found.classes)
    if not found.levels:
        _tell_of_chance(model, images, labels, batch_size, stacklevel + 1)
    return images, labels.astype("int32")


def predicted_logits(
    model: keras.Model, images: Array, change: Change | None = None, batch_size: int = 256
) -> Floats:
    """Logits of a model for images that are checked, or for a change of them.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; run in inference mode.
        images: float ``(examples, height, width, channels)``.
        change: function ``change(images, start=row)`` of a batch and the row of its first image
            that returns as many images, or None for the images as they are.
        batch_size: int, images at once.

    Returns:
        float32 array ``(examples, classes)``.

    Raises:
        ValueError: for a batch size below 1, or a model whose logits are not finite.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> predicted_logits(model, test.images[:20], batch_size=8).shape
        (20, 10)
    """
    batch_size = checks.number("batch_size", batch_size, minimum=1, whole=True)

    def batches() -> Iterator[Array]:
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            yield batch if change is None else change(batch, start=start)

    return np.concatenate(list(finite_logits(model, batches())))


def accuracy(
    model: keras.Model,
    images: Array,
    labels: Integers,
    change: Change | None = None,
    batch_size: int = 256,
) -> float:
    """Accuracy, see ``changed_accuracy``, for a model, images and labels that are checked.

    Args:
        model: see ``changed_accuracy``.
        images: float32 array ``(examples, height, width, channels)``.
        labels: int array ``(examples,)``.
        change: see ``changed_accuracy``.
        batch_size: see ``changed_accuracy``.

    Returns:
        float in [0, 1].

    Raises:
        ValueError: for a model whose logits are not finite.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> images = np.zeros((2, 8, 8, 1), "float32")
        >>> answers = predicted_logits(model, images).argmax(axis=1)
        >>> accuracy(model, images, answers)
        1.0
    """
    logits = predicted_logits(model, images, change, batch_size)
    return int((logits.argmax(axis=1) == labels).sum()) / len(images)


def finite_logits(model: keras.Model, batches: Iterable[Array]) -> Iterator[Floats]:
    """Yield the logits of a model for each of some batches, and refuse what is not finite.

    Every measure predicts through this function, or refuses the same in what it compiles.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; run in inference mode.
        batches: iterable of float arrays ``(batch, height, width, channels)``.

    Yields:
        float32 arrays ``(batch, classes)``.

    Raises:
        ValueError: if a logit is NaN or infinite.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> [each.shape for each in finite_logits(model, [np.zeros((2, 8, 8, 1), "float32")])]
        [(2, 10)]
    """
    for logits in gradients.predicted_batches(model, batches):
        logits = logits.astype("float32")
        require_finite(int((~np.isfinite(logits)).any(axis=1).sum()))
        yield logits


def require_finite(images: int) -> None:
    """Refuse a model whose logits are not finite.

    Args:
        images: int, how many images of a batch have a logit that is NaN or infinite.

    Raises:
        NonFiniteLogitsError: unless it is 0, a ValueError.

    Example:
        >>> require_finite(0)
    """
    if images:
        raise NonFiniteLogitsError(
            "`model` must return finite logits, without NaN or infinity (a class is masked by a "
            f"large negative number). Received: images without={images}"
        )


def confidence(logits: ArrayLike) -> Floats:
    r"""Largest softmax probability of each row of logits, in float64.

    .. math:: p_i = \max_k \frac{e^{z_{ik}}}{\sum_j e^{z_{ij}}} =
              \frac1{\sum_j e^{z_{ij} - \max_k z_{ik}}}

    In float64 it reaches 1 where the largest logit leads by 37, in float32 by 17.

    Args:
        logits: float array ``(examples, classes)``.

    Returns:
        float64 array ``(examples,)`` in (0, 1].

    Raises:
        ValueError: if a largest logit is not finite.

    Example:
        >>> confidence(np.log([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])).round(6).tolist()
        [0.5, 0.8]
    """
    logits = as_array(logits).astype("float64")
    largest = logits.max(axis=1, keepdims=True)
    require_finite(int((~np.isfinite(largest)).sum()))
    return 1 / np.exp(logits - largest).sum(axis=1)


def _tell_of_chance(
    model: keras.Model, images: Floats, labels: Integers, batch_size: int, stacklevel: int
) -> None:
    """Warn of a model whose answers to the images as they are could be chance."""
    rows = np.unique(np.linspace(0, len(images) - 1, MOST).round().astype(int))
    few, true = images[rows], labels[rows]
    answers = predicted_logits(model, few, None, batch_size).argmax(axis=1)
    beyond, right, expected = beyond_luck(answers, true)
    if beyond or len(rows) < LEAST or len(set(true.tolist())) == 1:
        return
    hint = _better_range(model, few, true, batch_size)
    warnings.warn(
        f"{NEAR_CHANCE} on the images as they are: {right} of {len(rows)} are right, "
        f"{expected:.0f} are expected by chance; {hint}",
        stacklevel=stacklevel,
    )


def _better_range(model: keras.Model, images: Floats, labels: Integers, batch_size: int) -> str:
    """What to do about a model near chance, in words."""
    for low, high in RANGES:
        moved = (low + (high - low) * images).astype("float32")
        found = gradients.predicted(model, moved, batch_size).argmax(axis=1)
        if beyond_luck(found, labels, deviations=4)[0]:
            return (
                f"with pixels in [{low}, {high}] it is right on {(found == labels).mean():.2f} of "
                f"them: use models.as_classifier(model, pixels={(low, high)})"
            )
    return "are its inputs pixels in [0, 1], and its classes in this order?"
