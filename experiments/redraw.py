"""Draw the figures of finished tables again, without training or measuring anything.

Reads the table of each experiment in <results>/<profile>/<dataset>/, and writes its figures beside
it as the experiment does after its last cell. Tables stay as they are. One of other settings or of
an earlier version, which the experiment itself would refuse, is drawn as well, and named. A figure
that also shows networks is drawn if they are in the store or published, otherwise its table is
named and its figures stay. Exit status: 0, or 2 if a table is damaged or there is none.
"""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import pandas as pd
import tyro

from hfc_keras import checks, records, reporting
from hfc_keras.lab import command_line, discovery, runner
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.profiles import Profile
from hfc_keras.lab.settings import PATHS
from hfc_keras.types import Record


class MissingNetworkError(ValueError):
    """A figure needs a network that would have to be trained."""


class Kept(runner.Cell):
    """Cell whose network is fetched, and never trained."""

    def fit(self, every_epoch: bool = False) -> tuple[Any, pd.DataFrame]:
        """Fetch the network of the recipe: ``(model, history)``."""
        done = max(self.store.epochs(self.recipe), default=0) == self.recipe.epochs
        if not (done or self.store.publishes(self.recipe)):
            raise MissingNetworkError(
                f"A network that is drawn must be in the store or published. "
                f"Received: network={self.label!r}"
            )
        return super().fit(every_epoch)


class Plan(runner.Plan):
    """Plan whose networks are fetched, and never trained."""

    def cell(self, name: str, seed: int) -> Kept:
        """Cell of a recipe and a seed."""
        return Kept(name, self.recipes[name].but(seed=seed), self.settings, self.store)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of this command."""

    profile: Annotated[Profile, tyro.conf.arg(aliases=["--profiles"])] = "quick"
    """Profile whose tables to draw."""
    dataset: str = "cifar10"
    """Data set whose tables to draw, as the experiments take it."""
    data_dir: Path | None = None
    """Where TFDS keeps its data sets. Default: TFDS_DATA_DIR, or TFDS' own default."""
    store: Path = Path("results/.store")
    """Folder of the weights."""
    results: Path = Path("results")
    """Folder of the results; tables are read from <results>/<profile>/<dataset>/."""
    experiments: tuple[str, ...] | None = None
    """Experiments whose tables to draw. Default: all that have one."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw from the command line.

    Args:
        arguments: list of str or None; None is the process's own.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    with command_line.ending():
        options = command_line.parsed(Settings, "python -m experiments.redraw", __doc__, arguments)
        try:
            drawn = [redraw(each, options) for each in found(options).values()]
            checks.require(
                any(drawn), "`results` must hold a table", results=str(options.results.resolve())
            )
        except ValueError as error:
            sys.exit(command_line.refused(error))


def found(options: Settings) -> Mapping[str, Experiment]:
    """Experiments to draw, by name.

    Args:
        options: Settings.

    Returns:
        dict from name to Experiment.

    Raises:
        ValueError: for a name that no experiment has.
    """
    names = options.experiments or discovery.experiments("experiments")
    modules = {name: discovery.module_of(name, "experiments") for name in names}
    return {name: discovery.load(module) for name, module in modules.items()}


def redraw(experiment: Experiment, options: Settings) -> bool:
    """Draw the figures of one table, if it is there, and print what was written.

    Args:
        experiment: Experiment.
        options: Settings.

    Returns:
        bool, whether there is a table.

    Raises:
        ValueError: if table or record are damaged.
    """
    settings = experiment.settings(profile=options.profile, **_places(options))
    path = settings.folder / f"{experiment.title}.csv"
    if not path.exists():
        return False
    table = reporting.read_table(path, experiment.keys)
    content = records.read(path.with_suffix(".json"), "restore it")
    made = cast(runner.Plan, experiment.planned(_recorded(settings, content)))
    plan = Plan(made.recipes, made.settings, made.store)
    try:
        written = runner.draw(experiment, plan, table, path.with_suffix(""))
    except MissingNetworkError as error:
        print(f"left as it is: {path}: {error}")
        return True
    if _is_older(plan, content):
        print(f"of other settings or an earlier version: {path}")
    print("\n".join(f"wrote {each}" for each in written))
    return True


def _places(options: Settings) -> Record:
    """Where data, weights and tables lie."""
    names = ("dataset", "data_dir", "store", "results")
    return {name: getattr(options, name) for name in names}


def _recorded(settings: Any, content: Record) -> Any:
    """Settings of a record, where they are still settings of the experiment."""
    names = {field.name for field in dataclasses.fields(settings)} - {*PATHS, "dataset", "profile"}
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in content["settings"].items()
        if name in names
    }
    return dataclasses.replace(settings, **values)


def _is_older(plan: Plan, content: Record) -> bool:
    """Whether a cell would be measured otherwise today."""
    cells = {label: plan.labelled(label) for label in content["cells"]}
    return any(
        cell is None or cell.key != content["cells"][label]["key"] for label, cell in cells.items()
    )


if __name__ == "__main__":
    main()
