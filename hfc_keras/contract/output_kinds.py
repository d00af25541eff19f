"""What a model ends in: a linear layer, a softmax or a sigmoid."""

from typing import Any

import keras

# By name of an activation, a layer or an operation: what outputs it makes.
KINDS = {
    "linear": "logits",
    "log_softmax": "logits",
    "logsoftmax": "logits",
    "softmax": "softmax",
    "sigmoid": "sigmoid",
    # No inverse of a sigmoid gives what came in, so that these two are undone, not left out.
    "hard_sigmoid": "sigmoid",
    "hardsigmoid": "sigmoid",
}
# Layers behind which outputs are still what they were.
PASSING = (
    keras.layers.Identity,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Dropout,
    keras.layers.ActivityRegularization,
)
# Layers that end in a product with their kernel, so that their activation alone says the kind.
LINEAR = (keras.layers.Dense, keras.layers.EinsumDense, keras.layers.Conv2D)


def is_graph(model: object) -> bool:
    """Whether a model is a graph of Keras whose last operation is known.

    Args:
        model: object.

    Returns:
        bool, true for functional and sequential models that are built; false for classes of the
        user's own, which may do more than their graph says.

    Example:
        >>> is_graph(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
        True
    """
    graph = isinstance(model, keras.Model) and _of_keras(model) and bool(model.built)
    return graph and bool(getattr(model, "outputs", None))


def last_operation(output: Any) -> tuple[Any, list[Any], list[keras.Operation]]:
    """Operation that a symbolic tensor comes from, behind layers that leave outputs as they are.

    Args:
        output: keras.KerasTensor.

    Returns:
        ``(operation, inputs, passed)``: the operation, the symbolic tensors it was called with,
        and the layers behind it, the last one first.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> last_operation(model.outputs[0])[0] is model.layers[-1]
        True
    """
    passed = []
    while True:
        operation, index, _ = output._keras_history
        inputs = operation._inbound_nodes[index].arguments.keras_tensors
        if not (_passes(operation) and len(inputs) == 1):
            return operation, inputs, passed
        passed.append(operation)
        (output,) = inputs


def ending(model: Any) -> str | None:
    """Kind of output that the last operation of a model makes.

    Args:
        model: keras.Model with a single output.

    Returns:
        ``"logits"`` where a linear layer is the last, ``"softmax"``, ``"sigmoid"``, or None where
        the model does not say: classes of the user's own, functions, other layers.

    Example:
        >>> head = keras.layers.Dense(2, activation="softmax")
        >>> ending(keras.Sequential([keras.Input((2,)), head]))
        'softmax'
    """
    known = getattr(model, "hfc_keras_output", None)
    if known or not is_graph(model) or len(model.outputs) != 1:
        return known
    return output_kind(model.outputs[0])


def output_kind(output: Any) -> str | None:
    """Kind of output that a symbolic tensor is, as ``ending`` has it.

    Args:
        output: keras.KerasTensor ``(batch, classes)``.

    Returns:
        As of ``ending``.

    Example:
        >>> output_kind(keras.layers.Softmax()(keras.Input((3,))))
        'softmax'
    """
    operation, inputs, _ = last_operation(output)
    kind = operation_kind(operation)
    # A softmax over one axis of several is none over the classes.
    several = len(inputs) == 1 and sum(side != 1 for side in inputs[0].shape[1:]) > 1
    several = several or getattr(operation, "axis", -1) not in (-1, len(output.shape) - 1)
    own = isinstance(operation, keras.Model) or getattr(operation, "weights", None)
    return None if kind == "softmax" and several and not own else kind


def operation_kind(operation: Any) -> str | None:
    """Kind of output that an operation makes.

    Args:
        operation: keras.Operation, a layer or what a function of ``keras.ops`` has left in a graph.

    Returns:
        As of ``ending``.

    Example:
        >>> operation_kind(keras.layers.Softmax())
        'softmax'
    """
    known = getattr(operation, "hfc_keras_output", None)
    if known:
        return known
    if isinstance(operation, keras.Model):
        return ending(operation)
    if not _of_keras(operation):
        return None
    if not hasattr(operation, "activation"):
        return KINDS.get(type(operation).__name__.lower())
    activation = operation.activation
    if isinstance(activation, keras.layers.Layer):
        return operation_kind(activation)
    name = "linear" if activation is None else getattr(activation, "__name__", "")
    if not getattr(activation, "__module__", "keras.").startswith("keras."):
        return None
    kind = KINDS.get(name)
    return kind if kind != "logits" or isinstance(operation, LINEAR) or "log" in name else None


def _of_keras(thing: object) -> bool:
    return type(thing).__module__.startswith("keras.")


def _passes(operation: keras.Operation) -> bool:
    if isinstance(operation, keras.layers.Activation):
        return operation.activation is keras.activations.linear
    return isinstance(operation, PASSING) and _of_keras(operation)
