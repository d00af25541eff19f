"""Files of the store and published models that are not what they were."""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest

from hfc_keras import files, records, training
from hfc_keras.training import fitting, kept_files, published

TINY = training.Recipe(
    dataset="digits", examples=(60, 30), model="small_cnn", width=0.25, batch_size=30, epochs=2
)
OTHER = TINY.but(seed=1)
ROWS = pd.DataFrame({"radius": [1, 2, 3], "accuracy": [0.123456, 0.5, 0.25]})
HTML = b"<html>not found</html>\n"


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE = {
    "flipped": flipped,
    "torn": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "html": lambda content: HTML,
    "list": lambda content: b"[]\n",
    "nested": lambda content: b"[" * 100_000,
}


@pytest.fixture(scope="module")
def dataset():
    return training.load_data(TINY)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A store with two recipes, both published, and their models."""
    root = tmp_path_factory.mktemp("trained")
    store = training.Store(root / "store", published=root / "models")
    models = {}
    for recipe in (TINY, OTHER):
        model, history = models[recipe] = training.fit(recipe, store)
        store.publish(recipe, training.load_data(recipe), model, history)
    return root, models


@pytest.fixture
def store(trained, tmp_path):
    """A copy of that store; nothing is published."""
    shutil.copytree(trained[0] / "store", tmp_path / "store")
    return training.Store(tmp_path / "store")


@pytest.fixture
def models(trained, tmp_path):
    """An empty store with a copy of the published models."""
    shutil.copytree(trained[0] / "models", tmp_path / "models")
    return training.Store(tmp_path / "empty", published=tmp_path / "models")


def same(one, other):
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def without_header(path):
    """Rewrite a file of arrays as earlier versions did."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "header"}
    np.savez(path, **arrays)


def with_header(path, **changes):
    """Rewrite a file of arrays with another header, checksums and all."""
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(str(arrays["header"])) | changes
    header[records.SEAL] = records.digest({k: v for k, v in header.items() if k != records.SEAL})
    np.savez(path, **arrays | {"header": np.array(json.dumps(header))})


def compressed(content):
    stream = io.BytesIO()
    with np.load(io.BytesIO(content)) as archive:
        np.savez_compressed(stream, **archive)
    return stream.getvalue()


def repeated(content):
    """One member many times: the same bytes."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        large = max(archive.filelist, key=lambda member: member.file_size)
        archive.filelist.extend(1000 * [large])
        archive._didModify = True
    return stream.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (compressed, "compressed, as no file of the store is"),
        (repeated, "arrays claim to be larger than the file"),
    ],
)
def test_a_file_that_unpacks_to_more_is_refused(change, message, tmp_path):
    content = kept_files.arrays_as_bytes({"weights": [np.zeros(10_000)]}, {"recipe": "own"})
    path = tmp_path / "own.npz"
    path.write_bytes(content)
    assert len(kept_files.read_arrays(path, {"recipe": "own"})["weights"]) == 1
    path.write_bytes(change(content))
    with pytest.raises(files.UnusableFileError, match=message):
        kept_files.read_arrays(path, {"recipe": "own"})


def go_on(store, recipe=TINY):
    """Resume a training; return its model and the warnings."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model, _ = training.fit(recipe, store)
    return model, [str(each.message) for each in told if each.category is UserWarning]


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_progress_goes_back_an_epoch_and_ends_the_same(store, trained, damage):
    path = store.folder(TINY) / "progress.npz"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    model, (told,) = go_on(store)
    assert same(model, trained[1][TINY][0])
    assert told.startswith("Training goes back: ") and f"path={str(path)!r}" in told
    assert go_on(store)[1] == []


@pytest.mark.few(1)
@pytest.mark.parametrize("old", [False, True])
def test_progress_of_another_recipe_is_not_gone_on_with(store, old):
    for name in ("progress.npz", "progress-before.npz"):
        shutil.copy(store.folder(OTHER) / name, store.folder(TINY) / name)
        if old:
            without_header(store.folder(TINY) / name)
    if old:
        # Of a copied folder, recipe.json alone says whose an old file is.
        shutil.copy(store.folder(OTHER) / "recipe.json", store.folder(TINY))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(files.UnusableFileError, match=f"must be of recipe '{TINY.hash}'"):
            training.fit(TINY, store)


