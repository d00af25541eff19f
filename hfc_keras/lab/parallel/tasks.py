"""What a run over many experiments has to do, in which order, and how far it is."""

import dataclasses
import traceback
from collections.abc import Collection, Iterable, Mapping
from concurrent import futures
from typing import TYPE_CHECKING, Any, NamedTuple

from hfc_keras import files
from hfc_keras.lab import console, discovery, estimate, failed_cells, runner
from hfc_keras.lab.measured_rows import UnusableRowsError
from hfc_keras.lab.parallel.dealing import training_of
from hfc_keras.lab.parallel.errors import CellError, LostWorkerError
from hfc_keras.lab.plan import Plan
from hfc_keras.lab.results import Results
from hfc_keras.lab.settings import Common

if TYPE_CHECKING:
    from hfc_keras.lab.experiment import Experiment

# Errors whose words say enough; of others the traceback is printed.
KNOWN = (*failed_cells.KNOWN, LostWorkerError, CellError, UnusableRowsError)
SHARED = tuple(field.name for field in dataclasses.fields(Common))


class Part:
    """One experiment of a run.

    Args:
        name: str, see ``discovery.load``.
        experiment: experiment.Experiment.
        plan: its plan.
        command: str, for the record.
    """

    def __init__(self, name: str, experiment: "Experiment", plan: Plan, command: str) -> None:
        self.name, self.title = name, name.rpartition(".")[2]
        self.experiment, self.plan = experiment, plan
        path = plan.settings.folder / self.title
        self.results = Results(path, plan, command, experiment.keys)
        self.seconds, self.failed = 0.0, []

    @property
    def left(self) -> list[Any]:
        """Cells neither measured nor given up."""
        ended = {*self.results.rows, *self.failed}
        return [cell for cell in self.plan.cells() if cell.label not in ended]

    def take(
        self, cell: Any, future: futures.Future[runner.Measured]
    ) -> tuple[float, None] | tuple[None, str]:
        """Add what a process measured to the table.

        Args:
            cell: runner.Cell.
            future: see ``dealing.completed``.

        Returns:
            ``(seconds, None)``, or ``(None, reason)`` if there are no rows; it then has one in the
            table of cells that failed.

        Raises:
            UnusableFileError: if a file cannot be used, so that the run cannot go on.
        """
        try:
            measured = future.result()
            self.results.add(cell, *measured)
        except files.UnusableFileError:
            raise
        except Exception as error:
            self.results.fail(cell, error)
            self.failed.append(cell.label)
            said = str(error) if isinstance(error, KNOWN) else traceback.format_exc()
            return None, f"{self.results.failed[cell.label]['status']}: {said}"
        self.seconds += measured.seconds
        return measured.seconds, None

    def finish(self) -> None:
        """Draw figures, print the summary and publish models of what has been measured."""
        if not self.results.rows:
            return
        try:
            runner.finish(self.experiment, self.plan, self.results)
        except files.UnusableFileError:
            raise
        except Exception:
            console.say(f"{self.title} figures failed: {traceback.format_exc()}", error=True)
            self.failed.append("figures")


def part_of(name: str, settings: Any, command: str, recipes: tuple[str, ...] | None = None) -> Part:
    """Return an experiment with settings that it shares with others.

    Args:
        name: str, see ``discovery.load``.
        settings: object with the attributes SHARED, which go to the experiment's settings.
        command: str, for the record.
        recipes: tuple of str, which of its recipes; None is all.

    Returns:
        Part.

    Raises:
        ValueError: for what the experiment refuses.
    """
    experiment, title = discovery.load(name), name.rpartition(".")[2]
    shared = {field: getattr(settings, field) for field in SHARED}
    chosen = experiment.settings(**shared, recipes=recipes)
    try:
        plan = experiment.planned(chosen)
    except ValueError as error:
        raise ValueError(f"{title}: {error}") from error
    return Part(name, experiment, plan, command)


