"""Runs of ``experiments.all`` with two workers that are killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.kills import leavings
from hfc_keras.types import Record

COMMAND = (
    "-m experiments.all --profile smoke --dataset digits --experiments batch_size "
    "--seeds 0 --jobs 2"
)
PROCESSES = Path("/proc")
# Seconds that processes have to end after their command was killed.
PATIENCE = 60
# A run that lost a worker may leave its cells to the next one.
TRIES = 3
TRIES_TO_HIT = 20


class Runs:
    """One command, its uninterrupted run, and kills of others.

    Args:
        folder: Path, for everything.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.whole, start = folder / "whole", time.perf_counter()
        _require_end(_status(self.whole), self.whole)
        self.seconds = time.perf_counter() - start

    def at_instants(self, rng: np.random.Generator) -> Iterator[Record]:
        """Kill one run after the other, in turn the command and one of its processes.

        Args:
            rng: numpy.random.Generator.

        Yields:
            dict, a row of the table of kills.
        """
        number = 0
        while True:
            for _ in range(TRIES_TO_HIT):
                folder, whom = self.folder / f"{number:03d}", ("command", "worker")[number % 2]
                number += 1
                after = float(rng.uniform(0, self.seconds))
                killed = self._killed(folder, whom, after, rng)
                if killed:
                    break
            else:
                raise RuntimeError("no run was there when it was to be killed")
            yield {
                "part": "runs",
                "kind": killed["kind"],
                "outlived": killed["outlived"],
                **self._resumed(folder),
                "after": round(after, 3),
            }

    def _killed(self, folder: Path, whom: str, after: float, rng: np.random.Generator) -> Record:
        """Kill a run; say whom, and how many processes outlived it; nothing if it was too late."""
        with _running(folder) as command:
            with contextlib.suppress(subprocess.TimeoutExpired):
                command.wait(after)
                return {}
            family = _descendants(command.pid)
            whom = whom if family else "command"
            victim = command.pid if whom == "command" else int(rng.choice(family))
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            command.wait()
        outlived = _waited(family) if whom == "command" else []
        for process in outlived:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return {"kind": whom, "outlived": len(outlived)}

    def _resumed(self, folder: Path) -> Record:
        start, status = time.perf_counter(), None
        for _ in range(TRIES):
            status = _status(folder)
            if not status:
                break
        _require_end(status, folder)
        seconds = round(time.perf_counter() - start, 2)
        return {**leavings.compared(folder, self.whole), "seconds": seconds}


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command, with all its files in a folder; it ends with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = ["--results", str(folder / "results"), "--store", str(folder / "store")]
    with (folder / "said.txt").open("ab") as said:
        command = subprocess.Popen(
            [sys.executable, *COMMAND.split(), *paths],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        yield command
    finally:
        if command.poll() is None:
            os.killpg(command.pid, signal.SIGKILL)
            command.wait()


def _status(folder: Path) -> int:
    """Exit status of the command."""
    with _running(folder) as command:
        return command.wait()


def _descendants(process: int) -> list[int]:
    """Numbers of the processes that a process has started, and those have; empty where unknown."""
    found, waiting = [], [process]
    parents = _parents()
    while waiting:
        parent = waiting.pop()
        children = [child for child, (its, _) in parents.items() if its == parent]
        found += children
        waiting += children
    return found


def _parents() -> dict[int, tuple[int, str]]:
    """Number of the parent and state of every process."""
    found = {}
    for path in PROCESSES.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name of the program, in brackets, may hold anything.
            state, parent = path.read_text(errors="replace").rpartition(")")[2].split()[:2]
            found[int(path.parent.name)] = int(parent), state
    return found


def _waited(family: list[int]) -> list[int]:
    """Processes of a family that are there after some time; one that is not waited for is not."""
    end = time.monotonic() + PATIENCE
    while True:
        states = {process: state for process, (_, state) in _parents().items()}
        left = [each for each in family if states.get(each, "Z") not in "ZX"]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.2)


def _require_end(status: int | None, folder: Path) -> None:
    if status:
        said = (folder / "said.txt").read_text(errors="replace").strip().splitlines()
        raise RuntimeError(f"A run ended with {status}: {' | '.join(said[-3:])}")
