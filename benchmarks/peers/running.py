"""The comparisons of each task in one run, with their table, record and figure."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from benchmarks import threads, timing
from benchmarks.peers import figure, packages
from benchmarks.peers.options import Options
from hfc_keras import reporting
from hfc_keras.types import PathLike, Record

MODULES = {
    "pgd": "pgd",
    "standard": "standard",
    "filters": "filters",
    "sensitivity": "sensitivity",
    "training": "steps",
    "profile": "profile",
}
NAME = "peers"


def run(
    tasks: Sequence[str], options: Options, folder: PathLike, arguments: Sequence[str] = ()
) -> pd.DataFrame:
    """Measure; the table of a task is written after every comparison, so that a cut run keeps it.

    Args:
        tasks: sequence of str, keys of ``MODULES``.
        options: Options.
        folder: str or Path.
        arguments: sequence of str, what the command was given.

    Returns:
        DataFrame, one row for each task, network and way.
    """
    folder, tables = Path(folder), []
    machine = {
        "processor": threads.processor(),
        "threads": options.threads,
        "peers": packages.versions(),
    }
    for task in tasks:
        rows, name = [], f"{NAME}_{task}"
        for more in _parts(task, options):
            rows += more
            timing.save(name, pd.DataFrame(rows), arguments, folder, **machine)
        tables.append(pd.DataFrame(rows))
        print(tables[-1].drop(columns=["measure", "repeats"]).to_string(index=False))
        paths = [folder / f"{name}.csv", folder / f"{name}.json"]
        if tables[-1]["seconds"].notna().any():
            paths += reporting.save_figure(figure.peers(tables[-1]), folder / name)
        print("\nwrote", *paths, "\n")
    return pd.concat(tables, ignore_index=True)


def _parts(task: str, options: Options) -> Iterator[list[Record]]:
    """Rows of each comparison of a task, as they come."""
    module = importlib.import_module(f"benchmarks.peers.{MODULES[task]}")
    for comparison in module.comparisons(options):
        about = f"{comparison.task}, {comparison.network}: {comparison.examples} images, "
        print(f"{about}{comparison.repeats} repeats", file=sys.stderr, flush=True)
        yield comparison.rows()
        packages.forget_compiled()
    if task == "training":
        yield module.fit_rows(options)
