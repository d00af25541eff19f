"""Accuracy without a ring of frequencies: numbers, a table and curves."""

from collections.abc import Mapping
from typing import Any, cast

import matplotlib
import pandas as pd
from matplotlib.lines import Line2D

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import legend_below
from hfc_keras.reporting.drawing.panels import (
    CHANCE_LOOK,
    PAGE,
    accuracy_top,
    draw_curve,
    draw_levels,
)
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.effects.band_stop import (
    HALVES,
    KEYS,
    VALUES,
    band_stop_drop,
    band_stop_share,
)
from hfc_keras.reporting.rows import measured_once, require_columns, unique_rows
from hfc_keras.reporting.statistics.shares import AT_CHANCE, recipes_at_chance, share_of_clean
from hfc_keras.reporting.tables import mean_and_spread


def band_stop_table(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy on original images and mean drop over low and over high rings, one row per recipe.

    Args:
        table: DataFrame, see ``band_stop_drop``, with two rings or more.

    Returns:
        DataFrame of str, mean and standard deviation over seeds: original, low, high, both as
        shares of original, and worst, the limits of the ring with the largest mean drop. A recipe
        that does no better on originals than guessing is marked in its name.

    Raises:
        ValueError: as ``band_stop_drop``.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "inner": [float("nan"), 0, 2],
        ...         "outer": [float("nan"), 2, 5.7], "accuracy": [0.75, 0.25, 0.5],
        ...         "drop": [0, 0.5, 0.25]}
        >>> band_stop_table(pd.DataFrame(rows)).iloc[0].tolist()
        ['0.750', '0.500', '0.250', '0.667', '0.333', '0 to 2']
    """
    table = measured_once(table)
    require_columns(table, [*KEYS, *VALUES])
    lines, guessing = {}, recipes_at_chance(table[table["inner"].isna()])
    for name, part in table.groupby("recipe", sort=False):
        recipe = str(name)
        original = part[part["inner"].isna()].groupby("seed")["accuracy"].mean()
        drops = {half: band_stop_drop(table, recipe, half) for half in HALVES}
        drops.update({f"{half}, share": band_stop_share(table, recipe, half) for half in HALVES})
        inner, outer = cast(Any, part.groupby(["inner", "outer"])["drop"].mean().idxmax())
        cells = {
            name: mean_and_spread(values.agg(["mean", "std"]))
            for name, values in {"original": original, **drops}.items()
        }
        name = recipe + (AT_CHANCE if recipe in guessing else "")
        lines[name] = {**cells, "worst": f"{inner:g} to {outer:.3g}"}
    return pd.DataFrame(lines).T


def band_stop_curves(
    table: pd.DataFrame,
    titles: Mapping[str, str] | None = None,
    looks: Mapping[str, palette.Look] | None = None,
    chance: float | None = None,
) -> Figure:
    """Accuracy without each ring of frequencies, what is lost, and its share, one line per recipe.

    Args:
        table: DataFrame, see ``band_stop_drop``. Lines are means over seeds, bands their range,
            points stand in the middle of their rings (of the last one, which reaches to the
            corner, where its middle would be if it were as wide as the others); accuracy on
            originals is dashed. A recipe that does no better than guessing on originals is
            marked in the legend: its drops are chance.
        titles: dict from recipes to names in the legend, or None.
        looks: dict from recipes to looks, see ``palette.recipe_looks``, or None.
        chance: float or None, accuracy of guessing, a gray line.

    Returns:
        matplotlib.figure.Figure, 7 inches wide, three panels: accuracy, drop, drop as a share of
        the accuracy on original images.

    Raises:
        ValueError: for a missing column, a ring that stands twice, or a table without rings.

    Reference:
        Vasconcelos et al., An Effective Anti-Aliasing Approach for Residual Networks, 2020.

    Example:
        >>> rows = {"recipe": "vanilla", "seed": 0, "inner": [float("nan"), 0, 2],
        ...         "outer": [float("nan"), 2, 5.7], "accuracy": [0.75, 0.25, 0.5],
        ...         "drop": [0, 0.5, 0.25]}
        >>> band_stop_curves(pd.DataFrame(rows)).axes[0].lines[1].get_xdata().tolist()
        [1.0, 3.0]
    """
    table = measured_once(table)
    require_columns(table, [*KEYS, *VALUES])
    unique_rows(table, KEYS)
    rings = table[table["inner"].notna()]
    checks.require(len(rings), "`table` must hold at least one ring", rings=0)
    width, guessing = rings["outer"].min(), recipes_at_chance(table[table["inner"].isna()])
    looks = palette.recipe_looks(table["recipe"], looks)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 3.0), layout="constrained")
        accuracy, drop, share = figure.subplots(1, 3)
        for axes in (drop, share):
            axes.axhline(0, color=palette.LIGHT_GREY, lw=0.8, zorder=1)
        for recipe, look in looks.items():
            part = rings[rings["recipe"] == recipe]
            part = part.assign(middle=part["inner"] + width / 2)
            originals = table[(table["recipe"] == recipe) & table["inner"].isna()]
            original = originals.set_index("seed")["accuracy"]
            accuracy.axhline(original.mean(), color=look["color"], linestyle="--", lw=0.7, zorder=1)
            draw_curve(accuracy, part, "middle", look)
            draw_curve(drop, part, "middle", look, "drop")
            lost = share_of_clean(part["drop"], part["seed"].map(original))
            draw_curve(share, part.assign(share=lost), "middle", look, "share")
        draw_levels(accuracy, {"chance": chance})
        accuracy.set_ylim(0, accuracy_top(table["accuracy"], chance))
        accuracy.set(title="without one ring of frequencies", ylabel="accuracy")
        drop.set(title="what the ring is worth", ylabel="drop in accuracy")
        share.set(title="share of the accuracy", ylabel="drop / accuracy")
        for axes in (accuracy, drop, share):
            axes.set_xlabel("middle of the ring\n(cycles per image)")
        names = {name: (titles or {}).get(name, name) for name in looks}
        names.update({name: names[name] + AT_CHANCE for name in guessing})
        legend_below(figure, _entries(looks, names, chance))
    return figure


def _entries(
    looks: Mapping[str, palette.Look], titles: Mapping[str, str], chance: float | None
) -> list[Line2D]:
    """Legend: the recipes, originals, chance."""
    lines = [Line2D([], [], label=titles[recipe], **look) for recipe, look in looks.items()]
    lines.append(Line2D([], [], label="originals", color=palette.GREY, linestyle="--", lw=0.7))
    return lines + ([] if chance is None else [Line2D([], [], label="chance", **CHANCE_LOOK)])
