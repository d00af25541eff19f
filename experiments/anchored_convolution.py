"""Anchored convolution (Huang et al., 2019): one kernel used again and again.

Trains residual networks in which one convolution kernel is shared by all layers (anchored) or by
the layers of one width (mix), each use with a normalization of its own, beside the ordinary
network, and the anchored one with kernels of their own (unshared). A regulator, a 1 x 1 convolution
that is not shared, is what the paper adds to bring back the accuracy; the released code rotates the
channels instead. Measured: accuracy, also by frequency, under corruptions, attacks and shifts, and
the Fourier sensitivity: does a filter that is applied again and again use fewer frequencies? The
training is not published; the paper profile has the usual schedule of residual networks on CIFAR.
"""

import dataclasses
import functools
import sys
from typing import ClassVar

from experiments.effects import statements
from experiments.lab import networks, runner
from experiments.measures import battery
from experiments.recipes import heuristics, systems
from hfc_keras import reporting

KEYS = battery.KEYS
TABLES = battery.TABLES
TITLES = {name: heuristics.TITLES[name] for name in systems.ANCHORED}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(battery.Given):
    """Settings of this experiment."""

    PROFILE_CHANGES: ClassVar = battery.by_profile(battery.CIFAR_TRAINING)


def recipes(settings):
    """Return the trainings to compare, by name."""
    return systems.anchored(settings, settings.width)


def measure(cell):
    """Return all measures of one network."""
    return battery.rows(networks.Network(cell))


def summary(table):
    """Return spectra and accuracies in a few numbers."""
    return battery.summary(table)


def figures(table, plan):
    """Draw accuracies and shares, spectra and corruptions."""
    return battery.figures(table, TITLES, "anchored convolution")


_claim = functools.partial(
    statements.claim, "anchored", "Huang et al. 2019", "Anchored convolution"
)


CLAIMS = (
    _claim(
        "cost",
        "One kernel for all layers costs accuracy, against ResNet-18 and against the same network "
        "with kernels of their own.",
        "accuracy on test images, anchored minus each of resnet18 and unshared",
        functools.partial(battery.gains, "anchored", "clean", ("resnet18", "unshared")),
        below=0,
    ),
    *(
        _claim(
            f"{name.removeprefix('anchored_')}_better",
            sentence,
            f"accuracy on test images, {name} minus {over}",
            functools.partial(battery.gain, name, "clean", over=over),
            above=0,
        )
        for name, over, sentence in (
            (
                "anchored_regulator",
                "anchored",
                "The regulator makes a network with one kernel more accurate.",
            ),
            (
                "mix",
                "anchored",
                "A network with a kernel for each width is more accurate than with one for all.",
            ),
            (
                "mix_regulator",
                "mix",
                "The regulator makes a network with a kernel for each width more accurate.",
            ),
        )
    ),
    _claim(
        "mix_similar",
        "With a kernel for each width and regulators the network is about as accurate as the "
        "ordinary one.",
        "accuracy on test images, mix_regulator minus resnet18",
        functools.partial(battery.gain, "mix_regulator", "clean", over="resnet18"),
        above=-reporting.EQUIVALENCE,
        below=reporting.EQUIVALENCE,
    ),
    _claim(
        "rotation",
        "With the rotation of the released code the network is about as accurate as with the "
        "regulator.",
        "accuracy on test images, mix_rotation minus mix_regulator",
        functools.partial(battery.gain, "mix_rotation", "clean", over="mix_regulator"),
        kind="question",
        above=-reporting.EQUIVALENCE,
        below=reporting.EQUIVALENCE,
    ),
    _claim(
        "sensitivity",
        "A kernel that is applied again and again moves the gradient to low frequencies.",
        "centre of the spectrum in cycles per image, anchored minus unshared",
        functools.partial(battery.shift, "centre", "anchored", over="unshared"),
        below=0,
        unit="cycles",
        kind="question",
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
