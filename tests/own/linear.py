"""Models whose logits NumPy can say."""

import keras
import numpy as np


def linear_model(weights, last=None):
    """A model from images to the products of their pixels with the weights.

    Args:
        weights: float ``(height, width, channels, classes)``.
        last: layer after it, or None.
    """
    dense = keras.layers.Dense(weights.shape[3], use_bias=False)
    layers = [keras.Input(weights.shape[:3]), keras.layers.Flatten(), dense]
    model = keras.Sequential([*layers, last] if last else layers)
    dense.set_weights([weights.reshape(-1, weights.shape[3])])
    return model


def linear_logits(images, weights):
    """What that model returns, in float64."""
    return np.einsum("nhwc,hwck->nk", np.asarray(images, "float64"), weights)
