"""Fig. 6 of the CVPR 2020 paper: what batch normalisation does where there are no high frequencies.

Trains a network on the low-frequency component of the training images at several radii, with and
without batch normalisation. The paper supposes that batch normalisation helps because it lifts the
faint high frequencies to the magnitude of the others, so that it should help less without them:
it finds that training is faster still, least at the smallest radius, while test accuracy is not
always better. The test is on the original images and on the matching component, with the
statistics of each test batch as in the released code, and with moving averages and population.
"""

import dataclasses
import functools
import sys

from experiments.lab import runner
from experiments.lab.profiles import NORMALIZED
from experiments.measures import component_trainings, frequency_curves
from hfc_keras import reporting

KEYS = frequency_curves.KEYS
WIDTHS = ("1/8", "1/4", "3/8", "1/2")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(component_trainings.Settings):
    """Settings of this experiment."""

    bn_momentum: float = 0.9
    """Momentum of the moving averages."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    normalized = {"normalization": "batch", "bn_momentum": settings.bn_momentum}
    normalized |= NORMALIZED.get(settings.profile, {})
    with_bn = component_trainings.recipes(settings, ("low",), **normalized)
    return {
        **component_trainings.recipes(settings, ("low",)),
        **{f"{name}_batch_norm": recipe for name, recipe in with_bn.items()},
    }


def measure(cell):
    """Return the rows of one training."""
    return component_trainings.rows(cell)


def summary(table):
    """Return the accuracies after the last epoch in words."""
    return component_trainings.summary(table)


def figures(table, plan):
    """Draw a panel a radius; batch normalisation by the statistics of each test batch."""
    shown = table[table["bn_statistics"].isin(["none", "batch"])]
    normalized = shown["recipe"].str.endswith("_batch_norm").map({True: "batch", False: "none"})
    shown = shown.assign(normalization=normalized, radius=shown["trained_radius"])
    return {"": reporting.batch_norm_panels(shown)}


def _gain(measured, ranks, table):
    """What batch normalisation adds, by seed, mean over radii trained at.

    Args:
        measured: function of (table of one recipe, its batch-norm statistics) that returns a
            Series by seed.
        ranks: sequence of int, of the radii, 0 the smallest.
        table: DataFrame, this experiment's.
    """
    gains = []
    for rank in ranks:
        name = f"low_{reporting.radius(table, rank, 'trained_radius'):g}"
        plain, normalized = table["recipe"] == name, table["recipe"] == f"{name}_batch_norm"
        pair = measured(table[normalized], "batch"), measured(table[plain], "none")
        gains.append(reporting.difference(*pair))
    return reporting.mean_of(gains)


def _speed(rows, statistics):
    """Training accuracy, mean over the epochs."""
    return rows[rows["split"] == "train"].groupby("seed")["accuracy"].mean()


def _test(rows, statistics):
    """Test accuracy on originals after the last epoch."""
    where = {"split": "test", "component": "original", "bn_statistics": statistics}
    return reporting.value(rows, epoch="last", **where)


def _gap(rows, statistics):
    """Accuracy on the training images trained on minus test accuracy on originals."""
    where = {"split": "train_after", "component": "low", "bn_statistics": statistics}
    return reporting.difference(
        reporting.value(rows, epoch="last", **where), _test(rows, statistics)
    )


def _fitted(table):
    """Accuracy of every network on the images that it was trained on, after the last epoch."""
    found = {}
    for rank, width in enumerate(WIDTHS):
        name = f"low_{reporting.radius(table, rank, 'trained_radius'):g}"
        for recipe, statistics in ((name, "none"), (f"{name}_batch_norm", "batch")):
            where = {"recipe": recipe, "bn_statistics": statistics, "component": "low"}
            found[f"{recipe} (r = {width} width)"] = reporting.value(
                table, split="train_after", epoch="last", **where
            )
    return found


def _beyond_smallest(measured, table):
    """Gain at each larger radius minus gain at the smallest."""
    least = _gain(measured, [0], table)
    return {
        f"r = {WIDTHS[rank]} width": reporting.difference(_gain(measured, [rank], table), least)
        for rank in (1, 2, 3)
    }


_ON_BATCH = "batch statistics, networks trained on low"
CLAIMS = (
    reporting.Claim(
        id="batchnorm_on_low_speed",
        item="Fig. 6",
        sentence="BatchNorm speeds up training on low frequencies, too.",
        measured="with minus without BatchNorm, training accuracy, mean over epochs and radii",
        effect=functools.partial(_gain, _speed, range(4)),
        above=0,
    ),
    reporting.Claim(
        id="batchnorm_on_low_speed_least",
        item="Fig. 6",
        sentence="It speeds up training least where there are the fewest frequencies.",
        measured="with minus without BatchNorm, training accuracy, mean over epochs: trained on "
        "low, each larger radius minus r = 1/8 width",
        effect=functools.partial(_beyond_smallest, _speed),
        above=0,
    ),
    reporting.Claim(
        id="batchnorm_on_low_test_less",
        item="Fig. 6",
        sentence="BatchNorm helps test accuracy least where there are the fewest frequencies.",
        measured=f"with minus without BatchNorm, test accuracy on originals, {_ON_BATCH}: "
        "each larger radius minus r = 1/8 width",
        effect=functools.partial(_beyond_smallest, _test),
        above=0,
    ),
    reporting.Claim(
        id="batchnorm_on_low_test_lowest",
        item="Fig. 6",
        sentence="Trained on the lowest frequencies alone, BatchNorm does not help test accuracy.",
        measured=f"with minus without BatchNorm, test accuracy on originals, {_ON_BATCH}, "
        "r = 1/8 width",
        effect=functools.partial(_gain, _test, [0]),
        below=reporting.EQUIVALENCE,
    ),
    reporting.Claim(
        id="batchnorm_on_low_gap",
        item="Fig. 6",
        sentence="Trained on low frequencies, BatchNorm generalises worse than vanilla.",
        measured="with minus without BatchNorm, accuracy on the images trained on minus test "
        f"accuracy on originals, {_ON_BATCH}, mean over radii",
        effect=functools.partial(_gain, _gap, range(4)),
        above=0,
        fitted=_fitted,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
