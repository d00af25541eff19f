"""Cells on the workers of a scheduler: a real one, and two worker processes, on loopback."""

import contextlib
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent import futures
from pathlib import Path
from types import SimpleNamespace

import pytest
import tyro
from distributed.client import ClosedClientError
from distributed.scheduler import KilledWorker
from own import tiny

import hfc_keras
from hfc_keras import files
from hfc_keras.lab.parallel import crew, dealing, parcels, remote, scheduled
from hfc_keras.lab.parallel.crew import Sent
from hfc_keras.lab.parallel.errors import (
    LostSchedulerError,
    LostWorkerError,
    UnfitWorkerError,
)
from hfc_keras.lab.parallel.tasks import Part, Task

ROOT = Path(__file__).parents[1]
LOOPBACK = ["--host", "127.0.0.1", "--no-dashboard"]
AT_WORK = "hfc_keras.lab.parallel.remote:_AT_WORK"
command = importlib.import_module("experiments.all")


@contextlib.contextmanager
def cluster(folder, workers=2, **environment):
    """A scheduler and workers that are not started again; the path of the scheduler's file."""
    path, started = folder / "scheduler.json", []
    told = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}

    def start(module, *arguments):
        line = [sys.executable, "-m", f"distributed.cli.{module}", *LOOPBACK, *arguments]
        variables = {**os.environ, **told, **environment}
        with (folder / f"{module}-{len(started)}.log").open("w") as log:
            outputs = {"stdout": log, "stderr": log}
            started.append(subprocess.Popen(line, env=variables, cwd=folder, **outputs))

    start("dask_scheduler", "--port", "0", "--scheduler-file", str(path))
    for _ in range(workers):
        start("dask_worker", "--scheduler-file", str(path), "--nthreads", "1", "--no-nanny")
    try:
        while not path.exists():
            time.sleep(0.05)
        yield path
    finally:
        for process in started:
            process.kill()
            process.wait()


def ended(arguments, main=tiny.EXPERIMENT.main):
    """Exit status of a run."""
    try:
        main(arguments)
    except SystemExit as left:
        return left.code
    return 0


def table(folder):
    return (folder / "smoke" / "odd" / "tiny.csv").read_bytes()


def test_the_table_is_that_of_one_process_though_a_worker_is_killed(own, tmp_path, capsys):
    """And then: what the worker that is left refuses."""
    some = ["--recipes", "plain", "again", "dropout_1", "dropout_2"]
    assert ended(own(*some, results="whole", store="other")) == 0
    capsys.readouterr()
    with cluster(tmp_path, TINY="dropout_1=end_once dropout_4=wait") as path:
        assert ended(own(*some, "--scheduler-file", str(path))) == 0
        out = capsys.readouterr().out
        assert "[4/4] tiny " in out and (tmp_path / "store" / "ended").exists()
        assert table(tmp_path / "results") == table(tmp_path / "whole")
        record = json.loads((tmp_path / "results" / "smoke" / "odd" / "tiny.json").read_text())
        assert not {"jobs", "scheduler", "scheduler_file", "gpu"} & set(record["settings"])
        assert str(path) not in json.dumps(record) and len(record["cells"]) == 4
        address = scheduled.address_in(path)
        check_refusals(own, capsys, address)
        check_stop(own, address)
    assert b"Traceback" not in (tmp_path / "dask_worker-2.log").read_bytes()


def check_refusals(own, capsys, address):
    """Another version of the package or of the data: both are named."""
    told = own("--recipes", "dropout_3", "--scheduler", address)
    for target, name, value, expected, received in (
        (hfc_keras, "__version__", "9.9", "hfc_keras 9.9", f"hfc_keras='{hfc_keras.__version__}'"),
        (parcels, "fingerprint", lambda cell: "other", "data of this run, fingerprint other", "fi"),
    ):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(target, name, value)
            assert ended(told) == 2
        error = capsys.readouterr().err
        assert f"error: Workers must have {expected} as" in error or expected in error
        assert "Received: worker='tcp://127.0.0.1:" in error and received in error
        assert "Traceback" not in error


def check_stop(own, address):
    """What a worker measures for a run that ends does so, too."""
    plan = tiny.EXPERIMENT.planned(tyro.cli(tiny.Settings, args=own("--recipes", "dropout_4")))
    part = Part("own.tiny", tiny.EXPERIMENT, plan, "test")
    found = scheduled.ScheduledCrew(address)
    until = time.monotonic() + 2
    assert not list(dealing.completed([Task(part, *plan.cells())], found, until))
    with contextlib.closing(scheduled.ScheduledCrew(address)) as found:
        for _ in range(100):
            (at_work,) = found.client.run(pkgutil.resolve_name, AT_WORK).values()
            if not at_work:
                return
            time.sleep(0.1)
    raise AssertionError("the worker went on")


