"""What a run takes for a plan: of trainings by recipes, or an experiment's own."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from hfc_keras.types import Record


class Plan(Protocol):
    """Which cells there are under some settings; ``runner.Plan`` is that of trainings.

    Cells and settings are Any: an experiment has settings of its own, and its cells those.
    """

    @property
    def recipes(self) -> Mapping[str, Any]:
        """What a cell measures, by name."""
        ...

    @property
    def settings(self) -> Any:
        """Settings of the experiment."""

    def labelled(self, label: str) -> Any:
        """Cell of a label; None if there is none."""

    def cells(self) -> Sequence[Any]:
        """Cells that the settings ask for."""
        ...

    def described(self) -> Record:
        """Settings and data set for the record."""
        ...
