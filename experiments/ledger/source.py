"""Tables that experiments wrote, read back only if they are whole."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd

from experiments.recipes import heuristics
from hfc_keras import checks, reporting
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.profiles import Profile
from hfc_keras.lab.settings import Components, Settings
from hfc_keras.reporting.rows import unique_rows
from hfc_keras.training import Recipe
from hfc_keras.types import Record

# Settings that a page names elsewhere.
NAMED = ("profile", "dataset")
# Records of version 0.4 name these settings for experiments on which they had no effect.
FORMER = (
    Components,
    heuristics.Heuristics,
    heuristics.Augmented,
    heuristics.Architectures,
)
# What the tables of two data sets must have in common, of ``Source.scale``.
ALIKE = ("training images, at most", "epochs", "non-default settings")


class NoComparisonError(reporting.MissingMeasurementError):
    """A claim on two data sets has the table of one; it is listed as not measured."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Table of one experiment on one data set."""

    experiment: str
    profile: Profile
    dataset: str
    results: Path

    @property
    def command(self) -> str:
        """The command that makes the table."""
        return (
            f"python -m experiments.{self.experiment} --profile {self.profile} "
            f"--dataset {self.dataset} --results {self.results}"
        )

    @property
    def path(self) -> Path:
        """Path of the table."""
        made = Settings(profile=self.profile, dataset=self.dataset, results=self.results)
        return made.folder / f"{self.experiment}.csv"

    @property
    def record(self) -> Path:
        """Path of the record beside the table."""
        return self.path.with_suffix(".json")

    @property
    def columns(self) -> dict[str, str]:
        """Columns of a row that say where it comes from."""
        return {
            "experiment": self.experiment,
            "profile": self.profile,
            "dataset": self.path.parent.name,
            "table": self.path.relative_to(self.results).as_posix(),
        }

    def read(self, keys: Sequence[str]) -> pd.DataFrame:
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
        table = reporting.read_table(self.path, keys, lost_rows=True)
        unique_rows(table, keys)
        self._check_whole(table, self._counted())
        return table

    def scale(self, settings_class: type[Any]) -> dict[str, str]:
        """Return how large the trainings of the table are, from its record.

        Args:
            settings_class: the settings of the experiment.

        Returns:
            dict of str: experiment, profile, data set, networks, training images (at most),
            epochs, seeds and the settings that were not at the profile's default.

        Raises:
            ValueError: if the record does not say.
        """
        with self._recorded() as content:
            recipes = [_trained(cell["recipe"]) for cell in content["cells"].values()]
            recorded, seeds = dict(content["settings"]), [f"{seed:d}" for seed in content["seeds"]]
            epochs = sorted({recipe["epochs"] for recipe in recipes})
            ends = dict.fromkeys((epochs[0], epochs[-1]))
        default = {}
        for each in (*FORMER, settings_class):
            default |= dataclasses.asdict(each(profile=self.profile, dataset=self.dataset))
        default = json.loads(json.dumps(default, default=str))
        others = [
            f"{name} = {json.dumps(value)}"
            for name, value in recorded.items()
            if name not in NAMED and (name not in default or value != default[name])
        ]
        return {
            "experiment": self.experiment,
            "profile": self.profile,
            "data set": self.columns["dataset"],
            "networks": ", ".join(dict.fromkeys(recipe["network"] for recipe in recipes)),
            "training images, at most": ", ".join(dict.fromkeys(one["images"] for one in recipes)),
            "epochs": " to ".join(map(str, ends)),
            "seeds": ", ".join(seeds),
            "non-default settings": "; ".join(others),
        }

    @contextlib.contextmanager
    def _recorded(self) -> Iterator[Record]:
        """Record beside the table; what is not in it is refused by the record's name."""
        try:
            yield json.loads(self.record.read_text(encoding="utf-8"))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(
                "A record must be whole JSON with settings, dataset, seeds, and the recipe and "
                f"rows of each cell. Received: path={str(self.record)!r}"
            ) from error

    def _counted(self) -> dict[str, int]:
        """Rows that the record of the table counts, by cell."""
        with self._recorded() as content:
            made = content["settings"]["profile"], Path(content["dataset"]).stem
            counted = {name: int(cell["rows"]) for name, cell in content["cells"].items()}
        checks.require(
            made == (self.profile, Path(self.dataset).stem),
            f"A table must be one of profile {self.profile!r} and data set {self.dataset!r}",
            record=made,
        )
        return counted

    def _check_whole(self, table: pd.DataFrame, expected: dict[str, int]) -> None:
        """Refuse a table whose rows are not those that its record counts."""
        found = table.groupby(["recipe", "seed"]).size()
        found = {
            f"{recipe} seed {seed}": int(count)
            for (recipe, seed), count in cast(Any, found).items()
        }
        others = [name for name in expected | found if expected.get(name) != found.get(name)]
        checks.require(
            not others,
            f"A table must hold the rows that its record counts; it has others of {others}",
            path=str(self.path),
        )


def compared(
    claim: reporting.Claim,
    source: Source,
    experiment: Experiment,
    table: pd.DataFrame,
    used: dict[Source, dict[str, str]],
) -> pd.DataFrame:
    """Rows that a claim is about: the table's, and those on the data set it compares with.

    Args:
        claim: reporting.Claim.
        source: Source of the table.
        experiment: Experiment.
        table: DataFrame.
        used: dict from the sources used to their scales; that of the other one is added.

    Returns:
        DataFrame, with the column dataset if there are two.

    Raises:
        NoComparisonError: if the other table is not there.
        ValueError: if it was not made alike.
    """
    if not claim.other_dataset:
        return table
    other = dataclasses.replace(source, dataset=claim.other_dataset)
    if other == source or not other.path.exists():
        raise NoComparisonError(
            f"Claim {claim.id!r} compares with another data set, whose table is made by "
            f"{other.command}. Received: path={str(other.path)!r}"
        )
    used[other] = other.scale(experiment.settings)
    different = [name for name in ALIKE if used[other][name] != used[source][name]]
    checks.require(
        not different,
        f"Claim {claim.id!r} compares two data sets, whose tables must be made alike",
        **{f"{each.dataset}": [used[each][name] for name in different] for each in (source, other)},
    )
    tables = {source.dataset: table, other.dataset: other.read(experiment.keys)}
    return pd.concat([rows.assign(dataset=name) for name, rows in tables.items()])


def _trained(changes: Record) -> Record:
    """Network, training images and epochs of a recipe, given as in ``Recipe.to_dict``."""
    default = Recipe()
    width, images = changes.get("width", default.width), changes.get("examples", default.examples)
    images = images[0] if isinstance(images, list) else images
    return {
        "network": changes.get("model", default.model) + (f" x {width:g}" if width != 1 else ""),
        "images": "all" if images is None else f"{images:,d}",
        "epochs": int(changes.get("epochs", default.epochs)),
    }
