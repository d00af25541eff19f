"""Which cell goes to which worker, and what becomes of it when the worker dies."""

import time
from types import SimpleNamespace

import pytest

from hfc_keras.lab.parallel import dealing, remote
from hfc_keras.lab.parallel.crew import Sent
from hfc_keras.lab.parallel.errors import LostWorkerError
from hfc_keras.lab.spread import Spread


class Crew:
    """Workers that measure in no time, one at each look, and die where they are told to."""

    def __init__(self, workers, deaths=(), offers=False):
        self.there = {name: {"resources": given} for name, given in workers.items()}
        self.deaths, self.offers = list(deaths), offers
        self.log, self.at_once, self.closed, self.started = [], 0, None, None

    def start(self, stores, most):
        self.started, self.most = set(stores), most

    def idle(self, busy):
        busy = list(busy)
        dead = [sent for sent in busy if self.of(sent) in self.deaths]
        for sent in dead:
            self.deaths.remove(self.of(sent))
        taken = {sent.address for sent in busy if sent not in dead}
        return {name: self.there[name] for name in self.there if name not in taken}, dead

    def of(self, sent):
        return sent.word.partition("@")[0]

    def send(self, address, name, cell, gpu):
        self.log.append((address, cell.label, gpu))
        return Sent(None, address, f"{cell.label}@{len(self.log)}")

    def ended(self, busy, seconds):
        self.at_once = max(self.at_once, len(busy := list(busy)))
        return [sent for sent in busy if self.of(sent) not in self.deaths][:1]

    def answer(self, sent):
        return remote.Answer(measured=sent.address)

    def forget(self, sent):
        self.log.append(("forgotten", self.of(sent), None))

    def close(self, busy=()):
        self.closed = [self.of(sent) for sent in busy]


def task(label, training=None, gpu=False):
    recipe = None if training is None else SimpleNamespace(hash=training)
    settings = SimpleNamespace(store="store")
    cell = SimpleNamespace(label=label, recipe=recipe, settings=settings, wants_gpu=gpu)
    return SimpleNamespace(name="t", cell=cell)


def labels(ended):
    return [task.cell.label for task, _ in ended]


def test_each_worker_has_one_cell_and_each_training_one_worker():
    crew = Crew({"a": {}, "b": {}, "c": {}})
    tasks = [task("1", "x"), task("2", "x"), task("3", "y"), task("4"), task("5")]
    ended = list(dealing.completed(tasks, crew))
    assert sorted(labels(ended)) == ["1", "2", "3", "4", "5"] and crew.at_once == 3
    assert [label for _, label, _ in crew.log[:3]] == ["1", "3", "4"]
    assert crew.started == {"store"} and crew.most == 4 and crew.closed is None
    assert {future.result() for _, future in ended} <= {"a", "b", "c"}


def test_a_cell_whose_worker_dies_is_tried_once_more():
    crew = Crew({"a": {}, "b": {}}, deaths=["1", "2", "2"])
    ended = list(dealing.completed([task("1"), task("2"), task("3")], crew))
    sent = [label for _, label, gpu in crew.log if gpu is not None]
    assert sorted(sent) == ["1", "1", "2", "2", "3"]
    results = {task.cell.label: future for task, future in ended}
    assert results["1"].result() and results["3"].result()
    with pytest.raises(LostWorkerError, match="its process was ended 2 times"):
        results["2"].result()


def test_nothing_is_sent_where_nothing_is_to_be_done():
    crew = Crew({"a": {}})
    assert not list(dealing.completed([], crew)) and crew.started is None


def test_cells_that_want_a_gpu_wait_for_one():
    crew, said = Crew({"a": {}, "b": {"GPU": 1}}, offers=True), []
    tasks = [task("1"), task("2", gpu=True), task("3", gpu=True)]
    assert len(list(dealing.completed(tasks, crew, say=said.append))) == 3
    assert {(address, gpu) for address, _, gpu in crew.log} == {("a", False), ("b", True)}
    assert not said


@pytest.mark.parametrize(
    ("workers", "message"), [({}, "--nthreads 1"), ({"a": {}}, "--resources GPU=1, or run with")]
)
def test_what_a_run_waits_for_is_said_once(monkeypatch, workers, message):
    monkeypatch.setattr(dealing, "LOOK", 0.01)
    crew, said = Crew(workers, offers=True), []
    until = time.monotonic() + 0.1
    assert not list(dealing.completed([task("1", gpu=True)], crew, until, said.append))
    assert len(said) == 1 and message in said[0]


def test_what_runs_ends_when_nobody_waits_for_it():
    crew = Crew({"a": {}, "b": {}})
    ended = dealing.completed([task("1"), task("2"), task("3")], crew)
    next(ended)
    ended.close()
    assert sorted(crew.closed) == ["2", "3"]
    late = Crew({"a": {}})
    assert not list(dealing.completed([task("1")], late, until=time.monotonic() - 1))
    assert not late.log


def test_a_cell_says_whether_it_wants_a_gpu():
    assert Spread(gpu="yes").wants_gpu and not Spread().wants_gpu

    class Paper(Spread):
        profile = "paper"

    assert Paper().wants_gpu and not Paper(gpu="no").wants_gpu
