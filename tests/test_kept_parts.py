"""Long measures that are stopped and go on."""

import functools
import importlib
import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hfc_keras import analysis, attacks, data, files, models, records, training
from hfc_keras.analysis import digests

# Each has the name of the function that the package exports.
MODULES = {
    name: importlib.import_module(f"hfc_keras.analysis.{name}")
    for name in ("fourier_heat_map", "corruption_accuracy", "robust_accuracy")
}

CHOSEN = [attacks.Fgsm(0.05), attacks.Pgd(0.1, steps=4), attacks.Pgd(0.1, steps=4, loss="margin")]
MEASURES = {
    "fourier_heat_map": functools.partial(analysis.fourier_heat_map, norm=1.0),
    "corruption_accuracy": functools.partial(
        analysis.corruption_accuracy, names=["contrast", "impulse_noise"], severities=[1, 5]
    ),
    "robust_accuracy": functools.partial(analysis.robust_accuracy, attacks=CHOSEN),
}


@pytest.fixture(scope="module")
def images():
    test = data.load("digits", examples=(1, 40)).test
    return test.images, test.labels


@pytest.fixture(scope="module")
def model():
    return models.build("small_cnn", (8, 8, 1), 10, width=0.25)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(MODULES["robust_accuracy"], "IMAGES_A_PART", 3)


def answer(name, model, images, **options):
    """Bytes of what a measure returns."""
    found = MEASURES[name](model, *images, **options)
    return found.to_csv() if isinstance(found, pd.DataFrame) else found.tobytes()


def nothing(*args, **kwargs):
    raise AssertionError("measured again")


def part_files(folder):
    return sorted(path for path in folder.rglob("*.json") if path.name != "call.json")


class StoppedError(Exception):
    """What ends a measurement here."""


@pytest.mark.parametrize("name", MEASURES)
def test_stopped_again_and_again_it_ends_with_the_same_bytes(
    name, model, images, tmp_path, monkeypatch
):
    whole = answer(name, model, images, resume=tmp_path / "whole")
    write, kept = files.write_whole, tmp_path / "torn"

    def stop_at_second(path, content):
        if len(part_files(kept)) > before:
            raise StoppedError
        return write(path, content)

    while True:
        before = len(part_files(kept)) if kept.exists() else 0
        with monkeypatch.context() as patched:
            patched.setattr(files, "write_whole", stop_at_second)
            try:
                found = answer(name, model, images, resume=kept)
                break
            except StoppedError:
                assert len(part_files(kept)) == before + 1
    assert found == whole and len(part_files(kept)) >= 3
    assert {path.name for path in part_files(kept)} == {
        path.name for path in part_files(tmp_path / "whole")
    }


@pytest.mark.parametrize("name", MEASURES)
def test_without_a_folder_it_is_the_same(name, model, images, tmp_path):
    assert answer(name, model, images) == answer(name, model, images, resume=tmp_path)


@pytest.mark.parametrize("name", MEASURES)
def test_what_is_there_is_not_measured_again(name, model, images, tmp_path, monkeypatch):
    first = answer(name, model, images, resume=tmp_path)
    monkeypatch.setattr(MODULES["robust_accuracy"].Search, "run", None)
    monkeypatch.setattr(MODULES["fourier_heat_map"], "_error_rate", None)
    monkeypatch.setattr(MODULES["corruption_accuracy"], "corrupt", nothing)
    assert answer(name, model, images, resume=tmp_path) == first


@pytest.mark.parametrize("name", MEASURES)
def test_damaged_parts_are_measured_again(name, model, images, tmp_path):
    first = answer(name, model, images, resume=tmp_path)
    for path, damage in zip(part_files(tmp_path), (b"", b"[", b"{}"), strict=False):
        path.write_bytes(damage)
    with pytest.warns(
        UserWarning, match="A part does not count: .*it is measured again. Received: path="
    ):
        assert answer(name, model, images, resume=tmp_path) == first


