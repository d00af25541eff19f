"""The residual networks for ImageNet, with a first layer for small images too."""

from hfc_keras import checks
from hfc_keras.models.parts import LARGE, smaller_side


def resnet(parts, x, classes, stages, bottleneck=False, stem=None):
    """Return the logits of a residual network of four stages.

    Post-activation blocks in stages of 64, 128, 256 and 512 filters; the first block of every
    stage but the first halves the image. A block is two 3 x 3 convolutions, or as a bottleneck
    1 x 1, 3 x 3 and 1 x 1 with four times the filters at its end, the stride on the 3 x 3. Where
    a block changes the shape, its shortcut is a 1 x 1 convolution.

    Args:
        parts: Parts, which adds the layers.
        x: tensor ``(batch, height, width, channels)``.
        classes: int, number of logits.
        stages: tuple of int, blocks in each stage.
        bottleneck: bool, whether blocks are bottlenecks.
        stem: str or None, "imagenet" for a 7 x 7 convolution and a pooling, both with
            stride 2, "cifar" for a 3 x 3 convolution; None is "imagenet" from 96 pixels on the
            smaller side.

    Returns:
        tensor ``(batch, classes)``.

    Raises:
        ValueError: if ``stem`` is none of these.

    Reference:
        He et al., Deep residual learning for image recognition, CVPR 2016, table 1.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("resnet18", (32, 32, 3), 10, normalization="none")
        >>> model.count_params()
        11164362
    """
    if stem is None:
        stem = "imagenet" if smaller_side(x) >= LARGE else "cifar"
    x = _stem(parts, x, checks.choice("stem", stem, ("imagenet", "cifar")))
    for stage, blocks in enumerate(stages):
        for block in range(blocks):
            strides = 2 if stage > 0 and block == 0 else 1
            x = _block(parts, x, 64 * 2**stage, strides, bottleneck)
    return parts.head(parts.global_average(x), classes)


def _stem(parts, x, stem):
    if stem == "cifar":
        return parts.conv_relu(x, 64, 3)
    return parts.max_pool(parts.conv_relu(x, 64, 7, strides=2), size=3, padding="same")


def _block(parts, x, filters, strides, bottleneck):
    if bottleneck:
        y = parts.conv_relu(x, filters, 1)
        y = parts.conv_relu(y, filters, 3, strides=strides)
        y = parts.norm(parts.conv(y, 4 * filters, 1))
    else:
        y = parts.conv_relu(x, filters, 3, strides=strides)
        y = parts.norm(parts.conv(y, filters, 3))
    if x.shape != y.shape:
        x = parts.norm(parts.conv(x, 4 * filters if bottleneck else filters, 1, strides))
    return parts.relu(parts.add(x, y))
