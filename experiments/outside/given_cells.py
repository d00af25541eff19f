"""Cells and plan of an experiment on networks that others trained, in the place of recipes."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from experiments.outside import cells, given
from hfc_keras import checks, files, training
from hfc_keras.data.dataset import Dataset
from hfc_keras.records import digest
from hfc_keras.training import measures
from hfc_keras.types import Array, Floats, Record


@dataclasses.dataclass(frozen=True)
class Cell(cells.Cell):
    """One network that others trained: what is measured, as a recipe with a seed is elsewhere."""

    name: str
    network: given.Network
    path: Path
    settings: Any

    @functools.cached_property
    def hash(self) -> str:
        """Hexadecimal sha256 of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def key(self) -> str:
        """Name of the cell's rows: the same file, settings and data give the same key."""
        content = {
            "network": self.hash,
            "settings": self.settings.measured_with(),
            "measures": measures.MEASURES,
            "data": self.dataset().fingerprint,
        }
        return digest(content)[:16]

    def made(self) -> Record:
        """Whose network this is, for the record."""
        source = {name: getattr(self.network, name) for name in ("title", "file", "source")}
        source |= {"licence": self.network.licence, "stated_accuracy": self.network.stated}
        return {"network": {**source, "sha256": self.hash}}

    def model(self) -> keras.Model:
        """Open the network."""
        return self.network.open(self.path)

    def dataset(self) -> Dataset:
        """Data set, read once."""
        return self.settings.load()

    def test_images(self, count: int | None = None) -> tuple[Floats, Array]:
        """Images and labels of the test split in a fixed random order, all or the first ones."""
        split = self.dataset().test
        split = split.take(np.random.default_rng(0).permutation(len(split))[:count])
        return split.images, self.labels(split.labels)

    def labels(self, labels: Array) -> Array:
        """Labels as the network counts its classes."""
        if self.network not in given.PHOTOGRAPHS.values():
            return labels
        return np.array([given.IMAGENET[name] for name in self.dataset().class_names])[labels]

    def measured(
        self,
        measure: str,
        arguments: Record,
        compute: Callable[..., pd.DataFrame],
        in_parts: bool = False,
    ) -> pd.DataFrame:
        """Rows of a measure from the store, or computed and kept there, see ``Store.measured``."""
        folder = self.settings.store / f"given-{self.hash[:16]}" / "measures"
        place = folder, self.hash, self.dataset(), measure, arguments
        return measures.measured(*place, compute, in_parts)


@dataclasses.dataclass(frozen=True)
class Plan(cells.Plan):
    """Which networks are measured under some settings."""

    recipes: dict[str, given.Network]
    settings: Any

    def cell(self, name: str) -> Cell:
        """Cell of a network."""
        network = self.recipes[name]
        return Cell(name, network, given.find(network, self.settings.networks), self.settings)

    def cells(self) -> list[Cell]:
        """Cells that the settings ask for."""
        return [self.cell(name) for name in self.settings.names or self.recipes]

    def described(self) -> Record:
        """Settings and data set for the record."""
        return {"dataset": self.settings.folder.name, "settings": self.settings.recorded()}


def make_plan(settings: Any) -> Plan:
    """Refuse what cannot work before anything is measured.

    Args:
        settings: Settings of the experiment.

    Returns:
        Plan.

    Raises:
        ValueError: for a data set, network or file that is not there, or numbers out of range.
    """
    settings.check_spread()
    for name in ("examples", "subset", "attacked", "steps", "population"):
        value = getattr(settings, name)
        if value is not None:
            checks.number(name, value, minimum=1, whole=True)
    found = given.networks_for(settings.load())
    for name in settings.names or ():
        checks.choice("names", name, found)
    for folder, name in ((settings.folder, "results"), (settings.store, "store")):
        files.writable_folder(folder, name)
    training.Store(settings.store).sweep()
    plan = Plan(found, settings)
    plan.cells()
    return plan
