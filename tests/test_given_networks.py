"""The experiment on networks that others trained."""

import dataclasses
import hashlib
import json

import keras
import numpy as np
import pandas as pd
import pytest
from own import given as files
from own import torch_networks
from PIL import Image

from experiments import given_networks
from experiments.outside import given, given_cells, given_measures
from hfc_keras import analysis, data, reporting

SMALL = "--examples 30 --subset 20 --attacked 10 --steps 2 --population 20".split()
FILE = "resnet8_cifar10.npz"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a small network's file and images like those of CIFAR-10."""
    folder, rng = tmp_path_factory.mktemp("given"), np.random.default_rng(0)
    np.savez(folder / FILE, **torch_networks.state_dict())
    pixels = rng.integers(0, 256, (40, 32, 32, 3), dtype="uint8")
    labels = np.arange(40) % 10
    np.savez(folder / "own.npz", x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    return folder


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    """ResNet-8 alone, and no folder told by the environment."""
    monkeypatch.setattr(given, "CIFAR", {"resnet8": given._cifar(8, 0.5)})
    monkeypatch.setattr(given_networks, "TITLES", {"resnet8": "ResNet-8"})
    monkeypatch.delenv(given.VARIABLE, raising=False)


def options(place, results, *more):
    store = ["--store", str(place / "store"), "--results", str(results)]
    return ["--dataset", str(place / "own.npz"), *SMALL, *store, *more]


@pytest.fixture(scope="module")
def table_path(place, tmp_path_factory):
    """Stem of the files of a run."""
    results = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(given, "CIFAR", {"resnet8": given._cifar(8, 0.5)})
        given_networks.EXPERIMENT.main(options(place, results, "--networks", str(place)))
    return results / "given" / "own" / "given_networks"


def table_of(stem):
    return reporting.read_table(stem.with_suffix(".csv"), given_networks.EXPERIMENT.keys)


def test_each_measure_is_there_on_the_images_it_says(table_path):
    table = table_of(table_path)
    found = table.groupby("measure")["examples"].unique().map(list).to_dict()
    assert found == {
        "accuracy": [40],
        "frequency_accuracy": [30, 20],
        "contingency": [30, 20],
        "fourier_sensitivity": [20],
        "band_stop": [20],
        "perturbation_spectrum": [10],
        "robust_accuracy": [10],
    }
    counted = table[table["measure"] == "contingency"].groupby("bn_statistics")["count"].sum()
    assert counted.to_dict() == {"moving": 120, "batch": 120, "population": 80}
    assert sorted(table["radius"].dropna().unique()) == [4, 8, 12, 16]
    assert set(table["classes"]) == {10} and set(table["image_size"]) == {32}


def test_accuracies_by_component_are_those_of_frequency_accuracy(table_path, place):
    table = table_of(table_path)
    model = given.read_resnet(place / FILE, "resnet8")
    test = data.load(str(place / "own.npz")).test
    test = test.take(np.random.default_rng(0).permutation(40)[:30])
    for kind in ("moving", "batch"):
        expected = analysis.frequency_accuracy(
            model, test.images, test.labels, [4, 8, 12, 16], bn_statistics=kind, batch_size=250
        )
        own = table[(table["measure"] == "frequency_accuracy") & (table["bn_statistics"] == kind)]
        both = expected.merge(own, on=["component", "radius"], suffixes=("", "_own"))
        assert len(both) == len(own) == 9
        # One image of 30 may fall on the other side by rounding.
        np.testing.assert_allclose(both["accuracy_own"], both["accuracy"], atol=0.034)


def test_the_record_names_whose_network_it_is(table_path, place):
    content = json.loads(table_path.with_suffix(".json").read_text())
    network = content["cells"]["resnet8 seed 0"]["network"]
    assert "akamaster/pytorch_resnet_cifar10" in network["source"]
    assert network["licence"] == "BSD" and network["stated_accuracy"] == 0.5
    assert network["title"] == "ResNet-8"
    assert network["sha256"] == hashlib.sha256((place / FILE).read_bytes()).hexdigest()
    assert content["settings"]["profile"] == "given"
    assert "--networks" not in content["runs"][0]["command"]


def test_a_second_run_measures_nothing_and_draws_again(table_path, place, monkeypatch, capsys):
    def again(cell):
        raise AssertionError("measured again")

    changed = dataclasses.replace(given_networks.EXPERIMENT, measure=again)
    monkeypatch.setattr(given_networks, "EXPERIMENT", changed)
    table_path.with_suffix(".png").unlink()
    monkeypatch.setenv(given.VARIABLE, str(place))
    given_networks.EXPERIMENT.main(options(place, table_path.parents[2]))
    assert table_path.with_suffix(".png").exists()
    printed = capsys.readouterr().out
    assert "resnet8, batch" in printed and "PGD 8/255" in printed


@pytest.mark.slow
def test_measures_of_a_stopped_run_are_kept(table_path, place, tmp_path, monkeypatch):
    for name in ("contingency", "fourier_sensitivity", "band_stop_accuracy", "robust_accuracy"):
        monkeypatch.setattr(analysis, name, None)
    given_networks.EXPERIMENT.main(options(place, tmp_path, "--networks", str(place)))
    again = table_of(tmp_path / "given" / "own" / "given_networks")
    pd.testing.assert_frame_equal(again, table_of(table_path))


@pytest.mark.parametrize("told", [[], ["--networks", "/nowhere"]])
def test_an_absent_file_is_told_with_whose_it_is_and_where_it_should_be(
    place, tmp_path, capsys, told
):
    with pytest.raises(SystemExit) as refused:
        given_networks.EXPERIMENT.main(options(place, tmp_path, *told))
    assert refused.value.code == 2
    error = capsys.readouterr().err
    for words in (FILE, "akamaster/pytorch_resnet_cifar10", "BSD", "--networks", given.VARIABLE):
        assert words in error


def test_a_file_that_does_not_fit_is_told_by_its_first_difference(place, tmp_path, capsys):
    arrays = torch_networks.state_dict()
    arrays["layer2.0.conv1.weight"] = arrays["layer2.0.conv1.weight"].transpose(2, 3, 1, 0)
    np.savez(tmp_path / FILE, **arrays)
    with pytest.raises(SystemExit) as refused:
        given_networks.EXPERIMENT.main(options(place, tmp_path, "--networks", str(tmp_path)))
    error = capsys.readouterr().err
    assert refused.value.code == 2 and FILE in error
    assert "'layer2.0.conv1.weight' of shape (32, 16, 3, 3)" in error


def test_a_damaged_file_is_told_by_its_name(place, tmp_path):
    (tmp_path / FILE).write_bytes((place / FILE).read_bytes()[:5000])
    with pytest.raises(ValueError, match=f"must be the one that was published .*{FILE}"):
        given.read_resnet(tmp_path / FILE, "resnet8")
    (tmp_path / FILE).write_text("no archive")
    with pytest.raises(ValueError, match=f"is not a zip file.*{FILE}"):
        given.read_resnet(tmp_path / FILE, "resnet8")
    (tmp_path / "own.keras").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"must be the one that was published .*own\.keras"):
        given.read_keras(tmp_path / "own.keras")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (["--dataset", "digits"], "the given networks know no others"),
        (["--names", "resnet9"], "`names` must be one of 'resnet8'"),
        (["--attacked", "0"], "`attacked` must be a whole number from 1"),
    ],
)
def test_what_cannot_be_measured_is_refused(place, tmp_path, capsys, told, message):
    with pytest.raises(SystemExit) as refused:
        given_networks.EXPERIMENT.main([*options(place, tmp_path, "--networks", str(place)), *told])
    assert refused.value.code == 2 and message in capsys.readouterr().err


