"""Two measures of the same networks against each other."""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.panels import CHANCE_LOOK, PAGE, draw_levels, panel_grid
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import require_columns, unique_rows
from hfc_keras.reporting.statistics.correlation_intervals import (
    FEWEST_TRAININGS,
    Correlation,
    correlation_interval,
)

KEYS = "recipe seed".split()


def rank_correlation(table: pd.DataFrame, first: str, second: str, seed: int = 0) -> Correlation:
    r"""Rank correlation of two measures over trainings, each a mean over its seeds.

    .. math:: \rho = \mathrm{corr}(\mathrm{rank}\,x, \mathrm{rank}\,y)

    Args:
        table: DataFrame with the columns recipe, seed, ``first``, ``second``.
        first: str, a column.
        second: str, a column.
        seed: int, of the bootstrap, which draws trainings with replacement.

    Returns:
        Correlation; its value is NaN for one training, its interval below five.

    Raises:
        ValueError: for a missing column or a network that stands twice.

    Reference:
        Spearman 1904; Efron and Tibshirani 1993, percentile interval.

    Example:
        >>> table = pd.DataFrame({"recipe": ["a", "b", "c"], "seed": 0, "x": [1, 2, 3],
        ...                       "y": [1, 4, 9]})
        >>> rank_correlation(table, "x", "y").value
        1.0
    """
    require_columns(table, [*KEYS, first, second])
    unique_rows(table, KEYS)
    means = table.groupby("recipe", sort=False)[[first, second]].mean()
    return correlation_interval(means[first], means[second], np.random.default_rng(seed))


def correlation_table(
    table: pd.DataFrame, pairs: Iterable[tuple[str, str]], names: Mapping[str, str]
) -> pd.DataFrame:
    """Rank correlation of pairs of measures over trainings, each a mean over its seeds.

    Args:
        table: DataFrame with the columns recipe, seed and those of the pairs.
        pairs: iterable of (column, column).
        names: dict from columns to words.

    Returns:
        DataFrame of str with the column ``rank correlation``, one row per pair: value and 95 %
        interval of a bootstrap over trainings. No row for fewer than five of them.

    Raises:
        ValueError: for a missing column or a network that stands twice.

    Example:
        >>> rows = {"recipe": list("abcde"), "seed": 0, "x": range(5), "y": [0, 1, 4, 9, 16]}
        >>> names = {"x": "side", "y": "area"}
        >>> correlation_table(pd.DataFrame(rows), [("x", "y")], names).loc["side; area"].item()
        '+1.00 (+1.00 to +1.00)'
    """
    words = {}
    for first, second in pairs if table["recipe"].nunique() >= FEWEST_TRAININGS else ():
        found = rank_correlation(table, first, second)
        interval = f"({found.low:+.2f} to {found.high:+.2f})"
        words[f"{names[first]}; {names[second]}"] = f"{found.value:+.2f} {interval}"
    return pd.DataFrame({"rank correlation": words})


def two_views(
    table: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    names: Mapping[str, str],
    titles: Mapping[str, str] | None = None,
    looks: Mapping[str, palette.Look] | None = None,
    chance: float | None = None,
) -> Figure:
    """One measure against another, one panel per pair, one point per network.

    Args:
        table: DataFrame with the columns recipe, seed and those of the pairs. Large points are
            means over seeds, small ones the seeds.
        pairs: list of (column across, column upwards).
        names: dict from columns to what stands on the axes.
        titles: dict from recipes to names in the legend, or None.
        looks: dict from recipes to looks, see ``palette.recipe_looks``, or None.
        chance: float or None, accuracy of guessing, a gray line where it is upwards.

    Returns:
        matplotlib.figure.Figure, 7 inches wide.

    Raises:
        ValueError: for a missing column or a network that stands twice.

    Example:
        >>> table = pd.DataFrame({"recipe": ["a", "b"], "seed": 0, "x": [1, 2], "y": [2, 1]})
        >>> two_views(table, [("x", "y")], {"x": "first", "y": "second"}).axes[0].get_xlabel()
        'first'
    """
    require_columns(table, [*KEYS, *(column for pair in pairs for column in pair)])
    unique_rows(table, KEYS)
    looks = palette.recipe_looks(table["recipe"], looks)
    handles = [
        Line2D(
            [], [], **palette.styled(look, linestyle=""), label=(titles or {}).get(recipe, recipe)
        )
        for recipe, look in looks.items()
    ]
    handles += [] if chance is None else [Line2D([], [], label="chance", **CHANCE_LOOK)]
    with matplotlib.rc_context(STYLE):
        figure, grid = panel_grid(len(pairs), handles, width=PAGE / 2, sharex=False)
        for axes, (across, upwards) in zip(grid, pairs, strict=True):
            draw_levels(axes, {"chance": chance})
            for name, part in table.groupby("recipe", sort=False):
                look = palette.styled(looks[str(name)], linestyle="")
                axes.plot(part[across], part[upwards], **look, alpha=0.4)
                mean = part[[across, upwards]].mean()
                axes.plot(*mean, **{**look, "markersize": 6})
            found = rank_correlation(table, across, upwards)
            axes.set(xlabel=names[across], ylabel=names[upwards])
            axes.set_title(_words(found))
    return figure


def _words(found: Correlation) -> str:
    """Correlation and interval for a title."""
    if np.isnan(found.low):
        return f"rank correlation {found.value:+.2f}"
    return f"rank correlation {found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"
