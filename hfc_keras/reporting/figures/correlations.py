"""Figures of one measure against another over networks."""

from collections.abc import Mapping, Sequence

import matplotlib
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import legend_below
from hfc_keras.reporting.drawing.panels import PAGE
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import require_columns

LOOKS: tuple[palette.Look, ...] = (
    {"color": palette.BLACK, "marker": "o"},
    {"color": palette.ORANGE, "marker": "^"},
    {"color": palette.BLUE, "marker": "s"},
    {"color": palette.GREEN, "marker": "D"},
)


def correlation_panels(
    points: pd.DataFrame,
    pairs: Mapping[str, tuple[str, str]],
    names: Mapping[str, str],
    notes: Mapping[str, str] | None = None,
) -> Figure:
    """One measure against another, one panel per question, one point per network.

    Args:
        points: DataFrame with the column kind, which sets the look of a network (up to four
            kinds), and those of the pairs.
        pairs: dict from a question's name to (column across, column upwards).
        names: dict from columns to what stands on the axes.
        notes: dict from a question's name to the title of its panel, or None.

    Returns:
        matplotlib.figure.Figure, up to 7 inches wide.

    Raises:
        ValueError: for a missing column or more than four kinds.

    Example:
        >>> import pandas as pd
        >>> points = pd.DataFrame({"kind": ["robust", "other"], "x": [1, 2], "y": [2, 1]})
        >>> figure = correlation_panels(points, {"q": ("x", "y")}, {"x": "HFC", "y": "PGD"})
        >>> figure.axes[0].get_xlabel(), figure.axes[0].get_title()
        ('HFC', 'q')
    """
    require_columns(points, ["kind", *(column for pair in pairs.values() for column in pair)])
    kinds = points["kind"].unique().tolist()
    checks.require(len(kinds) <= len(LOOKS), "`points` must be of four kinds at most", kinds=kinds)
    looks = {
        kind: palette.styled(look, linestyle="") for kind, look in zip(kinds, LOOKS, strict=False)
    }
    handles = [Line2D([], [], label=kind, **look) for kind, look in looks.items()]
    with matplotlib.rc_context(STYLE):
        figure, grid = _grid(len(pairs), handles)
        for axes, (question, (across, upwards)) in zip(grid, pairs.items(), strict=True):
            for kind, part in points.groupby("kind", sort=False):
                axes.plot(part[across], part[upwards], alpha=0.7, **looks[kind])
            axes.set(xlabel=names[across], ylabel=names[upwards])
            axes.set_title((notes or {}).get(question, question), fontsize=7)
    return figure


def _grid(count: int, handles: Sequence[Artist]) -> tuple[Figure, list[Axes]]:
    """Figure of panels that share no axis, in rows of three, with a legend below."""
    columns = min(count, 3)
    rows = -(-count // columns)
    size = (PAGE / 3 * columns, 2.2 * rows + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.set_axis_off()
    legend_below(figure, handles)
    return figure, list(grid[:count])
