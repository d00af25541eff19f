"""The experiments that measure several systems alike, and all methods together."""

import itertools

import numpy as np
import pandas as pd
import pytest

from experiments import (
    amplitude_phase,
    anchored_convolution,
    anti_aliasing,
    compare_all,
    contextual_convolution,
)
from experiments.measures import all_measures
from experiments.recipes import systems
from hfc_keras import reporting

SMALL = "--examples 80 40 --epochs 1 --severities 3 --epsilons 0.03"


@pytest.mark.slow
def test_every_measure_is_in_the_table_and_once_in_the_comparison(run, capsys):
    path = run(amplitude_phase, "--recipes vanilla apr_sp")
    table = pd.read_csv(f"{path}.csv")
    measures = {"sensitivity", "clean", "filtered", "corrupted", "attacked", "shifted"}
    own = {"uncorrupted", "calibration", "calibration_corrupted", "swapped", "outside"}
    assert set(table["measure"]) == measures | own
    assert not table.duplicated(amplitude_phase.EXPERIMENT.keys).any()
    assert set(table[table["measure"] == "outside"]["condition"]) == {"gaussian", "uniform"}
    shares = all_measures.shares(table)["accuracy"]
    assert shares.between(0, 1).all() and len(shares) == 2 * (1 + 3 + 9 + 2 + 1 + 2 + 2)
    for part in ("", "_sensitivity", "_corruptions", "_calibration"):
        assert (path.parent / f"amplitude_phase{part}.png").stat().st_size > 5_000
    assert "Calibration errors" in capsys.readouterr().out

    together = pd.read_csv(f"{run(compare_all, '--recipes vanilla apr_sp')}.csv")
    assert together["recipe"].tolist() == ["vanilla", "apr_sp"]
    for _, row in together.iterrows():
        rows = table[table["recipe"] == row["recipe"]]
        for column, measure in (("corruptions", "corrupted"), ("accuracy", "clean")):
            mean = rows[rows["measure"] == measure]["accuracy"].mean()
            np.testing.assert_allclose(row[column], mean)
        rings = rows[(rows["measure"] == "sensitivity") & (rows["ring"] > 8 // 3)]
        np.testing.assert_allclose(row["high"], rings["mean"].sum())
    assert "Rank correlation" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--epsilons", "`epsilons` must hold at least one value"),
        ("--epsilons 0.1 0.1", "none twice"),
        ("--epsilons -1", "Received: epsilon=-1"),
        ("--severities 6", "Received: severity=6"),
        ("--shift 0", "Received: shift=0"),
        ("--shift 8", "Received: shift=8"),
        ("--probability 1.5", "Received: recombination_probability=1.5"),
        ("--outside nowhere.npz", "nowhere.npz"),
        ("--outside", "`outside` must hold at least one value"),
        ("--outside uniform uniform", "none twice"),
        ("--outside digits", "must not hold the data set itself"),
        ("--outside synthetic", "`images` must have one channel"),
    ],
)
def test_bad_settings_are_refused_before_training(run, arguments, message, capsys, monkeypatch):
    monkeypatch.setattr("hfc_keras.training.fit", None)
    with pytest.raises(SystemExit) as refused:
        run(amplitude_phase, arguments)
    assert refused.value.code == 2 and message in capsys.readouterr().err


def table_of(goodness, low=None):
    """Every share rises by 0.1 and every error falls by 0.1 with a recipe's goodness.

    So does the share of the lowest ring at the cost of the highest, by goodness or ``low``.
    """
    rows = []
    for (recipe, good), seed in itertools.product(goodness.items(), range(3)):
        up = 0.1 * good + 1e-3 * seed
        key = {"recipe": recipe, "seed": seed}
        for measure, conditions in {
            "clean": ("original",),
            "filtered": ("low", "mid", "high"),
            "corrupted": ("fog", "contrast"),
            "attacked": ("fgsm", "pgd"),
        }.items():
            for name in conditions:
                rows.append({**key, "measure": measure, "condition": name, "accuracy": 0.5 + up})
        others = [("outside", name) for name in ("gaussian", "uniform", "fashion_mnist")]
        for measure, name in (("shifted", "consistency"), *others):
            rows.append({**key, "measure": measure, "condition": name, "value": 0.5 + up})
        for measure, name in (("calibration", "rms"), ("calibration_corrupted", "fog")):
            error = {"measure": measure, "condition": name, "value": 0.5 - up}
            rows.append({**key, **error, "accuracy": 0.5 + up})
        for name, turned in (("phase", up), ("amplitude", -up)):
            swapped = {"measure": "swapped", "condition": name}
            rows.append({**key, **swapped, "accuracy": 0.5 + turned})
        moved = 0.1 * (low or goodness)[recipe] + 1e-3 * seed
        for ring, share in enumerate((0.25 + moved, 0.5, 0.25 - moved), start=1):
            rings = {"measure": "sensitivity", "ring": 2 * ring - 1, "mean": share}
            rows.append({**key, **rings, "white": 0.3, "image_size": 12})
    return pd.DataFrame(rows).assign(level=np.nan)


