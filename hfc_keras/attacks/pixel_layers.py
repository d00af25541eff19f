"""Layers that see pixels as they came, which half precision would round."""

from typing import Any

import keras

# Layers that have weights and leave every pixel in its place.
STANDARDIZING = (keras.layers.Normalization, keras.layers.BatchNormalization)


def pixel_layers(model: keras.Model) -> list[Any]:
    """Layers of a model up to the first that mix pixels by weights, and these.

    Layers that code of one's own calls count in the order in which it holds them.

    Args:
        model: keras.Model, built.

    Returns:
        list of keras.Layer, none of which holds others.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("resnet8", (8, 8, 1), 10, mean=(0.5,), std=(0.5,))
        >>> [type(layer).__name__ for layer in pixel_layers(model)]
        ['Rescaling', 'Conv2D']
    """
    walk = _Walk()
    walk.into(model, sees=True)
    return walk.found


class _Walk:
    """A way through a model from its images on."""

    def __init__(self) -> None:
        self.found = []
        # By id of a layer or an operation: whether pixels come out of it.
        self.passes: dict[int, bool] = {}
        self.nothing_mixed = True

    def into(self, layer: Any, sees: bool) -> None:
        """Go through the layers of a layer, which sees pixels or not."""
        children = list(layer._flatten_layers(include_self=False, recursive=False))
        for tensor in getattr(layer, "inputs", None) or ():
            self.passes[id(tensor._keras_history.operation)] = sees
        for child in children:
            self.into(child, self._sees(child) if child._inbound_nodes else self.nothing_mixed)
        if not children:
            self.found += [layer] if sees else []
            self.nothing_mixed &= not _mixes(layer)

    def _sees(self, operation: Any) -> bool:
        nodes = operation._inbound_nodes
        return any(self._passes(each.operation) for node in nodes for each in node.parent_nodes)

    def _passes(self, operation: Any) -> bool:
        if id(operation) not in self.passes:
            # One that is called on what came out of it would be asked for ever.
            self.passes[id(operation)] = False
            self.passes[id(operation)] = not _mixes(operation) and self._sees(operation)
        return self.passes[id(operation)]


def _mixes(operation: Any) -> bool:
    """Whether an operation makes sums of pixels by weights of its own."""
    return bool(getattr(operation, "weights", ())) and not isinstance(operation, STANDARDIZING)
