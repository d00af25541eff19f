"""Claims on 70 ImageNet networks that others trained and measured.

Correlates measures over the networks of the table of Gavrikov and Keuper (Can Biases in ImageNet
Models Explain Generalization?, CVPR 2024, CC BY-SA 4.0), such as accuracy on high and on low
frequencies with accuracy under PGD and under corruptions. Each question is a sentence of the core
papers, or of our own, with the sign it predicts. It is asked of the 69 trained networks and of the
48 ResNet-50s that the authors compare, each with and without the 15 of a series trained
adversarially (robust_*, from epsilon 0 up), which are both the most robust and the least accurate
on high frequencies, and of these alone. Intervals are from a bootstrap over networks. The table is
not part of this project; give its path with --table. Results go to <results>/published/imagenet/.
"""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
import tyro
from matplotlib.figure import Figure

from experiments.outside import published_cells, published_table
from hfc_keras.lab.experiment import Experiment
from hfc_keras.lab.spread import Spread
from hfc_keras.reporting import correlation_interval
from hfc_keras.reporting.claims import verdicts
from hfc_keras.reporting.figures.correlations import correlation_panels
from hfc_keras.reporting.statistics.correlation_intervals import COEFFICIENTS

KEYS = "recipe seed question coefficient".split()
WANG, KRISHNAMACHARI, YIN, OURS = (
    "Wang et al. 2020",
    "Krishnamachari et al. 2022",
    "Yin et al. 2019",
    "our question",
)
# What the title of a panel says, by group.
GROUPS = {"resnet50": "48 ResNet-50", "resnet50_but_robust": "33 not robust"}
KINDS = ("ResNet-50", "other architectures", "ResNet-50 of the robust series")


@dataclasses.dataclass(frozen=True)
class Question:
    """A sentence, the two measures it is about, and the sign of their correlation."""

    title: str
    paper: str
    sentence: str
    across: str
    upwards: str
    expected: int


QUESTIONS = {
    "high_pgd": Question(
        "high frequencies, PGD",
        WANG,
        "Robust networks use less of the high frequencies.",
        "high",
        "pgd",
        -1,
    ),
    "higher_pgd": Question(
        "upper half, PGD",
        WANG,
        "Robust networks use less of the high frequencies (the upper half of them).",
        "higher",
        "pgd",
        -1,
    ),
    "low_pgd": Question(
        "low frequencies, PGD",
        KRISHNAMACHARI,
        "Robust networks are sensitive to low frequencies.",
        "low",
        "pgd",
        1,
    ),
    "kernels_pgd": Question(
        "kernels, PGD",
        WANG,
        "Robust networks have smooth kernels (nearest to it in the table: their 3 x 3 kernels vary "
        "less, in entropy).",
        "entropy",
        "pgd",
        -1,
    ),
    "high_clean": Question(
        "high frequencies, clean",
        WANG,
        "High frequencies help to explain how well networks generalize: those that use more of "
        "them are more accurate.",
        "high",
        "clean",
        1,
    ),
    "high_corruptions": Question(
        "high frequencies, corruptions",
        OURS,
        "Networks that use high frequencies keep more of their accuracy under corruptions.",
        "high",
        "corruptions",
        1,
    ),
    "low_corruptions": Question(
        "low frequencies, corruptions",
        OURS,
        "Networks that do with low frequencies keep more of their accuracy under corruptions.",
        "low",
        "corruptions",
        1,
    ),
    "high_noise": Question(
        "high frequencies, noise",
        YIN,
        "Networks that use high frequencies keep less of their accuracy under noise.",
        "high",
        "noise",
        -1,
    ),
    "high_blur": Question(
        "high frequencies, blur",
        YIN,
        "Networks that use high frequencies keep less of their accuracy under blur.",
        "high",
        "blur",
        -1,
    ),
    "band_pgd": Question(
        "critical band, PGD",
        OURS,
        "Robust networks recognise objects in a wider band of frequencies.",
        "band",
        "pgd",
        1,
    ),
    "centre_pgd": Question(
        "critical band's centre, PGD",
        KRISHNAMACHARI,
        "Robust networks rely on lower frequencies.",
        "centre",
        "pgd",
        -1,
    ),
    "shape_pgd": Question(
        "shape bias, PGD",
        OURS,
        "Networks that go by shape are more robust to attacks.",
        "shape",
        "pgd",
        1,
    ),
}


