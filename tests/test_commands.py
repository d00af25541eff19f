"""The console commands: what they print, write and refuse, and their exit status."""

import dataclasses
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import hfc_keras
from hfc_keras import __main__ as command_line
from hfc_keras import data, spectrum
from hfc_keras.attacks import settings
from hfc_keras.commands import findings, greeting, installed_packages, model_source
from hfc_keras.commands.inspect import Inspect
from hfc_keras.commands.options import command_line as command_line_of
from hfc_keras.commands.options import pixel_range
from hfc_keras.inspection import inspecting
from hfc_keras.models.preprocessing import CAFFE_MEAN
from hfc_keras.selfchecks import attack_checks
from hfc_keras.training import Recipe, published
from hfc_keras.training.published_names import published_networks

ROOT = Path(__file__).parents[1]
NETWORKS = ROOT / "results" / "models"


LAYER = """
    import keras

    class Registered(keras.layers.Layer):
        def call(self, inputs):
            return inputs
"""


def plain(classes=10, shape=(8, 8, 1), *layers):
    flat = keras.layers.Flatten()
    last = keras.layers.Dense(classes, activation="softmax")
    return keras.Sequential([keras.Input(shape), *layers, flat, last])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models and images, good and bad."""
    top = tmp_path_factory.mktemp("given")
    keras.utils.set_random_seed(0)
    digits = data.load("digits", examples=(300, 40))
    model = plain()
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    model.fit(digits.train.images, digits.train.labels, epochs=8, verbose=0)
    model.save(top / "plain.keras")
    model.save(top / "plain.h5")
    (top / "own_layers.py").write_text(textwrap.dedent(LAYER))
    own = model_source.imported(str(top / "own_layers.py"))
    plain(10, (8, 8, 1), own.Registered()).save(top / "own.keras")
    plain(10, (8, 8, 1), keras.layers.Lambda(lambda x: x)).save(top / "lambda.keras")
    plain(3).save(top / "three.keras")
    plain(12).save(top / "twelve.keras")
    plain(10, (9, 9, 1)).save(top / "nine.keras")
    plain(10, (8, 8, 3)).save(top / "color.keras")
    (top / "broken.py").write_text("import nothing_of_that_name")
    (top / "text.keras").write_text("no model")
    (top / "text.h5").write_text("no model")
    levels = np.rint(255 * digits.test.images).astype("uint8")
    for index, (image, label) in enumerate(zip(levels, digits.test.labels, strict=True)):
        for place in (top / "photos" / f"class {label}", top / "flat"):
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).save(place / f"{index:02}.png")
    (top / "empty").mkdir()
    np.savez(top / "test.npz", x_test=levels, y_test=digits.test.labels)
    np.savez(top / "bare.npz", images=levels)
    np.savez(top / "other.npz", z=levels)
    return top


@pytest.fixture
def few(only):
    """Ask two questions, since what they answer is tested elsewhere."""
    only("answers", "band_stop_accuracy")


def inspect(folder, out, models, *options):
    paths = [str(folder / each) for each in models.split()]
    return command_line.main(["inspect", *paths, *options, "--fast", "--out", str(out)])


@pytest.mark.parametrize("name", ["plain.keras", "plain.h5"])
def test_inspect_writes_a_page_and_prints_one_sentence_per_question(
    name, folder, few, tmp_path, capsys
):
    assert inspect(folder, tmp_path, name, "--data", str(folder / "photos")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "plain on 40 images of photos (8 x 8 x 1)"
    assert any(line.startswith("Answers: ") for line in lines)
    assert lines[-1].startswith(f"wrote {tmp_path / 'profile.html'}")
    table = pd.read_csv(tmp_path / "answers.csv")
    assert table["examples"].sum() == 40 and table["right"].sum() > 25
    assert table["name"].tolist() == [f"class {label}" for label in range(10)]


@pytest.mark.parametrize("source", ["test.npz", "bare.npz", "flat"])
def test_inspect_takes_what_has_no_classes(source, folder, few, tmp_path, capsys):
    assert inspect(folder, tmp_path, "plain.keras", "--data", str(folder / source)) == 0
    without = "without labels" in capsys.readouterr().out
    assert without == (source != "test.npz")
    assert ("There are no labels" in (tmp_path / "profile.html").read_text()) == without


@pytest.mark.parametrize("command", ["inspect", "selfcheck"])
def test_a_model_of_a_repository_goes_to_keras_as_it_is_named(
    command, folder, few, tmp_path, monkeypatch, capsys
):
    model = keras.saving.load_model(folder / "plain.keras", compile=False)

    def loader(place, custom_objects, compile, safe_mode):
        assert place == "hf://user/repository" and safe_mode and not compile
        return model

    monkeypatch.setattr(keras.saving, "load_model", loader)
    monkeypatch.setattr(attack_checks, "CHECKS", ())
    monkeypatch.chdir(tmp_path)
    given = ["hf://user/repository", "--data", str(folder / "test.npz")]
    assert command_line.main([command, *given]) == 0
    assert "40 images of test" in capsys.readouterr().out


def test_inspect_compares_models_side_by_side(folder, few, tmp_path):
    models = "plain.keras own.keras"
    options = ["--data", str(folder / "test.npz"), "--import", str(folder / "own_layers.py")]
    assert inspect(folder, tmp_path, models, *options) == 0
    assert pd.read_csv(tmp_path / "answers.csv")["model"].unique().tolist() == ["plain", "own"]


def test_inspect_calls_models_by_other_names(folder, few, tmp_path, capsys):
    options = ["--data", str(folder / "test.npz"), "--import", str(folder / "own_layers.py")]
    models = "plain.keras own.keras"
    assert inspect(folder, tmp_path, models, *options, "--names", "A", "B") == 0
    record = json.loads((tmp_path / "profile.json").read_text())
    assert record["models"] == ["A", "B"] and "--names A B" in record["command"]
    assert inspect(folder, tmp_path, models, *options, "--names", "A", "A") == 2
    assert "`names` must be one for each of the 2 models" in capsys.readouterr().err


def test_inspect_shows_gray_images_to_a_model_for_color(folder, few, tmp_path):
    assert inspect(folder, tmp_path, "color.keras", "--data", str(folder / "photos")) == 0
    assert "each of the 3 channels is a copy" in (tmp_path / "profile.html").read_text()


def test_inspect_says_how_few_of_the_classes_there_are(folder, few, tmp_path):
    indices = [str(index) for index in range(2, 12)]
    options = ["--data", str(folder / "photos"), "--class-indices", *indices]
    assert inspect(folder, tmp_path, "twelve.keras", *options) == 0
    assert "10 of the 12 classes" in (tmp_path / "profile.html").read_text()
    assert pd.read_csv(tmp_path / "answers.csv")["class"].min() == 2


def test_inspect_counts_the_classes_of_each_model_that_there_are(folder, few, tmp_path, capsys):
    with np.load(folder / "test.npz") as given:
        images, labels = given["x_test"], given["y_test"]
    np.savez(tmp_path / "some.npz", x_test=images[labels > 6], y_test=labels[labels > 6])
    options = ["--data", str(tmp_path / "some.npz"), "--names", "A", "B"]
    assert inspect(folder, tmp_path, "twelve.keras plain.keras", *options) == 0
    printed = capsys.readouterr().out
    assert "note: The images are of 3 of the 12 classes of A, which" in printed
    assert "note: The images are of 3 of the 10 classes of B, which" in printed
    # What it concluded from a model is told of that one, and on the page.
    note = "The model B ends in a softmax; the logits before it are tested."
    assert f"note: {note}\n" in printed and printed.count(" ends in a softmax") == 2
    assert note in (tmp_path / "profile.html").read_text()


def test_a_model_of_more_classes_is_not_numbered_by_one_beside_it(folder, few, tmp_path, capsys):
    models, data = "plain.keras twelve.keras", ["--data", str(folder / "photos")]
    assert inspect(folder, tmp_path, models, *data) == 2
    error = capsys.readouterr().err
    assert "must have twelve's 12 classes, or --class-indices must say" in error
    assert "models with different classes are inspected one at a time" in error


def test_inspect_resizes_when_asked(folder, few, tmp_path):
    options = ["--data", str(folder / "photos"), "--image-size", "9"]
    assert inspect(folder, tmp_path, "nine.keras", *options) == 0
    assert "9 × 9 × 1" in (tmp_path / "profile.html").read_text()


def test_inspect_feeds_a_model_as_its_preprocessing_says(folder, few, tmp_path, monkeypatch):
    means = [mean / 255 for mean in CAFFE_MEAN]
    layers = [
        keras.Input((8, 8, 3)),
        keras.layers.Rescaling(1 / 255, offset=means),
        keras.layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(1 / 3)),
        keras.saving.load_model(folder / "plain.keras", compile=False),
    ]
    model = keras.Sequential(layers)
    model.save(tmp_path / "caffe.keras")
    given = [str(tmp_path / "caffe.keras"), "--data", str(folder / "test.npz"), "--fast"]
    command = ["inspect", *given, "--out", str(tmp_path), "--preprocessing", "caffe"]
    assert command_line.main(command) == 0
    right = pd.read_csv(tmp_path / "answers.csv")["right"].sum()
    assert right > 25
    monkeypatch.setattr(inspecting, "SECTIONS", ())
    with np.load(folder / "test.npz") as given:
        images, labels = given["x_test"].repeat(3, axis=3), given["y_test"]
    profile = hfc_keras.inspect(model, images, labels, preprocessing="caffe", name="own")
    assert 40 * profile.subjects["own"].accuracy == right
    assert "--preprocessing caffe" in json.loads((tmp_path / "profile.json").read_text())["command"]


def test_a_section_that_fails_is_the_exit_status(folder, few, tmp_path, monkeypatch):
    from hfc_keras import analysis

    monkeypatch.setattr(analysis, "band_stop_accuracy", lambda *_: 1 / 0)
    assert inspect(folder, tmp_path, "plain.keras", "--data", str(folder / "test.npz")) == 1
    assert "Failed: ZeroDivisionError" in (tmp_path / "profile.html").read_text()


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("swallowed", [False, True])
def test_a_signal_ends_it_whatever_becomes_of_it(swallowed, folder, few, tmp_path, monkeypatch):
    from hfc_keras import analysis

    def interrupted(*_):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            # As TensorFlow does within its callbacks.
            raise (RuntimeError("unknown") if swallowed else error) from error

    monkeypatch.setattr(analysis, "band_stop_accuracy", interrupted)
    with pytest.raises(SystemExit) as end:
        inspect(folder, tmp_path, "plain.keras", "--data", str(folder / "test.npz"))
    assert end.value.code == 130 and not (tmp_path / "profile.html").exists()


def test_transparent_pixels_are_told_on_the_page(folder, few, tmp_path):
    photos = tmp_path / "photos"
    for label in range(10):
        (photos / str(label)).mkdir(parents=True)
        Image.new("LA", (8, 8), (20 * label, 128)).save(photos / str(label) / "a.png")
    assert inspect(folder, tmp_path / "out", "plain.keras", "--data", str(photos)) == 0
    page = (tmp_path / "out" / "profile.html").read_text()
    assert "10 files (.png 10) with transparent pixels: the colors stored there are taken." in page


def test_images_that_cannot_be_read_are_left_out_when_asked(folder, few, tmp_path, capsys):
    photos = tmp_path / "photos"
    for label in range(10):
        (photos / str(label)).mkdir(parents=True)
        Image.new("L", (8, 8), 20 * label).save(photos / str(label) / "a.png")
    (photos / "3" / "<cut>.png").write_bytes((photos / "3" / "a.png").read_bytes()[:40])
    options = ["--data", str(photos)]
    assert inspect(folder, tmp_path / "out", "plain.keras", *options) == 2
    error = capsys.readouterr().err
    assert "1 of 11 cannot be read" in error and "<cut>.png" in error
    assert "--skip-unreadable" in error
    assert inspect(folder, tmp_path / "out", "plain.keras", *options, "--skip-unreadable") == 0
    text = (tmp_path / "out" / "profile.html").read_text()
    assert "1 file (.png 1) that cannot be read: left out (3/&lt;cut&gt;.png; " in text


def beside(top, *names):
    """Write files that are no images of a class, and one image deeper than the others."""
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("no picture")
    deep = (top / names[0]).parent / "deep" / "deeper"
    deep.mkdir(parents=True)
    Image.new("L", (8, 8)).save(deep / "1.png")


LEFT = "3 files (.txt 2, no ending 1) ignored: not images of a class"


@pytest.mark.parametrize(
    ("source", "names", "notes"),
    [
        (
            "photos",
            ["class 3/n.txt", "class 4/<b>.TXT", "list", ".DS_Store", "class 3/._1.png"],
            [
                f"{LEFT} (list, class 3/n.txt, class 4/<b>.TXT).",
                "1 folder ignored: neither class nor split (class 3/deep).",
                "2 hidden files or folders ignored (.DS_Store, class 3/._1.png).",
            ],
        ),
        (
            "flat",
            ["n.txt", "m.txt", "li\nst", ".hidden/1.txt"],
            [
                f"{LEFT} (li?st, m.txt, n.txt).",
                "1 folder ignored: neither class nor split (deep).",
                "1 hidden file or folder ignored (.hidden).",
            ],
        ),
        (
            "split",
            ["test/class 0/n.txt", "train/n.txt", "list", "train/class 1/.DS_Store"],
            [
                f"{LEFT} (list, train/n.txt, test/class 0/n.txt).",
                "1 folder ignored: neither class nor split (test/class 0/deep).",
                "1 hidden file or folder ignored (train/class 1/.DS_Store).",
            ],
        ),
    ],
)
def test_what_is_left_aside_is_told_on_the_page_and_the_terminal(
    source, names, notes, folder, few, tmp_path, capsys
):
    photos = tmp_path / "photos"
    if source == "split":
        for part in ("train", "test"):
            shutil.copytree(folder / "photos", photos / part)
    else:
        shutil.copytree(folder / source, photos)
    beside(photos, *names)
    assert inspect(folder, tmp_path / "out", "plain.keras", "--data", str(photos)) == 0
    printed = capsys.readouterr().out
    page = html.unescape((tmp_path / "out" / "profile.html").read_text())
    for note in notes:
        assert f"note: {note}\n" in printed and note in page
    # One more is of the softmax in which the model ends.
    assert printed.count("note: ") == page.count('class="note"') == len(notes) + 1
    assert "40 images of photos" in printed


def test_a_command_holds_the_folders_that_it_reads_and_not_those_of_the_machine(monkeypatch):
    asked = Inspect(models=("a",), out=Path("x"), published=Path("mine"), data_dir=Path("sets"))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    told = "hfc-keras inspect a --data-dir sets --published mine"
    assert command_line_of("inspect", asked) == told
    monkeypatch.setenv("TFDS_DATA_DIR", str(Path("sets").resolve()))
    assert command_line_of("inspect", asked) == "hfc-keras inspect a --published mine"
    monkeypatch.delenv("TFDS_DATA_DIR")
    usual = dataclasses.replace(asked, data_dir=Path("~/tensorflow_datasets").expanduser())
    assert command_line_of("inspect", usual) == "hfc-keras inspect a --published mine"


@pytest.mark.parametrize(
    ("models", "options", "message"),
    [
        ("missing.keras", ["test.npz"], "`model` must be a file that exists"),
        ("text.keras", ["test.npz"], "must be a whole .keras file"),
        ("text.h5", ["test.npz"], "must be a whole .h5 file"),
        ("photos", ["test.npz"], "`hfc-keras models` lists"),
        ("own.keras", ["test.npz"], "'Registered'; --import MODULE"),
        ("lambda.keras", ["test.npz"], "a Lambda layer is code"),
        ("plain.keras", ["test.npz", "--import", "{}/broken.py"], "No module named"),
        ("nine.keras", ["test.npz"], "--image-size 9 9 resizes them (bilinear"),
        ("three.keras", ["test.npz"], "must have the model's 3 classes"),
        ("twelve.keras", ["photos"], "--class-indices must say"),
        ("plain.keras", ["photos", "--class-indices", "0", "1"], "each of the 10 classes"),
        ("plain.keras", ["empty"], "must hold images"),
        ("plain.keras", ["other.npz"], "must hold images as one of x_test, images, x"),
        ("plain.keras", ["missing.npz"], "must be an .npz file"),
        ("plain.keras plain.keras", ["test.npz"], "must name each model once"),
        ("", ["test.npz"], "must name at least one model"),
        ("plain.keras", [], "`data` must be given: --data FOLDER"),
        ("plain.keras", ["test.npz", "--pixels", "black"], "such as 0..255 or 0 255"),
        ("plain.keras", ["test.npz", "--examples", "0"], "`examples` must be"),
        (
            "plain.keras",
            ["test.npz", "--output", "logits"],
            "`output` must be 'softmax', which is what the model returns",
        ),
        (
            "color.keras",
            ["test.npz", "--preprocessing", "torch", "--pixels", "0..255"],
            "`pixels` must be left out beside preprocessing='torch'",
        ),
        ("plain.keras", ["test.npz", "--preprocessing", "caffe"], "images with three channels"),
        ("plain.keras", ["test.npz", "--image-size", "1", "2", "3"], "one number or height"),
    ],
)
def test_what_inspect_cannot_use_is_refused_in_a_line(
    models, options, message, folder, tmp_path, capsys
):
    source = ["--data", str(folder / options[0])] if options else []
    others = [each.format(folder) for each in options[1:]]
    assert inspect(folder, tmp_path, models, *source, *others) == 2
    output = capsys.readouterr()
    assert output.err.startswith("error: ") and output.err.count("\n") == 1
    assert message in output.err


def test_a_folder_that_cannot_be_written_is_refused_first(folder, capsys):
    options = ["--data", str(folder / "test.npz")]
    assert inspect(folder, folder / "text.h5", "plain.keras", *options) == 2
    assert "`out` must be a folder that can be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [((), None), (("0..255",), (0, 255)), (("-1", "1"), (-1, 1)), (("-1..1",), (-1, 1))],
)
def test_a_range_of_pixels(pixels, expected):
    assert pixel_range(pixels) == expected


def test_filter_writes_the_components(folder, tmp_path, capsys):
    source = sorted((folder / "flat").iterdir())[0]
    given = [str(folder / "flat"), str(folder / "photos" / "class 0")]
    command = ["filter", *given, "--radius", "2", "--out", str(tmp_path)]
    assert command_line.main(command) == 0
    assert "sheet.png" in capsys.readouterr().out
    image = np.asarray(Image.open(source), "float32")[None, ..., None] / 255
    low, high = (np.asarray(part)[0, ..., 0] for part in spectrum.split(image, 2))
    for kind, part, shift in (("low", low, 0.0), ("high", high, 0.5)):
        levels = np.asarray(Image.open(tmp_path / f"00_{kind}.png"))
        np.testing.assert_allclose(levels, 255 * np.clip(part + shift, 0, 1), atol=0.51)
    # Images of one name in two folders are kept apart.
    assert len(list(tmp_path.glob("*_low.png"))) > 40


@pytest.mark.parametrize(
    ("given", "radius", "message"),
    [
        ("empty", "2", "must name at least one image"),
        ("nowhere", "2", "files or folders that exist"),
        ("own_layers.py", "2", "must be whole images"),
        ("flat", "-1", "`radius` must be"),
    ],
)
def test_what_filter_cannot_use_is_refused(given, radius, message, folder, tmp_path, capsys):
    command = ["filter", str(folder / given), f"--radius={radius}", "--out", str(tmp_path)]
    assert command_line.main(command) == 2
    assert message in capsys.readouterr().err


def test_filter_takes_the_mask_and_the_unit_of_spectrum_split(tmp_path, capsys):
    image = np.random.default_rng(0).integers(0, 256, (8, 12)).astype("uint8")
    Image.fromarray(image).save(tmp_path / "a.png")
    asked = ["--radius", "0.5", "--mask", "square", "--unit", "nyquist", "--strict"]
    command = ["filter", str(tmp_path / "a.png"), *asked, "--out", str(tmp_path / "out")]
    assert command_line.main(command) == 0
    pixels = image[None, ..., None].astype("float32") / 255
    low, high = spectrum.split(pixels, 0.5, False, "square", "nyquist")
    found = np.asarray(Image.open(tmp_path / "out" / "a_low.png"))
    np.testing.assert_allclose(found, 255 * np.clip(low[0, ..., 0], 0, 1), atol=0.51)
    parts = np.asarray(low), np.asarray(high) + 0.5
    shares = [float(((part < 0) | (part > 1)).mean()) for part in parts]
    told = f"clipped to black or white: {shares[0]:.1%} of low-frequency and {shares[1]:.1%}"
    assert shares[1] > 0 and told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "given", "taken"),
    [
        ("a a_low", "{}", "a_low.png"),
        ("a a_high", "{}/a.png {}/../q/a_high.png", "a_high.png"),
        ("sheet b", "{}", "sheet.png"),
    ],
)
def test_filter_overwrites_no_image_that_was_given(names, given, taken, tmp_path, capsys):
    folder = tmp_path / "q"
    folder.mkdir()
    for index, name in enumerate(names.split()):
        Image.new("L", (8, 8), 20 * index).save(folder / f"{name}.png")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    given = [each.format(folder) for each in given.split()]
    command = ["filter", *given, "--radius", "2", "--out", str(folder)]
    assert command_line.main(command) == 2
    error = capsys.readouterr().err
    assert f"must be another folder: {taken} there is one of the images" in error
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert command_line.main([*command[:-1], str(tmp_path / "out")]) == 0


@pytest.mark.jax
def test_doctor_finds_what_is_there(tmp_path, capsys):
    command = ["doctor", "--data-dir", str(tmp_path), "--published", str(NETWORKS)]
    assert command_line.main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    # Newer versions than the tested ones are told as such.
    for name in ("keras", keras.backend.backend()):
        assert any(re.match(rf"(ok|warn) +{name} ", line) for line in lines)
    for name in ("packages", "networks"):
        assert any(line.startswith(f"ok    {name} ") for line in lines)
    assert lines[-1].startswith("0 problems, ")


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("name", "version", "line"),
    [
        ("cleverhans", None, "not installed: pip install 'cleverhans>=4.0'"),
        ("tensorflow-datasets", "4.9.6", "4.9.6: pip install 'tensorflow-datasets>=4.9.7'"),
        ("filelock", None, "not installed: pip install 'filelock>="),
        ("importlib_resources", None, "not installed: pip install 'importlib_resources>="),
        ("keras", "3.2", "3.2: pip install 'keras>=3.15'"),
    ],
)
def test_doctor_names_what_is_missing_or_old(name, version, line, capsys, monkeypatch):
    there = installed_packages.installed
    monkeypatch.setattr(
        installed_packages, "installed", lambda each: version if each == name else there(each)
    )
    assert command_line.main(["doctor"]) == 1
    output = capsys.readouterr().out
    assert f"fail  {name:<12}  {line}" in output and "1 problem, " in output


@pytest.mark.parametrize(
    ("backend", "on", "status", "text"),
    [
        ("tensorflow", True, "ok", "oneDNN on"),
        ("tensorflow", False, "warn", "TF_ENABLE_ONEDNN_OPTS=1"),
        ("jax", False, "ok", "cores"),
    ],
)
def test_doctor_speaks_of_onednn_where_tensorflow_has_it_off(
    backend, on, status, text, monkeypatch
):
    port = SimpleNamespace(IsMklEnabled=lambda: on)
    monkeypatch.setitem(sys.modules, "tensorflow.python.util._pywrap_util_port", port)
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    (found,) = findings._threads()
    assert found.status == status and text in str(found)
    assert ("oneDNN" in str(found)) == (backend == "tensorflow")


@pytest.mark.tensorflow
def test_doctor_asks_tensorflow_itself_about_onednn():
    # Tests run without it.
    assert findings._onednn() == (os.environ["TF_ENABLE_ONEDNN_OPTS"] != "0")


def test_a_look_of_the_doctor_that_breaks_names_no_wrong_remedy(tmp_path, capsys, monkeypatch):
    (tmp_path / "a.keras").touch()
    (tmp_path / "a.json").write_text("{")
    monkeypatch.setattr(findings, "physical", lambda: 1 / 0)
    assert command_line.main(["doctor", "--published", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    networks, room = (line for line in lines if line.startswith("fail"))
    assert "a.json" in networks and "bring it back, or publish the model again" in networks
    assert room.endswith(
        "ZeroDivisionError: division by zero: this check itself broke; please report it"
    )


@pytest.mark.jax
def test_models_lists_networks_by_what_they_are(tmp_path, capsys):
    assert command_line.main(["models", "--published", str(NETWORKS)]) == 0
    printed = capsys.readouterr().out
    table = published_networks(NETWORKS)
    assert table["name"].is_unique and all(name in printed for name in table["name"])
    assert set(table["path"].map(lambda path: Path(path).stem)) == {
        path.stem for path in NETWORKS.glob("*.keras")
    }
    assert command_line.main(["models", "--published", str(tmp_path)]) == 2


def test_names_of_networks_need_no_engine_of_their_attacks(monkeypatch):
    named = published_networks(NETWORKS)["name"].tolist()
    assert any("adversary=pgd,epsilon:0.0314" in name for name in named)

    def missing(*_):
        raise ModuleNotFoundError("cleverhans")

    monkeypatch.setattr(settings, "_check_engine", missing)
    assert published_networks(NETWORKS)["name"].tolist() == named


def test_a_name_of_a_network_is_its_file(tmp_path):
    base = Recipe(dataset="digits", examples=(20, 10), model="small_cnn", epochs=1)
    dataset = data.load("digits", examples=(20, 10))
    history = pd.DataFrame({"epoch": [1], "loss": 1.0, "accuracy": 0.5, "val_accuracy": 0.25})
    recipes = [base, base.but(seed=1), base.but(dropout=0.5), base.but(epochs=2)]
    names = [
        "examples=20x10-epochs=1-seed=0",
        "examples=20x10-epochs=1-seed=1",
        "dropout=0.5-examples=20x10-epochs=1-seed=0",
        "examples=20x10-epochs=2-seed=0",
    ]
    for recipe, name in zip(recipes, names, strict=True):
        model = hfc_keras.models.build("small_cnn", (8, 8, 1), 10)
        published.write(tmp_path / f"{recipe.hash[:16]}.keras", recipe, dataset, model, history)
        # Its name does not depend on what is published later.
        path = model_source.found(f"digits-small_cnn-{name}", tmp_path)
        assert path.stem == recipe.hash[:16]
    assert len(published_networks(tmp_path)) == 4


def test_networks_of_one_name_are_told_apart_and_neither_is_taken_for_the_other(tmp_path):
    base = Recipe(dataset="digits", examples=(20, 10), model="small_cnn", epochs=1)
    dataset = data.load("digits", examples=(20, 10))
    history = pd.DataFrame({"epoch": [1], "loss": 1.0, "accuracy": 0.5, "val_accuracy": 0.25})
    for recipe in (base, base.but(learning_rate=0.1)):
        model = hfc_keras.models.build("small_cnn", (8, 8, 1), 10)
        published.write(tmp_path / f"{recipe.hash[:16]}.keras", recipe, dataset, model, history)
    name = "digits-small_cnn-examples=20x10-epochs=1-seed=0"
    with pytest.raises(ValueError, match="that `hfc-keras models` lists"):
        model_source.found(name, tmp_path)
    assert model_source.found(f"{name}-{base.hash[:8]}", tmp_path).stem == base.hash[:16]


def test_help_and_version_need_no_keras():
    code = """
