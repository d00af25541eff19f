"""A run over the cells of several experiments, round by round, and its estimate."""

import contextlib
import functools
import time
from collections.abc import Iterable, Sequence

from experiments.queue import stages
from hfc_keras.lab import estimate
from hfc_keras.lab.parallel import background
from hfc_keras.lab.parallel.crew import Crew
from hfc_keras.lab.parallel.running import run
from hfc_keras.lab.parallel.tasks import by_seed, ordered


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
    crew: Crew,
    until: float | None,
    journal: background.Journal,
    command: str,
) -> bool:
    """Run one round after the other, until the time is up.

    Args:
        rounds: list of stages.Round.
        crew: crew.Crew, who measures.
        until: float, see ``dealing.completed``, or None.
        journal: background.Journal.
        command: str, which resumes the run after the time was up.

    Returns:
        bool, whether a cell failed.
    """
    parts = [part for each in rounds for part in each.parts]
    if {part.plan.settings.profile for part in parts} != {"smoke"}:
        # Those take less time than their estimate.
        journal.say(f"to do: {planned(rounds, crew.size).total}")
    order = functools.partial(by_seed, late=stages.LATE) if journal.path else ordered
    for each in rounds:
        if each.heading:
            journal.say(each.heading)
        with contextlib.ExitStack() as opened:
            for part in each.parts:
                opened.enter_context(part.results.opened())
            run(each.parts, crew, until, journal, order)
            each.publish(journal.say)
        if until is not None and time.monotonic() >= until:
            break
    left = sum(len(part.left) for part in parts)
    if left and until is not None and time.monotonic() >= until:
        journal.say(f"The time is up; {left} cells are left. This goes on: {command}")
    return any(part.failed for part in parts)