SIMILAR = {"anchored_mix_similar", "anchored_rotation"}
CASES = [
    (
        amplitude_phase,
        {"vanilla": 0, "hybrid": 0.5, "apr_p": 1, "apr_s": 1, "apr_sp": 2, "hybrid_plus": 2},
        None,
    ),
    (
        anti_aliasing,
        {"vanilla": 0, "aligned": 0, "critical": 1, "blurpool": 1, "flc": 1, "asap": 1},
        None,
    ),
    (
        contextual_convolution,
        {"bottleneck": 0, "bottleneck_end_norm": 1, "coconv": 1, "coresnet": 2},
        None,
    ),
    (
        anchored_convolution,
        {
            "resnet18": 2,
            "unshared": 2,
            "anchored": 0,
            "anchored_regulator": 1,
            "mix": 1,
            "mix_regulator": 2,
            "mix_rotation": 2,
        },
        {"resnet18": 0, "unshared": 0, "anchored": 1} | dict.fromkeys(systems.ANCHORED[3:], 0),
    ),
]


@pytest.mark.parametrize(("experiment", "goodness", "low"), CASES)
def test_claims_follow_the_sign_of_the_effect(experiment, goodness, low):
    for factor, verdict in ((1, "supported"), (-1, "refuted")):
        turned = [
            each and {name: factor * up for name, up in each.items()} for each in (goodness, low)
        ]
        table = table_of(*turned)
        judged = {claim.id: reporting.judge(claim, table) for claim in experiment.EXPERIMENT.claims}
        found = {name: row["verdict"] for name, row in judged.items()}
        assert found == {name: "supported" if name in SIMILAR else verdict for name in found}


def test_alike_is_refuted_by_a_difference_to_either_side():
    for better in (-1, 1):
        goodness = dict.fromkeys(systems.ANCHORED, 0) | {"mix_regulator": better}
        table = table_of(goodness)
        judged = {
            claim.id: reporting.judge(claim, table)
            for claim in anchored_convolution.EXPERIMENT.claims
        }
        assert {judged[name]["verdict"] for name in SIMILAR} == {"refuted"}


@pytest.mark.parametrize(
    ("experiment", "schedule"),
    [
        (amplitude_phase, ("resnet18", 200, (60, 120, 160, 190), 0.2, True, 128)),
        (anti_aliasing, ("resnet50", 90, (30, 60), 0.1, False, 256)),
        (contextual_convolution, ("resnet50", 90, (30, 60, 80), 0.1, False, 256)),
        (anchored_convolution, ("resnet18", 200, (60, 120, 160, 190), 0.2, True, 128)),
    ],
)
def test_paper_profile_is_the_published_training(experiment, schedule):
    told = {"outside": ("gaussian",)} if experiment is amplitude_phase else {}
    settings = experiment.Settings(profile="paper", dataset="digits", **told)
    recipes = experiment.EXPERIMENT.recipes(settings)
    first, *others = recipes.values()
    names = "model epochs milestones step_factor nesterov batch_size".split()
    assert tuple(getattr(first, name) for name in names) == schedule
    decay = {128: 5e-3, 256: 1e-3}[first.batch_size]
    assert np.isclose(first.weight_decay, decay) and first.augmentation == "crop_flip"
    assert (first.optimizer, first.schedule, first.normalization) == ("sgd", "step", "batch")
    assert (first.learning_rate, first.momentum, first.width) == (0.1, 0.9, 1.0)
    assert {other.milestones for other in others} == {first.milestones}
    if experiment is amplitude_phase:
        # The released code adds the losses of both copies.
        steps = {name: (one.learning_rate, one.weight_decay) for name, one in recipes.items()}
        assert steps.pop("apr_s") == steps.pop("vanilla") == (0.1, first.weight_decay)
        assert set(steps.values()) == {(0.2, first.weight_decay / 2)}
    short = experiment.Settings(profile="paper", dataset="digits", epochs=10, **told)
    recipe = next(iter(experiment.EXPERIMENT.recipes(short).values()))
    assert recipe.milestones == tuple(10 * each // first.epochs for each in first.milestones)
