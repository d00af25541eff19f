"""LeNet-5."""

import keras

from hfc_keras.models.parts import Parts, smaller_side


def lenet5(parts: Parts, x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """Return the logits of LeNet-5 with rectifiers and maximum poolings.

    Two 5 x 5 convolutions of 6 and 16 filters, each followed by a 2 x 2 maximum pooling, then
    hidden layers of 120 and 84 units. The first convolution is padded below 32 pixels on the
    smaller side, so that 28 x 28 and 32 x 32 images have equally many features; the second one
    where its kernel would not fit.

    Args:
        parts: Parts, which adds the layers.
        x: tensor ``(batch, height, width, channels)``.
        classes: int, number of logits.

    Returns:
        tensor ``(batch, classes)``.

    Reference:
        LeCun et al., Gradient-based learning applied to document recognition, Proceedings of
        the IEEE 86(11), 1998.

    Example:
        >>> from hfc_keras import models
        >>> models.build("lenet5", (28, 28, 1), 10).count_params()
        61706
    """
    for filters, least in ((6, 32), (16, 5)):
        padding = "same" if smaller_side(x) < least else "valid"
        x = parts.max_pool(parts.conv_relu(x, filters, 5, padding=padding, bias=True))
    return parts.head(parts.flatten(x), classes, hidden=(120, 84))
