"""Fig. 3 of the CVPR 2020 paper: which frequencies are learned with true and with shuffled labels.

Trains a network on true labels (natural) and one on labels dealt at random once (shuffled), three
times as long, and measures both on the low-pass filtered training images after each epoch, against
the labels they were trained on. The paper finds that the natural network picks up the low
frequencies first and keeps more of them, while the shuffled one, which can only memorise, learns
almost nothing of the lowest ones. The two are compared where they fit their training images
equally well. The quick profile takes few images, since a small network cannot memorise many.
"""

import dataclasses
import functools
import sys

import pandas as pd

from experiments.lab import runner, settings
from experiments.measures import frequency_curves
from hfc_keras import checks, reporting

# How many times as long shuffled labels take to fit, at least, as the paper has it.
LONGER = 3
# Shares of the training images up to which it is looked at.
LEVELS = (0.5, 0.7, 0.9)
KEYS = frequency_curves.KEYS
TITLES = {"natural": "True labels", "shuffled": "Shuffled labels"}
# Measured epochs in a training, but for smoke and paper.
PARTS = 25


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Components):
    """Settings of this experiment."""

    # Labels dealt at random must be memorised, and so be few for the size of the network.
    PROFILE_CHANGES = {
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
    """Training and test images to use. Left out: 2000 1000 for quick, 10000 10000 for standard, \
else all."""
    epochs: int | None = None
    """Epochs of the natural training. Left out: 4 for smoke, 50 for quick and full, else 100."""
    times_as_long: float = 3.0
    """Epochs of the shuffled training as a multiple of the natural one's."""

    def measured_epochs(self, epochs):
        """Every epoch for paper, few for smoke; the first five and some 25 more else."""
        if self.profile in ("smoke", "paper"):
            return super().measured_epochs(epochs)
        step = -(-epochs // PARTS)
        return sorted({*range(1, min(5, epochs) + 1), *range(step, epochs + 1, step), epochs})


def recipes(settings):
    """Return the trainings to compare, by name."""
    natural = settings.base_recipe()
    times = checks.number("times_as_long", settings.times_as_long, minimum=1)
    shuffled = natural.but(labels="shuffled", epochs=round(times * natural.epochs))
    return {"natural": natural, "shuffled": shuffled}


def measure(cell):
    """Return the rows of one training, components being those of the training images."""
    model, history = cell.fit(every_epoch=True)
    tables = [frequency_curves.history_rows(cell, history)]
    tables.append(frequency_curves.component_rows(cell, model, "moving", "train_after"))
    return frequency_curves.finished(cell, pd.concat(tables, ignore_index=True))


def summary(table):
    """Return the accuracies after the last epoch, and where both networks fit equally well."""
    heading = "Accuracy on training images where both fit them equally well"
    try:
        compared = equally_fitted(table).to_string()
    except ValueError as error:
        compared = f"not to be had: {error}"
    return f"{frequency_curves.summary(table)}\n\n{heading}\n\n{compared}"


def equally_fitted(table):
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
        levels, found = reporting.at_equal_fit(table, list(TITLES), rank)
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


def figures(table, plan):
    """Draw a panel for each kind of labels."""
    return {"": reporting.frequency_panels(table, TITLES, split="train_after")}


def _kept(rank, table):
    """Natural minus shuffled on the low component, where both fit equally well."""
    _, found = reporting.at_equal_fit(table, list(TITLES), rank)
    return reporting.difference(found["natural"], found["shuffled"])


def _times_as_long(table):
    """Epochs to each level of fit, shuffled over natural, by seed.

    A training that ended before a level gives a bound. It counts where it proves the claim, which
    asks for three times as long; a seed of which it proves nothing is left out, and so is a level
    of which it leaves fewer seeds than of others.
    """
    known = {f"{level:g} right": _times_to(level, table) for level in LEVELS}
    most = max(map(len, known.values()))
    if not most:
        raise reporting.MissingMeasurementError(
            "Trainings with both kinds of labels must get half of their images right; train longer "
            f"(--epochs). Received: epochs={table.groupby('recipe')['epoch'].max().to_dict()}"
        )
    return {words: times for words, times in known.items() if len(times) == most}


def _times_to(level, table):
    """Epochs to one level, shuffled over natural, of the seeds of which that is known."""
    (natural, there), (shuffled, reached) = (
        reporting.epochs_until(table, level, name, "train_after") for name in TITLES
    )
    times = shuffled / natural
    return times[there & (reached | (times > LONGER))]


def _lowest(table, recipe):
    """Rows of a network on the lowest frequencies of the training images."""
    where = {"recipe": recipe, "split": "train_after", "component": "low"}
    where["radius"] = reporting.radius(table, 0)
    return table[(table[list(where)] == pd.Series(where)).all(axis=1)]


def _peak_minus_last(table):
    """Natural network, lowest frequencies: highest accuracy over epochs minus the last."""
    rows = _lowest(table, "natural")
    return reporting.difference(
        rows.groupby("seed")["accuracy"].max(), reporting.value(rows, epoch="last")
    )


def _above_chance(table):
    """Shuffled network, lowest frequencies, after the last epoch, above guessing."""
    rows = _lowest(table, "shuffled")
    return reporting.value(rows, epoch="last") - reporting.chance(table)


CLAIMS = (
    reporting.Claim(
        id="shuffle_takes_longer",
        item="Fig. 3",
        sentence="Shuffled labels take at least three times as many epochs to fit as true ones.",
        measured="epochs until a share of the training images is right after the epoch, shuffled "
        f"over natural, each of {', '.join(f'{level:g}' for level in LEVELS)} that both reach",
        unit="ratio",
        effect=_times_as_long,
        above=LONGER,
    ),
    *(
        reporting.Claim(
            id=f"shuffle_low_{name}",
            item="Fig. 3",
            sentence="A network trained on true labels keeps more of its training accuracy on low "
            f"frequencies ({words}) than one trained on shuffled labels that fits as well.",
            measured=f"natural minus shuffled, accuracy on low-pass filtered training images, "
            f"{words}, where both fit their training images equally well",
            effect=functools.partial(_kept, rank),
            above=0,
        )
        for rank, name, words in ((0, "eighth", "r = 1/8 width"), (1, "quarter", "r = 1/4 width"))
    ),
    reporting.Claim(
        id="shuffle_nothing_low",
        item="Fig. 3",
        sentence="With shuffled labels almost nothing is learned of the lowest frequencies.",
        measured="accuracy on low-pass filtered training images, r = 1/8 width, minus chance, "
        "shuffled",
        effect=_above_chance,
        below=reporting.EQUIVALENCE,
    ),
    reporting.Claim(
        id="natural_low_first",
        item="Fig. 3",
        sentence="With true labels the lowest frequencies peak early and lose weight later.",
        measured="accuracy on low-pass filtered training images, r = 1/8 width, highest over the "
        "epochs minus that after the last, natural",
        effect=_peak_minus_last,
        # The highest of many is above the last whatever the curve does.
        above=reporting.EQUIVALENCE,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
