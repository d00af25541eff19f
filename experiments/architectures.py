"""Section 5 of the CVPR 2020 paper: the architecture and the frequencies a CNN uses.

Trains LeNet, AlexNet, VGG and ResNet by the same recipe and measures their accuracy on the test
images and on their components. The paper finds that ResNet has the best test accuracy, the smallest
generalization gap and the weakest tendency to use high frequencies. The quick profile uses AlexNet
and VGG at a quarter of their width, so that two cores suffice.
"""

import dataclasses
import functools

from experiments.effects import last_epoch
from experiments.measures import frequency_curves
from experiments.recipes import heuristics
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.settings import Components
from hfc_keras.lab.variants import Variant, chosen
from hfc_keras.reporting.claims.statements import LESS, MORE, Statement, claims, minus
from hfc_keras.reporting.drawing.palette import BLACK
from hfc_keras.training import Recipe

VARIANTS = {
    **chosen(heuristics.VARIANTS, heuristics.ARCHITECTURES),
    "resnet": Variant("resnet", "ResNet", (BLACK, "o")),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Components, heuristics.Architectures):
    """Settings of this experiment."""


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    return {**heuristics.architectures(settings), "resnet": settings.base_recipe()}


RESNET = minus("resnet", heuristics.ARCHITECTURES, "ResNet minus each of LeNet, AlexNet and VGG")
STATEMENTS = (
    Statement("test", "ResNet has the best test accuracy.", last_epoch.TEST, RESNET, MORE),
    Statement(
        "gap",
        "ResNet has the smallest generalization gap.",
        last_epoch.GAP,
        RESNET,
        LESS,
        fitted=functools.partial(last_epoch.fitted, recipes=("resnet", *heuristics.ARCHITECTURES)),
    ),
    Statement("high", "ResNet uses the high frequencies least.", last_epoch.HIGH, RESNET, LESS),
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=frequency_curves.rows,
    keys=frequency_curves.KEYS,
    summary=frequency_curves.summary,
    figures=functools.partial(frequency_curves.figures, ways=VARIANTS),
    claims=claims("architectures", "section 5, architectures", STATEMENTS),
)


if __name__ == "__main__":
    EXPERIMENT.main()
