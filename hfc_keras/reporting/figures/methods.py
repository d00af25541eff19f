"""Many methods on the same measures: a table, and a figure with a row for each."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import cast

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from hfc_keras import checks
from hfc_keras.reporting.claims.verdicts import student_interval
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import legend_below
from hfc_keras.reporting.drawing.palette import BLACK, BLUE, GREY, Look, styled
from hfc_keras.reporting.drawing.panels import CHANCE_LOOK, PAGE, draw_levels
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import require_columns, unique_rows

KEYS = "recipe seed".split()
DISC: Look = {"color": BLUE, "marker": "o", "linestyle": ""}
SORTED = "(sorted by the change)"
BAR: Look = {"color": BLACK, "marker": "|", "linestyle": ""}


def method_table(table: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    r"""Each measure of each method, mean and 95 % interval over seeds.

    .. math:: \bar x \pm t_{n-1} \, s / \sqrt{n}

    Args:
        table: DataFrame with the columns recipe, seed and those of ``names``.
        names: dict from columns to headings.

    Returns:
        DataFrame of str, one row per recipe in the order of the table, one column per heading; the
        mean alone for one seed.

    Raises:
        ValueError: for a missing column or a network that stands twice.

    Example:
        >>> table = pd.DataFrame({"recipe": "a", "seed": [0, 1, 2], "x": [0.1, 0.2, 0.3]})
        >>> method_table(table, {"x": "accuracy"}).loc["a", "accuracy"]
        '0.200 (-0.048 to 0.448)'
    """
    require_columns(table, [*KEYS, *names])
    unique_rows(table, KEYS)
    groups = table.groupby("recipe", sort=False)
    cells = {heading: groups[column].agg(_words) for column, heading in names.items()}
    return pd.DataFrame(cells).rename_axis(index=None)


def method_changes(
    table: pd.DataFrame, starts: Mapping[str, str], columns: Collection[str]
) -> pd.DataFrame:
    r"""Each measure of each method minus that of the method it starts from, seed by seed.

    .. math:: \Delta_s = x_s(\text{method}) - x_s(\text{start})

    Args:
        table: DataFrame with the columns recipe, seed and ``columns``.
        starts: dict from methods to what they start from.
        columns: sequence of str.

    Returns:
        DataFrame with the columns recipe, seed and ``columns``, methods in the order of
        ``starts``. Left out are those that lack, or whose start lacks, a seed of the table or a
        measure.

    Raises:
        ValueError: for a missing column or a network that stands twice.

    Example:
        >>> table = pd.DataFrame({"recipe": ["plain", "dropout"], "seed": 0, "x": [0.5, 0.75]})
        >>> method_changes(table, {"dropout": "plain"}, ["x"])
            recipe  seed     x
        0  dropout     0  0.25
    """
    require_columns(table, [*KEYS, *columns])
    unique_rows(table, KEYS)
    seeds, recipes = table["seed"].nunique(), table.dropna(subset=[*columns]).groupby("recipe")
    values = {
        name: rows.set_index("seed")[[*columns]] for name, rows in recipes if len(rows) == seeds
    }
    kept = [name for name, start in starts.items() if {name, start} <= values.keys()]
    parts = [(values[name] - values[starts[name]]).assign(recipe=name) for name in kept]
    found = pd.concat(parts).reset_index() if parts else pd.DataFrame(columns=[*KEYS, *columns])
    return found[[*KEYS, *columns]]


def method_rows(
    table: pd.DataFrame,
    columns: Mapping[str, str],
    starts: Mapping[str, str],
    by: str,
    titles: Mapping[str, str] | None = None,
    levels: Mapping[str, float | None] | None = None,
) -> Figure:
    """Every method in a row of its own, a panel per measure, sorted by what the method changes.

    Args:
        table: DataFrame with the columns recipe, seed and those of ``columns``.
        columns: dict from columns to what stands above their panels.
        starts: dict from methods to what they start from.
        by: str, the column that sorts.
        titles: dict from recipes to names, or None.
        levels: dict from columns to what guessing gives, a gray line, or None.

    Returns:
        matplotlib.figure.Figure, 7 inches wide. Discs are means over seeds, whiskers their range;
        a bar stands where the method starts. Methods come from the largest gain in the column that
        sorts to the largest loss, and below a line those that start from none.

    Raises:
        ValueError: for a missing column, a network that stands twice, or another column to sort by.

    Example:
        >>> rows = {"recipe": ["plain", "dropout"], "seed": 0, "x": [0.5, 0.75]}
        >>> figure = method_rows(pd.DataFrame(rows), {"x": "accuracy"}, {"dropout": "plain"}, "x")
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['dropout', 'plain']
    """
    require_columns(table, [*KEYS, *columns])
    unique_rows(table, KEYS)
    checks.choice("by", by, list(columns))
    spread = table.groupby("recipe", sort=False)[[*columns]].agg(["mean", "min", "max"])
    order, methods = _sorted(cast(pd.Series, spread[by, "mean"]), starts)
    names = [(titles or {}).get(name, name) for name in order]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 1.35 + 0.15 * len(order)), layout="constrained")
        grid = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
        for axes, (column, heading) in zip(grid, columns.items(), strict=True):
            draw_levels(axes, {"chance": (levels or {}).get(column)}, vertical=True)
            _draw_rows(axes, cast(pd.DataFrame, spread[column]), order, starts)
            axes.axhline(methods - 0.5, color=GREY, lw=0.6)
            axes.set_title(f"{heading}\n{SORTED if column == by else ''}", fontsize=7)
        grid[0].set_yticks(range(len(order)), names, fontsize=7, parse_math=False)
        grid[0].set_ylim(len(order) - 0.5, -0.5)
        legend_below(figure, _legend(bool(levels)))
    return figure


def _sorted(means: pd.Series, starts: Mapping[str, str]) -> tuple[list[str], int]:
    """Methods by what they change, then the other recipes; how many are methods."""
    names = [str(name) for name in means.index]
    gains = {name: means[name] - means[starts[name]] for name in names if starts.get(name) in names}
    methods = sorted(gains, key=lambda name: -gains[name])
    return [*methods, *(name for name in names if name not in gains)], len(methods)


def _draw_rows(
    axes: Axes, spread: pd.DataFrame, order: Sequence[str], starts: Mapping[str, str]
) -> None:
    """Mean and range of each recipe, and the mean of what it starts from."""
    own, places = spread.loc[list(order)], range(len(order))
    axes.hlines(places, own["min"], own["max"], color=BLUE, lw=1)
    begun = spread["mean"].reindex([starts.get(name, "") for name in order])
    axes.plot(begun, places, **styled(BAR, markersize=7))
    axes.plot(own["mean"], places, **DISC)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.tick_params(axis="y", length=0)


def _legend(guessing: bool) -> list[Line2D]:
    """What disc, bar and gray line are."""
    handles = [
        Line2D([], [], label="mean and range of the seeds", **styled(DISC, linestyle="-")),
        Line2D([], [], label="the network it starts from", **styled(BAR, markersize=7)),
    ]
    return handles + ([Line2D([], [], label="chance", **CHANCE_LOOK)] if guessing else [])


def _words(values: pd.Series) -> str:
    """Mean and its interval."""
    low, high = student_interval(values)
    mean = low if low == high else values.mean()
    return f"{mean:.3f}" + ("" if math.isnan(low) else f" ({low:.3f} to {high:.3f})")
