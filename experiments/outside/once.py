"""What cells and plans have in common where others trained, so that there is one seed."""

from typing import ClassVar


class Cell:
    """What is measured, as a recipe with a seed is elsewhere; it has a ``name``."""

    seed: ClassVar = 0

    @property
    def label(self):
        """Name and seed in words."""
        return f"{self.name} seed {self.seed}"


class Plan:
    """What is measured under some settings; it has ``recipes`` by name and ``cell(name)``."""

    def labelled(self, label):
        """Cell of a label; None if there is no such name."""
        name, _, seed = label.rpartition(" seed ")
        return self.cell(name) if name in self.recipes and seed == str(Cell.seed) else None

    def cells(self):
        """Cells of all names."""
        return [self.cell(name) for name in self.recipes]
