"""Runs an experiment: command line, cells, resume, table, figure, record."""

import dataclasses
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import pandas as pd

from hfc_keras import endings, files, reporting, training
from hfc_keras.data.dataset import Dataset, Split
from hfc_keras.lab import console, estimate, failed_cells, scale
from hfc_keras.lab.command_line import advice, ending, parsed, refused, without_paths
from hfc_keras.lab.parallel.errors import CellError
from hfc_keras.lab.plan import Plan as AnyPlan
from hfc_keras.lab.record import peak_memory
from hfc_keras.lab.results import Results
from hfc_keras.lab.settings import PATHS
from hfc_keras.lab.spread import SPREAD
from hfc_keras.records import digest
from hfc_keras.reporting.drawing.style import with_scale
from hfc_keras.training.measures import MEASURES
from hfc_keras.types import PathLike, Record

if TYPE_CHECKING:
    from hfc_keras.lab.experiment import Experiment


@dataclasses.dataclass(frozen=True)
class Cell:
    """One recipe with one seed: what is trained once and measured."""

    name: str
    recipe: training.Recipe
    settings: Any
    store: training.Store

    @property
    def key(self) -> str:
        """Name of the cell's rows: the same recipe, settings and data give the same key."""
        content = {
            "recipe": self.recipe.to_dict(),
            "settings": self.settings.measured_with(),
            "measures": MEASURES,
            "data": self.dataset().fingerprint,
        }
        return digest(content)[:16]

    @property
    def seed(self) -> int:
        """Seed of the recipe."""
        return self.recipe.seed

    @property
    def label(self) -> str:
        """Recipe and seed in words."""
        return f"{self.name} seed {self.seed}"

    @property
    def wants_gpu(self) -> bool:
        """Whether only a worker with a GPU is to measure it."""
        return self.settings.wants_gpu

    def made(self) -> Record:
        """How the network came about, for the record."""
        trained = self.store.seconds(self.recipe)
        seconds = None if trained is None else round(trained, 1)
        return {"recipe": self.recipe.to_dict(), "training_seconds": seconds}

    def fit(self, every_epoch: bool = False) -> tuple[keras.Model, pd.DataFrame]:
        """Train the recipe or fetch it: ``(model, history)``."""
        return training.fit(self.recipe, self.store, self.settings.data_dir, every_epoch)

    def dataset(self) -> Dataset:
        """Data set of the recipe."""
        return training.load_data(self.recipe, self.settings.data_dir)

    def test_images(self, count: int | None = None) -> Split:
        """Test split in a fixed random order, all of it or its first images.

        Images sorted by class would make one-sided subsets and batches.
        """
        test = self.dataset().test
        return test.take(np.random.default_rng(0).permutation(len(test))[:count])

    def measured(
        self,
        measure: str,
        arguments: Record,
        compute: Callable[..., pd.DataFrame],
        in_parts: bool = False,
    ) -> pd.DataFrame:
        """Rows of a measure from the store, or computed and kept there, see ``Store.measured``."""
        place = self.recipe, self.dataset(), measure, arguments
        return self.store.measured(*place, compute, in_parts)

    def publish(self) -> Path:
        """Write the trained model to the published folder."""
        return self.store.publish(self.recipe, self.dataset(), *self.fit())


@dataclasses.dataclass(frozen=True)
class Plan:
    """What an experiment would do under some settings."""

    recipes: dict[str, training.Recipe]
    settings: Any
    store: training.Store

    def cell(self, name: str, seed: int) -> Cell:
        """Cell of a recipe and a seed."""
        return Cell(name, self.recipes[name].but(seed=seed), self.settings, self.store)

    def labelled(self, label: str) -> Cell | None:
        """Cell of a label; None if there is no such recipe."""
        name, _, seed = label.rpartition(" seed ")
        return self.cell(name, int(seed)) if name in self.recipes and seed.isdigit() else None

    @property
    def chance(self) -> float:
        """Accuracy of guessing one of the classes of the data set."""
        recipe = next(iter(self.recipes.values()))
        return 1 / training.load_data(recipe, self.settings.data_dir).classes

    def cells(self) -> list[Cell]:
        """Cells that the settings ask for, all recipes of a seed before the next seed."""
        names = self.settings.recipes or tuple(self.recipes)
        return [self.cell(name, seed) for seed in self.settings.seed_list for name in names]

    def described(self) -> Record:
        """Settings and data set for the record."""
        values = dataclasses.asdict(self.settings)
        left_out = (*PATHS, *SPREAD, "seeds", "recipes")
        return {
            "dataset": self.settings.dataset_name,
            "settings": {name: value for name, value in values.items() if name not in left_out},
        }


