"""Accuracy under attack as tables and figures, of tables as ``named_attacks`` explains."""

import itertools
from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hfc_keras import checks
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.palette import RADIUS_COLORS, Look, Stroke, styled
from hfc_keras.reporting.drawing.panels import CHANCE_LOOK, draw_levels, root_axis
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.figures.kernels import kernel_rows
from hfc_keras.reporting.figures.named_attacks import named_rows, row_names
from hfc_keras.reporting.tables import mean_and_spread
from hfc_keras.types import Floats

MARKERS = ("s", "^", "D", "v", "P")
# Of accuracies on their root scale, in small panels.
TICKS = (0, 0.05, 0.2, 0.5, 1)
# Look of what was smoothed by eq. 3 as it stands, and of what was normalized.
KINDS: dict[bool, Stroke] = {
    False: {"linestyle": "-"},
    True: {"linestyle": "--", "markerfacecolor": "white"},
}


def robustness_table(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over seeds of accuracy, one row per network, one column per attack.

    Args:
        table: DataFrame with the columns ``named_attacks.COLUMNS``.

    Returns:
        DataFrame of str. Rows such as ``natural``, ``natural, rho 0.1`` and
        ``natural, rho 0.1 normalized``, or the recipe alone where all are smoothed alike. Columns
        ``clean`` and, in the order of the table, such as ``FGSM 0.03``, ``PGD-20 8/255`` and
        ``PGD-100 x 3 margin 0.03`` (steps, restarts, loss if margin, epsilon). Cells
        ``mean +- standard deviation`` (ddof 1; the mean alone for one seed, empty where absent).

    Raises:
        ValueError: for a column that is missing, an attack that is unknown, a measurement that
            stands twice, or a normalized network of rho 0.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "natural", "seed": [0, 1], "rho": 0.0, "normalized": False,
        ...         "attack": "pgd", "epsilon": 8 / 255, "steps": 20, "restarts": 1,
        ...         "loss": "margin", "accuracy": [0.2, 0.4], "examples": 100,
        ...         "roughness": 2.5, "energy_beyond": 0.8}
        >>> robustness_table(pd.DataFrame(rows)).loc["natural", "PGD-20 margin 8/255"]
        '0.300 +- 0.141'
    """
    named = named_rows(table)
    named = named.assign(row=row_names(named))
    grouped = named.groupby(["row", "setting"], sort=False)["accuracy"]
    cells = grouped.agg(["mean", "std"]).apply(mean_and_spread, axis=1).unstack("setting")
    place = named["recipe"].map(list(named["recipe"].unique()).index)
    rows = named.assign(place=place).sort_values(["place", "rho", "normalized"])["row"].unique()
    columns = sorted(named["setting"].unique(), key=lambda setting: setting != "clean")
    wide = cells.reindex(index=rows, columns=columns).fillna("")
    return wide.rename_axis(index=None, columns=None)


def robustness_panels(
    table: pd.DataFrame, titles: Mapping[str, str] | None = None, chance: float | None = None
) -> Figure:
    """Accuracy against smoothing strength: one row of panels per recipe, one column per epsilon.

    Args:
        table: DataFrame with the columns ``named_attacks.COLUMNS``. Lines are means over seeds,
            bands their range: solid and filled for smoothing by eq. 3 as it stands, dashed and open
            for smoothing divided by 1 + 8 rho. Every curve starts at the network as trained.
            Heights are square roots, so that accuracies under attack can be told apart.
        titles: dict from recipes to names, or None.
        chance: float or None, accuracy of guessing, a gray line.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: as ``robustness_table``, or if there is no attack.

    Reference:
        Table 2 of Wang et al., CVPR 2020.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "natural", "seed": 0, "rho": [0.0, 0.1], "normalized": False,
        ...         "attack": "fgsm", "epsilon": 0.03, "steps": 1, "restarts": 1,
        ...         "loss": "cross_entropy", "accuracy": [0.2, 0.4], "examples": 100,
        ...         "roughness": 2.5, "energy_beyond": 0.8}
        >>> robustness_panels(pd.DataFrame(rows)).axes[0].get_title()
        'ε = 0.03'
    """
    named = named_rows(table)
    recipes, strengths = _facets(named)
    looks = _looks(named)
    with matplotlib.rc_context(STYLE):
        size = (1.8 * len(strengths) + 1.6, 1.6 * len(recipes) + 0.4)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(
            len(recipes), len(strengths), sharex=True, sharey=True, squeeze=False
        )
        facets = itertools.product(recipes, strengths)
        for axes, (recipe, strength) in zip(grid.flat, facets, strict=True):
            own = named["strength"].isin(["", strength]) & (named["recipe"] == recipe)
            draw_levels(axes, {"chance": chance})
            _draw_curves(axes, named, named[own], looks)
            root_axis(axes, _limits(named["accuracy"])[1], ticks=TICKS)
        for axes, strength in zip(grid[0], strengths, strict=True):
            axes.set_title(f"ε = {strength}")
        for axes, recipe in zip(grid[:, 0], recipes, strict=True):
            axes.set_ylabel(f"{(titles or {}).get(recipe, recipe)}\naccuracy (root scale)")
        for axes in grid[-1]:
            axes.set_xlabel("smoothing strength ρ")
        figure.legend(handles=_legend(named, looks, chance), loc="outside right center")
    return figure


def robustness_points(
    table: pd.DataFrame, titles: Mapping[str, str] | None = None, chance: float | None = None
) -> Figure:
    """Accuracy of each recipe, one panel per epsilon, beside the roughness of its first kernel.

    Args:
        table: DataFrame with the columns ``named_attacks.COLUMNS``, rho 0 in every row. Points are
            means over seeds, whiskers their range. Accuracies are on a scale of square roots.
        titles: dict from recipes to names, or None.
        chance: float or None, accuracy of guessing, a gray line.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: as ``robustness_table``, if there is no attack, or for another rho.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": ["vanilla", "penalty"], "seed": 0, "rho": 0.0, "normalized": False,
        ...         "attack": "fgsm", "epsilon": 0.03, "steps": 1, "restarts": 1,
        ...         "loss": "cross_entropy", "accuracy": [0.2, 0.4], "examples": 100,
        ...         "roughness": 2.5, "energy_beyond": 0.8}
        >>> [axes.get_title() for axes in robustness_points(pd.DataFrame(rows)).axes]
        ['ε = 0.03', 'first kernel']
    """
    named = named_rows(table)
    rhos = sorted(named["rho"].unique().tolist())
    checks.require(rhos == [0.0], "`table` must have rho 0 in every row", rho=rhos)
    recipes, strengths = _facets(named)
    looks = _looks(named)
    panels = len(strengths) + 1
    with matplotlib.rc_context(STYLE):
        size = (1.45 * panels + 1.2, len(recipes) * (0.2 + 0.1 * len(looks)) + 1.2)
        figure = Figure(figsize=size, layout="constrained")
        *attacked, rough = figure.subplots(1, panels, sharey=True)
        for axes, strength in zip(attacked, strengths, strict=True):
            shown = named[named["strength"].isin(["", strength])]
            for (curve, look), offset in zip(looks.items(), _offsets(looks), strict=True):
                _draw_points(
                    axes, shown[shown["curve"] == curve], "accuracy", recipes, look, offset
                )
            draw_levels(axes, {"chance": chance}, vertical=True)
            axes.set(title=f"ε = {strength}", xlabel="accuracy\n(root scale)")
            root_axis(axes, _limits(named["accuracy"])[1], "x", TICKS)
        look: Look = {"color": "black", "marker": "o"}
        _draw_points(rough, kernel_rows(named), "roughness", recipes, look)
        rough.set(title="first kernel", xlabel="roughness", xlim=_limits(named["roughness"]))
        rough.set_yticks(range(len(recipes)), [(titles or {}).get(name, name) for name in recipes])
        rough.set_ylim(len(recipes) - 0.5, -0.5)
        bare: dict[str, Look] = {key: {**look, "linestyle": ""} for key, look in looks.items()}
        handles = _legend(named, bare, chance)
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _facets(named: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Recipes in the order of the table, and epsilons from small to large."""
    strengths = [value for value in named.sort_values("epsilon")["strength"].unique() if value]
    attacks = named["attack"].unique().tolist()
    checks.require(strengths, "`table` must hold at least one attack", attack=attacks)
    return list(named["recipe"].unique()), strengths