def test_photographs_get_the_labels_of_imagenet(tmp_path, rng):
    for name in ("train/church/1", "train/tench/1", "val/church/1", "val/tench/1", "val/tench/2"):
        path = tmp_path / "photos" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype="uint8")).save(path)
    images = keras.Input((16, 16, 3))
    logits = keras.layers.Dense(1000)(keras.layers.GlobalAveragePooling2D()(images))
    keras.Model(images, logits).save(tmp_path / "efficientnet_lite0.keras")
    told = given_networks.Settings(
        dataset=str(tmp_path / "photos"),
        networks=tmp_path,
        results=tmp_path / "results",
        store=tmp_path / "store",
    )
    (cell,) = given_cells.make_plan(told).cells()
    pixels, labels = cell.test_images()
    assert sorted(labels) == [0, 0, 497] and len(pixels) == 3
    assert not told.has_population(cell) and told.folder.name == "photos"
    assert cell.model().output_shape == (None, 1000)


def test_training_images_are_shifted_and_mirrored(place):
    told = given_networks.Settings(dataset=str(place / "own.npz"), networks=place)
    (cell,) = given_cells.make_plan(told).cells()
    found = given_measures.training_images(cell, 20)
    assert found.shape == (20, 32, 32, 3)
    plain = data.load(str(place / "own.npz")).train.images
    rows = np.random.default_rng(0).permutation(40)[:20]
    moved = [not np.array_equal(one, plain[row]) for one, row in zip(found, rows, strict=True)]
    assert sum(moved) >= 18


@pytest.mark.slow
def test_efficientnet_knows_the_photographs():
    path = files.NETWORKS / "efficientnet_lite0.keras"
    files.present(path, files.PHOTOS)
    told = given_networks.Settings(dataset=str(files.PHOTOS), networks=files.NETWORKS)
    network = given.PHOTOGRAPHS["efficientnet_lite0"]
    cell = given_cells.Cell("efficientnet_lite0", network, path, told)
    pixels, labels = cell.test_images(40)
    right = np.asarray(cell.model()(pixels)).argmax(axis=1) == labels
    # .655 of all 200; three standard deviations of 40 are .23.
    assert right.mean() > 0.42
