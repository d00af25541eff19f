"""What a section has found of each model."""

import dataclasses

import pandas as pd
from matplotlib.figure import Figure

from hfc_keras.inspection.section import Reading, Section, together


@dataclasses.dataclass
class Outcome:
    """Tables, readings and figures of a section, or why there are none.

    Args:
        section: Section.
        tables: dict from the model's name to DataFrame.
        readings: dict from the model's name to Reading.
        figures: dict from name to matplotlib.figure.Figure.
        left_out: dict from the model's name to why it was not measured.
        errors: dict from the model's name to what failed.
        figure_error: str or None, what failed in drawing.
        notes: list of str, warnings.
        seconds: float, time that it took.
        several: bool, whether there are several models, measured or not.
    """

    section: Section
    tables: dict[str, pd.DataFrame] = dataclasses.field(default_factory=dict)
    readings: dict[str, Reading] = dataclasses.field(default_factory=dict)
    figures: dict[str, Figure] = dataclasses.field(default_factory=dict)
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    errors: dict[str, str] = dataclasses.field(default_factory=dict)
    figure_error: str | None = None
    notes: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    several: bool = False

    @property
    def table(self) -> pd.DataFrame | None:
        """Table of all models, with the column model where there are several; None without one."""
        if self.several and self.tables:
            return together(self.tables)
        return next(iter(self.tables.values()), None)

    @property
    def broken(self) -> bool:
        """Whether something in it failed."""
        return bool(self.errors or self.figure_error)

    def told(self, name: str) -> str:
        """What it says of a model, in a sentence.

        Args:
            name: str, the model's name.

        Returns:
            str.
        """
        if name in self.errors:
            return f"Failed: {self.errors[name]}."
        if name in self.left_out:
            return f"Not measured: {self.left_out[name]}."
        return self.readings[name].sentence

    def number(self, name: str) -> str:
        """The one number of a model, or what stands for it."""
        if name in self.readings:
            return self.readings[name].number
        return "failed" if name in self.errors else "–"
