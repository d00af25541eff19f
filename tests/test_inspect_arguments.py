"""What `inspect` refuses, each time in a line that says what to do."""

from pathlib import Path

import keras
import numpy as np
import pytest

import hfc_keras
from hfc_keras.inspection import inspecting

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
    only = [each for each in inspecting.SECTIONS if each.key == "answers"]
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
