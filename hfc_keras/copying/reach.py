"""What a model holds, whether or not Keras tracks it."""

import functools
import types
import weakref
from typing import Any

import keras

# What a layer keeps of the graphs it is used in, and what training leaves with a model.
NODES = ("_inbound_nodes", "_outbound_nodes")
COMPILED = (
    "optimizer",
    "loss",
    "compiled",
    "history",
    "train_function",
    "test_function",
    "predict_function",
    "_loss_tracker",
    "_compile_loss",
    "_compile_metrics",
    "_compile_config",
    "_compiled_trainable_state",
    "_eval_epoch_iterator",
    "_jax_state",
    "_jax_state_synced",
    "_torch_params",
    "_run_eagerly",
    "_jit_compile",
    "_hfc_keras_compiled",
    "_hfc_keras_form",
    "_hfc_keras_frozen",
    "_hfc_keras_mixing",
)
# Start of the names under which TensorFlow lists all of these once more.
LISTED = "_self_unconditional"
_LEAVES = (str, bytes, int, float, type, types.ModuleType, keras.Variable, keras.KerasTensor)
# Packages whose objects are not looked into.
_OPAQUE = ("builtins", "tensorflow", "jax", "jaxlib", "torch", "numpy", "threading", "inspect")
# Where a compiled function has what it was made of.
_SOURCES = ("__wrapped__", "python_function")
# Classes that keep weights where Keras does not see them, by package and name.
_FOREIGN = {
    ("tensorflow", "AutoTrackable"),
    ("tensorflow", "Variable"),
    ("torch", "Module"),
    ("flax", "Module"),
    ("tf_keras", "Layer"),
}


def layers(model: keras.Layer) -> list[keras.Layer]:
    """Layers that a model or layer holds: itself, and those in it at any depth.

    They may stand in layers, lists, dicts, wrappers, closures or objects of one's own.

    Args:
        model: keras.Model or keras.Layer.

    Returns:
        list of keras.Layer, each once, in a fixed order.

    Example:
        >>> dense = keras.layers.TimeDistributed(keras.layers.Dense(1, name="one"), name="two")
        >>> [layer.name for layer in layers(dense)]
        ['two', 'one']
    """
    return [each for each in reachable(model) if isinstance(each, keras.Layer)]


def foreign(value: object) -> bool:
    """Whether an object may keep weights where Keras does not see them.

    Args:
        value: any object.

    Returns:
        bool, true for modules of other frameworks and for TensorFlow's own variables.

    Example:
        >>> foreign(keras.Variable(0.0)), foreign(keras.layers.Dense(1))
        (False, False)
    """
    bases = [(_package(base), base.__name__) for base in type(value).__mro__]
    return not _FOREIGN.isdisjoint(bases) and all(package != "keras" for package, _ in bases)


def holds_foreign(layer: keras.Layer) -> bool:
    """Whether a layer may keep weights where Keras does not see them.

    Args:
        layer: keras.Layer.

    Returns:
        bool.

    Example:
        >>> holds_foreign(keras.layers.Dense(1))
        False
    """
    return any(map(foreign, reachable(layer)))


def reachable(value: object) -> list[Any]:
    """Objects that an object holds, itself first, as far as they may hold layers.

    Args:
        value: any object.

    Returns:
        list of objects, each once.

    Example:
        >>> reachable([1.0, (2.0,)])
        [[1.0, (2.0,)], 1.0, (2.0,), 2.0]
    """
    found, waiting = {}, [value]
    while waiting:
        each = waiting.pop()
        if id(each) not in found:
            found[id(each)] = each
            waiting.extend(reversed(parts(each)))
    return list(found.values())


def parts(value: Any) -> list[Any]:
    """What an object holds itself.

    Args:
        value: any object.

    Returns:
        list of objects, without those that never hold a layer.

    Example:
        >>> parts({"a": 1})
        ['a', 1]
    """
    if isinstance(value, _LEAVES):
        return []
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if isinstance(value, types.FunctionType):
        held = (value.__defaults__, value.__kwdefaults__, value.__closure__, vars(value))
        return [each for each in held if each]
    if isinstance(value, types.CellType):
        return [value.cell_contents] if filled(value) else []
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, weakref.ref):
        return [value()]
    if opaque(value):
        named = (getattr(value, name, None) for name in _SOURCES) if callable(value) else ()
        return [each for each in named if each is not None]
    named = attributes(value)
    if isinstance(value, keras.Operation):
        named = {name: each for name, each in named.items() if not transient(name)}
    return list(named.values())


def transient(name: str) -> bool:
    """Whether an attribute of a layer is of its use and training, not of itself.

    Args:
        name: str.

    Returns:
        bool.

    Example:
        >>> transient("optimizer"), transient("kernel")
        (True, False)
    """
    return name in NODES or name in COMPILED or name.startswith(LISTED)


def attributes(value: Any) -> dict[str, Any]:
    """Attributes of an object by name, those in slots too.

    Args:
        value: any object.

    Returns:
        dict.

    Example:
        >>> attributes(keras.initializers.Constant(2))
        {'value': 2}
    """
    found = dict(vars(value)) if hasattr(value, "__dict__") else {}
    for base in type(value).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found[name] = getattr(value, name)
    if isinstance(value, keras.Operation) and "_modules" in found:
        # Where PyTorch has the layers of a layer, and its weights once more.
        layers = found["_modules"].items()
        found["_modules"] = {name: each for name, each in layers if name not in COMPILED}
    return found


def opaque(value: object) -> bool:
    """Whether an object is one of Python or a numerical package, not to be looked into.

    Args:
        value: any object.

    Returns:
        bool.

    Example:
        >>> opaque(1.0), opaque(keras.layers.Dense(1))
        (True, False)
    """
    return _package(type(value)) in _OPAQUE


def filled(cell: types.CellType) -> bool:
    """Whether a cell of a closure has a value yet.

    Args:
        cell: cell.

    Returns:
        bool.

    Example:
        >>> filled(types.CellType()), filled(types.CellType(1))
        (False, True)
    """
    return cell != types.CellType()


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]
