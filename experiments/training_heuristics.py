"""Fig. 5 of the CVPR 2020 paper: training heuristics and the frequencies a CNN uses.

Trains the same network by the recipes vanilla, dropout, mix_up, batch_norm and adversarial, and
measures its accuracy on the test images and on their low- and high-frequency components. The paper
finds that dropout changes little, that mix-up makes the network use more of the high frequencies,
and batch normalisation even more, while adversarial training leaves it with the low ones. Batch
normalisation is tested with three kinds of statistics, because the released code tests with those
of each test batch while Keras tests with moving averages, and the answers differ. The paper
supposes that batch normalisation lifts high frequencies, which are faint; to test that, components
are also brought to a maximum of 1, to the spread of the images, and to mean and spread of the
images, before the test.
"""

import dataclasses
import functools
import sys

from experiments.effects import last_epoch
from experiments.lab import runner, settings
from experiments.measures import frequency_curves
from experiments.recipes import heuristics
from hfc_keras import reporting

KEYS = [*frequency_curves.KEYS, "scaling"]
TITLES = {
    "vanilla": "Vanilla",
    "dropout": "Dropout",
    "mix_up": "Mix-up",
    "batch_norm (moving)": "BatchNorm, moving averages",
    "batch_norm (batch)": "BatchNorm, batch statistics",
    "batch_norm (population)": "BatchNorm, population",
    "adversarial": "Adversarial training",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Components, heuristics.Heuristics):
    """Settings of this experiment."""


def recipes(settings):
    """Return the trainings to compare, by name."""
    return heuristics.heuristics(settings)


def measure(cell):
    """Return the rows of one training."""
    return frequency_curves.frequency_curves(cell, scalings=("max", "spread", "matched"))


def summary(table):
    """Return the accuracies after the last epoch in words."""
    heading = "Accuracy on high components as they are and scaled, after the last epoch"
    scaled = reporting.scaling_table(table).to_string()
    return f"{frequency_curves.summary(table)}\n\n{heading}\n\n{scaled}"


def figures(table, plan):
    """Draw a panel a recipe, and what scaling its components changes."""
    chance = reporting.chance(table)
    return {
        "": reporting.frequency_panels(table, TITLES),
        "_scaling": reporting.scaling_points(table, TITLES, chance=chance),
    }


_LOWEST, _HIGHEST = (0, 1), (2, 3)
_WORDS = {(0, 1): "r = 1/8 and 1/4 width", (2, 3): "r = 3/8 and 1/2 width", (0,): "r = 1/8 width"}


def _more(recipe, kind, ranks, statistics, table):
    """Test accuracy on a component, a recipe minus vanilla, by seed."""
    return reporting.difference(
        last_epoch.component(table, recipe, kind, ranks, statistics),
        last_epoch.component(table, "vanilla", kind, ranks),
    )


def _versus(name, sentence, recipe, component, ranks, statistics="none", **bound):
    """Claim on a component: a recipe against vanilla."""
    tested = "" if statistics == "none" else f", tested with {statistics} statistics"
    return reporting.Claim(
        id=f"heuristics_{name}",
        item="Fig. 5",
        sentence=sentence,
        measured=f"accuracy on {component} components, {_WORDS[ranks]}, {recipe}{tested} minus "
        "vanilla",
        effect=functools.partial(_more, recipe, component, ranks, statistics),
        **bound,
    )


def _against(name, sentence, measured, effect, recipe, **bound):
    """Claim on originals: a recipe against vanilla."""
    return reporting.Claim(
        id=f"heuristics_{name}",
        item="Fig. 5",
        sentence=sentence,
        measured=f"{measured}, {recipe} minus vanilla",
        effect=lambda table: reporting.difference(effect(table, recipe), effect(table, "vanilla")),
        **bound,
    )


def _most_at_lowest(table):
    """What batch normalisation adds beyond the two small radii minus beyond the two large ones."""
    gains = (_more("batch_norm", "high", ranks, "batch", table) for ranks in (_LOWEST, _HIGHEST))
    return reporting.difference(*gains)


def _of_the_batch(table):
    """What the statistics of the test batch add to a network with batch normalisation."""
    pair = ("batch", "population")
    return reporting.difference(
        *(last_epoch.high(table, "batch_norm", _LOWEST, one) for one in pair)
    )


def _scaled(table, recipe, scaling, statistics):
    """Accuracy on high components beyond the two small radii, scaled in some way, by seed."""
    where = {"recipe": recipe, "split": "test", "component": "high", "epoch": "last"}
    where.update(scaling=scaling, bn_statistics=statistics)
    return reporting.mean_over(table, _LOWEST, **where)


def _repaired(scaling, table):
    """What scaling adds with fixed statistics minus half of what batch statistics add."""
    plain, scaled, batch = (
        _scaled(table, "batch_norm", *how)
        for how in (("none", "population"), (scaling, "population"), ("none", "batch"))
    )
    return reporting.difference(
        reporting.difference(scaled, plain), reporting.difference(batch, plain) / 2
    )


def _lifted(table):
    """Vanilla network on high components of the images' spread minus as they are."""
    pair = (_scaled(table, "vanilla", scaling, "none") for scaling in ("spread", "none"))
    return reporting.difference(*pair)


