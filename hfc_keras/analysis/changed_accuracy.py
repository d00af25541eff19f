"""Accuracy of a model on images that are changed on their way to it."""

import keras

from hfc_keras import checks
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import accuracy, checked
from hfc_keras.types import ArrayLike, Change


def changed_accuracy(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    change: Change | None = None,
    batch_size: int = 256,
) -> float:
    r"""Share of images that a model classifies right after a change.

    .. math:: \frac1n \sum_i [\arg\max f(c(x_i)) = y_i]

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; run in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``; None where the images
            bring theirs.
        change: function ``change(images, start=row)`` of a batch and the row of its first image
            that returns as many images, or None for the images as they are.
        batch_size: int, images at once.

    Returns:
        float in [0, 1].

    Raises:
        ValueError: for pixels outside [0, 1], images that do not fit the model, labels that do not
            fit the images or the classes, a model that returns probabilities or logits
            that are not finite.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> inverted = lambda images, start: 1 - images
        >>> 0 <= changed_accuracy(model, test.images, test.labels, inverted) <= 1
        True
    """
    images, labels = checked(model, images, labels, batch_size)
    good = change is None or callable(change)
    checks.require(good, "`change` must be a function of images, or None", change=change)
    return accuracy(model, images, labels, change, batch_size)
