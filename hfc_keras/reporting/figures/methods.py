"""Many methods on the same measures: a table and a map."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from hfc_keras.reporting.claims.verdicts import student_interval
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.panels import PAGE
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import require_columns, unique_rows
from hfc_keras.types import Floats

KEYS = "recipe seed".split()
# Told apart by color-blind readers.
COLORS = "cividis"


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


def method_map(
    table: pd.DataFrame,
    across: str,
    upwards: Sequence[str],
    color: str,
    names: Mapping[str, str],
    titles: Mapping[str, str] | None = None,
) -> Figure:
    """One measure of every method against others, colored by one more.

    Args:
        table: DataFrame with the columns recipe, seed and those named.
        across: str, the column on the horizontal axis.
        upwards: sequence of str, columns on the vertical axis, a panel each.
        color: str, the column of the color.
        names: dict from columns to what stands at the axes.
        titles: dict from recipes to names in the legend, or None.

    Returns:
        matplotlib.figure.Figure, 7 inches wide. A method is a numbered disc at its means over
        seeds; whiskers are the range of its seeds.

    Raises:
        ValueError: for a missing column or a network that stands twice.

    Example:
        >>> rows = {"recipe": ["a", "b"], "seed": 0, "x": [0.1, 0.2], "y": 0.5, "z": [0.3, 0.4]}
        >>> names = {"x": "accuracy", "y": "robustness", "z": "high frequencies"}
        >>> figure = method_map(pd.DataFrame(rows), "x", ["y"], "z", names)
        >>> figure.axes[0].get_ylabel()
        'robustness'
    """
    require_columns(table, [*KEYS, across, *upwards, color])
    unique_rows(table, KEYS)
    recipes = list(table["recipe"].unique())
    means = table.groupby("recipe", sort=False)[color].mean()
    shades = ScalarMappable(Normalize(means.min(), means.max()), COLORS)
    numbered = list(enumerate(recipes, start=1))
    lines = [f"{number}  {(titles or {}).get(name, name)}" for number, name in numbered]
    # The ends of the colors come last, and stay whole.
    numbered.sort(key=lambda each: abs(means[each[1]] - means.median()))
    height = max(2.9, 0.4 + 0.145 * len(lines))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, height), layout="constrained")
        shared: dict[str, Any] = {"width_ratios": [*[1.0] * len(upwards), 0.5]}
        *panels, legend = figure.subplots(1, len(upwards) + 1, squeeze=False, **shared)[0]
        for axes, column in zip(panels, upwards, strict=True):
            for number, recipe in numbered:
                shade = shades.to_rgba(means[recipe])
                _disc(axes, table[table["recipe"] == recipe], across, column, number, shade)
            axes.set(xlabel=names[across], ylabel=names[column])
        legend.set_axis_off()
        legend.text(0, 1, "\n".join(lines), va="top", linespacing=1.35, fontsize=7)
        bar = figure.colorbar(shades, ax=panels, location="bottom", shrink=0.6, aspect=40)
        bar.set_label(names[color])
    return figure


def _disc(
    axes: Axes,
    rows: pd.DataFrame,
    across: str,
    column: str,
    number: int,
    shade: Floats,
) -> None:
    """Numbered disc at the means of a method, with the range of its seeds."""
    x, y = rows[across], rows[column]
    whisker = {"color": shade, "lw": 0.8, "zorder": 1}
    axes.hlines(y.mean(), x.min(), x.max(), **whisker)
    axes.vlines(x.mean(), y.min(), y.max(), **whisker)
    disc = {"marker": "o", "markersize": 8, "markeredgecolor": "white", "markeredgewidth": 0.4}
    axes.plot(x.mean(), y.mean(), **disc, color=shade, ls="", zorder=2)
    light = sum(part * weight for part, weight in zip(shade, (0.3, 0.59, 0.11), strict=False)) > 0.5
    axes.annotate(
        str(number),
        (x.mean(), y.mean()),
        ha="center",
        va="center",
        fontsize=5,
        color="black" if light else "white",
        zorder=2,
    )


def _words(values: pd.Series) -> str:
    """Mean and its interval."""
    low, high = student_interval(values)
    mean = low if low == high else values.mean()
    return f"{mean:.3f}" + ("" if math.isnan(low) else f" ({low:.3f} to {high:.3f})")
