"""What a process does with a cell that it is sent, and what it refuses."""

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
from hfc_keras.lab.parallel import remote
from hfc_keras.lab.parallel.errors import CellError, UnfitWorkerError


@pytest.fixture
def parcel(tmp_path):
    """A cell that has not been measured, packed."""
    paths = ["--results", str(tmp_path), "--store", str(tmp_path / "store")]
    told = ["--dataset", "digits", "--recipes", "plain", *paths]
    plan = tiny.EXPERIMENT.planned(tyro.cli(tiny.Settings, args=told))
    return remote.packed("own.tiny", *plan.cells(), word="word")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folder": "/no such folder"}, "see the current folder of this run. Received: worker="),
        ({"onednn": "other"}, "be started with TF_ENABLE_ONEDNN_OPTS=other, as this run was"),
        ({"data": "other"}, "have the data of this run, fingerprint other. Received: worker="),
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


def test_relative_paths_begin_where_the_run_began(parcel, tmp_path, monkeypatch):
    monkeypatch.setenv("TINY", "plain=fail")
    here = os.getcwd()
    folders = []
    monkeypatch.setattr(remote, "_unpacked", lambda parcel: folders.append(os.getcwd()))
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
