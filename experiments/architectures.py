"""Section 5 of the CVPR 2020 paper: the architecture and the frequencies a CNN uses.

Trains LeNet, AlexNet, VGG and ResNet by the same recipe, and measures their accuracy on the test
images and on their components. The paper finds that ResNet has the best test accuracy, the
smallest generalisation gap and the weakest tendency to use high frequencies. The quick profile
takes AlexNet and VGG at a quarter of their width, so that two cores suffice.
"""

import dataclasses
import functools
import sys

from experiments.effects import last_epoch
from experiments.lab import runner, settings
from experiments.measures import frequency_curves
from experiments.recipes import heuristics
from hfc_keras import reporting

KEYS = frequency_curves.KEYS
TITLES = {"lenet": "LeNet-5", "alexnet": "AlexNet", "vgg": "VGG-11", "resnet": "ResNet"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Components, heuristics.Architectures):
    """Settings of this experiment."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    return {**heuristics.architectures(settings), "resnet": settings.base_recipe()}


def measure(cell):
    """Return the rows of one training."""
    return frequency_curves.frequency_curves(cell)


def summary(table):
    """Return the accuracies after the last epoch in words."""
    return frequency_curves.summary(table)


def figures(table, plan):
    """Draw a panel an architecture, and the last epochs side by side."""
    return frequency_curves.figures(table, TITLES)


def _claim(name, sentence, measured, effect, **bound):
    return reporting.Claim(
        id=f"architectures_{name}",
        item="section 5, architectures",
        sentence=sentence,
        measured=f"{measured}, ResNet minus each of LeNet, AlexNet and VGG",
        effect=functools.partial(
            last_epoch.against_each, effect, recipe="resnet", others=heuristics.ARCHITECTURES
        ),
        **bound,
    )


CLAIMS = (
    _claim(
        "test",
        "ResNet has the best test accuracy.",
        "accuracy on test images",
        last_epoch.original,
        above=0,
    ),
    _claim(
        "gap",
        "ResNet has the smallest generalisation gap.",
        "accuracy on training minus test images",
        last_epoch.gap,
        below=0,
        fitted=functools.partial(last_epoch.fitted, recipes=("resnet", *heuristics.ARCHITECTURES)),
    ),
    _claim(
        "high",
        "ResNet uses the high frequencies least.",
        "accuracy on high components, mean over four radii",
        last_epoch.high,
        below=0,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
