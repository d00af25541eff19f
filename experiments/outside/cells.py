"""What cells and plans have in common where others trained, so that there is one seed."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol


class _Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """Name, as on the command line."""
        ...


class _Listed(Protocol):
    """What makes a cell of each name."""

    @property
    def recipes(self) -> Mapping[str, Any]:
        """What is measured, by name."""
        ...

    def cell(self, name: str) -> Any:
        """Cell of a name."""


class Cell:
    """What is measured, as a recipe with a seed is elsewhere; it has a ``name``."""

    seed: ClassVar = 0

    @property
    def label(self: _Named) -> str:
        """Name and seed in words."""
        return f"{self.name} seed {Cell.seed}"

    @property
    def wants_gpu(self: Any) -> bool:
        """Whether only a worker with a GPU is to measure it."""
        return self.settings.wants_gpu


class Plan:
    """What is measured under some settings; it has ``recipes`` by name and ``cell(name)``."""

    def labelled(self: _Listed, label: str) -> Any:
        """Cell of a label; None if there is no such name."""
        name, _, seed = label.rpartition(" seed ")
        return self.cell(name) if name in self.recipes and seed == str(Cell.seed) else None

    def cells(self: _Listed) -> list[Any]:
        """Cells of all names."""
        return [self.cell(name) for name in self.recipes]
