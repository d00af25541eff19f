"""What the experiments on frequencies make of rows; that they run is tested with all of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import (
    architectures,
    batch_size,
    batchnorm_on_low,
    claims,
    component_training,
    label_shuffle,
    optimizers,
    training_heuristics,
)
from experiments.effects import last_epoch
from experiments.ledger import judging
from experiments.measures import component_trainings
from hfc_keras import reporting
from hfc_keras.reporting.claims.statements import minus

RADII = (4.0, 8.0, 12.0, 16.0)
NOWHERE = Path("no-such-folder")


def frequency_table(high, original=None, after=None, statistics=None, seeds=(0, 1, 2)):
    """Last epochs: accuracy of each recipe on high components, tests and training images."""
    rows = []
    for recipe, value in high.items():
        for seed in seeds:
            shared = {"recipe": recipe, "seed": seed, "epoch": 5, "scaling": "none"}
            shared["bn_statistics"] = (statistics or {}).get(recipe, "none")
            # Seeds differ, and equally so in all recipes: differences are exact.
            shift = 0.01 * seed
            for split, values in (("test", original), ("train_after", after)):
                accuracy = (values or {}).get(recipe, 0.5) + shift
                originals = {"split": split, "component": "original", "radius": np.nan}
                rows.append({**shared, **originals, "accuracy": accuracy})
            for component in ("low", "high"):
                for radius in RADII:
                    tested = {"split": "test", "component": component, "radius": radius}
                    rows.append({**shared, **tested, "accuracy": value + shift})
    return pd.DataFrame(rows).assign(classes=10)


def judged(experiment, table, ids=None):
    """Rows of an experiment's claims by id, of some of them or of all."""
    rows = {claim.id: claim for claim in experiment.EXPERIMENT.claims}
    return {name: reporting.judge(rows[name], table) for name in ids or rows}


def test_numbers_after_training_are_those_of_the_recipe():
    table = frequency_table({"a": 0.2, "b": 0.4}, {"a": 0.6}, {"a": 0.9})
    assert last_epoch.high(table, "b").tolist() == pytest.approx([0.4, 0.41, 0.42])
    assert last_epoch.gap(table, "a").tolist() == pytest.approx([0.3] * 3)
    others = minus("a", ("b",)).effect(last_epoch.high, table)
    assert list(others) == ["b"] and others["b"].tolist() == pytest.approx([-0.2] * 3)


def test_claims_on_batch_sizes_compare_smallest_and_largest():
    names = {f"batch_{size}": value for size, value in ((25, 0.3), (400, 0.2), (100, 0.9))}
    after = {"batch_25": 0.97, "batch_100": 0.95, "batch_400": 0.91}
    table = frequency_table(names, {"batch_25": 0.7, "batch_400": 0.66}, after)
    rows = judged(batch_size, table, [claim.id for claim in batch_size.EXPERIMENT.claims])
    effects = {name.removeprefix("batch_size_"): row["effect"] for name, row in rows.items()}
    assert effects == pytest.approx({"train": 0.06, "test": 0.04, "gap": 0.02, "high": 0.1})
    assert {row["verdict"] for row in rows.values()} == {"supported"}


def test_networks_that_have_not_fitted_their_images_judge_no_gap():
    names = {"batch_25": 0.3, "batch_100": 0.3, "batch_400": 0.2}
    table = frequency_table(names, {"batch_25": 0.7}, {"batch_25": 0.97, "batch_100": 0.95})
    gap = judged(batch_size, table, ["batch_size_gap"])["batch_size_gap"]
    assert (gap["verdict"], gap["reason"]) == ("undecided", "not fitted: batch_400 has 0.51 of 0.9")
    assert gap["low"] > 0 and gap["fit"] == pytest.approx(0.51)


@pytest.mark.parametrize(
    ("sgd", "against", "verdict"),
    [(0.3, "adagrad", "supported"), (0.1, "adagrad", "refuted"), (0.19, "adagrad", "refuted")],
)
def test_claims_on_optimizers(sgd, against, verdict):
    high = {"sgd": sgd, "adam": 0.15, "adagrad": 0.2, "adadelta": 0.18, "rmsprop": 0.16}
    rows = judged(
        optimizers, frequency_table(high), [claim.id for claim in optimizers.EXPERIMENT.claims]
    )
    first, second = rows["optimizers_sgd_high"], rows["optimizers_others_alike"]
    assert (first["verdict"], first["against"]) == (verdict, against)
    assert second["against"] == "Adam minus AdaGrad"
    assert second["effect"] == pytest.approx(-0.05)