def test_a_part_of_another_call_is_refused_by_name(model, images, tmp_path):
    call = functools.partial(answer, "fourier_heat_map", model, images, resume=tmp_path)
    call(seed=0)
    call(seed=1)
    one, other = sorted(tmp_path.iterdir())
    shutil.copy(one / "waves-00000.json", other / "waves-00000.json")
    with pytest.raises(files.UnusableFileError, match="A part must be of call.*waves-00000.json"):
        call(seed=0)
        call(seed=1)


def test_a_part_of_a_newer_version_is_refused(model, images, tmp_path):
    answer("fourier_heat_map", model, images, resume=tmp_path)
    path = part_files(tmp_path)[0]
    content = {**json.loads(path.read_text()), "format": records.FORMAT + 1}
    path.write_text(json.dumps(content))
    with pytest.raises(records.NewerFormatError, match="update hfc_keras"):
        answer("fourier_heat_map", model, images, resume=tmp_path)


def test_every_call_has_a_folder_of_its_own(model, images, tmp_path):
    """Another model, image, label or argument makes another one, a batch size does not."""
    few = images[0][:9], images[1][:9]
    call = functools.partial(answer, "fourier_heat_map", resume=tmp_path, step=2)
    call(model, few)
    call(model, few, batch_size=4)
    assert len([*tmp_path.iterdir()]) == 1
    other = keras.models.clone_model(model)
    other.set_weights([1.5 * each for each in model.get_weights()])
    changed = few[0].copy()
    changed[0, 0, 0] = 0.25
    call(other, few)
    call(model, (changed, few[1]))
    call(model, (few[0], (few[1] + 1) % 10))
    call(model, few, seed=3)
    call(model, few, norm=0.5)
    call(model, few, max_frequency=2)
    about = [json.loads((each / "call.json").read_text()) for each in tmp_path.iterdir()]
    assert len(about) == 7 and {each["measure"] for each in about} == {"fourier_heat_map"}


def test_a_model_is_known_by_layers_settings_and_weights():
    def network(**options):
        layers = [keras.layers.Flatten(), keras.layers.Dense(3, use_bias=False, **options)]
        made = keras.Sequential([keras.Input((4, 4, 1)), *layers])
        made.set_weights([np.ones((16, 3), "float32")])
        return made

    first = digests.digest_of_model(network())
    assert digests.digest_of_model(network(name="another")) == first
    assert digests.digest_of_model(network(activation="relu")) != first
    changed = network()
    changed.set_weights([np.zeros((16, 3), "float32")])
    assert digests.digest_of_model(changed) != first


class Shifted(keras.layers.Layer):
    """A layer with a setting that may be an array, and one that its config does not say."""

    def __init__(self, shift, function=abs):
        super().__init__()
        self.shift, self.function = shift, function

    def call(self, inputs):
        return self.function(inputs + self.shift)

    def get_config(self):
        return {**super().get_config(), "shift": self.shift}


class Forgetful(Shifted):
    """One whose config does not say it."""

    def get_config(self):
        return {}


class Scaled(keras.Model):
    """A model in which code does what no layer says."""

    def __init__(self, scale):
        super().__init__()
        self.scale, self.flatten = scale, keras.layers.Flatten()

    def call(self, inputs):
        return self.scale * self.flatten(inputs)


def joined(value):
    """Three layers, the last of which takes the sum of two of the results before it."""
    inputs = keras.Input((4, 4, 2))
    first = keras.layers.ReLU()(inputs)
    second = keras.layers.AveragePooling2D(1)(first)
    return keras.Model(inputs, keras.layers.Add()([second, (inputs, first)[value]]))


def sequence(layer):
    return keras.Sequential([keras.Input((4, 4, 2)), layer])


def operation(value):
    inputs = keras.Input((4, 4, 2))
    return keras.Model(inputs, inputs * (value + 0.5) - keras.ops.clip(inputs, 0, 1))


