"""Which claims of the papers do the tables support, at which scale?

Judges every claim of the experiments by the tables they have written, and writes the ledger to the
results folder: claims.csv; claims_effects.csv, the effects by seed that the verdicts are computed
from; CLAIMS.md; a figure for each paper, such as claims_wang_2020, and claims_own (controls and
questions of our own), each as .png and .svg; and a record beside either table. The largest scale
at which a claim was measured decides; the other scales are shown beside it. Damaged or duplicate
tables and measurements are rejected, and the error names them, as it does a table that is missing
at every scale. A claim that compares two data sets is listed as not measured if the other one's
table is missing. Settings of a table that are not its profile's are printed, and stand beside its
verdicts. Exit status: 0 if all other claims were judged (whatever the verdicts), 2 if one could not
be.
"""

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import tyro

from experiments.ledger import judging, page
from hfc_keras import checks, files, reporting
from hfc_keras.lab import command_line
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.record import provenance
from hfc_keras.reporting.claims.sections import count_verdicts
from hfc_keras.reporting.figures.forest import claims_forest

# Where a paper makes its claims, in its order.
ORDER = (
    "Fig. 2",
    "Corollary 1",
    "Fig. 3",
    "Table 1",
    "Fig. 4",
    "Fig. 5",
    "section 5, BatchNorm",
    "section 5, optimizers",
    "section 5, architectures",
    "Fig. 6",
    "section 6.1",
    "Fig. 7",
    "Table 2",
    "section 8",
    "Fourier sensitivity",
    "Fourier regularization",
    "Two views of one network",
    "Fourier heat maps",
    "band stop",
    "perturbation spectra",
    "Amplitude-phase recombination",
    "Anti-aliasing",
    "Contextual convolution",
    "Anchored convolution",
    "All methods together",
)
OWN = "Controls and questions of our own"
SHOWN = "effects, intervals and what supports"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of this command."""

    profile: Annotated[
        tuple[judging.Profile, ...] | None, tyro.conf.arg(aliases=["--profiles"])
    ] = None
    """Profiles whose tables to judge, see the experiments. Default: all but smoke that have any."""
    dataset: Annotated[tuple[str, ...] | None, tyro.conf.arg(aliases=["--datasets"])] = None
    """Data sets whose tables to judge. Default: digits for smoke, cifar10 otherwise."""
    results: Path = Path("results")
    """Folder of the results; tables are read from <results>/<profile>/<dataset>/."""
    experiments: tuple[str, ...] | None = None
    """Experiments whose claims to judge. Default: all that make claims."""
    available: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Judge what has been measured, and list the rest as not measured."""

    @property
    def command(self) -> str:
        """The command that this is, without paths."""
        options = {
            "--profile": self.profile,
            "--dataset": self.dataset,
            "--experiments": self.experiments,
        }
        words = [word for name, values in options.items() if values for word in (name, *values)]
        words += ["--available"] if self.available else []
        return " ".join(["python -m experiments.claims", *words])


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the claims from the command line.

    Args:
        arguments: list of str or None; None is the process's own.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    with command_line.ending():
        options = command_line.parsed(Settings, "python -m experiments.claims", __doc__, arguments)
        try:
            _judge_and_write(options)
        except ValueError as error:
            sys.exit(command_line.refused(error))


def _judge_and_write(options: Settings) -> None:
    """Judge, then write and print, or print what was refused and exit with status 2."""
    checks.require(
        options.results.is_dir(),
        "`results` must be a folder of tables",
        results=str(options.results),
    )
    rows, judged, profiles = judge_all(judging.claimants(options.experiments), options)
    refused = judged.refused
    if not (refused or judged.tables):
        refused = [f"`results` must hold a table. Received: results={str(options.results)!r}"]
    if refused:
        sys.exit(max(map(command_line.refused, refused)))
    for (name, profile, dataset), told in judged.changed.items():
        print(
            f"warning: {name}, {profile}, {dataset}: made with settings that are not the "
            f"profile's: {told}",
            file=sys.stderr,
        )
    files.sweep(options.results)
    written = write(rows, judged, profiles, options)
    print("\n".join([*count_verdicts(rows), *(f"wrote {path}" for path in written)]))


def judge_all(
    experiments: Mapping[str, Experiment], options: Settings
) -> tuple[pd.DataFrame, judging.Judged, list[str]]:
    """Judge claims by the tables of the given profiles.

    Args:
        experiments: dict, see ``judging.claimants``.
        options: Settings.

    Returns:
        (rows, judged, profiles): DataFrame in the order of the papers, judging.Judged, and the
        profiles from the smallest.

    Raises:
        ValueError: for a data set or a profile that stands twice.
    """
    profiles = options.profile
    if profiles is None:
        profiles = judging.profiles_with_tables(experiments, options.results)
    datasets = options.dataset
    checks.require(
        datasets is None or len(set(datasets)) == len(datasets),
        "`dataset` must differ",
        dataset=datasets,
    )
    judged = judging.judge_all(experiments, profiles, datasets, options.results, options.available)
    place = {item: number for number, item in enumerate(ORDER)}
    rows = sorted(judged.rows, key=lambda row: place.get(row["item"], len(place)))
    return pd.DataFrame(rows), judged, sorted(profiles, key=judging.PROFILES.index)


def write(
    rows: pd.DataFrame, judged: judging.Judged, profiles: Sequence[str], options: Settings
) -> list[Path]:
    """Write tables, page, figures and record, each file whole.

    Args:
        rows: DataFrame, see ``judge_all``.
        judged: judging.Judged.
        profiles: sequence of str.
        options: Settings.

    Returns:
        list of Path.
    """
    own = rows["kind"].isin(page.OWN)
    parts = {**dict(list(rows[~own].groupby("paper", sort=False))), OWN: rows[own]}
    parts = {title: part for title, part in parts.items() if part["n"].any()}
    drawn = {f"{figure_name(title)}.png": f"{title}: {SHOWN}" for title in parts}
    content = {"command": options.command, **provenance(), "tables": judged.tables}
    texts = {
        "claims.csv": rows.to_csv(index=False),
        "claims_effects.csv": judging.effects_table(judged).to_csv(index=False),
        "CLAIMS.md": page.page(rows, judged, profiles, options.command, drawn),
    }
    record = json.dumps(content, indent=1)
    texts |= {"claims.json": record, "claims_effects.json": record}
    written = [files.write_whole(options.results / name, text) for name, text in texts.items()]
    for title, part in parts.items():
        path = options.results / figure_name(title)
        written += reporting.save_figure(claims_forest(part, title), path)
    return written


def figure_name(title: str) -> str:
    """Name of the figure of a paper, or of claims of our own, without suffix.

    Example:
        >>> figure_name("Wang et al. 2020")
        'claims_wang_2020'
    """
    words = title.lower().replace(" et al.", "").split()
    return "claims_own" if title == OWN else "_".join(["claims", *words])


if __name__ == "__main__":
    main()
