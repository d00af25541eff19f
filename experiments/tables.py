"""Tables that experiments wrote, read back only if they are whole."""

import dataclasses
import json
from pathlib import Path

from experiments import settings
from hfc_keras import checks, reporting


@dataclasses.dataclass(frozen=True)
class Source:
    """Table of one experiment on one data set."""

    experiment: str
    profile: str
    dataset: str
    results: Path

    @property
    def command(self):
        """The command that makes the table."""
        return (
            f"python -m experiments.{self.experiment} --profile {self.profile} "
            f"--dataset {self.dataset} --results {self.results}"
        )

    @property
    def path(self):
        """Path of the table."""
        made = settings.Settings(profile=self.profile, dataset=self.dataset, results=self.results)
        return made.folder / f"{self.experiment}.csv"

    @property
    def record(self):
        """Path of the record beside the table."""
        return self.path.with_suffix(".json")

    @property
    def columns(self):
        """Columns of a row that say where it comes from."""
        return {
            "experiment": self.experiment,
            "profile": self.profile,
            "dataset": self.path.parent.name,
            "table": self.path.relative_to(self.results).as_posix(),
        }

    def read(self, keys):
        """Return the table after proving that it is whole.

        Args:
            keys: list of str, the columns that name a measurement.

        Raises:
            reporting.MissingMeasurementError: if there is neither table nor record.
            ValueError: if one of the two is missing, or is damaged or of another experiment or
                version, or a measurement stands twice.
        """
        if not (self.path.exists() or self.record.exists()):
            raise reporting.MissingMeasurementError(
                f"A claim needs its table. Received: path={str(self.path)!r}"
            )
        checks.require(
            self.path.exists() and self.record.exists(),
            f"{self.path.name} and {self.record.name} must be there together",
            path=str(self.path),
        )
        table = reporting.read_table(self.path, keys)
        reporting.unique_rows(table, keys)
        self._check_whole(table, self._counted())
        return table

    def _counted(self):
        """Rows that the record of the table counts, by cell."""
        try:
            content = json.loads(self.record.read_text(encoding="utf-8"))
            made = content["settings"]["profile"], Path(content["dataset"]).stem
            counted = {name: int(cell["rows"]) for name, cell in content["cells"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                "A record must be whole JSON with settings, dataset and the rows of its cells. "
                f"Received: path={str(self.record)!r}"
            ) from error
        checks.require(
            made == (self.profile, Path(self.dataset).stem),
            f"A table must be one of profile {self.profile!r} and data set {self.dataset!r}",
            record=made,
        )
        return counted

    def _check_whole(self, table, expected):
        """Refuse a table whose rows are not those that its record counts."""
        found = table.groupby(["recipe", "seed"]).size()
        found = {f"{recipe} seed {seed}": int(count) for (recipe, seed), count in found.items()}
        others = [name for name in expected | found if expected.get(name) != found.get(name)]
        # A last line that breaks off inside a number is a line too.
        checks.require(
            self.path.read_bytes().endswith(b"\n") and not others,
            "A table must hold, each whole, the rows that its record counts; it has others of "
            f"{others or 'its last line'}",
            path=str(self.path),
        )
