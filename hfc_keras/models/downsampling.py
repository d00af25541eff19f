"""The places where a network halves its maps, plain or anti-aliased."""

import collections
from typing import Any

import keras

from hfc_keras import checks
from hfc_keras.layers import BlurPool2D, FourierPool2D
from hfc_keras.models.parts import Parts, smaller_side

# By kind of anti-aliasing: its default order.
ORDERS = {
    "none": None,
    "aligned": None,
    "blurpool": "post",
    "critical": "post",
    "flc": "pre",
    "asap": "pre",
}
BLURS = ("blurpool", "critical")
BLUR_SIZE = 3


class Downsampling:
    r"""Adds the layers that halve a network's maps, with or without a low-pass filter.

    A subsampling by two folds what a map holds above the frequency 1/4 onto what it holds below.
    The kinds differ in the filter L that takes it away before and in where it stands; D is the
    subsampling, f a convolution at stride 1 and :math:`\phi` normalization and rectifier:

    | kind | 3 x 3 convolution | 1 x 1 shortcut | pooling of the first layers, 3 x 3 |
    |---|---|---|---|
    | none | phi D' f | D f | D' max |
    | aligned | phi D f | D f | D max |
    | critical | phi D L f | f D L | D L max, the maximum of 3 x 3 at stride 1 |
    | blurpool | D L phi f | f D L | D L max, the maximum of 2 x 2 at stride 1, no padding |
    | flc, asap | phi f D L | f D L | as critical |

    D keeps the pixels 0, 2, 4 ... . A strided 3 x 3 convolution of Keras with padding "same" keeps
    1, 3, 5 ... of a map of even size (D'), one pixel beside its shortcut, and so does a 3 x 3
    pooling; "aligned" pads all sides alike, as the released networks do, and has no filter: it is
    what the others are to be compared with.

    L is binomial (``layers.BlurPool2D``) in critical and blurpool and cuts at 1/4
    (``layers.FourierPool2D``) in flc and asap. On a shortcut f and L commute, so the cheaper order
    serves for both. ``order="pre"`` filters the input of the 3 x 3 convolution: critical and
    blurpool are then both phi D f L, with the stride on the convolution; ``order="post"`` makes
    flc and asap phi D L f. Poolings and shortcuts are the same in both orders.

    A 2 x 2 average pooling, which is the shortcut without parameters, becomes D L: it is itself a
    filter, of size 2, and its place is that of the projection. Other maximum poolings are as in
    the table. A map that has, at stride 1, a single row or column is left to the plain layer,
    as nothing is there to filter or to reflect. The first convolution is always plain: a kernel
    of 7 x 7 can be a low-pass filter by itself.

    Layers of the filter have no weights and draw no random numbers, so a network has the
    parameters, and starts from the weights, of its plain twin.

    Args:
        parts: Parts, which adds the other layers.
        antialias: str, "none", "aligned", "blurpool", "critical", "flc" or "asap".
        blur_size: int from 1 to 7, size of the binomial kernel.
        order: None, which is "post" for blurpool and critical and "pre" for flc and asap; or
            "post" or "pre".

    Raises:
        ValueError: if an option is none of these, or is given without the kind it belongs to.

    Reference:
        Zhang, Making Convolutional Networks Shift-Invariant Again, ICML 2019 (blurpool);
        Vasconcelos et al., Impact of Aliasing on Generalization in Deep Convolutional Networks,
        ICCV 2021 (critical); Grabinski et al., FrequencyLowCut Pooling, ECCV 2022 (flc), and
        Fix your downsampling ASAP!, 2023 (asap).

    Example:
        >>> from hfc_keras.models.parts import Parts
        >>> down = Downsampling(Parts(), antialias="blurpool", blur_size=5)
        >>> down.conv_relu(keras.Input((32, 32, 16)), 32, 3, strides=2).shape
        (None, 16, 16, 32)
    """

    def __init__(
        self,
        parts: Parts,
        antialias: str = "none",
        blur_size: int = BLUR_SIZE,
        order: str | None = None,
    ) -> None:
        """Check the options."""
        self.parts = parts
        self.kind = checks.choice("antialias", antialias, ORDERS)
        self.blur_size = checks.number("blur_size", blur_size, 1, 7, whole=True)
        checks.require(
            antialias in BLURS or blur_size == BLUR_SIZE,
            "`antialias` must be 'blurpool' or 'critical' for a `blur_size`",
            antialias=antialias,
            blur_size=blur_size,
        )
        checks.choice("order", order, (None, "post", "pre"))
        checks.require(
            order is None or ORDERS[antialias],
            "`antialias` must be of a kind that filters, to have an order",
            antialias=antialias,
            order=order,
        )
        self.order = order or ORDERS[antialias]
        self._count = collections.Counter()

    def conv_relu(
        self, x: keras.KerasTensor, filters: int, size: int, strides: int = 1, **options: Any
    ) -> keras.KerasTensor:
        """Return ``x`` after a convolution, normalization and rectifier, halved at stride 2.

        Args:
            x: tensor ``(batch, height, width, channels)``.
            filters: int, filters of the convolution.
            size: int, side of its kernel.
            strides: int, 1 or 2.
            **options: see ``Parts.conv``.

        Returns:
            tensor ``(batch, ceil(height / strides), ceil(width / strides), filters)``.
        """
        if strides == 2 and self.kind == "aligned":
            return self._aligned(x, filters, size, **options)
        if strides == 1 or self._is_plain(x):
            return self.parts.conv_relu(x, filters, size, strides=strides, **options)
        if self.order == "pre" and self.kind in BLURS:
            return self._aligned(self._blurred(x, 1), filters, size, **options)
        if self.order == "pre":
            return self.parts.conv_relu(self._halved(x), filters, size, **options)
        if self.kind == "blurpool":
            return self._halved(self.parts.conv_relu(x, filters, size, **options))
        x = self._halved(self.parts.conv(x, filters, size, **options))
        return self.parts.norm_relu(x)

    def shortcut(self, x: keras.KerasTensor, filters: int, strides: int = 1) -> keras.KerasTensor:
        """Return ``x`` after a 1 x 1 convolution, halved at stride 2.

        Args:
            x: tensor ``(batch, height, width, channels)``.
            filters: int, filters of the convolution.
            strides: int, 1 or 2.

        Returns:
            tensor ``(batch, ceil(height / strides), ceil(width / strides), filters)``.
        """
        if strides == 1 or self._is_plain(x):
            return self.parts.conv(x, filters, 1, strides)
        return self.parts.conv(self._halved(x), filters, 1)

    def max_pool(
        self, x: keras.KerasTensor, size: int = 2, padding: str = "valid"
    ) -> keras.KerasTensor:
        """Return maxima with stride 2, or ``x`` where less than one pixel would remain.

        Args:
            x: tensor ``(batch, height, width, channels)``.
            size: int, side of the window.
            padding: str, "valid" or "same".

        Returns:
            tensor ``(batch, new height, new width, channels)``.
        """
        if self.kind == "blurpool":
            windows, padded = 2, "valid"
        else:
            windows, padded = size, padding
        lost = windows - 1 if padded == "valid" else 0
        beside = self.kind == "aligned" and padding == "same"
        if self._is_plain(x, lost) and not beside:
            return self.parts.max_pool(x, size, padding)
        layer = keras.layers.MaxPooling2D(windows, 1, padded, name=self._name("max"))
        return self._halved(layer(x))

    def average_pool(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Return the means of 2 x 2 pixels, or what stands in their place.

        Args:
            x: tensor ``(batch, height, width, channels)``.

        Returns:
            tensor ``(batch, ceil(height / 2), ceil(width / 2), channels)``.
        """
        return self.parts.average_pool(x) if self._is_plain(x) else self._halved(x)

    def _aligned(
        self, x: keras.KerasTensor, filters: int, size: int, **options: Any
    ) -> keras.KerasTensor:
        """Convolution that keeps the pixels 0, 2, 4 ..., normalization and rectifier."""
        if options.get("levels", 1) == 1:
            # Contextual convolutions of several levels pad so by themselves.
            x = keras.layers.ZeroPadding2D(size // 2, name=self._name("border"))(x)
            options = {**options, "padding": "valid"}
        return self.parts.conv_relu(x, filters, size, strides=2, **options)

    def _is_plain(self, x: keras.KerasTensor, lost: int = 0) -> bool:
        return self.order is None or smaller_side(x) - lost < 2

    def _halved(self, x: keras.KerasTensor) -> keras.KerasTensor:
        if self.kind == "aligned":
            return BlurPool2D(1, 2, name=self._name("every_second"))(x)
        if self.kind in BLURS:
            return self._blurred(x, 2)
        window = "hamming" if self.kind == "asap" else "none"
        return FourierPool2D(window, name=self._name("fourier"))(x)

    def _blurred(self, x: keras.KerasTensor, strides: int) -> Any:
        return BlurPool2D(self.blur_size, strides, name=self._name("blur"))(x)

    def _name(self, kind: str) -> str:
        self._count[kind] += 1
        return f"{kind}{self._count[kind] - 1}"
