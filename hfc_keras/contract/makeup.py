"""What a model is made of, to see whether something compiled for it is still valid."""

import functools
import types
import zlib
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import keras
import numpy as np

from hfc_keras.types import Array

# What `fit`, `evaluate` and `predict` leave on a model.
TRAINING = (
    "optimizer",
    "_optimizer",
    "history",
    "stop_training",
    "stop_evaluating",
    "stop_predicting",
    "_eval_epoch_iterator",
    "_hfc_keras_mixing",
)
# Packages whose classes and objects say nothing of a user's settings.
NOT_OWN = (
    "keras",
    "builtins",
    "tensorflow",
    "jax",
    "jaxlib",
    "torch",
    "numpy",
    "abc",
    "functools",
    "typing",
    "threading",
)
PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic)


class _Same:
    """An object that equals itself alone, kept alive so that no other one takes its place."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def makeup(model: keras.Model) -> tuple[Hashable, ...]:
    """Value that changes with the layers of a model and with their settings, not its weights.

    It holds the attributes of each of its layers, those in custom layers and subclasses of
    keras.Model too: plain values and collections of them by value, everything else (functions,
    tensors, layers) by identity. What code reads from elsewhere, such as a global, is not in it.

    Args:
        model: keras.Model.

    Returns:
        Object to compare with ``==``.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> before = makeup(model)
        >>> model.layers[-1].activation = keras.activations.tanh
        >>> makeup(model) == before
        False
    """
    # Every layer that the model holds, however deep, itself first.
    layers = list(model._flatten_layers())
    return tuple(map(_attributes, layers)), tuple(map(_Same, layers))


def settings(model: keras.Model, word: Callable[[Any], str]) -> list[Any]:
    """What ``makeup`` holds of each layer that is not Keras' own, for JSON.

    Args:
        model: keras.Model.
        word: function of anything but plain values, collections of them and NumPy arrays that
            returns what stands for it.

    Returns:
        list in the order of the layers, None for Keras' own.

    Example:
        >>> settings(keras.Sequential([keras.layers.Flatten()]), repr)
        [None, None]
    """
    return [
        None if type(layer).__module__.startswith("keras.") else _in_words(_attributes(layer), word)
        for layer in model._flatten_layers()
    ]


def _in_words(token: Hashable, word: Callable[[Any], str]) -> Any:
    if isinstance(token, _Same):
        return word(token.value)
    if isinstance(token, tuple):
        return [_in_words(each, word) for each in token]
    return token


def _attributes(layer: Any) -> Hashable:
    # A model of Keras' own class is its layers, beside what trains it.
    graph = isinstance(layer, keras.Model) and type(layer).__module__.startswith("keras.")
    own = {} if graph else vars(layer)
    names = sorted(own.keys() - _bookkeeping(isinstance(layer, keras.Model)))
    settings = tuple((name, _token(own[name])) for name in names)
    return layer.dtype_policy.name, layer.trainable, _of_classes(type(layer)), settings


def _of_classes(kind: type) -> Hashable:
    """Plain attributes of the user's own classes, which layers may look up instead."""
    own = [base for base in kind.__mro__ if base.__module__.partition(".")[0] not in NOT_OWN]
    return tuple(
        (name, _token(value))
        for base in own
        for name, value in vars(base).items()
        if isinstance(value, PLAIN) and not name.startswith("__")
    )


@functools.cache
def _bookkeeping(of_model: bool) -> set[str]:
    """Attributes that Keras keeps for itself, some of which change with a mere call."""
    names = {*vars(keras.layers.Layer())}
    if of_model:
        inputs = keras.Input((1,))
        for each in (keras.Model(inputs, inputs), keras.Sequential(), keras.Model()):
            names |= vars(each).keys()
        names |= {"_hfc_keras_compiled", "_hfc_keras_form", "_hfc_keras_frozen", *TRAINING}
    return names


def _token(value: Any, depth: int = 0) -> Hashable:
    if isinstance(value, PLAIN):
        return type(value).__name__, repr(value)
    if depth < 3 and isinstance(value, Mapping):
        return tuple((str(key), _token(each, depth + 1)) for key, each in value.items())
    if depth < 3 and isinstance(value, (list, tuple, set)):
        return type(value).__name__, tuple(_token(each, depth + 1) for each in value)
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, _checksum(value)
    if isinstance(value, types.FunctionType):
        return _Same(value), _surroundings(value, depth)
    if depth < 3 and _is_plain_object(value):
        return _Same(value), _token(vars(value), depth + 1)
    return _Same(value)


def _surroundings(function: types.FunctionType, depth: int) -> Hashable:
    """Values that a function reads from its closure and its module."""
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell != types.CellType()]
    names = [name for name in function.__code__.co_names if name in function.__globals__]
    read = [function.__globals__[name] for name in names]
    kinds = (*PLAIN, Mapping, list, tuple, np.ndarray)
    return tuple(_token(value, depth + 1) for value in (*cells, *read) if isinstance(value, kinds))


def _is_plain_object(value: object) -> bool:
    """Whether a value is an object of the user's own that holds settings."""
    kind = type(value)
    owned = kind.__module__.partition(".")[0] not in NOT_OWN
    return owned and hasattr(value, "__dict__") and not isinstance(value, (type, keras.Layer))


def _checksum(values: Array) -> int:
    return zlib.crc32(np.ascontiguousarray(values).view("uint8").data) if values.size else 0


def weights(model: keras.Model) -> int:
    """Checksum of all variables of a model.

    Args:
        model: keras.Model.

    Returns:
        int.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> before = weights(model)
        >>> model.set_weights([2 * each for each in model.get_weights()])
        >>> weights(model) == before
        False
    """
    arrays = (keras.ops.convert_to_numpy(each.value) for each in model.variables)
    return hash(tuple(_checksum(np.atleast_1d(array)) for array in arrays))