DRAWN = (
    "high_pgd low_pgd high_clean high_corruptions low_corruptions high_noise kernels_pgd band_pgd "
    "shape_pgd"
).split()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Spread):
    """Settings of this experiment."""

    profile: ClassVar = "published"
    # There are no trained models to publish, and no trainings to plan.
    publish: ClassVar = False
    plan: ClassVar = False

    table: Path | None = None
    """The file biases_vs_generalization.csv. Default: the environment's HFC_PUBLISHED_TABLE."""
    replicates: int = 10_000
    """Draws of the bootstrap."""
    results: Path = Path("results")
    """Folder for tables, figures and records: <results>/published/imagenet/."""
    fresh: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace tables that an earlier run made with other settings."""

    @property
    def folder(self) -> Path:
        """Folder of the results."""
        return self.results / self.profile / "imagenet"


def measure(cell: published_cells.Cell) -> pd.DataFrame:
    """Return one row per question and kind of correlation for one group of networks.

    Networks that lack one of the measures are left out.
    """
    rows, replicates = [], cell.settings.replicates
    for name, question in QUESTIONS.items():
        known = cell.table.dropna(subset=[question.across, question.upwards])
        pair = known[question.across], known[question.upwards]
        found = {
            kind: correlation_interval(*pair, replicates=replicates, coefficient=kind)
            for kind in COEFFICIENTS
        }
        if question.upwards != "clean":
            found["partial"] = correlation_interval(
                *pair, replicates=replicates, at_equal=known["clean"]
            )
        expected = {"above": 0.0} if question.expected > 0 else {"below": 0.0}
        for kind, each in found.items():
            row = {"question": name, "coefficient": kind, "correlation": each.value}
            row |= {"correlation_low": each.low, "correlation_high": each.high}
            row |= {"networks": each.trainings, "expected": question.expected}
            row |= {"verdict": verdicts.of_interval(each.low, each.high, **expected)}
            rows.append({**row, "paper": question.paper, "sentence": question.sentence})
    return pd.DataFrame(rows)


def words(row: Any) -> str:
    """Return a correlation with its interval in words."""
    ends = f"{row['correlation_low']:+.2f}, {row['correlation_high']:+.2f}"
    return f"{row['correlation']:+.2f} [{ends}]"


def ranks(table: pd.DataFrame, coefficient: str = "spearman") -> pd.DataFrame:
    """Return correlations by question and group, with interval and number of networks."""
    own = table[table["coefficient"] == coefficient]
    cells = own.apply(words, axis=1) + own["networks"].map(" ({:d})".format)
    wide = own.assign(cell=cells).pivot(index="question", columns="recipe", values="cell")
    wide = wide.reindex(index=list(QUESTIONS), columns=own["recipe"].unique())
    return wide.dropna(how="all").rename_axis(index=None, columns=None)


def summary(table: pd.DataFrame) -> str:
    """Return the rank correlations, and what they say of each sentence."""
    own = table[table["coefficient"] == "spearman"]
    found = own.pivot(index="question", columns="recipe", values="verdict")
    found = found.reindex(index=list(QUESTIONS), columns=own["recipe"].unique())
    asked = [
        f"{name} ({question.paper}; expected {'+' if question.expected > 0 else '-'}): "
        f"{question.sentence}"
        for name, question in QUESTIONS.items()
    ]
    return "\n\n".join(
        [
            f"Numbers of {published_table.SOURCE}; {published_table.LICENCE}",
            "\n".join(asked),
            "Rank correlation over networks [95 % interval, bootstrap over networks] (networks)",
            ranks(table).to_string(),
            "The same at equal clean accuracy (partial correlation of ranks)",
            ranks(table, "partial").to_string(),
            "What the first of them say of the sentences",
            found.rename_axis(index=None, columns=None).to_string(),
        ]
    )


def figures(table: pd.DataFrame, plan: published_cells.Plan) -> dict[str, Figure]:
    """Draw one measure against another, one panel per question."""
    points = published_table.measures(plan.table)
    points = points[points["model"] != published_table.UNTRAINED]
    robust = points["model"].str.startswith("robust_")
    resnet50 = points["model"].isin(plan.recipes.get("resnet50", ()))
    kinds = np.select([robust, resnet50], [KINDS[2], KINDS[0]], KINDS[1])
    points = points.assign(kind=pd.Categorical(kinds, KINDS)).sort_values("kind", kind="stable")
    points["kind"] = points["kind"].astype(str)
    own = table[table["coefficient"] == "spearman"].set_index(["question", "recipe"])
    drawn = {name: QUESTIONS[name] for name in DRAWN}
    notes = {}
    for name, question in drawn.items():
        lines = [
            f"{words_of(own, name, group)} {networks}"
            for group, networks in GROUPS.items()
            if (name, group) in own.index
        ]
        notes[name] = "\n".join([question.title, *lines])
    pairs = {name: (each.across, each.upwards) for name, each in drawn.items()}
    return {"": correlation_panels(points, pairs, published_table.MEASURES, notes)}


def words_of(rows: pd.DataFrame, question: str, group: str) -> str:
    """Return the correlation of a question in a group in words."""
    return words(rows.loc[(question, group)])


EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    plan=published_cells.make_plan,
    measure=measure,
    keys=KEYS,
    summary=summary,
    figures=figures,
)


if __name__ == "__main__":
    EXPERIMENT.main()
