"""What a process does with a cell that it is sent, and what it refuses."""

import importlib
import os
import pickle
import sys
import time
from concurrent import futures

import pytest
import tyro
from own import tiny

from hfc_keras import files
from hfc_keras.lab import discovery
from hfc_keras.lab.parallel import loaded_code, parcels, remote
from hfc_keras.lab.parallel.errors import CellError, UnfitWorkerError
from hfc_keras.non_finite import NonFiniteLogitsError


@pytest.fixture
def parcel(tmp_path):
    """A cell that has not been measured, packed."""
    paths = ["--results", str(tmp_path), "--store", str(tmp_path / "store")]
    told = ["--dataset", "digits", "--recipes", "plain", *paths]
    plan = tiny.EXPERIMENT.planned(tyro.cli(tiny.Settings, args=told))
    return parcels.packed("own.tiny", *plan.cells(), word="word")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folder": "/no such folder"}, "see the current folder of this run. Received: worker="),
        ({"onednn": "other"}, "be started with TF_ENABLE_ONEDNN_OPTS=other, as this run was"),
        ({"data": "other"}, "have the data of this run, fingerprint other. Received: worker="),
        ({"code": {"own.tiny": "0"}}, "have the code of this run, and be started again after"),
        ({"key": "other"}, "measure what this run does, key other. Received: worker="),
        ({"cell": b"cabsent\nCell\n."}, "find the code of own.tiny (No module named 'absent')"),
    ],
)
def test_a_cell_that_would_be_another_one_is_refused(parcel, changes, message):
    answer = remote.answered(parcel._replace(**changes))
    assert answer.measured is None and isinstance(answer.error, UnfitWorkerError)
    assert f"Workers must {message}" in str(answer.error)


@pytest.mark.parametrize("package", ["hfc_keras", "keras", "numpy"])
def test_other_versions_are_refused_with_both(parcel, package):
    own = parcel.versions[package]
    answer = remote.answered(parcel._replace(versions={**parcel.versions, package: "0.0"}))
    assert f"Workers must have {package} 0.0 as this run" in str(answer.error)
    assert f"{package}={own!r}" in str(answer.error)


@pytest.mark.parametrize(
    ("action", "kind", "words"),
    [
        ("logits", NonFiniteLogitsError, "`model` must return finite logits"),
        ("fail", CellError, "UnpicklableError: something else\nTraceback"),
    ],
)
def test_an_error_is_told_as_the_run_tells_it_apart(parcel, monkeypatch, action, kind, words):
    monkeypatch.setenv("TINY", f"plain={action}")
    error = pickle.loads(pickle.dumps(remote.answered(parcel).error))  # noqa: S301
    assert type(error) is kind and str(error).startswith(words)


def test_relative_paths_begin_where_the_run_began(parcel, tmp_path, monkeypatch):
    monkeypatch.setenv("TINY", "plain=fail")
    here = os.getcwd()
    folders = []
    monkeypatch.setattr(parcels, "unpacked", lambda parcel: folders.append(os.getcwd()))
    remote.answered(parcel._replace(folder=str(tmp_path)))
    assert folders == [str(tmp_path)] and os.getcwd() == here


def test_what_a_thread_measures_can_be_stopped(parcel, monkeypatch):
    monkeypatch.setenv("TINY", "plain=wait")
    assert not remote.stop("word")
    with futures.ThreadPoolExecutor() as threads:
        answer = threads.submit(remote.answered, parcel)
        while not remote.stop("word"):
            time.sleep(0.05)
        assert answer.result(timeout=20) == remote.Answer()
    assert not remote.stop("word")


def test_a_process_measures_one_cell_at_a_time(parcel, monkeypatch):
    """Also one of several threads: the current folder is that of the process."""
    at_work, most = [], []

    def measure(name, cell):
        at_work.append(name)
        most.append(len(at_work))
        time.sleep(0.2)
        at_work.pop()
        return "rows"

    monkeypatch.setattr(remote, "measure", measure)
    with futures.ThreadPoolExecutor() as threads:
        sent = [parcel, parcel._replace(word="other")]
        assert {each.measured for each in threads.map(remote.answered, sent)} == {"rows"}
        assert most == [1, 1]
        with remote._alone():
            waiting = threads.submit(remote.answered, parcel)
            while not remote.stop("word"):
                time.sleep(0.05)
            assert waiting.result(timeout=20) == remote.Answer()
        assert threads.submit(remote.answered, parcel).result(timeout=20).measured == "rows"


def test_code_that_changed_after_it_was_imported_is_told(tmp_path, monkeypatch):
    for name in ("own_measure", "own_helper"):
        (tmp_path / f"{name}.py").write_text("VALUE = 1\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.import_module(name)
    before = loaded_code.digests("own_measure")
    assert {"own_measure", "own_helper", "hfc_keras.files"} <= before.keys()
    assert "numpy" not in before and loaded_code.differing(before) is None
    (tmp_path / "own_helper.py").write_text("VALUE = 2\n")
    # This process still has what it has imported; a run that begins now has another one.
    assert loaded_code.digests("own_measure") == before
    loaded_code._digest.cache_clear()
    now = loaded_code.digests("own_measure")
    loaded_code._digest.cache_clear()
    (tmp_path / "own_helper.py").write_text("VALUE = 1\n")
    assert loaded_code.differing(before) is None and loaded_code.differing(now) == "own_helper"
    for name in ("own_measure", "own_helper"):
        del sys.modules[name]


def test_only_workers_that_were_there_before_are_asked_for_their_code(parcel):
    cell = pickle.loads(parcel.cell)  # noqa: S301
    there = parcels.packed("own.tiny", cell, "word", own=False)
    assert parcel.code == {} and {"own.tiny", "hfc_keras.lab.runner"} <= there.code.keys()


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (FloatingPointError("The loss"), FloatingPointError, "The loss"),
        (MemoryError("small"), MemoryError, "small"),
        (files.UnusableFileError("`file`"), files.UnusableFileError, "`file`"),
        (tiny.UnpicklableError("odd", node=1), CellError, "UnpicklableError: odd\n"),
        (KeyError("name"), CellError, "KeyError: name\n"),
    ],
)
def test_errors_travel_and_begin_with_one_line(error, kind, message):
    found = pickle.loads(pickle.dumps(remote._sendable(error)))  # noqa: S301
    assert type(found) is kind and str(found).startswith(message)


def test_what_is_known_of_an_error_travels_with_it():
    class Local(FloatingPointError):
        """Cannot be imported by another process."""

    error = FloatingPointError("The loss")
    error.epoch = 3
    assert pickle.loads(pickle.dumps(remote._sendable(error))).epoch == 3  # noqa: S301
    assert type(remote._sendable(Local("of its own"))) is FloatingPointError


def test_the_folder_of_an_experiment_is_found_from_its_name(parcel):
    package = os.path.dirname(os.path.dirname(sys.modules["own.tiny"].__file__))
    assert parcel.imports == package and discovery.load(parcel.name) is tiny.EXPERIMENT
