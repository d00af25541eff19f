"""The experiments fourier_heat_map, band_stop and perturbation_spectrum."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from experiments import (
    band_stop,
    fourier_heat_map,
    perturbation_spectrum,
    training_heuristics,
)
from hfc_keras import reporting
from hfc_keras.data import Split

SMALL = "--examples 60 20 --epochs 1 --model small_cnn"
EXPERIMENTS = (fourier_heat_map, band_stop, perturbation_spectrum)


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("experiment", "arguments", "rows", "printed"),
    [
        (fourier_heat_map, "--measured 10", 64, "0 to 0.125"),
        (band_stop, "--bands 2", 3, "worst"),
        (perturbation_spectrum, "--attacked 8 --steps 2", 14, "at most 0 of 8"),
    ],
)
def test_table_and_figure_are_written(run, experiment, arguments, rows, printed, capsys):
    path = run(experiment, f"{arguments} --recipes vanilla")
    table = pd.read_csv(f"{path}.csv")
    assert len(table) == rows and not table.duplicated(experiment.EXPERIMENT.keys).any()
    assert set(table["examples"]) == {{64: 10, 3: 20, 14: 8}[rows]}
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert printed in capsys.readouterr().out


@pytest.mark.slow
def test_heat_map_rows_are_signed_frequencies(run):
    path = run(fourier_heat_map, "--measured 10 --norm 0 --recipes vanilla")
    table = pd.read_csv(f"{path}.csv")
    assert table["row"].iloc[[0, -1]].tolist() == [-4, 3]
    # Waves of norm 0 change nothing.
    np.testing.assert_allclose(table["error"], table["clean_error"])


def test_rows_of_large_images_are_those_that_were_measured(monkeypatch):
    errors = np.full((80, 96), np.nan)
    errors[::4, ::6] = np.arange(320).reshape(20, 16) / 320
    monkeypatch.setattr(fourier_heat_map.analysis, "fourier_heat_map", lambda *_, **told: errors)
    monkeypatch.setattr(fourier_heat_map.gradients, "predicted", lambda *told: np.eye(2))
    split = Split(np.zeros((2, 80, 96, 1), "uint8"), [0, 0])
    settings = SimpleNamespace(images=2, norm=None)
    cell = SimpleNamespace(test_images=lambda count: split, settings=settings)
    table = fourier_heat_map._rows(cell, None, resume=None)
    assert len(table) == 320 and set(table["side"]) == {80} and set(table["clean_error"]) == {0.5}
    expected = errors[table["row"] + 40, table["column"] + 48]
    np.testing.assert_array_equal(table["error"], expected)


@pytest.mark.few(1)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_networks_are_those_of_the_training_heuristics(experiment):
    own = experiment.EXPERIMENT.recipes(experiment.Settings())
    heuristics = training_heuristics.EXPERIMENT.recipes(training_heuristics.Settings())
    shared = set(own) & set(heuristics)
    assert {"vanilla", "batch_norm", "adversarial"} <= shared
    assert all(own[name] == heuristics[name] for name in shared)
    assert own["noise"] == heuristics["vanilla"].but(noise=0.1)
    if "low_pass" in own:
        assert own["low_pass"] == heuristics["vanilla"].but(component="low", radius=2)


@pytest.mark.parametrize(
    ("experiment", "arguments", "message"),
    [
        (fourier_heat_map, "--norm -1", "Received: norm=-1"),
        (fourier_heat_map, "--measured 0", "Received: measured=0"),
        (band_stop, "--bands 1", "Received: bands=1"),
        (perturbation_spectrum, "--attacked 0", "Received: attacked=0"),
        (perturbation_spectrum, "--steps 0", "Received: steps=0"),
        (perturbation_spectrum, "--test-epsilon 0", "Received: test_epsilon=0"),
        (perturbation_spectrum, "--test-epsilon 2", "Received: epsilon=2"),
    ],
)
def test_bad_settings_are_refused_before_training(
    run, experiment, arguments, message, capsys, monkeypatch
):
    monkeypatch.setattr("hfc_keras.training.fit", None)
    with pytest.raises(SystemExit) as refused:
        run(experiment, arguments)
    assert refused.value.code == 2 and message in capsys.readouterr().err


def grid(recipes, **columns):
    keys = {"recipe": recipes, "seed": [0, 1, 2], **columns}
    return pd.DataFrame(itertools.product(*keys.values()), columns=list(keys))


def heat(slopes):
    """Error rates that rise by a slope a cycle from the zero frequency, minus it at 2 cycles."""
    table = grid(slopes, row=range(-4, 4), column=range(-4, 4))
    distance = np.hypot(table["row"], table["column"])
    rise = table["recipe"].map(slopes) * (distance - 2)
    return table.assign(clean_error=0.3, error=0.3 + rise + 1e-3 * table["seed"])


def stopped(slopes):
    """Drops that rise by a slope a ring."""
    table = grid(slopes, inner=[np.nan, 0.0, 1.0, 2.0, 3.0])
    drop = (table["recipe"].map(slopes) * table["inner"]).fillna(0) + 1e-4 * table["seed"]
    return table.assign(outer=table["inner"] + 1, drop=drop, accuracy=0.8 - drop)


def spectra(slopes):
    """Shares that rise by a slope a ring."""
    table = grid(slopes, attack=["fgsm", "pgd"], ring=range(4))
    mean = 0.25 + table["recipe"].map(slopes) * (table["ring"] - 1.5) + 1e-4 * table["seed"]
    return table.assign(white=0.25, image_size=4, mean=mean)


@pytest.mark.parametrize(
    ("experiment", "rows", "slopes"),
    [
        (
            fourier_heat_map,
            heat,
            {"vanilla": 0.05, "batch_norm": 0.05, "adversarial": 0.01, "noise": 0.02},
        ),
        (
            band_stop,
            stopped,
            {"vanilla": -0.02, "batch_norm": 0.02, "adversarial": -0.03, "noise": -0.04},
        ),
        (perturbation_spectrum, spectra, {"vanilla": 0.05, "adversarial": -0.02, "noise": 0.01}),
    ],
)
def test_claims_follow_the_sign_of_the_effect(experiment, rows, slopes):
    for factor, verdict in ((1, "supported"), (-1, "refuted")):
        table = rows({name: factor * slope for name, slope in slopes.items()})
        judged = [reporting.judge(claim, table) for claim in experiment.EXPERIMENT.claims]
        assert {row["verdict"] for row in judged} == {verdict}
