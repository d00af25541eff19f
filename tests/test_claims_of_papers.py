"""Claims that a made-up table supports, and that another one refutes."""

import itertools

import numpy as np
import pandas as pd
import pytest

from experiments import (
    amplitude_phase,
    compare_all,
    component_training,
    fourier_regularization,
    kernel_smoothing,
    label_shuffle,
    misaligned_predictions,
    training_heuristics,
)
from experiments.effects.datasets import FASHION
from hfc_keras import reporting
from hfc_keras.reporting.effects import misaligned

RADII = (4.0, 8.0, 12.0, 16.0)
RHOS = (0.0, 0.1, 0.5)
SMOOTHED = ("penalty", "constraint", "smooth_layer")


def by_seed(rows):
    """Rows of three seeds, which differ by as much in all measurements."""
    found = []
    for row, seed in itertools.product(rows, range(3)):
        shift = 0.001 * seed if "accuracy" in row else 0
        found.append({**row, "seed": seed, "accuracy": row.get("accuracy", np.nan) + shift})
    return pd.DataFrame(found)


def heuristics(test=None, high=None, dataset=None):
    """Last epochs of training_heuristics, 0.5 and 0.2 where no other accuracy is given."""
    rows = []
    for recipe in ("vanilla", "dropout", "mix_up", "batch_norm", "adversarial"):
        kinds = ("batch", "population") if recipe == "batch_norm" else ("none",)
        for statistics in kinds:
            shared = {"recipe": recipe, "epoch": 5, "split": "test", "scaling": "none"}
            shared["bn_statistics"] = statistics
            own = (test or {}).get(recipe, 0.5)
            rows.append({**shared, "component": "original", "radius": np.nan, "accuracy": own})
            own = (high or {}).get(recipe, 0.2)
            tested = {**shared, "component": "high", "accuracy": own}
            rows += [{**tested, "radius": radius} for radius in RADII]
    found = by_seed(rows).assign(classes=10)
    return found.assign(dataset=dataset) if dataset else found


def beside_cifar(table, other):
    """The rows of two data sets, as the ledger hands them to a claim on both."""
    return pd.concat([table.assign(dataset="cifar10"), other.assign(dataset=FASHION)])


def course(lows, fits=(0.3, 0.6, 0.9), recipe="natural"):
    """Rows of label_shuffle: accuracy on each low component, or on all alike, by epoch."""
    rows = []
    lows = lows if isinstance(lows, dict) else dict.fromkeys(RADII, lows)
    for epoch, fit in enumerate(fits, start=1):
        shared = {"recipe": recipe, "epoch": epoch, "split": "train_after"}
        rows.append({**shared, "component": "original", "radius": np.nan, "accuracy": fit})
        for radius, values in lows.items():
            own = {"component": "low", "radius": radius, "accuracy": values[epoch - 1]}
            rows.append({**shared, **own})
    return by_seed(rows).assign(classes=10)


def both_labels(natural, shuffled):
    return pd.concat([course(natural), course(shuffled, recipe="shuffled")])


def trained_on_high(test):
    """Rows of component_training: test accuracy trained on high beyond the smallest radius."""
    rows = [
        {
            "recipe": f"high_{radius:g}",
            "epoch": 3,
            "split": "test",
            "component": "original",
            "trained_radius": radius,
            "accuracy": test if radius == RADII[0] else 0.1,
        }
        for radius in RADII
    ]
    return by_seed(rows).assign(classes=10)


def outcomes(pattern, lost=0.0):
    """Rows of misaligned_predictions: share of the pattern, and of the wrong from high, too."""
    rows = []
    for outcome in itertools.product(misaligned.PAIR, repeat=3):
        share = {("right", "wrong", "right"): pattern, ("right", "wrong", "wrong"): lost}.get(
            outcome, 0.0
        )
        share = 1 - pattern - lost if outcome == ("right",) * 3 else share
        named = dict(zip(("original", "low", "high"), outcome, strict=True))
        rows.append({**named, "share": share, "count": round(10_000 * share), "chance": 0.0})
    networks = [("vanilla", "none"), ("batch_norm", "batch")]
    parts = [
        pd.DataFrame(rows).assign(
            recipe=recipe,
            bn_statistics=statistics,
            seed=seed,
            radius=radius,
            decomposition="fourier",
        )
        for (recipe, statistics), seed, radius in itertools.product(networks, range(3), RADII)
    ]
    return pd.concat(parts, ignore_index=True)


def smoothed(clean=(), fgsm=(), pgd=(), energy=None):
    """Rows of kernel_smoothing: accuracies by recipe, one for each rho or one for all."""
    rows = []
    for recipe in ("natural", "adversarial", "natural_5x5", "adversarial_5x5"):
        for place, rho in enumerate(RHOS):
            shared = {"recipe": recipe, "rho": rho, "normalized": False, "restarts": 1}
            shared["energy_beyond"] = (energy or {}).get(recipe, 0.5)
            for attack, values in (("none", clean), ("fgsm", fgsm), ("pgd", pgd)):
                own = np.broadcast_to(dict(values).get(recipe, 0.5), len(RHOS))[place]
                for epsilon in (np.nan,) if attack == "none" else (0.03, 0.09):
                    attacked = {"attack": attack, "epsilon": epsilon, "loss": "cross_entropy"}
                    rows.append({**shared, **attacked, "accuracy": own})
    return by_seed(rows)


