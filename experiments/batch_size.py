"""Fig. 4 of the CVPR 2020 paper: the batch size and the frequencies a CNN uses.

Trains the same network with several batch sizes for the same number of epochs, and measures its
accuracy on the test images and on their components. The paper finds that small batches give better
training and test accuracy, and that large ones give a smaller generalization gap and less use of
the high frequencies. Its batch sizes are not known; these are a quarter of, equal to and four times
its usual 100. The learning rate is the same for all.
"""

import dataclasses
import functools

import pandas as pd
from matplotlib.figure import Figure

from experiments.effects import last_epoch
from experiments.measures import frequency_curves
from hfc_keras import checks, reporting
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.runner import Plan
from hfc_keras.lab.settings import Components
from hfc_keras.lab.variants import Variant, by_name
from hfc_keras.reporting.claims.statements import (
    MORE,
    Comparison,
    Measure,
    Number,
    Statement,
    claims,
)
from hfc_keras.reporting.drawing.palette import BLACK, GREEN, ORANGE
from hfc_keras.training import Recipe

LOOKS = {25: (ORANGE, "h"), 100: (BLACK, "o"), 400: (GREEN, "d")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Components):
    """Settings of this experiment."""

    batch_sizes: tuple[int, ...] = (25, 100, 400)
    """Images per step; the paper's vanilla uses 100."""

    def check(self) -> None:
        """Also reject invalid or duplicate batch sizes."""
        super().check()
        sizes = sorted(self.batch_sizes)
        distinct = sizes and len(set(sizes)) == len(sizes)
        checks.require(distinct, "`batch_sizes` must be one or more and differ", batch_sizes=sizes)


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    vanilla = settings.base_recipe()
    return {f"batch_{size}": vanilla.but(batch_size=size) for size in sorted(settings.batch_sizes)}


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw a panel for each batch size, and the last epochs side by side."""
    ways = [
        Variant(f"batch_{size}", f"batch of {size}", LOOKS.get(size))
        for size in plan.settings.batch_sizes
    ]
    return frequency_curves.figures(table, plan, by_name(*ways))


def small_minus_large(number: Number, table: pd.DataFrame) -> pd.Series:
    """Number of the smallest batch size minus that of the largest, by seed."""
    names = sorted(table["recipe"].unique(), key=lambda name: int(name.removeprefix("batch_")))
    return reporting.difference(number(table, names[0]), number(table, names[-1]))


def fitted(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Accuracy of all networks on their training images."""
    return last_epoch.fitted(table, table["recipe"].unique())


SMALL = Comparison("smallest minus largest batch size", small_minus_large)
TRAIN = Measure(
    "accuracy on training images", functools.partial(last_epoch.original, split="train_after")
)
STATEMENTS = (
    Statement("train", "Small batches give better training accuracy.", TRAIN, SMALL, MORE),
    Statement("test", "Small batches give better test accuracy.", last_epoch.TEST, SMALL, MORE),
    Statement(
        "gap",
        "Large batches give a smaller generalization gap.",
        last_epoch.GAP,
        SMALL,
        MORE,
        fitted=fitted,
    ),
    Statement(
        "high",
        "Large batches make the network use less of the high frequencies.",
        last_epoch.HIGH,
        SMALL,
        MORE,
    ),
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=frequency_curves.rows,
    keys=frequency_curves.KEYS,
    summary=frequency_curves.summary,
    figures=figures,
    claims=claims("batch_size", "Fig. 4", STATEMENTS),
)


if __name__ == "__main__":
    EXPERIMENT.main()