def shared(value):
    """One layer called twice; the model returns one of its results or the other."""
    inputs, layer = keras.Input((4, 4, 2)), keras.layers.ReLU()
    first = layer(inputs)
    second = layer(first - 1)
    return keras.Model(inputs, [(first, second), (second, first)][value])


@pytest.mark.parametrize(
    "made",
    [
        joined,
        operation,
        shared,
        lambda value: sequence(Shifted(np.array([value, 0.0], "float32"))),
        lambda value: sequence(Forgetful(float(value))),
        lambda value: sequence(Forgetful(keras.ops.array([value, 0.0]))),
        lambda value: sequence(Forgetful(0.0, (keras.ops.relu, keras.ops.tanh)[value])),
        lambda value: sequence(
            Forgetful(0.0, functools.partial(keras.ops.clip, x_min=value, x_max=9))
        ),
        lambda value: Scaled(value + 0.5),
    ],
    ids=str.split("joined operation shared array attribute tensor function partial subclass"),
)
def test_models_of_the_same_weights_that_do_something_else_are_told_apart(made):
    first, same, other = (digests.digest_of_model(made(value)) for value in (0, 0, 1))
    assert first == same and first != other


def test_a_model_has_the_same_digest_in_another_process(fresh_python):
    code = """
from hfc_keras import layers, models
from hfc_keras.analysis import digests
made = models.build("resnet8", (8, 8, 1), 3, width=0.25, normalization="batch", seed=1)
made = models.as_classifier(made, pixels=(0, 255), output="logits")
print(digests.digest_of_model(made))
"""
    made = models.build("resnet8", (8, 8, 1), 3, width=0.25, normalization="batch", seed=1)
    made = models.as_classifier(made, pixels=(0, 255), output="logits")
    assert fresh_python(code) == digests.digest_of_model(made)


def test_other_photographs_in_the_same_folder_make_other_parts(model, images, tmp_path):
    folder, parts = tmp_path / "frost", tmp_path / "parts"
    folder.mkdir()
    for level in (0, 200):
        Image.new("RGB", (20, 20), (level,) * 3).save(folder / "frost.png")
        options = {"names": ["frost"], "severities": [5], "frost_textures": folder}
        tables = [
            analysis.corruption_accuracy(model, *images, **options, resume=resume)
            for resume in (parts, None)
        ]
        assert tables[0].equals(tables[1])
    assert len([*parts.iterdir()]) == 2


@pytest.mark.parametrize("name", MEASURES)
def test_a_folder_that_cannot_be_written_is_refused_first(name, model, images, tmp_path):
    (tmp_path / "file").touch()
    for folder, message in (("", "not empty"), (tmp_path / "file", "that can be written")):
        with pytest.raises(ValueError, match=f"`resume` must be a folder.*{message}.*Received"):
            answer(name, model, images, resume=folder)


def test_a_measure_of_a_store_goes_on_and_leaves_no_parts(model, images, tmp_path):
    recipe = training.Recipe(dataset="digits", examples=(20, 10), model="small_cnn", epochs=1)
    store, dataset, parts = training.Store(tmp_path), training.load_data(recipe), []

    def compute(resume, stop=False):
        answers = [answer("fourier_heat_map", model, images, resume=resume)]
        parts.append(part_files(resume))
        if stop:
            raise StoppedError
        return pd.DataFrame({"answers": [len(answers)]})

    call = recipe, dataset, "fourier_heat_map", {"norm": 1.0}
    with pytest.raises(StoppedError):
        store.measured(*call, functools.partial(compute, stop=True), in_parts=True)
    assert len(parts[0]) == 3 and all(path.is_relative_to(tmp_path) for path in parts[0])
    assert store.measured(*call, compute, in_parts=True)["answers"].tolist() == [1]
    assert parts[1] == parts[0] and part_files(tmp_path) == []
    assert store.measured(*call, nothing, in_parts=True)["answers"].tolist() == [1]
