"""Low- and high-frequency components of a batch, by ``spectrum.split`` and other transforms."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from keras import ops

from benchmarks.peers.comparison import Comparison, Peer, Work
from benchmarks.peers.options import Options
from benchmarks.split import compiled
from hfc_keras import spectrum
from hfc_keras.types import Array, Floats

# By side of the images: images in one call.
SIDES = {32: 8192, 224: 128}
FAST_SHARE = 16
TOLERANCE = 1e-5


def comparisons(options: Options) -> Iterator[Comparison]:
    """Yield the filter at each size.

    Args:
        options: Options.
    """
    for side, usual in SIDES.items():
        yield comparison(side, options.images(usual, usual // FAST_SHARE), options)


def comparison(side: int, examples: int, options: Options) -> Comparison:
    """Filter at a quarter of the width.

    Args:
        side: int, height and width in pixels.
        examples: int.
        options: Options.
    """
    images = np.random.default_rng(0).random((examples, side, side, 3), "float32")
    radius = side / 4
    split = compiled(radius, side)
    by_scipy = functools.partial(_scipy, images, radius, options.threads)
    return Comparison(
        task=f"filter, {side} x {side}",
        network="none",
        examples=examples,
        own={
            "hfc_keras": lambda: _arrays(*spectrum.split(images, radius)),
            "hfc_keras, compiled": lambda: _arrays(*split(images)),
        },
        peers={
            "scipy.fft": Peer(("scipy",), lambda: by_scipy),
            "torch.fft": Peer(("torch",), functools.partial(_torch, images, radius)),
        },
        measure="low component",
        judge=lambda parts: parts[0],
        tolerance=TOLERANCE,
        repeats=options.often,
    )


def _arrays(low: Any, high: Any) -> tuple[Array, Array]:
    return ops.convert_to_numpy(low), ops.convert_to_numpy(high)


def half_mask(side: int, radius: float) -> Floats:
    """Mask of the coefficients that a real transform keeps, ``(height, width // 2 + 1)``.

    Args:
        side: int, height and width in pixels.
        radius: float, cycles per image.
    """
    return spectrum.radial_mask(side, side, radius)[:, : side // 2 + 1].astype("float32")


def _scipy(images: Floats, radius: float, workers: int) -> tuple[Floats, Floats]:
    import scipy.fft

    side = images.shape[1]
    mask = half_mask(side, radius)[:, :, None]
    coefficients: Any = scipy.fft.rfft2(images, axes=(1, 2), workers=workers)
    low: Any = scipy.fft.irfft2(coefficients * mask, s=(side, side), axes=(1, 2), workers=workers)
    return low, images - low


def _torch(images: Floats, radius: float) -> Work:
    import torch  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`

    side = images.shape[1]
    mask = torch.from_numpy(half_mask(side, radius)[:, :, None])

    def work() -> tuple[Floats, Floats]:
        tensor = torch.from_numpy(images)
        coefficients = torch.fft.rfft2(tensor, dim=(1, 2))
        low = torch.fft.irfft2(coefficients * mask, s=(side, side), dim=(1, 2))
        return low.numpy(), (tensor - low).numpy()

    return work