def _invariant(table):
    """At chance on high components is also one answer to them all; so they are taken away, too."""
    low, high = (
        last_epoch.component(table, "adversarial", kind, _HIGHEST) for kind in ("low", "high")
    )
    return {
        "low components": reporting.difference(last_epoch.original(table, "adversarial"), low),
        "high components": high - reporting.chance(table),
    }


def _above_chance(table):
    """A network that guesses is invariant to everything."""
    beyond = last_epoch.original(table, "adversarial") - reporting.chance(table)
    return {"accuracy of adversarial beyond chance": beyond}


CLAIMS = (
    _versus(
        "dropout_high",
        "Dropout is roughly vanilla in the high frequencies.",
        "dropout",
        "high",
        _LOWEST,
        above=-reporting.EQUIVALENCE,
        below=reporting.EQUIVALENCE,
    ),
    _versus(
        "mix_up_high",
        "Mix-up makes the network use more of the high frequencies.",
        "mix_up",
        "high",
        _LOWEST,
        above=0,
    ),
    _against(
        "mix_up_test",
        "Mix-up leaves test accuracy similar.",
        "accuracy on test images",
        last_epoch.original,
        "mix_up",
        above=-reporting.EQUIVALENCE,
        below=reporting.EQUIVALENCE,
    ),
    *(
        _versus(
            f"batch_norm_{component}{suffix}",
            f"BatchNorm makes the network use more of the {component} frequencies {words}.",
            "batch_norm",
            component,
            _LOWEST,
            statistics,
            above=0,
            kind=kind,
        )
        for component in ("high", "low")
        for suffix, statistics, words, kind in (
            ("", "batch", "(as the paper tests it)", "paper"),
            ("_population", "population", "also with fixed statistics", "control"),
        )
    ),
    reporting.Claim(
        id="heuristics_batch_norm_statistics",
        item="Fig. 5",
        kind="control",
        sentence="What a network with BatchNorm makes of the high frequencies falls once test "
        "images are not normalised by their own batch.",
        measured=f"accuracy on high components, {_WORDS[_LOWEST]}, batch_norm, tested with batch "
        "minus with population statistics",
        effect=_of_the_batch,
        above=0,
    ),
    reporting.Claim(
        id="heuristics_batch_norm_most",
        item="Fig. 5",
        sentence="What BatchNorm adds in the high frequencies is most visible beyond small radii.",
        measured="accuracy on high components, batch_norm with batch statistics minus vanilla: "
        f"{_WORDS[_LOWEST]} minus {_WORDS[_HIGHEST]}",
        effect=_most_at_lowest,
        above=0,
    ),
    *(
        reporting.Claim(
            id=f"heuristics_batch_norm_{name}",
            item="section 5, BatchNorm",
            kind="control",
            sentence=f"{words} of the high frequencies is what batch statistics "
            "repair; scaling the input does at least half of it.",
            measured="accuracy on high components, batch_norm, "
            f"{_WORDS[_LOWEST]}: what bringing components to the {target} of the images adds with "
            "population statistics minus half of what batch statistics add",
            effect=functools.partial(_repaired, scaling),
            above=0,
        )
        for name, scaling, words, target in (
            ("magnitude", "spread", "The small magnitude", "spread"),
            ("matched", "matched", "Mean and magnitude", "mean and spread"),
        )
    ),
    reporting.Claim(
        id="heuristics_vanilla_magnitude",
        item="section 5, BatchNorm",
        kind="control",
        sentence="Vanilla ignores high frequencies since they are small in magnitude.",
        measured=f"accuracy on high components, vanilla, {_WORDS[_LOWEST]}: with the spread of the "
        "images minus as they are",
        effect=_lifted,
        above=0,
    ),
    _against(
        "adversarial_test",
        "Adversarial training costs accuracy.",
        "accuracy on test images",
        last_epoch.original,
        "adversarial",
        below=0,
    ),
    _against(
        "adversarial_gap",
        "Adversarial training gives a smaller generalisation gap.",
        "accuracy on training minus test images",
        last_epoch.gap,
        "adversarial",
        below=0,
        # What adversarial training costs in fit is part of the claim.
        fitted=functools.partial(last_epoch.fitted, recipes=("vanilla",)),
    ),
    reporting.Claim(
        id="heuristics_adversarial_invariant",
        item="Fig. 5",
        sentence="An adversarially trained network is invariant to the highest frequencies.",
        measured=f"adversarial, {_WORDS[_HIGHEST]}: accuracy on originals minus on low components, "
        "and accuracy on high components minus chance",
        effect=_invariant,
        fitted=_above_chance,
        fitted_above=0.2,
        above=-reporting.EQUIVALENCE,
        below=reporting.EQUIVALENCE,
    ),
    _versus(
        "adversarial_high_lowest",
        "Beyond the smallest radius it uses more of the high frequencies than vanilla.",
        "adversarial",
        "high",
        (0,),
        above=0,
    ),
    _versus(
        "adversarial_low",
        "An adversarially trained network keeps more of its accuracy on the lowest frequencies.",
        "adversarial",
        "low",
        (0,),
        above=0,
    ),
)


if __name__ == "__main__":
    runner.main(sys.modules[__name__])
