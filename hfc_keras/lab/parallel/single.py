"""One experiment whose cells are measured in other processes."""

import dataclasses
import sys
from typing import TYPE_CHECKING

from hfc_keras.lab import command_line, discovery
from hfc_keras.lab.parallel import running
from hfc_keras.lab.parallel.tasks import Part
from hfc_keras.lab.spread import Spread

if TYPE_CHECKING:
    from hfc_keras.lab.experiment import Experiment


def run(experiment: "Experiment", settings: Spread, command: str) -> None:
    """Measure every cell that is not done, then draw the figures.

    Args:
        experiment: experiment.Experiment.
        settings: its settings, which say where.
        command: str, for the record.

    Raises:
        SystemExit: with status 1 if a cell failed, 2 if something is refused.
    """
    try:
        settings.check_spread()
        name, experiment = discovery.importable(experiment)
        values = {each.name: getattr(settings, each.name) for each in dataclasses.fields(settings)}
        opened = running.crew_of(settings, settings.jobs or 1)
    except ValueError as error:
        sys.exit(command_line.refused(error))
    with opened as crew:
        try:
            plan = experiment.planned(experiment.settings(**values))
        except ValueError as error:
            sys.exit(command_line.refused(error))
        part = Part(name, experiment, plan, command)
        with part.results.opened():
            running.run([part], crew)
    if part.failed:
        sys.exit(1)
