"""Anti-aliasing (Zhang, ICML 2019; Vasconcelos et al., ICCV 2021; FLC pooling, ECCV 2022).

A network that keeps every second pixel without filtering first folds high frequencies onto low
ones. Trains otherwise identical networks that filter first. aligned is a control without a filter:
it keeps the same pixels as they do, where Keras would keep the adjacent ones. critical filters
wherever a dense operation of small support is followed by subsampling, blurpool follows the rules
of ICML 2019, flc crops the spectrum, and asap does so through a window. Measured against the plain
network are accuracy, also by frequency, under corruptions and attacks, how often a shift of the
image changes the predicted class, and the Fourier sensitivity. The papers find that such networks
are more accurate and change their prediction less often when the image is shifted. The paper
profile uses their schedule for ImageNet, on the data set that is given.
"""

import dataclasses
import functools
from typing import ClassVar

from experiments.effects import changes, sensitivity
from experiments.measures import all_measures
from experiments.recipes import residual_trainings, systems
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.variants import chosen, rivals
from hfc_keras.reporting.claims.statements import LESS, MORE, Comparison, Statement, claims, minus
from hfc_keras.training import Recipe

VARIANTS = chosen(systems.ALL, ("vanilla", *systems.ANTIALIASED))
# What a filter is compared with: the network of Keras, and the one that keeps the same pixels.
PLAIN = rivals(VARIANTS, ("vanilla", "aligned"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(all_measures.Settings):
    """Settings of this experiment."""

    PROFILE_CHANGES: ClassVar = residual_trainings.by_profile(
        {**residual_trainings.IMAGENET_TRAINING, "model": "resnet50"}
    )


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    return {"vanilla": settings.base_recipe(), **systems.antialiased(settings)}


def against_plain(name: str) -> Comparison:
    """Return the comparison of a filter with each plain network."""
    return minus(name, PLAIN, f"{name} minus each plain network")


VASCONCELOS, ZHANG, GRABINSKI = "Vasconcelos et al. 2021", "Zhang 2019", "Grabinski et al. 2022"
CRITICAL, BLURPOOL, FLC = (against_plain(name) for name in ("critical", "blurpool", "flc"))
PATHS = "Filtering on the critical paths"
STAYS = "makes the predicted class change less often when the image is shifted."
LOWER = "reduces the high-frequency share of the gradient."
STATEMENTS = (
    Statement(
        "critical_clean",
        f"{PATHS} makes the network more accurate.",
        changes.TEST,
        CRITICAL,
        MORE,
        paper=VASCONCELOS,
    ),
    Statement(
        "blurpool_clean",
        "BlurPool makes the network more accurate.",
        changes.TEST,
        BLURPOOL,
        MORE,
        paper=ZHANG,
    ),
    Statement(
        "blurpool_shifted", f"BlurPool {STAYS}", changes.SHIFTED, BLURPOOL, MORE, paper=ZHANG
    ),
    Statement(
        "critical_shifted",
        f"{PATHS} {STAYS}",
        changes.SHIFTED,
        CRITICAL,
        MORE,
        paper=VASCONCELOS,
        kind="question",
    ),
    Statement(
        "critical_corrupted",
        f"{PATHS} makes the network more robust to corruptions.",
        changes.CORRUPTED,
        CRITICAL,
        MORE,
        paper=VASCONCELOS,
    ),
    Statement(
        "blurpool_corrupted",
        "BlurPool makes the network more robust to corruptions.",
        changes.CORRUPTED,
        BLURPOOL,
        MORE,
        paper=ZHANG,
    ),
    Statement(
        "flc_attacked",
        "FLC pooling makes the network more robust to attacks even without adversarial training "
        "(the paper: with it).",
        changes.ATTACKED,
        FLC,
        MORE,
        paper=GRABINSKI,
        kind="question",
    ),
    Statement(
        "critical_sensitivity",
        f"{PATHS} {LOWER}",
        sensitivity.HIGH,
        CRITICAL,
        LESS,
        paper=VASCONCELOS,
        kind="question",
    ),
    Statement(
        "flc_sensitivity",
        f"FLC pooling {LOWER}",
        sensitivity.HIGH,
        FLC,
        LESS,
        paper=GRABINSKI,
        kind="question",
    ),
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=all_measures.measure,
    keys=all_measures.KEYS,
    summary=all_measures.summary,
    tables=all_measures.TABLES,
    figures=functools.partial(all_measures.figures, ways=VARIANTS, heading="anti-aliasing"),
    claims=claims("antialiasing", "Anti-aliasing", STATEMENTS),
)


if __name__ == "__main__":
    EXPERIMENT.main()
