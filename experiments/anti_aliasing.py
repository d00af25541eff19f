"""Anti-aliasing (Zhang, ICML 2019; Vasconcelos et al., ICCV 2021; FLC pooling, ECCV 2022).

A network that keeps every second pixel without a filter before it folds high frequencies onto low
ones. Trains networks that filter first, alike but for that; aligned is the control without a
filter, which keeps the same pixels as they do where Keras keeps those beside them: critical filters
where a dense operation of small support is followed by subsampling, blurpool by the rules of ICML
2019, flc crops the spectrum, asap does so through a window. Measured against the plain network:
accuracy, also by frequency, under corruptions and attacks, how often a shift of the image changes
the class, and the Fourier sensitivity. The papers find that such networks are more accurate, and
change their mind less when the image is shifted. The paper profile has their schedule
for ImageNet, on the data set that is named.
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
# What a filter is compared with: the network of Keras, and the one that keeps the same pixels.
PLAIN = ("vanilla", "aligned")
TITLES = {name: heuristics.TITLES[name] for name in ("vanilla", *systems.ANTIALIASED)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(battery.Settings):
    """Settings of this experiment."""

    PROFILE_CHANGES: ClassVar = battery.by_profile(
        {**battery.IMAGENET_TRAINING, "model": "resnet50"}
    )


def recipes(settings):
    """Return the trainings to compare, by name."""
    return {"vanilla": settings.base_recipe(), **systems.antialiased(settings)}


def measure(cell):
    """Return all measures of one network."""
    return battery.rows(networks.Network(cell))


def summary(table):
    """Return spectra and accuracies in a few numbers."""
    return battery.summary(table)


def figures(table, plan):
    """Draw accuracies and shares, spectra and corruptions."""
    return battery.figures(table, TITLES, "anti-aliasing")


_claim = functools.partial(statements.claim, "antialiasing", item="Anti-aliasing")
VASCONCELOS, ZHANG, GRABINSKI = "Vasconcelos et al. 2021", "Zhang 2019", "Grabinski et al. 2022"
CLAIMS = (
    *(
        _claim(
            paper,
            name=f"{name}_clean",
            sentence=f"{words} makes the network more accurate.",
            measured=f"accuracy on test images, {name} minus each plain network",
            effect=functools.partial(battery.gains, name, "clean", PLAIN),
            above=0,
        )
        for paper, name, words in (
            (VASCONCELOS, "critical", "Filtering on the critical paths"),
            (ZHANG, "blurpool", "BlurPool"),
        )
    ),
    *(
        _claim(
            paper,
            name=f"{name}_shifted",
            sentence=f"{words} makes the network change its mind less when the image is shifted.",
            measured="share of images whose class stays after two random shifts, "
            f"{name} minus each plain network",
            effect=functools.partial(battery.gains, name, "shifted", PLAIN),
            above=0,
            unit="share",
            kind=kind,
        )
        for paper, name, words, kind in (
            (ZHANG, "blurpool", "BlurPool", "paper"),
            (VASCONCELOS, "critical", "Filtering on the critical paths", "question"),
        )
    ),
    *(
        _claim(
            paper,
            name=f"{name}_corrupted",
            sentence=f"{words} makes the network more robust to corruptions.",
            measured=f"accuracy, mean over severities and {battery.CORRUPTIONS}, {name} minus "
            "each plain network",
            effect=functools.partial(battery.gains, name, "corrupted", PLAIN),
            above=0,
        )
        for paper, name, words in (
            (VASCONCELOS, "critical", "Filtering on the critical paths"),
            (ZHANG, "blurpool", "BlurPool"),
        )
    ),
    _claim(
        GRABINSKI,
        name="flc_attacked",
        sentence="Without adversarial training, too, FLC pooling makes the network more robust to "
        "attacks (the paper: with it).",
        measured="accuracy under PGD, mean over epsilons, flc minus each plain network",
        effect=functools.partial(battery.gains, "flc", "attacked", PLAIN, conditions=("pgd",)),
        above=0,
        kind="question",
    ),
    *(
        _claim(
            paper,
            name=f"{name}_sensitivity",
            sentence=f"{words} makes the gradient hold less of the high frequencies.",
            measured=f"share beyond two thirds of Nyquist, {name} minus each plain network",
            effect=functools.partial(battery.shifts, "high", name, PLAIN),
            below=0,
            unit="share",
            kind="question",
        )
        for paper, name, words in (
            (VASCONCELOS, "critical", "Filtering on the critical paths"),
            (GRABINSKI, "flc", "FLC pooling"),
        )
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
