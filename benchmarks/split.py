"""Images per second split into both components, by this and three other ways, 32 x 32 x 3."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import scipy.fft
from keras import ops

from benchmarks import timing
from hfc_keras import spectrum
from hfc_keras.types import Floats

SIZE, CHANNELS, EXAMPLES = 32, 3, 8192
RADII = (4, 8, 12, 16)
SLOW_EXAMPLES = 256


def per_image_numpy(images: Floats, radius: float) -> tuple[Floats, Floats]:
    """Four complex transforms for each channel of each image, as the released code does."""
    mask: Any = np.fft.fftshift(spectrum.radial_mask(SIZE, SIZE, radius, inclusive=False))
    low, high = np.zeros_like(images), np.zeros_like(images)
    for index in range(len(images)):
        for channel in range(CHANNELS):
            plane: Any = images[index, :, :, channel]
            for part, kept in ((low, mask), (high, 1 - mask)):
                shifted = np.fft.fftshift(np.fft.fft2(plane)) * kept
                part[index, :, :, channel] = np.real(np.fft.ifft2(np.fft.ifftshift(shifted)))
    return low, high


def scipy_batch(images: Floats, radius: float) -> tuple[Floats, Floats]:
    """Real transforms of the whole batch with SciPy on all cores."""
    mask = spectrum.radial_mask(SIZE, SIZE, radius)[:, : SIZE // 2 + 1, None]
    coefficients: Any = scipy.fft.rfft2(images, axes=(1, 2), workers=-1)
    low: Any = scipy.fft.irfft2(coefficients * mask, s=(SIZE, SIZE), axes=(1, 2), workers=-1)
    return low, images - low


def compiled(radius: float, side: int = SIZE) -> Callable[[Floats], Any]:
    """``spectrum.split`` inside a compiled function, as in a model or a data pipeline."""
    if keras.backend.backend() == "jax":
        import jax  # pyright: ignore[reportMissingImports]: it is not where TensorFlow is

        return jax.jit(lambda images: spectrum.split(images, radius))
    layer = keras.layers.Lambda(lambda images: spectrum.split(images, radius))
    inputs = keras.Input((side, side, CHANNELS))
    return keras.Model(inputs, layer(inputs)).predict_on_batch


def main() -> None:
    """Time every way at every radius in one run."""
    images = np.random.default_rng(0).random((EXAMPLES, SIZE, SIZE, CHANNELS), "float32")
    rows = []
    for radius in RADII:
        split = compiled(radius)
        ways = {
            "per-image NumPy loop": functools.partial(
                per_image_numpy, images[:SLOW_EXAMPLES], radius
            ),
            "scipy.fft.rfft2, all cores": functools.partial(scipy_batch, images, radius),
            "spectrum.split": lambda r=radius: ops.convert_to_numpy(spectrum.split(images, r)[1]),
            "spectrum.split, compiled": lambda f=split: ops.convert_to_numpy(f(images)[1]),
        }
        seconds = timing.interleaved(ways)
        for way, median in seconds.items():
            examples = SLOW_EXAMPLES if way.startswith("per-image") else EXAMPLES
            speed = examples / median
            rows.append({"radius": radius, "way": way, "images_per_second": round(speed)})
    timing.write("split", rows)


if __name__ == "__main__":
    main()
