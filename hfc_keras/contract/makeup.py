"""What a model is made of, to tell whether something compiled for it still holds."""

import functools
from collections.abc import Mapping

import keras
import numpy as np

# What `fit`, `evaluate` and `predict` leave on a model.
TRAINING = (
    "optimizer",
    "_optimizer",
    "history",
    "stop_training",
    "stop_evaluating",
    "stop_predicting",
    "_eval_epoch_iterator",
    "needs_whole_batches",
)
PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic)


class _Same:
    """An object that equals itself alone, kept alive so that no other one takes its place."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self):
        return id(self.value)


def makeup(model):
    """Value that changes with the layers of a model and with their settings, not its weights.

    It holds the attributes of each of its layers, those in custom layers and subclasses of
    keras.Model too: plain values and collections of them by value, everything else (functions,
    tensors, layers) by identity.

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


def _attributes(layer):
    # A model of Keras' own class is its layers, beside what trains it.
    graph = isinstance(layer, keras.Model) and type(layer).__module__.startswith("keras.")
    own = {} if graph else vars(layer)
    names = sorted(own.keys() - _bookkeeping(isinstance(layer, keras.Model)))
    return layer.dtype_policy.name, tuple((name, _token(own[name])) for name in names)


@functools.cache
def _bookkeeping(of_model):
    """Attributes that Keras keeps for itself, some of which change with a mere call."""
    names = {*vars(keras.layers.Layer())}
    if of_model:
        inputs = keras.Input((1,))
        for each in (keras.Model(inputs, inputs), keras.Sequential(), keras.Model()):
            names |= vars(each).keys()
        names |= {"_hfc_keras_compiled", "_hfc_keras_form", *TRAINING}
    return names


def _token(value, depth=0):
    if isinstance(value, PLAIN):
        return type(value).__name__, repr(value)
    if depth < 3 and isinstance(value, Mapping):
        return tuple((str(key), _token(each, depth + 1)) for key, each in value.items())
    if depth < 3 and isinstance(value, (list, tuple, set)):
        return type(value).__name__, tuple(_token(each, depth + 1) for each in value)
    if isinstance(value, np.ndarray) and value.size <= 4096:
        return str(value.dtype), value.shape, value.tobytes()
    return _Same(value)
