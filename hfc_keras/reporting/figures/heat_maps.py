"""Fourier heat maps: numbers by distance, a table and pictures."""

import math
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from hfc_keras import checks
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import fitted
from hfc_keras.reporting.drawing.panels import PAGE, label_outer
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import (
    MissingMeasurementError,
    complete_rows,
    measured_once,
    require_columns,
    rows_of,
    unique_rows,
)
from hfc_keras.reporting.statistics.shares import AT_CHANCE, recipes_at_chance
from hfc_keras.reporting.tables import mean_and_spread
from hfc_keras.types import Array, ArrayLike

KEYS = "recipe seed row column".split()
VALUES = ("error", "clean_error")
# Parts of the image's smaller side at which bands begin; an eighth is 4 cycles at 32 pixels.
BANDS = (0, 1 / 8, 1 / 4, 3 / 8, math.inf)
# Can be distinguished by color-blind readers and, from dark to light, in gray print.
COLORS = "cividis"
# Inches of a title, somewhat less than from one panel to the next.
TITLE = 1.9


def heat_map_rise(
    table: pd.DataFrame, recipe: str, inner: float = 0.0, outer: float = math.inf
) -> pd.Series:
    r"""How much waves of some frequencies raise the error rate, one number per seed.

    .. math:: \mathrm{mean}_{a N \le \sqrt{u^2 + v^2} < b N} \; E(u, v) - E_{\text{clean}}

    Args:
        table: DataFrame with the columns recipe, seed, row, column (signed frequencies in cycles
            per image), error, clean_error. Frequencies without an error were not measured and do
            not count. Where rows of the map are left out, a column side says what ``N`` is.
        recipe: str.
        inner: float, ``a``, a part of ``N``, the smaller side of the images; 0 begins with the
            zero frequency.
        outer: float, ``b``, likewise, itself left out.

    Returns:
        Series of float by seed.

    Raises:
        MissingMeasurementError: if a seed has no such frequency, or not as many as another.
        ValueError: for a missing column or a frequency that stands twice.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "row": [-1, -1, 0, 0], "column": [-1, 0, -1, 0],
        ...         "error": [0.5, 0.25, 0.25, 0.0], "clean_error": 0.125}
        >>> heat_map_rise(pd.DataFrame(rows), "vanilla", inner=0.25).round(3).tolist()
        [0.208]
    """
    table = measured_once(table)
    require_columns(table, [*KEYS, *VALUES])
    chosen = rows_of(table, recipe=recipe)
    unique_rows(chosen, KEYS)
    side = _side(chosen)
    chosen = chosen[chosen["error"].notna()]
    distance = np.hypot(chosen["row"], chosen["column"])
    within = chosen[(distance >= inner * side) & (distance < outer * side)]
    complete_rows(within, chosen["seed"], recipe=recipe, inner=inner, outer=outer)
    rise = (within["error"] - within["clean_error"]).groupby(within["seed"]).mean()
    return rise.astype("float64").sort_index()


def heat_map_table(table: pd.DataFrame) -> pd.DataFrame:
    """Error on clean images and its rise by distance to the zero frequency, one row per recipe.

    Args:
        table: DataFrame, see ``heat_map_rise``.

    Returns:
        DataFrame of str, mean and standard deviation over seeds: clean, then the rise in each
        band, parts of the image's smaller side. A recipe that does no better on clean images than
        guessing, so that no wave can raise its error, is marked in its name.

    Raises:
        ValueError: as ``heat_map_rise``.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "row": [-1, -1, 0, 0], "column": [-1, 0, -1, 0],
        ...         "error": [0.5, 0.25, 0.25, 0.0], "clean_error": 0.125}
        >>> heat_map_table(pd.DataFrame(rows)).iloc[0].tolist()
        ['0.125', '-0.125', '', '', '+0.208']
    """
    table = measured_once(table)
    require_columns(table, [*KEYS, *VALUES])
    lines, names = {}, _names(table)
    for name, part in table.groupby("recipe", sort=False):
        recipe = str(name)
        line = {"clean": _cell(part.groupby("seed")["clean_error"].first())}
        for inner, outer in zip(BANDS[:-1], BANDS[1:], strict=True):
            line[_band_name(inner, outer)] = _rise_cell(table, recipe, inner, outer)
        lines[names[recipe]] = line
    return pd.DataFrame(lines).T


