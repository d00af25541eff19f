"""The feature maps of a model that is a graph, those of the models in it too."""

from collections.abc import Callable, Iterable
from typing import Any

import keras

from hfc_keras import checks, contract
from hfc_keras.types import Tensor

# Name of the images, which come before every layer.
IMAGES = "images"


class FeatureMaps(keras.Model):
    """Model that returns the outputs of a graph, and what a function makes of each feature map.

    A feature map is an output ``(batch, height, width, channels)`` of a layer. The layers are run
    as the graph connects them; models in it that are graphs themselves are gone through in turn,
    so that ``backbone/conv0`` is the layer ``conv0`` of the model ``backbone``. A layer that is
    called twice gives a second map, ``conv0 (call 2)``. Layers within layers are not seen.

    Args:
        model: keras.Model, functional or sequential and built.
        function: function of a name and its map, called as soon as there is one, so that the map
            need not be kept.
        names: iterable of str, maps that are wanted, or None for all.

    Raises:
        ValueError: for a model that is no graph; when it is called, for a layer that is channels
            first.

    Example:
        >>> import numpy as np
        >>> from hfc_keras import models
        >>> maps = FeatureMaps(models.build("small_cnn", (8, 8, 1), 10))
        >>> _, found = maps(np.zeros((2, 8, 8, 1), "float32"))
        >>> {name: each.shape[1:3] for name, each in found.items()}["images"] == (8, 8)
        True
    """

    def __init__(
        self,
        model: keras.Model,
        function: Callable[[str, Any], Any] = lambda name, maps: maps,
        names: Iterable[str] | None = None,
    ) -> None:
        super().__init__(name=f"{model.name}_maps", dtype="float32", autocast=False)
        checks.require(
            contract.is_graph(model),
            "`model` must be functional or sequential, so that its layers are seen; make one of "
            "your own class by calling its layers on images = keras.Input(shape) in turn and "
            "keras.Model(images, outputs)",
            model=type(model).__name__,
        )
        self.source, self.function = model, function
        self.names = None if names is None else tuple(names)
        # Models in it whose layers are not seen, by name, once it has been called.
        self.closed = set()
        self.built = True
        # Where an output depends on the rest of the batch, see `gradients.compiled`.
        mixing = vars(model).get("_hfc_keras_mixing", False)
        self.needs_whole_batches = bool(getattr(model, "needs_whole_batches", False) or mixing)

    def call(self, images: Tensor, training: bool | None = None) -> tuple[Any, dict[str, Any]]:
        """Return outputs, and a dict from names to what the function makes of each map."""
        found = {}
        self._hear(IMAGES, images, found)
        outputs = self._through(self.source, images, "", found)
        return outputs, found

    def _through(self, model: Any, inputs: Any, path: str, found: dict[str, Any]) -> Any:
        """Outputs of a graph for inputs, while its maps are heard."""
        graph = model
        if isinstance(model, keras.Sequential):
            graph = keras.Model(model.inputs, model.outputs, name=model.name)

        def listening(operation: Any) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                name = path + operation.name
                if isinstance(operation, keras.Model):
                    if _is_open(operation, arguments, options):
                        return self._through(operation, arguments[0], f"{name}/", found)
                    self.closed.add(name)
                outputs = operation(*arguments, **options)
                if isinstance(operation, keras.Layer):
                    _require_channels_last(operation, outputs)
                    self._hear(name, outputs, found)
                return outputs

            return call

        # As Keras itself does in Functional.call; the models in the graph have no other way in.
        standard = graph._standardize_inputs(inputs)
        outputs = graph._run_through_graph(standard, operation_fn=listening)
        return outputs[0] if isinstance(outputs, list) and len(outputs) == 1 else outputs

    def _hear(self, name: str, outputs: Any, found: dict[str, Any]) -> None:
        """Keep what the function makes of a map, if it is one."""
        if not _is_map(outputs):
            return
        calls = sum(each.partition(" (call ")[0] == name for each in found)
        name = f"{name} (call {calls + 1})" if calls else name
        if self.names is None or name in self.names:
            found[name] = self.function(name, outputs)


def _is_open(model: keras.Model, arguments: Any, options: Any) -> bool:
    """Whether the layers of a model are seen where it is called so, as with one batch of images.

    One that is always called in training mode is left to itself, as its layers could not know.
    """
    return contract.is_graph(model) and len(arguments) == 1 and not options.get("training")


def _is_map(outputs: Any) -> bool:
    return len(getattr(outputs, "shape", ())) == 4


def _require_channels_last(layer: Any, outputs: Any) -> None:
    """Refuse a layer whose maps would be read along the wrong axes.

    Zeros do not tell how a map lies: channels last, a padding that is channels first pads channels.
    """
    padding = isinstance(layer, keras.layers.ZeroPadding2D)
    layout = None if padding else getattr(layer, "data_format", None)
    checks.require(
        layout != "channels_first" or not _is_map(outputs),
        f"`{layer.name}` must be channels last, so that its maps can be read",
        data_format=layout,
    )
