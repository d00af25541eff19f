"""Workers of a scheduler that somebody else has started, on this machine or on many."""

import contextlib
import json
import pkgutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent import futures
from pathlib import Path
from typing import Any

import hfc_keras
from hfc_keras import checks, files
from hfc_keras.error_texts import reason
from hfc_keras.lab import console
from hfc_keras.lab.parallel import crew, remote
from hfc_keras.lab.parallel.crew import Crew, Sent
from hfc_keras.lab.parallel.errors import LostSchedulerError, UnfitWorkerError
from hfc_keras.types import PathLike, Record

# Seconds that Dask's own deadline, which says more, may be late.
GRACE = 1.0


class ScheduledCrew(Crew):
    """Workers that come and go as a scheduler has them.

    Args:
        address: str, such as ``"tcp://10.0.0.1:8786"``.
        say: function of a line, for what the user should know.

    Raises:
        LostSchedulerError: if nothing answers there.
    """

    offers = True

    def __init__(self, address: str, say: Callable[[str], object] = console.say) -> None:
        super().__init__()
        self.address, self.say = address, say
        self.stores: set[Path] = set()
        self.admitted: set[str] = set()
        self.paused: set[str] = set()
        self.there: set[str] = set()
        self.unfit: dict[str, UnfitWorkerError] = {}
        self.told: set[str] = set()
        self._connect()

    @property
    def size(self) -> int:
        """Workers there are now that may measure, at least 1."""
        return max(1, len(self._workers().keys() - self.unfit.keys()))

    def start(self, stores: Iterable[PathLike], most: int) -> None:
        """Have workers prove that they share these folders before they are sent anything."""
        found = {Path(store).absolute() for store in stores}
        if not found <= self.stores:
            self.stores, self.admitted = found | self.stores, set()

    def idle(self, busy: Iterable[Sent]) -> tuple[dict[str, Record], list[Sent]]:
        """Tell who can measure a cell now, and what was lost, see ``Crew.idle``.

        Of each worker that would measure something else it is said once; none is sent a cell.

        Raises:
            UnfitWorkerError: if all of them would.
        """
        answer = super().idle(busy)
        if self.there and self.there <= self.unfit.keys():
            raise next(iter(self.unfit.values()))
        for address in self.unfit.keys() - self.told:
            self.say(f"A worker is left out. {self.unfit[address]}")
        self.told = {*self.unfit}
        return answer

    def turn_away(self, address: str, error: UnfitWorkerError) -> None:
        """Send a worker nothing more, as long as it is there."""
        self.unfit[address] = error

    def close(self, busy: Iterable[Sent] = ()) -> None:
        """Leave the workers; what they measure for this run ends."""
        for sent in busy:
            with contextlib.suppress(OSError, LostSchedulerError), self._answering():
                self.client.run(remote.stop, sent.word, workers=[sent.address], on_error="return")
        super().close()

    def _connect(self) -> None:
        import distributed

        client = distributed.Client.__new__(distributed.Client)
        told = {"timeout": crew.CONNECT, "set_as_default": False, "name": "hfc_keras"}
        try:
            _within(crew.CONNECT + GRACE, lambda: client.__init__(self.address, **told))
        # Each kind of address has errors of its own.
        except BaseException as error:
            # Else Dask waits once more for an answer, when the client is collected.
            client.status = "closed"
            if not isinstance(error, Exception):
                raise
            raise LostSchedulerError(
                f"`scheduler` must be the address of a Dask scheduler that answers within "
                f"{crew.CONNECT:g} seconds ({type(error).__name__}: {reason(error)}); nothing was "
                f"started. Received: scheduler={self.address!r}"
            ) from error
        self._client = client

    def _workers(self) -> dict[str, Record]:
        """What is known of each worker, by address; says once which of them take no cells."""
        found = super()._workers()
        paused = {address for address in found if found[address].get("status") == "paused"}
        for address in sorted(paused - self.paused):
            self.say(
                f"Dask has paused the worker {address}, whose memory is nearly full: it takes no "
                "cells. Start it again, or with a larger --memory-limit."
            )
        self.paused |= paused
        # Another one may come by the address of one that has left.
        self.there = set(found)
        self.admitted.intersection_update(found)
        self.unfit = {address: self.unfit[address] for address in self.unfit.keys() & self.there}
        return found

    def _admitted(self, free: dict[str, Record]) -> dict[str, Record]:
        """Leave out workers that would measure something else; each is asked once."""
        asked = [address for address in free if address not in self.admitted | self.unfit.keys()]
        if asked:
            asked = self._check_package(asked)
        for store in sorted(self.stores) if asked else ():
            asked = self._check_shared(store, asked)
        self.admitted |= set(asked)
        fit = self.admitted - self.unfit.keys()
        return {address: free[address] for address in free if address in fit}

    def _check_package(self, asked: list[str]) -> list[str]:
        """Leave out workers with another version of this package, or without it."""
        # A function of Python's own: the worker need not have any other.
        answers = self._ran(pkgutil.resolve_name, "hfc_keras:__version__", asked)
        for address, found in answers.items():
            if found != hfc_keras.__version__:
                expected = f"have hfc_keras {hfc_keras.__version__} as this run"
                self.turn_away(address, _unfit(expected, worker=address, hfc_keras=found))
        return [address for address in answers if address not in self.unfit]

    def _check_shared(self, store: Path, asked: list[str]) -> list[str]:
        """Leave out workers that do not see the store; say so where they do not see its locks."""
        with tempfile.NamedTemporaryFile(dir=store, prefix=".shared.", suffix=".tmp") as file:
            with files.locked(file.name, wait=False, name="store"):
                answers = self._ran(remote.sight, file.name, asked)
        for address, answer in answers.items():
            if isinstance(answer, Exception):
                expected = "have the code of this run, and be started again after it was changed"
                self.turn_away(address, _unfit(expected, worker=address, sight=answer))
                continue
            host, seen = answer
            if seen == "absent":
                expected = f"see the store of this run in the same place, {store}"
                self.turn_away(address, _unfit(expected, worker=f"{address} on {host}"))
            if seen == "unlocked":
                self.say(
                    f"The file system of {store} has no locks that hold on {host}, too: let no "
                    "other run use this store as long as this one is at work."
                )
        return [address for address in answers if address not in self.unfit]

    def _ran(self, function: Callable[[str], object], argument: str, asked: list[str]) -> Record:
        """What a function returns on each worker that is still there."""
        with self._answering():
            found: Any = self.client.run(function, argument, workers=asked, on_error="return")
        return {address: each for address, each in found.items() if not isinstance(each, OSError)}


def address_in(path: Path) -> str:
    """Address of a scheduler in the file that it wrote, which may be just starting.

    Args:
        path: Path.

    Returns:
        str.

    Raises:
        UnusableFileError: if it is no such file.
    """
    until = time.monotonic() + crew.CONNECT
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.1)
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise files.UnusableFileError(
            "`scheduler_file` must be the file that `dask scheduler --scheduler-file FILE` wrote "
            f"({type(error).__name__}). Received: scheduler_file={str(path)!r}"
        ) from error


def _within(seconds: float, function: Callable[[], object]) -> None:
    """Call a function, which Dask may keep for ever where something accepts and is silent.

    A signal ends the waiting, and what still waits ends with the process.
    """
    done: futures.Future[object] = futures.Future()

    def call() -> None:
        try:
            done.set_result(function())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    try:
        done.result(seconds)
    except TimeoutError as error:
        raise TimeoutError(str(error) or "no answer") from error


def _unfit(expected: str, **received: object) -> UnfitWorkerError:
    try:
        checks.require(False, f"Workers must {expected}", **received)
    except ValueError as error:
        return UnfitWorkerError(str(error))
