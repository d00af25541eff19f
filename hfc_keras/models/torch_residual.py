"""Residual networks layer by layer as PyTorch has them, under the names of its modules."""

import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from hfc_keras import checks
from hfc_keras.models.state_dict import layer_name
from hfc_keras.types import Size

# Layers of a block, and calls of Python's that Keras has open beside those of a graph's layers.
LAYERS, CALLS = 12, 1000


@dataclasses.dataclass(frozen=True)
class Form:
    """What tells residual networks apart, but for their classes.

    Three stages are those for CIFAR-10, of 16, 32 and 64 filters; four are those for ImageNet, of
    64, 128, 256 and 512.

    Args:
        stages: tuple of int, blocks in each stage.
        bottleneck: bool, whether a block is 1 x 1, 3 x 3 and 1 x 1 instead of twice 3 x 3.
        large_stem: bool, whether the first layer is 7 x 7 with a pooling, both with stride 2,
            instead of 3 x 3.
        projection: bool, whether a shortcut to another shape is a 1 x 1 convolution (option B)
            instead of every second pixel and channels of zeros (option A).
    """

    stages: tuple[int, ...]
    bottleneck: bool = False
    large_stem: bool = False
    projection: bool = False

    @property
    def start(self) -> int:
        """Filters of the first stage."""
        return 64 if len(self.stages) == 4 else 16

    @property
    def features(self) -> int:
        """Numbers that the last layer makes its logits of."""
        return self.start * 2 ** (len(self.stages) - 1) * (4 if self.bottleneck else 1)


def residual_network(
    form: Form,
    classes: int,
    size: Size,
    mean: Sequence[float],
    std: Sequence[float],
    names: Sequence[str] = ("linear", "shortcut"),
    name: str | None = None,
) -> keras.Model:
    """Build a residual network with the paddings and the epsilon of PyTorch.

    Keras follows a graph by one call within another for each layer, here and whenever the model
    is copied, cut or loaded. So Python's limit of such calls is raised, to 1000 and 12 a block, and
    stays there for the rest of the process. Another process that loads a saved ResNet-1202 has to
    raise its own: ``sys.setrecursionlimit(10_000)``.

    Args:
        form: Form.
        classes: int, number of logits.
        size: tuple of two ints, height and width of the images in pixels.
        mean: three floats from 0 to 1, taken off the pixels in [0, 1].
        std: three floats above 0 and at most 1, by which they are divided.
        names: two str, modules of the last layer and of a block's shortcut.
        name: str or None, of the model.

    Returns:
        keras.Model from RGB images ``(batch, height, width, 3)`` in [0, 1] to logits
        ``(batch, classes)``.

    Raises:
        ValueError: if ``mean`` or ``std`` are not three numbers from 0 to 1, those of ``std``
            above 0.

    Example:
        >>> whole = Form((3, 4, 6, 3), bottleneck=True, large_stem=True, projection=True)
        >>> residual_network(whole, 1000, (64, 64), (0, 0, 0), (1, 1, 1)).count_params()
        25610152
    """
    last, shortcut = names
    deep = CALLS + LAYERS * sum(form.stages)
    sys.setrecursionlimit(max(sys.getrecursionlimit(), deep))
    images = keras.Input((*size, 3), name="images")
    x = _stem(_standardized(images, mean, std), form)
    for stage, blocks in enumerate(form.stages, start=1):
        for block in range(blocks):
            strides = 2 if stage > 1 and block == 0 else 1
            filters = form.start * 2 ** (stage - 1)
            x = _block(x, form, filters, strides, f"layer{stage}.{block}", shortcut)
    x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    logits = keras.layers.Dense(classes, dtype="float32", name=last)(x)
    return keras.Model(images, logits, name=name)


def _standardized(images: Any, mean: Sequence[float], std: Sequence[float]) -> Any:
    """Pixels minus their mean, divided by their standard deviation."""
    for name, values in (("mean", mean), ("std", std)):
        three = np.shape(values) == (3,)
        checks.require(three, f"`{name}` must be three numbers", **{name: values})
        for value in values:
            checks.number(name, value)
        checks.require(
            min(values) >= 0 and max(values) <= 1,
            f"`{name}` must be from 0 to 1, as pixels are; divide that of 8-bit pixels by 255",
            **{name: values},
        )
    checks.require(min(std) > 0, "`std` must be above 0", std=std)
    scales: Any = [1 / s for s in std]
    offsets: Any = [-m / s for m, s in zip(mean, std, strict=True)]
    layer = keras.layers.Rescaling(scales, offsets, dtype="float32", name="standardize")
    return layer(images)


def _stem(x: Any, form: Form) -> Any:
    """First convolution, and the pooling behind a large one."""
    filters = form.start
    side, strides = (7, 2) if form.large_stem else (3, 1)
    x = keras.layers.ReLU(name="relu1")(_convolved(x, filters, side, strides, "conv1", "bn1"))
    if form.large_stem:
        # Behind a ReLU zeros are as good as the smallest numbers that PyTorch puts around.
        x = keras.layers.ZeroPadding2D(1, name="maxpool.padding")(x)
        x = keras.layers.MaxPooling2D(3, 2, name="maxpool")(x)
    return x


def _convolved(
    x: Any, filters: int, side: int, strides: int, convolution: str, normalization: str
) -> Any:
    """Batch normalization of a convolution with zeros on all sides."""
    if side > 1:
        x = keras.layers.ZeroPadding2D(side // 2, name=f"{convolution}.padding")(x)
    names = layer_name(convolution), layer_name(normalization)
    convolve = keras.layers.Conv2D(filters, side, strides, use_bias=False, name=names[0])
    return keras.layers.BatchNormalization(epsilon=1e-5, name=names[1])(convolve(x))


def _block(x: Any, form: Form, filters: int, strides: int, name: str, shortcut: str) -> Any:
    """Convolutions, added to what came in."""
    plain = [(filters, 3, strides), (filters, 3, 1)]
    bottleneck = [(filters, 1, 1), (filters, 3, strides), (4 * filters, 1, 1)]
    convolutions = bottleneck if form.bottleneck else plain
    y = x
    for number, convolution in enumerate(convolutions, start=1):
        y = _convolved(y, *convolution, f"{name}.conv{number}", f"{name}.bn{number}")
        if number < len(convolutions):
            y = keras.layers.ReLU(name=f"{name}.relu{number}")(y)
    if strides > 1 or x.shape[-1] != y.shape[-1]:
        of_shape = _projected if form.projection else _padded
        x = of_shape(x, y.shape[-1], strides, f"{name}.{shortcut}" if form.projection else name)
    total = keras.layers.Add(name=f"{name}.add")([x, y])
    return keras.layers.ReLU(name=f"{name}.relu{len(convolutions)}")(total)


def _projected(x: Any, filters: int, strides: int, name: str) -> Any:
    """Option B: a convolution of 1 x 1."""
    return _convolved(x, filters, 1, strides, f"{name}.0", f"{name}.1")


def _padded(x: Any, filters: int, strides: int, name: str) -> Any:
    """Option A: every second row and column, channels of zeros on both sides."""
    missing = filters - x.shape[-1]
    # The maximum of one pixel in every four.
    x = keras.layers.MaxPooling2D(1, strides, name=f"{name}.every_second")(x)
    # Read as channels first, the last axis is one that this layer pads.
    return keras.layers.ZeroPadding2D(
        ((0, 0), (missing // 2, missing - missing // 2)),
        data_format="channels_first",
        name=f"{name}.zeros",
    )(x)
