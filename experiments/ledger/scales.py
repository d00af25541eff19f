"""The core claims judged at every scale, and on networks that others trained."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from experiments.ledger import judging
from hfc_keras import checks, reporting
from hfc_keras.lab.experiment import Experiment
from hfc_keras.reporting.figures.scale import courses
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


def judge(
    dataset: str, results: Path, given: Path
) -> tuple[pd.DataFrame, list[str], dict[str, str]]:
    """Judge the core claims at each scale.

    Args:
        dataset: str, whose tables to judge.
        results: Path of the folder of tables.
        given: Path of the table of the given networks, in that folder; it need not exist.

    Returns:
        (rows, left_out, tables): DataFrame of rows of ``reporting.judge`` with the columns rung,
        verdicts and effects, from the smallest scale to the largest; list of str; dict from path
        to sha256.

    Raises:
        ValueError: naming a table that is damaged.
    """
    experiments = core()
    judged_rows, left_out, tables = [], [], {}
    for profile in judging.PROFILES[1:]:
        judged = judging.judge_all(experiments, [profile], (dataset,), results, available=True)
        checks.require(not judged.refused, "; ".join(judged.refused), results=str(results))
        chosen = judged.rows
        present = [row for row in chosen if row["verdict"] != reporting.NOT_MEASURED]
        judged_rows += [{**row, "rung": profile} for row in present]
        left_out += _left_out(profile, chosen, present)
        tables |= judged.tables
    if not given.exists():
        left_out.append(f"{GIVEN_NETWORKS}: no table {given.name}")
    else:
        networks = reporting.read_table(given, ("recipe", "seed", "measure"))
        where = {"dataset": dataset, "table": given.relative_to(results).as_posix()}
        rows, problems = on_given(experiments, networks, where)
        judged_rows += rows
        left_out += problems
        tables[where["table"]] = hashlib.sha256(given.read_bytes()).hexdigest()
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


def on_given(
    experiments: Mapping[str, Experiment], table: pd.DataFrame, where: Mapping[str, str]
) -> tuple[list[Record], list[str]]:
    """Judge the claims of ``GIVEN`` by the table of the given networks.

    Args:
        experiments: dict, see ``core``.
        table: DataFrame of ``experiments.given_networks``.
        where: dict, columns that say which table it is.

    Returns:
        (rows, problems): list of dict; list of str, what is left out.
    """
    by_id = {claim.id: claim for each in experiments.values() for claim in each.claims}
    rows, problems = [], []
    for name, measure in GIVEN.items():
        try:
            row = reporting.judge(by_id[name], as_seeds(table, measure))
        except reporting.MissingMeasurementError as error:
            problems.append(f"{GIVEN_NETWORKS}: {error}")
            continue
        told = {"experiment": "given_networks", "profile": "given", **where}
        rows.append({**row, **told, "sample": "networks", "rung": GIVEN_NETWORKS})
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
