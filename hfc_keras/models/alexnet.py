"""AlexNet for small images."""

import keras

from hfc_keras.models.parts import Parts


def alexnet(parts: Parts, x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """Return the logits of AlexNet's five convolutions, sized for small images.

    64 filters of 11 x 11 with stride 4, 192 of 5 x 5, and 384, 256 and 256 of 3 x 3; a 2 x 2
    maximum pooling behind the first, the second and the last. The mean over the pixels (one
    pixel at 32 x 32) goes to the last layer; there are no hidden layers.

    Args:
        parts: Parts, which adds the layers.
        x: tensor ``(batch, height, width, channels)``.
        classes: int, number of logits.

    Returns:
        tensor ``(batch, classes)``.

    Reference:
        Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014,
        arXiv:1404.5997.

    Example:
        >>> from hfc_keras import models
        >>> models.build("alexnet", (32, 32, 3), 10).count_params()
        2472266
    """
    x = parts.max_pool(parts.conv_relu(x, 64, 11, strides=4, bias=True))
    x = parts.max_pool(parts.conv_relu(x, 192, 5, bias=True))
    for filters in (384, 256, 256):
        x = parts.conv_relu(x, filters, 3, bias=True)
    return parts.head(parts.global_average(parts.max_pool(x)), classes)
