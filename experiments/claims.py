"""Which claims of the papers do the tables support?

Judges every claim of the experiments by the tables they have written, and writes the ledger to the
results folder: claims.csv, CLAIMS.md, a figure claims.png and .svg, and the record claims.json. A
table or a measurement that is missing, damaged or there twice is refused by name. A claim that
compares two data sets is listed as not measured where the other one's table is missing. Exit
status: 0 if all other claims were judged (whatever the verdicts), 2 if one could not be.
"""

import dataclasses
import hashlib
import importlib
import json
import sys
from pathlib import Path
from typing import Annotated

import pandas as pd
import tyro

from experiments import catalogue, command_line, settings
from experiments.profiles import Profile
from experiments.record import provenance
from experiments.tables import NoComparisonError, Source, compared
from hfc_keras import checks, files, reporting

VERDICTS = """\
A claim is a sentence of a paper with an effect, one number for each of n seeds, paired by seed \
where trainings are compared. The interval is Student's 95 % interval of its mean over seeds. \
*Supported*: the whole interval fulfils the condition. *Refuted*: no part of it does. *Undecided*: \
part of it does, or there are fewer than three seeds. A claim that must hold against each of \
several rivals is supported if all comparisons support it, refuted if one refutes it with an \
interval widened for their number (95 % for all of them together, Bonferroni), and undecided else; \
the effect is that against the rival named. Two accuracies count as similar within \
{margin:g}. Each claim is judged by itself, so of many verdicts some will be wrong by chance, and \
each is about networks of the scale at the end of this page. "Over images" is the percentile \
interval of a bootstrap over the test images of one network."""
SCALES = """\
From the record beside each table. Told otherwise: settings that were not at their default."""
# Where a paper makes its claims, in its order.
ORDER = (
    "Fig. 2",
    "Fig. 3",
    "Table 1",
    "Fig. 4",
    "Fig. 5",
    "section 5, BatchNorm",
    "section 5, optimizers",
    "section 5, architectures",
    "Fig. 6",
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
MEANINGS = {
    "smoke": "proves that the programs run, and is no evidence for or against a claim",
    "quick": "a small network on a subset of the images, minutes a training; not the paper's scale",
    "standard": "the small network on all images, ten epochs; not the paper's scale",
    "full": "networks above 0.90, or 0.85 without normalization, by a fast recipe, not the paper's",
    "paper": "the published protocol",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of this command."""

    profile: Profile = "quick"
    """Whose tables to judge, see the experiments."""
    dataset: Annotated[tuple[str, ...] | None, tyro.conf.arg(aliases=["--datasets"])] = None
    """Data sets whose tables to judge. Left out: digits for smoke, cifar10 otherwise."""
    results: Path = Path("results")
    """Folder of the results; tables are read from <results>/<profile>/<dataset>/."""
    experiments: tuple[str, ...] | None = None
    """Experiments whose claims to judge. Left out: all that make claims."""
    available: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Judge what has been measured, and list the rest as not measured."""

    @property
    def datasets(self):
        """Data sets after the profile's default."""
        return self.dataset or (settings.Settings(profile=self.profile).dataset_name,)

    @property
    def command(self):
        """The command that this is, without paths."""
        told = {"--dataset": self.dataset, "--experiments": self.experiments}
        words = [word for name, values in told.items() if values for word in (name, *values)]
        words += ["--available"] if self.available else []
        return " ".join(["python -m experiments.claims --profile", self.profile, *words])


def main(arguments=None):
    """Judge the claims from the command line.

    Args:
        arguments: list of str or None; None is the process's own.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    with command_line.ending():
        told = command_line.parsed(Settings, "python -m experiments.claims", __doc__, arguments)
        try:
            _judge_and_write(told)
        except ValueError as error:
            sys.exit(command_line.refused(error))


def _judge_and_write(told):
    """Judge, then write and print, or print what was refused and exit with status 2."""
    checks.require(
        told.results.is_dir(), "`results` must be a folder of tables", results=str(told.results)
    )
    rows, problems, tables, scales = judge_all(claimants(told.experiments), told)
    refused = [problem["text"] for problem in problems if not problem["forgiven"]]
    if not (refused or tables):
        refused = [f"`results` must hold a table. Received: results={str(told.results)!r}"]
    if refused:
        sys.exit(max(map(command_line.refused, refused)))
    files.sweep(told.results)
    written = write(rows, problems, tables, scales, told)
    print("\n".join([summary(rows), *(f"wrote {path}" for path in written)]))


def claimants(names=None):
    """Import the experiments that make claims.

    Args:
        names: sequence of str, which of them; None is all.

    Returns:
        dict from name to module, in the order of the catalogue.

    Raises:
        ValueError: for a name that makes no claims or stands twice, or an id that two claims have.
    """
    found = catalogue.experiments()
    found = {name: importlib.import_module(f"experiments.{name}") for name in found}
    found = {name: module for name, module in found.items() if getattr(module, "CLAIMS", ())}
    reporting.unique_claims(claim for module in found.values() for claim in module.CLAIMS)
    names = list(found) if names is None else names
    chosen = {checks.choice("experiments", name, found) for name in names}
    checks.require(
        names and len(chosen) == len(names),
        "`experiments` must hold at least one and none twice",
        experiments=names,
    )
    return {name: module for name, module in found.items() if name in chosen}


def judge_all(modules, told):
    """Judge the claims of experiments on all data sets.

    Args:
        modules: dict from an experiment's name to its module.
        told: Settings.

    Returns:
        ``(rows, problems, tables, scales)``: a DataFrame with a row a claim, a list of dicts (text,
        forgiven) of what could not be judged, a dict from the path of each table to its sha256,
        and a list of dicts, the scale of each table that is whole.

    Raises:
        ValueError: for a data set that stands twice.
    """
    datasets = told.datasets
    checks.require(len(set(datasets)) == len(datasets), "`dataset` must differ", dataset=datasets)
    rows, problems, tables, scales = [], [], {}, []
    for name, module in modules.items():
        for dataset in datasets:
            source = Source(name, told.profile, dataset, told.results)
            judged, refused, used = _judge(source, module)
            rows += [{**row, **source.columns} for row in judged]
            scales += [scale for scale in used.values() if scale not in scales]
            made = f"Made by: {source.command}"
            if source.path.exists() or source.record.exists():
                made += " (--fresh replaces an older table)"
            for error in refused:
                absent = isinstance(error, reporting.MissingMeasurementError)
                forgiven = isinstance(error, NoComparisonError) or (absent and told.available)
                problems.append({"text": f"{name}: {error}. {made}", "forgiven": forgiven})
            for each in {source, *used}:
                if each.path.exists():
                    digest = hashlib.sha256(each.path.read_bytes()).hexdigest()
                    tables[each.columns["table"]] = digest
    place = {item: number for number, item in enumerate(ORDER)}
    rows.sort(key=lambda row: place.get(row["item"], len(place)))
    return pd.DataFrame(rows), problems, tables, scales


def _judge(source, module):
    """Row of each claim of an experiment, errors for those not judged, scales by their source."""
    try:
        table = source.read(module.KEYS)
        used = {source: source.scale(module.Settings)}
    except ValueError as error:
        return [reporting.unmeasured(claim) for claim in module.CLAIMS], [error], {}
    rows, errors = [], []
    for claim in module.CLAIMS:
        try:
            rows.append(reporting.judge(claim, compared(claim, source, module, table, used)))
        except ValueError as error:
            rows.append(reporting.unmeasured(claim))
            errors.append(error)
    return rows, errors, used


def summary(rows):
    """Return how many claims have which verdict, in words."""
    counts = rows["verdict"].value_counts()
    order = (*reporting.VERDICTS, reporting.NOT_MEASURED)
    told = [f"{counts[verdict]} {verdict}" for verdict in order if verdict in counts]
    return f"{len(rows)} claims: {', '.join(told)}"


def write(rows, problems, tables, scales, told):
    """Write table, page, figure and record, each file whole.

    Args:
        rows: DataFrame, as of ``judge_all``.
        problems: list of dict.
        tables: dict from path to sha256.
        scales: list of dict.
        told: Settings.

    Returns:
        list of Path.
    """
    figure = reporting.claims_forest(rows) if rows["n"].any() else None
    content = {"command": told.command, **provenance(), "tables": tables}
    texts = {
        "claims.csv": rows.to_csv(index=False),
        "CLAIMS.md": page(rows, problems, scales, told, figure is not None),
        "claims.json": json.dumps(content, indent=1),
    }
    written = [files.write_whole(told.results / name, text) for name, text in texts.items()]
    return written + (reporting.save_figure(figure, told.results / "claims") if figure else [])


def page(rows, problems, scales, told, drawn):
    """Return the page of all claims.

    Args:
        rows: DataFrame.
        problems: list of dict, what was not measured.
        scales: list of dict, the scale of each table.
        told: Settings.
        drawn: bool, whether there is a figure.

    Returns:
        str, Markdown.
    """
    verdicts = VERDICTS.format(margin=reporting.EQUIVALENCE)
    profile = f"Profile {told.profile}: {MEANINGS[told.profile]}."
    parts = ["# Claims", verdicts, profile, f"{summary(rows)}. Made by `{told.command}`."]
    parts += ["![Effects, intervals and what supports](claims.png)"] if drawn else []
    parts.append(reporting.claims_markdown(rows))
    if scales:
        parts += ["## Scale of each table", SCALES, _markdown(scales)]
    if problems:
        lines = [f"- {problem['text']}" for problem in problems]
        parts += ["## Not measured", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _markdown(rows):
    """Dicts with the same keys as a table of Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines
    )


if __name__ == "__main__":
    main()