def test_a_scheduler_that_does_not_answer_is_refused_before_anything_is_made(
    own, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(crew, "CONNECT", 0.3)
    told = ["--scheduler", "tcp://127.0.0.1:9"]
    for main, more in ((tiny.EXPERIMENT.main, []), (command.main, ["--experiments", "own.tiny"])):
        assert ended(own(*more, *told), main) == 2
        error = capsys.readouterr().err
        assert "error: `scheduler` must be the address of a Dask scheduler that answers" in error
        assert "within 0.3 seconds" in error and "scheduler='tcp://127.0.0.1:9'" in error
    assert [path.name for path in tmp_path.iterdir()] == ["odd.npz"]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("--scheduler 127.0.0.1:9x", "Received: scheduler='127.0.0.1:9x'"),
        ("--scheduler=", "Received: scheduler=''"),
        ("--scheduler tls://127.0.0.1:1", "Received: scheduler='tls://127.0.0.1:1'"),
        ("--scheduler ucx://127.0.0.1:1", "Received: scheduler='ucx://127.0.0.1:1'"),
        ("--scheduler-file FOLDER/absent", "the file that `dask scheduler --scheduler-file"),
        ("--scheduler-file FOLDER/odd.npz", "the file that `dask scheduler --scheduler-file"),
        ("--scheduler-file=", "the file that `dask scheduler --scheduler-file"),
        ("--scheduler a:1 --scheduler-file b", "`scheduler` must be left out with"),
        ("--scheduler a:1 --jobs 2", "`jobs` must be left out with a scheduler"),
        ("--gpu yes", "`gpu` must be left out without a scheduler"),
        ("--jobs 0", "Received: jobs=0"),
        ("--jobs -2", "Received: jobs=-2"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    own, tmp_path, monkeypatch, capsys, told, message
):
    monkeypatch.setattr(crew, "CONNECT", 0.3)
    for main, more in ((tiny.EXPERIMENT.main, []), (command.main, ["--experiments", "own.tiny"])):
        words = told.replace("FOLDER", str(tmp_path)).split()
        assert ended(own(*more, *words), main) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["odd.npz"]


@pytest.mark.parametrize(("patience", "status"), [(0.3, 2), (60, 143)])
def test_what_accepts_and_is_silent_is_no_scheduler(own, monkeypatch, capsys, patience, status):
    """And a signal ends the waiting for it."""
    monkeypatch.setattr(crew, "CONNECT", patience)
    monkeypatch.setattr(scheduled, "GRACE", 0.1)
    start = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGTERM))
        if status == 143:
            timer.start()
        assert ended(own("--scheduler", address)) == status
    error = capsys.readouterr().err
    assert time.monotonic() - start < 10 and error.count("\n") == (1 if status == 2 else 2)
    assert ("answers within 0.3 seconds (TimeoutError: " in error) == (status == 2)


def test_a_worker_sees_a_file_and_its_lock(tmp_path):
    path = tmp_path / "file"
    assert remote.sight(str(path))[1] == "absent"
    path.touch()
    assert remote.sight(str(path))[1] == "unlocked"
    with files.locked(path, wait=False), futures.ThreadPoolExecutor() as threads:
        assert threads.submit(remote.sight, str(path)).result()[1] == "locked"


class Answering(scheduled.ScheduledCrew):
    """A crew whose workers say what they are told to."""

    def __init__(self, answers, *workers):
        self.said = []
        super().__init__("tcp://a", self.said.append)
        self.answers, self.known = answers, {"workers": {name: {} for name in workers}}

    def _connect(self):
        told = {"scheduler_info": lambda n_workers: self.known, "scheduler": None}
        self._client = SimpleNamespace(status="running", **told)

    def _ran(self, function, argument, asked):
        return {address: self.answers[function.__name__] for address in asked}


def test_a_store_that_is_not_shared_is_refused_and_one_without_locks_is_said(tmp_path):
    answers = {"resolve_name": hfc_keras.__version__, "sight": ("far", "unlocked")}
    found = Answering(answers, "tcp://a")
    found.start([tmp_path], 1)
    assert list(found.idle([])[0]) == ["tcp://a"]
    (said,) = found.said
    assert f"The file system of {tmp_path} has no locks that hold on far, too" in said
    found.idle([])
    assert len(found.said) == 1
    for worker, sight, named in (
        ("tcp://b", ("far", "absent"), "same place, .* worker='tcp://b on far'"),
        ("tcp://c", AttributeError("sight"), "code of this run.* worker='tcp://c', sight=Attri"),
    ):
        answers["sight"] = sight
        found.known = {"workers": {worker: {}}}
        with pytest.raises(UnfitWorkerError, match=named):
            found.idle([])
    answers["resolve_name"] = ModuleNotFoundError("No module named 'hfc_keras'")
    found.known = {"workers": {"tcp://d": {}}}
    with pytest.raises(UnfitWorkerError, match=r"worker='tcp://d', hfc_keras=ModuleNotFound"):
        found.idle([])
    assert not list(tmp_path.iterdir())


