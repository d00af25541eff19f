"""All growths in one run: points, exponents, figure."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import threads, timing
from benchmarks.growth import child, figure, fits, tasks
from hfc_keras import reporting
from hfc_keras.types import PathLike, Record

NAME = "growth"


def run(
    chosen: argparse.Namespace,
    repeats: int,
    cores: int,
    folder: PathLike,
    arguments: Sequence[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure every point; the tables are written after each measure and axis.

    Args:
        chosen: what the command line asks for: only, over, fast.
        repeats: int, calls of each point after the first.
        cores: int.
        folder: str or Path.
        arguments: sequence of str, what the command was given.

    Returns:
        (points, exponents): DataFrames, one row for each call and for each measure and axis.
    """
    growths = tasks.growths(chosen.only, chosen.over)
    asked = [tasks.few(each) for each in growths] if chosen.fast else growths
    points, exponents, folder = [], [], Path(folder)
    about = {"processor": threads.processor(), "threads": cores}
    for growth in asked:
        mine = [row for value in growth.values for row in _point(growth, value, repeats)]
        points += mine
        exponents.append(summary(growth, pd.DataFrame(mine)))
        timing.save(f"{NAME}_points", pd.DataFrame(points), arguments, folder, **about)
        timing.save(NAME, pd.DataFrame(exponents), arguments, folder, **about)
    tables = pd.DataFrame(points), pd.DataFrame(exponents)
    reporting.save_figure(figure.growth(*tables), folder / NAME)
    print(tables[1].to_string(index=False))
    print(f"\nwrote {folder / NAME}.csv, .json, .png, .svg and {NAME}_points.csv, .json")
    return tables


def _point(growth: tasks.Growth, value: int, repeats: int) -> list[Record]:
    """Rows of one size, one for each call."""
    found = child.measured(growth.measure, growth.sizes(value), repeats)
    about = {"measure": growth.measure, "axis": growth.axis, "value": value, "x": growth.x(value)}
    said = {"seconds": round(float(np.median(found["seconds"])), 4), "memory": found["memory"]}
    print(json.dumps({**about, **said}), file=sys.stderr, flush=True)
    shared = {"first_call": round(found["first_call"], 4), "memory_gb": found["memory"]}
    return [{**about, "seconds": round(each, 6), **shared} for each in found["seconds"]]


def summary(growth: tasks.Growth, points: pd.DataFrame) -> Record:
    """Exponents of a measure over an axis, and whether they are at most what they should be.

    Args:
        growth: Growth.
        points: DataFrame with the columns x, seconds, memory_gb.

    Returns:
        dict, a row of the table.
    """
    row: Record = {"measure": growth.measure, "axis": growth.axis}
    row["of"] = {"radii": "forward passes", "waves": "waves"}.get(growth.axis, growth.axis)
    row.update(smallest=min(growth.values), largest=max(growth.values))
    row.update(_columns("time", fits.exponent(points["x"], points["seconds"]), growth.time))
    once = points.drop_duplicates("x")
    if once["memory_gb"].notna().all():
        exponent = fits.memory_exponent(once["x"], once["memory_gb"])
        row.update(_columns("memory", exponent, growth.memory))
        row["largest_gb"] = round(float(once["memory_gb"].iloc[-1]), 3)
    return {**row, "reason": growth.reason}


def _columns(name: str, exponent: fits.Exponent, expected: float) -> Record:
    values = {"exponent": exponent.value, "low": exponent.low, "high": exponent.high}
    columns = {f"{name}_{key}": round(value, 2) for key, value in values.items()}
    verdict = exponent.verdict(expected)
    return {**columns, f"{name}_expected": expected, f"{name}_verdict": verdict}
