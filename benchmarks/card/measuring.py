"""Rows of the card's table, one by one, each written as soon as it is whole."""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from benchmarks import threads, timing
from benchmarks.card import ours
from benchmarks.card.rates import rates
from benchmarks.card.work import Cell
from benchmarks.peers import packages
from hfc_keras import checks, full_memory, per_backend
from hfc_keras.gradients import accelerators, half_precision
from hfc_keras.lab.record import versions
from hfc_keras.types import PathLike, Record

NAME = "gpu"
# The most telling first, since a run may be cut.
SHAPES = (("resnet18", 32), ("resnet50", 224), ("resnet50", 32), ("resnet18", 224))
BATCHES = {32: 1024, 224: 128}
MATRIX, COPIED = 8192, 2**28
REPEATS = 5
# What the rows of a table have in common.
ONE_RUN = ("devices", "card", "policy", "versions", "peers")
# For the trial: sides, batch, width of the networks, side of the matrices, numbers copied.
FAST_SHAPES, FAST_BATCH, FAST_WIDTH = (("resnet18", 8),), 4, 1 / 16
FAST_MATRIX, FAST_COPIED = 64, 2**10
KEYS = ["task", "network", "side"]
TORCH = ["torch_first_call", "torch_seconds", "torch_images_per_second", "torch_share", "ratio"]


def run(chosen: argparse.Namespace, folder: PathLike, arguments: Sequence[str] = ()) -> None:
    """Measure as many rows as the time allows.

    Args:
        chosen: what ``benchmarks.gpu.parsed`` returned.
        folder: str or Path.
        arguments: sequence of str, what the command was given.
    """
    deadline, folder = time.monotonic() + 60 * chosen.minutes, Path(folder)
    policy = "mixed_bfloat16" if half_precision.pays() else "float32"
    with_torch = not packages.missing(["torch"])
    if not with_torch:
        _say(f"{packages.remedy(['torch'])}. Without it the columns {', '.join(TORCH)} are empty.")
    about = {"processor": threads.processor(), "policy": policy, **_card()}
    about["peers"] = packages.versions()
    rows, limits = _kept(folder, about) if chosen.resume else ([], None)
    limits = limits or _limits(chosen.fast, policy, with_torch)
    about["rates"] = limits
    for cell in _left(chosen, rows):
        if time.monotonic() > deadline:
            _say(f"{cell.name} and what follows are left out: {chosen.minutes:g} minutes are over")
            break
        row = _row(cell, policy, limits, with_torch)
        if row:
            rows.append(row)
            timing.save(NAME, pd.DataFrame(rows), arguments, folder, **about)
            _say(", ".join(f"{name}={value}" for name, value in row.items()))
    _say(f"{len(rows)} rows in {folder / NAME}.csv")


def cells(chosen: argparse.Namespace) -> Iterator[Cell]:
    """Yield what is asked for, the most telling first.

    Args:
        chosen: what ``benchmarks.gpu.parsed`` returned.
    """
    for network, side in FAST_SHAPES if chosen.fast else SHAPES:
        for task in chosen.only:
            if chosen.fast:
                small = {"width": FAST_WIDTH, "waves": 1, "queries": 2, "compiled": False}
                yield Cell(task, network, side, chosen.batch or FAST_BATCH, **small)
            else:
                yield Cell(task, network, side, chosen.batch or BATCHES[side])


def _left(chosen: argparse.Namespace, rows: Sequence[Record]) -> Iterator[Cell]:
    """Cells that have no row yet."""
    done = {tuple(row[key] for key in KEYS) for row in rows}
    for cell in cells(chosen):
        if (cell.task, cell.network, cell.side) not in done:
            yield cell


