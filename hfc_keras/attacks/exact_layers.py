"""Layers whose rounding an attack would see: of pixels as they came, and of logits as they go."""

from collections.abc import Callable
from typing import Any

import keras

# Layers that have weights and leave every feature in its place.
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
    return _Walk(model, "inputs", _before, list).found


def logit_layers(model: keras.Model) -> list[Any]:
    """Layers of a model from the last that mix features by weights on, and these.

    Layers that code of one's own calls count in the order in which it holds them.

    Args:
        model: keras.Model, built.

    Returns:
        list of keras.Layer, none of which holds others, the last first.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> scaled = keras.layers.Rescaling(0.1)(model.output)
        >>> layers = logit_layers(keras.Model(model.input, scaled))
        >>> [type(layer).__name__ for layer in layers]
        ['Rescaling', 'Dense']
    """
    return _Walk(model, "outputs", _behind, reversed).found


class _Walk:
    """A way through a model from one of its ends on.

    Args:
        model: keras.Model.
        end: ``"inputs"`` or ``"outputs"``.
        nearer: function from an operation to those that lie between it and the end.
        in_order: function that puts a list of layers in the order of the way.
    """

    def __init__(
        self,
        model: keras.Model,
        end: str,
        nearer: Callable[[Any], list[Any]],
        in_order: Callable[[list[Any]], Any],
    ) -> None:
        self.end, self.nearer, self.in_order = end, nearer, in_order
        self.found = []
        # By id of an operation: whether it stands at the end, and whether one sees through it.
        self.at_end: dict[int, bool] = {}
        self.passes: dict[int, bool] = {}
        self.nothing_mixed = True
        self.into(model, sees=True)

    def into(self, layer: Any, sees: bool) -> None:
        """Go through the layers of a layer, which sees the end or not."""
        children = list(layer._flatten_layers(include_self=False, recursive=False))
        for tensor in getattr(layer, self.end, None) or ():
            self.at_end[id(tensor._keras_history.operation)] = sees
        for child in self.in_order(children):
            self.into(child, self._sees(child) if child._inbound_nodes else self.nothing_mixed)
        if not children:
            taken = sees and not isinstance(layer, keras.layers.InputLayer)
            self.found += [layer] if taken else []
            self.nothing_mixed &= not _mixes(layer)

    def _sees(self, operation: Any) -> bool:
        near = self.nearer(operation)
        return self.at_end.get(id(operation), False) or any(map(self._passes, near))

    def _passes(self, operation: Any) -> bool:
        if id(operation) not in self.passes:
            # One that is called on what came out of it would be asked for ever.
            self.passes[id(operation)] = False
            self.passes[id(operation)] = not _mixes(operation) and self._sees(operation)
        return self.passes[id(operation)]


def _before(operation: Any) -> list[Any]:
    nodes = operation._inbound_nodes
    return [each.operation for node in nodes for each in node.parent_nodes]


def _behind(operation: Any) -> list[Any]:
    return [node.operation for node in operation._outbound_nodes]


def _mixes(operation: Any) -> bool:
    """Whether an operation makes sums of its inputs by weights of its own."""
    return bool(getattr(operation, "weights", ())) and not isinstance(operation, STANDARDIZING)
