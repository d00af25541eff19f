"""How many images and steps a profile spends on each measure."""

import dataclasses
from typing import Self

import numpy as np

from hfc_keras.types import ImageShape

# Sides at and beyond which attacks of some hundred gradients an image take minutes.
LARGE = 64
BANDS = {True: 8, False: 16}
LEVELS = {True: (1, 2, 4, 8, 16), False: (0.5, 1, 2, 4, 8, 16)}
PARTS = {
    True: (1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2),
    False: (1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2),
}


@dataclasses.dataclass(frozen=True)
class Budget:
    """Images and steps of each measure.

    Args:
        radii: floats, cycles per image.
        bands: int, rings of band stop.
        population, filtered, banded, gradients, waves, attacked, shifted, checked, spectra: int,
            images of each measure.
        steps: int, of PGD.
        epsilons: floats, of attacks, in pixel values of [0, 1].
        shifts: ints, largest shifts in pixels.
        attack_checks: bool, whether ``selfchecks`` also attacks.
        waves_a_side: int, about how many waves a heat map has along each axis.
        batch_size: int, images at once.
        statistics_batch: int, images of a batch that is normalized by its own statistics; the
            filtered images make batches of nearly one size.
    """

    radii: tuple[float, ...]
    bands: int
    population: int
    filtered: int
    banded: int
    gradients: int
    waves: int
    attacked: int
    shifted: int
    checked: int
    spectra: int
    steps: int
    epsilons: tuple[float, ...]
    shifts: tuple[int, ...]
    attack_checks: bool
    waves_a_side: int
    batch_size: int
    statistics_batch: int

    @classmethod
    def of(cls, image_shape: ImageShape, examples: int, fast: bool) -> Self:
        """Budget for some images: the larger they are, the fewer.

        Args:
            image_shape: ``(height, width, channels)``.
            examples: int, how many there are.
            fast: bool, about a minute or two instead of some ten.

        Returns:
            Budget.

        Example:
            >>> small = Budget.of((32, 32, 3), 1000, fast=True)
            >>> large = Budget.of((224, 224, 3), 1000, fast=True)
            >>> small.filtered, large.filtered, large.attack_checks
            (400, 57, False)
        """
        height, width, _ = image_shape
        side = min(height, width)
        scale = min(4.0, 32 / np.sqrt(height * width))

        def images(base: int, most: int = examples) -> int:
            return min(most, max(20, round(scale * base)))

        filtered = images(400 if fast else 2000)
        radii = {round(2 * side * part) / 2 for part in PARTS[fast]} - {0.0}
        shifts = {shift for shift in (1, 2, 4, 8) if shift <= max(1, side // 4)}
        return cls(
            radii=tuple(sorted(radii)),
            bands=min(BANDS[fast], max(1, side // 2)),
            population=images(500 if fast else 2000, 4000),
            filtered=filtered,
            banded=images(300 if fast else 1000),
            gradients=images(300 if fast else 1000),
            waves=images(50 if fast else 200),
            attacked=images(100 if fast else 300),
            shifted=images(400 if fast else 2000),
            checked=images(32 if fast else 200),
            spectra=images(100 if fast else 500),
            steps=10 if fast else 20,
            epsilons=tuple(level / 255 for level in LEVELS[fast]),
            shifts=tuple(sorted(shifts)),
            attack_checks=not fast or side < LARGE,
            waves_a_side=(16 if side < LARGE else 8) if fast else 32,
            batch_size=int(np.clip(256 * (LARGE**2 / (height * width)) ** 1.5, 8, 256)),
            statistics_batch=evenly(filtered, 100 if side < LARGE else 32),
        )


def evenly(count: int, size: int) -> int:
    """Return the size of batches of nearly one size, close to one that is wished for.

    Args:
        count: int, images.
        size: int, wished for.

    Returns:
        int; the last batch lacks fewer images than there are batches.

    Example:
        >>> evenly(57, 32), evenly(401, 100)
        (29, 101)
    """
    batches = max(1, round(count / size))
    return -(-count // batches)
