"""The residual networks for CIFAR-10 as they were published, by the names that PyTorch uses."""

from collections.abc import Sequence
from typing import Any

import keras

from hfc_keras import checks

# Of the images of ImageNet, with which public networks for CIFAR-10 are trained as well.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def torch_resnet(
    blocks: int,
    classes: int = 10,
    side: int = 32,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
) -> keras.Model:
    r"""Residual network of 6 ``blocks`` + 2 layers for small images, as in the paper of 2016.

    .. math:: y = \max(0,\ x' + B_2 C_2 \max(0, B_1 C_1 x))

    with convolutions :math:`C` of 3 x 3 and batch normalizations :math:`B` of epsilon 1e-5, in
    three stages of 16, 32 and 64 filters. The first block of the second and third stage halves the
    image; its shortcut :math:`x'` is every second row and column, with channels of zeros, as many
    on both sides (option A). It differs from ``models.build("resnet20", ...)``, which is that of
    the code released with Wang et al.: there batch normalization and ReLU go before the
    convolutions, and shortcuts are averages. Layers are called as the modules of PyTorch
    (``layer1.0.conv1``), and zeros are put around an image on all sides, as PyTorch does; see
    ``models.set_state_dict``.

    Args:
        blocks: int from 1, blocks in each stage: 3 in ResNet-20, 9 in ResNet-56.
        classes: int from 2, number of logits.
        side: int from 8, height and width of the images in pixels.
        mean: three floats, taken off the pixels in [0, 1].
        std: three floats above 0, by which they are divided.

    Returns:
        keras.Model from RGB images ``(batch, side, side, 3)`` in [0, 1] to logits
        ``(batch, classes)``.

    Raises:
        ValueError: for numbers out of range.

    Reference:
        He et al., Deep residual learning for image recognition, CVPR 2016, section 4.2.

    Example:
        >>> torch_resnet(3).count_params()
        271098
    """
    blocks = checks.number("blocks", blocks, minimum=1, whole=True)
    classes = checks.number("classes", classes, minimum=2, whole=True)
    side = checks.number("side", side, minimum=8, whole=True)
    for name, values in (("mean", mean), ("std", std)):
        checks.require(len(values) == 3, f"`{name}` must be three numbers", **{name: values})
    checks.require(min(std) > 0, "`std` must be above 0", std=std)
    images = keras.Input((side, side, 3), name="images")
    scales: Any = [1 / s for s in std]
    offsets: Any = [-m / s for m, s in zip(mean, std, strict=True)]
    x = keras.layers.Rescaling(scales, offsets, dtype="float32", name="standardize")(images)
    x = keras.layers.ReLU(name="relu1")(_convolved(x, 16, 1, "conv1", "bn1"))
    for stage, filters in enumerate((16, 32, 64), start=1):
        for block in range(blocks):
            strides = 2 if stage > 1 and block == 0 else 1
            x = _block(x, filters, strides, f"layer{stage}.{block}")
    x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    logits = keras.layers.Dense(classes, dtype="float32", name="linear")(x)
    return keras.Model(images, logits, name=f"torch_resnet{6 * blocks + 2}")


def _convolved(x: Any, filters: int, strides: int, convolution: str, normalization: str) -> Any:
    """Batch normalization of a convolution with zeros on all sides."""
    x = keras.layers.ZeroPadding2D(1, name=f"{convolution}.padding")(x)
    convolve = keras.layers.Conv2D(filters, 3, strides, use_bias=False, name=convolution)
    return keras.layers.BatchNormalization(epsilon=1e-5, name=normalization)(convolve(x))


def _block(x: Any, filters: int, strides: int, name: str) -> Any:
    """Two convolutions, added to what came in."""
    y = _convolved(x, filters, strides, f"{name}.conv1", f"{name}.bn1")
    y = keras.layers.ReLU(name=f"{name}.relu1")(y)
    y = _convolved(y, filters, 1, f"{name}.conv2", f"{name}.bn2")
    if strides > 1:
        missing = filters - x.shape[-1]
        # The maximum of one pixel in every four.
        x = keras.layers.MaxPooling2D(1, strides, name=f"{name}.every_second")(x)
        # Read as channels first, the last axis is one that this layer pads.
        x = keras.layers.ZeroPadding2D(
            ((0, 0), (missing // 2, missing - missing // 2)),
            data_format="channels_first",
            name=f"{name}.zeros",
        )(x)
    total = keras.layers.Add(name=f"{name}.add")([x, y])
    return keras.layers.ReLU(name=f"{name}.relu2")(total)
