"""Low-pass filters at the subsampling layers of a model, put in on a copy."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import pandas as pd

from hfc_keras import checks, copying
from hfc_keras.layers import BlurPool2D, ContextualConv2D
from hfc_keras.models.surgery import require_graph, uncompiled

KINDS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    ContextualConv2D,
)


def antialias(
    model: keras.Model, pool_size: int = 3, keep: str | Sequence[str] = ()
) -> tuple[keras.Model, pd.DataFrame]:
    r"""Copy of a model that filters each map before it is subsampled by two.

    .. math:: D_2 f(x) \to D_2 L_k f(x)

    Every Conv2D, DepthwiseConv2D, SeparableConv2D, ContextualConv2D, MaxPooling2D and
    AveragePooling2D of stride 2 becomes its twin of stride 1 with the same weights, and
    ``layers.BlurPool2D`` behind it. The weights fit without training; a few epochs of it regain
    what the filter costs.

    Keras pads a strided layer of padding "same" by what the stride leaves over, so that it is the
    twin at the pixels 1, 3, 5 ... or 0, 2, 4 ... by the parity of the map and of the kernel.
    A Cropping2D puts the twin on the same grid, and with ``pool_size=1`` the copy computes what
    the model does.

    The filter stands behind the activation that a convolution has itself, and before any that is
    a layer of its own. ``models.build(..., antialias="blurpool")`` has it behind those too.

    Args:
        model: keras.Model, functional or sequential, nested ones included; left as it is. Layers
            in custom layers or wrappers are not seen.
        pool_size: int from 1 to 7, size of the binomial kernel; 1 is no filter.
        keep: sequence of str, names of layers to leave as they are, such as a first convolution
            of 7 x 7, which can be a low-pass filter by itself.

    Returns:
        ``(copy, changes)``: keras.Model, functional and not compiled, with weights of its own and
        the functions of the model, and a DataFrame with a row for each strided layer and the
        columns layer, kind, strides and became. Layers of other kinds or other strides than
        2 x 2, and maps of a single row or column at stride 1, are left alone and say so there.

    Raises:
        ValueError: for a size out of range; a name in ``keep`` of no strided layer; a model,
            outer or nested, that subclasses keras.Model or is not built; a layer that is channels
            first, whose map is too small for the filter, whose grid depends on a side that is
            unknown, which has strides other than its attribute says, or which a custom layer
            uses as well.

    Reference:
        Zhang, Making Convolutional Networks Shift-Invariant Again, ICML 2019, section 3.2.

    Example:
        >>> from hfc_keras import models
        >>> copy, changes = antialias(models.build("resnet8", (32, 32, 3), 10))
        >>> changes[["layer", "became"]].values.tolist()[0]
        ['conv3', 'Conv2D at stride 1, BlurPool2D(3)']
    """
    pool_size = checks.number("pool_size", pool_size, 1, 7, whole=True)
    surgery = _Surgery(pool_size, [keep] if isinstance(keep, str) else list(keep))
    copy = surgery.model(model)
    surgery.finish()
    rows = [(layer.name, *row) for layer, row in surgery.changes.values()]
    return copy, pd.DataFrame(rows, columns=["layer", "kind", "strides", "became"])


class _Surgery:
    """Copies layers, each once however often it is used, and adds what follows its outputs."""

    def __init__(self, pool_size: int, keep: list[str]) -> None:
        self.pool_size, self.keep = pool_size, keep
        # By id: a layer and its row of the report; a layer or model and its twin; a changed
        # twin's layer.
        self.changes, self._twins, self._originals = {}, {}, {}
        self._copier = copying.Copier()
        self._added = {}

    def model(self, model: keras.Model) -> keras.Model:
        """Copy of a model, through a view of it that was never compiled."""
        require_graph(model)
        return keras.models.clone_model(
            uncompiled(model), clone_function=self._twin, call_function=self._call
        )

    def finish(self) -> None:
        """Refuse names to keep that no strided layer has, and layers changed out of sight."""
        seen = [each for each, _ in self._twins.values() if not isinstance(each, keras.Model)]
        for layer in seen:
            hidden = copying.layers(layer)[1:] if isinstance(layer, keras.Layer) else []
            shared = [each.name for each in hidden if id(each) in map(id, self._originals.values())]
            checks.require(
                not shared,
                f"`{layer.name}` must not share layers that are changed outside of it; put them "
                "in `keep`",
                shared=shared,
            )
        names = [layer.name for layer, _ in self.changes.values()]
        for name in self.keep:
            checks.choice("keep", name, names)

    def _twin(self, layer: Any) -> Any:
        """Copy of a layer, at stride 1 where a filter will follow."""
        if id(layer) not in self._twins:
            self._twins[id(layer)] = layer, self._copied(layer)
        return self._twins[id(layer)][1]

    def _copied(self, layer: Any) -> Any:
        if isinstance(layer, keras.Model):
            return self.model(layer)
        twin = self._copier.twin(layer)
        strides = _strides(layer)
        if max(strides) == 1:
            return twin
        kind, reason = type(layer).__name__, self._kept(layer)
        became = f"kept, {reason}" if reason else f"{kind} at stride 1"
        self.changes[id(layer)] = layer, (kind, strides, became)
        if not reason:
            twin.strides = 1 if isinstance(layer.strides, int) else (1, 1)
            self._originals[id(twin)] = layer
        return twin

    def _kept(self, layer: Any) -> str:
        """Why a strided layer stays as it is, or nothing."""
        if layer.name in self.keep:
            return "as asked"
        if not isinstance(layer, KINDS):
            return "of another kind"
        if _strides(layer) != (2, 2):
            return f"strides {_strides(layer)}"
        layout = getattr(layer, "data_format", "channels_last")
        checks.require(
            layout == "channels_last",
            f"`{layer.name}` must be channels last, or in `keep`",
            data_format=layout,
        )
        return ""

    def _call(self, twin: Any, *arguments: Any, **options: Any) -> Any:
        """Output of a copied layer, on the grid of the original one and filtered."""
        output = twin(*arguments, **options)
        layer = self._originals.get(id(twin))
        if layer is None:
            return output
        _require_every_pixel(layer, arguments[0], output)
        offsets = tuple(map(_offset, *_geometry(layer), arguments[0].shape[1:3]))
        if any(offsets):
            crop = tuple((offset, 0) for offset in offsets)
            name = f"{layer.name}_crop_{offsets[0]}_{offsets[1]}"
            output = self._layer(layer, name, keras.layers.Cropping2D, crop)(output)
        return self._blurred(layer, output)

    def _blurred(self, layer: Any, output: Any) -> Any:
        sides = tuple(output.shape[1:3])
        if sides == (1, 1):
            return output
        checks.require(
            all(side is None or side > self.pool_size // 2 for side in sides),
            f"`{layer.name}` must be in `keep`, or `pool_size` smaller: its map at stride 1 has "
            "too few pixels to be reflected",
            pool_size=self.pool_size,
            **{"height and width": sides},
        )
        kind, strides, _ = self.changes[id(layer)][1]
        became = f"{kind} at stride 1, BlurPool2D({self.pool_size})"
        self.changes[id(layer)] = layer, (kind, strides, became)
        return self._layer(layer, f"{layer.name}_blur", BlurPool2D, self.pool_size)(output)

    def _layer(self, layer: Any, name: str, kind: Callable[..., Any], argument: Any) -> Any:
        """The added layer of a name, one for all calls of a shared layer."""
        key = id(layer), name
        if key not in self._added:
            self._added[key] = kind(argument, name=name, dtype=layer.dtype_policy)
        return self._added[key]


def _strides(layer: Any) -> tuple[int, ...]:
    """Strides of a layer, one for each axis; 1 where it has none."""
    strides = getattr(layer, "strides", 1)
    return (strides, strides) if isinstance(strides, int) else tuple(strides)


def _require_every_pixel(layer: Any, x: Any, output: Any) -> None:
    """Refuse a layer whose twin does not heed that its strides are 1."""
    halved = layer.compute_output_shape(x.shape)
    every = all(
        None in (whole, half) or whole in (2 * half - 1, 2 * half)
        for whole, half in zip(output.shape[1:3], halved[1:3], strict=True)
    )
    checks.require(
        every,
        f"`{layer.name}` must have the strides of its attribute `strides`, or be in `keep`",
        layer=type(layer).__name__,
    )


def _geometry(layer: Any) -> tuple[list[str], list[str], Sequence[int]]:
    """Name, padding and window of a strided layer, for each of its two axes."""
    if isinstance(layer, ContextualConv2D):
        # It pads all sides alike at every stride, and keeps the first pixel.
        return [layer.name] * 2, ["valid"] * 2, [layer.kernel_size] * 2
    window = layer.pool_size if hasattr(layer, "pool_size") else layer.kernel_size
    return [layer.name] * 2, [layer.padding] * 2, window


def _offset(name: str, padding: str, window: int, side: int | None) -> int:
    """First pixel, at stride 1, that the layer of stride 2 keeps along an axis.

    At stride 1 "same" pads w - 1 pixels, at stride 2 what is left over: w - 1 for an odd side and
    w - 2 (or 0) for an even one. The smaller half of each stands before the map.
    """
    if padding == "valid" or window == 1 or window % 2 == 0:
        return 0
    if side is None:
        checks.require(
            False,
            f"`{name}` must have an input of known size or padding 'valid', or be in `keep`",
            side=side,
        )
    return 1 - side % 2
