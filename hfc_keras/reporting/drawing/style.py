"""The look of all figures, and how they are written."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from hfc_keras import checks, files
from hfc_keras.reporting.drawing.legends import fitted
from hfc_keras.reporting.drawing.palette import GREY
from hfc_keras.types import PathLike

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

STYLE: "dict[RcKeyType, Any]" = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 3,
    "legend.frameon": False,
    "svg.hashsalt": "hfc_keras",
    # Names of models and classes may hold dollar signs.
    "text.parse_math": False,
}


# Points of small words, and inches of a line of them.
SMALL, LINE = 6.5, 0.15

# Neither says when or by what it was written, so that the same figure is the same file.
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}


def save_figure(
    figure: Figure, path: PathLike, formats: Sequence[str] = ("png", "svg")
) -> list[Path]:
    """Write a figure as PNG (200 dots per inch), SVG or PDF, each file whole.

    Args:
        figure: matplotlib.figure.Figure.
        path: str or Path without suffix.
        formats: list of ``"png"``, ``"svg"`` and ``"pdf"``.

    Returns:
        List of the Paths, in the order of the formats.

    Raises:
        ValueError: if they cannot be written, or for another format.

    Example:
        >>> import tempfile
        >>> from matplotlib.figure import Figure
        >>> paths = save_figure(Figure(), Path(tempfile.mkdtemp()) / "empty")
        >>> [path.suffix for path in paths]
        ['.png', '.svg']
    """
    for each in formats:
        checks.choice("format", each, METADATA)
    return [files.write_whole(Path(f"{path}.{each}"), rendered(figure, each)) for each in formats]


def rendered(figure: Figure, kind: str, dpi: int = 200, transparent: bool = False) -> bytes:
    """Return a figure as the content of a file.

    Args:
        figure: matplotlib.figure.Figure.
        kind: ``"png"``, ``"svg"`` or ``"pdf"``.
        dpi: int, dots per inch of PNG, and of pictures in the others.
        transparent: bool, whether it has no ground.

    Returns:
        bytes.

    Raises:
        ValueError: for another kind.

    Example:
        >>> from matplotlib.figure import Figure
        >>> rendered(Figure(), "pdf")[:5]
        b'%PDF-'
    """
    metadata = METADATA[checks.choice("format", kind, METADATA)]
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        _settle(figure)
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata, transparent=transparent)
    return buffer.getvalue()


def with_scale(figure: Figure, words: str) -> Figure:
    """Write at what scale a figure was measured above it, small and gray, and make room for that.

    Args:
        figure: matplotlib.figure.Figure; a heading that it has stays, above the scale.
        words: str; nothing is written if they are empty.

    Returns:
        The same figure.

    Example:
        >>> from matplotlib.figure import Figure
        >>> with_scale(Figure(layout="constrained"), "12 epochs").get_suptitle()
        '12 epochs'
    """
    if not words:
        return figure
    words = fitted(words, figure.get_figwidth(), SMALL)
    figure.set_figheight(figure.get_figheight() + LINE * (1 + words.count("\n")))
    for heading in figure.texts:
        if heading.get_text() == figure.get_suptitle():
            heading.set_text(f"{heading.get_text()}\n{words}")
            return figure
    figure.suptitle(words, fontsize=SMALL, color=GREY, parse_math=False)
    return figure


def _settle(figure: Figure) -> None:
    """Lay a figure out once and for all, in the same places every time.

    The solver of the layout is exact to rounding alone, and names in an SVG file depend on it.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        bounds = np.round(axes.get_position(original=True).bounds, 6)
        left, bottom, width, height = bounds.tolist()
        axes.set_position((left, bottom, width, height))
