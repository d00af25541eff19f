"""A small network to try things on."""

import keras

from hfc_keras.models.parts import Parts


def small_cnn(parts: Parts, x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """Return the logits of three 3 x 3 convolutions.

    32, 64 and 128 filters, each convolution followed by a 2 x 2 maximum pooling; then the mean
    over the pixels.

    Args:
        parts: Parts, which adds the layers.
        x: tensor ``(batch, height, width, channels)``.
        classes: int, number of logits.

    Returns:
        tensor ``(batch, classes)``.

    Example:
        >>> from hfc_keras import models
        >>> models.build("small_cnn", (8, 8, 1), 10).count_params()
        93962
    """
    for filters in (32, 64, 128):
        x = parts.max_pool(parts.conv_relu(x, filters, 3, bias=True))
    return parts.head(parts.global_average(x), classes)
