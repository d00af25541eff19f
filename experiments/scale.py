"""The core claims at every scale: which verdicts are stable, which effects grow, which flip?

Judges the main claims of both core papers by the tables of every profile that has any (except
smoke) and by the table of experiments.given_networks, whose sample is networks that others trained.
Writes scale.csv, the figure scale.png and .svg, and the record scale.json to the results folder.
Trains nothing. Scales without tables, and claims without their table at a scale, are left out and
listed. A scale that has too few seeds so far is shown but does not count. Exit status: 0, or 2 if a
table is damaged or there is none.
"""

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.ledger import scales
from hfc_keras import checks, files, reporting
from hfc_keras.lab import command_line
from hfc_keras.lab.record import provenance
from hfc_keras.lab.settings import Settings as Training
from hfc_keras.reporting.claims import claim
from hfc_keras.reporting.figures.scale import scale_figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of this command."""

    dataset: str = "cifar10"
    """Data set whose tables to judge."""
    results: Path = Path("results")
    """Folder of the results; tables are read from <results>/<profile>/<dataset>/."""

    @property
    def given(self) -> Path:
        """Path of the table of the given networks."""
        folder = Training(dataset=self.dataset).folder.name
        return self.results / "given" / folder / "given_networks.csv"


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the core claims at every scale from the command line.

    Args:
        arguments: list of str or None; None is the process's own.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    with command_line.ending():
        options = command_line.parsed(Settings, "python -m experiments.scale", __doc__, arguments)
        try:
            rows, left_out, tables = scales.judge(options.dataset, options.results, options.given)
            checks.require(
                len(rows), "`results` must hold a table", results=str(options.results.resolve())
            )
        except ValueError as error:
            sys.exit(command_line.refused(error))
        written = write(rows, left_out, tables, options)
        print("\n".join([summary(rows, left_out), *(f"wrote {path}" for path in written)]))


def summary(rows: pd.DataFrame, left_out: Iterable[str]) -> str:
    """Return each claim's verdicts from the smallest scale to the largest, in words."""
    lines = []
    for name, part in rows.groupby("id", sort=False):
        at = [f"{row['rung']} {row['effect']:+.3f} {_told(row)}" for _, row in part.iterrows()]
        words = ", ".join(dict.fromkeys(part[["verdicts", "effects"]].iloc[0]))
        lines.append(f"{name} ({words}): {'; '.join(at)}")
    return "\n".join([*lines, *(f"left out: {each}" for each in left_out)])


def _told(row: Any) -> str:
    return claim.in_words(row["verdict"], row["profile"])


def write(
    rows: pd.DataFrame, left_out: Sequence[str], tables: Mapping[str, str], options: Settings
) -> list[Path]:
    """Write table, figure and record, each file whole.

    Args:
        rows: DataFrame, see ``scales.judge``.
        left_out: list of str.
        tables: dict.
        options: Settings.

    Returns:
        list of Path.
    """
    command = f"python -m experiments.scale --dataset {options.dataset}"
    record = {"command": command, **provenance(), "tables": tables, "left_out": left_out}
    files.sweep(options.results)
    texts = {"scale.csv": rows.to_csv(index=False), "scale.json": json.dumps(record, indent=1)}
    written = [files.write_whole(options.results / name, text) for name, text in texts.items()]
    return written + reporting.save_figure(scale_figure(rows), options.results / "scale")


if __name__ == "__main__":
    main()
