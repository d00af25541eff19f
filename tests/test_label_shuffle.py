"""What the experiment on shuffled labels makes of rows."""

import numpy as np
import pandas as pd
import pytest

from experiments import label_shuffle
from hfc_keras import reporting

RADII = (4.0, 8.0, 12.0, 16.0)
CLAIMS = {claim.id: claim for claim in label_shuffle.EXPERIMENT.claims}


def shuffle_table(curves):
    """Rows of label_shuffle: for each recipe (training accuracy, accuracy on low) by epoch."""
    rows = []
    for recipe, points in curves.items():
        for seed in (0, 1, 2):
            for epoch, (fit, low) in enumerate(points, start=1):
                shared = {"recipe": recipe, "seed": seed, "epoch": epoch}
                whole = {"component": "original", "radius": np.nan, "accuracy": fit}
                rows += [{**shared, "split": split, **whole} for split in ("train", "train_after")]
                for radius in RADII:
                    part = {"component": "low", "radius": radius, "accuracy": low}
                    rows.append({**shared, "split": "train_after", **part})
    return pd.DataFrame(rows).assign(bn_statistics="none", examples=10, classes=10)


def test_labels_are_compared_where_both_fit_equally_well():
    table = shuffle_table(
        {
            "natural": [(0.4, 0.4), (0.6, 0.3), (0.6, 0.3), (0.6, 0.3), (0.6, 0.3)],
            "shuffled": [(0.1, 0.1), (0.2, 0.1), (0.5, 0.1), (0.7, 0.2), (0.9, 0.5)],
        }
    )
    words = label_shuffle.equally_fitted(table)
    assert words.loc["training images"].tolist() == ["0.600 +- 0.000"] * 2
    assert words.loc["low 4"].tolist() == ["0.300 +- 0.000", "0.150 +- 0.000"]
    here = {name: claim for name, claim in CLAIMS.items() if not claim.other_dataset}
    rows = {name: reporting.judge(claim, table) for name, claim in here.items()}
    effects = {name: row["effect"] for name, row in rows.items()}
    expected = {
        "shuffle_takes_longer": 2.0,
        "shuffle_low_eighth": 0.15,
        "shuffle_low_quarter": 0.15,
        "shuffle_nothing_low": 0.4,
        "natural_low_first": 0.1,
        "natural_low_before": 0.0,
        "natural_low_first_epoch": 0.4,
    }
    assert effects == pytest.approx(expected)
    assert rows["shuffle_takes_longer"]["verdict"] == "refuted"
    assert rows["shuffle_takes_longer"]["against"] == "0.5 right"


def test_networks_that_never_fit_alike_are_not_compared():
    table = shuffle_table({"natural": [(0.7, 0.4)], "shuffled": [(0.1, 0.1), (0.2, 0.1)]})
    assert "not available" in label_shuffle.EXPERIMENT.summary(table)
    with pytest.raises(reporting.MissingMeasurementError, match="shuffle_low_eighth"):
        reporting.judge(CLAIMS["shuffle_low_eighth"], table)
    assert "not available" in label_shuffle.EXPERIMENT.summary(table[table["recipe"] == "natural"])


def test_trainings_that_ended_too_early_refute_nothing():
    """Never half right: more epochs than there were, which may only support."""
    claim = CLAIMS["shuffle_takes_longer"]
    fits, low = [(0.7, 0.4)], (0.1, 0.1)
    enough = shuffle_table({"natural": fits, "shuffled": [low] * 4})
    row = reporting.judge(claim, enough)
    assert (row["effect"], row["verdict"]) == (4, "supported")
    for natural, shuffled in ((fits, [low] * 3), ([low], [low] * 9)):
        table = shuffle_table({"natural": natural, "shuffled": shuffled})
        with pytest.raises(reporting.MissingMeasurementError, match="train longer"):
            reporting.judge(claim, table)
    one = enough[(enough["seed"] != 1) | (enough["epoch"] < 4)]
    assert reporting.judge(claim, one)["n"] == 2


def test_shuffled_labels_must_take_longer_to_every_level_that_both_reach():
    """Four times as long to 0.5 and 0.7 right, twice as long to 0.9."""
    claim = CLAIMS["shuffle_takes_longer"]
    natural = [(0.75, 0.4), *[(0.8, 0.4)] * 3, (0.9, 0.4)]
    shuffled = [*[(0.1, 0.1)] * 3, (0.75, 0.2), *[(0.8, 0.2)] * 5, (0.9, 0.2)]
    row = reporting.judge(claim, shuffle_table({"natural": natural, "shuffled": shuffled}))
    assert (row["against"], row["effect"], row["verdict"]) == ("0.9 right", 2, "refuted")
    never = shuffle_table({"natural": natural[:4], "shuffled": shuffled})
    row = reporting.judge(claim, never)
    assert row["against"] == "0.5 right" and row["effect"] == pytest.approx(3 + 0.4 / 0.65)
    assert row["verdict"] == "supported"


def test_shuffled_labels_are_those_trained_on():
    settings = label_shuffle.Settings(profile="quick")
    natural, shuffled = label_shuffle.recipes(settings).values()
    assert (natural.epochs, shuffled.epochs) == (50, 150) and natural.examples == (2_000, 1_000)
    epochs = settings.measured_epochs(150)
    assert epochs[:5] == [1, 2, 3, 4, 5] and epochs[-1] == 150 and len(epochs) <= 31
    paper = label_shuffle.Settings(profile="paper")
    assert paper.measured_epochs(100) == list(range(1, 101))
