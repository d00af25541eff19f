"""The residual networks for ImageNet, with a first layer for small images too."""

from collections.abc import Sequence
from typing import Any

import keras

from hfc_keras import checks
from hfc_keras.models.downsampling import Downsampling
from hfc_keras.models.parts import LARGE, Parts, smaller_side


def resnet(
    parts: Parts,
    x: keras.KerasTensor,
    classes: int,
    stages: Sequence[int],
    bottleneck: bool = False,
    stem: str | None = None,
    levels: Sequence[int] = (1, 1, 1, 1),
    end_stage_norm: bool = False,
    **antialiasing: Any,
) -> keras.KerasTensor:
    """Return the logits of a residual network of four stages.

    Post-activation blocks in stages of 64, 128, 256 and 512 filters; the first block of every
    stage but the first halves the image. A block is two 3 x 3 convolutions, or as a bottleneck
    1 x 1, 3 x 3 and 1 x 1 with four times the filters at its end, the stride on the 3 x 3. Where
    a block changes the shape, its shortcut is a 1 x 1 convolution.

    With more than one level the 3 x 3 convolutions of a stage's bottlenecks are
    ``layers.ContextualConv2D``: a CoResNet has the levels (4, 3, 2, 1) and, as a change of its
    own, ``end_stage_norm``. The numbers of weights and the initial weights stay what they are.
    With strides a contextual convolution pads all four sides alike, a plain one, as Keras does
    with images of even size, the right and lower side alone. For a CPU: coresnet14 and 26 at
    width 1/8 take 7 and 12 million multiply-adds at 32 x 32 pixels, as ResNet-8 takes 12, but
    two to four and four to five times its time.

    Args:
        parts: Parts, which adds the layers.
        x: tensor ``(batch, height, width, channels)``.
        classes: int, number of logits.
        stages: tuple of int, blocks in each stage.
        bottleneck: bool, whether blocks are bottlenecks.
        stem: str or None, "imagenet" for a 7 x 7 convolution and a pooling, both with
            stride 2, "cifar" for a 3 x 3 convolution; None is "imagenet" from 96 pixels on the
            smaller side.
        levels: sequence of 4 ints from 1 to 5, dilations in the bottlenecks of each stage.
        end_stage_norm: bool, whether the last block of every stage normalizes behind the
            addition instead of before it. Without normalization it changes nothing.
        **antialiasing: antialias, blur_size and order, see ``Downsampling``.

    Returns:
        tensor ``(batch, classes)``.

    Raises:
        ValueError: if ``stem`` or ``levels`` are none of these, or filters at this ``width``
            cannot be split among the levels.

    Reference:
        He et al., Deep residual learning for image recognition, CVPR 2016, table 1;
        Duta et al., Contextual Convolutional Neural Networks, ICCV workshops 2021. The released
        code of the latter cannot build the plain network it is compared with, and changes the
        normalization along with the convolutions; here each is built without the other.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("resnet18", (32, 32, 3), 10, normalization="none")
        >>> model.count_params()
        11164362
    """
    if stem is None:
        stem = "imagenet" if smaller_side(x) >= LARGE else "cifar"
    down = Downsampling(parts, **antialiasing)
    x = _stem(parts, down, x, checks.choice("stem", stem, ("imagenet", "cifar")))
    for stage, (blocks, depth) in enumerate(zip(stages, _levels(levels), strict=True)):
        for block in range(blocks):
            strides = 2 if stage > 0 and block == 0 else 1
            late_norm = end_stage_norm and block == blocks - 1
            x = _block(parts, down, x, 64 * 2**stage, strides, bottleneck, depth, late_norm)
    return parts.head(parts.global_average(x), classes)


def _stem(parts: Parts, down: Downsampling, x: keras.KerasTensor, stem: str) -> keras.KerasTensor:
    if stem == "cifar":
        return parts.conv_relu(x, 64, 3)
    return down.max_pool(parts.conv_relu(x, 64, 7, strides=2), size=3, padding="same")


def _levels(levels: Sequence[int]) -> list[int]:
    whole = isinstance(levels, (list, tuple)) and len(levels) == 4
    checks.require(whole, "`levels` must be one int for each of four stages", levels=levels)
    return [checks.number("levels", each, minimum=1, maximum=5, whole=True) for each in levels]


def _block(
    parts: Parts,
    down: Downsampling,
    x: keras.KerasTensor,
    filters: int,
    strides: int,
    bottleneck: bool,
    levels: int,
    late_norm: bool,
) -> keras.KerasTensor:
    if bottleneck:
        y = parts.conv_relu(x, filters, 1)
        y = down.conv_relu(y, filters, 3, strides=strides, levels=levels)
        y = parts.conv(y, 4 * filters, 1)
    else:
        y = down.conv_relu(x, filters, 3, strides=strides)
        y = parts.conv(y, filters, 3)
    y = y if late_norm else parts.norm(y)
    if x.shape != y.shape:
        x = parts.norm(down.shortcut(x, 4 * filters if bottleneck else filters, strides))
    total = parts.add(x, y)
    return parts.relu(parts.norm(total) if late_norm else total)
