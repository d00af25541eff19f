"""All claims together as the sections of a page.

A row is what ``verdicts.judge`` returns, with the columns experiment, profile, dataset and table,
the path of the table as seen from the page. Its profile is the largest scale at which the claim was
measured; what other profiles say stands in the columns of ``profile_columns``.
"""

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import pandas as pd

from hfc_keras import checks
from hfc_keras.reporting.claims.claim import KINDS, NOT_MEASURED, VERDICTS, in_words
from hfc_keras.reporting.claims.verdicts import BOUND_WITHIN, CONFIDENCE
from hfc_keras.types import Record

Row: TypeAlias = Mapping[str, Any] | pd.Series
Changed: TypeAlias = Mapping[tuple[str, str, str], str]

COLUMNS = (
    "paper kind item id sentence measured unit unverified above below sample n effect low high "
    "confidence detectable against verdict reason image_low image_high fit fit_needed experiment "
    "profile dataset table"
).split()
# What a row says of each other profile.
AT_PROFILE = ("verdict", "n", "effect", "low", "high")
HEADING = (
    "| name | claim | effect measured | effect [95% interval] | holds if | n | verdict | table |\n"
    "|---|---|---|---|---|---|---|---|"
)


def claims_markdown(
    rows: pd.DataFrame, kind: str | None = None, changed: Changed = MappingProxyType({})
) -> str:
    """Sections of a page, one for each item of a paper, with one line per claim.

    Args:
        rows: DataFrame with the columns ``COLUMNS`` and, for profiles beside that of a row, those
            of ``profile_columns``.
        kind: str of ``claims.KINDS``, whose rows to write; None is all.
        changed: dict from experiment, profile and data set to str, the settings of a table that
            are not its profile's.

    Returns:
        str of Markdown, items in the order of their first row.

    Raises:
        ValueError: for a column that is missing.

    Example:
        >>> import pandas as pd
        >>> row = dict.fromkeys(COLUMNS, "x") | dict.fromkeys(["effect", "low", "high"], 0.25)
        >>> row |= {"above": 0, "below": math.inf, "image_low": math.nan, "n": 3}
        >>> row |= {"confidence": 0.975, "reason": "", "unverified": "", "sample": "seeds"}
        >>> print(claims_markdown(pd.DataFrame([row])).splitlines()[-1])
        | x | x | x | +0.250 [+0.250, +0.250] at 97.5% against x | > 0 | 3 | **x** | [x, x, x](x) |
    """
    check_columns(rows)
    names = [str(name) for name in rows.columns]
    profiles = [name.removesuffix("_verdict") for name in names if name.endswith("_verdict")]
    rows = rows if kind is None else rows[rows["kind"] == checks.choice("kind", kind, list(KINDS))]
    sections = []
    for (paper, item), part in rows.groupby(["paper", "item"], sort=False):
        lines = [_line(row, profiles, changed) for _, row in part.iterrows()]
        sections.append("\n".join([f"### {paper}, {item}", "", HEADING, *lines]))
    return "\n\n".join(sections)


def profile_columns(row: Mapping[str, Any], profile: str) -> Record:
    """What a judged row says, as the columns of one profile beside others.

    Args:
        row: dict, see ``verdicts.judge``.
        profile: str.

    Returns:
        dict, such as quick_verdict, quick_n, quick_effect, quick_low and quick_high.

    Example:
        >>> row = {"verdict": "supported", "n": 3, "effect": 0.2, "low": 0.1, "high": 0.3}
        >>> list(profile_columns(row, "quick"))
        ['quick_verdict', 'quick_n', 'quick_effect', 'quick_low', 'quick_high']
    """
    return {f"{profile}_{name}": row[name] for name in AT_PROFILE}


def count_verdicts(rows: pd.DataFrame) -> list[str]:
    """How many claims have which verdict, in words, those of each kind apart.

    Args:
        rows: DataFrame with the columns kind, profile and verdict.

    Returns:
        list of str, one line per kind.

    Example:
        >>> import pandas as pd
        >>> row = {"kind": "paper", "profile": "quick", "verdict": "refuted"}
        >>> count_verdicts(pd.DataFrame([row]))
        ['Claims of the papers: 1, of which 1 not seen at this scale']
    """
    lines = []
    for kind, words in KINDS.items():
        part = rows[rows["kind"] == kind]
        said = [in_words(*pair) for pair in zip(part["verdict"], part["profile"], strict=True)]
        order = dict.fromkeys(in_words(one, at) for at in ("paper", "") for one in VERDICTS)
        counts = [f"{said.count(one)} {one}" for one in (*order, NOT_MEASURED) if one in said]
        lines += [f"{words}: {len(part)}, of which {', '.join(counts)}"] if said else []
    return lines


