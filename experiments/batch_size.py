"""Fig. 4 of the CVPR 2020 paper: the batch size and the frequencies a CNN uses.

Trains the same network with several batch sizes for equally many epochs, and measures its accuracy
on the test images and on their components. The paper finds that small batches give better training
and test accuracy, and that large ones give a smaller generalisation gap and less use of the high
frequencies. Its batch sizes are not known; these are a quarter of, equal to and four times its
usual 100. The learning rate is the same for all.
"""

import dataclasses
import functools
import sys

from experiments.effects import last_epoch
from experiments.lab import runner, settings
from experiments.measures import frequency_curves
from hfc_keras import checks, reporting

KEYS = frequency_curves.KEYS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Components):
    """Settings of this experiment."""

    batch_sizes: tuple[int, ...] = (25, 100, 400)
    """Images a step; 100 is the paper's vanilla."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    vanilla, sizes = settings.base_recipe(), sorted(settings.batch_sizes)
    distinct = sizes and len(set(sizes)) == len(sizes)
    checks.require(distinct, "`batch_sizes` must be one or more and differ", batch_sizes=sizes)
    return {f"batch_{size}": vanilla.but(batch_size=size) for size in sizes}


def measure(cell):
    """Return the rows of one training."""
    return frequency_curves.frequency_curves(cell)


def summary(table):
    """Return the accuracies after the last epoch in words."""
    return frequency_curves.summary(table)


def figures(table, plan):
    """Draw a panel a batch size, and the last epochs side by side."""
    titles = {f"batch_{size}": f"batch of {size}" for size in plan.settings.batch_sizes}
    return frequency_curves.figures(table, titles)


def _small_minus_large(measured, table):
    """Number of the smallest batch size minus that of the largest, by seed."""
    names = sorted(table["recipe"].unique(), key=lambda name: int(name.removeprefix("batch_")))
    return reporting.difference(measured(table, names[0]), measured(table, names[-1]))


def _fitted(table):
    return last_epoch.fitted(table, table["recipe"].unique())


def _claim(name, sentence, measured, effect, **asked):
    return reporting.Claim(
        id=f"batch_size_{name}",
        item="Fig. 4",
        sentence=sentence,
        measured=f"{measured}, smallest minus largest batch size",
        effect=functools.partial(_small_minus_large, effect),
        above=0,
        **asked,
    )


CLAIMS = (
    _claim(
        "train",
        "Small batches give better training accuracy.",
        "accuracy on training images",
        functools.partial(last_epoch.original, split="train_after"),
    ),
    _claim(
        "test",
        "Small batches give better test accuracy.",
        "accuracy on test images",
        last_epoch.original,
    ),
    _claim(
        "gap",
        "Large batches give a smaller generalisation gap.",
        "accuracy on training minus test images",
        last_epoch.gap,
        fitted=_fitted,
    ),
    _claim(
        "high",
        "Large batches make the network use less of the high frequencies.",
        "accuracy on high components, mean over four radii",
        last_epoch.high,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
