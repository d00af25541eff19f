"""Weights that were trained with PyTorch, set into a Keras model of the same layers."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import keras
import numpy as np

from hfc_keras import checks
from hfc_keras.types import Array, ArrayLike

# Counts the training steps of a layer; no weight of Keras.
IGNORED = "num_batches_tracked"
VARIANCE = "running_var"

Weight: TypeAlias = tuple[Any, tuple[int, ...], Callable[..., Array]]
"""Variable, shape in PyTorch and conversion of a weight."""


def layer_name(module: str) -> str:
    """Name of the layer that takes the weights of a module of PyTorch.

    Args:
        module: str, such as ``"layer1.0.conv1"``.

    Returns:
        str, the same; with PyTorch as Keras' backend, which calls weights by their layer and takes
        no dots, with ``_`` in place of them.

    Example:
        >>> layer_name("conv1")
        'conv1'
    """
    return module.replace(".", "_") if keras.backend.backend() == "torch" else module


def set_state_dict(model: keras.Model, arrays: Mapping[str, ArrayLike]) -> None:
    r"""Set all weights of a model from a PyTorch state dict, paired by the names of the layers.

    A layer called ``a`` takes ``a.weight``, ``a.bias``, ``a.running_mean`` and ``a.running_var``,
    as far as it has such weights. PyTorch's kernels are (out, in, height, width), Keras' (height,
    width, in, out); the kernel of a dense layer is transposed:

    .. math:: K_{hwio} = W_{oihw}, \qquad K_{io} = W_{oi}

    Either every array fits and all weights are set, or none is. ``num_batches_tracked`` is passed
    over.

    Args:
        model: keras.Model, built, whose layers are called as the modules of PyTorch, dots
            included (with PyTorch as Keras' backend ``_`` in place of them). Only Conv2D, DepthwiseConv2D, Dense and BatchNormalization may have weights.
        arrays: mapping from name to array, such as what ``numpy.load`` reads from an ``.npz``.

    Raises:
        ValueError: naming the first difference, in the order of the model: an array that is
            missing, has another shape, holds what is no finite number or a negative variance; else one that no layer
            takes; or a layer of another kind with weights.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="linear")])
        >>> set_state_dict(model, {"linear.weight": [[3.0, 4.0]], "linear.bias": [5.0]})
        >>> model(np.ones((1, 2))).shape == (1, 1), float(model(np.ones((1, 2)))[0, 0])
        (True, 12.0)
        >>> set_state_dict(model, {"linear.weight": [[3.0, 4.0]]})
        Traceback (most recent call last):
        ...
        ValueError: `arrays` must hold 'linear.bias' of shape (1,). Received: names=['linear.weight']
    """  # noqa: E501
    expected = {}
    for layer in model.layers:
        expected.update(_weights(layer))
    pairs, names = [], {_of_layer(name): name for name in arrays}
    for wanted, (variable, shape, to_keras) in expected.items():
        checks.require(
            wanted in names,
            f"`arrays` must hold {wanted!r} of shape {shape}",
            names=_nearest(wanted, arrays),
        )
        name = names[wanted]
        pairs.append((variable, to_keras(_array(name, arrays[name], shape))))
    taken = {names[wanted] for wanted in expected}
    unused = [name for name in arrays if name not in taken and not name.endswith(IGNORED)]
    checks.require(
        not unused,
        "`arrays` must hold nothing that no layer of the model takes",
        first=unused[0] if unused else None,
        unused=len(unused),
    )
    for variable, array in pairs:
        variable.assign(array)


def _of_layer(name: str) -> str:
    """Name of a weight, after the layer that takes it."""
    module, dot, weight = name.rpartition(".")
    return layer_name(module) + dot + weight


def _weights(layer: Any) -> dict[str, Weight]:
    """Variable, shape in PyTorch and conversion of each weight of a layer, by its name there."""
    own: dict[str, Weight] = {}
    if isinstance(layer, keras.layers.BatchNormalization):
        statistics: dict[str, Any] = {
            "weight": layer.gamma,
            "bias": layer.beta,
            "running_mean": layer.moving_mean,
            VARIANCE: layer.moving_variance,
        }
        own = {
            name: (each, tuple(each.shape), np.asarray)
            for name, each in statistics.items()
            if each is not None
        }
    elif isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)):
        own = {"weight": _kernel(layer)}
        if layer.use_bias:
            bias: Any = layer.bias
            own["bias"] = (bias, tuple(bias.shape), np.asarray)
    known = {id(variable) for variable, _, _ in own.values()}
    left = [variable.path for variable in layer.weights if id(variable) not in known]
    checks.require(
        not left,
        "`model` must have weights in Conv2D, DepthwiseConv2D, Dense and BatchNormalization alone",
        layer=layer.name,
        weights=left,
    )
    return {f"{layer.name}.{name}": each for name, each in own.items()}


def _kernel(layer: Any) -> Weight:
    """Variable, shape in PyTorch and conversion of the kernel of a layer."""
    kernel = layer.kernel
    shape = tuple(kernel.shape)
    if isinstance(layer, keras.layers.Dense):
        return kernel, shape[::-1], np.transpose
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        # Filters of one channel stand side by side in PyTorch.
        height, width, channels, filters = shape
        whole = (channels, filters, height, width)
        torch_shape = (channels * filters, 1, height, width)
        return kernel, torch_shape, lambda array: array.reshape(whole).transpose(2, 3, 0, 1)
    torch_shape = (shape[3], shape[2], *shape[:2])
    return kernel, torch_shape, lambda array: array.transpose(2, 3, 1, 0)


def _array(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    """An array of a shape, all of it finite."""
    value = np.asarray(value)
    checks.require(
        value.shape == shape,
        f"`arrays` must hold {name!r} of shape {shape}",
        **{"shape": value.shape},
    )
    real = np.issubdtype(value.dtype, np.floating)
    checks.require(
        real and np.isfinite(value).all(),
        f"`arrays` must hold finite floats; {name!r} does not",
        dtype=str(value.dtype),
    )
    checks.require(
        not name.endswith(VARIANCE) or (value >= 0).all(),
        f"`arrays` must hold variances of at least 0; {name!r} does not",
        lowest=float(value.min(initial=0.0)),
    )
    return value


def _nearest(name: str, arrays: Iterable[str]) -> list[str]:
    """The few names that look most like one that is missing."""
    first = name.partition(".")[0]
    close = [other for other in arrays if other.partition(".")[0] == first]
    return (close or list(arrays))[:3]
