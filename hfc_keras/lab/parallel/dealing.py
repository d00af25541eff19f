"""Deals cells to the workers of a crew, several at once."""

import collections
import time
from collections.abc import Callable, Generator, Iterable
from concurrent import futures
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from hfc_keras.lab import console, runner
from hfc_keras.lab.parallel import remote
from hfc_keras.lab.parallel.crew import Crew, Sent
from hfc_keras.lab.parallel.errors import LostWorkerError, UnfitWorkerError

# Seconds between two looks at the workers.
LOOK = 1.0
# How often a cell is started before its worker's death is its own doing.
TRIES = 2


class Measurable(Protocol):
    """A cell to measure, and the experiment that measures it."""

    @property
    def name(self) -> str:
        """Name of the experiment, as of ``discovery.load``."""
        ...

    @property
    def cell(self) -> Any:
        """What is measured."""
        ...


T = TypeVar("T", bound=Measurable)
Ended: TypeAlias = tuple[T, "futures.Future[runner.Measured]"]


def completed(
    tasks: Iterable[T],
    crew: Crew,
    until: float | None = None,
    say: Callable[[str], object] = console.say,
) -> Generator[Ended[T], None, None]:
    """Measure cells on the workers of a crew, never two of one training at once.

    A cell whose worker dies is started once more, on another one. A cell that a worker refuses
    waits for another one, and this worker is sent nothing more.

    Args:
        tasks: sequence of tasks with ``name`` (str, of the experiment as ``discovery.load``
            takes it) and ``cell`` (runner.Cell), in the order in which they are started.
        crew: crew.Crew.
        until: float, ``time.monotonic()`` from which on nothing is started or waited for; what is
            half done ends as at a stop. None is never.
        say: function of a line, for what the run waits for.

    Yields:
        ``(task, future)`` as soon as it is measured. The future's result is a runner.Measured; it
        raises what was raised: FloatingPointError, MemoryError, UnusableFileError, CellError for
        anything else, and LostWorkerError if the process was ended twice. Close the generator to
        end all.

    Raises:
        LostSchedulerError: if the scheduler no longer answers.
        UnfitWorkerError: if all workers would measure something else.
    """
    dealer, ended = _Dealer(tasks, crew, say), []
    if dealer.waiting:
        stores = {each.cell.settings.store for each in dealer.waiting if _has_store(each)}
        crew.start(stores, most=len({training_of(each) for each in dealer.waiting}))
    try:
        while dealer.waiting or dealer.running or ended:
            late = until is not None and time.monotonic() >= until
            if not late:
                dealer.deal()
            yield from ended
            if late:
                return
            ended = dealer.wait(LOOK if until is None else min(LOOK, until - time.monotonic()))
    finally:
        if dealer.running:
            crew.close(sent for _, sent in dealer.running.values())


class _Dealer(Generic[T]):
    """Which cells wait, and which are at a worker."""

    def __init__(self, tasks: Iterable[T], crew: Crew, say: Callable[[str], object]) -> None:
        self.waiting, self.crew, self.say = list(tasks), crew, say
        self.running: dict[str, tuple[T, Sent]] = {}
        self.tries: collections.Counter[int] = collections.Counter()
        self.given_up: list[Ended[T]] = []
        self.said = ""

    def deal(self) -> None:
        """Send a cell to each worker that has none."""
        idle, lost = self.crew.idle(sent for _, sent in self.running.values())
        for sent in lost:
            self.crew.forget(sent)
            self._lose(sent)
        for address, known in idle.items():
            gpu = bool(known.get("resources", {}).get("GPU"))
            task = next_task(self._suited(gpu), [task for task, _ in self.running.values()])
            if task is not None:
                self.waiting.remove(task)
                sent = self.crew.send(address, task.name, task.cell, _wants_gpu(task))
                self.running[sent.word] = task, sent
        if self.waiting and not (self.running or self.given_up):
            self._explain(bool(idle))

    def wait(self, seconds: float) -> list[Ended[T]]:
        """Return what has ended after some seconds at most."""
        if self.waiting and not (self.running or self.given_up):
            time.sleep(max(seconds, 0))
        sent = [sent for _, sent in self.running.values()]
        for each in self.crew.ended(sent, max(seconds, 0)) if sent else ():
            answer = self.crew.answer(each)
            if answer is None:
                self._lose(each)
                continue
            task, _ = self.running.pop(each.word)
            if isinstance(answer.error, UnfitWorkerError):
                self.waiting.insert(0, task)
                self.crew.turn_away(each.address, answer.error)
            else:
                self.given_up.append((task, _future(answer)))
        ended, self.given_up = self.given_up, []
        return ended

    def _lose(self, sent: Sent) -> None:
        """Take back a cell whose worker has died, or give it up."""
        task, _ = self.running.pop(sent.word)
        self.tries[id(task)] += 1
        if self.tries[id(task)] < TRIES:
            self.waiting.insert(0, task)
            return
        error = LostWorkerError(
            f"its process was ended {TRIES} times, by a signal or for want of memory"
        )
        self.given_up.append((task, _future(remote.Answer(error=error))))

    def _suited(self, gpu: bool) -> list[T]:
        """Cells for a worker, in order; those that want a GPU come first where there is one."""
        if not self.crew.offers:
            return self.waiting
        wanting = [task for task in self.waiting if _wants_gpu(task)]
        others = [task for task in self.waiting if not _wants_gpu(task)]
        return [*wanting, *others] if gpu else others

    def _explain(self, idle: bool) -> None:
        """Say once why nothing is measured."""
        text = "Waiting for a worker: dask worker ADDRESS --nthreads 1"
        text += " --resources GPU=1, or run with --gpu no" if idle else ""
        if self.crew.offers and text != self.said:
            self.say(text)
        self.said = text


def next_task(waiting: Iterable[T], running: Iterable[T]) -> T | None:
    """First task whose training no running task is at; None if there is none.

    Args:
        waiting: sequence of tasks.
        running: sequence of tasks.

    Returns:
        A task or None.
    """
    busy = {training_of(task) for task in running}
    return next((task for task in waiting if training_of(task) not in busy), None)


def training_of(task: Measurable) -> object:
    """What two cells must not be at once: the training, or the cell where nothing is trained.

    Args:
        task: with ``cell``.

    Returns:
        str, or an object of its own.
    """
    recipe = getattr(task.cell, "recipe", None)
    return id(task.cell) if recipe is None else recipe.hash


def _wants_gpu(task: Measurable) -> bool:
    return bool(getattr(task.cell, "wants_gpu", False))


def _has_store(task: Measurable) -> bool:
    return hasattr(task.cell.settings, "store")


def _future(answer: remote.Answer) -> "futures.Future[runner.Measured]":
    future: futures.Future[runner.Measured] = futures.Future()
    if answer.measured is None:
        future.set_exception(answer.error or LostWorkerError("it was stopped on its worker"))
    else:
        future.set_result(answer.measured)
    return future
