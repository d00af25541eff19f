"""Subsampling by two in the frequency domain."""

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from hfc_keras import checks
from hfc_keras.layers.image_layer import ImageLayer
from hfc_keras.spectrum.axes import uses_products
from hfc_keras.types import Floats, Record, Shape, Tensor

WINDOWS = ("none", "hamming")


@keras.saving.register_keras_serializable(package="hfc_keras")
class FourierPool2D(ImageLayer):
    r"""Keep the lower half of the frequencies of each axis, as a map of half the size.

    .. math:: y = \frac{M_h M_w}{N_h N_w} F^{-1}_{M_h, M_w} \mathrm{crop}(W \cdot F x), \qquad
              M = \lceil N / 2 \rceil

    Without a window this is FrequencyLowCut pooling (FLC), an ideal low-pass filter before the
    subsampling. With ``window="hamming"`` it is Aliasing- and Sinc-artifact-free pooling (ASAP):

    .. math:: W(u, v) = \sqrt{w_{N_h}(u) \, w_{N_w}(v)}, \qquad
              w_N(f) = 0.54 + 0.46 \cos(2 \pi f / N)

    Constants stay as they are. Two deviations from the released code: its crop keeps the
    frequency :math:`-M/2` without :math:`+M/2` and drops the imaginary part that this leaves; here
    both are kept, so that the result is real and a wave at the very cut is subsampled in full.
    And the window is centered on the zero frequency, where :math:`w = 1`; NumPy's window of even
    length has its center half a bin beside it.

    Works in float32 under every dtype policy, for any size, odd or not square, known or not.

    Args:
        window: str, "none" or "hamming".
        **kwargs: see ``keras.layers.Layer``.

    Call arguments:
        inputs: ``(batch, height, width, channels)``, any finite numbers.

    Returns:
        Tensor ``(batch, ceil(height / 2), ceil(width / 2), channels)`` in the layer's compute
        dtype.

    Raises:
        ValueError: for another window or rank.

    Reference:
        Grabinski et al., FrequencyLowCut Pooling: Plug and Play against Catastrophic
        Overfitting, ECCV 2022; Grabinski et al., Fix your downsampling ASAP!, 2023,
        arXiv:2307.09804.

    Example:
        >>> import numpy as np
        >>> wave = np.cos(2 * np.pi * 3 * np.arange(16) / 16) * np.ones((1, 16, 1))
        >>> half = np.asarray(FourierPool2D()(wave[..., None]))[0, 0, :, 0]
        >>> bool(np.allclose(half, wave[0, 0, ::2], atol=1e-5))
        True
    """

    def __init__(self, window: str = "none", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = checks.choice("window", window, WINDOWS)

    def call(self, inputs: Tensor) -> Tensor:
        """Subsample a batch of maps."""
        height, width = inputs.shape[1:3]
        known = height is not None and width is not None
        pool = _by_products if known and uses_products(height, width) else _by_fft
        return ops.cast(pool(ops.cast(inputs, "float32"), self.window), self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the subsampled map."""
        batch, *sides, channels = input_shape
        return (batch, *(side and -(-side // 2) for side in sides), channels)

    def get_config(self) -> Record:
        """Return every argument that rebuilds the layer."""
        return {**super().get_config(), "window": self.window}


def _by_products(maps: Tensor, window: str) -> Tensor:
    """Pool rows, then columns, each as one real matrix product."""
    _, height, width, channels = maps.shape
    rows, columns = (_matrix(size, window) for size in (height, width))
    maps = ops.matmul(rows, ops.reshape(maps, (-1, height, width * channels)))
    maps = ops.matmul(columns, ops.reshape(maps, (-1, width, channels)))
    return ops.reshape(maps, (-1, len(rows), len(columns), channels))


def _by_fft(maps: Tensor, window: str) -> Tensor:
    """Pool with the complex transform of real and imaginary parts."""
    planes = ops.transpose(maps, (0, 3, 1, 2))
    parts = ops.fft2((planes, ops.zeros_like(planes)))
    factor = 1.0
    for axis in (2, 3):
        size = ops.shape(planes)[axis]
        half = (size + 1) // 2
        parts = [_cropped(part, size, axis, window) for part in parts]
        factor = factor * ops.cast(half, "float32") / ops.cast(size, "float32")
    return ops.transpose(factor * ops.ifft2(tuple(parts))[0], (0, 2, 3, 1))


@functools.cache
def _matrix(size: int, window: str) -> Floats:
    """The pooling of one axis, ``(ceil(size / 2), size)``."""
    spectrum = np.fft.fft(np.eye(size), axis=0)
    lower, upper, gain = _bins(size, window)
    kept = spectrum[lower] + spectrum[upper] * (lower != upper)[:, None]
    half = len(kept)
    return (np.fft.ifft(gain[:, None] * kept, axis=0).real * half / size).astype("float32")


def _cropped(part: Tensor, size: Any, axis: int, window: str) -> Tensor:
    """Lower half of the frequencies of one axis of ``(batch, channels, height, width)``."""
    lower, upper, gain = _bins(size, window)
    along = (-1, 1) if axis == 2 else (-1,)
    gain, edge = (ops.reshape(ops.cast(each, "float32"), along) for each in (gain, lower != upper))
    return gain * (ops.take(part, lower, axis=axis) + edge * ops.take(part, upper, axis=axis))


def _bins(size: int, window: str) -> Any:
    """Source of each bin of the half-sized transform, a second one, and its gain.

    The two differ at the Nyquist frequency M / 2 of an even M alone: -M / 2 and +M / 2 are one
    bin there.
    """
    module = np if isinstance(size, int) else ops
    half = (size + 1) // 2
    index = module.arange(half)
    lower = module.where(index < (half + 1) // 2, index, index + size - half)
    upper = module.where(index <= half // 2, index, index + size - half)
    if window == "none":
        return lower, upper, module.ones(half, "float32")
    turns = lower / size
    return lower, upper, module.sqrt(0.54 + 0.46 * module.cos(2 * np.pi * turns))
