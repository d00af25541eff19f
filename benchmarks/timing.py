"""Timing that is robust on a shared machine, and its record."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from hfc_keras import files
from hfc_keras.lab.record import provenance
from hfc_keras.types import Record

RESULTS = Path("results/benchmarks")


def interleaved(
    functions: Mapping[str, Callable[[], object]], repeats: int = 7
) -> dict[str, float]:
    """Time functions in turn, so that drifts in machine speed affect all of them equally.

    Args:
        functions: dict from name to function of no argument.
        repeats: int, timed calls of each after one that is not counted.

    Returns:
        dict from name to the median seconds.
    """
    seconds = {name: [] for name in functions}
    for repeat in range(repeats + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if repeat:
                seconds[name].append(time.perf_counter() - start)
    return {name: float(pd.Series(times).median()) for name, times in seconds.items()}


def write(name: str, rows: Sequence[Record], arguments: Sequence[str] = ()) -> None:
    """Write a benchmark's table and record, and print the table.

    Args:
        name: str, name of the benchmark's module.
        rows: list of dict.
        arguments: sequence of str, what the command was given.
    """
    table = pd.DataFrame(rows)
    files.write_whole(RESULTS / f"{name}.csv", table.to_csv(index=False))
    command = " ".join(["python -m", f"benchmarks.{name}", *arguments])
    record = {"command": command, **provenance()}
    files.write_whole(RESULTS / f"{name}.json", json.dumps(record, indent=1))
    print(table.to_string(index=False))
    print(f"\nwrote {RESULTS / name}.csv and .json")
