r"""Nine operations on 8-bit images, one of them for each image of a batch.

They are those of AugMix without the ones that resemble corruptions of ImageNet-C. Shears,
shifts and turns are one affine map an image. The others are one table of 256 values for each
image and channel: of Keras' own layers, ``Equalization`` takes the histogram of a whole batch,
``RandomPosterization`` cuts floats such as 2.9999998 to 2, and each would run over all images.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from hfc_keras import checks
from hfc_keras.types import ArrayLike, Tensor

OPERATIONS = (
    "autocontrast",
    "equalize",
    "posterize",
    "rotate",
    "solarize",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)


def float_pixels(inputs: ArrayLike, name: str = "inputs") -> Tensor:
    """Images as a tensor, refused when their dtype cannot hold pixels in [0, 1].

    Args:
        inputs: ``(batch, height, width, channels)``.
        name: str, the argument's name.

    Returns:
        Tensor of the same shape and dtype.

    Raises:
        ValueError: for integers, which would all be clipped to 0 or 1.

    Example:
        >>> float_pixels(np.zeros((1, 2, 2, 1), "uint8"))
        Traceback (most recent call last):
        ...
        ValueError: `inputs` must be float pixels in [0, 1] (divide uint8 by 255). Received: inputs.dtype='uint8'
    """  # noqa: E501
    inputs = ops.convert_to_tensor(inputs)
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    checks.require(
        keras.backend.is_float_dtype(dtype),
        f"`{name}` must be float pixels in [0, 1] (divide uint8 by 255)",
        **{f"{name}.dtype": dtype},
    )
    return inputs


def to_levels(pixels: Tensor) -> Tensor:
    r"""Pixels as whole numbers, rounded and clipped.

    .. math:: v = \min(255, \max(0, \mathrm{round}(255 x)))

    Args:
        pixels: float tensor of any shape.

    Returns:
        int32 tensor of the same shape, 0 to 255.

    Example:
        >>> np.asarray(to_levels(np.array([-1.0, 0.5, 1.1]))).tolist()
        [0, 128, 255]
    """
    return ops.cast(ops.round(255.0 * ops.clip(ops.cast(pixels, "float32"), 0, 1)), "int32")


def apply(levels: Tensor, operations: Tensor, strengths: Tensor) -> Tensor:
    r"""Apply to each image its own operation at its own strength.

    With strength ``s``, of which only the geometric operations use the sign, and truncation
    toward 0: ``posterize`` keeps :math:`4 - \lfloor 0.4 |s| \rfloor` bits, ``solarize`` inverts
    values from :math:`256 - \lfloor 25.6 |s| \rfloor` on, ``rotate`` turns by ``[3 s]`` degrees
    to the left, a shear moves each row or column by ``0.03 s`` more than the one before,
    and a translation moves by ``[s / 30]`` of the side in whole pixels. ``autocontrast`` and
    ``equalize`` have no strength. Geometry is bilinear, on black.

    All but the rim of turned and sheared images is Pillow's, with which the released code works,
    to one level of 255. At the rim Pillow takes the nearest pixel of the image for the missing
    neighbors up to half a pixel outside and is black beyond; here the edge fades into black. On
    noise (300 images of 32 pixels per side, 60 of 224) with strengths of 0.1 to 3, more than one
    level lay between the two in 5.2 % of the pixels (``rotate``) and 3.1 % (either shear) at 32
    pixels, in 0.8 % and 0.4 % at 224, a mean of 33 levels where they did.
    ``tests/test_amplitude_phase.py`` measures it again.

    Args:
        levels: int32 ``(batch, height, width, channels)``, 0 to 255.
        operations: int ``(batch,)``, indices into ``OPERATIONS``.
        strengths: float32 ``(batch,)``, -10 to 10.

    Returns:
        int32 tensor like ``levels``, 0 to 255.

    Reference:
        Hendrycks et al., AugMix: A Simple Data Processing Method to Improve Robustness and
        Uncertainty, ICLR 2020.

    Example:
        >>> levels = np.arange(8, dtype="int32").reshape(1, 1, 8, 1)
        >>> moved = np.array([OPERATIONS.index("translate_x")])
        >>> np.asarray(apply(levels, moved, np.array([4.0], "float32"))).ravel().tolist()
        [1, 2, 3, 4, 5, 6, 7, 0]
    """
    levels, operations, strengths = map(ops.convert_to_tensor, (levels, operations, strengths))
    # PyTorch does neither count nor stack nothing.
    if levels.shape[0] == 0:
        return levels
    pixels = ops.cast(_by_tables(levels, operations, ops.abs(strengths)), "float32")
    height, width = (ops.cast(side, "float32") for side in ops.shape(levels)[1:3])
    moved = ops.image.affine_transform(
        pixels,
        _maps(operations, strengths, height, width),
        interpolation="bilinear",
        fill_mode="constant",
        fill_value=0,
        data_format="channels_last",
    )
    return ops.cast(ops.round(moved), "int32")


def _is(operations: Tensor, name: str) -> Any:
    return operations == OPERATIONS.index(name)


def _maps(operations: Tensor, strengths: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Affine maps ``(batch, 8)`` from a place of the result to one of the image, in pixels."""

    def chosen(name: str, amount: Any) -> Tensor:
        return ops.where(_is(operations, name), amount, 0.0)

    angle = chosen("rotate", np.pi / 180 * ops.trunc(3 * strengths))
    shear_x, shear_y = (chosen(f"shear_{axis}", 0.03 * strengths) for axis in "xy")
    move_x = chosen("translate_x", ops.trunc(strengths * width / 30))
    move_y = chosen("translate_y", ops.trunc(strengths * height / 30))
    cosine, sine = ops.cos(angle), ops.sin(angle)
    x, y = (width - 1) / 2, (height - 1) / 2
    # Places count from the center of the first pixel, shears from its corner: hence the halves.
    from_x = [cosine, shear_x - sine, x - cosine * x + sine * y + shear_x / 2 + move_x]
    from_y = [sine + shear_y, cosine, y - sine * x - cosine * y + shear_y / 2 + move_y]
    nothing = ops.zeros_like(angle)
    return ops.stack([*from_x, *from_y, nothing, nothing], axis=1)


