"""Noise: each function takes images, its parameters and a random generator for each image."""

from collections.abc import Iterable

import numpy as np

from hfc_keras.types import Array, Floats

Generators = Iterable[np.random.Generator]


def gaussian_noise(images: Floats, deviation: float, rngs: Generators) -> Array:
    """Add normal noise."""
    noise = [rng.standard_normal(images.shape[1:], "float32") for rng in rngs]
    return images + deviation * np.stack(noise)


def shot_noise(images: Floats, photons: float, rngs: Generators) -> Array:
    """Count photons."""
    counts = [rng.poisson(photons * image) for image, rng in zip(images, rngs, strict=True)]
    return np.stack(counts) / photons


def impulse_noise(images: Floats, share: float, rngs: Generators) -> Array:
    """Make values black or white."""
    lots = np.stack([rng.random(images.shape[1:]) for rng in rngs])
    return np.where(lots < share, lots < share / 2, images)
