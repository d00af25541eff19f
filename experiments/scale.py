"""The core claims at every scale: which verdicts are stable, which effects grow, which flip?

Judges the main claims of both core papers by the tables of every profile that has any (except
smoke) and by the table of experiments.given_networks, whose sample is networks that others trained.
Writes scale.csv, the figure scale.png and .svg, and the record scale.json to the results folder.
Trains nothing. Scales without tables, and claims without their table at a scale, are left out and
listed. A scale that has too few seeds so far is shown but does not count. Exit status: 0, or 2 if a
table is damaged or there is none.
"""

import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.ledger import judging
from hfc_keras import checks, files, reporting
from hfc_keras.lab import command_line
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.record import provenance
from hfc_keras.lab.settings import Settings as Training
from hfc_keras.reporting.claims import claim
from hfc_keras.reporting.figures.scale import courses, scale_figure
from hfc_keras.types import Record

CORE = (
    "misaligned",
    "misaligned_batch_norm",
    "shuffle_low_eighth",
    "component_low_generalises",
    "heuristics_dropout_high",
    "heuristics_mix_up_high",
    "heuristics_batch_norm_high",
    "heuristics_batch_norm_high_population",
    "heuristics_batch_norm_statistics",
    "heuristics_adversarial_test",
    "heuristics_adversarial_high_lowest",
    "heuristics_adversarial_invariant",
    "sensitivity_nyquist",
    "sensitivity_not_white",
    "sensitivity_adversarial",
    "band_stop_low",
    "perturbation_natural_high",
)
# Rows of the given networks, all with batch normalization, that a claim on such a network is about.
GIVEN = {
    "misaligned_batch_norm": "contingency",
    "heuristics_batch_norm_statistics": "frequency_accuracy",
    "sensitivity_nyquist": "fourier_sensitivity",
    "sensitivity_not_white": "fourier_sensitivity",
}
GIVEN_NETWORKS = "given networks"
# How a claim goes with the scale of which no scale has enough seeds.
FEW = "too few seeds"


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
            rows, left_out, tables = judge(options)
            checks.require(
                len(rows), "`results` must hold a table", results=str(options.results.resolve())
            )
        except ValueError as error:
            sys.exit(command_line.refused(error))
        written = write(rows, left_out, tables, options)
        print("\n".join([summary(rows, left_out), *(f"wrote {path}" for path in written)]))


def judge(options: Settings) -> tuple[pd.DataFrame, list[str], dict[str, str]]:
    """Judge the core claims at each scale.

    Args:
        options: Settings.

    Returns:
        (rows, left_out, tables): DataFrame of rows of ``reporting.judge`` with the columns rung,
        verdicts and effects, from the smallest scale to the largest; list of str; dict from path
        to sha256.

    Raises:
        ValueError: naming a table that is damaged, or a claim that cannot be judged by it.
    """
    experiments = core()
    judged_rows, left_out, tables = [], [], {}
    for profile in judging.PROFILES[1:]:
        judged = judging.judge_all(
            experiments, [profile], (options.dataset,), options.results, available=True
        )
        checks.require(not judged.refused, "; ".join(judged.refused), results=str(options.results))
        chosen = judged.rows
        present = [row for row in chosen if row["verdict"] != reporting.NOT_MEASURED]
        judged_rows += [{**row, "rung": profile} for row in present]
        left_out += _left_out(profile, chosen, present)
        tables |= judged.tables
    given, problems = _given(experiments, options)
    left_out += problems
    if options.given.exists():
        digest = hashlib.sha256(options.given.read_bytes()).hexdigest()
        tables[options.given.relative_to(options.results).as_posix()] = digest
    judged_rows.extend(given)
    rows = pd.DataFrame(judged_rows)
    if len(rows):
        rows = rows[[name for name in map(str, rows) if not name.startswith(tuple(_beside()))]]
        rows = rows.sort_values("id", key=lambda ids: ids.map(CORE.index), kind="stable")
        whole = rows[rows["reason"].map(judging.enough)]
        found = courses(whole).to_dict("index") if len(whole) else {}
        for column in ("verdicts", "effects"):
            rows[column] = [found.get(name, {}).get(column, FEW) for name in rows["id"]]
        rows = rows.reset_index(drop=True)
    return rows, left_out, tables


def core() -> dict[str, Experiment]:
    """Return the experiments with their core claims alone.

    Returns:
        dict from name to Experiment.
    """
    found = {}
    for name, experiment in judging.claimants().items():
        chosen = tuple(claim for claim in experiment.claims if claim.id in CORE)
        if chosen:
            found[name] = dataclasses.replace(experiment, claims=chosen)
    return found


def _beside() -> list[str]:
    """What the columns of a profile beside a row begin with."""
    return [f"{profile}_" for profile in judging.PROFILES]


def _left_out(profile: str, chosen: Iterable[Record], present: Iterable[Record]) -> list[str]:
    """What a profile has no table of, in words."""
    missing = [row["id"] for row in chosen if row["verdict"] == reporting.NOT_MEASURED]
    if not present:
        return [f"{profile}: no table of a core claim"]
    missing = sorted(missing, key=CORE.index)
    return [f"{profile}: {', '.join(missing)}"] if missing else []


def _given(
    experiments: Mapping[str, Experiment], options: Settings
) -> tuple[list[Record], list[str]]:
    """Rows of the given networks, and what is left out of them."""
    if not options.given.exists():
        return [], [f"{GIVEN_NETWORKS}: no table {options.given.name}"]
    table = reporting.read_table(options.given, ("recipe", "seed", "measure"))
    by_id = {claim.id: claim for each in experiments.values() for claim in each.claims}
    rows, problems = [], []
    for name, measure in GIVEN.items():
        try:
            row = reporting.judge(by_id[name], as_seeds(table, measure))
        except reporting.MissingMeasurementError as error:
            problems.append(f"{GIVEN_NETWORKS}: {error}")
            continue
        where = {"experiment": "given_networks", "profile": "given", "dataset": options.dataset}
        where["table"] = options.given.relative_to(options.results).as_posix()
        rows.append({**row, **where, "sample": "networks", "rung": GIVEN_NETWORKS})
    return rows, problems


def as_seeds(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Rows of given networks as if each were a seed of the recipe batch_norm: they are the sample.

    Args:
        table: DataFrame of ``experiments.given_networks``.
        measure: str.

    Returns:
        DataFrame without the column measure and those it leaves empty, of one epoch on test images.

    Raises:
        MissingMeasurementError: if there are no such rows.

    Example:
        >>> rows = {"recipe": ["resnet20", "resnet56"], "seed": 0, "measure": "contingency"}
        >>> as_seeds(pd.DataFrame(rows), "contingency")["seed"].tolist()
        [0, 1]
    """
    own = table[table["measure"] == measure] if "measure" in table else table[:0]
    if not len(own):
        raise reporting.MissingMeasurementError(
            f"The table of the given networks must hold the measure. Received: measure={measure!r}"
        )
    # An experiment's own table names a measure only where it has several.
    own = own.drop(columns="measure").dropna(axis=1, how="all").reset_index(drop=True)
    seeds = pd.factorize(own["recipe"])[0]
    return own.assign(seed=seeds, recipe="batch_norm", epoch=1, split="test")


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
        rows: DataFrame, see ``judge``.
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
