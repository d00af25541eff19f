"""Contextual convolution (Duta et al., 2021): branches of one layer that look further and further.

Trains a bottleneck network whose 3 x 3 convolutions are split into branches of growing dilation,
with exactly as many weights, beside its plain twin. The released network differs from the plain one
in a second thing: the last normalization of each stage stands behind the addition. Both are told
apart, all networks keeping the same pixels when they halve a map: bottleneck has neither,
bottleneck_end_norm the late normalization alone, coconv the branches alone, coresnet both.
Measured: accuracy, also by frequency, under corruptions, attacks and shifts, and the Fourier
sensitivity. The paper finds that the branches make the network more accurate. The
paper profile has its schedule for ImageNet, on the data set that is named.
"""

import dataclasses
import functools
import sys
from typing import ClassVar

from experiments.effects import statements
from experiments.lab import networks, runner
from experiments.measures import battery
from experiments.recipes import heuristics, systems

KEYS = battery.KEYS
TABLES = battery.TABLES
TITLES = {name: heuristics.TITLES[name] for name in systems.CONTEXTUAL}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(battery.Given):
    """Settings of this experiment."""

    PROFILE_CHANGES: ClassVar = battery.by_profile(
        {**battery.IMAGENET_TRAINING, "milestones": (30, 60, 80)}
    )


def recipes(settings):
    """Return the trainings to compare, by name."""
    return systems.contextual(settings, settings.width)


def measure(cell):
    """Return all measures of one network."""
    return battery.rows(networks.Network(cell))


def summary(table):
    """Return spectra and accuracies in a few numbers."""
    return battery.summary(table)


def figures(table, plan):
    """Draw accuracies and shares, spectra and corruptions."""
    return battery.figures(table, TITLES, "contextual convolution")


_claim = functools.partial(
    statements.claim, "context", "Duta et al. 2021", "Contextual convolution"
)


def _branches(table):
    """What the branches add to the test accuracy, with and without the late normalization."""
    return {
        TITLES[over]: battery.gain(name, "clean", table, over=over)
        for name, over in (("coconv", "bottleneck"), ("coresnet", "bottleneck_end_norm"))
    }


CLAIMS = (
    _claim(
        "network",
        "The released network is more accurate than its plain twin.",
        "accuracy on test images, coresnet minus bottleneck",
        functools.partial(battery.gain, "coresnet", "clean", over="bottleneck"),
        above=0,
    ),
    _claim(
        "branches",
        "The branches alone make the network more accurate, wherever the last normalization is.",
        "accuracy on test images, with minus without branches",
        _branches,
        above=0,
        kind="question",
    ),
    _claim(
        "end_norm",
        "The late normalization alone makes the network more accurate.",
        "accuracy on test images, bottleneck_end_norm minus bottleneck",
        functools.partial(battery.gain, "bottleneck_end_norm", "clean", over="bottleneck"),
        above=0,
        kind="control",
    ),
    _claim(
        "sensitivity",
        "Branches that look further move the gradient to low frequencies.",
        "centre of the spectrum in cycles per image, coconv minus bottleneck",
        functools.partial(battery.shift, "centre", "coconv", over="bottleneck"),
        below=0,
        unit="cycles",
        kind="question",
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
