"""The page of all claims."""

from collections.abc import Mapping, Sequence

import pandas as pd

from experiments.ledger.judging import Judged
from hfc_keras import reporting
from hfc_keras.reporting.claims.claim import FITTED, KINDS
from hfc_keras.reporting.claims.ledger import claims_markdown

VERDICTS = """\
A claim is a sentence with an effect, one number for each of n seeds, paired by seed where trainings \
are compared. The interval is Student's 95 % interval of its mean over seeds. *Supported*: the whole \
interval fulfils the condition. *Not seen at this scale*: no part of it does, at a scale below the \
paper's; of the paper's own protocol, and in `claims.csv`, the word is *refuted*. *Undecided*: part \
of it does, there are fewer than three seeds, or the networks are not such as the claim is about: a \
generalisation gap is judged of networks that have {fitted:g} of their training images right. Of an \
undecided claim the page tells what was *detectable*: half the width of the interval; an effect so \
far from the bound would have been decided by as many seeds of this spread.

A claim that must hold against each of several rivals is supported if all comparisons support it, \
refuted if one refutes it with an interval widened for their number (95 % for all of them together, \
Bonferroni), and undecided else; the effect is that against the rival named: of those supported the \
one nearest to a bound, of those undecided the one nearest to refuting. A claim on a correlation over \
trainings has the trainings as its sample, each with its mean over seeds, and the percentile interval \
of 2,000 bootstrap draws of them. Two accuracies count as similar within {margin:g}.

Student's interval holds the test images fixed. *Seeds and images*: the percentile interval of a \
bootstrap of both; accuracies are drawn anew with the spread of a share of as many images, the same \
images for all seeds, others for every measurement. With three seeds a bootstrap of seeds is too \
narrow: it stands beside the other and makes no verdict, but where it holds the bound, the page says so.

*Unverified*: what the claim asks for was remembered, and not found in a source that could be read. \
Each claim is judged by itself, so of many verdicts some will be wrong by chance. `claims_effects.csv` \
holds what every verdict is computed from."""  # noqa: E501
SCALES = """\
From the record beside each table. Told otherwise: settings that were not at their default."""
MEANINGS = {
    "smoke": "proves that the programs run, and is no evidence for or against a claim",
    "quick": "a small network on a subset of the images, minutes a training; not the paper's scale",
    "standard": "the small network on all images, ten epochs; not the paper's scale",
    "full": "a wider network on all images by a fast recipe; not the paper's scale",
    "paper": "the published protocol",
}
LARGEST = """
The verdict is that at the largest scale at which the claim was measured, with three seeds or more \
where there is such a scale; others stand beside it."""
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
        profiles: sequence of str, the scales.
        command: str, which made it.
        drawn: dict from file names of figures to what they show.

    Returns:
        str, Markdown.
    """
    verdicts = VERDICTS.format(margin=reporting.EQUIVALENCE, fitted=FITTED)
    meanings = [f"- Profile {name}: {MEANINGS[name]}." for name in profiles]
    if len(profiles) > 1:
        meanings.append(LARGEST)
    counts = "\n".join(f"- {line}" for line in reporting.count_verdicts(rows))
    parts = ["# Claims", verdicts, "\n".join(meanings), counts, f"Made by `{command}`."]
    parts += [f"![{words}]({name})" for name, words in drawn.items()]
    for kind, heading in KINDS.items():
        if (rows["kind"] == kind).any():
            parts += [f"## {heading}", claims_markdown(rows, kind)]
    if judged.scales:
        parts += ["## Scale of each table", SCALES, _markdown(judged.scales)]
    if judged.problems:
        parts += ["## Not measured", "\n".join(f"- {each['text']}" for each in judged.problems)]
    return "\n\n".join(parts) + "\n"


def _markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """Dicts with the same keys as a table of Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines
    )
