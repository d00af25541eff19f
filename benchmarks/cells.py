"""Equal cells on two workers against one after the other: what Dask costs, and its start apart.

A cell is a training of ResNet-8 on digits with its own seed. One after the other they run in one
process on as many cores as a worker has (all through workers), so that half of their time is what
two workers could reach at best. The start is that of the cluster with all imports, up to
where each worker could measure.
"""

import contextlib
import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmarks import command_line, timing
from hfc_keras.lab import discovery, settings
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.parallel import dealing, local, remote
from hfc_keras.training import Recipe
from hfc_keras.types import Record

NAME = "benchmarks.cells"
CELLS, WORKERS, EPOCHS = 16, 2, 12
FEW_CELLS, FEW_EPOCHS = 4, 1


class Task(NamedTuple):
    """A cell to measure, see ``dealing.completed``."""

    name: str
    cell: Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """Settings of an experiment."""


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Return the one training."""
    return {"plain": settings.base_recipe().but(batch_size=50)}


def measure(cell: Any) -> pd.DataFrame:
    """Return the test accuracy."""
    _, history = cell.fit()
    return pd.DataFrame({"measure": ["test"], "accuracy": history["val_accuracy"].tail(1)})


EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=measure,
    keys=("recipe", "seed", "measure"),
    summary=str,
    figures=lambda table, plan: {},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Time both ways in one run.

    Args:
        arguments: list of str or None; None is the process's own.
    """
    made = command_line.parser(__doc__, f"{FEW_CELLS} cells of {FEW_EPOCHS} epoch")
    chosen = made.parse_args(arguments)
    cells, epochs = (FEW_CELLS, FEW_EPOCHS) if chosen.fast else (CELLS, EPOCHS)
    local.set_environment(WORKERS)
    found = [measured(cells, epochs) for _ in range(chosen.repeats or (1 if chosen.fast else 3))]
    rows = pd.DataFrame(found).median().round(3).to_dict()
    told = sys.argv[1:] if arguments is None else arguments
    table = pd.DataFrame([{"cells": cells, "workers": WORKERS, **rows}])
    folder = command_line.folder(chosen)
    timing.save("cells", table, told, folder, repeats=len(found), epochs=epochs)
    print(table.to_string(index=False))
    print(f"\nwrote {Path(folder) / 'cells'}.csv and .json")


def measured(cells: int, epochs: int) -> Record:
    """Seconds of both ways.

    Args:
        cells: int.
        epochs: int, of each cell.

    Returns:
        dict: serial_seconds, parallel_seconds, ratio (of parallel to serial / workers; 1 is
        ideal), start_seconds and end_seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        with _cores_of_a_worker():
            alone = _tasks(Path(folder) / "serial", cells, epochs)
            serial, _ = timing.timed(lambda: _serial(alone))
        tasks = _tasks(Path(folder) / "parallel", cells, epochs)
        crew = local.LocalCrew(WORKERS)
        with contextlib.closing(crew):
            start, _ = timing.timed(lambda: _start(crew))
            parallel, ended = timing.timed(lambda: list(dealing.completed(tasks, crew)))
            end, _ = timing.timed(crew.close)
        for _, future in ended:
            future.result()
    return {
        "serial_seconds": serial,
        "parallel_seconds": parallel,
        "ratio": parallel / (serial / WORKERS),
        "start_seconds": start,
        "end_seconds": end,
    }


@contextlib.contextmanager
def _cores_of_a_worker() -> Iterator[None]:
    """Keep this thread, and those it starts, on the cores that a worker has for itself.

    One thread for each operation is not enough: TensorFlow runs several operations at once.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(every)[: max(1, len(every) // WORKERS)])
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


def _tasks(folder: Path, cells: int, epochs: int) -> list[Task]:
    """Cells with a store of their own, so that none finds what another one has trained."""
    experiment = discovery.load(NAME)
    told = experiment.settings(
        dataset="digits",
        epochs=epochs,
        seeds=tuple(range(cells)),
        store=folder,
        results=folder,
    )
    return [Task(NAME, cell) for cell in experiment.planned(told).cells()]


def _serial(tasks: list[Task]) -> None:
    """Measure one after the other in this process."""
    for task in tasks:
        remote.measure(task.name, task.cell)


def _start(crew: local.LocalCrew) -> None:
    """Start workers, and have each import what measuring takes."""
    crew.start()
    ready = [
        crew.client.submit(remote.ready, workers=[address], pure=False)
        for address in crew.idle([])[0]
    ]
    for each in ready:
        each.result()


if __name__ == "__main__":
    main()
