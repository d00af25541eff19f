"""Which range of pixels a model was made for, told by what reaches its first weights."""

import keras
import numpy as np

# Images in [0, 1] that reach the first weights with a smaller spread were meant to be levels.
SMALLEST_SPREAD = 0.05
# And those that lie further from zero than so many times their spread.
LARGEST_OFFSET = 10
NORMALIZING = (keras.layers.BatchNormalization, keras.layers.Normalization)


class _Reached(BaseException):
    """Ends a call at the first layer with weights; nobody else catches it."""


def takes_levels(model, shape):
    """Whether a model divides by 255, or subtracts means of 0-255, before its first weights.

    Black, white and noise in [0, 1] are sent in. A model whose first layer with a kernel then sees
    next to nothing of them, or a large offset beside them, as behind ``Rescaling(1 / 255)`` or
    ``Normalization`` by means of 0-255, was made for levels in 0-255.

    Args:
        model: keras.Model that takes images in inference mode.
        shape: ``(height, width, channels)`` of the images.

    Returns:
        bool; false where the model does not tell, since its first weights are out of sight.

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
    spread = max(np.abs(white - black).mean(), (seen - black).std() / noise.std())
    offset = np.abs(black + white).mean() / 2
    return bool(0 < spread < SMALLEST_SPREAD or offset > LARGEST_OFFSET * spread > 0)


def _reached(model, images):
    """What reaches the first layer with a kernel, float64; None if no such layer is called."""
    seen = []

    def reach(inputs, *arguments, **options):
        seen.append(np.asarray(keras.ops.convert_to_numpy(inputs), "float64"))
        raise _Reached

    layers = [layer for layer in model._flatten_layers() if _has_kernel(layer)]
    originals = [(layer, vars(layer).get("call")) for layer in layers]
    try:
        for layer in layers:
            vars(layer)["call"] = reach
        model(images, training=False)
    except _Reached:
        return seen[0]
    finally:
        for layer, original in originals:
            _restore(layer, original)
    return None


def _restore(layer, original):
    if original is None:
        vars(layer).pop("call", None)
    else:
        vars(layer)["call"] = original


def _has_kernel(layer):
    """Whether a layer has weights of its own that mix pixels, and takes a single tensor."""
    if isinstance(layer, (keras.Model, *NORMALIZING)):
        return False
    return any(len(variable.shape) > 1 for variable in layer._trainable_variables)