class Task(NamedTuple):
    """A cell to measure."""

    part: Part
    cell: Any

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self.part.name

    @property
    def label(self) -> str:
        """Experiment, recipe and seed in words."""
        return f"{self.part.title} {self.cell.label}"


class Progress:
    """Counts cells and estimates the time left, trainings and mere measurements apart.

    Args:
        total: int, all cells of the run, with those that are done.
        trains: dict from the label of each task to whether it has to train.
        jobs: int, cells at once.
    """

    def __init__(self, total: int, trains: Mapping[str, bool], jobs: int) -> None:
        self.total, self.waiting, self.jobs = total, dict(trains), jobs
        self.seconds = {True: [], False: []}

    @property
    def count(self) -> int:
        """Cells that have ended."""
        return self.total - len(self.waiting)

    @property
    def left(self) -> float | None:
        """Seconds left by the means so far; None where nothing is known or left."""
        every = [*self.seconds[True], *self.seconds[False]]
        if not (every and self.waiting):
            return None
        known = {kind: seconds or every for kind, seconds in self.seconds.items()}
        means = {kind: sum(seconds) / len(seconds) for kind, seconds in known.items()}
        work = sum(means[kind] for kind in self.waiting.values())
        return work / min(self.jobs, len(self.waiting))

    def ended(self, label: str, seconds: float | None, reason: str | None = None) -> str:
        """Take note of a task that has ended.

        Args:
            label: str.
            seconds: float, or None if it failed.
            reason: str, why it failed.

        Returns:
            str, the line to print.
        """
        kind = self.waiting.pop(label)
        if seconds is not None:
            self.seconds[kind].append(seconds)
        outcome = f" {reason}" if seconds is None else f", {seconds:.0f} s"
        left = "" if seconds is None else estimate.time_left(self.left)
        return f"[{self.count}/{self.total}] {label}{outcome}{left}"


def ordered(tasks: Iterable[Task]) -> list[Task]:
    """Order tasks so that each training is started once before those that share it follow.

    The longest trainings come first, so that none is left over at the end.

    Args:
        tasks: list of Task.

    Returns:
        list of Task.
    """
    tasks, first = list(tasks), {}
    for task in tasks:
        first.setdefault(training_of(task), task)
    longest = sorted(first.values(), key=lambda task: -_passes(task))
    return [*longest, *(task for task in tasks if task is not first[training_of(task)])]


def by_seed(tasks: Iterable[Task], late: Collection[str] = ()) -> list[Task]:
    """Order tasks by seed, and those of a seed as ``ordered`` does.

    Args:
        tasks: list of Task.
        late: sequence of str, experiments that come at the end.

    Returns:
        list of Task.
    """
    groups = {}
    for task in tasks:
        place = task.part.title in late, task.cell.recipe.seed
        groups.setdefault(place, []).append(task)
    return [task for place in sorted(groups) for task in ordered(groups[place])]


def _passes(task: Task) -> int:
    """Passes over the training images that a training takes, those of its attack with them."""
    recipe = getattr(task.cell, "recipe", None)
    steps = getattr(getattr(recipe, "adversary", None), "steps", 0)
    return getattr(recipe, "epochs", 0) * (1 + steps)


def trainings(tasks: Iterable[Task]) -> dict[str, bool]:
    """Tell which tasks, in this order, train: the first of each training not in the store.

    Args:
        tasks: list of Task.

    Returns:
        dict from the task's label to bool.
    """
    found, trained = {}, set()
    for task in tasks:
        training = training_of(task)
        found[task.label] = training not in trained and not _is_trained(task.cell)
        trained.add(training)
    return found


def _is_trained(cell: Any) -> bool:
    """Whether nothing is left to train for a cell."""
    recipe = getattr(cell, "recipe", None)
    return recipe is None or recipe.epochs in cell.store.epochs(recipe)
