"""The page of a profile: one HTML file that fetches nothing."""

import base64
import functools
from pathlib import Path
from typing import Any, Protocol

import jinja2
import markupsafe
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.outcome import Outcome
from hfc_keras.reporting.drawing.style import rendered
from hfc_keras.types import Record

FOLDER = Path(__file__).parent / "templates"
# Rows of a table that the page shows; the CSV file beside it has all.
MOST_ROWS = 40
# Dots an inch of pictures, and bytes from which a drawing is one.
DOTS, LARGEST_DRAWING = 150, 300_000
FRAME = (
    '<iframe title="Frequency profile" style="width:100%;height:90vh;min-height:600px;'
    'border:1px solid #999" srcdoc="{}"></iframe>'
)


class Shown(Protocol):
    """What the page shows: a Profile, of which the template reads more."""

    subjects: dict[str, Inspected]
    outcomes: list[Outcome]
    seconds: float

    @property
    def names(self) -> list[str]:
        """Names of the models."""
        ...

    def record(self) -> Record:
        """Return how it was made."""
        ...


def html(profile: Shown) -> str:
    """Return the page of a profile.

    Args:
        profile: Profile.

    Returns:
        str.
    """
    template = _environment().get_template("page.html")
    first, *others = profile.outcomes
    return template.render(
        profile=profile,
        record=profile.record(),
        subject=next(iter(profile.subjects.values())),
        first=_shown(first, profile),
        sections=[_shown(outcome, profile) for outcome in others],
        minutes=_duration(profile.seconds),
    )


def framed(text: str) -> str:
    """Return a page within a frame, so that its style stays in it.

    Args:
        text: str, HTML.

    Returns:
        str, HTML.

    Example:
        >>> "&lt;p&gt;" in framed("<p>")
        True
    """
    return FRAME.format(markupsafe.escape(text))


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(outcome: Outcome, profile: Shown) -> dict[str, Any]:
    """What the template shows of a section."""
    section, table = outcome.section, outcome.table
    sentences = {name: outcome.told(name) for name in profile.names}
    alt = f"{section.question} {' '.join(sentences.values())}"
    return {
        "key": section.key,
        "title": section.title,
        "number": section.number,
        "question": section.question,
        "method": section.method,
        "pictures": section.pictures,
        "sentences": sentences,
        "numbers": {name: outcome.number(name) for name in profile.names},
        "figures": [
            {
                "source": source(figure, section.pictures),
                "alt": alt,
                "inches": round(figure.get_figwidth(), 2),
                "model": name if name in profile.subjects else "",
            }
            for name, figure in outcome.figures.items()
        ],
        "errors": outcome.errors,
        "figure_error": outcome.figure_error,
        "notes": outcome.notes,
        "left_out": outcome.left_out,
        "header": [] if table is None else [str(name) for name in table.columns],
        "rows": [] if table is None else _cells(table),
        "count": 0 if table is None else len(table),
        "seconds": outcome.seconds,
    }


def source(figure: Figure, pictures: bool = False) -> str:
    """Return a figure as the address of an image that holds it.

    Args:
        figure: matplotlib.figure.Figure.
        pictures: bool, whether it shows images, which are smaller as pixels.

    Returns:
        str, a ``data:`` address of SVG, or of PNG.

    Example:
        >>> source(Figure()).partition(",")[0]
        'data:image/svg+xml;base64'
    """
    content = b"" if pictures else rendered(figure, "svg", transparent=True)
    kind = "svg+xml"
    if pictures or len(content) > LARGEST_DRAWING:
        content, kind = rendered(figure, "png", dpi=DOTS, transparent=not pictures), "png"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _cells(table: pd.DataFrame) -> list[list[str]]:
    rows = table.head(MOST_ROWS).itertuples(index=False)
    return [[_cell(value) for value in row] for row in rows]


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
