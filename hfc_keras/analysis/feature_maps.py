"""The feature maps of a model, those of the models in it too."""

import collections
import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras

from hfc_keras import checks
from hfc_keras.types import Tensor

# Name of the images, which come before every layer.
IMAGES = "images"
# Layers whose ``data_format`` names axes to pad or to crop, and not how their maps are read.
WITHOUT_LAYOUT = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)
Hear = Callable[[str, keras.Layer, Any], None]
_ONE_AT_A_TIME = threading.RLock()


class FeatureMaps(keras.Model):
    """Model that returns the outputs of another one, and what a function makes of its feature maps.

    A feature map is an output ``(batch, height, width, channels)`` of a layer. The model runs as it
    always does, while its layers are listened to; models in it, functional, sequential or of the
    user's own class, are gone through in turn, so that ``backbone/conv0`` is the layer ``conv0`` of
    the model ``backbone``. A layer that is called twice gives a second map, ``conv0 (call 2)``.
    Layers within layers are not seen.

    Args:
        model: keras.Model, built.
        function: function of a name and its map, called as soon as there is one, so that the map
            need not be kept.
        names: iterable of str, maps that are wanted, or None for all.

    Raises:
        ValueError: when it is called, for a layer that is channels first.

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
        self.source, self.function = model, function
        self.names = None if names is None else tuple(names)
        self.built = True
        # Where an output depends on the rest of the batch, see `gradients.compiled`.
        mixing = vars(model).get("_hfc_keras_mixing", False)
        self.needs_whole_batches = bool(getattr(model, "needs_whole_batches", False) or mixing)

    def call(self, images: Tensor, training: bool | None = None) -> tuple[Any, dict[str, Any]]:
        """Return outputs, and a dict from names to what the function makes of each map."""
        found: dict[str, Any] = {}
        calls: collections.Counter[str] = collections.Counter()

        def keep(name: str, maps: Any) -> None:
            """Keep what the function makes of a map that is wanted; count those that are not."""
            calls[name] += 1
            name = f"{name} (call {calls[name]})" if calls[name] > 1 else name
            if self.names is None or name in self.names:
                found[name] = self.function(name, maps)

        def hear(name: str, layer: keras.Layer, outputs: Any) -> None:
            if _is_map(outputs):
                _require_channels_last(layer)
                keep(name, outputs)

        keep(IMAGES, images)
        with _listening(hear):
            outputs = self.source(images)
        return outputs, found


@contextlib.contextmanager
def _listening(hear: Hear) -> Iterator[None]:
    """Hear the outputs of the layers of the first model that is called in a block.

    In other threads layers are called as ever.
    """
    kind: Any = keras.Layer
    called, thread = kind.__call__, threading.get_ident()
    # Models that are being called, one in the other; None stands for another layer.
    path: list[str | None] = []

    @functools.wraps(called)
    def call(layer: keras.Layer, *arguments: Any, **options: Any) -> Any:
        if threading.get_ident() != thread or None in path:
            return called(layer, *arguments, **options)
        is_model = isinstance(layer, keras.Model)
        path.append(layer.name if is_model else None)
        try:
            outputs = called(layer, *arguments, **options)
        finally:
            path.pop()
        if not is_model:
            hear("/".join([*filter(None, path[1:]), layer.name]), layer, outputs)
        return outputs

    with _ONE_AT_A_TIME:
        kind.__call__ = call
        try:
            yield
        finally:
            kind.__call__ = called


def _is_map(outputs: Any) -> bool:
    return len(getattr(outputs, "shape", ())) == 4


def _require_channels_last(layer: Any) -> None:
    """Refuse a layer whose maps would be read along the wrong axes."""
    layout = None if isinstance(layer, WITHOUT_LAYOUT) else getattr(layer, "data_format", None)
    checks.require(
        layout != "channels_first",
        f"`{layer.name}` must be channels last, so that its maps can be read",
        data_format=layout,
    )
