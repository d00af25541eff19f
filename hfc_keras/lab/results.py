"""Table and record of an experiment on disk, cell by cell."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hfc_keras import checks, files, records, reporting
from hfc_keras.lab import console, failed_cells, measured_rows
from hfc_keras.lab.plan import Plan
from hfc_keras.lab.record import provenance
from hfc_keras.reporting.rows import unique_rows
from hfc_keras.reporting.table_files import checksums
from hfc_keras.types import Record


class Results:
    """Rows of the cells that are done; a stopped run goes on from here, a wider one adds to it.

    Args:
        path: Path of the files without suffix.
        plan: runner.Plan, which knows the cell of each recipe and seed.
        command: str, the command of this run, for the record.
        keys: list of str, the columns that name a measurement.
    """

    def __init__(self, path: Path, plan: Plan, command: str, keys: Sequence[str]) -> None:
        self.path, self.plan, self.command, self.keys = path, plan, command, keys
        self.rows, self.cells, self.runs, self.added = {}, {}, [], []
        self.loaded, self.peak_memory = None, None
        self.failed: dict[str, Record] = {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Read what is there and refuse a second run into the same files.

        Raises:
            UnusableFileError: if the files are in use or damaged, or hold cells made with other
                settings or data.
        """
        lock = self.path.with_name(f".{self.path.name}.lock")
        with files.locked(lock, wait=False, name="results"):
            files.sweep(self.path.parent)
            self.read()
            yield

    def read(self) -> None:
        """Read what earlier runs left.

        Raises:
            UnusableFileError: if the files are damaged, or hold cells made with other settings or
                data, or of another profile.
        """
        try:
            if not self.plan.settings.fresh:
                self.failed = failed_cells.read(failed_cells.path_of(self.path))
                self._load()
        except ValueError as error:
            raise files.UnusableFileError(*error.args) from error

    def add(self, cell: Any, rows: Any, seconds: float, peak_memory: float | None = None) -> None:
        """Take in the rows of a cell that has been measured, and write table and record.

        Args:
            cell: runner.Cell.
            rows: DataFrame that ``measure`` returned; anything else is refused.
            seconds: float, time that took.
            peak_memory: float or None, GB, of the process that measured.

        Raises:
            UnusableRowsError: if the rows are not what a table can hold, or a measurement stands in
                them twice; nothing is taken in then.
            UnusableFileError: if earlier rows have other columns, or a file cannot be written.
        """
        rows = measured_rows.of_cell(self.path.name, cell, self.keys, rows)
        self._check_columns(cell, rows)
        text = self._joined({**self.rows, cell.label: rows}).to_csv(index=False)
        measured_rows.check(self.path.name, cell.label, self.keys, text)
        self.rows[cell.label] = rows
        self.cells[cell.label] = {
            "key": cell.key,
            **cell.made(),
            "seconds": round(seconds, 1),
            "rows": len(rows),
        }
        self.peak_memory = max(filter(None, (self.peak_memory, peak_memory)), default=None)
        self.added.append(cell.label)
        # A stop between the two leaves no cell that is measured and failed.
        self._note(cell.label, None)
        self._write()

    def fail(self, cell: Any, error: Exception) -> None:
        """Note that a cell gave no rows, in a table beside that of the results.

        The cell is tried again by the next run, and the note goes when it is measured.

        Args:
            cell: runner.Cell.
            error: Exception that ended it.

        Raises:
            UnusableFileError: if the file cannot be written.
        """
        self._note(cell.label, failed_cells.row(cell, error))

    def table(self) -> pd.DataFrame:
        """Return all rows, ordered by seed and then as the experiment orders its recipes."""
        return unique_rows(self._joined(self.rows), self.keys)

    def _joined(self, rows: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """Rows of some cells in that order."""
        names = list(self.plan.recipes)
        cells = sorted(
            map(self.plan.labelled, rows),
            key=lambda cell: (cell.seed, names.index(cell.name)),
        )
        return pd.concat([rows[cell.label] for cell in cells], ignore_index=True)

    def _check_columns(self, cell: Any, rows: pd.DataFrame) -> None:
        """Refuse to mix rows of one recipe that another version measured in other columns."""
        if self.loaded is None:
            return
        before = self.loaded[self.loaded["recipe"] == cell.name]
        filled = set(before.columns[before.notna().any()])
        if len(before) and not filled <= set(rows.columns) <= set(before.columns):
            raise files.UnusableFileError(
                "`results` must hold the columns that are measured now "
                f"({', '.join(rows.columns)}); choose another folder with --results, or replace "
                f"them with --fresh. Received: columns={list(before.columns)}"
            )

    def _write(self) -> None:
        """Write the table and then the record, which alone says that a cell is in the table."""
        path = self.path.with_suffix(".json")
        if not path.exists():
            # A stop between the two files leaves no table without a record.
            files.write_whole(path, json.dumps({"runs": [], "cells": {}}))
        table = self.table()
        text = table.to_csv(index=False)
        files.write_whole(self.path.with_suffix(".csv"), text)
        # Cells of earlier versions get their checksums with the first cell that is added.
        for label, checksum in checksums(text).items():
            self.cells[label] = {**self.cells[label], records.SEAL: checksum}
        memory = {"peak_memory_gb": self.peak_memory} if self.peak_memory else {}
        this_run = {"command": self.command, **provenance(), **memory, "cells": self.added}
        record = {
            **self.plan.described(),
            "seeds": sorted({self.plan.labelled(label).seed for label in self.rows}),
            "runs": [*self.runs, this_run],
            "columns": list(table.columns),
            "cells": self.cells,
        }
        files.write_whole(path, json.dumps(records.sealed(record), indent=1))

    def _note(self, label: str, row: Record | None) -> None:
        """Replace what is noted of a cell that failed."""
        before = self.failed.pop(label, None)
        if row is not None:
            self.failed[label] = row
        if row != before or self.plan.settings.fresh:
            failed_cells.write(failed_cells.path_of(self.path), self.failed)

    def _load(self) -> None:
        table, record = self.path.with_suffix(".csv"), self.path.with_suffix(".json")
        if record.exists() and not _read_record(record)["cells"]:
            return
        checks.require(
            table.exists() == record.exists(),
            f"{table.name} and {record.name} must be there together; bring the other one back, or "
            "replace both with --fresh",
            results=str(self.path),
        )
        if not table.exists():
            return
        content = _read_record(record)
        _check_profile(record, content, self.plan.settings.profile)
        rows = reporting.read_table(table, self.keys, lost_rows=True, torn=True)
        cells, self.runs = content["cells"], content["runs"]
        found = {label: self.plan.labelled(label) for label in cells}
        others = [
            label
            for label, cell in found.items()
            if cell is None or cell.key != cells[label]["key"]
        ]
        if others:
            differing = _differing(cells[others[0]], found[others[0]], content, self.plan)
            checks.require(
                False,
                f"`results` must not hold cells of other settings, data or version ({others}: "
                f"{differing}); choose another folder with --results, or replace them with --fresh",
                results=str(self.path),
            )
        for label, cell in found.items():
            own = rows[(rows["recipe"] == cell.name) & (rows["seed"] == cell.seed)]
            if len(own) == cells[label]["rows"]:
                self.rows[label], self.cells[label] = own, cells[label]
            else:
                lost = f"{table} has {len(own)} of the {cells[label]['rows']} rows of {label}"
                console.say(f"damaged: {lost}; it is measured again", error=True)
        self.loaded = rows


# What a record says of a cell beside what it was made with.
RESULT = ("key", "seconds", "rows", "training_seconds", records.SEAL)


def _differing(before: Record, cell: Any, content: Record, plan: Plan) -> str:
    """In what a cell is not the one of a record, as far as that says."""
    if cell is None:
        return "no recipe has this name"
    made = _changes(_made_with(before), _made_with(cell.made()))
    changed = made or _changes(content.get("settings") or {}, plan.described()["settings"])
    words = ", ".join(f"{name} {then}, now {now}" for name, (then, now) in changed.items())
    return words or "other data, or another version of the measures"


def _made_with(entry: Record) -> Record:
    """What a cell was made with by name, the fields of its recipe or network among it."""
    flat = {}
    for name, value in entry.items():
        if name not in RESULT:
            flat |= value if name in ("recipe", "network") else {name: value}
    return flat


def _changes(before: Record, now: Record) -> dict[str, tuple[str, str]]:
    """Values by name that differ once they are JSON; what is absent has its default."""
    sides = [json.loads(json.dumps(side, default=str)) for side in (before, now)]
    pairs = {
        name: tuple(json.dumps(side[name]) if name in side else "default" for side in sides)
        for name in {**sides[0], **sides[1]}
    }
    return {name: (then, later) for name, (then, later) in pairs.items() if then != later}


def _check_profile(path: Path, content: Record, profile: str) -> None:
    """Refuse a table of another profile, whatever the folder's name says."""
    made = (content.get("settings") or {}).get("profile", profile)
    checks.require(
        made == profile,
        f"`results` must hold tables of one profile in a folder; {path} is of profile {made!r}, "
        f"not {profile!r}; move it to its own, or choose another folder with --results",
        profile=made,
    )


def _read_record(path: Path) -> Record:
    """Record of an earlier run."""
    content = records.read(path, "restore it, or replace it with --fresh")
    try:
        whole = all({"key", "rows"} <= entry.keys() for entry in content["cells"].values())
        whole = whole and isinstance(content["runs"], list)
    except (KeyError, TypeError, AttributeError):
        whole = False
    checks.require(
        whole,
        "A record must be whole JSON with its cells; restore it, or replace it with --fresh",
        path=str(path),
    )
    return content
