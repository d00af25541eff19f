"""The residual networks for small images, of 6n + 2 layers."""

import functools
from typing import Any

import keras

from hfc_keras import checks
from hfc_keras.models.downsampling import Downsampling
from hfc_keras.models.parts import Parts

_unit_scaling = functools.partial(
    keras.initializers.VarianceScaling, scale=1.0, mode="fan_in", distribution="uniform"
)


def cifar_resnet(
    parts: Parts,
    x: keras.KerasTensor,
    classes: int,
    blocks: int,
    first_kernel: int = 3,
    **antialiasing: Any,
) -> keras.KerasTensor:
    """Return the logits of a residual network of 6 ``blocks`` + 2 layers.

    Pre-activation blocks of two 3 x 3 convolutions in three stages of 16, 32 and 64 filters.
    The first block of the second and of the third stage halves the image; its shortcut is a
    2 x 2 average pooling and zero channels, which has no parameters (option A). The last kernel
    is uniform in +-sqrt(3 / inputs).

    Args:
        parts: Parts, which adds the layers.
        x: tensor ``(batch, height, width, channels)``.
        classes: int, number of logits.
        blocks: int, residual blocks in each stage.
        first_kernel: int, odd, side of the first convolution's kernel.
        **antialiasing: antialias, blur_size and order, see ``Downsampling``.

    Returns:
        tensor ``(batch, classes)``.

    Raises:
        ValueError: if ``first_kernel`` is no odd number from 1.

    Reference:
        He et al., Deep residual learning for image recognition, CVPR 2016, section 4.2;
        He et al., Identity mappings in deep residual networks, ECCV 2016. In this form: the
        code released with Wang et al., High-frequency component helps explain the
        generalization of convolutional neural networks, CVPR 2020.

    Example:
        >>> from hfc_keras import models
        >>> models.build("resnet20", (32, 32, 3), 10).count_params()
        268346
    """
    size = checks.number("first_kernel", first_kernel, minimum=1, whole=True)
    checks.require(size % 2, "`first_kernel` must be odd", first_kernel=first_kernel)
    down = Downsampling(parts, **antialiasing)
    x = parts.conv_relu(x, 16, size)
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(blocks):
            strides = 2 if stage > 0 and block == 0 else 1
            x = _block(parts, down, x, filters, strides, activated=stage == block == 0)
    x = parts.global_average(parts.norm_relu(x))
    return parts.head(x, classes, initializer=_unit_scaling)


def _block(
    parts: Parts,
    down: Downsampling,
    x: keras.KerasTensor,
    filters: int,
    strides: int,
    activated: bool,
) -> keras.KerasTensor:
    y = x if activated else parts.norm_relu(x)
    y = down.conv_relu(y, filters, 3, strides)
    y = parts.conv(y, filters, 3)
    shortcut = x if strides == 1 else down.average_pool(x)
    return parts.add(parts.pad_channels(shortcut, y.shape[-1]), y)
