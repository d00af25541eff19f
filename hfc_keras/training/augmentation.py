"""Augmentation by Keras layers of anybody's, as a value in a recipe."""

import copy
from collections.abc import Iterable
from typing import Any

import keras

from hfc_keras import checks
from hfc_keras.training import augmentation_probe
from hfc_keras.types import Array, Record

EXPECTED = "`augmentation` must be 'none', 'crop_flip' or a tuple of Keras layers"
# What a layer is called, and the dtype that a pipeline gives it, decide nothing.
INCIDENTAL = ("name", "dtype", "trainable")
# They mix labels as well, for which a recipe has a field.
OF_LABELS = (keras.layers.MixUp, keras.layers.CutMix)


def as_configs(value: Any) -> tuple[Record, ...]:
    """Layers as plain values that are equal where the layers train alike.

    Args:
        value: list or tuple of keras.layers.Layer, or of what ``as_configs`` returned, also by
            way of JSON.

    Returns:
        Tuple of dict that ``keras.saving.serialize_keras_object`` returns, without names, dtypes
        and what was built.

    Raises:
        ValueError: for no layer, a model, one that mixes labels, holds weights, or cannot be made
            again from its config, such as a class that is not registered.

    Example:
        >>> one, other = (keras.layers.RandomFlip("horizontal") for _ in range(2))
        >>> as_configs([one]) == as_configs([other])
        True
        >>> as_configs(as_configs([one])) == as_configs([one])
        True
    """
    listed = isinstance(value, list | tuple) and len(value) > 0
    checks.require(listed, EXPECTED, augmentation=value)
    return tuple(_plain(_serialized(_made(each))) for each in value)


def layers_of(configs: Iterable[Record]) -> list[keras.layers.Layer]:
    """New layers of what ``as_configs`` returned.

    Args:
        configs: tuple of dict.

    Returns:
        List of keras.layers.Layer.

    Example:
        >>> [layer] = layers_of(as_configs([keras.layers.RandomFlip("horizontal")]))
        >>> layer.mode
        'horizontal'
    """
    return [_made(config) for config in configs]


def built(configs: Iterable[Record], images: Array) -> list[keras.layers.Layer]:
    """New layers that have been tried on images, so that all their random generators are there.

    Args:
        configs: tuple of dict, of ``as_configs``.
        images: array ``(batch, height, width, channels)``, uint8 or floats in [0, 1], at least
            one image.

    Returns:
        List of keras.layers.Layer.

    Raises:
        ValueError: for a layer that fails on images, or changes their shape; that has weights or
            other variables once it is built; whose pixels are integers, not finite or beyond
            [0, 1] by more than 1e-5; or that returns something else for the same seeds, or does
            so once it is made again from its config.

    Each layer is called by itself, in training mode and not compiled, with four states of its
    generators on a black, a white, two random and three images of the data set. That does not show
    what is rare, what only other images bring about, nor what a layer does only in compiled code.

    Example:
        >>> import numpy as np
        >>> chosen = as_configs([keras.layers.RandomFlip("horizontal")])
        >>> len(built(chosen, np.zeros((1, 8, 8, 1), "uint8")))
        1
    """
    chosen, pixels = layers_of(configs), augmentation_probe.probe_images(images)
    for layer, twin in zip(chosen, layers_of(configs), strict=True):
        augmentation_probe.check(layer, twin, pixels)
    return chosen


def _made(given: Any) -> keras.layers.Layer:
    """A layer, or the one that a config describes."""
    if isinstance(given, keras.layers.Layer):
        # Made again from its config, which alone will be kept.
        given = _serialized(given)
    checks.require(
        isinstance(given, dict) and {"class_name", "config"} <= given.keys(),
        EXPECTED,
        augmentation=given,
    )
    try:
        # A copy, since `from_config` of many a class takes its config apart.
        layer = keras.saving.deserialize_keras_object(copy.deepcopy(given))
    # Keras ends in errors of every kind.
    except Exception as error:
        raise ValueError(
            "`augmentation` must hold layers that Keras can make from their config: register a "
            "class of your own with keras.saving.register_keras_serializable(package=...), and "
            "import its module. Received: "
            f"augmentation={given.get('registered_name') or given['class_name']!r} "
            f"({type(error).__name__})"
        ) from error
    is_layer = isinstance(layer, keras.layers.Layer) and not isinstance(layer, keras.Model)
    checks.require(is_layer, f"{EXPECTED}, no models", augmentation=given["class_name"])
    checks.require(
        not isinstance(layer, OF_LABELS),
        "`augmentation` must hold layers of images alone; for a mix of labels set `mix_up`",
        augmentation=given["class_name"],
    )
    checks.require(
        not layer.weights,
        "`augmentation` must hold layers without weights, which no config keeps",
        augmentation=given["class_name"],
    )
    return layer


def _serialized(layer: keras.layers.Layer) -> Record:
    """Config of a layer, refused unless another process can make the layer from it."""
    content: Any = keras.saving.serialize_keras_object(layer)
    name = content.get("registered_name")
    checks.require(
        name is None or keras.saving.get_registered_object(name) is type(layer),
        "`augmentation` must hold layers of Keras, or of classes registered with "
        "keras.saving.register_keras_serializable(package=...)",
        augmentation=type(layer).__name__,
    )
    return content


def _plain(content: Any) -> Any:
    """Content for JSON, without what decides nothing."""
    if isinstance(content, list | tuple):
        return [_plain(each) for each in content]
    if not isinstance(content, dict):
        checks.require(
            content is None or isinstance(content, str | bool | int | float),
            "`augmentation` must hold layers whose config is plain values",
            augmentation=content,
        )
        return content
    config = content.get("config")
    if not isinstance(config, dict) or "class_name" not in content:
        return {key: _plain(value) for key, value in content.items()}
    # The layers of a functional model know each other by name.
    own = () if "input_layers" in config or "trainable" not in config else INCIDENTAL
    # A registered class is found by its name, also once it has moved to another module.
    left = ("build_config", "module") if content.get("registered_name") else ("build_config",)
    kept = {key: value for key, value in content.items() if key not in left}
    return {
        **{key: _plain(value) for key, value in kept.items() if key != "config"},
        "config": {key: _plain(value) for key, value in config.items() if key not in own},
    }
