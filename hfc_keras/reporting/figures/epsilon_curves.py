"""Accuracy under attack against epsilon."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.panels import (
    CHANCE_LOOK,
    PAGE,
    accuracy_top,
    draw_curve,
    draw_levels,
    panel_grid,
)
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import measured_once, require_columns

TITLES = {"fgsm": "FGSM", "pgd": "PGD", "apgd": "APGD", "square": "Square"}
LOSSES = {"cross_entropy": "cross-entropy", "margin": "margin", "dlr": "DLR"}


def epsilon_curves(table: pd.DataFrame, chance: float | None = None) -> Figure:
    """Accuracy under attack against epsilon, one panel per attack, one line per model.

    Args:
        table: DataFrame as ``analysis.robust_accuracy`` returns it, with the columns attack,
            epsilon and accuracy; with a column model (or recipe and seed) it is of several. Every
            curve begins at epsilon 0 with the row ``none``; ``worst_case``, which may be of
            several epsilons, is no curve. With a column targets APGD that aims at classes is
            APGD-T; an attack with several losses in a column loss has a panel for each.
        chance: float or None, accuracy of guessing, a gray line.

    Returns:
        matplotlib.figure.Figure, up to 7 inches wide.

    Raises:
        ValueError: for a missing column, a table without attacks, or an unknown one.

    Example:
        >>> rows = {"attack": ["none", "fgsm"], "epsilon": [float("nan"), 8 / 255],
        ...         "accuracy": [0.9, 0.2]}
        >>> epsilon_curves(pd.DataFrame(rows)).axes[0].get_xlabel()
        'epsilon (gray levels of 255)'
    """
    table = measured_once(table)
    require_columns(table, ["recipe", "attack", "epsilon", "accuracy"])
    found = set(table["attack"]) - {"none", "worst_case"}
    checks.require(
        found and found <= set(TITLES),
        f"`table` must hold rows of the attacks {', '.join(TITLES)}",
        attack=table["attack"].unique().tolist(),
    )
    table = table.assign(curve=_names(table))
    attacks = [name for name in table["curve"].unique() if name]
    attacks.sort(key=lambda name: list(TITLES.values()).index(name.split(",")[0].split("-")[0]))
    looks = palette.recipe_looks(table["recipe"])
    clean = table[table["attack"] == "none"].assign(epsilon=0.0)
    with matplotlib.rc_context(STYLE):
        handles = [Line2D([], [], label=name, **look) for name, look in looks.items()]
        handles += [] if chance is None else [Line2D([], [], label="chance", **CHANCE_LOOK)]
        figure, panels = panel_grid(len(attacks), handles, width=PAGE / 2.4, below=True)
        for axes, attack in zip(panels, attacks, strict=True):
            shown = pd.concat([clean, table[table["curve"] == attack]])
            shown = shown.assign(levels=np.round(255 * shown["epsilon"], 3))
            draw_levels(axes, {"chance": chance})
            for recipe, look in looks.items():
                draw_curve(axes, shown[shown["recipe"] == recipe], "levels", look)
            axes.set(title=attack, xlabel="epsilon (gray levels of 255)")
        panels[0].set_ylabel("accuracy")
        panels[0].set_ylim(-0.02, accuracy_top(table["accuracy"], chance))
    return figure


def _names(table: pd.DataFrame) -> pd.Series:
    """Name of the curve that each row is on; empty for those on none."""
    names: pd.Series = table["attack"].map(TITLES).fillna("")
    if "targets" in table.columns:
        names = names.mask(table["targets"] > 0, names + "-T")
    if "loss" in table.columns:
        several = table["loss"].groupby(names).transform("nunique") > 1
        told = several & (names != "") & table["loss"].notna()
        names = names.mask(told, names + ", " + table["loss"].replace(LOSSES))
    return names
