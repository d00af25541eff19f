"""What `inspect` refuses, each time in a line that says what to do."""

from pathlib import Path

import keras
import numpy as np
import pytest

import hfc_keras
from hfc_keras.inspection import inspecting
from hfc_keras.inspection.sections import SECTIONS

pytestmark = pytest.mark.jax
CLASSES = 4
IMAGES = np.random.default_rng(0).random((8, 6, 6, 1), "float32")
LABELS = np.arange(8) % CLASSES


def linear(classes=CLASSES):
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(classes)]
    return keras.Sequential(layers, name="linear")


@pytest.fixture(scope="module")
def model():
    return linear()


@pytest.fixture(autouse=True)
def answers_alone(monkeypatch):
    ask(monkeypatch, "answers")


def ask(monkeypatch, *keys):
    only = [each for each in SECTIONS if each.key in keys]
    monkeypatch.setattr(inspecting, "SECTIONS", only)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"labels": np.eye(6)[LABELS]}, "one-hot over 4 classes"),
        ({"class_names": ["a"]}, "each of the model's 4 classes"),
        ({"class_names": list("abcde")}, "each of the model's 4 classes"),
        ({"class_names": "abcd"}, "`class_names` must be a list of str"),
        ({"class_names": {4: "e"}}, "from 0 to 3"),
        ({"notes": "gray"}, "`notes` must be a list of str"),
        ({"images": "photographs"}, r"data\.load\(path\)"),
        ({"images": Path("own.npz"), "labels": None}, r"data\.load\(path\)"),
        ({"train_images": "photographs"}, "`train_images` must be images"),
        ({"train_images": IMAGES * 255}, "`train_images` must be pixels"),
        ({"train_images": np.zeros((2, 5, 6, 1))}, "`train_images` must have the model's"),
    ],
)
def test_what_would_be_left_aside_in_silence_is_refused(options, match, model):
    with pytest.raises(ValueError, match=match):
        hfc_keras.inspect(model, **{"images": IMAGES, "labels": LABELS, **options})


def test_names_that_differ_as_keys_but_not_on_the_page(model):
    with pytest.raises(ValueError, match="differ as text"):
        hfc_keras.inspect({1: model, "1": linear()}, IMAGES, LABELS)


@pytest.mark.parametrize(
    "names", [np.array(list("abcd")), tuple("abcd"), {0: "a", 1: "b", 2: "c", 3: "d"}]
)
def test_class_names_come_in_any_list(names, model):
    found = hfc_keras.inspect(model, IMAGES, np.eye(CLASSES)[LABELS], class_names=names)
    assert found.answers["name"].tolist() == list("abcd")


@pytest.mark.parametrize(
    ("rows", "labels", "told"),
    [
        (8, LABELS, ["8 images say little"]),
        (1, [2], ["One image says little", "All images are of one"]),
    ],
)
def test_what_few_images_or_classes_leave_open_is_said(rows, labels, told, model):
    found = hfc_keras.inspect(model, IMAGES[:rows], labels)
    assert len(found.notes) == len(told)
    assert all(note.startswith(start) for note, start in zip(found.notes, told, strict=True))
    assert all(note in found.to_html() for note in found.notes)
    assert found.record()["notes"] == found.notes


def test_a_table_that_was_not_measured_says_why(model, monkeypatch):
    ask(monkeypatch, "answers", "calibration")
    found = hfc_keras.inspect(model, IMAGES)
    with pytest.raises(AttributeError, match="Not measured: needs true labels"):
        found.calibration  # noqa: B018


def test_tables_of_an_earlier_profile_do_not_stay(model, monkeypatch, tmp_path):
    ask(monkeypatch, "answers", "calibration")
    (tmp_path / "own.csv").touch()
    hfc_keras.inspect(model, IMAGES, LABELS).save(tmp_path)
    assert (tmp_path / "calibration.csv").is_file()
    hfc_keras.inspect(model, IMAGES).save(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["answers.csv", "own.csv", "profile.html", "profile.json"]


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 1)])
def test_what_images_of_a_row_or_a_pixel_do_not_have_is_left_out(shape, monkeypatch):
    ask(monkeypatch, "feature_spectrum", "shift_consistency")
    layers = [keras.layers.Conv2D(1, 1), keras.layers.Flatten(), keras.layers.Dense(2)]
    images = np.random.default_rng(0).random((4, *shape), "float32")
    found = hfc_keras.inspect(keras.Sequential([keras.Input(shape), *layers]), images)
    assert found.failed == [] and any("no reflection" in each for each in found.summary)
