"""Digests of what a measure depends on: arrays, folders and models, the same in every process."""

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from hfc_keras import contract, records
from hfc_keras.types import Array, PathLike


def digest_of_array(array: Array) -> str:
    """Hexadecimal sha256 of an array: its type, shape and bytes.

    Args:
        array: array.

    Returns:
        str of 64 digits.

    Example:
        >>> digest_of_array(np.zeros(2)) == digest_of_array(np.zeros((2, 1)))
        False
    """
    array = np.ascontiguousarray(array)
    found = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    found.update(array.data if array.size else b"")
    return found.hexdigest()


def digest_of_folder(folder: PathLike | None) -> str | None:
    """Hexadecimal sha256 of the files right in a folder, with their names.

    Args:
        folder: str, Path or None.

    Returns:
        str of 64 digits; None for None.

    Example:
        >>> import tempfile
        >>> len(digest_of_folder(tempfile.mkdtemp()))
        64
    """
    if folder is None:
        return None
    paths = sorted(path for path in Path(folder).glob("*") if path.is_file())
    found = [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in paths]
    return records.digest(found)


def digest_of_model(model: keras.Model) -> str:
    """Hexadecimal sha256 of the layers of a model, how they are joined, and of its weights.

    Layers count with their settings: those of Keras with their configs, others and subclasses of
    keras.Model also with their attributes. The names of the layers do not count, which Keras
    numbers as they are made. Code does not either: functions are known by their names and what
    they enclose, and two classes of one name are one.

    Args:
        model: keras.Model, built.

    Returns:
        str of 64 digits, the same in every process.

    Example:
        >>> from hfc_keras import models
        >>> made = [models.build("small_cnn", (8, 8, 1), 10, seed=seed) for seed in (0, 0, 1)]
        >>> first, same, other = map(digest_of_model, made)
        >>> first == same, first == other
        (True, False)
    """
    layers = model._flatten_layers()
    settings = zip(map(_settings, layers), contract.settings(model, _word), strict=True)
    # The layers of a Sequential model have their order.
    joined = (each for each in layers if isinstance(each, keras.Model))
    graphs = [_graph(each) for each in joined if hasattr(each, "operations")]
    weights = [digest_of_array(keras.ops.convert_to_numpy(each.value)) for each in model.weights]
    return records.digest([json.dumps([[*settings], graphs], default=_word), weights])


def _settings(layer: Any) -> list[Any]:
    """Class of a layer or operation and its config; that of a model is its layers'."""
    try:
        config = {} if isinstance(layer, keras.Model) else layer.get_config()
    except NotImplementedError:
        config = {}
    return [type(layer).__name__, _unnamed(config)]


def _unnamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _unnamed(each) for key, each in value.items() if key != "name"}
    return [_unnamed(each) for each in value] if isinstance(value, (list, tuple)) else value


def _graph(model: Any) -> list[Any]:
    """Calls of a graph in their order, and what each is given: results of others by their place."""
    places = {id(operation): place for place, operation in enumerate(model.operations)}
    calls = {id(each): _calls_within(each, places) for each in model.operations}

    def given(value: Any) -> Any:
        if not isinstance(value, keras.KerasTensor):
            return value
        tensor: Any = value
        operation, index, output = tensor._keras_history
        call = calls[id(operation)].index(operation._inbound_nodes[index])
        return ["result", places[id(operation)], call, output]

    def called(node: Any) -> Any:
        arguments = [list(node.arguments.args), _unnamed(node.arguments.kwargs)]
        return keras.tree.map_structure(given, arguments)

    found = [
        [_settings(each), [called(node) for node in calls[id(each)]]] for each in model.operations
    ]
    return [found, [given(output) for output in model.outputs]]


def _calls_within(operation: Any, places: dict[int, int]) -> list[Any]:
    """Calls of an operation with results of a graph's own; a layer may be in other graphs, too."""
    return [
        node
        for node in operation._inbound_nodes
        if all(id(each._keras_history.operation) in places for each in node.arguments.keras_tensors)
    ]


def _word(value: Any) -> str:
    """What stands for a value that JSON does not hold."""
    if isinstance(value, (np.ndarray, np.generic)):
        return digest_of_array(np.asarray(value))
    if keras.ops.is_tensor(value) or isinstance(value, keras.Variable):
        return digest_of_array(keras.ops.convert_to_numpy(value))
    if isinstance(value, functools.partial):
        parts = [value.func, value.args, value.keywords]
        return json.dumps(_unnamed(parts), default=_word)
    if isinstance(value, type) or not hasattr(value, "get_config"):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return json.dumps(_settings(value), default=_word)
