"""What another process does with a cell that it is sent, and gives back.

Imports no Keras at its top: what a process reads of its environment must be set before.
"""

import contextlib
import ctypes
import importlib
import io
import os
import pickle
import platform
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hfc_keras import files
from hfc_keras.lab import failed_cells
from hfc_keras.lab.parallel import parcels
from hfc_keras.lab.parallel.errors import CellError, UnfitWorkerError

if TYPE_CHECKING:
    from hfc_keras.lab.runner import Measured

# Errors that the run tells apart.
KNOWN = (UnfitWorkerError, files.UnusableFileError, *failed_cells.KNOWN, CellError)
# Threads that measure, by the word of their parcel.
_AT_WORK: dict[str, int] = {}
_WORK = threading.Lock()
# Held by the one that does.
_ALONE = threading.RLock()


class _Stopped(BaseException):
    """Ends what a thread measures."""


class Answer(NamedTuple):
    """What became of a cell: what was measured, or the error; neither if it was stopped."""

    measured: "Measured | None" = None
    error: Exception | None = None


def answered(parcel: parcels.Parcel) -> Answer:
    """Measure the cell of a parcel, without a word on the terminal.

    Args:
        parcel: parcels.Parcel.

    Returns:
        Answer, also for what was refused: not every exception can be pickled.
    """
    try:
        with _stoppable(parcel.word), _alone(), _in_folder(parcel.folder):
            parcels.prepare(parcel)
            cell = parcels.unpacked(parcel)
            return Answer(measure(parcel.name, cell))
    except _Stopped:
        return Answer()
    except Exception as error:
        return Answer(error=_sendable(error))


def measure(name: str, cell: Any) -> "Measured":
    """Train and measure a cell of an experiment, without a word on the terminal.

    Args:
        name: str, see ``discovery.load``.
        cell: runner.Cell.

    Returns:
        runner.Measured.

    Raises:
        FloatingPointError: if the training diverged.
        NonFiniteLogitsError: if it did so in the logits alone.
        MemoryError: if the memory is too small.
        UnusableFileError: if a file cannot be used.
        CellError: for any other error, since not every exception can be pickled.
    """
    from hfc_keras.lab import discovery, runner

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return runner.measure(discovery.load(name), cell)
    except Exception as error:
        raise _sendable(error) from None


def ready() -> int:
    """Import what measuring takes; return the process's number."""
    importlib.import_module("hfc_keras.lab.runner")
    return os.getpid()


def stop(word: str) -> bool:
    """End what a thread of this process measures, as soon as it is back in Python.

    Args:
        word: str, that of its parcel.

    Returns:
        bool, whether it was found.
    """
    with _WORK:
        thread = _AT_WORK.get(word)
        if thread is not None:
            stopped = ctypes.py_object(_Stopped)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), stopped)
    return thread is not None


def sight(path: str) -> tuple[str, str]:
    """Tell whether this process sees a file and the lock that another one holds on it.

    Args:
        path: str.

    Returns:
        ``(host, seen)``: name of the machine, and ``"locked"``, ``"unlocked"`` or ``"absent"``.
    """
    host, target = platform.node(), Path(path)
    if not target.exists():
        return host, "absent"
    try:
        with files.locked(target, wait=False):
            return host, "unlocked"
    except files.UnusableFileError as error:
        return host, "locked" if "another process" in str(error) else "unlocked"


@contextlib.contextmanager
def _stoppable(word: str) -> Iterator[None]:
    """Let ``stop`` end a block."""
    with _WORK:
        _AT_WORK[word] = threading.get_ident()
    try:
        yield
    finally:
        with _WORK:
            del _AT_WORK[word]


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Have one thread measure: the current folder and stdout are those of the process.

    A worker of several threads, or one that two runs share, is sent several cells.
    """
    try:
        # Between two tries it is back in Python, where it can be stopped.
        while not _ALONE.acquire(timeout=1.0):
            pass
        yield
    finally:
        with contextlib.suppress(RuntimeError):
            _ALONE.release()


@contextlib.contextmanager
def _in_folder(folder: str) -> Iterator[None]:
    """Have relative paths begin in a folder while a block runs."""
    try:
        entered = contextlib.chdir(folder)
        entered.__enter__()
    except OSError as error:
        raise parcels.unfit("see the current folder of this run", folder=folder) from error
    try:
        yield
    finally:
        entered.__exit__(None, None, None)


def _sendable(error: Exception) -> Exception:
    """The same error where later code tells it apart, else its traceback."""
    for known in KNOWN:
        if isinstance(error, known):
            try:
                pickle.loads(pickle.dumps(error))  # noqa: S301
            # Not every exception can be made again from what it was made of.
            except Exception:
                return known(str(error))
            return error
    return CellError.of(error)
