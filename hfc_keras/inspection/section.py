"""What a profile is made of: questions to a model, each with a measure, a figure and a reading."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import pandas as pd
from matplotlib.figure import Figure

from hfc_keras.inspection.inspected import Inspected

Tables: TypeAlias = Mapping[str, pd.DataFrame]
"""Tables of a section by the model's name."""

Subjects: TypeAlias = Mapping[str, Inspected]
"""Models under inspection by name."""


class NotApplicableError(ValueError):
    """A measure that a model or these images do not allow, with the reason; nothing failed."""


class Reading(NamedTuple):
    """What a table says.

    Args:
        number: str, the one number, for a table of models side by side.
        sentence: str, one sentence computed from the table, with its limits.
    """

    number: str
    sentence: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A question to a model.

    Args:
        key: str, name of the table: attribute of the profile and name of its CSV file.
        title: str, in the list of contents.
        number: str, what the one number of a model is.
        question: str, the heading.
        method: str, what is measured and how to read it, some sentences.
        measure: function from Inspected to DataFrame; may raise ``NotApplicableError``.
        draw: function from tables and Inspected by model's name to figures by name.
        read: function from table and Inspected to Reading.
        cost: function from Inspected to about how many forward passes of one image it takes.
        needs_labels: bool, whether the model's own answers cannot stand for them.
        needs_skill: bool, whether it says nothing of a model that guesses.
        pictures: bool, whether the figures show images, whose colors must stay as they are.
    """

    key: str
    title: str
    number: str
    question: str
    method: str
    measure: Callable[[Inspected], pd.DataFrame]
    draw: Callable[[Tables, Subjects], dict[str, Figure]]
    read: Callable[[pd.DataFrame, Inspected], Reading]
    cost: Callable[[Inspected], float]
    needs_labels: bool = False
    needs_skill: bool = True
    pictures: bool = False


def no_figure(tables: Tables, subjects: Subjects) -> dict[str, Figure]:
    """Return no figure, for what a table says best."""
    return {}


def most_chance(subjects: Subjects) -> float:
    """Accuracy of guessing, of the model with the fewest classes."""
    return max(subject.chance for subject in subjects.values())


def figure_name(name: str, subjects: Subjects) -> str:
    """Name of a figure of one model: that of the model where there are several."""
    return name if len(subjects) > 1 else ""


def compared(difference: float, margin: float, below: str, about: str, above: str) -> str:
    """Return the word for a difference.

    Args:
        difference: float.
        margin: float, least difference that counts.
        below: str, where it is less than minus that.
        about: str, where it does not count.
        above: str, where it is more.

    Returns:
        str, one of the three.

    Example:
        >>> compared(-0.3, 0.1, "smoother than", "like", "rougher than")
        'smoother than'
    """
    return below if difference < -margin else above if difference > margin else about


def together(tables: Tables) -> pd.DataFrame:
    """One table of the models' tables.

    Args:
        tables: dict from the model's name to its table.

    Returns:
        DataFrame with the column model in front.

    Example:
        >>> tables = {"a": pd.DataFrame({"x": [1]}), "b": pd.DataFrame({"x": [2]})}
        >>> together(tables)["model"].tolist()
        ['a', 'b']
    """
    parts = [table.assign(model=name) for name, table in tables.items()]
    whole = pd.concat(parts, ignore_index=True)
    return whole[["model", *(column for column in whole.columns if column != "model")]]


def named(tables: Tables) -> pd.DataFrame:
    """Return one table of the models' tables for figures, always with the column model."""
    return pd.concat([table.assign(model=name) for name, table in tables.items()])