def test_an_unfit_worker_that_joins_late_is_left_out_and_said_once():
    answers = {"resolve_name": hfc_keras.__version__}
    found = Answering(answers, "tcp://a")
    assert list(found.idle([])[0]) == ["tcp://a"]
    busy = [Sent(SimpleNamespace(done=lambda: False), "tcp://a", "word")]
    answers["resolve_name"] = "0.1"
    found.known["workers"]["tcp://b"] = {}
    for _ in range(2):
        assert found.idle(busy) == ({}, [])
    (said,) = found.said
    assert "left out" in said and "worker='tcp://b', hfc_keras='0.1'" in said and found.size == 1
    # Another one may come by its address later.
    del found.known["workers"]["tcp://b"]
    found.idle(busy)
    answers["resolve_name"] = hfc_keras.__version__
    found.known["workers"]["tcp://b"] = {}
    assert list(found.idle(busy)[0]) == ["tcp://b"] and len(found.said) == 1


class Refusing(Answering):
    """A crew whose first worker refuses what it is sent."""

    def send(self, address, name, cell, gpu):
        return Sent(SimpleNamespace(done=lambda: True), address, str(id(cell)))

    def ended(self, busy, seconds):
        return list(busy)

    def answer(self, sent):
        if sent.address != "tcp://a":
            return remote.Answer(sent.address)
        return remote.Answer(error=UnfitWorkerError("Workers must have the data of this run"))

    def close(self, busy=()):
        pass


def test_a_cell_that_a_worker_refuses_is_measured_by_another_one():
    cells = [SimpleNamespace(settings=SimpleNamespace()) for _ in range(4)]
    tasks = [SimpleNamespace(name="t", cell=cell) for cell in cells]
    answers = {"resolve_name": hfc_keras.__version__}
    found = Refusing(answers, "tcp://a", "tcp://b")
    ended = list(dealing.completed(tasks, found))
    assert [future.result() for _, future in ended] == ["tcp://b"] * 4
    (said,) = found.said
    assert said == "A worker is left out. Workers must have the data of this run"
    alone = Refusing(answers, "tcp://a")
    with pytest.raises(UnfitWorkerError, match="the data of this run"):
        list(dealing.completed(tasks, alone))
    assert not alone.said


class Known(scheduled.ScheduledCrew):
    """A crew of whose workers something is known."""

    def __init__(self, workers):
        self.said = []
        super().__init__("tcp://a", self.said.append)
        known = {"workers": {name: {"status": status} for name, status in workers.items()}}
        told = {"scheduler_info": lambda n_workers: known, "scheduler": None}
        self._client = SimpleNamespace(status="running", submit=self.closed, **told)

    def _connect(self):
        pass

    def closed(self, *args, **kwargs):
        raise ClosedClientError("Client is closed")

    def _admitted(self, free):
        return free


def test_a_worker_that_is_paused_is_sent_nothing_and_said_once():
    found = Known({"tcp://a": "running", "tcp://b": "paused", "tcp://c": "closing_gracefully"})
    busy = [Sent(None, "tcp://b", "word")]
    for _ in range(2):
        assert [*found.idle([])[0]] == ["tcp://a"]
        assert found.idle(busy)[1] == []
    (said,) = found.said
    assert "has paused the worker tcp://b, whose memory is nearly full" in said


def test_a_connection_that_is_closed_meanwhile_is_a_lost_scheduler(monkeypatch):
    monkeypatch.setattr(parcels, "packed", lambda *args, **kwargs: "parcel")
    with pytest.raises(LostSchedulerError, match=r"is kept.*\(Client is closed\)"):
        Known({}).send("tcp://a", "name", None, gpu=False)


def test_of_what_dask_says_of_a_lost_scheduler_the_first_line_is_told():
    found = Known({})
    with pytest.raises(LostSchedulerError) as told, found._answering():
        raise OSError("Timed out\nPlease check\nthat all is well")
    assert str(told.value).endswith("(Timed out)")


def test_a_cell_that_dask_has_given_up_is_not_begun_again():
    """Dask tries it four times where a worker comes back by its own address."""
    future = futures.Future()
    future.set_exception(KilledWorker("key", None, 3))
    answer = Known({}).answer(Sent(future, "tcp://a", "word"))
    assert isinstance(answer.error, LostWorkerError) and "at tcp://a was ended" in str(answer.error)


def test_a_scheduler_that_is_just_starting_is_waited_for(tmp_path):
    path = tmp_path / "scheduler.json"

    def write():
        time.sleep(0.3)
        files.write_whole(path, json.dumps({"address": "tcp://a:1"}))

    with futures.ThreadPoolExecutor() as threads:
        threads.submit(write)
        assert scheduled.address_in(path) == "tcp://a:1"


def test_a_scheduler_that_is_lost_ends_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "CONNECT", 2)
    with cluster(tmp_path, workers=0) as path:
        found = scheduled.ScheduledCrew(scheduled.address_in(path))
        assert found.size == 1
    with contextlib.closing(found), pytest.raises(LostSchedulerError, match="what was measured"):
        for _ in range(100):
            found.idle([])
            time.sleep(0.1)
