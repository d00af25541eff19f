"""Run all experiments, or some: train what they share once and measure it for each.

Prints a line whenever a cell (a recipe with a seed, of one experiment) has been measured, with an
estimate of the time left, and draws an experiment's figures after its last cell. Several cells are
measured at once, each in its own process. The run can be stopped at any moment; the same command
resumes it and loses at most the epochs in progress. To run single recipes, or to set options that
not all experiments have, use the command of the experiment.

Unless experiments are named, the profiles standard and full run in the stages of
experiments/queue/stages.py, at the lowest priority, with a log in the store (queue.log) and only
one such run per store. --minutes stops the run after that time; the same command resumes it. --plan
prints what would be trained, in which order and how long it takes. Exit status: 0 if everything was
measured or the time was up, 1 if a cell failed (the others continue), 2 if something was refused,
130 after Ctrl-C, 143 after SIGTERM.
"""

import contextlib
import dataclasses
import math
import os
import shlex
import sys
import time
from collections.abc import Sequence

from experiments.queue import running, stages
from experiments.queue.stages import Round
from hfc_keras import checks, per_backend
from hfc_keras.lab import command_line, discovery
from hfc_keras.lab.parallel import background
from hfc_keras.lab.parallel.local import set_environment
from hfc_keras.lab.parallel.running import crew_of
from hfc_keras.lab.parallel.tasks import part_of
from hfc_keras.lab.profiles import Profile
from hfc_keras.lab.settings import Common

PROG = "python -m experiments.all"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Common):
    """Settings that all experiments have; None lets the profile decide."""

    # Several where an experiment has one: each Part replaces it by that of its own.
    profile: tuple[Profile, ...] = ("smoke",)  # pyright: ignore[reportIncompatibleVariableOverride]
    """One profile or several, see the experiments. standard and full: in stages, together, unless \
experiments are named; the stages of quick come with them if it is named, too."""
    experiments: tuple[str, ...] | None = None
    """Experiments to run, as python -m experiments lists them; package.module is one of your own. \
Default: all."""
    stages: tuple[str, ...] | None = None
    """Stages to run, of experiments/queue/stages.py. Default: all of the profiles."""
    minutes: float | None = None
    """Minutes after which the run stops; the same command resumes it. Default: no limit."""
    jobs: int | None = None
    """Cells at once on this machine, each with its share of the cores unless \
TF_NUM_INTRAOP_THREADS is set; the number of threads decides the last digits. Default: 2 on two or \
more cores without an accelerator, else 1."""

    @property
    def job_count(self) -> int:
        """Cells at once, with the default filled in."""
        if self.jobs is not None:
            return self.jobs
        on_cpu = not per_backend.has_accelerator()
        return 2 if on_cpu and (os.cpu_count() or 1) >= 2 else 1

    @property
    def names(self) -> list[str]:
        """Experiments, with the default filled in; refused if two would write the same files."""
        names = self.experiments
        if names is None:
            names = discovery.experiments("experiments")
        names = [discovery.module_of(name, "experiments") for name in names]
        titles = {name.rpartition(".")[2] for name in names}
        checks.require(
            names and len(titles) == len(names),
            "`experiments` must hold at least one and none twice",
            experiments=self.experiments,
        )
        return names

    @property
    def staged(self) -> bool:
        """Whether the run goes by stages, in the background."""
        named = self.experiments is not None
        return self.stages is not None or (
            not named and not set(stages.PROFILES).isdisjoint(self.profile)
        )

    @property
    def deadline(self) -> float | None:
        """Value of ``time.monotonic()`` at which a run that starts now ends, or None."""
        return None if self.minutes is None else time.monotonic() + 60 * self.minutes

    def check(self) -> None:
        """Refuse settings that contradict each other."""
        self.check_spread()
        checks.require(
            self.minutes is None or (math.isfinite(self.minutes) and self.minutes > 0),
            "`minutes` must be a number above 0",
            minutes=self.minutes,
        )
        checks.require(
            self.profile and len(set(self.profile)) == len(self.profile),
            "`profile` must hold at least one and none twice",
            profile=self.profile,
        )
        checks.require(
            not (self.staged and self.fresh),
            "`fresh` must be left out with stages, each of which adds to the tables of others",
            fresh=self.fresh,
        )

    def rounds(self, command: str) -> list[Round]:
        """Return what is to be done, in order.

        Args:
            command: str, for the record.

        Returns:
            list of stages.Round.
        """
        if self.staged:
            return stages.rounds(self, self.names, command)
        several = len(self.profile) > 1
        options = [dataclasses.replace(self, profile=profile) for profile in self.profile]
        return [
            stages.Round(
                f"profile {each.profile}" if several else "",
                [part_of(name, each, command) for name in self.names],
            )
            for each in options
        ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run experiments from the command line.

    Args:
        arguments: list of str or None; None is the process's own.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    with command_line.ending() as ended, contextlib.ExitStack() as opened:
        options = command_line.parsed(Settings, PROG, __doc__, arguments)
        ended.advice, until = command_line.advice(options.fresh), options.deadline
        command = " ".join([PROG, *command_line.without_paths(arguments)])
        journal = background.Journal()
        try:
            options.check()
            jobs = options.job_count
            set_environment(jobs)
            # A scheduler that does not answer is found out before anything is made.
            crew = opened.enter_context(crew_of(options, jobs, lambda text: journal.say(text)))
            if options.staged and not options.plan:
                journal = opened.enter_context(background.queue(options.store, command))
            rounds = options.rounds(command)
        except ValueError as error:
            sys.exit(command_line.refused(error))
        if options.plan:
            print(running.planned(rounds, crew.size).text())
            return
        again = shlex.join([*PROG.split(), *arguments])
        if running.run_all(rounds, crew, until, journal, again):
            sys.exit(1)


if __name__ == "__main__":
    main()