def _kept(folder: Path, about: Record) -> tuple[list[Record], dict[str, float] | None]:
    """Rows of a run that was cut, and the card's rates in it; None where there was no such run."""
    path = folder / f"{NAME}.csv"
    if not path.is_file():
        return [], None
    record = path.with_suffix(".json")
    known = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    _require_same(known, {**about, "versions": versions()}, path)
    table = pd.read_csv(path)
    rows = table.itertuples(index=False, name=None)
    return [dict(zip(table.columns, row, strict=True)) for row in rows], known["rates"]


def _require_same(known: Record, now: Record, path: Path) -> None:
    """Refuse to go on with the rows of another card, policy or version."""
    other = [name for name in ONE_RUN if known.get(name) != now[name]]
    checks.require(
        not other and known.get("rates"),
        "`--resume` must go on with the card, the policy and the versions of the rows that are "
        "there; begin anew without it, or choose another --results",
        **{name: now[name] for name in other},
        **{f"{name}_there": known.get(name) for name in other},
        rows=str(path),
    )


def _limits(fast: bool, policy: str, with_torch: bool) -> dict[str, float]:
    dtype = keras.DTypePolicy(policy).compute_dtype
    sizes = (FAST_MATRIX, FAST_COPIED) if fast else (MATRIX, COPIED)
    return rates(*sizes, dtype, with_torch)


def _card() -> Record:
    """Devices, and the name of the card, as the backend knows it; without one the processor's."""
    name = accelerators.name() if per_backend.has_accelerator() else threads.processor()
    return {"devices": per_backend.devices(), "card": name}


def _row(cell: Cell, policy: str, limits: Mapping[str, float], with_torch: bool) -> Record | None:
    """Row of a cell, or None where the card's memory is too small for it."""
    try:
        return _measured(cell, policy, limits, with_torch)
    except Exception as error:
        if not full_memory.is_full(error):
            raise
        smaller = max(1, cell.batch // 2)
        advice = f"try --batch {smaller}" if cell.batch > 1 else "it does not fit at all"
        _say(f"{cell.name}: out of memory with {cell.batch} images at once, no row; {advice}")
        return None
    finally:
        _release(with_torch)


def _release(with_torch: bool) -> None:
    packages.forget_compiled()
    keras.utils.clear_session(free_memory=True)
    if with_torch:
        from benchmarks.card import by_hand

        by_hand.release()


def _measured(cell: Cell, policy: str, limits: Mapping[str, float], with_torch: bool) -> Record:
    ways: dict[str, Callable[[], object]] = {"hfc_keras": ours.work(cell, policy)}
    if with_torch:
        from benchmarks.card import by_hand

        other = by_hand.work(cell, policy)
        if other:
            ways["torch"] = other
    firsts = {name: timing.timed(way)[0] for name, way in ways.items()}
    seconds = timing.interleaved(ways, REPEATS, uncounted=0)
    row: Record = {**_about(cell), "policy": policy, "bound": cell.bound}
    for name in ("hfc_keras", "torch"):
        row.update(_columns(cell, name, firsts.get(name), seconds.get(name), limits))
    row["ratio"] = _rounded(seconds["hfc_keras"] / seconds.get("torch", np.nan))
    return row


def _about(cell: Cell) -> Record:
    values = dataclasses.asdict(cell)
    return {name: values[name] for name in (*KEYS, "batch", "width")}


def _columns(
    cell: Cell,
    name: str,
    first: float | None,
    seconds: float | None,
    limits: Mapping[str, float],
) -> Record:
    """Columns of a package; NaN where it has no such work."""
    spent = np.nan if seconds is None else seconds
    work: Any = {
        "matrix": lambda: cell.operations(ours.forward(cell)) / limits["matrix"],
        "copy": lambda: cell.bytes / limits["copy"],
        "": lambda: np.nan,
    }[cell.bound]()
    return {
        f"{name}_first_call": _rounded(np.nan if first is None else first),
        f"{name}_seconds": _rounded(spent),
        f"{name}_images_per_second": _rounded(cell.batch / spent),
        f"{name}_share": _rounded(work / spent),
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
