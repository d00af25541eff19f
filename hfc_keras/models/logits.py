"""Logits of a model that returns something else: its last activation taken off, or undone."""

import keras
from keras import ops

from hfc_keras import checks, contract
from hfc_keras.contract.endings import operation_kind

# Smallest normal float32; the logarithm of it is -87.
TINY = 2.0**-126
# Distance of a float32 probability below 1.
BELOW_ONE = 2.0**-24


@keras.saving.register_keras_serializable(package="hfc_keras")
class Logits(keras.layers.Layer):
    r"""Logits of outputs of some kind.

    .. math:: z, \qquad \log p, \qquad \log\frac{p}{1 - p}, \qquad (0, z), \qquad
              \left(0, \log\frac{p}{1 - p}\right)

    Args:
        kind: ``"logits"``, ``"softmax"``, ``"sigmoid"``, ``"binary"`` (a logit) or
            ``"binary_sigmoid"``.
        **kwargs: as of ``keras.layers.Layer``.

    Call arguments:
        inputs: ``(batch, classes)``, or ``(batch, 1)`` for the last two. Probabilities below
            2e-38, and above 1 - 6e-8, are taken for these; outside [0, 1] they give NaN.

    Returns:
        float32 tensor ``(batch, classes)``, two classes for the last two.

    Example:
        >>> Logits("binary")(ops.ones((3, 1))).shape == (3, 2)
        True
    """

    KINDS = ("logits", "softmax", "sigmoid", "binary", "binary_sigmoid")
    hfc_keras_output = "logits"

    def __init__(self, kind, **kwargs):
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs})
        self.kind = checks.choice("kind", kind, self.KINDS)

    def call(self, inputs):
        """Return the logits of outputs."""
        values = ops.cast(inputs, "float32")
        if self.kind in ("softmax", "sigmoid", "binary_sigmoid"):
            outside = ops.logical_or(values < -1e-3, values > 1 + 1e-3)
            values = ops.where(outside, float("nan"), values)
        if self.kind == "softmax":
            values = ops.log(ops.maximum(values, TINY))
        if self.kind in ("sigmoid", "binary_sigmoid"):
            values = ops.clip(values, TINY, 1 - BELOW_ONE)
            values = ops.log(values) - ops.log1p(-values)
        if self.kind.startswith("binary"):
            values = ops.concatenate([ops.zeros_like(values), values], axis=-1)
        return values

    def compute_output_shape(self, input_shape):
        """Return the shape of logits."""
        return (*input_shape[:-1], 2) if self.kind.startswith("binary") else input_shape

    def get_config(self):
        """Return every argument that rebuilds the layer."""
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(package="hfc_keras")
class WithoutActivation(keras.layers.Layer):
    """A layer, the weights its own, without the activation at its end.

    Args:
        layer: keras.layers.Layer with an attribute ``activation``.
        **kwargs: as of ``keras.layers.Layer``.

    Example:
        >>> layer = keras.layers.Dense(2, activation="softmax", bias_initializer="ones")
        >>> float(WithoutActivation(layer)(ops.zeros((1, 3)))[0, 0])
        1.0
    """

    hfc_keras_output = "logits"

    def __init__(self, layer, **kwargs):
        super().__init__(**{"dtype": layer.dtype_policy, "autocast": False, **kwargs})
        self.layer = layer

    def build(self, input_shape):
        """Build the layer."""
        if not self.layer.built:
            self.layer.build(input_shape)

    def call(self, inputs):
        """Return what the layer makes before its activation."""
        activation = self.layer.activation
        self.layer.activation = keras.activations.linear
        try:
            return self.layer(inputs)
        finally:
            self.layer.activation = activation

    def compute_output_shape(self, input_shape):
        """Return the layer's own."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        """Return every argument that rebuilds the layer."""
        return {**super().get_config(), "layer": keras.saving.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config):
        """Rebuild the layer and the one it holds."""
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(layer, **{name: value for name, value in config.items() if name != "layer"})


class _Chosen(keras.Model):
    """One output of a model that is no graph, as logits."""

    def __init__(self, model, output_name, kind, **kwargs):
        super().__init__(**kwargs)
        self.model, self.output_name = model, output_name
        self.logits = None if kind is None else Logits(kind)
        # What is only supposed to be logits is looked at by the contract.
        self.hfc_keras_output = None if kind is None else "logits"

    def call(self, images, training=None):
        """Return the logits."""
        outputs = _one_of(self.model(images, training=training), self.output_name)
        return outputs if self.logits is None else self.logits(outputs)


def core(model, output, output_name, shape):
    """Model that returns the logits of a model for what that takes.

    Args:
        model: keras.Model.
        output: as of ``models.as_classifier``.
        output_name: as of ``models.as_classifier``.
        shape: ``(height, width, channels)`` to look at the model with, or None.

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
    found, binary = operation_kind(contract.last_operation(tensor)[0]), tensor.shape[-1] == 1
    _agree(output, found, binary)
    exact = _without_activation(tensor) if found in ("softmax", "sigmoid") else None
    if exact is not None:
        tensor, kind = exact, "logits"
    else:
        kind = found or (output if output != "binary" else None)
    if binary:
        kind = _binary(model, tensor, kind, shape)
    if kind is not None:
        tensor = Logits(kind)(tensor)
    return keras.Model(model.inputs[0], tensor, name=f"{model.name}_logits")


