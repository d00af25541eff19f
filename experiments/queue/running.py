"""A run over the cells of several experiments, round by round, and its estimate."""

import contextlib
import time
from collections.abc import Iterable, Sequence

from experiments.queue import stages
from hfc_keras.lab import estimate
from hfc_keras.lab.parallel import background, workers
from hfc_keras.lab.parallel.tasks import Part, Progress, Task, by_seed, ordered, trainings


def planned(rounds: Iterable[stages.Round], jobs: int) -> estimate.Estimate:
    """Estimate of what is left to do.

    Args:
        rounds: list of stages.Round, not opened.
        jobs: int, cells at once.

    Returns:
        estimate.Estimate.

    Raises:
        UnusableFileError: see ``Results.read``.
    """
    works = []
    for each in rounds:
        for part in each.parts:
            part.results.read()
        parts = [estimate.Work(part.title, part.results, part.left) for part in each.parts]
        works.append((each.heading, parts))
    return estimate.Estimate(works, jobs)


def run_all(
    rounds: Sequence[stages.Round],
    jobs: int,
    until: float | None,
    journal: background.Journal,
    command: str,
) -> bool:
    """Run one round after the other, until the time is up.

    Args:
        rounds: list of stages.Round.
        jobs: int, cells at once.
        until: float, see ``workers.completed``, or None.
        journal: background.Journal.
        command: str, which resumes the run after the time was up.

    Returns:
        bool, whether a cell failed.
    """
    parts = [part for each in rounds for part in each.parts]
    if {part.plan.settings.profile for part in parts} != {"smoke"}:
        # Those take less time than their estimate.
        journal.say(f"to do: {planned(rounds, jobs).total}")
    for each in rounds:
        if each.heading:
            journal.say(each.heading)
        with contextlib.ExitStack() as opened:
            for part in each.parts:
                opened.enter_context(part.results.opened())
            run(each.parts, jobs, until, journal)
            each.publish(journal.say)
        if until is not None and time.monotonic() >= until:
            break
    left = sum(len(part.left) for part in parts)
    if left and until is not None and time.monotonic() >= until:
        journal.say(f"The time is up; {left} cells are left. This goes on: {command}")
    return any(part.failed for part in parts)


def run(
    parts: Sequence[Part],
    jobs: int,
    until: float | None = None,
    journal: background.Journal | None = None,
) -> None:
    """Measure every cell that is not done, and finish each experiment after its last cell.

    Args:
        parts: list of Part whose results are opened.
        jobs: int, cells at once.
        until: float, see ``workers.completed``, or None.
        journal: background.Journal, or None for one without a log.

    Raises:
        UnusableFileError: if a file cannot be used; all processes end.
    """
    journal = journal or background.Journal()
    start, total = time.perf_counter(), sum(len(part.plan.cells()) for part in parts)
    tasks = [Task(part, cell) for part in parts for cell in part.left]
    tasks = by_seed(tasks, stages.LATE) if journal.path else ordered(tasks)
    progress, unfinished = Progress(total, trainings(tasks), jobs), list(parts)
    journal.say(f"experiments: {len(parts)}, cells: {total}, done before: {progress.count}")
    with contextlib.closing(workers.completed(tasks, jobs, until)) as ended:
        for task, future in ended:
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
