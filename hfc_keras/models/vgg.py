"""The VGG networks."""

from collections.abc import Sequence
from typing import Any

import keras

from hfc_keras.models.downsampling import Downsampling
from hfc_keras.models.parts import LARGE, Parts, smaller_side


def vgg(
    parts: Parts, x: keras.KerasTensor, classes: int, stages: Sequence[int], **antialiasing: Any
) -> keras.KerasTensor:
    """Return the logits of a stack of 3 x 3 convolutions.

    Five stages of 64, 128, 256, 512 and 512 filters, each followed by a 2 x 2 maximum pooling.
    From 96 pixels on the smaller side all pixels go through two hidden layers of 4,096 units;
    below, the mean over the pixels goes to the last layer.

    Args:
        parts: Parts, which adds the layers.
        x: tensor ``(batch, height, width, channels)``.
        classes: int, number of logits.
        stages: tuple of int, convolutions in each of the five stages.
        **antialiasing: antialias, blur_size and order, see ``Downsampling``.

    Returns:
        tensor ``(batch, classes)``.

    Reference:
        Simonyan and Zisserman, Very deep convolutional networks for large-scale image
        recognition, ICLR 2015, table 1, columns A and D.

    Example:
        >>> from hfc_keras import models
        >>> models.build("vgg11", (32, 32, 3), 10).count_params()
        9225610
    """
    down = Downsampling(parts, **antialiasing)
    large = smaller_side(x) >= LARGE
    for filters, depth in zip((64, 128, 256, 512, 512), stages, strict=True):
        for _ in range(depth):
            x = parts.conv_relu(x, filters, 3, bias=True)
        x = down.max_pool(x)
    if large:
        return parts.head(parts.flatten(x), classes, hidden=(4096, 4096))
    return parts.head(parts.global_average(x), classes)