def _agree(output, found, binary):
    """Refuse an output that is told to be another than it is."""
    expected = "binary" if binary else found
    checks.require(
        output is None or expected in (None, output),
        f"`output` must be {expected!r}, which is what the model returns",
        output=output,
    )


def _binary(model, tensor, kind, shape):
    """Kind of a single output: a logit or a sigmoid."""
    if kind is None:
        return _probed(keras.Model(model.inputs[0], tensor), None, shape)
    return "binary_sigmoid" if kind == "sigmoid" else "binary"


def _probed(model, output_name, shape):
    """Kind of a single output by what a model returns for extreme images."""
    checks.require(
        shape is not None,
        "`image_size` must be (height, width, channels), so that it can be seen whether the single "
        "output is a logit or a sigmoid",
        image_size=None,
    )
    outputs = contract.probed(model, shape)
    values = ops.convert_to_numpy(_one_of(outputs, output_name))
    checks.require(
        values.ndim == 2 and values.shape[1] == 1,
        "`output` must be 'binary' only for a single output",
        **{"output shape": values.shape},
    )
    return "binary_sigmoid" if values.min() >= 0 and values.max() <= 1 else "binary"


def _tensor(model, name):
    """Symbolic output of a graph by its name."""
    if len(model.outputs) == 1 and name is None:
        return model.outputs[0]
    outputs = None if isinstance(model, keras.Sequential) else model.output
    outputs = outputs if isinstance(outputs, dict) else list(model.outputs)
    if not isinstance(outputs, dict) and not isinstance(name, int):
        names = list(getattr(model, "output_names", None) or [])
        outputs = dict(zip(names, outputs, strict=True)) if names else outputs
    return _one_of(outputs, name)


def _one_of(outputs, name):
    """One of the outputs of a model, or the only one."""
    if not isinstance(outputs, (dict, list, tuple)):
        checks.require(
            name is None, "`output_name` must be None for a single output", output_name=name
        )
        return outputs
    names = list(outputs) if isinstance(outputs, dict) else list(range(len(outputs)))
    if name is None and len(names) == 1:
        name = names[0]
    checks.require(
        name in names,
        f"`output_name` must be one of {', '.join(map(repr, names))}",
        output_name=name,
    )
    return outputs[name]


def _without_activation(tensor):
    """Symbolic tensor before the activation that makes an output; None if it cannot be had."""
    operation, inputs, passed = contract.last_operation(tensor)
    if isinstance(operation, keras.Model):
        inner = _without_activation(operation.outputs[0])
        if inner is None:
            return None
        found = keras.Model(operation.inputs[0], inner, name=f"{operation.name}_logits")(*inputs)
    elif isinstance(operation, keras.layers.Layer) and operation.weights:
        found = WithoutActivation(operation)(*inputs)
    elif len(inputs) == 1:
        (found,) = inputs
    else:
        return None
    for layer in reversed(passed):
        found = type(layer).from_config(layer.get_config())(found)
    return found
