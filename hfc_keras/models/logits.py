"""Logits of a model that returns something else: its last activation taken off, or undone."""

from typing import Any, Self, cast

import keras
import numpy as np
from keras import ops

from hfc_keras import checks, contract
from hfc_keras.types import Record, Shape, Tensor

# Smallest normal float32; the logarithm of it is -87.
TINY = 2.0**-126
# Distance of a float32 probability below 1.
BELOW_ONE = 2.0**-24
# Distance from 0 or 1 at which a sigmoid is at the end of its range.
SATURATED = 1e-3


@keras.saving.register_keras_serializable(package="hfc_keras")
class Logits(keras.layers.Layer):
    r"""Logits of outputs of some kind.

    .. math:: z, \qquad \log p, \qquad \log\frac{p}{1 - p}

    and (0, z) of a single one.

    Args:
        kind: ``"logits"``, ``"softmax"`` or ``"sigmoid"``.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: ``(batch, classes)``. Probabilities below 2e-38, and above 1 - 6e-8, are taken for
            these; outside [0, 1] they give NaN.

    Returns:
        float32 tensor ``(batch, classes)``, two classes for a single input.

    Example:
        >>> Logits("logits")(ops.ones((3, 1))).shape == (3, 2)
        True
    """

    KINDS = ("logits", "softmax", "sigmoid")
    hfc_keras_output = "logits"

    def __init__(self, kind: str, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs})
        self.kind = checks.choice("kind", kind, self.KINDS)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the logits of outputs."""
        values = ops.cast(inputs, "float32")
        if self.kind != "logits":
            outside = ops.logical_or(values < -1e-3, values > 1 + 1e-3)
            values = ops.where(outside, float("nan"), values)
        if self.kind == "softmax":
            values = ops.log(ops.maximum(values, TINY))
        if self.kind == "sigmoid":
            values = ops.clip(values, TINY, 1 - BELOW_ONE)
            values = ops.log(values) - ops.log1p(-values)
        if values.shape[-1] == 1:
            values = ops.concatenate([ops.zeros_like(values), values], axis=-1)
        return values

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of logits."""
        return (*input_shape[:-1], 2 if input_shape[-1] == 1 else input_shape[-1])

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(package="hfc_keras")
class WithoutActivation(keras.layers.Layer):
    """A layer, the weights its own, without the activation at its end.

    Args:
        layer: keras.layers.Layer with an attribute ``activation``.
        **kwargs: see ``keras.layers.Layer``.

    Example:
        >>> layer = keras.layers.Dense(2, activation="softmax", bias_initializer="ones")
        >>> float(WithoutActivation(layer)(ops.zeros((1, 3)))[0, 0])
        1.0
    """

    hfc_keras_output = "logits"

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(**{"dtype": layer.dtype_policy, **kwargs})
        self.layer = layer

    def build(self, input_shape: Shape) -> None:
        """Build the layer."""
        if not self.layer.built:
            self.layer.build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Return what the layer makes before its activation."""
        # The layer itself may be called meanwhile, in another thread.
        twin = object.__new__(type(self.layer))
        vars(twin).update(vars(self.layer), activation=keras.activations.linear)
        return twin.call(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the layer's own."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {**super().get_config(), "layer": keras.saving.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: Record) -> Self:
        """Rebuild the layer and the one it holds."""
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(layer, **{name: value for name, value in config.items() if name != "layer"})


class _Chosen(keras.Model):
    """One output of a model that is no graph, as logits."""

    def __init__(
        self, model: keras.Model, output_name: str | int | None, kind: str | None, **kwargs: Any
    ) -> None:
        super().__init__(**{"autocast": False, "dtype": "float32", **kwargs})
        self.model, self.output_name = model, output_name
        self.logits = None if kind is None else Logits(kind)
        # What is only supposed to be logits is checked by the contract.
        self.hfc_keras_output = None if kind is None else "logits"

    def call(self, images: Tensor, training: bool | None = None) -> Any:
        """Return the logits."""
        outputs = _one_of(self.model(images, training=training), self.output_name)
        return outputs if self.logits is None else self.logits(outputs)


def core(
    model: keras.Model,
    output: str | None,
    output_name: str | int | None,
    shape: tuple[int, ...] | None,
) -> keras.Model:
    """Model that returns the logits of a model for what that takes.

    Args:
        model: keras.Model.
        output: see ``models.as_classifier``.
        output_name: see ``models.as_classifier``.
        shape: ``(height, width, channels)`` to inspect the model with, or None.

    Returns:
        keras.Model.

    Raises:
        ValueError: as ``models.as_classifier``.
    """
    if not contract.is_graph(model):
        kind = _probed(model, output_name, shape) if output == "binary" else output
        return _Chosen(model, output_name, kind, name=f"{model.name}_logits")
    tensor = _tensor(model, output_name)
    checks.require(
        len(tensor.shape) == 2,
        "`model` must return (batch, classes)",
        **{"output shape": tuple(tensor.shape)},
    )
    found, binary = contract.output_kind(tensor), tensor.shape[-1] == 1
    _agree(output, found, binary)
    exact = _without_activation(tensor) if found in ("softmax", "sigmoid") else None
    if exact is not None:
        tensor, kind = exact, "logits"
    elif binary and found is None and output in (None, "binary"):
        kind = _probed(keras.Model(model.inputs[0], tensor), None, shape)
    else:
        kind = found or output
    if kind is not None:
        # Not the name of a class, which a layer of the model may have.
        tensor = Logits(kind, name="as_logits")(tensor)
    return keras.Model(model.inputs[0], tensor, name=f"{model.name}_logits")


def _agree(output: str | None, found: str | None, binary: bool) -> None:
    """Refuse an output that is said to be another than it is."""
    fits = output is None or found in (None, output) or (binary and output == "binary")
    fits = fits and not (binary and "softmax" in (output, found))
    fits = fits and (binary or output != "binary")
    checks.require(
        fits,
        f"`output` must be {'binary' if binary else found!r}, which is what the model returns",
        output=output,
    )


def _probed(
    model: keras.Model, output_name: str | int | None, shape: tuple[int, ...] | None
) -> str:
    """Kind of a single output by what a model returns for extreme images."""
    checks.require(
        shape is not None,
        "`image_size` must be (height, width, channels), so that it can be seen whether the single "
        "output is a logit or a sigmoid",
        image_size=None,
    )
    outputs = contract.probed(model, cast(tuple[int, ...], shape))
    values = np.asarray(ops.convert_to_numpy(_one_of(outputs, output_name)), "float64")
    checks.require(
        values.ndim == 2 and values.shape[1] == 1,
        "`output` must be 'binary' only for a single output",
        **{"output shape": values.shape},
    )
    values = values[np.isfinite(values)]
    if len(values) and (values.min() < 0 or values.max() > 1):
        return "logits"
    # A sigmoid is at an end of its range for one of the extreme images.
    saturated = len(values) > 0 and np.minimum(values, 1 - values).min() < SATURATED
    checks.require(
        saturated and np.ptp(values) > 0,
        "`output` must be 'logits' or 'sigmoid': whether the single output is a logit or a sigmoid "
        "cannot be seen",
        output="binary",
    )
    return "sigmoid"


def _tensor(model: Any, name: str | int | None) -> Any:
    """Symbolic output of a graph by its name."""
    if len(model.outputs) == 1 and name is None:
        return model.outputs[0]
    outputs = None if isinstance(model, keras.Sequential) else model.output
    outputs = outputs if isinstance(outputs, dict) else list(model.outputs)
    if not isinstance(outputs, dict) and not isinstance(name, int):
        names = list(getattr(model, "output_names", None) or [])
        distinct = len(set(names)) == len(outputs)
        outputs = dict(zip(names, outputs, strict=True)) if distinct else outputs
    return _one_of(outputs, name)


def _one_of(outputs: Any, name: str | int | None) -> Any:
    """One of the outputs of a model, or the only one."""
    if not isinstance(outputs, (dict, list, tuple)):
        checks.require(
            name is None, "`output_name` must be None for a single output", output_name=name
        )
        return outputs
    names: list[Any] = list(outputs) if isinstance(outputs, dict) else list(range(len(outputs)))
    if name is None and len(names) == 1:
        name = names[0]
    checks.require(
        name in names,
        f"`output_name` must be one of {', '.join(map(repr, names))}",
        output_name=name,
    )
    chosen = cast(Any, outputs)[name]
    checks.require(
        hasattr(chosen, "shape"),
        "`output_name` must name one tensor; use a function that takes it out of the outputs",
        output_name=name,
    )
    return chosen


def _is_hard(operation: object) -> bool:
    """Whether an operation ends in a sigmoid of straight pieces, which no logit belongs to."""
    names = (
        type(operation).__name__,
        getattr(getattr(operation, "activation", None), "__name__", ""),
    )
    return any("hard" in name.lower() for name in names)


def _without_activation(tensor: Any) -> Any:
    """Symbolic tensor before the activation that makes an output; None if it cannot be had."""
    operation, inputs, passed = contract.last_operation(tensor)
    if len(inputs) != 1 or _is_hard(operation):
        return None
    if isinstance(operation, keras.Model):
        inner = _without_activation(operation.outputs[0])
        if inner is None:
            return None
        found = keras.Model(operation.inputs[0], inner, name=f"{operation.name}_logits")(*inputs)
    elif isinstance(operation, keras.layers.Layer) and operation.weights:
        found = WithoutActivation(operation)(*inputs)
    else:
        (found,) = inputs
    for layer in reversed(passed):
        found = type(layer).from_config(layer.get_config())(found)
    return found
