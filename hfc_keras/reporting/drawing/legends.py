"""Legends and names that fit into the figure, however long the names are."""

import re
from collections.abc import Iterable, Sequence

from matplotlib.artist import Artist
from matplotlib.figure import Figure

# Inches between two columns of a legend, and of the sign beside a name.
SPACE, SIGN = 0.1, 0.45
# Inches of a wide letter at 8 points, and behind what a name may be broken.
LETTER, BREAKS = 0.067, "[-_/,:; ]"


def fitted(text: str, width: float, size: float = 8) -> str:
    """Break a text into lines that fit into a width, at its hyphens and the like if it has any.

    Args:
        text: str.
        width: float, inches.
        size: float, points of the letters.

    Returns:
        str; a text that fits is returned as it is.

    Example:
        >>> fitted("resnet8-examples=10000-epochs=12", width=1.8).split()
        ['resnet8-examples=10000-', 'epochs=12']
    """
    most = max(8, int(width / (LETTER * size / 8)))
    return "\n".join(part for line in text.split("\n") for part in _parts(line, most))


def _parts(line: str, most: int) -> list[str]:
    """Parts of a line of at most so many letters."""
    if len(line) <= most:
        return [line]
    parts = [""]
    for word in re.split(f"(?<={BREAKS})", line):
        for start in range(0, len(word), most):
            piece = word[start : start + most]
            if len(parts[-1]) + len(piece.rstrip()) > most:
                parts.append("")
            parts[-1] += piece
    return [part.strip() for part in parts if part]


def fit_labels(handles: Iterable[Artist], width: float) -> None:
    """Break the labels of a legend that are wider than it may be.

    Args:
        handles: list of matplotlib artists with labels.
        width: float, inches of the legend.

    Example:
        >>> from matplotlib.lines import Line2D
        >>> line = Line2D([], [], label="resnet8-examples=10000-epochs=12")
        >>> fit_labels([line], width=2.2)
        >>> line.get_label().split()
        ['resnet8-examples=10000-', 'epochs=12']
    """
    for handle in handles:
        handle.set_label(fitted(str(handle.get_label()), width - SIGN))


def legend_width(handles: Iterable[Artist]) -> float:
    """Inches that a column of a legend takes at the size of these figures.

    Args:
        handles: list of matplotlib artists with labels.

    Returns:
        float.

    Example:
        >>> from matplotlib.lines import Line2D
        >>> legend_width([Line2D([], [], label="high, r = 12")])
        1.11
    """
    lines = [line for handle in handles for line in str(handle.get_label()).split("\n")]
    return round(SIGN + 0.055 * max(map(len, lines), default=0), 3)


def legend_columns(handles: Sequence[Artist], width: float) -> int:
    """Columns of a legend in as few rows as some width allows.

    Args:
        handles: list of matplotlib artists with labels.
        width: float, inches.

    Returns:
        int, at least 1.

    Example:
        >>> from matplotlib.lines import Line2D
        >>> legend_columns([Line2D([], [], label="high, r = 12")] * 10, width=7)
        5
    """
    fitting = max(1, int(width / (legend_width(handles) + SPACE)))
    rows = max(1, -(-len(handles) // fitting))
    return max(1, -(-len(handles) // rows))


def legend_lines(handles: Sequence[Artist], width: float) -> int:
    """Lines of text that a legend of some width needs.

    Args:
        handles: list of matplotlib artists with labels.
        width: float, inches.

    Returns:
        int, at least 1.

    Example:
        >>> from matplotlib.lines import Line2D
        >>> legend_lines([Line2D([], [], label="high, r = 12")] * 10, width=7)
        2
    """
    rows = -(-len(handles) // legend_columns(handles, width))
    lines = [1 + str(handle.get_label()).count("\n") for handle in handles]
    # Down each column, as matplotlib fills them.
    columns = [lines[start : start + rows] for start in range(0, len(lines), max(1, rows))]
    return max(1, *map(sum, columns), 0)


def legend_below(figure: Figure, handles: Sequence[Artist]) -> None:
    """Put a legend below all panels, in as few lines as its width allows.

    Args:
        figure: matplotlib.figure.Figure with constrained layout.
        handles: list of matplotlib artists with labels.

    Example:
        >>> from matplotlib.lines import Line2D
        >>> figure = Figure(layout="constrained")
        >>> legend_below(figure, [Line2D([], [], label="train")])
        >>> len(figure.legends)
        1
    """
    fit_labels(handles, figure.get_figwidth())
    columns = legend_columns(handles, figure.get_figwidth())
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