def test_files_without_a_header_are_read(store, trained, monkeypatch):
    for path in store.folder(TINY).glob("*.npz"):
        without_header(path)
    monkeypatch.setattr(fitting._Training, "train", None)
    model, told = go_on(store)
    assert same(model, trained[1][TINY][0]) and told == []
    assert np.array_equal(store.weights(TINY, 2)[0], model.get_weights()[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 2}, "must be of epoch 1"),
        ({"recipe": OTHER.hash}, "must be of recipe"),
        ({"data": "0" * 64}, "must be of data"),
        ({"arrays": {"weights": 3, "optimizer": 0}}, "must be of arrays"),
        ({"format": 99}, "`format` of a file must be at most 1.*update hfc_keras"),
        ({"format": "1"}, "`format` of a file must be a whole number"),
    ],
)
def test_weights_that_are_not_the_epochs_are_refused(store, changes, message):
    path = store.folder(TINY) / "epoch-0001.npz"
    with_header(path, **changes)
    with pytest.raises(files.UnusableFileError, match=f"{message}.*Received: .*{path.name}"):
        store.weights(TINY, 1)


def test_an_epoch_under_another_name_is_refused(store):
    folder = store.folder(TINY)
    shutil.copy(folder / "epoch-0001.npz", folder / "epoch-0002.npz")
    (folder / "epoch-0001 (copy).npz").touch()
    assert store.epochs(TINY) == [1, 2]
    with pytest.raises(files.UnusableFileError, match="must be of epoch 2.*Received: epoch=1"):
        store.weights(TINY, 2)


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_weights_are_refused(store, damage):
    path = store.folder(TINY) / "epoch-0001.npz"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(files.UnusableFileError, match="must be whole.*Received: path="):
        store.weights(TINY, 1)


def test_no_flipped_bit_is_read_as_weights(store):
    path, rng = store.folder(TINY) / "epoch-0001.npz", np.random.default_rng(0)
    content, weights = path.read_bytes(), store.weights(TINY, 1)
    for place in rng.choice(len(content), 200, replace=False):
        changed = bytearray(content)
        changed[place] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        try:
            found = store.weights(TINY, 1)
        except files.UnusableFileError:
            continue
        assert all(map(np.array_equal, found, weights)), place


def test_a_newer_store_is_refused_and_left_alone(store):
    path = store.folder(TINY) / "progress.npz"
    with_header(path, format=2)
    before = path.read_bytes()
    with pytest.raises(files.UnusableFileError, match="update hfc_keras.*Received: format=2"):
        training.fit(TINY, store)
    assert path.read_bytes() == before


def test_weights_that_do_not_fit_or_are_not_finite_are_refused(store, trained):
    model, path = trained[1][TINY][0], store.folder(TINY) / "epoch-0001.npz"
    owner = {"recipe": TINY.hash, "epoch": 1}
    weights = store.weights(TINY, 1)
    for changed, message in (
        ([weights[0][:1], *weights[1:]], r"must fit the network.*Received: shape=\(1, "),
        (weights[:-1], "must fit the network"),
        ([weights[0] * np.nan, *weights[1:]], r"must be finite.*Received: arrays=\[0\]"),
    ):
        path.write_bytes(kept_files.arrays_as_bytes({"weights": changed}, owner))
        owner = {**owner, "data": (store.folder(TINY) / "data.txt").read_text()}
        path.write_bytes(kept_files.arrays_as_bytes({"weights": changed}, owner))
        with pytest.raises(files.UnusableFileError, match=message):
            store.weights(TINY, 1, model)
    for name in ("progress.npz", "progress-before.npz"):
        shutil.copy(path, store.folder(TINY) / name)
    with pytest.raises(files.UnusableFileError, match="must hold a state.*be finite.*be finite"):
        training.fit(TINY, store)


@pytest.mark.parametrize("content", [b"", b"abc", b"nan", b"-1", b"1e999", b"\xff\xfe"])
def test_a_damaged_duration_ends_no_training(store, content):
    path = store.folder(TINY) / "seconds.txt"
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="counts from now on.*path="):
        store.add_seconds(TINY, 2.5)
    assert store.seconds(TINY) == 2.5


def test_a_damaged_recipe_json_warns(store, trained):
    for content in (b"", b"[]", b'{"dataset": "digits"}'):
        (store.folder(TINY) / "recipe.json").write_bytes(content)
        model, (told,) = go_on(store)
        assert same(model, trained[1][TINY][0]) and "`recipe.json`" in told


def test_a_damaged_fingerprint_is_refused_by_name(store):
    for content in (b"", b"\xff", b"0" * 64):
        (store.folder(TINY) / "data.txt").write_bytes(content)
        with pytest.raises(files.UnusableFileError, match="data.txt; remove .*Received: dataset="):
            training.fit(TINY, store)