import sys
from hfc_keras import __main__
for arguments in (["--version"], ["--help"], ["inspect", "--help"]):
    try:
        __main__.main(arguments)
    except SystemExit as end:
        assert not end.code
print({"keras", "tensorflow", "jax", "pandas", "matplotlib"} & set(sys.modules))
"""
    environment = {**os.environ, "NO_COLOR": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert result.stdout.startswith(f"hfc-keras {hfc_keras.__version__}\n")
    assert result.stdout.endswith("set()\n") and "\x1b[" not in result.stdout


def test_the_installed_script_is_the_module():
    script = Path(sysconfig.get_path("scripts")) / "hfc-keras"
    assert script.is_file(), "install the package: pip install --editable '.[dev]'"
    # What is tested is the code here, wherever the environment was made.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for options, said in ((["--version"], f"hfc-keras {hfc_keras.__version__}\n"), (["oops"], "")):
        pair = [
            subprocess.run([*start, *options], capture_output=True, text=True, env=environment)
            for start in ([script], [sys.executable, "-m", "hfc_keras"])
        ]
        assert pair[0].stdout == pair[1].stdout == said
        assert pair[0].returncode == pair[1].returncode == (0 if said else 2)


def test_the_backends_greeting_is_dropped_and_errors_are_not(capfd):
    with greeting.without_greeting():
        os.write(2, b"I0000 00:00 port.cc:153] hello\nE0000 00:00 something is broken\n")
    assert capfd.readouterr().err == "E0000 00:00 something is broken\n"
