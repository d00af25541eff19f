"""A run over the cells of experiments, on the workers of a crew."""

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence

from hfc_keras.lab import console
from hfc_keras.lab.parallel import background, dealing
from hfc_keras.lab.parallel.crew import Crew
from hfc_keras.lab.parallel.local import LocalCrew
from hfc_keras.lab.parallel.scheduled import ScheduledCrew, address_in
from hfc_keras.lab.parallel.tasks import Part, Progress, Task, ordered, trainings
from hfc_keras.lab.spread import Spread


def crew_of(
    options: Spread, jobs: int, say: Callable[[str], object] = console.say
) -> contextlib.closing[Crew]:
    """Return who measures: a scheduler's workers, which must answer, or this machine's processes.

    Args:
        options: spread.Spread.
        jobs: int, processes of this machine, which start when there is work.
        say: function of a line, for what the user should know.

    Returns:
        Context manager of a crew.Crew.

    Raises:
        LostSchedulerError: if no scheduler answers.
        UnusableFileError: if the scheduler's file is none.
    """
    if not options.has_scheduler:
        return contextlib.closing(LocalCrew(jobs))
    path, address = options.scheduler_file, options.scheduler
    return contextlib.closing(ScheduledCrew(address_in(path) if path else str(address), say))


def run(
    parts: Sequence[Part],
    crew: Crew,
    until: float | None = None,
    journal: background.Journal | None = None,
    order: Callable[[Sequence[Task]], list[Task]] = ordered,
) -> None:
    """Measure every cell that is not done, and finish each experiment after its last cell.

    Args:
        parts: list of Part whose results are opened.
        crew: crew.Crew, who measures.
        until: float, see ``dealing.completed``, or None.
        journal: background.Journal, or None for one without a log.
        order: function of a list of Task, in which they are started.

    Raises:
        UnusableFileError: if a file cannot be used; all processes end.
        LostSchedulerError: if the scheduler no longer answers.
        UnfitWorkerError: if all workers would measure something else.
    """
    journal = journal or background.Journal()
    start, total = time.perf_counter(), sum(len(part.plan.cells()) for part in parts)
    tasks = order([Task(part, cell) for part in parts for cell in part.left])
    progress, unfinished = Progress(total, trainings(tasks), crew.size), list(parts)
    journal.say(f"experiments: {len(parts)}, cells: {total}, done before: {progress.count}")
    with contextlib.closing(dealing.completed(tasks, crew, until, journal.say)) as ended:
        for task, future in ended:
            progress.jobs = crew.size
            seconds, reason = task.part.take(task.cell, future)
            line = progress.ended(task.label, seconds, reason)
            journal.say(line, error=bool(reason))
            if not task.part.left:
                task.part.finish()
                unfinished.remove(task.part)
    late = until is not None and time.monotonic() >= until
    for part in unfinished:
        if part.results.added or not late:
            part.finish()
    journal.say(f"\n{summary(parts, time.perf_counter() - start)}")


def summary(parts: Iterable[Part], seconds: float) -> str:
    """List the cells of this run and their seconds by experiment, and what failed.

    Args:
        parts: list of Part.
        seconds: float, duration of the run.

    Returns:
        str of several lines.
    """
    rows = [(part.title, len(part.results.added), part.seconds) for part in parts]
    rows.append(("total", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    width = max(len(title) for title, _, _ in rows)
    lines = [f"{'experiment':<{width}}  cells  seconds"]
    lines += [f"{title:<{width}}  {cells:5}  {spent:7.0f}" for title, cells, spent in rows]
    lines.append(f"in {seconds:.0f} seconds")
    lines += [f"failed: {part.title} {label}" for part in parts for label in part.failed]
    return "\n".join(lines)