def check_columns(rows: pd.DataFrame) -> None:
    """Refuse rows without the columns of the ledger.

    Args:
        rows: DataFrame.

    Raises:
        ValueError: naming those that are missing.
    """
    missing = [name for name in COLUMNS if name not in rows.columns]
    checks.require(not missing, f"`rows` must have the columns {COLUMNS}", missing=missing)


def claim_name(claim: str) -> str:
    """Name of a claim by its id, on the page and in the figure."""
    return claim.replace("_", " ")


def _line(row: Row, profiles: Iterable[str], changed: Changed) -> str:
    """Line of the page for one claim."""
    source = f"[{row['experiment']}, {row['profile']}, {row['dataset']}]({row['table']})"
    source += _not_default(row, row["profile"], changed)
    mark = f" (Unverified: {row['unverified']}.)" if row["unverified"] else ""
    texts = [claim_name(row["id"]), _escaped(row["sentence"]) + mark, _escaped(row["measured"])]
    if row["verdict"] == NOT_MEASURED:
        cells = [*texts, "", _range(row), "", NOT_MEASURED, str(row["experiment"])]
    else:
        n = row["n"] if row["sample"] == "seeds" else f"{row['n']} {row['sample']}"
        cells = [*texts, interval(row), _range(row), n, _verdict(row, profiles, changed), source]
    return f"| {' | '.join(map(str, cells))} |"


def _verdict(row: Row, profiles: Iterable[str], changed: Changed) -> str:
    """Verdict with its reason, and what other profiles say."""
    words = f"**{in_words(row['verdict'], row['profile'])}**"
    if row["verdict"] in ("supported", "refuted") and _open_over_images(row):
        words += " (undecided over seeds and images)"
    if row["reason"] == BOUND_WITHIN:
        words += f" (detectable: {row['detectable']:.2g} from the bound)"
    elif row["reason"]:
        words += f" ({_escaped(row['reason'])})"
    for profile in profiles:
        verdict = row[f"{profile}_verdict"]
        if profile != row["profile"] and verdict != NOT_MEASURED:
            at = {name: row[f"{profile}_{name}"] for name in AT_PROFILE}
            words += f"; {profile}: {in_words(verdict, profile)}, {interval(at)}, n = {at['n']:.0f}"
            words += _not_default(row, profile, changed)
    return words


def _not_default(row: Row, profile: str, changed: Changed) -> str:
    """Settings of the claim's table of a profile that are not the profile's."""
    told = changed.get((row["experiment"], profile, row["dataset"]))
    return f" (not the profile's settings: {_escaped(told)})" if told else ""


def _open_over_images(row: Row) -> bool:
    """Whether the interval over seeds and images contains a bound: a missing one does not."""
    low, high = row["image_low"], row["image_high"]
    return any(low < bound < high for bound in (row["above"], row["below"]))


def _escaped(text: object) -> str:
    return str(text).replace("|", "\\|")


def interval(row: Row) -> str:
    """Effect and its intervals in words.

    Args:
        row: mapping with effect, low and high, and whatever else ``verdicts.judge`` returns.

    Returns:
        str.

    Example:
        >>> interval({"effect": 0.25, "low": 0.125, "high": 0.375})
        '+0.250 [+0.125, +0.375]'
    """
    numbers = f"{row['effect']:+.3f}"
    if not math.isnan(row["low"]):
        numbers += f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    if row.get("confidence", CONFIDENCE) > CONFIDENCE:
        numbers += f" at {100 * row['confidence']:.4g}%"
    if row.get("against"):
        numbers += f" against {_escaped(row['against'])}"
    if not math.isnan(row.get("image_low", math.nan)):
        numbers += f"; seeds and images [{row['image_low']:+.3f}, {row['image_high']:+.3f}]"
    return numbers


def _range(row: Row) -> str:
    """Range of effects that supports a claim, in words."""
    if math.isinf(row["below"]):
        return f"> {row['above']:g}"
    within = f"{row['above']:g} to {row['below']:g}"
    return f"< {row['below']:g}" if math.isinf(row["above"]) else within
