"""Which range of pixels a model was made for, judged by what reaches its first weights."""

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from hfc_keras import per_backend
from hfc_keras.types import Array, Floats

# Images in [0, 1] that reach the first weights with a smaller spread were meant to be levels.
SMALLEST_SPREAD = 0.05
# And those that lie further from zero than so many times their spread.
LARGEST_OFFSET = 10
NORMALIZING = (keras.layers.BatchNormalization, keras.layers.Normalization)


class _Reached(BaseException):
    """Ends a call at the first layer with weights; nobody else catches it."""


def takes_levels(model: keras.Model, shape: Sequence[int]) -> bool:
    """Whether a model divides by 255, or subtracts means of 0-255, before its first weights.

    Black, white and noise in [0, 1] are sent in. A model whose first layer with a kernel then sees
    them as images still, each value between those of black and white, but next to nothing of them
    or a large offset beside them, as behind ``Rescaling(1 / 255)`` or ``Normalization`` by means
    of 0-255, was made for levels in 0-255.

    Args:
        model: keras.Model that takes images in inference mode.
        shape: ``(height, width, channels)`` of the images.

    Returns:
        bool; false where that cannot be known, since its first weights are out of sight or its
        range was given to ``models.as_classifier``.

    Example:
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
        >>> takes_levels(keras.Sequential(layers), (8, 8, 1))
        False
        >>> layers.insert(1, keras.layers.Rescaling(1 / 255))
        >>> takes_levels(keras.Sequential(layers), (8, 8, 1))
        True
    """
    noise = np.random.default_rng(0).random(shape, "float32")
    reached = _reached(model, np.stack([np.zeros_like(noise), np.ones_like(noise), noise]))
    if reached is None or len(reached) != 3 or not np.isfinite(reached).all():
        return False
    black, white, seen = reached.reshape(3, -1)
    contrast = white - black
    lit = contrast != 0
    place = (seen - black)[lit] / contrast[lit]
    if lit.mean() < 0.5 or place.std() < 0.1 or np.abs(place - 0.5).max() > 0.55:
        # Features, not pixels: their size says nothing of a range.
        return False
    spread = np.abs(contrast[lit]).mean()
    offset = np.abs(black + white)[lit].mean() / 2
    return bool(spread < SMALLEST_SPREAD or offset > LARGEST_OFFSET * spread)


def untouched(model: keras.Model) -> keras.StatelessScope:
    """Context in which calls of a model change none of its variables for good.

    Args:
        model: keras.Model, built.

    Returns:
        keras.StatelessScope.

    Example:
        >>> layer = keras.layers.BatchNormalization()
        >>> model = keras.Sequential([keras.Input((2,)), layer])
        >>> with untouched(model):
        ...     outputs = model(np.ones((4, 2)), training=True)
        >>> np.asarray(layer.moving_mean).tolist()
        [0.0, 0.0]
    """
    return keras.StatelessScope([(each, each.value) for each in model.variables])


def _reached(model: Any, images: Array) -> Floats | None:
    """What reaches the first layer with a kernel, float64; None if that is not to be seen."""
    seen, own_thread = [], threading.get_ident()

    def reach(original: Callable[..., Any], inputs: Any, *arguments: Any, **options: Any) -> Any:
        if threading.get_ident() != own_thread:
            return original(inputs, *arguments, **options)
        seen.append(_numbers(inputs))
        raise _Reached

    layers = [layer for layer in model._flatten_layers() if _ends_the_way(layer)]
    originals = [(layer, vars(layer).get("call")) for layer in layers]
    try:
        for layer in layers:
            vars(layer)["call"] = functools.partial(reach, layer.call)
        # Called eagerly: a compiled function, as of gradients.predicted, shows no pixels.
        with untouched(model), per_backend.without_gradients():
            model(images, training=False)
    except _Reached:
        return seen[0]
    # A model that cannot be called is refused where its outputs are inspected.
    except Exception:
        return None
    finally:
        for layer, original in originals:
            _restore(layer, original)
    return None


def _numbers(inputs: Any) -> Floats | None:
    """Values of a tensor; None of one that a loop or a compiled function only traces."""
    try:
        return np.asarray(keras.ops.convert_to_numpy(inputs), "float64")
    except Exception:
        return None


def _restore(layer: Any, original: Callable[..., Any] | None) -> None:
    if original is None:
        vars(layer).pop("call", None)
    else:
        vars(layer)["call"] = original


def _ends_the_way(layer: Any) -> bool:
    """Whether a layer mixes pixels by weights of its own, or says the range by being there."""
    if getattr(layer, "hfc_keras_pixels", None) is not None:
        return True
    if isinstance(layer, (keras.Model, *NORMALIZING)):
        return False
    own = (*layer._trainable_variables, *layer._non_trainable_variables)
    return any(len(variable.shape) > 1 for variable in own)
