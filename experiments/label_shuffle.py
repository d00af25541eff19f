"""Fig. 3 of the CVPR 2020 paper: which frequencies are learned with true and with shuffled labels.

Trains a network on true labels (natural) and one on labels shuffled once at random (shuffled),
three times as long, and measures both on low-pass filtered training images after each epoch,
against the labels they were trained on. The paper finds that the natural network picks up the low
frequencies first and keeps more of them, while the shuffled one, which can only memorize, learns
almost nothing of the lowest ones. The two are compared where they fit their training images equally
well. The quick profile uses few images, since a small network cannot memorize many.
"""

import dataclasses
import functools
import math
from typing import ClassVar

import pandas as pd
from matplotlib.figure import Figure

from experiments.effects import lowest
from experiments.effects.datasets import APPENDIX, FASHION, on_fashion
from experiments.measures import frequency_curves
from hfc_keras import checks, reporting
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.runner import Cell, Plan
from hfc_keras.lab.settings import Components
from hfc_keras.reporting.claims.course import at_equal_fit, epochs_until
from hfc_keras.reporting.claims.statements import (
    MORE,
    NO_MORE,
    Bound,
    Measure,
    Statement,
    alone,
    claims,
    minus,
)
from hfc_keras.training import Recipe

# How many times as long shuffled labels take to fit, at least, as the paper has it.
LONGER = 3
# Shares of the training images up to which it is looked at.
LEVELS = (0.5, 0.7, 0.9)
TITLES = {"natural": "True labels", "shuffled": "Shuffled labels"}
# Measured epochs in a training, but for smoke and paper.
PARTS = 25


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Components):
    """Settings of this experiment."""

    # Shuffled labels must be memorized, so there must be few of them for the size of the network.
    PROFILE_CHANGES: ClassVar = {
        "quick": {"examples": (2_000, 1_000), "epochs": 50},
        "standard": {"examples": (10_000, 10_000), "epochs": 100, "width": 2.0},
        "full": {
            "epochs": 50,
            "augmentation": "none",
            "flip": "random",
            "label_smoothing": 0.0,
        },
    }

    examples: tuple[int, int] | None = None
    """Training and test images to use. Default: 2000 1000 for quick, 10000 10000 for standard, \
else all."""
    epochs: int | None = None
    """Epochs of the natural training. Default: 4 for smoke, 50 for quick and full, else 100."""
    times_as_long: float = 3.0
    """Epochs of the shuffled training as a multiple of the natural one's."""

    def check(self) -> None:
        """Also reject a shuffled training that is shorter."""
        super().check()
        checks.number("times_as_long", self.times_as_long, minimum=1)

    def measured_epochs(self, epochs: int) -> list[int]:
        """Every epoch for paper, few for smoke; the first five and some 25 more else."""
        if self.profile in ("smoke", "paper"):
            return super().measured_epochs(epochs)
        step = -(-epochs // PARTS)
        return sorted({*range(1, min(5, epochs) + 1), *range(step, epochs + 1, step), epochs})


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the trainings to compare, by name."""
    natural = settings.base_recipe()
    epochs = round(settings.times_as_long * natural.epochs)
    shuffled = natural.but(labels="shuffled", epochs=epochs)
    return {"natural": natural, "shuffled": shuffled}


def measure(cell: Cell) -> pd.DataFrame:
    """Return the rows of one training, components being those of the training images."""
    model, history = cell.fit(every_epoch=True)
    tables = [frequency_curves.history_rows(cell, history)]
    tables.append(frequency_curves.component_rows(cell, model, "moving", "train_after"))
    return frequency_curves.finished(cell, model, pd.concat(tables, ignore_index=True))


def summary(table: pd.DataFrame) -> str:
    """Return the accuracies after the last epoch, and where both networks fit equally well."""
    heading = "Accuracy on training images where both fit them equally well"
    try:
        compared = equally_fitted(table).to_string()
    except ValueError as error:
        compared = f"not available: {error}"
    return f"{frequency_curves.summary(table)}\n\n{heading}\n\n{compared}"


def equally_fitted(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies at equal fit as a table.

    Args:
        table: DataFrame, this experiment's.

    Returns:
        DataFrame of str, ``mean +- standard deviation`` over seeds: a row for the training images
        and each of their low components, a column for each kind of labels.

    Raises:
        MissingMeasurementError: if no seed has both networks, or their fits do not overlap.
    """
    cells = {}
    for rank, radius in enumerate(sorted(table["radius"].dropna().unique())):
        levels, found = at_equal_fit(table, list(TITLES), rank)
        cells["training images"] = dict.fromkeys(TITLES, levels)
        cells[f"low {radius:g}"] = found
    words = {
        row: {
            name: reporting.mean_and_spread(values.agg(["mean", "std"]))
            for name, values in columns.items()
        }
        for row, columns in cells.items()
    }
    return pd.DataFrame.from_dict(words, orient="index")


def figures(table: pd.DataFrame, plan: Plan) -> dict[str, Figure]:
    """Draw a panel for each kind of labels, an epoch of both being as many steps."""
    images = table.loc[table["split"] == "train", "examples"].max()
    steps = math.ceil(images / plan.settings.base_recipe().batch_size)
    figure = reporting.frequency_panels(
        table, TITLES, "train_after", reporting.chance(table), epochs=f"epoch ({steps} steps)"
    )
    return {"": figure}


def kept(table: pd.DataFrame, recipe: str, rank: int) -> pd.Series:
    """Accuracy on the low component where both networks fit equally well, by seed."""
    _, found = at_equal_fit(table, list(TITLES), rank)
    return found[recipe]


def times_as_long(table: pd.DataFrame, recipe: str) -> dict[str, pd.Series]:
    """Epochs to each level of fit, over those of the natural network, by seed.

    A training that ended before a level gives a bound. It counts where it proves the claim, which
    asks for three times as long; a seed of which it proves nothing is left out, and so is a level
    of which it leaves fewer seeds than of others.
    """
    known = {f"{level:g} right": _times_to(level, table, recipe) for level in LEVELS}
    most = max(map(len, known.values()))
    if not most:
        raise reporting.MissingMeasurementError(
            "Trainings with both kinds of labels must get half of their images right; train longer "
            f"(--epochs). Received: epochs={table.groupby('recipe')['epoch'].max().to_dict()}"
        )
    return {words: times for words, times in known.items() if len(times) == most}


def _times_to(level: float, table: pd.DataFrame, recipe: str) -> pd.Series:
    """Epochs to one level, over the natural network's, of the seeds of which that is known."""
    (natural, there), (own, reached) = (
        epochs_until(table, level, name, "train_after") for name in ("natural", recipe)
    )
    times = own / natural
    return times[there & (reached | (times > LONGER))]


# What the paper's text has after the first epoch.
FIRST_EPOCH = 0.4
LOW = "accuracy on low-pass filtered training images"
STATEMENTS = (
    Statement(
        "shuffle_takes_longer",
        "Shuffled labels take at least three times as many epochs to fit as true ones.",
        Measure(
            "ratio (shuffled over natural) of the epochs until training accuracy after the epoch "
            "reaches a value",
            times_as_long,
            "ratio",
        ),
        alone(
            "shuffled",
            f"each of {', '.join(f'{level:g}' for level in LEVELS)} that both reach",
        ),
        Bound(above=LONGER),
    ),
    *(
        Statement(
            f"shuffle_low_{name}",
            "A network trained on true labels keeps more of its training accuracy on low "
            f"frequencies ({words}) than one trained on shuffled labels to the same training "
            "accuracy.",
            Measure(f"{LOW}, {words}", functools.partial(kept, rank=rank)),
            minus("natural", "shuffled"),
            MORE,
            measured=f"{LOW}, {words}, natural minus shuffled, at equal training accuracy",
        )
        for rank, name, words in ((0, "eighth", "r = 1/8 width"), (1, "quarter", "r = 1/4 width"))
    ),
    Statement(
        "shuffle_nothing_low",
        "With shuffled labels almost nothing is learned from the lowest frequencies.",
        Measure(f"{LOW}, r = 1/8 width, minus chance", lowest.above_chance),
        alone("shuffled"),
        NO_MORE,
    ),
    Statement(
        "natural_low_first",
        "With true labels, accuracy on the lowest frequencies peaks before the last epoch and then "
        "falls.",
        Measure(
            f"{LOW}, r = 1/8 width, highest over the epochs minus that after the last",
            lowest.peak_minus_last,
        ),
        alone("natural"),
        # The highest of many is above the last whatever the curve does.
        Bound(above=reporting.EQUIVALENCE),
    ),
    Statement(
        "natural_low_before",
        "With true labels, the lowest frequencies are learned before the others.",
        Measure(
            f"epochs until the {LOW} is nine tenths of the way from chance to its highest value",
            lowest.later_at_largest,
            "epochs",
        ),
        alone("natural", "natural, r = 1/2 width minus r = 1/8 width"),
        MORE,
    ),
    Statement(
        "natural_low_first_epoch",
        "With true labels, accuracy on the lowest frequencies is about 0.4 after the first epoch "
        "(the paper: 500 steps).",
        Measure(f"{LOW}, r = 1/8 width, after the first epoch", lowest.after_one_epoch),
        alone("natural"),
        Bound(FIRST_EPOCH - reporting.EQUIVALENCE, FIRST_EPOCH + reporting.EQUIVALENCE),
    ),
    Statement(
        "shuffle_low_eighth_fashion_mnist",
        "A network trained on true labels keeps more of its training accuracy on low frequencies "
        f"than one trained on shuffled labels to the same training accuracy {APPENDIX}.",
        on_fashion(Measure(f"{LOW}, r = 1/8 width", functools.partial(kept, rank=0))),
        minus("natural", "shuffled", "natural minus shuffled, at equal training accuracy"),
        MORE,
        other_dataset=FASHION,
    ),
)
EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=measure,
    keys=frequency_curves.KEYS,
    summary=summary,
    figures=figures,
    claims=claims("", "Fig. 3", STATEMENTS),
)


if __name__ == "__main__":
    EXPERIMENT.main()
