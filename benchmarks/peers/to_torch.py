"""The same network in PyTorch: layers and weights of a Keras model as a ``torch.nn.Module``."""

import copy
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import torch  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`
from torch import nn  # pyright: ignore[reportMissingImports]

from hfc_keras import checks
from hfc_keras.types import Floats

TOLERANCE = 1e-4


def to_torch(model: keras.Model, images: Floats) -> Any:
    r"""Module of the same layers and weights, whose logits are compared with the model's.

    It takes images ``(batch, channels, height, width)``. Kernels are laid out anew,
    :math:`W_{oihw} = K_{hwio}`; where Keras pads unevenly (a stride of 2 on an even side) zeros are
    added before the convolution.

    Args:
        model: keras.Model, functional, from images to logits, of convolutions, batch
            normalization, ReLU, pooling, padding, additions and dense layers.
        images: float ``(examples, height, width, channels)``, on which both are compared.

    Returns:
        torch.nn.Module in evaluation mode, whose weights want no gradient.

    Raises:
        ValueError: for a layer of another kind, or logits that differ by more than 1e-4.
    """
    graph, modules, nodes = torch.fx.Graph(), {}, {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            nodes[id(layer.output)] = graph.placeholder("images")
            continue
        name = layer.name.replace(".", "_")
        modules[name] = _module(layer)
        before: Any = layer.input
        inputs = before if isinstance(before, list) else [before]
        node = graph.call_module(name, tuple(nodes[id(tensor)] for tensor in inputs))
        nodes[id(layer.output)] = node
    graph.output(nodes[id(model.outputs[0])])
    module = torch.fx.GraphModule(nn.ModuleDict(modules), graph).eval().requires_grad_(False)
    _require_equal(model, module, images)
    return module


def to_tensor(images: Floats) -> Any:
    """Images ``(batch, height, width, channels)`` as PyTorch has them, channels first."""
    return torch.from_numpy(np.moveaxis(np.asarray(images), -1, 1).copy())


def channels_last(module: Any) -> Any:
    """Copy of a module whose kernels lie in memory with the channels last.

    It is the faster layout by hand; attacks of packages view tensors as they lie, and fail on it.
    """
    return copy.deepcopy(module).to(memory_format=torch.channels_last)


def to_images(tensor: Any) -> Floats:
    """Images ``(batch, height, width, channels)`` of a tensor of PyTorch."""
    return np.moveaxis(np.asarray(torch.as_tensor(tensor).detach()), 1, -1)


def _require_equal(model: keras.Model, module: Any, images: Floats) -> None:
    own = np.asarray(keras.ops.convert_to_numpy(model(images, training=False)))
    with torch.no_grad():
        difference = float(abs(module(to_tensor(images)).numpy() - own).max())
    checks.require(
        difference <= TOLERANCE,
        f"logits in PyTorch must equal those in Keras to {TOLERANCE:g}",
        difference=difference,
    )


def _module(layer: Any) -> Any:
    """Module that computes what a layer computes in inference."""
    for kind, convert in CONVERSIONS.items():
        if type(layer) is kind:
            return convert(layer)
    kinds = ", ".join(kind.__name__ for kind in CONVERSIONS)
    checks.require(
        False,
        f"`model` must consist of {kinds}",
        **{"layer": f"{type(layer).__name__} {layer.name}"},
    )


def _tensor(variable: Any, order: tuple[int, ...] | None = None) -> Any:
    array = np.asarray(keras.ops.convert_to_numpy(variable), "float32")
    return torch.from_numpy(np.ascontiguousarray(array.transpose(order) if order else array))


def _convolution(layer: Any) -> Any:
    height, width, channels, filters = layer.kernel.shape
    module = nn.Conv2d(
        channels * layer.groups,
        filters,
        (height, width),
        layer.strides,
        dilation=layer.dilation_rate,
        groups=layer.groups,
        bias=layer.use_bias,
    )
    module.weight.data = _tensor(layer.kernel, (3, 2, 0, 1))
    if layer.use_bias:
        module.bias.data = _tensor(layer.bias)
    return _padded(layer, (height, width), layer.dilation_rate, module)


def _padded(layer: Any, size: Any, dilation: Any, module: Any, value: float = 0.0) -> Any:
    """A module after the padding of a layer, part of the module where all sides are alike."""
    if layer.padding == "valid":
        return module
    sides = layer.input.shape[1:3]
    spans = [each * (kernel - 1) + 1 for kernel, each in zip(size, dilation, strict=True)]
    zipped = zip(sides, spans, layer.strides, strict=True)
    total = [max(0, (-(-side // step) - 1) * step + span - side) for side, span, step in zipped]
    if all(each % 2 == 0 for each in total) and value == 0:
        module.padding = tuple(each // 2 for each in total)
        return module
    (top, left), (bottom, right) = [each // 2 for each in total], [-(-each // 2) for each in total]
    return nn.Sequential(nn.ConstantPad2d((left, right, top, bottom), value), module)


def _normalization(layer: Any) -> Any:
    size = layer.moving_mean.shape[0]
    module = nn.BatchNorm2d(size, eps=layer.epsilon, momentum=1 - layer.momentum)
    module.running_mean = _tensor(layer.moving_mean)
    module.running_var = _tensor(layer.moving_variance)
    if layer.scale:
        module.weight.data = _tensor(layer.gamma)
    if layer.center:
        module.bias.data = _tensor(layer.beta)
    return module


def _average_pooling(layer: Any) -> Any:
    same = layer.padding == "same"
    whole = tuple(layer.strides) == tuple(layer.pool_size)
    checks.require(not same or whole, "`strides` must be the pool's size", layer=layer.name)
    # At an odd border the mean is over the pixels there are.
    return nn.AvgPool2d(layer.pool_size, layer.strides, ceil_mode=same, count_include_pad=False)


def _max_pooling(layer: Any) -> Any:
    module = nn.MaxPool2d(layer.pool_size, layer.strides)
    return _padded(layer, layer.pool_size, (1, 1), module, -float("inf"))


def _dense(layer: Any) -> Any:
    module = nn.Linear(*layer.kernel.shape, bias=layer.use_bias)
    module.weight.data = _tensor(layer.kernel, (1, 0))
    if layer.use_bias:
        module.bias.data = _tensor(layer.bias)
    return module


class _Padding(nn.Module):
    """Zeros around the pixels, or on both sides of the channels."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        (top, bottom), (left, right) = layer.padding
        self.pad = (left, right, top, bottom)
        # Read as channels first, the last axis of Keras' images is their channels, and the one
        # before it their columns.
        if layer.data_format == "channels_first":
            self.pad = (top, bottom, 0, 0, left, right)

    def forward(self, x: Any) -> Any:
        return nn.functional.pad(x, self.pad)


class _Rescaling(nn.Module):
    """Pixels times a number for each channel, plus another."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        for name in ("scale", "offset"):
            value = torch.tensor(np.asarray(getattr(layer, name), "float32").reshape(-1))
            self.register_buffer(name, value[:, None, None])

    def forward(self, x: Any) -> Any:
        return x * self.scale + self.offset


class _Add(nn.Module):
    """The sum of a shortcut and its branch."""

    def forward(self, x: Any, y: Any) -> Any:
        return x + y


class _Flatten(nn.Module):
    """All pixels of all channels, in the order of Keras: the channels last."""

    def forward(self, x: Any) -> Any:
        return x.permute(0, 2, 3, 1).flatten(1)


CONVERSIONS: dict[Any, Callable[[Any], Any]] = {
    keras.layers.Conv2D: _convolution,
    keras.layers.Dense: _dense,
    keras.layers.BatchNormalization: _normalization,
    keras.layers.ReLU: lambda layer: nn.ReLU(),
    keras.layers.Add: lambda layer: _Add(),
    keras.layers.Rescaling: _Rescaling,
    keras.layers.AveragePooling2D: _average_pooling,
    keras.layers.MaxPooling2D: _max_pooling,
    keras.layers.GlobalAveragePooling2D: lambda layer: nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ),
    keras.layers.ZeroPadding2D: _Padding,
    keras.layers.Flatten: lambda layer: _Flatten(),
    keras.layers.Dropout: lambda layer: nn.Identity(),
}
