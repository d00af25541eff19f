"""Run all experiments, or some: train what they share once and measure it for each.

Prints a line for each cell (a recipe with a seed, of one experiment) when it is measured, with an
estimate of the time left, and draws an experiment's figures after its last cell. Several cells are
measured at once, each in a process of its own. The run can be stopped at any moment; the same
command goes on and loses at most the epochs it was in. Single recipes, and options that not all
experiments have, are left to the command of each experiment. Exit status: 0 if all was measured, 1
if a cell failed (the others go on), 2 if something was refused, 130 after Ctrl-C, 143 after
SIGTERM.
"""

import contextlib
import dataclasses
import os
import sys
import time

import keras

from experiments import catalogue, command_line, settings, workers
from experiments.tasks import Part, Progress, Task, ordered, trainings
from hfc_keras import checks

ENVIRONMENT = {
    # Parent and workers share one accelerator only if none takes all of its memory.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    # Python cleans up after a process that is stopped, and would say so after each stop.
    "PYTHONWARNINGS": "ignore::UserWarning:multiprocessing.resource_tracker",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Common):
    """What all experiments can be told; None lets the profile decide."""

    experiments: tuple[str, ...] | None = None
    """Experiments to run, as python -m experiments lists them; package.module is one of your own. \
Left out: all."""
    jobs: int | None = None
    """Cells at once. Left out: 2 on two or more cores without an accelerator, else 1."""

    @property
    def job_count(self):
        """Cells at once after the default."""
        if self.jobs is not None:
            return checks.number("jobs", self.jobs, minimum=1, whole=True)
        on_cpu = all(device.startswith("cpu") for device in keras.distribution.list_devices())
        return 2 if on_cpu and (os.cpu_count() or 1) >= 2 else 1

    @property
    def names(self):
        """Experiments after the default; refused if two would write the same files."""
        names = catalogue.experiments() if self.experiments is None else self.experiments
        titles = {name.rpartition(".")[2] for name in names}
        checks.require(
            names and len(titles) == len(names),
            "`experiments` must hold at least one and none twice",
            experiments=names,
        )
        return list(names)


def main(arguments=None):
    """Run experiments from the command line.

    Args:
        arguments: list of str or None; None is the process's own.
    """
    prog, arguments = "python -m experiments.all", sys.argv[1:] if arguments is None else arguments
    with command_line.ending() as ended, contextlib.ExitStack() as opened:
        told = command_line.parsed(Settings, prog, __doc__, arguments)
        ended.advice = command_line.advice(told.fresh)
        for variable, value in ENVIRONMENT.items():
            os.environ.setdefault(variable, value)
        command = " ".join([prog, *command_line.without_paths(arguments)])
        try:
            jobs = told.job_count
            # Two processes of two threads on two cores train 1.3 times as slowly.
            threads = max(1, (os.cpu_count() or 1) // jobs)
            os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))
            parts = [Part(name, told, command) for name in told.names]
        except ValueError as error:
            sys.exit(command_line.refused(error))
        for part in parts:
            opened.enter_context(part.results.opened())
        run(parts, jobs)
        if any(part.failed for part in parts):
            sys.exit(1)


def run(parts, jobs):
    """Measure every cell that is not done, and finish each experiment after its last cell.

    Args:
        parts: list of Part whose results are opened.
        jobs: int, cells at once.

    Raises:
        UnusableFileError: if a file cannot be used; all processes end.
    """
    start, total = time.perf_counter(), sum(len(part.plan.cells()) for part in parts)
    tasks = ordered([Task(part, cell) for part in parts for cell in part.left])
    progress, unfinished = Progress(total, trainings(tasks), jobs), list(parts)
    print(f"experiments: {len(parts)}, cells: {total}, done before: {progress.count}", flush=True)
    with contextlib.closing(workers.measured(tasks, jobs)) as ended:
        for task, future in ended:
            seconds, reason = task.part.take(task.cell, future)
            line = progress.ended(task.label, seconds, reason)
            print(line, file=sys.stderr if reason else sys.stdout, flush=True)
            if not task.part.left:
                task.part.finish()
                unfinished.remove(task.part)
    for part in unfinished:
        part.finish()
    print()
    print(summary(parts, time.perf_counter() - start))


def summary(parts, seconds):
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


if __name__ == "__main__":
    main()
