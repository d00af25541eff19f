"""Which frequencies the feature maps of a model hold, layer by layer."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks, gradients, spectrum
from hfc_keras.analysis.feature_maps import FeatureMaps
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.predictions import checked_images, require_finite
from hfc_keras.types import Array, Floats, ImageShape, Predict, Tensor

# Amplitude, relative to the largest of a map, below which float32 holds rounding alone.
FLOOR = 1e-6
# Numbers in all maps of a batch at most, 256 MB, all of which may be in memory at once.
MOST_NUMBERS = 2**26
Shapes = dict[str, ImageShape]


def feature_spectrum(
    model: keras.Model,
    images: Images,
    layers: str | Sequence[str] | None = None,
    batch_size: int = 256,
) -> pd.DataFrame:
    r"""Log amplitude of the feature maps of each layer by frequency, relative to the mean.

    With :math:`m_{ic}` the map of image ``i`` and channel ``c`` of a layer, and ring ``k`` the
    coefficients whose distance to the zero frequency rounds to ``k``:

    .. math:: \Delta_k = \operatorname*{mean}_{i, c} \left( \operatorname*{mean}_{k(u, v) = k}
              \ln |\hat m_{ic}(u, v)| - \ln |\hat m_{ic}(0, 0)| \right)

    A layer that smooths makes the curve fall, one that sharpens makes it rise; a layer that
    multiplies all of its maps by a number changes nothing. Where the paper reads
    the diagonal of the transform, this is the mean over whole rings. Amplitudes below 1e-6 of the
    largest of a map, which float32 cannot tell from zero, are taken as that.

    Layers of different resolution are compared at one ``frequency``, that of a ring relative to
    the layer's own Nyquist frequency: subsampling by two moves what stood at 1/4 to 1/2.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``. Models in it are gone through,
            too; a layer of one's own counts as one, whatever is in it.
        images: float ``(examples, height, width, channels)`` in [0, 1], or
            whatever else ``analysis.frequency_accuracy`` takes.
        layers: None, every layer with an output ``(batch, height, width, channels)`` of more than
            one pixel, the images themselves first; or the name of one, or a sequence of names,
            such as ``"images"``, ``"conv0"``, ``"backbone/conv0"`` and, of a layer that is used
            twice, ``"conv0 (call 2)"``. Outputs of rank 4 that are no maps, such as windows of
            tokens, should be left out so.
        batch_size: int, at most how many images at once, fewer where maps are large; does not
            change the answer.

    Returns:
        DataFrame with a row per layer and ring, layers in the order of the computation, and the
        columns

        - layer: name; ring: from 0, cycles per map; frequency: ring divided by half of the
          shorter side of the map, 1 at the Nyquist frequency and above it in the corners;
        - log_amplitude: natural logarithm, 0 at ring 0; std: population standard deviation over
          the images of their means over channels;
        - height, width, channels: of the maps; empty: share of the maps (one for each image and
          channel) that are zero everywhere, which are left out; NaN for a layer of these alone;
        - examples: images measured.

    Raises:
        ValueError: for pixels outside [0, 1], images that do not fit the model, a model that
            returns probabilities or what is not finite, a name that no map has, maps of a single
            pixel or channels first.

    Reference:
        Park and Kim, How Do Vision Transformers Work?, ICLR 2022, Fig. 2.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> table = feature_spectrum(model, test.images[:20], layers=["images", "conv0"])
        >>> table.groupby("layer", sort=False)["ring"].max().to_dict()
        {'images': 6, 'conv0': 6}
    """
    images = checked_images(model, images, batch_size)
    shapes = _shapes(model, images)
    chosen = _chosen(shapes, layers)
    # Made once for each size of maps, where a constant for each layer would take far more memory.
    sizes = {shapes[name][:2] for name in chosen}
    means = {size: ops.convert_to_tensor(_ring_means(*size)) for size in sizes}
    maps = FeatureMaps(model, functools.partial(_log_amplitudes, shapes, means), chosen)
    measure = gradients.compiled(maps, _flat)
    step = batch_size if maps.needs_whole_batches else _images_at_once(shapes, chosen, batch_size)
    starts = range(0, len(images), step)
    parts: list[list[Array]] = []
    for at in tqdm(starts, "feature spectrum", leave=False, disable=None):
        logits, *found = map(ops.convert_to_numpy, measure(images[at : at + step]))
        require_finite(int((~np.isfinite(logits)).any(axis=1).sum()))
        parts.append(found)
    rows = (np.concatenate(each) for each in zip(*parts, strict=True))
    tables = [_table(name, shapes[name], each) for name, each in zip(chosen, rows, strict=True)]
    return pd.concat(tables, ignore_index=True).assign(examples=len(images))


def _shapes(model: keras.Model, images: Floats) -> Shapes:
    """Height, width and channels of all maps, in the order of the computation."""
    _, found = gradients.inference(FeatureMaps(model))(ops.convert_to_tensor(images[:1]))
    return {name: tuple(each.shape[1:]) for name, each in found.items()}


def _chosen(shapes: Shapes, layers: str | Sequence[str] | None) -> list:
    """Names of the maps that are wanted, in the order of the computation."""
    if layers is None:
        return [name for name, shape in shapes.items() if max(shape[:2]) > 1]
    wanted = [layers] if isinstance(layers, str) else list(layers)
    checks.require(wanted, "`layers` must name at least one layer", layers=layers)
    for name in wanted:
        checks.choice("layers", name, shapes)
        checks.require(
            max(shapes[name][:2]) > 1,
            "`layers` must name layers whose maps are larger than one pixel: that has no "
            "frequency but zero",
            layers=name,
        )
    return [name for name in shapes if name in wanted]


def _images_at_once(shapes: Shapes, chosen: Sequence[str], batch_size: int) -> int:
    """Images whose maps fit into memory together, at most a batch of them."""
    numbers = sum(int(np.prod(shapes[name])) for name in chosen)
    return max(1, min(batch_size, MOST_NUMBERS // numbers))


def _flat(predict: Predict, images: Tensor) -> tuple[Any, ...]:
    """Outputs of a model and what is made of its maps, for ``gradients.compiled``."""
    outputs, found = predict(images)
    return outputs, *found.values()


def _log_amplitudes(
    shapes: Shapes, means: Mapping[tuple[int, int], Tensor], name: str, maps: Tensor
) -> Tensor:
    """Sum over the channels of the log amplitude on each ring, and how many channels are in it.

    Maps ``(batch, height, width, channels)`` give ``(batch, rings + 1)``.
    """
    height, width, channels = shapes[name]
    # A layer may not know its sides while it is traced.
    maps = ops.reshape(ops.cast(maps, "float32"), (-1, height, width, channels))
    planes = ops.transpose(maps, (0, 3, 1, 2))
    largest = ops.max(ops.abs(planes), axis=(2, 3), keepdims=True)
    full = largest > 0
    power = _half_power(planes / ops.where(full, largest, 1.0))
    peak = ops.max(power, axis=(2, 3), keepdims=True)
    power = power / ops.where(full, peak, 1.0)
    logs = ops.where(full, ops.log(ops.maximum(power, FLOOR**2)) / 2, 0.0)
    sums = ops.matmul(_flattened(logs - logs[:, :, :1, :1]), means[height, width])
    count = ops.sum(ops.cast(full[:, :, 0, 0], "float32"), axis=1, keepdims=True)
    return ops.concatenate([sums, count], axis=1)


def _half_power(planes: Tensor) -> Any:
    """Squared amplitude of planes ``(..., height, width)`` at the columns up to half the width.

    The other columns are their mirror images. Columns come first, ``(..., columns, height)``.
    """
    real, imaginary = (ops.swapaxes(part, -1, -2) for part in ops.rfft(planes))
    real, imaginary = ops.fft((real, imaginary))
    return real**2 + imaginary**2


def _flattened(logs: Tensor) -> Any:
    """Sum over the channels, one row per image."""
    _, _, columns, height = logs.shape
    return ops.reshape(ops.sum(logs, axis=1), (-1, columns * height))


def _ring_means(height: int, width: int) -> Floats:
    """Weights ``(columns * height, rings)`` of the half plane in the means over rings."""
    index = spectrum.ring_index(height, width)[:, : width // 2 + 1].T
    column = np.arange(len(index))[:, None]
    often = np.where((column == 0) | (2 * column == width), 1, 2)
    sizes = spectrum.ring_sizes(height, width)
    belongs = index.ravel()[:, None] == np.arange(len(sizes))
    weights = belongs * np.broadcast_to(often, index.shape).ravel()[:, None] / sizes
    return weights.astype("float32")


def _table(name: str, shape: ImageShape, sums: Floats) -> pd.DataFrame:
    """Rows of one layer from the sums over channels of each image."""
    height, width, channels = shape
    sums, count = sums[:, :-1].astype("float64"), sums[:, -1:].astype("float64")
    finite = np.isfinite(sums).all()
    checks.require(
        finite,
        f"`model` must have finite feature maps; those of {name} are not",
        **{"images with others": int((~np.isfinite(sums).all(axis=1)).sum())},
    )
    seen = count[:, 0] > 0
    each = sums[seen] / count[seen]
    rings = np.arange(sums.shape[1])
    nyquist = min(side for side in (height, width) if side > 1) / 2
    return pd.DataFrame(
        {
            "layer": name,
            "ring": rings,
            "frequency": rings / nyquist,
            "log_amplitude": sums.sum(axis=0) / count.sum() if seen.any() else np.nan,
            "std": each.std(axis=0) if seen.any() else np.nan,
            "height": height,
            "width": width,
            "channels": channels,
            "empty": 1 - count.sum() / (len(sums) * channels),
        }
    )
