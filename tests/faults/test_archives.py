"""Rows 23 to 25: files that hold code, archives that reach outside, downloads that are none."""

import ast
import os
import pickle
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from hfc_keras import data, models, training
from hfc_keras.commands import model_source

ROOT = Path(__file__).parents[2]
SOURCES = [path for name in ("hfc_keras", "experiments") for path in (ROOT / name).rglob("*.py")]
PIXELS, LABELS = np.zeros((4, 8, 8, 1), "uint8"), np.array([0, 1, 0, 1])
ARRAYS = {"x_train": PIXELS, "y_train": LABELS, "x_test": PIXELS, "y_test": LABELS}


class Payload:
    """What runs a command when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"echo > {self.mark}",)


@pytest.fixture
def mark(tmp_path):
    """A file that code in a file would make, once it is run."""
    mark = tmp_path / "mark"
    pickle.loads(pickle.dumps(Payload(mark)))
    assert mark.exists()
    mark.unlink()
    return mark


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_model_that_holds_code_is_refused_and_not_run(ending, tmp_path, mark):
    path = tmp_path / f"model.{ending}"
    layer = keras.layers.Lambda(
        eval(f"lambda x: x + 0 * __import__('os').system('echo > {mark}')"), output_shape=(64,)
    )
    # Called once here, where it is built.
    keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), layer, keras.layers.Dense(2)]
    ).save(path)
    mark.unlink(missing_ok=True)
    with pytest.raises(ValueError, match=r"(?s)Lambda.*Received: |Received: .*Lambda"):
        model_source.load(path)
    assert not mark.exists()


@pytest.mark.parametrize("place", ["data", "weights", "store"])
def test_arrays_that_hold_code_are_refused_and_not_run(place, tmp_path, mark):
    bad = {"arrays": np.array([Payload(mark)], object)}
    path = tmp_path / "bad.npz"
    if place == "store":
        recipe = training.Recipe(dataset="digits", examples=(20, 10), model="small_cnn", epochs=1)
        store = training.Store(tmp_path / "store")
        training.fit(recipe, store)
        path = store.folder(recipe) / "epoch-0001.npz"
    np.savez(path, **{**ARRAYS, **bad, "x_train": bad["arrays"]})
    calls = {
        "data": lambda: data.load(path),
        "weights": lambda: models.from_torch(path, "resnet20"),
        "store": lambda: store.weights(recipe, 1),
    }
    with pytest.raises(ValueError, match=path.name):
        calls[place]()
    assert not mark.exists()


def test_a_pickle_under_another_name_is_not_unpickled(tmp_path, mark):
    for name in ("data.npz", "model.keras", "model.h5"):
        (tmp_path / name).write_bytes(pickle.dumps(Payload(mark)))
        load = data.load if name == "data.npz" else model_source.load
        with pytest.raises(ValueError, match=f"(?s)Received: .*{name}"):
            load(tmp_path / name)
    assert not mark.exists()


def test_nothing_is_written_out_of_an_archive(tmp_path):
    """What stands in it outside of its folder is read like the rest, or refused."""
    inside = tmp_path / "inside"
    inside.mkdir()
    path = inside / "own.npz"
    np.savez(path, **ARRAYS)
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("../outside.npy", f"{tmp_path}/absolute.npy"):
            archive.writestr(name, b"not an array")
        link = zipfile.ZipInfo("link.npy")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    before = {*tmp_path.rglob("*")}
    assert len(data.load(path).train) == 4
    assert {*tmp_path.rglob("*")} == before


def with_member(path, name, size=2):
    """A model with one more member in its archive."""
    models.build("small_cnn", (8, 8, 1), 2).save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * size)
    return path


def test_keras_leaves_out_what_reaches_outside_of_its_folder(tmp_path, monkeypatch):
    """It unpacks models that are no weights alone, into a folder for the time of loading."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = with_member(tmp_path / "model.keras", "../outside.json")
    with pytest.warns(UserWarning, match="Skipping invalid path"):
        assert model_source.load(path).output_shape == (None, 2)
    assert [*tmp_path.rglob("*")] == [path]


def test_a_model_that_unpacks_to_more_than_the_memory_is_refused(tmp_path, monkeypatch):
    path = with_member(tmp_path / "model.keras", "assets/zeros", 2_000_000)
    monkeypatch.setattr("hfc_keras.data.memory.physical", lambda: 1e6)
    with pytest.raises(ValueError, match=r"must fit into memory .*Received: model=.*model.keras'"):
        model_source.load(path)


# What unpacks archives or fetches files; TensorFlow Datasets and Keras do both, with checksums.
REACHING = {
    "tarfile",
    "shutil.unpack_archive",
    "extract",
    "extractall",
    "urlopen",
    "urlretrieve",
    "requests",
    "get_file",
    "http",
}


def names_used(path):
    """Modules that a file imports, and attributes and functions that it uses."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield node.attr


def test_the_project_unpacks_no_archive_and_fetches_no_file_itself():
    assert len(SOURCES) > 200
    used = {name: path for path in SOURCES for name in names_used(path)}
    assert {name: used[name] for name in REACHING & used.keys()} == {}


@pytest.mark.parametrize(
    "content",
    [b"<!DOCTYPE html><html>404</html>", b"", b"version https://git-lfs.github.com/spec/v1\n"],
    ids=["html", "nothing", "a pointer of Git LFS"],
)
@pytest.mark.parametrize("name", ["data.npz", "model.keras", "model.h5", "net.pth", "net.npz"])
def test_a_download_that_is_no_file_of_its_kind_is_refused_by_name(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    calls = {
        "data.npz": data.load,
        "model.keras": model_source.load,
        "model.h5": model_source.load,
        "net.pth": lambda path: models.from_torch(path, "resnet20"),
        "net.npz": lambda path: models.from_torch(path, "resnet20"),
    }
    with pytest.raises(ValueError, match=f"(?s)Received: .*{name}"):
        calls[name](path)