def _looks(named: pd.DataFrame) -> dict[str, Look]:
    """Color and marker of each curve: black circles for clean images."""
    clean: dict[str, Look] = {"clean": {"color": "black", "marker": "o"}}
    attacks = [curve for curve in named["curve"].unique() if curve != "clean"]
    pairs = zip(itertools.cycle(RADIUS_COLORS), itertools.cycle(MARKERS), strict=False)
    looks: dict[str, Look] = {
        curve: {"color": color, "marker": marker}
        for curve, (color, marker) in zip(attacks, pairs, strict=False)
    }
    return looks if "none" not in set(named["attack"]) else clean | looks


def _limits(values: pd.Series) -> tuple[float, float]:
    """Axis from zero to a little above the largest value, with room for markers at zero."""
    top = values.max() if values.max() > 0 else 1.0
    return -0.04 * top, 1.06 * top


def _draw_curves(
    axes: Axes, named: pd.DataFrame, shown: pd.DataFrame, looks: Mapping[str, Look]
) -> None:
    """Draw a panel; a rho that others have and a curve has not is a gap in it."""
    # Eq. 3 as it stands comes last, so that the point at rho 0, which both share, is filled.
    for normalized, kind in reversed(KINDS.items()):
        rhos = np.unique(named["rho"][(named["normalized"] == normalized) | (named["rho"] == 0)])
        for curve, look in looks.items():
            part = shown[shown["curve"] == curve]
            own = part["normalized"] == normalized
            if not own.any():
                continue
            values = part[own | (part["rho"] == 0)].groupby("rho")["accuracy"]
            spread = values.agg(["mean", "min", "max"]).reindex(rhos)
            axes.plot(rhos, spread["mean"], **styled(look, **kind))
            band = {"color": look["color"], "alpha": 0.12, "lw": 0}
            axes.fill_between(rhos, spread["min"], spread["max"], **band)


