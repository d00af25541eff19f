"""An experiment as a value: its settings, trainings, measures, figures and claims."""

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from hfc_keras.lab import preparation, runner
from hfc_keras.lab.plan import Plan
from hfc_keras.reporting import Claim
from hfc_keras.training import Recipe


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """What one file of experiments ends in, as the value ``EXPERIMENT``.

    Args:
        module: str, the file's ``__name__``; its docstring is the command's ``--help``.
        settings: dataclass, the command line: ``settings.Settings`` or one that extends it.
        recipes: function from settings to a dict from names to Recipes.
        measure: function from a ``runner.Cell`` to a DataFrame of rows.
        keys: sequence of str, the columns that name a measurement.
        summary: function from the table to the str that is printed.
        figures: function from the table and the plan to a dict from what is added to the file's
            name to the figure.
        claims: tuple of ``reporting.Claim``, what the table can support or refute.
        tables: tuple of functions from the table to a DataFrame of str, those of the summary.
        plan: function from settings to a plan, for networks that are not trained by recipes; None
            is ``preparation.make_plan``.
    """

    module: str
    settings: type[Any]
    measure: Callable[[Any], pd.DataFrame]
    keys: Sequence[str]
    summary: Callable[[pd.DataFrame], str]
    figures: Callable[[pd.DataFrame, Any], Mapping[str, Figure]]
    recipes: Callable[[Any], dict[str, Recipe]] | None = None
    claims: tuple[Claim, ...] = ()
    tables: tuple[Callable[[pd.DataFrame], pd.DataFrame], ...] = ()
    plan: Callable[[Any], Plan] | None = None

    @property
    def name(self) -> str:
        """Name that ``python -m`` takes; the file's path for one that is run as a script."""
        module = sys.modules[self.module]
        if module.__spec__:
            return module.__spec__.name
        return getattr(module, "__file__", self.module)

    @property
    def title(self) -> str:
        """Last part of the name, which is that of the files."""
        name = self.name
        return Path(name).stem if name.endswith(".py") else name.rpartition(".")[2]

    @property
    def prog(self) -> str:
        """The command without its arguments."""
        name = self.name
        return f"python {Path(name).name}" if name.endswith(".py") else f"python -m {name}"

    @property
    def description(self) -> str | None:
        """Docstring of the file."""
        return sys.modules[self.module].__doc__

    def planned(self, settings: Any) -> Plan:
        """Refuse what cannot work before anything is trained.

        Args:
            settings: its settings.

        Returns:
            runner.Plan, or whatever ``plan`` returns.

        Raises:
            ValueError: for settings or data that cannot be used.
        """
        return self.plan(settings) if self.plan else preparation.make_plan(self, settings)

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Run the experiment from the command line.

        Args:
            arguments: list of str or None; None is the process's own.
        """
        runner.main(self, arguments)
