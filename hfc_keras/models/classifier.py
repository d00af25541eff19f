"""The one door by which anybody's model comes in: from images in [0, 1] to logits."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from hfc_keras import checks, contract
from hfc_keras.arrays import rank
from hfc_keras.data.dataset import pair
from hfc_keras.models import logits as to_logits
from hfc_keras.models.foreign_models import Function, as_model
from hfc_keras.models.preprocessing import MODES, ImageNetPixels
from hfc_keras.types import Floats, Record, Shape, Size, Tensor

OUTPUTS = ("logits", "softmax", "sigmoid", "binary")
# What a side that a model leaves open is taken for in a look at it.
SIDE = 64
CONVERSIONS = "_hfc_keras_conversions"


def as_classifier(
    model: Any,
    pixels: Sequence[float] | None = None,
    output: str | None = None,
    output_name: str | int | None = None,
    image_size: Any = None,
    preprocessing: Callable[..., Any] | str | None = None,
) -> keras.Model:
    r"""Model from images in [0, 1] to logits, differentiable from end to end, of another model.

    .. math:: z(x) = g(f(p(a + (b - a) x))), \qquad
              g(s) = s, \quad \log s, \quad \log\frac{s}{1 - s}, \quad (0, s)

    with :math:`[a, b]` the range of pixels of the model f, p its preprocessing and g by its
    output. Where a softmax or a sigmoid is the last layer, it is left out instead, so that logits
    are exact and never saturate. A single output becomes two logits, 0 and its own, the second one
    for class 1.

    The weights are those of the model given, now and when it is trained on. A model that is a
    graph of Keras layers stays one, for ``models.antialias`` and the like. Of a function the
    weights of Keras layers that it closes over or finds in its module are followed; under JAX
    others are taken as they are when it is first called.

    Args:
        model: keras.Model, functional, sequential or a class of one's own, with one batch of images
            as input; or a function of one, a loaded SavedModel or the folder of one (with
            TensorFlow), a model of tf_keras.
        pixels: pair of floats, range of the pixels that the model was trained on, such as
            ``(0, 255)`` or ``(-1, 1)``; None is (0, 255) where something like
            ``Rescaling(1 / 255)`` stands before its first weights, and (0, 1) otherwise.
        output: ``"logits"``; ``"softmax"``; ``"sigmoid"``, one for each class; ``"binary"``, a
            single logit or sigmoid, whichever it seems to be (``"logits"`` or ``"sigmoid"`` say
            which); or None, which is what the last layer says. Where that says nothing, logits
            are assumed, and refused by every measure if they look like probabilities.
        output_name: str or int, which of several outputs; None if there is one.
        image_size: None, or ``(height, width)`` in pixels: images of any size are then resized
            (bilinear, antialiased) to the size that the model fixes, or to this where it fixes
            none. A third number is that of the channels, which a function does not state.
        preprocessing: Keras layer or differentiable function of images in ``pixels``; or, of
            images in [0, 1], ``"caffe"``, ``"torch"`` or ``"tf"``, what Keras'
            ``preprocess_input`` functions call their modes, see ``preprocessing.ImageNetPixels``.

    Returns:
        keras.Model, not compiled.

    Raises:
        ValueError: for what cannot be called on images, several inputs, several outputs without a
            name, another output than the last layer's, an invalid range or size, or a range
            beside the name of a preprocessing.

    Example:
        >>> from hfc_keras import analysis, data
        >>> net = keras.Sequential([
        ...     keras.Input((8, 8, 1)),
        ...     keras.layers.Rescaling(1 / 255),
        ...     keras.layers.Flatten(),
        ...     keras.layers.Dense(10, activation="softmax"),
        ... ])
        >>> test = data.load("digits").test
        >>> classifier = as_classifier(net)
        >>> logits = classifier(test.images[:2])
        >>> bool(np.allclose(keras.ops.softmax(logits), net(255 * test.images[:2]), atol=1e-6))
        True
    """
    checks.choice("output", output, (None, *OUTPUTS))
    if isinstance(preprocessing, str):
        pixels, preprocessing = _of_unit_range(pixels, preprocessing)
    checks.require(
        preprocessing is None or callable(preprocessing),
        f"`preprocessing` must be one of {', '.join(MODES)}, a Keras layer or a function of images",
        preprocessing=preprocessing,
    )
    range_of = None if pixels is None else _range(pixels)
    channels = image_size[2] if rank(image_size) == 1 and len(image_size) == 3 else None
    size = None if image_size is None else pair("image_size", _sides(image_size))
    source = as_model(model)
    shape = _shape(source, size, channels)
    core = to_logits.core(source, output, output_name, shape)

    joined = _joined(source, core, range_of, preprocessing, size)
    if range_of is None and isinstance(source, Function) and not source.in_sight:
        warnings.warn(
            "The range of pixels that a function or a SavedModel takes cannot be seen; it is taken "
            "for [0, 1]. Say pixels=(0, 1) or pixels=(0, 255).",
            stacklevel=2,
        )
    if range_of is None and shape and contract.takes_levels(joined, shape):
        joined = _joined(source, core, (0.0, 255.0), preprocessing, size)
    return joined


def _joined(
    source: Any,
    core: keras.Model,
    pixel_range: tuple[float, float] | None,
    preprocessing: Callable[..., Any] | None,
    size: Size | None,
) -> keras.Model:
    """Model of what stands before a model, the model, and what makes logits of its output."""
    fixed = _input_shape(source)
    resizing, conversions = [], []
    if size is not None:
        height, width = (side or given for side, given in zip(fixed[:2], size, strict=True))
        resizing.append(
            keras.layers.Resizing(
                height, width, antialias=True, data_format="channels_last", dtype="float32"
            )
        )
        fixed = (None, None, fixed[2])
    if pixel_range is not None:
        conversions.append(PixelRange(*pixel_range, name="pixels"))
    if preprocessing is not None:
        layer = isinstance(preprocessing, keras.layers.Layer)
        conversions.append(preprocessing if layer else keras.layers.Lambda(preprocessing))
    steps = [*resizing, *conversions]
    name = f"{getattr(source, 'name', 'function')}_classifier"
    if contract.is_graph(core):
        images = keras.Input(fixed, name="images")
        outputs = images
        for step in (*steps, core):
            outputs = step(outputs)
        joined: Any = keras.Model(images, outputs, name=name)
    else:
        joined = _Joined(steps, core, name=name)
    # Not as an attribute, whose layers Keras would count as the model's once more.
    vars(joined)[CONVERSIONS] = tuple(conversions) or conversions_of(source)
    return joined


def conversions_of(model: Any) -> tuple[Any, ...]:
    """Return what stands between images in [0, 1] and the model that ``as_classifier`` was given.

    Args:
        model: keras.Model, of ``as_classifier``, once or several times.

    Returns:
        tuple of layers, in the order of the computation: ``PixelRange`` and the preprocessing, as
        far as they are there; empty for another model and after it is loaded.

    Example:
        >>> net = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
        >>> [layer.hfc_keras_pixels for layer in conversions_of(as_classifier(net, (0, 255)))]
        [(0.0, 255.0)]
    """
    return vars(model).get(CONVERSIONS, ())


@keras.saving.register_keras_serializable(package="hfc_keras")
class PixelRange(keras.layers.Layer):
    r"""Pixels in [0, 1] in the range that a model was trained on.

    .. math:: y = a + (b - a) x

    Also of [0, 1] itself: the layer says that the range is known, whatever stands behind it.

    Args:
        low: float, a.
        high: float, b.
        **kwargs: see ``keras.layers.Layer``.

    Example:
        >>> float(PixelRange(-1, 1)(np.zeros((1, 1, 1, 1)))[0, 0, 0, 0])
        -1.0
    """

    def __init__(self, low: float, high: float, **kwargs: Any) -> None:
        super().__init__(**{"autocast": False, "dtype": "float32", **kwargs})
        self.hfc_keras_pixels = low, high

    def call(self, inputs: Tensor) -> Any:
        """Return the pixels of images in [0, 1]."""
        low, high = self.hfc_keras_pixels
        inputs = keras.ops.cast(inputs, "float32")
        return inputs if (low, high) == (0, 1) else low + (high - low) * inputs

    def inverse(self, pixels: Floats) -> Floats:
        """Return the images in [0, 1] of such pixels, NumPy arrays both."""
        low, high = self.hfc_keras_pixels
        return (pixels - low) / (high - low)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        low, high = self.hfc_keras_pixels
        return {**super().get_config(), "low": low, "high": high}


class _Joined(keras.Model):
    """Steps before a model that is no graph, and the model."""

    def __init__(self, steps: Sequence[Callable[..., Any]], core: Any, **kwargs: Any) -> None:
        super().__init__(**{"autocast": False, "dtype": "float32", **kwargs})
        self.steps, self.core = steps, core
        self.hfc_keras_output = core.hfc_keras_output

    def call(self, images: Tensor, training: bool | None = None) -> Any:
        """Return the logits of images."""
        images = keras.ops.cast(images, "float32")
        for step in self.steps:
            images = step(images)
        return self.core(images, training=training)


def _range(pixels: Sequence[float]) -> tuple[float, float]:
    """Smallest and largest pixel value as floats."""
    checks.require(
        rank(pixels) == 1 and len(pixels) == 2,
        "`pixels` must be the smallest and the largest value, such as (0, 255)",
        pixels=pixels,
    )
    low, high = (checks.number("pixels", value) for value in np.asarray(pixels).tolist())
    checks.require(low < high, "`pixels` must have its smaller value first", pixels=pixels)
    return low, high


def _of_unit_range(
    pixels: Sequence[float] | None, mode: str
) -> tuple[Sequence[float], ImageNetPixels]:
    """Range and layer of a preprocessing that a name stands for."""
    layer = ImageNetPixels(mode, name="preprocessing")
    checks.require(
        pixels is None or _range(pixels) == (0, 1),
        f"`pixels` must be left out beside preprocessing={mode!r}, which says the range, too",
        pixels=pixels,
    )
    return (0, 1), layer


def _sides(image_size: Any) -> Any:
    several = rank(image_size) == 1 and len(image_size) == 3
    return tuple(image_size)[:2] if several else image_size


def _input_shape(source: Any) -> tuple[int | None, ...]:
    """(height, width, channels) that a model takes, None where it leaves them open."""
    shape = getattr(source, "input_shape", None) if source.built else None
    if not isinstance(shape, tuple):
        return None, None, None
    checks.require(
        len(shape) == 4,
        "`model` must take one batch of images (batch, height, width, channels)",
        input_shape=shape,
    )
    return shape[1:]


def _shape(source: Any, size: Size | None, channels: int | None) -> tuple[int, ...] | None:
    """A shape of images to look at a model with; None where their channels are unknown."""
    own = _input_shape(source)
    channels = own[2] or channels
    sides = zip(own[:2], size or (SIDE, SIDE), strict=True)
    return (*(given or other for given, other in sides), channels) if channels else None
