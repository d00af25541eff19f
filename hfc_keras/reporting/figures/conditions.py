"""Accuracy on changed test images: a table, points by condition, curves by weight."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import legend_below
from hfc_keras.reporting.drawing.panels import (
    ABOVE_GRID,
    CHANCE_LOOK,
    PAGE,
    draw_curve,
    draw_levels,
    panel_grid,
)
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.effects.conditions import KEYS
from hfc_keras.reporting.effects.fourier_sensitivity import sensitivity_numbers
from hfc_keras.reporting.rows import (
    require_columns,
    unique_rows,
)
from hfc_keras.reporting.tables import mean_and_spread

# Rows of tables and figures by measure; others are named for their condition.
NAMES = {
    "corrupted": "mean of {kinds} corruptions",
    "filtered": "{condition} third",
    "shifted": "same after a shift",
    "outside": "AUROC, {condition}",
    "calibration": "calibration error, {condition}",
}
# Measures that guessing has a part of.
ACCURACIES = ("clean", "filtered", "shuffled", "corrupted", "attacked")


def condition_table(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy by recipe and condition, mean and standard deviation over seeds.

    Args:
        table: DataFrame, see ``condition_effect``. Corruptions and their levels are averaged,
            all others stand by themselves.

    Returns:
        DataFrame of str, one row per condition, one column per recipe.

    Raises:
        ValueError: for a missing column or a measurement that stands twice.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "measure": "attacked", "condition": "pgd",
        ...         "level": 0.1, "accuracy": 0.5}
        >>> condition_table(pd.DataFrame(rows, index=[0])).index.tolist()
        ['PGD 0.1']
    """
    require_columns(table, [*KEYS, "accuracy"])
    unique_rows(table, KEYS)
    means = _by_label(table)
    spread = means.groupby(["label", "recipe"], sort=False)["accuracy"].agg(["mean", "std"])
    words = spread.apply(mean_and_spread, axis=1).unstack("recipe")
    order = means["label"].drop_duplicates(), means["recipe"].drop_duplicates()
    return words.reindex(index=order[0], columns=order[1]).rename_axis(index=None, columns=None)


def condition_points(
    table: pd.DataFrame,
    titles: Mapping[str, str] | None = None,
    looks: Mapping[str, palette.Look] | None = None,
    label: str = "accuracy",
    chance: float | None = None,
) -> Figure:
    """Accuracy on changed test images, one point per recipe and condition, beside each other.

    Args:
        table: DataFrame, see ``condition_table``. Points are means over seeds, whiskers their
            range.
        titles: dict from recipes to names in the legend, or None.
        looks: dict from recipes to looks, see ``palette.recipe_looks``, or None.
        label: str, what stands below the axis.
        chance: float or None, accuracy of guessing, a gray line in rows of accuracies; one at 1/2
            in rows of areas under the curve.

    Returns:
        matplotlib.figure.Figure, 5 inches wide.

    Raises:
        ValueError: for a missing column or a measurement that stands twice.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "measure": "attacked", "condition": "pgd",
        ...         "level": 0.1, "accuracy": 0.5}
        >>> condition_points(pd.DataFrame(rows, index=[0])).axes[0].get_xlabel()
        'accuracy'
    """
    require_columns(table, [*KEYS, "accuracy"])
    unique_rows(table, KEYS)
    means = _by_label(table)
    labels = list(means["label"].drop_duplicates())
    looks = palette.recipe_looks(means["recipe"], looks)
    with matplotlib.rc_context(STYLE):
        row = max(0.24, 0.06 + 0.045 * len(looks))
        figure = Figure(figsize=(PAGE * 0.75, 0.8 + row * len(labels)), layout="constrained")
        axes = figure.subplots()
        for offset, (recipe, look) in enumerate(looks.items()):
            part = means[means["recipe"] == recipe].groupby("label")["accuracy"]
            part = part.agg(["mean", "min", "max"]).reindex(labels)
            shift = min(0.2, 0.8 / len(looks)) * (offset - (len(looks) - 1) / 2)
            places = [place + shift for place in range(len(labels))]
            axes.hlines(places, part["min"], part["max"], color=look["color"], lw=1)
            name = (titles or {}).get(recipe, recipe)
            axes.plot(part["mean"], places, **palette.styled(look, linestyle="", label=name))
        if chance is not None:
            _draw_chance(axes, means.drop_duplicates("label")["measure"], chance)
        axes.set_yticks(range(len(labels)), labels)
        for place in range(1, len(labels), 2):
            axes.axhspan(place - 0.5, place + 0.5, color=palette.LIGHT_GREY, alpha=0.12, lw=0)
        axes.grid(visible=False, axis="y")
        # Markers at zero stay whole.
        axes.set(xlabel=label, xlim=(-0.015 * axes.get_xlim()[1], None))
        axes.set_ylim(len(labels) - 0.5, -0.5)
        legend_below(figure, axes.get_legend_handles_labels()[0])
    return figure