def test_claims_on_architectures_must_hold_against_each_rival():
    high = {"lenet": 0.3, "alexnet": 0.2, "vgg": 0.25, "resnet": 0.15}
    test = {"lenet": 0.5, "alexnet": 0.55, "vgg": 0.65, "resnet": 0.6}
    after = dict.fromkeys(high, 0.7)
    table = frequency_table(high, test, after)
    rows = judged(architectures, table, [claim.id for claim in architectures.EXPERIMENT.claims])
    effects = {name.removeprefix("architectures_"): row["effect"] for name, row in rows.items()}
    assert effects == pytest.approx({"test": -0.05, "gap": 0.05, "high": -0.05})
    against = {name: row["against"] for name, row in rows.items()}
    assert against["architectures_test"] == against["architectures_gap"] == "vgg"
    assert rows["architectures_high"]["verdict"] == "supported"


def test_claims_on_heuristics_tell_statistics_apart():
    names = ("vanilla", "dropout", "mix_up", "adversarial")
    table = frequency_table(dict(zip(names, (0.2, 0.22, 0.3, 0.1), strict=True)))
    for statistics, value in (("batch", 0.5), ("population", 0.15), ("moving", 0.1)):
        more = frequency_table({"batch_norm": value}, statistics={"batch_norm": statistics})
        table = pd.concat([table, more], ignore_index=True)
    scaled = table[(table["component"] == "high") & (table["split"] == "test")]
    for scaling, gain in (("spread", 0.1), ("matched", 0.3)):
        more = scaled.assign(scaling=scaling, accuracy=scaled["accuracy"] + gain)
        table = pd.concat([table, more], ignore_index=True)
    invariant = (table["recipe"] == "adversarial") & (table["component"] == "low")
    constant, table = table, table.copy()
    table.loc[invariant, "accuracy"] += 0.4
    claims = {claim.id: claim for claim in training_heuristics.EXPERIMENT.claims}
    here = {name: claim for name, claim in claims.items() if not claim.other_dataset}
    rows = {name: reporting.judge(claim, table) for name, claim in here.items()}
    short = {name.removeprefix("heuristics_"): row for name, row in rows.items()}
    assert short["batch_norm_high"]["effect"] == pytest.approx(0.3)
    assert short["batch_norm_high_population"]["effect"] == pytest.approx(-0.05)
    assert short["batch_norm_high_population"]["verdict"] == "refuted"
    assert short["batch_norm_statistics"]["effect"] == pytest.approx(0.35)
    # Batch statistics add 0.35 to what the population's leave.
    assert short["batch_norm_magnitude"]["effect"] == pytest.approx(0.1 - 0.175)
    assert short["batch_norm_matched"]["effect"] == pytest.approx(0.3 - 0.175)
    assert short["vanilla_magnitude"]["effect"] == pytest.approx(0.1)
    assert short["dropout_high"]["verdict"] == "supported"
    assert short["adversarial_invariant"]["effect"] == pytest.approx(0.01)
    assert short["adversarial_invariant"]["verdict"] == "supported"
    assert short["batch_norm_most"]["effect"] == pytest.approx(0)
    # One answer to every high component is no invariance, nor is one to every image.
    row = reporting.judge(claims["heuristics_adversarial_invariant"], constant)
    assert (row["verdict"], row["against"]) == ("refuted", "low components")
    guessing = table["recipe"] == "adversarial"
    table = table.assign(accuracy=table["accuracy"].mask(guessing, 0.1))
    row = reporting.judge(claims["heuristics_adversarial_invariant"], table)
    assert row["verdict"] == "undecided" and "beyond chance has 0.00 of 0.2" in row["reason"]


@pytest.fixture
def trained_on_components():
    """Rows of networks trained on components: history, originals and components at the end."""
    rows = []
    low, high = (0.4, 0.5, 0.55, 0.6), (0.2, 0.1, 0.1, 0.1)
    for recipe, kind, statistics in (("low", "low", "none"), ("high", "high", "none")):
        for radius, test in zip(RADII, low if kind == "low" else high, strict=True):
            rows += _component_rows(f"{recipe}_{radius:g}", kind, radius, test, statistics)
    for radius, test in zip(RADII, low, strict=True):
        name = f"low_{radius:g}_batch_norm"
        rows += _component_rows(name, "low", radius, test + radius / 100, "batch")
        rows += _component_rows(name, "low", radius, 0.0, "moving")
    return pd.DataFrame(rows).assign(classes=10)


