"""What is measured of networks trained on recombined images alone."""

import numpy as np
import pandas as pd
import pytest

from experiments import amplitude_phase
from experiments.effects.changes import KINDS
from experiments.measures import all_measures, changed_images
from hfc_keras import analysis, data
from hfc_keras.analysis.hybrid_preference import partners
from hfc_keras.lab import tested_networks
from hfc_keras.lab.runner import Cell


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A plain network on digits, of which 40 images are corrupted."""
    folder = tmp_path_factory.mktemp("store")
    told = amplitude_phase.Settings(
        examples=(300, 60), epochs=1, model="small_cnn", results=folder, store=folder
    )
    return tested_networks.Network(amplitude_phase.EXPERIMENT.planned(told).cell("vanilla", 0))


def test_calibration_on_corrupted_images_is_that_of_their_answers(network):
    rows = changed_images.calibrated_corrupted(network, (1, 5))
    keys = ["condition", "level"]
    same = changed_images.corrupted(network, (1, 5)).query("measure == 'corrupted'")
    accuracies = (each.set_index(keys)["accuracy"].to_dict() for each in (rows, same))
    assert next(accuracies) == next(accuracies)
    assert set(rows["condition"]) == set(KINDS) and set(rows["examples"]) == {40}
    assert set(rows["source"]) == {"generated"}
    assert set(rows["measure"]) == {"calibration_corrupted"}
    test = network.cell.test_images(40)
    images = data.corrupt(test.images, "fog", 5)
    expected = analysis.calibration(network.model, images, test.labels).iloc[0]
    fog = rows.set_index(keys).loc[("fog", 5)]
    assert fog["value"] == pytest.approx(expected["rms_calibration_error"])
    assert fog["confidence"] == pytest.approx(expected["confidence"])


def test_published_images_are_calibrated_with_their_own_labels(network, monkeypatch):
    test = network.cell.test_images(40)
    other = data.Split(test.pixels[::-1].copy(), (test.labels[::-1] + 1) % 10)
    monkeypatch.setattr(changed_images, "_published", lambda *_: lambda kind, severity: other)
    rows = changed_images.calibrated_corrupted(network, (3,))
    assert rows["accuracy"].nunique() == 1 and set(rows["source"]) == {"cifar10_corrupted"}
    expected = analysis.calibration(network.model, other.images, other.labels)
    assert rows["accuracy"][0] == pytest.approx(expected["accuracy"][0])


def test_swapped_images_name_the_class_of_phase_or_amplitude(network):
    rows = changed_images.swapped(network).set_index("condition")["accuracy"]
    test = network.cell.test_images()
    other = partners(test.labels, seed=0)
    assert (test.labels != test.labels[other]).all()
    axes = (1, 2, 3)
    own, away = np.fft.fftn(test.images, axes=axes), np.fft.fftn(test.images[other], axes=axes)
    images = np.fft.ifftn(np.abs(away) * np.exp(1j * np.angle(own)), axes=axes).real
    answers = network.model.predict(images.clip(0, 1).astype("float32"), verbose=0).argmax(axis=1)
    assert rows["phase"] == pytest.approx((answers == test.labels).mean(), abs=0.02)
    assert rows["amplitude"] == pytest.approx((answers == test.labels[other]).mean(), abs=0.02)


def test_new_rows_leave_what_was_measured_as_it_was(network, monkeypatch):
    asked = {}
    monkeypatch.setattr(
        Cell,
        "measured",
        lambda cell, measure, arguments, *_: asked.update({measure: arguments}) or pd.DataFrame(),
    )
    with pytest.raises(KeyError):
        changed_images.corrupted(network, (1, 3, 5))
    expected = {"severities": (1, 3, 5), "examples": 40, "names": KINDS}
    assert asked == {"corruption_accuracy": expected}


def test_errors_are_no_shares():
    rows = {"recipe": "vanilla", "seed": 0, "level": 1.0, "accuracy": 0.5, "value": np.nan}
    names = ["calibration", "calibration_corrupted", "uncorrupted", "sensitivity", "swapped"]
    table = pd.DataFrame([{**rows, "measure": name, "condition": "fog"} for name in names])
    assert all_measures.shares(table)["measure"].tolist() == ["swapped"]
