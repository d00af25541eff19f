"""Claims judged by the tables of one scale or several: the largest one decides."""

import dataclasses
import hashlib
import typing
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import pandas as pd

from experiments.ledger.source import NoComparisonError, Source, compared
from hfc_keras import checks, reporting
from hfc_keras.lab import discovery
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.profiles import Profile
from hfc_keras.lab.settings import Settings
from hfc_keras.reporting.claims.checked_effects import claim_effects
from hfc_keras.reporting.claims.claim import unique_claims, unmeasured
from hfc_keras.reporting.claims.sections import profile_columns
from hfc_keras.reporting.claims.verdicts import TOO_FEW
from hfc_keras.types import Record

# From the smallest to the largest.
PROFILES = typing.get_args(Profile)


@dataclasses.dataclass
class Judged:
    """What was found; lists grow as tables are read."""

    rows: list[Record] = dataclasses.field(default_factory=list)
    """A dict a claim and data set: its row at the largest scale, and columns of every scale."""
    effects: list[pd.DataFrame] = dataclasses.field(default_factory=list)
    """DataFrames with the columns claim, profile, dataset and those of ``claim_effects``."""
    problems: list[Record] = dataclasses.field(default_factory=list)
    """Dicts: what was not measured in words, and whether that is forgiven."""
    tables: dict[str, str] = dataclasses.field(default_factory=dict)
    """sha256 by path."""
    scales: list[dict[str, str]] = dataclasses.field(default_factory=list)
    """Dicts, the scale of each table."""

    @property
    def changed(self) -> dict[tuple[str, str, str], str]:
        """Settings that are not the profile's, by experiment, profile and data set."""
        return {
            (scale["experiment"], scale["profile"], scale["data set"]): scale[
                "non-default settings"
            ]
            for scale in self.scales
            if scale["non-default settings"]
        }

    @property
    def refused(self) -> list[str]:
        """Problems that are not forgiven, in words."""
        return [problem["text"] for problem in self.problems if not problem["forgiven"]]


def claimants(names: Collection[str] | None = None) -> dict[str, Experiment]:
    """Import the experiments that make claims.

    Args:
        names: sequence of str, which of them; None is all.

    Returns:
        dict from name to Experiment, in the order of ``discovery.experiments``.

    Raises:
        ValueError: for a name that makes no claims or stands twice, or an id that two claims have.
    """
    names_of_all = discovery.experiments("experiments")
    found = {name: discovery.load(f"experiments.{name}") for name in names_of_all}
    found = {name: experiment for name, experiment in found.items() if experiment.claims}
    unique_claims(claim for each in found.values() for claim in each.claims)
    names = list(found) if names is None else names
    chosen = {checks.choice("experiments", name, found) for name in names}
    checks.require(
        names and len(chosen) == len(names),
        "`experiments` must hold at least one and none twice",
        experiments=names,
    )
    return {name: experiment for name, experiment in found.items() if name in chosen}


def profiles_with_tables(names: Collection[str], results: Path) -> tuple[Profile, ...]:
    """Return the profiles, but smoke, of which an experiment has a table for any data set.

    Args:
        names: iterable of str, experiments.
        results: Path.

    Returns:
        tuple of str from the smallest to the largest; quick if there is none.
    """
    found = [
        profile
        for profile in PROFILES[1:]
        if any(next((results / profile).glob(f"*/{name}.csv"), None) for name in names)
    ]
    return tuple(found) or ("quick",)


def judge_all(
    experiments: Mapping[str, Experiment],
    profiles: Iterable[Profile],
    datasets: Iterable[str] | None,
    results: Path,
    available: bool = False,
) -> Judged:
    """Judge the claims of some experiments by the tables of some profiles.

    Args:
        experiments: dict from names to Experiments.
        profiles: sequence of str of ``PROFILES``, none twice.
        datasets: sequence of str, or None for the default of each profile.
        results: Path of the folder of tables.
        available: bool, whether what was measured at no scale is forgiven.

    Returns:
        Judged.

    Raises:
        ValueError: for a data set or a profile that stands twice.
    """
    found = Judged()
    profiles = sorted(profiles, key=PROFILES.index)
    checks.require(
        profiles and len(set(profiles)) == len(profiles),
        "`profile` must hold at least one and none twice",
        profile=profiles,
    )
    for name, experiment in experiments.items():
        for dataset in (None,) if datasets is None else datasets:
            sources = [_source(name, profile, dataset, results) for profile in profiles]
            _judge_one(found, experiment, sources, available)
    return found