def measured(measure, goodness, conditions, column="accuracy"):
    """Rows of one measure: a number by recipe, the same for all conditions of a dict or tuple."""
    rows = []
    for recipe, values in goodness.items():
        values = values if isinstance(values, dict) else dict.fromkeys(conditions, values)
        for condition, own in values.items():
            named = {"recipe": recipe, "measure": measure, "condition": condition}
            rows.append({**named, "level": 1.0, "accuracy": 0.5, column: own})
    return by_seed(rows)


def methods(column, value):
    """Rows of compare_all: a number of the networks with a smooth first layer, vanilla has 0.5."""
    rows = [{"recipe": name, column: value} for name in SMOOTHED]
    return by_seed([*rows, {"recipe": "vanilla", column: 0.5}])


FALLING, RISING = (0.6, 0.5, 0.4), (0.2, 0.3, 0.4)
EARLY = {4.0: (0.4, 0.4, 0.4), 8.0: (0.5, 0.5, 0.5), 12.0: (0.6,) * 3, 16.0: (0.3, 0.6, 0.9)}
LATE = {4.0: (0.2, 0.3, 0.4), 8.0: (0.5, 0.5, 0.5), 12.0: (0.6,) * 3, 16.0: (0.9, 0.9, 0.9)}
BATCH_NORM = {"batch_norm": 0.4, "dropout": 0.25, "mix_up": 0.3}
NATURAL, ADVERSARIAL = "natural", "adversarial"
ROBUST = {ADVERSARIAL: 0.6, NATURAL: 0.2}
CASES = [
    (training_heuristics, "heuristics_dropout_test", heuristics({"dropout": 0.52}),
     heuristics({"dropout": 0.4})),
    (training_heuristics, "heuristics_batch_norm_test", heuristics({"batch_norm": 0.52}),
     heuristics({"batch_norm": 0.6})),
    (training_heuristics, "heuristics_batch_norm_test_population",
     heuristics({"batch_norm": 0.48}), heuristics({"batch_norm": 0.6})),
    (training_heuristics, "heuristics_batch_norm_above", heuristics(high=BATCH_NORM),
     heuristics(high={**BATCH_NORM, "mix_up": 0.5})),
    (training_heuristics, "heuristics_batch_norm_high_fashion_mnist",
     beside_cifar(heuristics(), heuristics(high=BATCH_NORM)),
     beside_cifar(heuristics(high=BATCH_NORM), heuristics(high={"batch_norm": 0.1}))),
    (label_shuffle, "natural_low_before", course(EARLY), course(LATE)),
    (label_shuffle, "natural_low_first_epoch", course((0.41, 0.4, 0.3)), course((0.2, 0.4, 0.4))),
    (label_shuffle, "shuffle_low_eighth_fashion_mnist",
     beside_cifar(both_labels((0.2,) * 3, (0.3,) * 3), both_labels((0.4,) * 3, (0.2,) * 3)),
     beside_cifar(both_labels((0.4,) * 3, (0.2,) * 3), both_labels((0.2,) * 3, (0.3,) * 3))),
    (component_training, "component_high_lowest", trained_on_high(0.2), trained_on_high(0.12)),
    (misaligned_predictions, "misaligned_count", outcomes(0.06), outcomes(0.02)),
    (misaligned_predictions, "misaligned_count_small_radius", outcomes(0.06), outcomes(0.2)),
    (misaligned_predictions, "misaligned_count_batch_norm", outcomes(0.06), outcomes(0.02)),
    (misaligned_predictions, "misaligned_not_both", outcomes(0.0, 0.01), outcomes(0.0, 0.0)),
    (kernel_smoothing, "trade_off", smoothed({ADVERSARIAL: 0.3}, pgd=ROBUST),
     smoothed({ADVERSARIAL: 0.6}, pgd=ROBUST)),
    (kernel_smoothing, "adversarial_kernels_energy", smoothed(energy={ADVERSARIAL: 0.3}),
     smoothed(energy={ADVERSARIAL: 0.7})),
    (kernel_smoothing, "adversarial_kernels_energy_5x5", smoothed(energy={"adversarial_5x5": 0.3}),
     smoothed(energy={"adversarial_5x5": 0.7})),
    (kernel_smoothing, "smoothing_costs_accuracy_adversarial", smoothed({ADVERSARIAL: FALLING}),
     smoothed({NATURAL: FALLING, ADVERSARIAL: RISING})),
    (kernel_smoothing, "smoothing_steps_clean_natural", smoothed({NATURAL: FALLING}),
     smoothed({NATURAL: (0.6, 0.7, 0.4)})),
    (kernel_smoothing, "smoothing_steps_clean_adversarial", smoothed({ADVERSARIAL: FALLING}),
     smoothed({ADVERSARIAL: (0.6, 0.3, 0.4)})),
    (kernel_smoothing, "smoothing_steps_natural", smoothed(pgd={NATURAL: RISING}),
     smoothed(pgd={NATURAL: (0.2, 0.4, 0.3)})),
    (kernel_smoothing, "smoothing_steps_natural_fgsm", smoothed(fgsm={NATURAL: RISING}),
     smoothed(fgsm={NATURAL: (0.2, 0.1, 0.3)}, pgd={NATURAL: RISING})),
    (kernel_smoothing, "smoothing_helps_natural_fgsm", smoothed(fgsm={NATURAL: RISING}),
     smoothed(fgsm={NATURAL: FALLING}, pgd={NATURAL: RISING})),
    (kernel_smoothing, "smooth_is_not_robust_fgsm", smoothed(fgsm=ROBUST),
     smoothed(fgsm={NATURAL: 0.7}, pgd=ROBUST)),
    (kernel_smoothing, "smoothing_helps_adversarial_fgsm", smoothed(fgsm={ADVERSARIAL: RISING}),
     smoothed(fgsm={ADVERSARIAL: FALLING}, pgd={ADVERSARIAL: RISING})),
    (kernel_smoothing, "smoothing_harms_adversarial_fgsm", smoothed(fgsm={ADVERSARIAL: FALLING}),
     smoothed(fgsm={ADVERSARIAL: RISING}, pgd={ADVERSARIAL: FALLING})),
    *(
        (fourier_regularization, f"regularization_{name}_corrupted",
         measured("corrupted", {"vanilla": 0.4, name: 0.5}, ("fog", "contrast")),
         measured("corrupted", {"vanilla": 0.4, name: {"fog": 0.5, "contrast": 0.2}},
                  ("fog", "contrast")))
        for name in fourier_regularization.KINDS
    ),
    (amplitude_phase, "recombination_calibration_corrupted",
     measured("calibration_corrupted", {"vanilla": 0.2, "apr_sp": 0.1}, ("fog",), "value"),
     measured("calibration_corrupted", {"vanilla": 0.2, "apr_sp": 0.3}, ("fog",), "value")),
    (amplitude_phase, "recombination_phase",
     measured("swapped", {"vanilla": {"phase": 0.3, "amplitude": 0.3},
                          "apr_sp": {"phase": 0.5, "amplitude": 0.1}}, ()),
     measured("swapped", {"vanilla": {"phase": 0.3, "amplitude": 0.1},
                          "apr_sp": {"phase": 0.5, "amplitude": 0.4}}, ())),
    (compare_all, "smooth_training_high", methods("high_accuracy", 0.3),
     methods("high_accuracy", 0.6)),
    (compare_all, "smooth_training_sensitivity", methods("high", 0.3), methods("high", 0.6)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("experiment", "name", "supporting", "refuting"), CASES, ids=[case[1] for case in CASES]
)
def test_a_table_supports_the_claim_and_another_one_refutes_it(
    experiment, name, supporting, refuting
):
    claims = {claim.id: claim for claim in experiment.EXPERIMENT.claims}
    assert reporting.judge(claims[name], supporting)["verdict"] == "supported"
    assert reporting.judge(claims[name], refuting)["verdict"] == "refuted"


def test_claims_on_another_data_set_need_its_rows():
    for experiment, table in ((training_heuristics, heuristics()), (label_shuffle, course(EARLY))):
        claims = [claim for claim in experiment.EXPERIMENT.claims if claim.other_dataset]
        assert [claim.other_dataset for claim in claims] == [FASHION]
        with pytest.raises(reporting.MissingMeasurementError, match="another data set"):
            reporting.judge(claims[0], table)


def test_the_decisive_step_and_radius_are_named():
    claims = {
        claim.id: claim
        for experiment in (kernel_smoothing, misaligned_predictions)
        for claim in experiment.EXPERIMENT.claims
    }
    row = reporting.judge(claims["smoothing_steps_natural"], smoothed(pgd={NATURAL: (1, 3, 2)}))
    assert (row["against"], row["effect"]) == ("rho from 0.1 to 0.5", pytest.approx(-1))
    row = reporting.judge(claims["trade_off"], smoothed(pgd={NATURAL: 0.7}, clean={NATURAL: 0.9}))
    assert (row["against"], row["effect"]) == ("PGD", pytest.approx(-0.2))
    table = outcomes(0.02, 0.1)
    table.loc[table["radius"] == RADII[2], "share"] = 0
    assert reporting.judge(claims["misaligned_not_both"], table)["against"] == "r = 3/8 width"
    row = reporting.judge(claims["misaligned_count"], outcomes(0.06))
    assert row["image_low"] < row["effect"] < row["image_high"]


def test_nothing_learned_of_a_radius_is_no_measurement():
    claims = {claim.id: claim for claim in label_shuffle.EXPERIMENT.claims}
    guessing = course({**EARLY, 4.0: (0.05, 0.05, 0.05)})
    with pytest.raises(reporting.MissingMeasurementError, match="something is learned"):
        reporting.judge(claims["natural_low_before"], guessing)