def weight_curves(
    table: pd.DataFrame,
    kinds: Mapping[str, str],
    titles: Mapping[str, str] | None = None,
    looks: Mapping[str, palette.Look] | None = None,
    chance: float | None = None,
) -> Figure:
    """Test accuracy and share of the sensitivity in its band against the weight of a penalty.

    Weights stand on a logarithmic axis, which is linear below the smallest so that it holds 0.

    Args:
        table: DataFrame with the columns recipe, seed, weight, measure, condition, accuracy, and
            for the measure ``sensitivity`` those of ``sensitivity_numbers``. Recipes are called
            by a name of ``kinds``, with or without ``_weight`` after it; ``vanilla`` has weight 0.
        kinds: dict from names to ``"low"``, ``"mid"``, ``"high"`` (the share that is drawn) or
            ``"all"`` (the entropy over its maximum).
        titles: dict from names to words in the legend, or None.
        looks: dict from names to looks, see ``palette.recipe_looks``, or None.
        chance: float or None, accuracy of guessing, a gray line.

    Returns:
        matplotlib.figure.Figure, two panels. Lines are means over seeds, bands their range.

    Raises:
        ValueError: for a missing column or a measurement that stands twice.

    Example:
        >>> clean = {"recipe": ["vanilla", "lsf"], "seed": 0, "weight": [0.0, 0.5],
        ...          "measure": "clean", "condition": "original", "level": 0, "accuracy": 0.5}
        >>> rings = {"recipe": ["vanilla", "lsf"], "seed": 0, "weight": [0.0, 0.5],
        ...          "measure": "sensitivity", "ring": 1, "mean": 1.0, "image_size": 8}
        >>> table = pd.concat([pd.DataFrame(clean), pd.DataFrame(rings)])
        >>> len(weight_curves(table, {"lsf": "low"}).axes)
        2
    """
    require_columns(table, ["recipe", "seed", "weight", "measure", "accuracy"])
    clean = table[table["measure"] == "clean"]
    spectra = table[table["measure"] == "sensitivity"]
    numbers = sensitivity_numbers(spectra).reset_index()
    weights = spectra[["recipe", "seed", "weight", "image_size"]].drop_duplicates()
    numbers = numbers.merge(weights, on=["recipe", "seed"])
    numbers["all"] = numbers["entropy"] / np.log2(numbers["image_size"] // 2)
    looks = palette.recipe_looks(kinds, looks)
    handles = [
        Line2D([], [], label=(titles or {}).get(name, name), **look) for name, look in looks.items()
    ]
    handles += [] if chance is None else [Line2D([], [], label="chance", **CHANCE_LOOK)]
    with matplotlib.rc_context(STYLE):
        figure, (left, right) = panel_grid(2, handles, width=PAGE / 2)
        draw_levels(left, {"chance": chance})
        for name, kind in kinds.items():
            draw_curve(left, _of(clean, name), "weight", looks[name])
            draw_curve(right, _of(numbers, name), "weight", looks[name], kind)
        left.set(title="test accuracy", ylabel="accuracy or share", ylim=(0, None))
        right.set(title="share in its band (all: entropy / maximum)")
        for axes in (left, right):
            _weight_axis(axes, clean["weight"])
    return figure


def _weight_axis(axes: Axes, weights: pd.Series) -> None:
    """Logarithmic axis with a tick at each weight."""
    ticks = sorted(weights.unique().tolist())
    least = min((weight for weight in ticks if weight > 0), default=1.0)
    axes.set_xscale("symlog", linthresh=least, linscale=0.5)
    axes.set_xticks(ticks, [f"{weight:g}" for weight in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(-0.2 * least, 1.2 * max(least, *ticks))
    axes.set_xlabel("weight of the penalty (logarithmic from its smallest)")


def _draw_chance(axes: Axes, measures: pd.Series, chance: float) -> None:
    """Draw what guessing gives in each row that has such a number."""
    levels = measures.map({**dict.fromkeys(ACCURACIES, chance), "outside": 0.5})
    places = np.flatnonzero(levels.notna())
    look = {"color": palette.LIGHT_GREY, "lw": 0.8, "zorder": ABOVE_GRID, "label": "chance"}
    axes.vlines(levels.dropna(), places - 0.5, places + 0.5, **look)


def _by_label(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies by recipe, seed and label; corruptions are averaged."""
    columns = table["measure"], table["condition"], table["level"]
    kinds = table["condition"][table["measure"] == "corrupted"].nunique()
    labels = [_label(*row, kinds) for row in zip(*columns, strict=True)]
    keys = ["label", "recipe", "seed", "measure"]
    return table.assign(label=labels).groupby(keys, sort=False)["accuracy"].mean().reset_index()


def _label(measure: str, condition: str, level: float, kinds: int) -> str:
    if measure in NAMES:
        return NAMES[measure].format(condition=condition.replace("_", " "), kinds=kinds)
    if pd.isna(level):
        return condition
    levels = round(255 * level, 6)
    if measure == "attacked":
        size = f"{levels:g}/255" if levels.is_integer() else f"{level:.3g}"
        return f"{condition.upper()} {size}"
    return f"{condition} {level:.3g}"


def _of(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of one regularizer at all its weights, and of the network without."""
    own = table["recipe"].str.fullmatch(f"{name}(_.*)?")
    return table[own | (table["recipe"] == "vanilla")]