def _component_rows(recipe, kind, radius, test, statistics):
    rows = []
    for seed in (0, 1, 2):
        shared = {"recipe": recipe, "seed": seed, "epoch": 3, "trained_on": kind}
        shared.update(trained_radius=radius, bn_statistics=statistics)
        for split, component, accuracy in (
            ("train", "original", 0.9),
            ("test", "original", test),
            ("test", kind, test + 0.05),
            ("train_after", kind, test + 0.1),
        ):
            own = np.nan if component == "original" else radius
            if split == "train" and statistics == "moving":
                continue
            rows.append(
                {**shared, "split": split, "component": component, "radius": own}
                | {"accuracy": accuracy}
            )
    return rows


def test_claims_of_table_1(trained_on_components):
    table = trained_on_components[trained_on_components["bn_statistics"] == "none"]
    ids = [claim.id for claim in component_training.EXPERIMENT.claims]
    rows = judged(component_training, table, ids)
    assert rows["component_low_generalises"]["effect"] == pytest.approx((2.05 - 0.5) / 4)
    assert rows["component_low_rises"]["effect"] == pytest.approx(0.2)
    fitted = rows["component_high_fitted"]
    assert fitted["effect"] == pytest.approx(-0.5)
    assert (fitted["verdict"], fitted["against"]) == ("refuted", "r = 1/2 width")
    assert rows["component_high_chance"]["verdict"] == "supported"


def test_table_1_in_words(trained_on_components):
    words = component_trainings.final_accuracies(trained_on_components)
    assert words.loc["low_4"].tolist() == [
        f"{value} +- 0.000" for value in ("0.500", "0.400", "0.450")
    ]
    assert "low_16_batch_norm (moving)" in words.index and "high_8" in words.index


def test_claims_of_figure_6(trained_on_components):
    table = trained_on_components[trained_on_components["trained_on"] == "low"]
    rows = judged(
        batchnorm_on_low, table, [claim.id for claim in batchnorm_on_low.EXPERIMENT.claims]
    )
    effects = {name.removeprefix("batchnorm_on_low_"): row["effect"] for name, row in rows.items()}
    assert effects["test_less"] == pytest.approx(0.04)
    assert rows["batchnorm_on_low_test_less"]["against"] == "r = 1/4 width"
    assert effects["test_lowest"] == pytest.approx(0.04)
    assert effects["speed"] == effects["speed_least"] == pytest.approx(0)
    assert effects["gap"] == pytest.approx(0)


@pytest.mark.parametrize(
    ("experiment", "arguments", "message"),
    [
        (batch_size, {"batch_sizes": (10, 10)}, "must be one or more and differ"),
        (batch_size, {"batch_sizes": ()}, "must be one or more and differ"),
        (batch_size, {"batch_sizes": (0,)}, "Received: batch_size=0"),
        (label_shuffle, {"times_as_long": 0.5}, "Received: times_as_long=0.5"),
        (optimizers, {"sgd": -1.0}, "Received: learning_rate=-1"),
        (architectures, {"large_width": 0.0}, "Received: width=0"),
        (component_training, {"radii": (-1.0,)}, "Received: radii=-1"),
        (component_training, {"radii": ()}, "at least one"),
        (component_training, {"radii": (2.0, 2.0)}, "none twice"),
    ],
)
def test_wrong_settings_are_refused(experiment, arguments, message):
    with pytest.raises(ValueError, match=message):
        settings = experiment.Settings(**arguments)
        settings.check()
        experiment.EXPERIMENT.recipes(settings)


def test_experiments_share_their_trainings():
    hashes = {}
    for experiment in (training_heuristics, optimizers, architectures, batch_size):
        settings = experiment.Settings(profile="quick")
        hashes[experiment] = {
            recipe.hash for recipe in experiment.EXPERIMENT.recipes(settings).values()
        }
    assert len(set.intersection(*hashes.values())) == 1
    trained = component_training.recipes(component_training.Settings())
    with_bn = batchnorm_on_low.recipes(batchnorm_on_low.Settings())
    shared = {recipe.hash for recipe in trained.values()} & {r.hash for r in with_bn.values()}
    assert len(shared) == 4
    assert trained["original"].hash in {
        recipe.hash
        for recipe in training_heuristics.EXPERIMENT.recipes(
            training_heuristics.Settings()
        ).values()
    }


def test_every_claim_stands_where_the_ledger_looks_for_it():
    rows, *_ = claims.judge_all(
        judging.claimants(), claims.Settings(available=True, results=NOWHERE)
    )
    places = [claims.ORDER.index(item) for item in rows["item"]]
    assert places == sorted(places) and set(rows["verdict"]) == {"not measured"}
