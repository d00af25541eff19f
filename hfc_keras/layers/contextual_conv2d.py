"""A convolution whose filters look at the image with several dilations."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.arrays import rank
from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.types import Record, Shape, Tensor

# By number of levels: the share of the filters that each level has, in eighths.
EIGHTHS = {1: (8,), 2: (4, 4), 3: (4, 2, 2), 4: (2, 2, 2, 2), 5: (2, 2, 2, 1, 1)}


@keras.saving.register_keras_serializable(package="hfc_keras")
class ContextualConv2D(ImageLayer):
    r"""Dilated convolutions of one input side by side, at the price of a plain convolution.

    .. math:: y = [\, w_1 *_1 x, \; \dots, \; w_L *_L x \,] + b, \qquad
              (w *_d x)_{ij} = \sum_{mn} w_{mn} \, x_{i + dm, \, j + dn}

    with :math:`m, n` from -(k - 1) / 2 to (k - 1) / 2. Level :math:`d` convolves the whole input
    with dilation :math:`d` and gives its share of the filters: all of them; 1/2, 1/2; 1/2, 1/4,
    1/4; 1/4 four times; 1/4, 1/4, 1/4, 1/8, 1/8. Weights and multiply-adds are those of
    ``keras.layers.Conv2D(filters, kernel_size)`` for any number of levels. The initializer
    draws the kernel of that layer, of which each level takes its filters, so both start from
    the same numbers by the same seed.

    A dilated kernel has the frequency response :math:`\hat w(d u, d v)`, which repeats every
    1 / d cycles per pixel: no kernel of dilation 2 or more is a low-pass filter up to the
    highest frequency, so with strides a level of dilation d aliases what it cannot remove.

    The input is padded with zeros on all four sides alike, by (k - 1) / 2 times the dilation.
    Without strides that is ``padding="same"``. Strides keep every ``strides``-th row and column
    of that result, from the first on; Conv2D with ``padding="same"`` would keep other ones of
    an image of even size.

    Args:
        filters: int from 1, number of output channels, a multiple of what the shares need: 2 at
            two levels, 4 at three or four, 8 at five.
        kernel_size: int, odd, side of every kernel.
        levels: int from 1 to 5, dilations 1 to ``levels``; of no effect where ``splits`` and
            ``dilations`` are given.
        strides: int from 1. Backends refuse strides together with dilation: a level whose
            dilation the strides do not divide is computed in full and subsampled.
        splits: None, or sequence of ints from 1, filters of each level, ``filters`` in all.
        dilations: None, or as many ints from 1, dilation of each level. Given with ``splits``
            or not at all.
        use_bias: bool, whether to add a bias.
        kernel_initializer: see ``keras.layers.Conv2D``.
        bias_initializer: see ``keras.layers.Conv2D``.
        kernel_regularizer: see ``keras.layers.Conv2D``, for the kernel of each level.
        kernel_constraint: see ``keras.layers.Conv2D``, for the kernel of each level.
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: ``(batch, height, width, channels)``.

    Returns:
        Tensor ``(batch, ceil(height / strides), ceil(width / strides), filters)``, level by
        level, in the layer's compute dtype.

    Raises:
        ValueError: for filters that cannot be split, levels outside 1 to 5, an even kernel,
            strides below 1, or splits and dilations that do not go together.

    Reference:
        Duta et al., Contextual Convolutional Neural Networks, ICCV workshops 2021,
        arXiv 2108.07387. The released networks also set ``groups``, which their command line
        ignores; there are none here.

    Example:
        >>> import numpy as np
        >>> layer = ContextualConv2D(8, levels=4, strides=2)
        >>> layer(np.ones((1, 9, 12, 3), "float32")).shape == (1, 5, 6, 8)
        True
        >>> layer.count_params() == 3 * 3 * 3 * 8
        True
    """

    AUTOCAST = True

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        levels: int = 4,
        strides: int = 1,
        splits: Sequence[int] | None = None,
        dilations: Sequence[int] | None = None,
        use_bias: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        kernel_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = checks.number("filters", filters, minimum=1, whole=True)
        self.kernel_size = checks.number("kernel_size", kernel_size, minimum=1, whole=True)
        checks.require(self.kernel_size % 2, "`kernel_size` must be odd", kernel_size=kernel_size)
        self.levels = checks.number("levels", levels, minimum=1, maximum=5, whole=True)
        self.strides = checks.number("strides", strides, minimum=1, whole=True)
        self.splits = None if splits is None else _whole("splits", splits)
        self.dilations = None if dilations is None else _whole("dilations", dilations)
        # By level: first and last filter, and dilation.
        self._branches = _branches(self.filters, self.levels, self.splits, self.dilations)
        self.use_bias = tensors.flag("use_bias", use_bias)
        initializers = keras.initializers.get
        self.kernel_initializer = _found("kernel_initializer", kernel_initializer, initializers)
        self.bias_initializer = _found("bias_initializer", bias_initializer, initializers)
        regularizers, constraints = keras.regularizers.get, keras.constraints.get
        self.kernel_regularizer = _found("kernel_regularizer", kernel_regularizer, regularizers)
        self.kernel_constraint = _found("kernel_constraint", kernel_constraint, constraints)

    def build(self, input_shape: Shape) -> None:
        """Make a kernel for each level."""
        channels = input_shape[-1]
        checks.require(channels, "the number of channels must be known", input_shape=input_shape)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})
        kernel = (self.kernel_size, self.kernel_size, channels)
        self.kernels = [
            self.add_weight(
                name=f"kernel{level}",
                shape=(*kernel, stop - start),
                initializer=functools.partial(self._initial, kernel, start, stop),
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )
            for level, (start, stop, _) in enumerate(self._branches)
        ]
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.filters,), initializer=self.bias_initializer
            )

    def call(self, inputs: Tensor) -> Tensor:
        """Convolve a batch of images on every level."""
        dilations = [dilation for _, _, dilation in self._branches]
        maps = map(functools.partial(self._convolve, inputs), self.kernels, dilations)
        outputs = ops.concatenate(list(maps), axis=-1)
        return outputs if self.bias is None else ops.add(outputs, self.bias)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the sides divided by the strides, rounded up, and the filters."""
        sides = (side and -(-side // self.strides) for side in input_shape[1:3])
        return (input_shape[0], *sides, self.filters)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "levels": self.levels,
            "strides": self.strides,
            "splits": self.splits,
            "dilations": self.dilations,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
        }

    def _initial(
        self, kernel: Any, start: int, stop: int, shape: Shape, dtype: str | None = None
    ) -> Tensor:
        """Filters of one level, of the kernel that a plain convolution would start from."""
        return self.kernel_initializer((*kernel, self.filters), dtype=dtype)[..., start:stop]

    def _convolve(self, x: Tensor, kernel: Tensor, dilation: int) -> Tensor:
        convolve = functools.partial(ops.conv, data_format="channels_last")
        strides = self.strides
        if strides == 1:
            return convolve(x, kernel, padding="same", dilation_rate=dilation)
        margin = (dilation * (self.kernel_size // 2),) * 2
        x = ops.pad(x, ((0, 0), margin, margin, (0, 0)))
        if dilation == 1:
            return convolve(x, kernel, strides)
        if dilation % strides == 0:
            return convolve(x[:, ::strides, ::strides], kernel, dilation_rate=dilation // strides)
        return convolve(x, kernel, dilation_rate=dilation)[:, ::strides, ::strides]


def _branches(
    filters: int, levels: int, splits: Sequence[int] | None, dilations: Sequence[int] | None
) -> list[tuple[int, int, int]]:
    """By level: first and last filter, and dilation."""
    checks.require(
        (splits is None) == (dilations is None),
        "`splits` and `dilations` must be given together",
        splits=splits,
        dilations=dilations,
    )
    if splits is None or dilations is None:
        least = 8 // min(EIGHTHS[levels])
        checks.require(
            filters % least == 0,
            f"`filters` must be a multiple of {least} at {levels} levels",
            filters=filters,
            levels=levels,
        )
        splits = [filters * eighths // 8 for eighths in EIGHTHS[levels]]
        dilations = range(1, levels + 1)
    checks.require(
        len(splits) == len(dilations) and sum(splits) == filters,
        "`splits` must add up to `filters` and have one entry for each of `dilations`",
        splits=splits,
        dilations=dilations,
        filters=filters,
    )
    ends = np.cumsum(splits).tolist()
    return list(zip([0, *ends], ends, dilations, strict=False))


def _whole(name: str, values: Sequence[int]) -> tuple[int, ...]:
    checks.require(rank(values) == 1, f"`{name}` must be a sequence of ints", **{name: values})
    return tuple(checks.number(name, value, minimum=1, whole=True) for value in values)


def _found(name: str, value: Any, get: Callable[[Any], Any]) -> Any:
    """What Keras finds under a name or in a config, refused in our words where it finds nothing."""
    try:
        return get(value)
    except (ValueError, TypeError) as error:
        message = f"`{name}` must be one that Keras knows. Received: {name}={value!r}"
        raise ValueError(message) from error