def _offsets(looks: Mapping[str, Look]) -> Floats:
    """Distances from the middle of a recipe's place at which its points are drawn."""
    return 0.6 * (np.arange(len(looks)) - (len(looks) - 1) / 2) / len(looks)


def _draw_points(
    axes: Axes, part: pd.DataFrame, column: str, recipes: list[str], look: Look, offset: float = 0.0
) -> None:
    spread = part.groupby("recipe")[column].agg(["mean", "min", "max"]).reindex(recipes)
    places = np.arange(len(recipes)) + offset
    # The mean of equal values may be rounded beyond them.
    below = (spread["mean"] - spread["min"]).clip(0)
    above = (spread["max"] - spread["mean"]).clip(0)
    bars = styled(look, linestyle="", elinewidth=1)
    axes.errorbar(spread["mean"], places, xerr=[below, above], **bars)


def _legend(named: pd.DataFrame, looks: Mapping[str, Look], chance: float | None) -> list[Line2D]:
    """A handle a curve, with its number of images where it is not all; the smoothings; chance."""
    examples = named.groupby("curve")["examples"].max()
    handles = []
    for curve, look in looks.items():
        count = examples[curve]
        label = curve if count == examples.max() else f"{curve}\n({count:g} images)"
        handles.append(Line2D([], [], label=label, **look))
    if named["normalized"].any():
        grey: Look = {"color": "#666666", "marker": "o"}
        handles.append(Line2D([], [], label="eq. 3 as it stands", **styled(grey, **KINDS[False])))
        handles.append(Line2D([], [], label="divided by 1 + 8ρ", **styled(grey, **KINDS[True])))
    return handles + ([] if chance is None else [Line2D([], [], label="chance", **CHANCE_LOOK)])
