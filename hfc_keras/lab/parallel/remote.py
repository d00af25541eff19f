"""What another process is sent, does and gives back.

Imports no Keras at its top: what a process reads of its environment must be set before.
"""

import contextlib
import ctypes
import functools
import importlib
import io
import os
import pickle
import platform
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hfc_keras import checks, files
from hfc_keras.error_texts import reason
from hfc_keras.lab.parallel.errors import CellError, UnfitWorkerError

if TYPE_CHECKING:
    from hfc_keras.lab.runner import Measured

# Read when the backend is imported, and decides the last digits.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
DATA_DIR = "TFDS_DATA_DIR"
# Versions that decide numbers, beside that of the backend in use.
PACKAGES = ("hfc_keras", "backend", "keras", "numpy", "scipy", "pandas", "cleverhans")
# Errors that the run tells apart.
KNOWN = (UnfitWorkerError, files.UnusableFileError, FloatingPointError, MemoryError, CellError)
# Threads that measure, by the word of their parcel.
_AT_WORK: dict[str, int] = {}
_WORK = threading.Lock()


class _Stopped(BaseException):
    """Ends what a thread measures."""


class Parcel(NamedTuple):
    """A cell on its way to another process, with what must be the same there.

    Attributes:
        name: str, the experiment as ``discovery.load`` takes it.
        cell: bytes, the pickled cell.
        key: str, ``cell.key``.
        data: str, fingerprint of the data set; empty if the cell has none.
        word: str, by which ``stop`` finds it.
        folder: str, current folder, where relative paths begin.
        imports: str, folder that holds the experiment's package.
        onednn: str or None, the variable ONEDNN.
        data_dir: str or None, the variable DATA_DIR, for a worker that has none of its own.
        versions: dict from package to version, and from ``"backend"`` to its name.
    """

    name: str
    cell: bytes
    key: str
    data: str
    word: str
    folder: str
    imports: str
    onednn: str | None
    data_dir: str | None
    versions: dict[str, str | None]


class Answer(NamedTuple):
    """What became of a cell: what was measured, or the error; neither if it was stopped."""

    measured: "Measured | None" = None
    error: Exception | None = None


def packed(name: str, cell: Any, word: str) -> Parcel:
    """Pack a cell.

    Args:
        name: str, the experiment as ``discovery.load`` takes it.
        cell: runner.Cell.
        word: str, different for each parcel.

    Returns:
        Parcel.
    """
    module = Path(sys.modules[name].__file__ or "").absolute()
    return Parcel(
        name,
        pickle.dumps(cell),
        cell.key,
        _fingerprint(cell),
        word,
        os.getcwd(),
        str(module.parents[name.count(".")]),
        os.environ.get(ONEDNN),
        os.environ.get(DATA_DIR),
        _versions(),
    )


def answered(parcel: Parcel) -> Answer:
    """Measure the cell of a parcel, without a word on the terminal.

    Args:
        parcel: Parcel.

    Returns:
        Answer, also for what was refused: not every exception can be pickled.
    """
    try:
        with _stoppable(parcel.word), _in_folder(parcel.folder):
            _set_environment(parcel)
            cell = _unpacked(parcel)
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
def _in_folder(folder: str) -> Iterator[None]:
    """Have relative paths begin in a folder while a block runs."""
    try:
        entered = contextlib.chdir(folder)
        entered.__enter__()
    except OSError as error:
        raise _unfit("see the current folder of this run", folder=folder) from error
    try:
        yield
    finally:
        entered.__exit__(None, None, None)


def _set_environment(parcel: Parcel) -> None:
    """Choose the backend, unless it is imported already, and find the experiment's package."""
    if parcel.imports not in sys.path:
        sys.path.append(parcel.imports)
    if parcel.data_dir is not None:
        os.environ.setdefault(DATA_DIR, parcel.data_dir)
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = str(parcel.versions["backend"])
        os.environ.pop(ONEDNN, None)
        os.environ |= {} if parcel.onednn is None else {ONEDNN: parcel.onednn}
    own = os.environ.get(ONEDNN)
    if own != parcel.onednn:
        wanted = f"{ONEDNN}={parcel.onednn}" if parcel.onednn else f"no {ONEDNN}"
        raise _unfit(f"be started with {wanted}, as this run was", **{ONEDNN: own})


def _unpacked(parcel: Parcel) -> Any:
    """Cell of a parcel, if code and data are those of the run."""
    own = _versions()
    for package, wanted in parcel.versions.items():
        if own[package] != wanted:
            raise _unfit(f"have {package} {wanted} as this run", **{package: own[package]})
    try:
        cell = pickle.loads(parcel.cell)  # noqa: S301
    except (ImportError, AttributeError) as error:
        raise _unfit(f"find the code of {parcel.name} ({error})", path=parcel.imports) from error
    try:
        data = _fingerprint(cell)
    except ValueError as error:
        raise _unfit(
            f"have the data of this run ({error})", path=os.environ.get(DATA_DIR)
        ) from error
    if data != parcel.data:
        raise _unfit(f"have the data of this run, fingerprint {parcel.data}", fingerprint=data)
    if cell.key != parcel.key:
        raise _unfit(f"measure what this run does, key {parcel.key}", key=cell.key)
    return cell


def _fingerprint(cell: Any) -> str:
    """Fingerprint of a cell's data; empty for cells that measure tables of others."""
    return cell.dataset().fingerprint if hasattr(cell, "dataset") else ""


@functools.cache
def _versions() -> dict[str, str | None]:
    """Versions that must be the same in all processes of a run."""
    from hfc_keras.lab import record

    found = record.versions()
    return {package: found[package] for package in (*PACKAGES, str(found["backend"]))}


def _unfit(expected: str, **received: object) -> UnfitWorkerError:
    """Error in the grammar of all refusals, which names the worker."""
    try:
        checks.require(False, f"Workers must {expected}", worker=_address(), **received)
    except ValueError as error:
        return UnfitWorkerError(str(error))


def _address() -> str:
    """Machine and, on a worker of a scheduler, its address."""
    from distributed import get_worker

    try:
        return f"{get_worker().address} on {platform.node()}"
    except ValueError:
        return platform.node()


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
    said = f"{type(error).__name__}: {reason(error)}"
    return CellError("\n".join([said, *traceback.format_exception(error)]))
