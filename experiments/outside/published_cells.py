"""Cells and plan of an experiment on a table that others published, in the place of recipes."""

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pandas as pd

from experiments.outside import cells, published_table
from hfc_keras import checks, files
from hfc_keras.records import digest
from hfc_keras.types import Record


@dataclasses.dataclass(frozen=True)
class Cell(cells.Cell):
    """A group of the networks of the table, as a recipe with a seed is elsewhere."""

    name: str
    models: tuple[str, ...]
    table: pd.DataFrame
    sha256: str
    settings: Any

    @property
    def key(self) -> str:
        """Name of the cell's rows: the same table, networks and settings give the same key."""
        content = [self.sha256, self.models, self.settings.replicates]
        return digest(content)[:16]

    def made(self) -> Record:
        """Whose numbers these are, for the record."""
        source = {
            "file": published_table.FILE,
            "source": published_table.SOURCE,
            "licence": published_table.LICENCE,
            "sha256": self.sha256,
        }
        return {"table": source, "networks": list(self.models)}


@dataclasses.dataclass(frozen=True)
class Plan(cells.Plan):
    """Which groups of networks are asked about under some settings."""

    table: pd.DataFrame
    sha256: str
    settings: Any

    @property
    def recipes(self) -> dict[str, tuple[str, ...]]:
        """Networks of each group, by name."""
        models = self.table["model"]
        found = published_table.groups(models)
        return {name: tuple(models[chosen]) for name, chosen in found.items() if chosen.any()}

    def cell(self, name: str) -> Cell:
        """Cell of a group."""
        rows = published_table.measures(self.table)
        rows = rows[np.isin(rows["model"], self.recipes[name])]
        return Cell(name, self.recipes[name], rows, self.sha256, self.settings)

    def described(self) -> Record:
        """Settings and data set for the record."""
        settings = {"profile": self.settings.profile, "replicates": self.settings.replicates}
        return {"dataset": "imagenet", "settings": settings}


def make_plan(settings: Any) -> Plan:
    """Refuse what cannot work before anything is asked.

    Args:
        settings: Settings of the experiment.

    Returns:
        Plan.

    Raises:
        ValueError: for a table that is not there or not the published one.
    """
    settings.check_spread()
    checks.number("replicates", settings.replicates, minimum=1, whole=True)
    path = published_table.find(settings.table)
    files.writable_folder(settings.folder, "results")
    return Plan(published_table.read(path), hashlib.sha256(path.read_bytes()).hexdigest(), settings)
