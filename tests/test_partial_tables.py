"""Tables of a run that is not finished: a claim is judged or missing, and nothing fails."""

from types import SimpleNamespace

import numpy as np
import pytest
from own import claimed

from experiments import component_training
from experiments.ledger import judging
from hfc_keras import reporting

EXPERIMENTS = judging.claimants()
# Their figures also draw kernels and images of networks.
NETWORKS_DRAWN = ("kernel_smoothing", "misaligned_predictions")


TABLES = claimed.RESULTS / "quick" / "cifar10"
MEASURED = [name for name in EXPERIMENTS if (TABLES / f"{name}.csv").exists()]


def table_of(name):
    """Table of the quick profile."""
    return reporting.read_table(TABLES / f"{name}.csv", EXPERIMENTS[name].keys)


def test_most_experiments_have_a_table():
    assert len(MEASURED) >= 20


def plain(table):
    """What the first stage of a run leaves."""
    return table["recipe"].isin(["vanilla", "batch_norm", "original", "natural", "resnet", "adam"])


def uneven(table):
    """Every other recipe has a seed more."""
    names = table["recipe"].unique()
    return table["recipe"].isin(names[::2]) | (table["seed"] < 2)


@pytest.mark.few(3)
@pytest.mark.parametrize("part", [plain, uneven])
@pytest.mark.parametrize("name", MEASURED)
def test_a_table_in_the_making_is_judged_as_far_as_it_goes(name, part):
    experiment, table = EXPERIMENTS[name], table_of(name)
    table = table[part(table)].reset_index(drop=True)
    if table.empty:
        return
    for claim in experiment.claims:
        if claim.other_dataset:
            continue
        try:
            row = reporting.judge(claim, table)
        except reporting.MissingMeasurementError:
            continue
        assert np.isfinite(row["effect"])
    assert experiment.summary(table)
    if name not in NETWORKS_DRAWN:
        settings = experiment.settings(profile="quick", dataset="cifar10")
        experiment.figures(table, SimpleNamespace(settings=settings, chance=0.1))


def test_without_filtered_trainings_there_is_no_figure_of_them():
    table = table_of("component_training")
    assert component_training.EXPERIMENT.figures(table[table["recipe"] == "original"], None) == {}
