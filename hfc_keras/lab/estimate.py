"""What a run would train and measure, in which order, and how long that takes."""

import statistics
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hfc_keras.lab import costs
from hfc_keras.lab.results import Results
from hfc_keras.types import Record

if TYPE_CHECKING:
    from hfc_keras.lab.runner import Cell


class Work(NamedTuple):
    """What one experiment has to do.

    Attributes:
        title: str, the experiment.
        results: results.Results, with what earlier runs left.
        cells: list of runner.Cell that are not measured, in the order of the run.
    """

    title: str
    results: Results
    cells: list["Cell"]


class Estimate:
    """Trainings and measures of a run, with seconds.

    Args:
        rounds: list of ``(heading, list of Work)``, in the order of the run.
        jobs: int, cells at once.
        known: costs.Costs, or None for those of the store of the first cell.
    """

    def __init__(
        self,
        rounds: Iterable[tuple[str, Sequence[Work]]],
        jobs: int,
        known: costs.Costs | None = None,
    ) -> None:
        self.jobs, self.costs = jobs, known
        self.seconds, self.trainings, self.cells, self.untold = 0.0, 0, 0, 0
        self.lines, self.met = [], set()
        for heading, works in rounds:
            self.lines += [heading] if heading else []
            self._train(works)
            self.lines += [self._measure(work) for work in works]

    @property
    def total(self) -> str:
        """The whole in words."""
        words = f"{self.trainings} trainings and {self.cells} cells to measure, about "
        words += f"{minutes(self.seconds / self.jobs)} min"
        words += f" with {self.jobs} at once" if self.jobs > 1 else ""
        if self.untold:
            words += f", and {self.untold} cells of experiments that were not measured before"
        return words

    def text(self) -> str:
        """Return every training, in order, what is measured after them, and the total."""
        return "\n".join([*self.lines, f"total: {self.total}"])

    def _train(self, works: Iterable[Work]) -> None:
        """Lines of the trainings of a round."""
        first = {}
        for work in works:
            for cell in work.cells:
                if cell.recipe.hash not in self.met:
                    first.setdefault(cell.recipe.hash, (f"train {work.title} {cell.label}", cell))
        self.met |= first.keys()
        width = max((len(words) for words, _ in first.values()), default=0)
        for words, cell in sorted(first.values(), key=lambda each: each[1].recipe.seed):
            self.lines.append(f"  {words:<{width}}  {self._state(cell)}")

    def _state(self, cell: "Cell") -> str:
        """Minutes of a training, or that it is there."""
        recipe, store = cell.recipe, cell.store
        done = max(store.epochs(recipe), default=0)
        if done == recipe.epochs:
            return "is there"
        if store.publishes(recipe):
            return "is published"
        self.costs = self.costs or costs.Costs(store, cell.settings.data_dir)
        seconds = self.costs.left(recipe)
        self.seconds, self.trainings = self.seconds + seconds, self.trainings + 1
        going_on = f", from epoch {done} of {recipe.epochs}" if done else ""
        return f"{minutes(seconds)} min{going_on}"

    def _measure(self, work: Work) -> str:
        """Line of an experiment's measures."""
        count, known = len(work.cells), seconds_beside_training(work.results.cells.values())
        self.cells += count
        self.seconds += (known or 0.0) * count
        self.untold += count if known is None else 0
        time = "time not known" if known is None else f"{minutes(known * count)} min"
        words = f"  measure {work.title}: {count} cells"
        there = f"{len(work.results.rows)} are there"
        return f"{words}, {time}; {there}" if count else f"{words}; {there}"


def seconds_beside_training(cells: Iterable[Record]) -> float | None:
    """Seconds that a cell takes beside its training, from those that are measured.

    Args:
        cells: iterable of dict, of a record.

    Returns:
        float, or None if nothing is known. Cells that took under a second had their measures in
        the store.

    Example:
        >>> cells = [{"seconds": 70.0, "training_seconds": 60.0}, {"seconds": 12.0}]
        >>> seconds_beside_training(cells)
        11.0
    """
    found = []
    for cell in cells:
        trained, seconds = cell.get("training_seconds") or 0.0, cell.get("seconds", 0.0)
        found.append(seconds - trained if seconds > trained else seconds)
    found = [seconds for seconds in found if seconds >= 1]
    return statistics.median(found) if found else None


def minutes(seconds: float) -> str:
    """Minutes in words, whole ones from ten on."""
    return f"{seconds / 60:.0f}" if seconds >= 600 else f"{seconds / 60:.1f}"


def time_left(seconds: float | None) -> str:
    """Say in words how long a run takes from now; nothing for None."""
    if seconds is None:
        return ""
    return f", about {seconds / 60:.0f} min left" if seconds >= 60 else ", less than a minute left"
