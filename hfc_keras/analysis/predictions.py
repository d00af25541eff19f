"""What a model answers, batch by batch, after the checks that every measure makes."""

import numpy as np

from hfc_keras import checks, gradients


def predicted_logits(model, images, change=None, batch_size=256):
    """Logits of a model for images, or for a change of them.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; run in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        change: function ``change(images, start=row)`` of a batch and the row of its first image
            that returns as many images, or None for the images as they are.
        batch_size: int, images at once.

    Returns:
        float32 array ``(examples, classes)``.

    Raises:
        ValueError: for pixels outside [0, 1], no image, images that do not fit the model, a model
            that returns probabilities or NaN.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> predicted_logits(model, test.images[:20], batch_size=8).shape
        (20, 10)
    """
    images = checks.pixels(images)
    checks.model_input(model, images)
    batch_size = checks.number("batch_size", batch_size, minimum=1, whole=True)
    predict = gradients.compiled(model, gradients.outputs)
    answers = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        batch = batch if change is None else change(batch, start=start)
        logits = checks.logits(np.asarray(predict(batch)[0])).astype("float32")
        bad = int(np.isnan(logits).any(axis=1).sum())
        checks.require(not bad, "`model` must return no NaN", **{"images with NaN": bad})
        answers.append(logits)
    return np.concatenate(answers)


def confidence(logits):
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
    logits = np.asarray(logits, "float64")
    largest = logits.max(axis=1, keepdims=True)
    bad = int((~np.isfinite(largest)).sum())
    checks.require(not bad, "`model` must return finite logits", **{"images without": bad})
    return 1 / np.exp(logits - largest).sum(axis=1)