def _by_tables(levels: Tensor, operations: Tensor, strengths: Tensor) -> Tensor:
    """Replace each value by that of its image's and channel's table."""
    batch, height, width, channels = ops.shape(levels)
    starts = 256 * ops.reshape(ops.arange(batch * channels, dtype="int32"), (batch, 1, 1, channels))
    places = levels + starts
    flat = ops.reshape(places, (-1,))
    counts = ops.segment_sum(ops.ones_like(flat), flat, batch * channels * 256)
    counts = ops.reshape(counts, (batch, channels, 256))
    low, high = (
        ops.transpose(side(levels, axis=(1, 2), keepdims=True, initial=end), (0, 3, 1, 2))[..., 0]
        for side, end in ((ops.min, 255), (ops.max, 0))
    )
    strengths = strengths[:, None, None]
    tables = {
        "autocontrast": _autocontrast(low, high),
        "equalize": _equalize(counts, high, height * width),
        "posterize": _posterize(ops.cast(0.4 * strengths, "int32")),
        "solarize": _solarize(ops.cast(25.6 * strengths, "int32")),
    }
    table = _values()
    for name, candidate in tables.items():
        table = ops.where(_is(operations, name)[:, None, None], candidate, table)
    table = ops.broadcast_to(table, (batch, channels, 256))
    return ops.reshape(ops.take(ops.reshape(table, (-1,)), flat), ops.shape(levels))


def _values() -> Tensor:
    return ops.arange(256, dtype="int32")


def _autocontrast(low: Tensor, high: Tensor) -> Tensor:
    """Values stretched so that the lowest one of a channel is 0 and the highest one 255."""
    stretched = (_values() - low) * 255 // ops.maximum(high - low, 1)
    return ops.where(high > low, ops.clip(stretched, 0, 255), _values())


def _equalize(counts: Tensor, high: Tensor, size: Any) -> Tensor:
    """Values by the share of pixels below them, of those below the highest value."""
    below = ops.cumsum(counts, axis=-1) - counts
    highest = ops.sum(ops.where(_values() == high, counts, 0), axis=-1, keepdims=True)
    step = (size - highest) // 255
    equalized = (step // 2 + below) // ops.maximum(step, 1)
    return ops.where(step > 0, ops.minimum(equalized, 255), _values())


def _posterize(fewer: Tensor) -> Tensor:
    """Values without their 4 + fewer lowest bits."""
    step = ops.left_shift(16 * ops.ones_like(fewer), fewer)
    return _values() // step * step


def _solarize(depth: Tensor) -> Tensor:
    """Values inverted from 256 - depth on."""
    return ops.where(_values() < 256 - depth, _values(), 255 - _values())
