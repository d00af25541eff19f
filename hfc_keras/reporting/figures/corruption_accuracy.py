"""Accuracy on corrupted images as a table and a figure.

A table of corruptions has one row per measurement and the columns ``COLUMNS``: the recipe and the
seed of a network, the corruption (``none`` for images as they are, with severity 0), its severity,
and the accuracy in [0, 1].
"""

from collections.abc import Mapping, Sequence
from typing import cast

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import legend_below
from hfc_keras.reporting.drawing.panels import PAGE, accuracy_top, draw_levels
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import (
    last_rows,
    measured_once,
    one_source,
    require_columns,
    unique_rows,
)
from hfc_keras.reporting.tables import mean_and_spread

KEYS = ["recipe", "seed", "corruption", "severity"]
COLUMNS = [*KEYS, "accuracy"]
MEAN = "mean"
CLEAN = "clean"


def corruption_table(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over seeds of accuracy by corruption, one column per recipe.

    Args:
        table: DataFrame with the columns ``COLUMNS``; of a column epoch the last one counts.

    Returns:
        DataFrame of str. Rows ``clean``, the corruptions in the order of the table and ``mean``,
        the mean over corruptions without ``clean``; columns the recipes; cells, of accuracies
        averaged over severities, ``mean +- standard deviation`` (ddof 1; the mean alone for one
        seed).

    Raises:
        ValueError: for a missing column, a measurement that stands twice or is missing, or a table
            without corruption.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "vanilla", "seed": [0, 0, 1, 1], "corruption": "fog",
        ...         "severity": [1, 2, 1, 2], "accuracy": [0.5, 0.3, 0.6, 0.4]}
        >>> corruption_table(pd.DataFrame(rows)).loc["fog", "vanilla"]
        '0.450 +- 0.071'
    """
    means = _means(table)
    grouped = means.groupby(["corruption", "recipe"], sort=False)["accuracy"]
    cells = grouped.agg(["mean", "std"]).apply(mean_and_spread, axis=1).unstack("recipe")
    cells = cells.reindex(index=_order(means), columns=means["recipe"].unique())
    return cells.rename_axis(index=None, columns=None)


def corruption_points(
    table: pd.DataFrame,
    titles: Mapping[str, str] | None = None,
    looks: Mapping[str, palette.Look] | None = None,
    chance: float | None = None,
) -> Figure:
    """Accuracy of each recipe by corruption, averaged over severities.

    Args:
        table: DataFrame with the columns ``COLUMNS``; of a column epoch the last one counts.
            Points are means over seeds, whiskers their range. Images as they are come first, the
            mean over corruptions last, apart from the others; the axis need not begin at zero.
        titles: dict from recipes to names, or None.
        looks: dict from recipes to looks, see ``palette.recipe_looks``, or None.
        chance: float or None, accuracy of guessing, a gray line.

    Returns:
        matplotlib.figure.Figure, 7 inches wide.

    Raises:
        ValueError: as ``corruption_table``.

    Reference:
        Hendrycks and Dietterich, ICLR 2019.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "vanilla", "seed": 0, "corruption": ["none", "shot_noise"],
        ...         "severity": [0, 1], "accuracy": [0.7, 0.5]}
        >>> (axes,) = corruption_points(pd.DataFrame(rows)).axes
        >>> [label.get_text() for label in axes.get_xticklabels()]
        ['clean', 'shot noise', 'mean of 1']
    """
    means, titles = _means(table), titles or {}
    order, looks = _order(means), palette.recipe_looks(means["recipe"], looks)
    spread = means.groupby(["recipe", "corruption"])["accuracy"].agg(["mean", "min", "max"])
    shifts = np.linspace(-0.3, 0.3, len(looks)) if len(looks) > 1 else [0.0]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 3.2), layout="constrained")
        axes = figure.subplots()
        for shift, (recipe, look) in zip(shifts, looks.items(), strict=True):
            part = spread.loc[recipe].loc[order]
            # The mean of equal values may be rounded beyond them.
            whiskers = [part["mean"] - part["min"], part["max"] - part["mean"]]
            places, whiskers = np.arange(len(order)) + shift, np.maximum(whiskers, 0)
            label = titles.get(recipe, recipe)
            bars = palette.styled(look, linestyle="", elinewidth=1, label=label)
            axes.errorbar(places, part["mean"], whiskers, **bars)
        draw_levels(axes, {"chance": chance})
        _name_places(axes, order)
        bottom = min(means["accuracy"].min(), 1 if chance is None else chance)
        axes.set_ylim(max(0, bottom - 0.05), accuracy_top(means["accuracy"], chance))
        handles, labels = axes.get_legend_handles_labels()
        # Lines come before points.
        order = sorted(range(len(labels)), key=lambda place: labels[place] == "chance")
        legend_below(figure, [handles[place] for place in order])
    return figure


def _name_places(axes: Axes, order: Sequence[str]) -> None:
    kinds = len(set(order) - {CLEAN, MEAN})
    names = [f"mean of {kinds}" if name == MEAN else name.replace("_", " ") for name in order]
    axes.set_xticks(range(len(order)), names, rotation=30, ha="right", rotation_mode="anchor")
    axes.grid(False, axis="x")
    for name, side in ((CLEAN, 0.5), (MEAN, -0.5)):
        if name in order:
            axes.axvline(order.index(name) + side, color=palette.GREY, lw=0.6)
    axes.set(ylabel="accuracy, mean over severities", xlim=(-0.5, len(order) - 0.5))


def _means(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy averaged over severities, and over corruptions as ``mean``, by recipe and seed."""
    table = measured_once(table)
    require_columns(table, COLUMNS)
    table = one_source(unique_rows(last_rows(table, ["recipe"]), KEYS))
    wide = table.pivot(index=["recipe", "seed"], columns=KEYS[2:], values="accuracy")
    gaps = cast(pd.Series, wide.stack([0, 1], future_stack=True))
    gaps = gaps[gaps.isna()].index.tolist()
    checks.require(not gaps, "`table` must hold each corruption of each seed", missing=gaps[:3])
    table = table.assign(corruption=table["corruption"].replace("none", CLEAN))
    keys = ["recipe", "seed", "corruption"]
    means = table.groupby(keys, sort=False)["accuracy"].mean().reset_index()
    corrupted = means[means["corruption"] != CLEAN]
    checks.require(len(corrupted), "`table` must hold a corruption", rows=len(table))
    overall = corrupted.groupby(keys[:2], sort=False)["accuracy"].mean().reset_index()
    return pd.concat([means, overall.assign(corruption=MEAN)], ignore_index=True)


def _order(means: pd.DataFrame) -> list[str]:
    """Corruptions as they are shown: clean first, mean last."""
    names = dict.fromkeys(means["corruption"])
    return sorted(names, key=lambda name: (name != CLEAN, name == MEAN))