def _source(name: str, profile: Profile, dataset: str | None, results: Path) -> Source:
    default = Settings(profile=profile).dataset_name
    return Source(name, profile, dataset or default, results)


def _judge_one(
    found: Judged, experiment: Experiment, sources: Iterable[Source], available: bool
) -> None:
    """Judge the claims of one experiment on one data set at every scale."""
    at, errors = {}, {}
    for source in sources:
        at[source], errors[source], used = _judge(source, experiment, found.effects)
        found.scales += [each for each in used.values() if each not in found.scales]
        for each in dict.fromkeys([source, *used]):
            if each.path.exists():
                digest = hashlib.sha256(each.path.read_bytes()).hexdigest()
                found.tables[each.columns["table"]] = digest
    for place in range(len(experiment.claims)):
        found.rows.append(_largest({source: rows[place] for source, rows in at.items()}))
    # Listed, whatever else is missing.
    without_other = {
        name
        for problems in errors.values()
        for ids, error in problems
        if isinstance(error, NoComparisonError)
        for name in ids
    }
    missed = {
        claim.id
        for place, claim in enumerate(experiment.claims)
        if all(rows[place]["verdict"] == reporting.NOT_MEASURED for rows in at.values())
    } - without_other
    for source, problems in errors.items():
        found.problems += [
            _problem(source, ids, error, missed, available) for ids, error in problems
        ]


def enough(reason: str) -> bool:
    """Whether a verdict of ``reporting.judge`` has the seeds or trainings that it needs.

    Args:
        reason: str, the verdict's.

    Returns:
        bool.

    Example:
        >>> enough("fewer than 3 seeds"), enough("")
        (False, True)
    """
    return not reason.startswith(TOO_FEW)


def _largest(at: Mapping[Source, Record]) -> Record:
    """Row of a claim at the largest scale at which it was measured, with columns of all scales.

    A scale of which there are too few seeds or trainings so far decides only where no other has
    enough.
    """
    with_verdict = [each for each, row in at.items() if row["verdict"] != reporting.NOT_MEASURED]
    whole = [each for each in with_verdict if enough(at[each]["reason"])]
    chosen = (whole or with_verdict or list(at))[-1]
    beside = {}
    for source, row in at.items():
        beside |= profile_columns(row, source.profile)
    return {**at[chosen], **chosen.columns, **beside}


def _judge(
    source: Source, experiment: Experiment, effects: list[pd.DataFrame]
) -> tuple[list[Record], list[tuple[set[str], Exception]], dict[Source, dict[str, str]]]:
    """Row of each claim of an experiment, errors for those not judged, scales by their source."""
    claims = experiment.claims
    try:
        table = source.read(experiment.keys)
        used = {source: source.scale(experiment.settings)}
    except ValueError as error:
        ids = {claim.id for claim in claims}
        return [unmeasured(claim) for claim in claims], [(ids, error)], {}
    rows, errors = [], []
    for claim in claims:
        try:
            own = compared(claim, source, experiment, table, used)
            rows.append(reporting.judge(claim, own))
            where = {"claim": claim.id, "profile": source.profile, "dataset": source.dataset}
            effects.append(claim_effects(claim, own).assign(**where))
        except ValueError as error:
            rows.append(unmeasured(claim))
            errors.append(({claim.id}, error))
    return rows, errors, used


def _problem(
    source: Source, ids: set[str], error: Exception, missed: set[str], available: bool
) -> Record:
    """What was not measured: forgiven where it was at another scale, or what is there is enough."""
    made = f"Made by: {source.command}"
    if source.path.exists() or source.record.exists():
        made += " (--fresh replaces an older table)"
    absent = isinstance(error, reporting.MissingMeasurementError)
    forgiven = absent and (available or not ids & missed)
    forgiven = forgiven or isinstance(error, NoComparisonError)
    return {"text": f"{source.experiment}: {error}. {made}", "forgiven": forgiven}


def effects_table(judged: Judged) -> pd.DataFrame:
    """Return all effects as one table.

    Args:
        judged: Judged.

    Returns:
        DataFrame with the columns claim, profile, dataset, against, seed, effect, training, first
        and second; empty where a column is not the claim's.
    """
    columns = "claim profile dataset against seed effect training first second".split()
    parts = [part.reindex(columns=columns).astype({"seed": "Int64"}) for part in judged.effects]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
