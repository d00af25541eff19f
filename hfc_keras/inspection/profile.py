"""What a profile holds: tables, figures, sentences, and the page made of them."""

import dataclasses
import json
import platform
from pathlib import Path
from typing import Any

import keras
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import __version__, checks, files
from hfc_keras.inspection import page
from hfc_keras.inspection.headline import headline
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.outcome import Outcome
from hfc_keras.inspection.remedies import Remedy
from hfc_keras.reporting.drawing.style import save_figure
from hfc_keras.types import PathLike, Record

PAGE = "profile.html"

ADVICE = (
    "The other sections would say nothing of the model. Check the range of pixels (--pixels), the "
    "kind of output (--output), the order of the classes (--class-indices) and --preprocessing."
)


@dataclasses.dataclass(eq=False, repr=False)
class Profile:
    """The frequency profile of a model, or of several side by side, as ``inspect`` makes it.

    Every table is also an attribute: ``profile.frequency_accuracy`` and so on, with a column model
    in front where there are several models.

    Args:
        subjects: dict from the model's name to Inspected.
        outcomes: list of Outcome, one a section.
        remedies: dict from the model's name to list of Remedy, what would make more answers right.
        data_name: str.
        fast: bool.
        seconds: float, time that it took.
        notes: list of str, what must be said of the images.
        command: str or None, the command line that made it.
    """

    subjects: dict[str, Inspected]
    outcomes: list[Outcome]
    remedies: dict[str, list[Remedy]]
    data_name: str
    fast: bool
    seconds: float
    notes: list[str] = dataclasses.field(default_factory=list)
    command: str | None = None

    def __getattr__(self, name: str) -> pd.DataFrame:
        """Return a table by the name of its section."""
        tables = {} if name.startswith("_") else self.tables
        if name in tables:
            return tables[name]
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}{self._why(name)}")

    def _why(self, name: str) -> str:
        """Why a section has no table, or nothing for another name."""
        found = [] if name.startswith("_") else self.outcomes
        told = (
            each.told(model) for each in found if each.section.key == name for model in self.names
        )
        return "".join(f". {text}" for text in told)

    def __dir__(self) -> list[str]:
        """List the tables, too."""
        return sorted([*super().__dir__(), *self.tables])

    def __repr__(self) -> str:
        """Say the summary."""
        return "\n".join(self.summary)

    @property
    def names(self) -> list[str]:
        """Names of the models."""
        return list(self.subjects)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """DataFrames by section."""
        every = {outcome.section.key: outcome.table for outcome in self.outcomes}
        return {key: table for key, table in every.items() if table is not None}

    @property
    def figures(self) -> dict[str, Figure]:
        """Matplotlib figures by section; a second one of a section has a longer name."""
        return {
            "_".join(filter(None, (outcome.section.key, name))): figure
            for outcome in self.outcomes
            for name, figure in outcome.figures.items()
        }

    @property
    def summary(self) -> list[str]:
        """What the profile says: one sentence per section and model."""
        several = len(self.subjects) > 1
        return [
            f"{outcome.section.title}: {f'{name}: ' if several else ''}{outcome.told(name)}"
            for outcome in self.outcomes
            for name in self.names
        ]

    @property
    def lines(self) -> list[str]:
        """Lines for a terminal: the summary of one model, the numbers of several side by side."""
        if len(self.names) == 1:
            doubt = self.subjects[self.names[0]].doubt
            said = [line for line in self.summary if not doubt or f"{doubt}, so that" not in line]
            return [*said, *[ADVICE] * bool(doubt)]
        rows = [["", *self.names]]
        for outcome in self.outcomes:
            rows.append([outcome.section.title, *map(outcome.number, self.names)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        pairs = ([*zip(row, widths, strict=True)] for row in rows)
        return ["  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in pairs]

    @property
    def headlines(self) -> list[str]:
        """Which frequencies each model lives on, one sentence per model."""
        return [headline(subject, self.tables_of(name)) for name, subject in self.subjects.items()]

    def tables_of(self, name: str) -> dict[str, pd.DataFrame]:
        """Tables of one model by section.

        Args:
            name: str, the model's name.

        Returns:
            dict from the section's key to DataFrame.
        """
        return {
            outcome.section.key: outcome.tables[name]
            for outcome in self.outcomes
            if name in outcome.tables
        }

    @property
    def failed(self) -> list[str]:
        """Titles of the sections that failed."""
        return [outcome.section.title for outcome in self.outcomes if outcome.broken]

    def to_html(self) -> str:
        """Return the profile as one self-contained page of HTML.

        Returns:
            str; nothing in it is fetched from anywhere.
        """
        return page.html(self)

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, for notebooks."""
        return page.framed(self.to_html())

    def save(self, folder: PathLike, formats: tuple[str, ...] = ()) -> list[Path]:
        """Write the page, the tables beside it and a record of how they were made.

        Args:
            folder: str or Path, made if missing.
            formats: of ``"png"``, ``"svg"`` and ``"pdf"``, in which each figure is also written.

        Returns:
            list of Path: ``profile.html``, a CSV file for each table, ``profile.json``, figures.

        Raises:
            UnusableFileError: if the folder cannot be written.
            ValueError: for another format.
        """
        for each in formats:
            checks.choice("format", each, ("png", "svg", "pdf"))
        folder = files.writable_folder(folder, "out")
        self._clear(folder)
        written = [files.write_whole(folder / PAGE, self.to_html())]
        for key, table in self.tables.items():
            written.append(files.write_whole(folder / f"{key}.csv", table.to_csv(index=False)))
        text = json.dumps(self.record(), indent=1, ensure_ascii=False)
        written.append(files.write_whole(folder / "profile.json", text + "\n"))
        for key, figure in self.figures.items() if formats else ():
            written += save_figure(figure, folder / key, formats)
        return written

    def _clear(self, folder: Path) -> None:
        """Take away tables of an earlier profile that this one does not have."""
        if (folder / "profile.json").is_file():
            for outcome in self.outcomes:
                if outcome.table is None:
                    (folder / f"{outcome.section.key}.csv").unlink(missing_ok=True)

    def record(self) -> Record:
        """Return how the profile was made, as what JSON can hold."""
        first = next(iter(self.subjects.values()))
        return {
            "command": self.command,
            "models": self.names,
            "data": self.data_name,
            "images": len(first.images),
            "image_shape": list(first.images.shape[1:]),
            "labels": first.labelled,
            "fast": self.fast,
            "seed": first.seed,
            "budget": dataclasses.asdict(first.budget),
            "notes": self.notes,
            "summary": self.summary,
            "remedies": {
                name: [each.text for each in found] for name, found in self.remedies.items()
            },
            "failed": self.failed,
            "seconds": round(self.seconds, 1),
            "versions": versions(),
        }


def versions() -> dict[str, Any]:
    """Return the versions that a profile depends on."""
    return {
        "hfc_keras": __version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
    }
