"""Measures, the sizes that each may grow in, and how it should grow by its arithmetic."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

MEASURES = ("split", "frequency_accuracy", "fourier_sensitivity", "fourier_heat_map", "pgd")
# Sizes of the work but for the one that grows.
USUAL = {"side": 32, "batch": 32, "radii": 4, "steps": 5, "examples": 64, "waves": 1}
AXES = tuple(USUAL)
# Of the images that a side grows with, since large ones take long.
FEW = {"batch": 4, "examples": 4}
NETWORK, WIDTH = "resnet8", 0.5

SIDES = (8, 16, 32, 64, 128, 256, 512)
BATCHES = (4, 8, 16, 32, 64, 128)
RADII = (1, 2, 4, 8, 16)
STEPS = (2, 5, 10, 20, 40)
EXAMPLES = (32, 64, 128, 256, 512)
WAVES = (1, 2, 4, 8)
# In the short run: sizes of each growth, and the largest ones where a network is called.
FAST, DEAR = 4, {"side": 256, "batch": 64, "examples": 256}


@dataclasses.dataclass(frozen=True)
class Growth:
    """One measure that grows in one size.

    Args:
        measure: str, one of ``MEASURES``.
        axis: str, a key of ``USUAL``.
        values: tuple of int, from small to large.
        time: float, exponent of the time that the arithmetic has.
        memory: float, exponent of the memory of ``child.measured``.
        reason: str, why.
    """

    measure: str
    axis: str
    values: tuple[int, ...]
    time: float
    memory: float
    reason: str

    def sizes(self, value: int) -> dict[str, int]:
        """Every size of the work, for one value of the axis.

        Args:
            value: int.
        """
        sizes = {**USUAL, **(FEW if self.axis == "side" else {}), self.axis: value}
        if self.axis == "batch":
            sizes["examples"] = 2 * BATCHES[-1]
        return sizes

    def x(self, value: int) -> int:
        """What the exponent is of: the value, or the forward passes that it makes.

        Args:
            value: int.
        """
        # The images as they are, and a low and a high component for each radius.
        if self.axis == "radii":
            return 1 + 2 * value
        # Half of a square of frequencies, and the zero frequency.
        return ((2 * value + 1) ** 2 + 1) // 2 if self.axis == "waves" else value


PIXELS = "so many pixels; convolutions look at each alike"
PRODUCTS = "matrix products along rows and columns, N^3, up to 256 pixels; N^2 log N beyond"
PER_IMAGE = "the same work, in more or fewer parts"
IMAGES = "each image alike; images themselves are kept"
NETWORK_SIDES = {"time": 2.0, "memory": 2.0, "reason": PIXELS}
ONE_BY_ONE = {"time": 1.0, "memory": 1.0, "reason": IMAGES}
IN_BATCHES = {"time": 0.0, "memory": 1.0, "reason": PER_IMAGE}


def growths(only: Collection[str] = MEASURES, over: Collection[str] = AXES) -> list[Growth]:
    """Measures in every size that they can grow in.

    Args:
        only: collection of str, measures.
        over: collection of str, axes.

    Returns:
        list of Growth.
    """
    return [each for each in _all() if each.measure in only and each.axis in over]


def _all() -> list[Growth]:
    found = [
        Growth("split", "side", SIDES, 3.0, 2.0, PRODUCTS),
        Growth("split", "examples", EXAMPLES, **ONE_BY_ONE),
    ]
    for measure in MEASURES[1:]:
        found += [
            Growth(measure, "side", SIDES, **NETWORK_SIDES),
            Growth(measure, "batch", BATCHES, **IN_BATCHES),
            Growth(measure, "examples", EXAMPLES, **ONE_BY_ONE),
        ]
    passes = "a low and a high component for each radius, and the images as they are"
    found += [
        Growth("frequency_accuracy", "radii", RADII, 1.0, 1.0, passes),
        Growth("pgd", "steps", STEPS, 1.0, 0.0, "a gradient a step; one step is kept"),
        Growth("fourier_heat_map", "waves", WAVES, 1.0, 0.0, "a pass a wave; one is kept"),
    ]
    return found


def few(growth: Growth) -> Growth:
    """The same with four sizes, of which the largest ones are left out where they are dear.

    Args:
        growth: Growth.
    """
    largest = growth.values[-1]
    if growth.measure != "split":
        largest = DEAR.get(growth.axis, largest)
    kept = tuple(value for value in growth.values if value <= largest)
    return dataclasses.replace(growth, values=kept[-FAST:])


def work(measure: str, sizes: Mapping[str, int]) -> tuple[Any, Callable[[Any], object]]:
    """Model that a measure needs, and the measure as a function of it.

    Args:
        measure: str, one of those of ``growths``.
        sizes: mapping from the keys of ``USUAL`` to int.

    Returns:
        (model or None, function of it).
    """
    from hfc_keras import models

    if measure == "split":
        return None, _split(sizes)
    shape = (sizes["side"], sizes["side"], 3)
    return models.build(NETWORK, shape, 10, width=WIDTH), _measure(measure, sizes)


def _images(sizes: Mapping[str, int]) -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    shape = (sizes["examples"], sizes["side"], sizes["side"], 3)
    return rng.random(shape, "float32"), rng.integers(0, 10, sizes["examples"])


def _split(sizes: Mapping[str, int]) -> Callable[[Any], object]:
    from hfc_keras import spectrum

    images, _ = _images(sizes)
    return lambda model: [part.shape for part in spectrum.split(images, sizes["side"] / 4)]


def _measure(measure: str, sizes: Mapping[str, int]) -> Callable[[Any], object]:
    from hfc_keras import analysis, attacks

    images, labels = _images(sizes)
    batch = sizes["batch"]
    radii = [sizes["side"] / 2 * (1 + each) / sizes["radii"] for each in range(sizes["radii"])]
    attack = attacks.Pgd(8 / 255, steps=sizes["steps"])
    waves = sizes["waves"]
    measures: dict[str, Callable[[Any], object]] = {
        "frequency_accuracy": lambda model: analysis.frequency_accuracy(
            model, images, labels, radii, batch_size=batch
        ),
        "fourier_sensitivity": lambda model: analysis.fourier_sensitivity(
            model, images, labels, batch_size=batch
        ),
        "fourier_heat_map": lambda model: analysis.fourier_heat_map(
            model, images, labels, max_frequency=waves, step=1, batch_size=batch
        ),
        "pgd": lambda model: attacks.run(model, images, labels, attack, batch_size=batch),
    }
    return measures[measure]