def heat_map_cells(errors: ArrayLike, clean_error: float = float("nan")) -> pd.DataFrame:
    """Return a heat map as a table of its frequencies.

    Args:
        errors: ``(height, width)`` as ``analysis.fourier_heat_map`` returns it, the zero frequency
            in the middle; NaN is left out.
        clean_error: float, error rate on the images as they are, if it is known.

    Returns:
        DataFrame with a row per frequency, and the columns row, column (cycles per image), error
        and clean_error.

    Raises:
        ValueError: for an array of another rank.

    Example:
        >>> heat_map_cells([[0.5, 0.25], [0.25, 0.0]])["row"].tolist()
        [-1, -1, 0, 0]
    """
    found = np.asarray(errors, "float64")
    checks.require(
        found.ndim == 2, "`errors` must be (height, width)", **{"errors.shape": found.shape}
    )
    height, width = found.shape
    rows, columns = np.indices(found.shape)
    return pd.DataFrame(
        {
            "row": (rows - height // 2).ravel(),
            "column": (columns - width // 2).ravel(),
            "error": found.ravel(),
            "clean_error": clean_error,
        }
    ).dropna(subset="error", ignore_index=True)


def heat_map_panels(
    table: pd.DataFrame | Array,
    titles: Mapping[str, str] | None = None,
    rise: bool = False,
    chance: float | None = None,
) -> Figure:
    r"""Error rate by frequency, or its rise, as pictures, one panel per recipe.

    Args:
        table: DataFrame, see ``heat_map_rise``, or an array as ``analysis.fourier_heat_map``
            returns it. Pictures are means over seeds, on one scale of
            colors from the smallest error on clean images to the largest error, of rises from 0
            to the largest, with an arrow at its foot where some lie below. Where every k-th
            frequency was measured, each is drawn k cycles wide.
        titles: dict from recipes to panel titles, or None; the error on clean images follows.
        rise: bool, whether to draw the error minus that on clean images, so that networks of
            other accuracy can be set beside each other.
        chance: float or None, accuracy of guessing, whose error, or rise, is in the titles, too.

    Returns:
        matplotlib.figure.Figure, up to 7 inches wide, the zero frequency in the middle.

    Raises:
        ValueError: for a missing column, a frequency that stands twice, or frequencies that are
            not equally spaced.

    Reference:
        Yin et al., A Fourier Perspective on Model Robustness in Computer Vision, NeurIPS 2019.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "row": [-1, -1, 0, 0], "column": [-1, 0, -1, 0],
        ...         "error": [0.5, 0.25, 0.25, 0.0], "clean_error": 0.125}
        >>> heat_map_panels(pd.DataFrame(rows)).axes[0].get_title()
        'vanilla\nclean error 0.125'
    """
    table = measured_once(table if isinstance(table, pd.DataFrame) else heat_map_cells(table))
    require_columns(table, [*KEYS, *VALUES])
    unique_rows(table, KEYS)
    table = table[table["error"].notna()]
    shown = table.assign(shown=table["error"] - (table["clean_error"] if rise else 0))
    maps = {str(name): _mean_map(part) for name, part in shown.groupby("recipe", sort=False)}
    clean_error, names = table.groupby("recipe")["clean_error"].mean(), _names(table, titles)
    smallest = min(picture.min().min() for picture in maps.values())
    least = smallest if np.isnan(clean_error.min()) else 0.0 if rise else clean_error.min()
    # Waves may make all of few answers right.
    scale = least, max(least, *(picture.max().max() for picture in maps.values()))
    # An arrow says that some frequencies lie below the scale.
    extend = "min" if smallest < least else "neither"
    count = min(3, len(maps))
    rows = -(-len(maps) // count)
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        told = {
            recipe: fitted(names[recipe] + _clean(clean_error[recipe], rise, chance), TITLE)
            for recipe in maps
        }
        more = max(title.count("\n") for title in told.values()) - 1
        size = ((PAGE - 0.8) * count / 3 + 0.8, (2.35 + 0.14 * more) * rows + 0.2)
        figure = Figure(figsize=size, layout="compressed")
        grid = list(figure.subplots(rows, count, sharex=True, sharey=True, squeeze=False).flat)
        for axes in grid[len(maps) :]:
            axes.set_axis_off()
        shown = grid[: len(maps)]
        drawn = [
            _draw(axes, picture, scale) for axes, picture in zip(shown, maps.values(), strict=True)
        ]
        for axes, recipe in zip(shown, maps, strict=True):
            axes.set_title(told[recipe])
        label_outer(shown, "columns (cycles per image)", "rows (cycles per image)")
        label = "rise of the error rate over clean" if rise else "error rate"
        figure.colorbar(drawn[-1], ax=grid, label=label, fraction=0.05, pad=0.02, extend=extend)
    return figure


def _side(chosen: pd.DataFrame) -> int:
    """Smaller side of the images in pixels, which is that of a whole map unless it is told."""
    if "side" not in chosen:
        return min(chosen["row"].nunique(), chosen["column"].nunique())
    sides = chosen["side"].unique().tolist()
    checks.require(len(sides) == 1, "`table` must be of images of one size", side=sides)
    return int(sides[0])


def _clean(error: float, rise: bool, chance: float | None) -> str:
    """Error on clean images, and what guessing would make of it."""
    if np.isnan(error):
        return ""
    words = f"\nclean error {error:.3f}"
    if chance is None:
        return words
    guessing = f"{1 - chance - error:+.3f}" if rise else f"{1 - chance:.3f}"
    return f"{words}\n(guessing {guessing})"


def _mean_map(part: pd.DataFrame) -> pd.DataFrame:
    return part.groupby(["row", "column"])["shown"].mean().unstack("column")


def _names(table: pd.DataFrame, titles: Mapping[str, str] | None = None) -> dict[str, str]:
    """Titles of the recipes, with a word to those that guess."""
    firsts = table.drop_duplicates(["recipe", "seed"])
    guessing = recipes_at_chance(firsts.assign(accuracy=1 - firsts["clean_error"]))
    return {
        name: (titles or {}).get(str(name), str(name)) + (AT_CHANCE if name in guessing else "")
        for name in table["recipe"].unique()
    }


def _draw(axes: Axes, picture: pd.DataFrame, scale: tuple[float, float]) -> AxesImage:
    """Draw a map with a rectangle around each frequency, up to halfway to the next one."""
    limits = *_limits("column", picture.columns), *_limits("row", picture.index)
    look: dict[str, Any] = {
        "cmap": COLORS,
        "vmin": scale[0],
        "vmax": scale[1],
        "interpolation": "nearest",
    }
    return axes.imshow(picture, origin="lower", extent=limits, **look)


def _limits(name: str, frequencies: pd.Index) -> tuple[float, float]:
    """Where an axis begins and ends whose rectangles have frequencies as their centers."""
    steps = np.diff(frequencies) if len(frequencies) > 1 else np.ones(1)
    checks.require(
        (steps == steps[0]).all(),
        f"`table` must hold equally spaced frequencies in the column {name}",
        **{name: frequencies.tolist()},
    )
    return frequencies[0] - steps[0] / 2, frequencies[-1] + steps[0] / 2


def _cell(values: pd.Series, sign: str = "") -> str:
    return sign + mean_and_spread(values.agg(["mean", "std"]))


def _rise_cell(table: pd.DataFrame, recipe: str, inner: float, outer: float) -> str:
    """Rise in words; empty where images are too small to have such frequencies."""
    try:
        rise = heat_map_rise(table, recipe, inner, outer)
    except MissingMeasurementError:
        return ""
    return _cell(rise, "+" if rise.mean() >= 0 else "")


def _band_name(inner: float, outer: float) -> str:
    return f"from {inner:g}" if math.isinf(outer) else f"{inner:g} to {outer:g}"
