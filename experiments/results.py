"""Table and record of an experiment on disk, cell by cell."""

import contextlib
import json

import filelock
import pandas as pd

from experiments.record import commit, peak_memory
from hfc_keras import checks, files, reporting

FIRST_COLUMNS = ["recipe", "seed", "epoch", "split", "component", "radius", "bn_statistics"]


class Results:
    """Rows of the cells that are done; a stopped run goes on from here, a wider one adds to it.

    Args:
        path: Path of the files without suffix.
        plan: runner.Plan, which knows the cell of each recipe and seed.

    Raises:
        ValueError: if the files are damaged or hold cells made with other settings.
    """

    def __init__(self, path, plan):
        self.path, self.plan = path, plan
        self.rows, self.cells, self.peak_memory = {}, {}, 0.0
        if not plan.settings.fresh:
            self._load()

    @contextlib.contextmanager
    def lock(self):
        """Refuse a second run into the same files."""
        lock = filelock.FileLock(self.path.with_name(f".{self.path.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise files.NotWritableError(
                f"`results` must not be in use by another run. Received: results={self.path}"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def add(self, cell, rows, seconds):
        """Take in the rows of a cell that has been measured."""
        rows = rows.assign(recipe=cell.name, seed=cell.recipe.seed)
        others = rows.columns.difference(FIRST_COLUMNS, sort=False)
        self.rows[cell.label] = rows[[*FIRST_COLUMNS, *others]]
        self.cells[cell.label] = {
            "key": cell.key,
            "recipe": cell.recipe.to_dict(),
            "seconds": round(seconds, 1),
            "commit": commit(),
        }

    def table(self):
        """Return all rows, ordered by seed and then as the experiment orders its recipes."""
        names = list(self.plan.recipes)
        cells = sorted(
            map(self.plan.labelled, self.rows),
            key=lambda cell: (cell.recipe.seed, names.index(cell.name)),
        )
        tables = [self.rows[cell.label] for cell in cells]
        return reporting.unique_rows(pd.concat(tables, ignore_index=True))

    def write(self, record):
        """Write the table and then the record, which alone says that a cell is in the table."""
        files.write_whole(self.path.with_suffix(".csv"), self.table().to_csv(index=False))
        self.peak_memory = max(self.peak_memory, peak_memory() or 0.0)
        content = {**record, "peak_memory_gb": self.peak_memory, "cells": self.cells}
        files.write_whole(self.path.with_suffix(".json"), json.dumps(content, indent=1))

    def _load(self):
        table, record = self.path.with_suffix(".csv"), self.path.with_suffix(".json")
        if not (table.exists() and record.exists()):
            return
        rows, content = reporting.read_table(table, FIRST_COLUMNS), _read_record(record)
        cells, self.peak_memory = content["cells"], content["peak_memory_gb"]
        found = {label: self.plan.labelled(label) for label in cells}
        others = [
            label
            for label, cell in found.items()
            if cell is None or cell.key != cells[label]["key"]
        ]
        checks.require(
            not others,
            f"`results` must not hold cells of other settings or another version ({others}); "
            "choose another folder with --results, or replace them with --fresh",
            results=str(self.path),
        )
        for label, cell in found.items():
            own = rows[(rows["recipe"] == cell.name) & (rows["seed"] == cell.recipe.seed)]
            if len(own):
                self.rows[label], self.cells[label] = own, cells[label]


def _read_record(path):
    """Record of an earlier run."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        whole = all("key" in entry for entry in content["cells"].values())
        whole = whole and content["peak_memory_gb"] >= 0
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    checks.require(
        whole,
        "A record must be whole JSON with its cells; move it away or use --fresh",
        path=str(path),
    )
    return content