def measured(store, dataset, arguments=None, recipe=TINY):
    """Rows of a measure, whether it was computed, and what was warned of."""
    computed = []

    def compute():
        computed.append(1)
        return ROWS

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        rows = store.measured(recipe, dataset, "acc", arguments or {"k": 1}, compute)
    return rows, bool(computed), [str(each.message) for each in told]


CUTS = {
    **DAMAGE,
    "row gone": lambda content: content[: content[:-1].rfind(b"\n") + 1],
    "cut": lambda content: content[:-3],
    "digit": lambda content: content.replace(b"0.123456", b"0.923456"),
    "head gone": lambda content: content.partition(b"\n")[2],
    "head alone": lambda content: content.partition(b"\n")[0] + b"\n",
    "row twice": lambda content: content + content.splitlines(keepends=True)[-1],
    "null": lambda content: content.replace(b"0.5", b"0\x005"),
}


@pytest.mark.parametrize("damage", CUTS)
def test_a_damaged_measure_is_made_again(tmp_path, dataset, damage):
    store = training.Store(tmp_path)
    measured(store, dataset)
    (path,) = store.folder(TINY).glob("measures/*.csv")
    content = path.read_bytes()
    path.write_bytes(CUTS[damage](content))
    rows, computed, (told,) = measured(store, dataset)
    pd.testing.assert_frame_equal(rows, ROWS)
    assert computed and told.startswith("A measure is made again: ") and path.name in told
    assert path.read_bytes() == content and measured(store, dataset)[1:] == (False, [])


def test_a_measure_of_another_is_not_taken(tmp_path, dataset):
    store = training.Store(tmp_path)
    places = []
    for recipe, arguments in ((TINY, {"k": 1}), (TINY, {"k": 2}), (OTHER, {"k": 1})):
        measured(store, dataset, arguments, recipe)
        (place,) = {*store.folder(recipe).glob("measures/*.csv")} - {*places}
        places.append(place)
    for stranger, name in ((places[1], "key"), (places[2], "recipe")):
        shutil.copy(stranger, places[0])
        _, computed, (told,) = measured(store, dataset)
        assert computed and f"must be of {name} " in told


def test_measures_of_earlier_versions_and_editors_are_read(tmp_path, dataset):
    store = training.Store(tmp_path)
    measured(store, dataset)
    (path,) = store.folder(TINY).glob("measures/*.csv")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\n", b"\r\n"))
    assert measured(store, dataset)[1:] == (False, [])
    path.unlink()
    old = path.with_name(path.name.replace(".checked", ""))
    old.write_bytes(content.partition(b"\n")[2])
    rows, computed, told = measured(store, dataset)
    assert (computed, told) == (False, []) and rows.equals(ROWS)
    old.write_bytes(content.partition(b"\n")[2][:-2])
    assert measured(store, dataset)[1]


def test_a_newer_measure_is_refused(tmp_path, dataset):
    store = training.Store(tmp_path)
    measured(store, dataset)
    (path,) = store.folder(TINY).glob("measures/*.csv")
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 7'))
    with pytest.raises(files.UnusableFileError, match="Received: format=7"):
        measured(store, dataset)


