"""Timing that is robust on a shared machine, and its record."""

import importlib.util
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from hfc_keras import files
from hfc_keras.lab.record import provenance
from hfc_keras.types import PathLike, Record

T = TypeVar("T")
RESULTS = Path("results/benchmarks")


def interleaved(
    functions: Mapping[str, Callable[[], object]], repeats: int = 7, uncounted: int = 1
) -> dict[str, float]:
    """Time functions in turn, so that drifts in machine speed affect all of them equally.

    Args:
        functions: dict from name to function of no argument.
        repeats: int, timed calls of each.
        uncounted: int, calls of each before that; 0 where all were called already.

    Returns:
        dict from name to the median seconds.
    """
    seconds = {name: [] for name in functions}
    for repeat in range(uncounted + repeats):
        for name, function in functions.items():
            spent, _ = timed(function)
            if repeat >= uncounted:
                seconds[name].append(spent)
    return {name: float(pd.Series(times).median()) for name, times in seconds.items()}


def timed(function: Callable[[], T]) -> tuple[float, T]:
    """Call a function once.

    Args:
        function: function of no argument.

    Returns:
        (seconds, what it returned).
    """
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def write(
    name: str, rows: Sequence[Record], arguments: Sequence[str] = (), **circumstances: Any
) -> None:
    """Write a benchmark's table and record, and print the table.

    Args:
        name: str, name of the benchmark's module.
        rows: list of dict.
        arguments: sequence of str, what the command was given.
        **circumstances: what else the record is to say.
    """
    table = pd.DataFrame(rows)
    save(name, table, arguments, None, **circumstances)
    print(table.to_string(index=False))
    print(f"\nwrote {RESULTS / name}.csv and .json")


def save(
    name: str,
    table: pd.DataFrame,
    arguments: Sequence[str] = (),
    folder: PathLike | None = None,
    **circumstances: Any,
) -> None:
    """Write a benchmark's table and record, each whole.

    Args:
        name: str, name of the benchmark's module, of a second table with ``_`` and more.
        table: DataFrame.
        arguments: sequence of str, what the command was given.
        folder: str, Path or None, where; None is ``RESULTS``.
        **circumstances: what else the record is to say.
    """
    folder = Path(RESULTS if folder is None else folder)
    files.write_whole(folder / f"{name}.csv", table.to_csv(index=False))
    module = name if _is_module(name) else name.rpartition("_")[0]
    command = " ".join(["python -m", f"benchmarks.{module}", *arguments])
    record = {"command": command, **provenance(), **circumstances}
    files.write_whole(folder / f"{name}.json", json.dumps(record, indent=1))


def _is_module(name: str) -> bool:
    return importlib.util.find_spec(f"benchmarks.{name}") is not None
