"""The page of all claims."""

from collections.abc import Mapping, Sequence

import pandas as pd

from experiments.ledger.judging import Judged
from hfc_keras import reporting
from hfc_keras.reporting.claims.claim import FITTED, KINDS
from hfc_keras.reporting.claims.sections import claims_markdown, count_verdicts

VERDICTS = """\
A claim is a sentence with an effect: one number for each of n seeds, paired by seed where recipes \
are compared. The interval is Student's 95% interval of its mean over seeds. *Supported*: the whole \
interval meets the condition. *Not seen at this scale*: no part of it does, at a scale below the \
paper's; for the paper's own protocol, and in `claims.csv`, the word is *refuted*. *Undecided*: part \
of it does, there are fewer than three seeds, or the claim does not apply to these networks: a \
generalization gap is judged only for networks with a training accuracy of at least {fitted:g}. For \
an undecided claim the page states what was *detectable*, the half-width of the interval: with as \
many seeds of the same spread, an effect this far from the bound would have been decided.

A claim that must hold against several rivals is supported if every comparison supports it, refuted \
if one comparison refutes it with an interval widened for their number (95% for all together, \
Bonferroni), and undecided otherwise. The effect shown is the one against the rival named: if \
supported, the one nearest to a bound; if undecided, the one nearest to refuting. A claim on a \
correlation over recipes takes the recipes as its sample, each as the mean over its seeds, and the \
percentile interval of 2,000 bootstrap draws. Two accuracies count as similar within {margin:g}.

Student's interval holds the test images fixed. *Seeds and images* is the percentile interval of a \
bootstrap of both. Accuracies are redrawn with the standard error of a share of that many images, \
with the same images for all seeds and different ones for each measurement. With three seeds, a \
bootstrap over seeds is too narrow, so it is shown but gives no verdict; where it contains the bound, \
the page says so.

*Unverified*: we recalled this detail of the claim but could not find it in a source we could read. \
Each claim is judged by itself, so some of the verdicts will be wrong by chance. `claims_effects.csv` \
holds the numbers that every verdict is computed from."""  # noqa: E501
FROM_RECORDS = """\
From the record beside each table. "Non-default settings": those that were not at their default."""
MEANINGS = {
    "smoke": "checks that the programs run; no evidence for or against a claim",
    "quick": "a small network on a subset of the images, minutes per recipe; not the paper's scale",
    "standard": "the small network on all images, ten epochs; not the paper's scale",
    "full": "a wider network on all images, by a fast recipe; not the paper's scale",
    "paper": "the published protocol",
}
LARGEST = """
The verdict is the one at the largest scale at which the claim was measured (with three seeds or
more, where there is such a scale); verdicts at other scales are shown beside it."""
OWN = ("control", "question")


def page(
    rows: pd.DataFrame,
    judged: Judged,
    profiles: Sequence[str],
    command: str,
    drawn: Mapping[str, str],
) -> str:
    """Return the page of all claims.

    Args:
        rows: DataFrame, those of ``judged`` in the order of the papers.
        judged: judging.Judged.
        profiles: sequence of str.
        command: str, which made it.
        drawn: dict from file names of figures to what they show.

    Returns:
        str, Markdown.
    """
    verdicts = VERDICTS.format(margin=reporting.EQUIVALENCE, fitted=FITTED)
    meanings = [f"- Profile {name}: {MEANINGS[name]}." for name in profiles]
    if len(profiles) > 1:
        meanings.append(LARGEST)
    counts = "\n".join(f"- {line}" for line in count_verdicts(rows))
    parts = ["# Claims", verdicts, "\n".join(meanings), counts, f"Made by `{command}`."]
    parts += [f"![{words}]({name})" for name, words in drawn.items()]
    for kind, heading in KINDS.items():
        if (rows["kind"] == kind).any():
            parts += [f"## {heading}", claims_markdown(rows, kind, judged.changed)]
    if judged.scales:
        parts += ["## Scale of each table", FROM_RECORDS, _markdown(judged.scales)]
    if judged.problems:
        parts += ["## Not measured", "\n".join(f"- {each['text']}" for each in judged.problems)]
    return "\n\n".join(parts) + "\n"


def _markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """Dicts with the same keys as a table of Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines
    )
