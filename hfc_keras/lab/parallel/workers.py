"""Measures cells in other processes, several at once."""

import contextlib
import io
import multiprocessing
import time
import traceback
from collections.abc import Generator, Iterable
from concurrent import futures
from typing import Protocol, TypeVar

from hfc_keras import endings, files
from hfc_keras.lab import discovery, runner
from hfc_keras.lab.parallel.processes import Process


class CellError(RuntimeError):
    """An error in a cell, with the traceback of the process it happened in."""


class Measurable(Protocol):
    """A cell to measure, and the experiment that measures it."""

    @property
    def name(self) -> str:
        """Name of the experiment, as of ``discovery.load``."""
        ...

    @property
    def cell(self) -> runner.Cell:
        """What is measured."""
        ...


T = TypeVar("T", bound=Measurable)


def completed(
    tasks: Iterable[T], count: int, until: float | None = None
) -> Generator[tuple[T, futures.Future[runner.Measured]], None, None]:
    """Measure cells in processes, never two of one training at once.

    Args:
        tasks: sequence of tasks with ``name`` (str, of the experiment as ``discovery.load``
            takes it) and ``cell`` (runner.Cell), in the order in which they are started.
        count: int, processes at once.
        until: float, ``time.monotonic()`` from which on nothing is started or waited for; what is
            half done ends as at a stop. None is never.

    Yields:
        ``(task, future)`` as soon as it is measured. The future's result is a runner.Measured; it
        raises what was raised: FloatingPointError, UnusableFileError, CellError for anything
        else, and BrokenProcessPool if the process was ended. Close the generator to end all.
    """
    waiting, running, ended = list(tasks), {}, []
    processes = [Process() for _ in range(count)]
    idle, strangers, whole = list(processes), set(multiprocessing.active_children()), False
    try:
        while waiting or running or ended:
            if until is not None and time.monotonic() >= until:
                yield from ended
                return
            while idle and (task := next_task(waiting, [task for task, _ in running.values()])):
                waiting.remove(task)
                process = idle.pop()
                running[process.submit(measure, task.name, task.cell)] = task, process
            yield from ended
            left = None if until is None else max(until - time.monotonic(), 0)
            done = futures.wait(running, left, return_when=futures.FIRST_COMPLETED).done
            ended = [(running[future][0], future) for future in done]
            idle += [running.pop(future)[1] for future in done]
        whole = True
    finally:
        # The store keeps the whole epochs of what they were training. A signal must not leave
        # some of them behind: it ends this process, and they end with it.
        with contextlib.nullcontext() if whole else endings.at_once():
            for child in [] if whole else set(multiprocessing.active_children()) - strangers:
                child.terminate()
            for process in processes:
                process.end()


def next_task(waiting: Iterable[T], running: Iterable[T]) -> T | None:
    """First task whose training no running task is at; None if there is none.

    Args:
        waiting: sequence of tasks.
        running: sequence of tasks.

    Returns:
        A task or None.
    """
    busy = {task.cell.recipe.hash for task in running}
    return next((task for task in waiting if task.cell.recipe.hash not in busy), None)


def measure(name: str, cell: runner.Cell) -> runner.Measured:
    """Train and measure a cell of an experiment, without a word on the terminal.

    Args:
        name: str, see ``discovery.load``.
        cell: runner.Cell.

    Returns:
        runner.Measured.

    Raises:
        FloatingPointError: if the training diverged.
        UnusableFileError: if a file cannot be used.
        CellError: for any other error, since not every exception can be pickled.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return runner.measure(discovery.load(name), cell)
    except FloatingPointError as error:
        raise FloatingPointError(str(error)) from error
    except files.UnusableFileError as error:
        raise files.UnusableFileError(str(error)) from error
    except Exception:
        raise CellError(traceback.format_exc()) from None