def main(experiment: "Experiment", arguments: Sequence[str] | None = None) -> None:
    """Run an experiment from the command line.

    Args:
        experiment: experiment.Experiment.
        arguments: list of str or None; None is the process's own.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    with ending() as command:
        settings = parsed(experiment.settings, experiment.prog, experiment.description, arguments)
        command.advice = advice(settings.fresh)
        words = " ".join([experiment.prog, *without_paths(arguments)])
        try:
            if getattr(settings, "is_spread", False) and not settings.plan:
                # One after the other needs no Dask.
                from hfc_keras.lab.parallel import single

                single.run(experiment, settings, words)
                return
            plan = experiment.planned(settings)
        except ValueError as error:
            sys.exit(refused(error))
        results = Results(settings.folder / experiment.title, plan, words, experiment.keys)
        if settings.plan:
            console.say(planned(plan, results).text())
            return
        with results.opened():
            failed = run(experiment, plan, results)
        if failed:
            sys.exit(1)


def planned(plan: AnyPlan, results: Results) -> estimate.Estimate:
    """Estimate of what is left to do.

    Args:
        plan: Plan.
        results: Results, not opened.

    Returns:
        estimate.Estimate.

    Raises:
        UnusableFileError: see ``Results.read``.
    """
    results.read()
    left = [cell for cell in plan.cells() if cell.label not in results.rows]
    return estimate.Estimate([("", [estimate.Work(results.path.name, results, left)])], jobs=1)


def run(experiment: "Experiment", plan: AnyPlan, results: Results) -> list[Any]:
    """Train and measure every cell that is not done, then draw the figures.

    Args:
        experiment: see ``main``.
        plan: Plan.
        results: Results, opened, with what earlier runs left.

    Returns:
        list of the cells that gave no rows; they are left out of the table, and stand in the one
        beside it, see ``failed_cells``.

    Raises:
        UnusableFileError: if a file cannot be used.
    """
    cells, seconds, failed = plan.cells(), [], []
    for number, cell in enumerate(cells, start=1):
        if cell.label in results.rows:
            continue
        mean = sum(seconds) / len(seconds) if seconds else None
        left = estimate.time_left(mean and mean * (len(cells) - number + 1))
        console.say(f"[{number}/{len(cells)}] {cell.label}{left}")
        try:
            measured = measure(experiment, cell)
        except Exception as error:
            if isinstance(error, files.UnusableFileError) or endings.stopping():
                raise
            told = error if isinstance(error, failed_cells.KNOWN) else CellError.of(error)
            results.fail(cell, told)
            status = results.failed[cell.label]["status"]
            console.say(f"{status}: {cell.label}: {told}", error=True)
            failed.append(cell)
            continue
        seconds.append(measured.seconds)
        results.add(cell, *measured)
    if results.rows:
        finish(experiment, plan, results)
    return failed


def draw(
    experiment: "Experiment", plan: AnyPlan, table: pd.DataFrame, path: PathLike
) -> list[Path]:
    """Draw the figures of a table, each with its scale.

    Args:
        experiment: see ``main``.
        plan: Plan.
        table: DataFrame.
        path: str or Path of the files without suffix.

    Returns:
        list of the files.
    """
    written, words = [], scale.in_words(table, plan)
    for name, figure in experiment.figures(table, plan).items():
        written += reporting.save_figure(with_scale(figure, words), f"{path}{name}")
    return written


class Measured(NamedTuple):
    """What measuring a cell gave and took."""

    rows: Any
    seconds: float
    peak_memory: float | None


def measure(experiment: "Experiment", cell: Any) -> Measured:
    """Train and measure a cell.

    Args:
        experiment: see ``main``.
        cell: Cell.

    Returns:
        Measured: rows, seconds and the largest memory of this process so far in GB.
    """
    start = time.perf_counter()
    with warnings.catch_warnings():
        # A network trained on one component may be; its range of pixels is right.
        warnings.filterwarnings("ignore", "The model is near chance")
        rows = experiment.measure(cell)
    return Measured(rows, time.perf_counter() - start, peak_memory())


def finish(experiment: "Experiment", plan: AnyPlan, results: Results) -> None:
    """Draw the figures, print summary and files, publish models if asked to.

    Args:
        experiment: see ``main``.
        plan: Plan.
        results: Results with at least one cell.
    """
    table = results.table()
    console.say(f"\n{experiment.summary(table)}\n")
    written = [results.path.with_suffix(suffix) for suffix in (".csv", ".json")]
    written += draw(experiment, plan, table, results.path)
    console.say("\n".join(f"wrote {path}" for path in written))
    if plan.settings.publish:
        for cell in plan.cells():
            if cell.label in results.rows:
                console.say(f"wrote {cell.publish()}")
