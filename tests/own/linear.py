"""Models whose logits NumPy can say."""

import keras
import numpy as np


def linear_model(weights, last=None, bias=0.0):
    """A model from images to the products of their pixels with the weights.

    Args:
        weights: float ``(height, width, channels, classes)``.
        last: layer after it, or None.
        bias: float, or one for each class.
    """
    classes = weights.shape[3]
    dense = keras.layers.Dense(classes)
    layers = [keras.Input(weights.shape[:3]), keras.layers.Flatten(), dense]
    model = keras.Sequential([*layers, last] if last else layers)
    dense.set_weights([weights.reshape(-1, classes), np.broadcast_to(bias, classes)])
    return model


def threshold_model(weights, threshold=0.0):
    """Two logits: a threshold, and the sum of the pixels times the weights."""
    both = np.stack([np.zeros(weights.shape), weights], axis=-1)
    return linear_model(both, bias=[threshold, 0.0])


def linear_logits(images, weights):
    """What that model returns, in float64."""
    return np.einsum("nhwc,hwck->nk", np.asarray(images, "float64"), weights)
