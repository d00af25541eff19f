"""Changes to the convolutions of a trained model, made on a copy."""

from collections.abc import Sequence
from typing import Any

import keras

from hfc_keras import checks, contract, copying, kernels


def smooth_model(
    model: keras.Model, rho: float, layers: str | Sequence[str] = "first", normalize: bool = False
) -> keras.Model:
    r"""Copy of a model with convolution kernels smoothed once.

    .. math:: w_{ij} \leftarrow w_{ij} + \rho \sum_{(h,k) \in N(i,j)} w_{hk}

    as ``kernels.smooth`` has it. The paper smooths the first layer of a trained network and
    does not normalize, which multiplies the response to a constant by :math:`1 + 8 \rho`.
    Attacks that follow the cross entropy then see saturated probabilities; compare with
    ``normalize=True`` before calling the network more robust.

    Args:
        model: keras.Model, functional or sequential, nested ones included; left as it is.
        rho: float, at least 0, weight of the eight neighbors.
        layers: ``"first"``, the first Conv2D from the input on; ``"all"``, every Conv2D; or a
            name or a sequence of names of Conv2D layers. Layers of nested models count.
            Convolutions hidden in custom layers or wrappers do not.
        normalize: bool, divide by ``1 + 8 rho``.

    Returns:
        keras.Model, functional and not compiled, with all other weights as they are. Weights are
        its own; functions, as of Lambda layers and activations, are those of the model.

    Raises:
        ValueError: for a rho that is negative or not finite; a model, outer or nested, that
            subclasses keras.Model or is not built; a model without a Conv2D; a name that no
            layer has or that is no Conv2D's.

    Reference:
        Wang et al., High-Frequency Component Helps Explain the Generalization of
        Convolutional Neural Networks, CVPR 2020, section 6 and equation 3.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> smooth = smooth_model(model, rho=1.0)
        >>> kernel, smoothed = (first_convolution(net).kernel for net in (model, smooth))
        >>> float(kernels.roughness(smoothed)) < float(kernels.roughness(kernel))
        True
    """
    rho = checks.number("rho", rho, minimum=0)
    chosen = _chosen(_layers(model), layers)
    copier = copying.Copier()
    copy = copier.twin(uncompiled(model))
    for layer in chosen:
        checks.require(
            isinstance(layer.kernel, keras.Variable),
            f"`{layer.name}` must have its kernel as a weight (merge what was added to it)",
            kernel=type(layer.kernel).__name__,
        )
        copier.twin(layer).kernel.assign(kernels.smooth(layer.kernel, rho, normalize))
    return copy


def first_convolution(model: keras.Model) -> Any:
    """Return the first Conv2D layer of a model, from the input on, nested models included.

    Args:
        model: keras.Model, functional or sequential.

    Returns:
        keras.layers.Conv2D, the model's own, whose ``kernel`` is ``(height, width, in, out)``.

    Raises:
        ValueError: for a model that subclasses keras.Model or is not built, or that has no
            Conv2D.

    Example:
        >>> from hfc_keras import models
        >>> first_convolution(models.build("lenet5", (28, 28, 1), 10)).name
        'conv0'
    """
    return _chosen(_layers(model), "first")[0]


def _chosen(found: Sequence[keras.Layer], layers: str | Sequence[str]) -> list[Any]:
    """Conv2D layers among all layers of a model that are the first, all or named."""
    convolutions = [layer for layer in found if isinstance(layer, keras.layers.Conv2D)]
    names = [layer.name for layer in found]
    checks.require(convolutions, "`model` must have a Conv2D layer", layers=names)
    if isinstance(layers, str) and layers in ("first", "all"):
        return convolutions[:1] if layers == "first" else convolutions
    wanted = [layers] if isinstance(layers, str) else list(layers)
    checks.require(wanted, "`layers` must name at least one layer", layers=layers)
    for name in wanted:
        checks.choice("layers", name, names)
        known = any(layer.name == name for layer in convolutions)
        checks.require(known, "`layers` must name Conv2D layers", layers=name)
    return [layer for layer in convolutions if layer.name in wanted]


def require_graph(model: keras.Model) -> None:
    """Refuse a model whose layers cannot be seen.

    Args:
        model: keras.Model.

    Raises:
        ValueError: for one that subclasses keras.Model, is not built, or has a graph and yet a
            ``call`` of its own.

    Example:
        >>> require_graph(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    """
    contract.keras_model(model)
    graph = isinstance(model, keras.Sequential) or hasattr(model, "operations")
    checks.require(
        graph and model.built,
        "`model` must be functional or sequential and built, and so must the models in it",
        model=type(model).__name__,
    )
    caller = next(base for base in type(model).__mro__ if "call" in vars(base))
    checks.require(
        caller.__module__.startswith("keras."),
        f"`{model.name}` must be called as its layers are connected, without a `call` of its own",
        model=type(model).__name__,
    )


def uncompiled(model: Any) -> keras.Model:
    """View of a functional or sequential model that was never compiled.

    Args:
        model: keras.Model, built.

    Returns:
        keras.Model, functional, of the same layers.

    Example:
        >>> uncompiled(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])).output_shape
        (None, 1)
    """
    single = isinstance(model, keras.Sequential)
    inputs, outputs = (model.inputs[0], model.outputs[0]) if single else (model.input, model.output)
    return keras.Model(inputs, outputs, name=model.name)


def _layers(model: keras.Model) -> list[keras.Layer]:
    """Layers of a model and of the models in it, each once, from the input on."""
    require_graph(model)
    found = {}
    for layer in model.layers:
        inner = _layers(layer) if isinstance(layer, keras.Model) else [layer]
        inner = (each for each in inner if not isinstance(each, keras.layers.InputLayer))
        found.update((id(each), each) for each in inner)
    return list(found.values())
