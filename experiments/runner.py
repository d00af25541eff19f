"""Runs an experiment: command line, cells, resume, table, figure, record."""

import dataclasses
import hashlib
import json
import sys
import time

import pandas as pd
import tyro

from experiments.record import commit, peak_memory, provenance
from experiments.settings import PATHS
from hfc_keras import checks, files, reporting, training

FIRST_COLUMNS = ["recipe", "seed", "epoch", "split", "component", "radius", "bn_statistics"]


@dataclasses.dataclass(frozen=True)
class Cell:
    """One recipe with one seed: what is trained once and measured."""

    name: str
    recipe: training.Recipe
    settings: object
    store: training.Store

    @property
    def key(self):
        """Name of the cell's rows: the same recipe and settings give the same key."""
        content = {"recipe": self.recipe.to_dict(), "settings": self.settings.changed()}
        canonical = json.dumps(content, sort_keys=True, default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @property
    def label(self):
        """Recipe and seed in words."""
        return f"{self.name} seed {self.recipe.seed}"

    def fit(self, every_epoch=False):
        """Train the recipe or fetch it: ``(model, history)``."""
        return training.fit(self.recipe, self.store, self.settings.data_dir, every_epoch)

    def dataset(self):
        """Data set of the recipe."""
        return training.load_data(self.recipe, self.settings.data_dir)

    def measured(self, measure, arguments, compute):
        """Rows of a measure from the store, or computed and kept there."""
        return self.store.measured(self.recipe, measure, arguments, compute)


def main(experiment, arguments=None):
    """Run an experiment from the command line.

    Args:
        experiment: module with a docstring, ``Settings``, ``recipes(settings)`` (dict from
            name to Recipe), ``measure(cell)`` (DataFrame) and ``figure(table, settings)``.
        arguments: list of str or None; None is the process's own.
    """
    name = experiment.__spec__.name if experiment.__spec__ else experiment.__name__
    settings = tyro.cli(
        experiment.Settings,
        prog=f"python -m {name}",
        description=experiment.__doc__,
        args=arguments,
    )
    try:
        cells = _cells(experiment, settings)
        path = files.writable_folder(settings.folder, "results") / name.rpartition(".")[2]
        earlier = _earlier(path)
        cells[0].dataset()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    try:
        run(experiment, settings, cells, path, earlier, arguments)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on where this run stopped.", file=sys.stderr)
        sys.exit(130)


def run(experiment, settings, cells, path, earlier=(None, {}), arguments=None):
    """Train and measure every cell, then write table, figure and record.

    Args:
        experiment: as of ``main``.
        settings: its Settings.
        cells: list of Cell.
        path: Path of the results without suffix.
        earlier: table and cell records that an earlier run left, to be gone on with.
        arguments: list of str or None, as of ``main``.

    Returns:
        DataFrame, the table.
    """
    done, finished = earlier
    record = {**_record(experiment, settings, arguments), "cells": dict(finished)}
    tables, seconds = [], []
    for number, cell in enumerate(cells, start=1):
        if record["cells"].get(cell.label, {}).get("key") == cell.key:
            tables.append(_rows_of(done, cell))
            continue
        print(f"[{number}/{len(cells)}] {cell.label}{_time_left(seconds, len(cells) - number + 1)}")
        start = time.perf_counter()
        rows = experiment.measure(cell)
        seconds.append(time.perf_counter() - start)
        rows = rows.assign(recipe=cell.name, seed=cell.recipe.seed)
        tables.append(rows[[*FIRST_COLUMNS, *rows.columns.difference(FIRST_COLUMNS, sort=False)]])
        record["cells"][cell.label] = _cell_record(cell, seconds[-1])
        _write(path, pd.concat(tables, ignore_index=True), record, cells)
    table = pd.concat(tables, ignore_index=True)
    _write(path, table, record, cells)
    if settings.publish:
        for cell in cells:
            cell.store.publish(cell.recipe, *cell.fit())
    figures = reporting.save_figure(experiment.figure(table, settings), path)
    _report(table, [path.with_suffix(".csv"), path.with_suffix(".json"), *figures])
    return table


def _cells(experiment, settings):
    """Recipes times seeds, after refusing what cannot work."""
    recipes = experiment.recipes(settings)
    chosen = settings.recipes or tuple(recipes)
    for name in chosen:
        checks.choice("recipes", name, recipes)
    seeds = settings.seed_list
    checks.require(len(set(seeds)) == len(seeds), "`seeds` must differ", seeds=seeds)
    if settings.radii is not None:
        checks.radii(settings.radii)
    store = training.Store(settings.store, published=settings.results / "models")
    return [
        Cell(name, recipes[name].but(seed=seed), settings, store)
        for seed in seeds
        for name in chosen
    ]


def _earlier(path):
    """Table and cells of an earlier run into the same files."""
    table, record = path.with_suffix(".csv"), path.with_suffix(".json")
    if not (table.exists() and record.exists()):
        return None, {}
    return reporting.read_table(table), json.loads(record.read_text())["cells"]


def _rows_of(table, cell):
    return table[(table["recipe"] == cell.name) & (table["seed"] == cell.recipe.seed)]


def _time_left(seconds, cells):
    if not seconds:
        return ""
    minutes = sum(seconds) / len(seconds) * cells / 60
    return f", about {minutes:.0f} min left" if minutes >= 1 else ", less than a minute left"


def _write(path, table, record, cells):
    """Write the table and then the record, which alone says that a cell is in the table."""
    labels = {cell.label for cell in cells}
    kept = {label: value for label, value in record["cells"].items() if label in labels}
    files.write_whole(path.with_suffix(".csv"), reporting.unique_rows(table).to_csv(index=False))
    files.write_whole(
        path.with_suffix(".json"),
        json.dumps({**record, "peak_memory_gb": peak_memory(), "cells": kept}, indent=1),
    )


def _record(experiment, settings, arguments):
    """How the results are made: command, settings, code, versions, machine."""
    told = sys.argv[1:] if arguments is None else arguments
    shown = {k: v for k, v in dataclasses.asdict(settings).items() if k not in PATHS}
    module = experiment.__spec__.name if experiment.__spec__ else experiment.__name__
    return {
        "command": " ".join(["python -m", module, *_without_paths(told)]),
        "settings": shown,
        "dataset": settings.dataset_name,
        "seeds": list(settings.seed_list),
        **provenance(),
    }


def _cell_record(cell, seconds):
    return {
        "key": cell.key,
        "recipe": cell.recipe.to_dict(),
        "seconds": round(seconds, 1),
        "commit": commit(),
    }


def _without_paths(arguments):
    """Arguments without those that say where files lie on one machine."""
    kept, skip = [], False
    for argument in arguments:
        option = argument.partition("=")[0].removeprefix("--").replace("-", "_")
        is_path = argument.startswith("--") and option in PATHS
        if not (skip or is_path):
            kept.append(argument)
        skip = is_path and "=" not in argument and option != "publish"
    return kept


def _report(table, paths):
    """Print the last epoch and where the files are."""
    print("\nAccuracy after the last epoch (mean +- standard deviation over seeds)\n")
    print(reporting.last_epoch(table).to_string())
    print("\n" + "\n".join(f"wrote {path}" for path in paths))
