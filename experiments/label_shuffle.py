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

import numpy as np
import pandas as pd

from experiments import curves, runner, settings
from hfc_keras import checks, reporting

KEYS = curves.KEYS
TITLES = {"natural": "True labels", "shuffled": "Shuffled labels"}
# Measured epochs in a training of the quick profile.
PARTS = 25


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """Settings of this experiment."""

    PROFILE_CHANGES = {"quick": {"examples": (2_000, 1_000), "epochs": 50}}

    examples: tuple[int, int] | None = None
    """Training and test images to use. Left out: 2000 1000 for quick, else all."""
    epochs: int | None = None
    """Epochs of the natural training. Left out: 4 for smoke, 50 for quick, 100 for paper."""
    times_as_long: float = 3.0
    """Epochs of the shuffled training as a multiple of the natural one's."""

    def measured_epochs(self, epochs):
        """Every epoch for paper; the first five and some 25 more for quick."""
        if self.profile != "quick":
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
    tables = [curves.history_rows(cell, history)]
    tables.append(curves.component_rows(cell, model, "moving", "train_after"))
    return curves.without_normalization(cell, pd.concat(tables, ignore_index=True))


def summary(table):
    """Return the accuracies after the last epoch, and where both networks fit equally well."""
    heading = "Accuracy on training images where both fit them equally well"
    return f"{curves.summary(table)}\n\n{heading}\n\n{equally_fitted(table).to_string()}"


def equally_fitted(table):
    """Accuracies at equal fit as a table.

    Args:
        table: DataFrame, this experiment's.

    Returns:
        DataFrame of str, ``mean +- standard deviation`` over seeds: a row for the training images
        and each of their low components, a column for each kind of labels.
    """
    cells = {}
    for rank, radius in enumerate(sorted(table["radius"].dropna().unique())):
        level, *found = equal_fit(table, rank)
        cells["training images"] = dict.fromkeys(TITLES, level)
        cells[f"low {radius:g}"] = dict(zip(TITLES, found, strict=True))
    words = {
        row: {name: reporting.mean_and_spread(values.agg(["mean", "std"])) for name, values in one}
        for row, one in ((row, columns.items()) for row, columns in cells.items())
    }
    return pd.DataFrame.from_dict(words, orient="index")


def figures(table, plan):
    """Draw a panel for each kind of labels."""
    return {"": reporting.frequency_panels(table, TITLES, split="train_after")}


def equal_fit(table, rank):
    """Accuracy on low-pass filtered training images where both networks fit equally well.

    The level is the highest training accuracy that both reach; the accuracy on the low component
    is interpolated there between the measured epochs.

    Args:
        table: DataFrame, this experiment's.
        rank: int, of the radius, 0 the smallest.

    Returns:
        ``(level, natural, shuffled)``, Series by seed.
    """
    rows = table[table["split"] == "train_after"]
    radius = sorted(rows["radius"].dropna().unique())[rank]
    fits = rows[rows["component"] == "original"].set_index(["recipe", "seed", "epoch"])["accuracy"]
    low = rows[(rows["component"] == "low") & (rows["radius"] == radius)]
    low = low.set_index(["recipe", "seed", "epoch"])["accuracy"].reindex(fits.index)
    levels, found = {}, {name: {} for name in TITLES}
    for seed in sorted(rows["seed"].unique()):
        levels[seed] = min(fits[name, seed].max() for name in TITLES)
        for name in TITLES:
            order = np.argsort(fits[name, seed].to_numpy(), kind="stable")
            curve = [values[name, seed].to_numpy()[order] for values in (fits, low)]
            found[name][seed] = np.interp(levels[seed], *curve)
    return tuple(map(pd.Series, (levels, found["natural"], found["shuffled"])))


def _kept(rank, table):
    """Natural minus shuffled on the low component, where both fit equally well."""
    _, natural, shuffled = equal_fit(table, rank)
    return natural - shuffled


def _times_as_long(table):
    """Epochs to half of the training images, shuffled over natural."""
    rows = table[(table["split"] == "train") & (table["accuracy"] >= 0.5)]
    first = rows.groupby(["recipe", "seed"])["epoch"].min()
    return first["shuffled"] / first["natural"]


def _peak(table):
    """Highest accuracy on the lowest frequencies at any epoch minus that after the last one."""
    where = {"recipe": "natural", "split": "train_after", "component": "low"}
    radius = reporting.radius(table, 0)
    rows = table[(table[list(where)] == pd.Series(where)).all(axis=1) & (table["radius"] == radius)]
    last = reporting.value(table, epoch="last", radius=radius, **where)
    return rows.groupby("seed")["accuracy"].max() - last


def _above_chance(table):
    """Shuffled network, lowest frequencies, after the last epoch, above a tenth."""
    where = {"split": "train_after", "component": "low", "radius": reporting.radius(table, 0)}
    return reporting.value(table, recipe="shuffled", epoch="last", **where) - 0.1


CLAIMS = (
    reporting.Claim(
        id="shuffle_takes_longer",
        item="Fig. 3",
        sentence="Shuffled labels take at least twice as many epochs to fit as true ones.",
        measured="epochs until half of the training images are right, shuffled over natural",
        unit="ratio",
        effect=_times_as_long,
        above=2,
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
        measured="accuracy on low-pass filtered training images, r = 1/8 width, minus 0.1, the "
        "chance level of ten classes",
        effect=_above_chance,
        below=0.1,
    ),
    reporting.Claim(
        id="natural_low_first",
        item="Fig. 3",
        sentence="With true labels the lowest frequencies are learned first and lose weight later.",
        measured="highest accuracy on low-pass filtered training images, r = 1/8 width, at any "
        "epoch minus that after the last epoch",
        effect=_peak,
        above=0.02,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
