"""Processes of this machine that measure: started when there is work, renewed, ended."""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from types import ModuleType, SimpleNamespace

import distributed
import pytest
from dask import config
from dask.utils import parse_timedelta

from hfc_keras.lab import discovery, record
from hfc_keras.lab.parallel import local
from hfc_keras.lab.parallel.crew import Sent
from hfc_keras.lab.parallel.errors import NoWorkerError
from hfc_keras.lab.parallel.local import LocalCrew

ALONE = """
import sys
from hfc_keras.lab import experiment
from hfc_keras.lab.parallel import running
with running.crew_of(experiment.runner.estimate and running.Spread(jobs=2), 2) as crew:
    print(crew.size, {"dask", "distributed"} & set(sys.modules))
"""


def process(crew):
    """Address and number of a process that is idle, as soon as there is one."""
    for _ in range(400):
        for address in crew.idle([])[0]:
            with contextlib.suppress(OSError, KeyError):
                return address, crew.client.run(os.getpid, workers=[address])[address]
        time.sleep(0.05)
    raise AssertionError("no process came back")


def is_alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_processes_are_renewed_come_back_and_end_with_the_run(caplog):
    before = set(multiprocessing.active_children())
    usual = patience()
    with contextlib.closing(LocalCrew(1)) as crew:
        assert crew.size == 1 and set(multiprocessing.active_children()) == before
        crew.start()
        assert crew.cluster is not None and crew.cluster.scheduler.worker_ttl is None
        # A process takes its time to come back where others keep the machine busy.
        assert patience() > 24 * 3600
        first, number = process(crew)
        # Ctrl-C is for the run alone.
        os.kill(number, signal.SIGINT)
        assert process(crew) == (first, number)
        crew.calls[first] = local.CALLS
        second, renewed = process(crew)
        assert second != first and not is_alive(number)
        os.kill(renewed, signal.SIGKILL)
        third, last = process(crew)
        future = crew.client.submit(time.sleep, 60, workers=[third])
        while not any(crew.client.processing().values()):
            time.sleep(0.05)
        start = time.monotonic()
        crew.close([Sent(future, third, "word")])
        assert time.monotonic() - start < 10 and not is_alive(last)
    assert not [each for each in caplog.records if each.name.startswith("distributed")]
    assert set(multiprocessing.active_children()) == before and patience() == usual


def patience():
    """Seconds after which Dask gives up a process that has ended."""
    return parse_timedelta(config.get("distributed.deploy.lost-worker-timeout"))


def test_processes_that_cannot_be_started_are_told_in_a_line(monkeypatch):
    def refuse(**options):
        raise RuntimeError("Cluster failed to start: no more processes")

    monkeypatch.setattr("distributed.LocalCluster", refuse)
    usual = patience()
    with contextlib.closing(LocalCrew(2)) as crew, pytest.raises(NoWorkerError) as told:
        crew.start()
    assert str(told.value).startswith("`jobs` must be processes that this machine can start (Clust")
    assert patience() == usual


def test_no_more_processes_are_started_than_there_is_work_for(monkeypatch):
    started = []

    class Cluster:
        def __init__(self, n_workers, **options):
            self.worker_spec, self.workers = dict.fromkeys(range(n_workers)), {}
            started.append(n_workers)

        def scale(self, wanted):
            self.worker_spec = dict.fromkeys(range(wanted))
            started.append(wanted)

        def close(self):
            pass

    monkeypatch.setattr("distributed.LocalCluster", Cluster)
    monkeypatch.setattr("distributed.Client", lambda cluster, **options: Cluster(0))
    monkeypatch.setattr(LocalCrew, "close", lambda self: self._told.close())
    with contextlib.closing(LocalCrew(4)) as crew:
        for most in (2, 1, 3, 9):
            crew.start([], most)
    assert [each for each in started if each] == [2, 3, 4]


@pytest.mark.parametrize("statuses", [["closed", "failed"], []])
def test_a_run_without_any_process_ends(monkeypatch, statuses):
    crew = LocalCrew(2)
    monkeypatch.setattr(crew, "_workers", dict)
    nannies = [SimpleNamespace(status=SimpleNamespace(name=each)) for each in statuses]
    crew.cluster = SimpleNamespace(workers=dict(enumerate(nannies)))
    with pytest.raises(NoWorkerError, match="what was measured is kept.* Received: jobs=2"):
        crew.idle([])
    crew.cluster.workers[0] = SimpleNamespace(status=SimpleNamespace(name="starting"))
    assert crew.idle([]) == ({}, [])


def test_a_stranger_is_not_let_in():
    with contextlib.closing(LocalCrew(1)) as crew:
        crew.start()
        assert process(crew)
        address = crew.client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        host = address.removeprefix("tls://")
        for stranger in (f"tcp://{host}", address):
            with pytest.raises((OSError, TypeError)), distributed.Client(stranger, timeout=2):
                pass


def test_dask_is_imported_where_cells_are_spread(fresh_python):
    assert fresh_python(ALONE) == "2 set()"


def test_processes_share_the_cores_unless_they_are_told_otherwise(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "environ", told := {})
    local.set_environment(3)
    assert told["TF_NUM_INTRAOP_THREADS"] == "2" and told["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    told["TF_NUM_INTRAOP_THREADS"] = "5"
    local.set_environment(3)
    assert told["TF_NUM_INTRAOP_THREADS"] == "5"
    assert record.machine()["threads"] == "5"


def test_a_file_must_not_bear_the_name_of_another_experiment(tmp_path, monkeypatch):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own_file.py").write_text("from own.tiny import EXPERIMENT\n")
    main = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.syspath_prepend(str(tmp_path / "here"))
    main.__file__ = str(tmp_path / "here" / "own_file.py")
    run = SimpleNamespace(module="__main__", name=main.__file__)
    name, found = discovery.importable(run)
    assert name == "own_file" and found.module == "own.tiny"
    main.__file__ = str(tmp_path / "there" / "own_file.py")
    with pytest.raises(ValueError, match="must have a name of its own"):
        discovery.importable(run)
    del sys.modules["own_file"]