@pytest.mark.parametrize("suffix", [".keras", ".json"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_published_model_does_not_count(models, dataset, damage, suffix):
    path = (models.published / TINY.hash[:16]).with_suffix(suffix)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.warns(UserWarning, match=f"A published model does not count: .*{path.name}"):
        assert models.published_weights(TINY, dataset) is None


def record_of(models, recipe=TINY):
    path = (models.published / recipe.hash[:16]).with_suffix(".json")
    content = json.loads(path.read_text())
    return path, {name: content[name] for name in ("recipe", "data", "history")}


@pytest.mark.parametrize(
    "changes",
    [
        {"history": {"epoch": [1, 2], "loss": [1.0, 1.0]}},
        {"history": {"epoch": [1], "loss": [1.0], "accuracy": [0.1], "val_accuracy": [0.1]}},
        {"history": [1, 2]},
        {"history": {"epoch": 1}},
        {"recipe": None},
        {"recipe": OTHER.to_dict()},
    ],
)
def test_a_record_without_a_checksum_is_judged_by_what_it_has(models, dataset, trained, changes):
    path, content = record_of(models)
    path.write_text(json.dumps(content))
    weights, history = models.published_weights(TINY, dataset)
    model, expected = trained[1][TINY]
    assert np.array_equal(weights[0], model.get_weights()[0])
    pd.testing.assert_frame_equal(history, expected)
    path.write_text(json.dumps(content | changes))
    with pytest.warns(UserWarning, match=f"does not count: .*{path.name}"):
        assert models.published_weights(TINY, dataset) is None


def test_a_published_model_of_another_recipe_is_not_taken(models, dataset, trained):
    ours, theirs = (models.published / recipe.hash[:16] for recipe in (TINY, OTHER))
    shutil.copy(theirs.with_suffix(".keras"), ours.with_suffix(".keras"))
    with pytest.warns(UserWarning, match="wrong checksum"):
        assert models.published_weights(TINY, dataset) is None
    shutil.copy(theirs.with_suffix(".json"), ours.with_suffix(".json"))
    model, told = go_on(models)
    assert same(model, trained[1][TINY][0]) and "must be of recipe" in told[0]


def test_sealing_adds_checksums_to_a_whole_model_alone(models, dataset):
    path, content = record_of(models)
    path.write_text(json.dumps(content))
    keras_path = path.with_suffix(".keras")
    assert published.seal(keras_path) and not published.seal(keras_path)
    sealed = json.loads(path.read_text())
    assert content.items() <= sealed.items()
    assert models.published_weights(TINY, dataset) is not None
    path.write_text(json.dumps(content | {"recipe": OTHER.to_dict()}))
    with pytest.raises(files.UnusableFileError, match="must be of recipe"):
        published.seal(keras_path)


def full_disk(*_, **__):
    try:
        raise OSError(28, "No space left on device")
    finally:
        # As zipfile does when it closes what it could not write.
        raise ValueError("Can't close the ZIP file while there is an open writing handle on it.")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".lock"}


@pytest.mark.parametrize("broken", ["save", "fsync"])
def test_a_full_disk_keeps_the_published_model(models, dataset, trained, monkeypatch, broken):
    before = contents(models.published)
    model, history = trained[1][TINY]
    where = {"save": (type(model), "save"), "fsync": (files.os, "fsync")}[broken]
    with monkeypatch.context() as patched:
        patched.setattr(*where, full_disk)
        with pytest.raises(files.UnusableFileError, match="No space left.*GB free.*Received: path"):
            models.publish(TINY, dataset, model, history)
    assert contents(models.published) == before


def test_two_publish_at_once(models, dataset, trained):
    model, history = trained[1][TINY]
    errors = []

    def publish():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                models.publish(TINY, dataset, model, history)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and models.published_weights(TINY, dataset) is not None
    assert not [*models.published.glob(".*.tmp*")]


def test_a_published_folder_that_is_a_file_is_refused(tmp_path, dataset, trained):
    (tmp_path / "models").touch()
    store = training.Store(tmp_path / "store", published=tmp_path / "models")
    with pytest.raises(files.UnusableFileError, match="`published` must be a folder"):
        store.publish(TINY, dataset, *trained[1][TINY])


def test_an_empty_path_is_refused(tmp_path):
    for told in ({"root": ""}, {"root": tmp_path, "published": ""}):
        with pytest.raises(ValueError, match="must be a folder, not empty. Received: "):
            training.Store(**told)
    with pytest.raises(ValueError, match="`root` must be a folder, not empty"):
        training.fit(TINY, "")


def ended_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_half_written_files_of_killed_processes_are_removed(tmp_path):
    host, dead, ours = files._host(), ended_process(), os.getpid()
    store = training.Store(tmp_path / "store", published=tmp_path / "models")
    folder = store.folder(TINY)
    away = [f".epoch-0001.npz.{host}-{dead}-1.tmp", f".data.txt.{dead}-7.tmp", ".progress.npz.tmp"]
    stay = [f".data.txt.{host}-{ours}-1.tmp", f".data.txt.00000000-{dead}-1.tmp", "epoch.tmp"]
    models = [f".a.{host}-{dead}-1.tmp.keras", ".b.tmp.keras"], [f".a.{ours}-1.tmp.keras"]
    for each in (folder, folder / "measures", store.published):
        each.mkdir(parents=True)
    for name in (*away, *stay):
        (folder / name).touch()
    for name in (*models[0], *models[1]):
        (store.published / name).touch()
    long_ago = time.time() - 2 * files.ABANDONED
    os.utime(store.published / ".b.tmp.keras", (long_ago, long_ago))
    with store.lock(TINY):
        assert {path.name for path in folder.glob("*.tmp")} == {*stay}
    store.sweep()
    assert {path.name for path in store.published.iterdir()} == {*models[1]}
