"""The layers networks are put together from: named, seeded and scaled in one place."""

import collections
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from hfc_keras import checks, regularizers, tensors
from hfc_keras.layers import ContextualConv2D, SmoothConv2D
from hfc_keras.models import part_options
from hfc_keras.types import Record

LARGE = 96  # pixels of the smaller side from which a network is laid out as for ImageNet


class Parts:
    """Adds the layers of one network under one set of options.

    A layer is named for its kind and its place among that kind (``conv0``, ``conv1``, ...).
    Each layer that draws random numbers gets an integer seed of its own from one generator.
    A dropout of rate 0 adds no layer but uses up its seed, and a normalization needs none, so
    networks that differ in nothing but these start from the same weights.

    Args:
        normalization: str, "none" or "batch": what stands where an architecture normalizes.
        bn_momentum: float in [0, 1], share of the old moving average a batch leaves.
        dropout: float in [0, 1), share of the features that a training step drops.
        width: float above 0, factor on the number of filters and of hidden units.
        mean: None, or float or one float per channel taken off the pixels.
        std: None, or float or one float per channel, above 0, by which the pixels are
            divided. Given with ``mean`` or not at all.
        smoothing: None, or str, "penalty", "constraint" or "layer": what keeps kernels smooth.
        smoothing_strength: None, which is a default for each kind, or float: the weight of the
            penalty, the largest roughness of the constraint or the rho of the layer.
        smoothed: str, "first" or "all": the convolutions that are smoothed.
        zero_logits: bool, whether the last kernel starts at zero, and all classes alike.
        seed: int from 0, from which the seeds of the layers are drawn.

    Raises:
        ValueError: if an option is none of these.

    Example:
        >>> parts = Parts(normalization="batch", width=0.5)
        >>> x = parts.conv_relu(keras.Input((32, 32, 3)), 64, 3, strides=2)
        >>> x.shape
        (None, 16, 16, 32)
        >>> parts.head(parts.global_average(x), 10).shape
        (None, 10)
    """

    def __init__(
        self,
        normalization: str = "none",
        bn_momentum: float = 0.9,
        dropout: float = 0.0,
        width: float = 1.0,
        mean: Any = None,
        std: Any = None,
        smoothing: str | None = None,
        smoothing_strength: float | None = None,
        smoothed: str = "first",
        zero_logits: bool = False,
        seed: int = 0,
    ) -> None:
        """Check the options."""
        self.normalization = checks.choice("normalization", normalization, ("none", "batch"))
        self.bn_momentum = checks.number("bn_momentum", bn_momentum, minimum=0, maximum=1)
        self.rate = checks.number("dropout", dropout, minimum=0, maximum=1)
        checks.require(self.rate < 1, "`dropout` must be below 1", dropout=dropout)
        self.width = checks.number("width", width, minimum=0)
        checks.require(self.width > 0, "`width` must be above 0", width=width)
        checks.require(
            (mean is None) == (std is None),
            "`mean` and `std` must be given together",
            mean=mean,
            std=std,
        )
        self.mean, self.std = mean, std
        self.smoothing, self.strength = part_options.smoothing(smoothing, smoothing_strength)
        self.smoothed = checks.choice("smoothed", smoothed, ("first", "all"))
        self.zero_logits = tensors.flag("zero_logits", zero_logits)
        seed = checks.number("seed", seed, minimum=0, whole=True)
        self._generator = np.random.default_rng(seed)
        self._count = collections.Counter()

    def standardize(self, x: Any) -> Any:
        """Return ``(x - mean) / std``, or ``x`` itself where they are not given."""
        if self.mean is None:
            return x
        mean = part_options.per_channel("mean", self.mean, x.shape[-1])
        std = part_options.per_channel("std", self.std, x.shape[-1])
        checks.require(min(std) > 0, "`std` must be above 0", std=self.std)
        # float32: a half-precision policy would round the pixels before they are centered.
        scales: Any = [1 / s for s in std]
        offsets: Any = [-m / s for m, s in zip(mean, std, strict=True)]
        return keras.layers.Rescaling(scales, offsets, dtype="float32", name="standardize")(x)

    def conv(
        self,
        x: Any,
        filters: int,
        size: int,
        strides: int = 1,
        padding: str = "same",
        bias: bool = False,
        levels: int = 1,
    ) -> Any:
        """Return a convolution of square kernels, ``width`` times ``filters`` of them.

        With more ``levels`` than one it has dilations 1 to ``levels``, padded on all sides.
        """
        return self.anchor(filters, size, strides, padding, bias, levels)(x)

    def anchor(
        self,
        filters: int,
        size: int,
        strides: int = 1,
        padding: str = "same",
        bias: bool = False,
        levels: int = 1,
    ) -> Any:
        """Return the layer of ``conv``, of which each call uses the same kernel."""
        kind, options = self._convolution(padding, levels)
        return kind(
            self._scaled(filters),
            size,
            strides=strides,
            use_bias=bias,
            kernel_initializer=keras.initializers.GlorotUniform(self._seed()),
            name=self._name("conv"),
            **options,
        )

    def rotate(self, x: Any) -> Any:
        """Return ``x`` with its first channel moved to the end."""
        if x.shape[-1] == 1:
            return x
        # Read as channels first, the last axis is one that this layer crops.
        ends = [
            keras.layers.Cropping2D(((0, 0), end), "channels_first", name=self._name("crop"))(x)
            for end in ((1, 0), (0, x.shape[-1] - 1))
        ]
        return keras.layers.Concatenate(name=self._name("join"))(ends)

    def norm(self, x: Any) -> Any:
        """Return the batch normalization of ``x``, or ``x`` itself where there is none."""
        if self.normalization == "none":
            return x
        return keras.layers.BatchNormalization(
            momentum=self.bn_momentum, epsilon=1e-3, name=self._name("norm")
        )(x)

    def relu(self, x: Any) -> Any:
        """Return the positive part of ``x``."""
        return keras.layers.ReLU(name=self._name("relu"))(x)

    def norm_relu(self, x: Any) -> Any:
        """Return ``x`` normalized, then rectified."""
        return self.relu(self.norm(x))

    def conv_relu(self, x: Any, filters: int, size: int, **options: Any) -> Any:
        """Return ``x`` after a convolution, normalization and rectifier."""
        return self.norm_relu(self.conv(x, filters, size, **options))

    def add(self, x: Any, y: Any) -> Any:
        """Return the sum of a shortcut and its branch."""
        return keras.layers.Add(name=self._name("add"))([x, y])

    def max_pool(self, x: Any, size: int = 2, padding: str = "valid") -> Any:
        """Return maxima with stride 2, or ``x`` where less than one pixel would remain."""
        if smaller_side(x) < 2:
            return x
        return keras.layers.MaxPooling2D(size, 2, padding, name=self._name("pool"))(x)

    def average_pool(self, x: Any) -> Any:
        """Return the means of 2 x 2 pixels; at an odd border the mean of the pixels there are."""
        return keras.layers.AveragePooling2D(2, padding="same", name=self._name("pool"))(x)

    def pad_channels(self, x: Any, channels: int) -> Any:
        """Return ``x`` with zero channels on both sides, ``channels`` in all."""
        missing = channels - x.shape[-1]
        if missing == 0:
            return x
        # Read as channels first, the last axis is one that this layer pads.
        return keras.layers.ZeroPadding2D(
            ((0, 0), (missing // 2, missing - missing // 2)),
            data_format="channels_first",
            name=self._name("pad"),
        )(x)

    def global_average(self, x: Any) -> Any:
        """Return the mean over all pixels, ``(batch, channels)``."""
        return keras.layers.GlobalAveragePooling2D(name=self._name("average"))(x)

    def flatten(self, x: Any) -> Any:
        """Return all pixels of all channels, ``(batch, features)``."""
        return keras.layers.Flatten(name=self._name("flatten"))(x)

    def dropout(self, x: Any) -> Any:
        """Return ``x`` with dropout, if there is any."""
        seed = self._seed()
        if self.rate == 0:
            return x
        return keras.layers.Dropout(self.rate, seed=seed, name=self._name("dropout"))(x)

    def head(
        self,
        x: Any,
        classes: int,
        hidden: Sequence[int] = (),
        initializer: Callable[..., Any] = keras.initializers.GlorotUniform,
    ) -> Any:
        """Return float32 logits of features ``(batch, features)``.

        Args:
            x: tensor ``(batch, features)``.
            classes: int, number of logits.
            hidden: tuple of int, units of the fully-connected layers in between, times
                ``width``. Dropout stands behind each of them, and before the logits where
                there are none.
            initializer: function of a seed that returns the initializer of the last kernel,
                unless it starts at zero.

        Returns:
            tensor ``(batch, classes)``.
        """
        if not hidden:
            x = self.dropout(x)
        for units in hidden:
            initial: Any = keras.initializers.GlorotUniform(self._seed())
            name = self._name("dense")
            x = keras.layers.Dense(self._scaled(units), kernel_initializer=initial, name=name)(x)
            x = self.dropout(self.relu(x))
        initial = initializer(seed=self._seed())
        return keras.layers.Dense(
            classes,
            kernel_initializer="zeros" if self.zero_logits else initial,
            dtype="float32",
            name="logits",
        )(x)

    def _convolution(self, padding: str, levels: int) -> tuple[Any, Record]:
        """Class of the next convolution, and its arguments for padding, levels and smoothing."""
        first = self._count["conv"] == 0
        plain = self.smoothing is None or not (first or self.smoothed == "all")
        if levels > 1:
            checks.require(
                plain,
                "`smoothed` must be 'first' with dilation, where adjacent weights see pixels apart",
                smoothed=self.smoothed,
                levels=levels,
            )
            return ContextualConv2D, {"levels": levels}
        options = {"padding": padding}
        if plain:
            return keras.layers.Conv2D, options
        if self.smoothing == "layer":
            return SmoothConv2D, {"rho": self.strength, "normalize": True, **options}
        if self.smoothing == "penalty":
            penalty = regularizers.KernelRoughness(self.strength)
            return keras.layers.Conv2D, {"kernel_regularizer": penalty, **options}
        limit = regularizers.MaxRoughness(self.strength)
        return keras.layers.Conv2D, {"kernel_constraint": limit, **options}

    def _scaled(self, number: int) -> int:
        return max(1, round(self.width * number))

    def _seed(self) -> int:
        return int(self._generator.integers(2**31))

    def _name(self, kind: str) -> str:
        self._count[kind] += 1
        return f"{kind}{self._count[kind] - 1}"


def smaller_side(x: Any) -> int:
    """Return the smaller of height and width.

    Args:
        x: tensor ``(batch, height, width, channels)``.

    Returns:
        int, pixels.

    Example:
        >>> smaller_side(keras.Input((9, 13, 3)))
        9
    """
    return min(x.shape[1:3])
