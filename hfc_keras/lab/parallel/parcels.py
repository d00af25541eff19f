"""A cell on its way to another process, and what that process refuses.

Imports no Keras at its top, see ``remote``.
"""

import functools
import os
import pickle
import platform
import sys
from pathlib import Path
from typing import Any, NamedTuple

from hfc_keras import checks
from hfc_keras.lab.parallel import loaded_code
from hfc_keras.lab.parallel.errors import UnfitWorkerError

# Read when the backend is imported, and decides the last digits.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
DATA_DIR = "TFDS_DATA_DIR"
# Versions that decide numbers, beside that of the backend in use.
PACKAGES = ("hfc_keras", "backend", "keras", "numpy", "scipy", "pandas", "cleverhans")


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
        code: dict, see ``loaded_code.digests``; empty for a process that was started for the run.
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
    code: dict[str, str | None]


def packed(name: str, cell: Any, word: str, own: bool = True) -> Parcel:
    """Pack a cell.

    Args:
        name: str, the experiment as ``discovery.load`` takes it.
        cell: runner.Cell.
        word: str, different for each parcel.
        own: bool, whether the process was started for this run, and so holds its code.

    Returns:
        Parcel.
    """
    module = Path(sys.modules[name].__file__ or "").absolute()
    return Parcel(
        name,
        pickle.dumps(cell),
        cell.key,
        fingerprint(cell),
        word,
        os.getcwd(),
        str(module.parents[name.count(".")]),
        os.environ.get(ONEDNN),
        os.environ.get(DATA_DIR),
        _versions(),
        {} if own else loaded_code.digests(name),
    )


def prepare(parcel: Parcel) -> None:
    """Choose the backend, unless it is imported already, and find the experiment's package.

    Args:
        parcel: Parcel.

    Raises:
        UnfitWorkerError: if the backend was imported under another environment.
    """
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
        raise unfit(f"be started with {wanted}, as this run was", **{ONEDNN: own})


def unpacked(parcel: Parcel) -> Any:
    """Cell of a parcel, if code and data are those of the run.

    Args:
        parcel: Parcel.

    Returns:
        runner.Cell.

    Raises:
        UnfitWorkerError: for other versions, code, data or settings.
    """
    own = _versions()
    for package, wanted in parcel.versions.items():
        if own[package] != wanted:
            raise unfit(f"have {package} {wanted} as this run", **{package: own[package]})
    try:
        cell = pickle.loads(parcel.cell)  # noqa: S301
    except (ImportError, AttributeError) as error:
        raise unfit(f"find the code of {parcel.name} ({error})", path=parcel.imports) from error
    changed = loaded_code.differing(parcel.code)
    if changed is not None:
        raise unfit(
            "have the code of this run, and be started again after it was changed", module=changed
        )
    try:
        data = fingerprint(cell)
    except ValueError as error:
        raise unfit(
            f"have the data of this run ({error})", path=os.environ.get(DATA_DIR)
        ) from error
    if data != parcel.data:
        raise unfit(f"have the data of this run, fingerprint {parcel.data}", fingerprint=data)
    if cell.key != parcel.key:
        raise unfit(f"measure what this run does, key {parcel.key}", key=cell.key)
    return cell


def fingerprint(cell: Any) -> str:
    """Fingerprint of a cell's data; empty for cells that measure tables of others.

    Args:
        cell: runner.Cell.

    Returns:
        str.
    """
    return cell.dataset().fingerprint if hasattr(cell, "dataset") else ""


@functools.cache
def _versions() -> dict[str, str | None]:
    """Versions that must be the same in all processes of a run."""
    from hfc_keras.lab import record

    found = record.versions()
    return {package: found[package] for package in (*PACKAGES, str(found["backend"]))}


def unfit(expected: str, **received: object) -> UnfitWorkerError:
    """Error in the grammar of all refusals, which names the worker.

    Args:
        expected: str, what workers must do.
        **received: what this one has instead.

    Returns:
        UnfitWorkerError.
    """
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
