"""Several measures of the same few networks, side by side."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.panels import CHANCE_LOOK, PAGE, RADIUS, radius_axis
from hfc_keras.reporting.drawing.ring_panels import WHITE_LOOK, draw_nyquist
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import require_columns, unique_rows

COLUMNS = (
    "recipe measure bn_statistics component radius accuracy classes image_size attack ring mean "
    "white inner outer drop"
).split()
# A filled marker is what one can rely on: statistics that do not come from the test batch.
STATISTICS: dict[str, tuple[str, palette.Stroke]] = {
    "batch": ("batch statistics", {"linestyle": ":", "markerfacecolor": "white"}),
    "population": ("population", {"linestyle": "--"}),
    "moving": ("moving averages", {"linestyle": "-"}),
}
MARKERS = {"low": "o", "high": "^"}
FREQUENCY = "frequency (cycles per image)"


def given_table(table: pd.DataFrame, component: str) -> pd.DataFrame:
    """Accuracy of each network on originals and on one component, by statistics.

    Args:
        table: DataFrame with the columns recipe, measure, bn_statistics, component, radius and
            accuracy; rows of the measure ``frequency_accuracy`` count.
        component: ``"low"`` or ``"high"``.

    Returns:
        DataFrame of str, one row per network and kind of statistics, columns ``original`` and such
        as ``high 4``.

    Raises:
        ValueError: for another component, a missing column or a measurement that stands twice.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "resnet20", "measure": "frequency_accuracy",
        ...         "bn_statistics": "moving", "component": ["original", "high"],
        ...         "radius": [float("nan"), 4.0], "accuracy": [0.9, 0.4]}
        >>> given_table(pd.DataFrame(rows), "high").loc["resnet20, moving"].to_dict()
        {'original': '0.900', 'high 4': '0.400'}
    """
    checks.choice("component", component, MARKERS)
    chosen = _frequency(table)
    chosen = chosen[chosen["component"].isin(["original", component])]
    chosen = chosen.assign(
        row=chosen["recipe"] + ", " + chosen["bn_statistics"],
        column=[
            "original" if kind == "original" else f"{kind} {radius:g}"
            for kind, radius in zip(chosen["component"], chosen["radius"], strict=True)
        ],
    )
    chosen["cell"] = chosen["accuracy"].map("{:.3f}".format)
    wide = chosen.pivot(index="row", columns="column", values="cell")
    wide = wide.reindex(index=chosen["row"].unique(), columns=chosen["column"].unique())
    return wide.rename_axis(index=None, columns=None)


def given_panels(table: pd.DataFrame, titles: Mapping[str, str] | None = None) -> Figure:
    """Accuracy by component, one panel per network; below, three measures by frequency.

    Above, colors are components, lines the statistics of batch normalization. Below: share of each
    ring in the power of the input gradient and of PGD's perturbations, beside white noise (dashed,
    gray; the vertical line is named Nyquist), and what accuracy is lost without a ring.

    Args:
        table: DataFrame with the columns ``COLUMNS``, rows of the measures frequency_accuracy,
            fourier_sensitivity, perturbation_spectrum (attack ``pgd``) and band_stop.
        titles: dict from recipes to names, or None.

    Returns:
        matplotlib.figure.Figure, 7 inches wide.

    Raises:
        ValueError: for a missing column, more than four networks, or a measurement that stands
            twice.

    Example:
        >>> import pandas as pd
        >>> rows = [
        ...     {"measure": "frequency_accuracy", "component": "low", "radius": 2.0},
        ...     {"measure": "fourier_sensitivity", "ring": 1, "mean": 1.0, "white": 1.0},
        ...     {"measure": "perturbation_spectrum", "ring": 1, "mean": 1.0, "white": 1.0},
        ...     {"measure": "band_stop", "inner": 0.0, "outer": 2.0, "drop": 0.5},
        ... ]
        >>> shared = {"recipe": "resnet20", "bn_statistics": "moving", "accuracy": 0.5,
        ...           "classes": 10, "image_size": 4, "attack": "pgd"}
        >>> figure = given_panels(pd.DataFrame(rows).assign(**shared))
        >>> [axes.get_title() for axes in figure.axes]
        ['resnet20', 'input gradient', 'PGD perturbation', 'image without a ring']
    """
    require_columns(table, COLUMNS)
    names = table["recipe"].unique().tolist()
    checks.require(len(names) <= 4, "`table` must hold at most four networks", networks=names)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 4.9), layout="constrained")
        above, below = cast(Iterable[SubFigure], figure.subfigures(2, 1, height_ratios=(1, 1.05)))
        # One panel alone is as wide as those below.
        grid = above.subplots(1, max(len(names), 3), sharey=True, squeeze=False)[0]
        for axes in grid[len(names) :]:
            axes.remove()
        frequency = _frequency(table)
        for axes, name in zip(grid, names, strict=False):
            _components(axes, frequency[frequency["recipe"] == name])
            axes.set_title((titles or {}).get(name, name))
        grid[0].set_ylabel("accuracy")
        _legend(above, _component_handles(frequency), len(names) / 3)
        _by_frequency(below.subplots(1, 3), table, names, titles or {})
        looks = palette.recipe_looks(names)
        lines = [
            Line2D([], [], label=(titles or {}).get(name, name), **look)
            for name, look in looks.items()
        ]
        _legend(below, [*lines, Line2D([], [], label="white noise", **WHITE_LOOK)])
    return figure


def _frequency(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of accuracy by component."""
    rows = table[table["measure"] == "frequency_accuracy"]
    return unique_rows(rows, ["recipe", "bn_statistics", "component", "radius"])


def _legend(part: SubFigure, handles: Sequence[Artist], taken: float = 1) -> None:
    """Put a legend on the right of what panels take of a part of the figure, or below them."""
    if taken < 1:
        anchor = (taken + 0.06, 0.55)
        legend = part.legend(handles=handles, loc="center left", bbox_to_anchor=anchor)
        legend.set_in_layout(False)
    else:
        columns = min(len(handles), 5)
        part.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=7)


def _components(axes: Axes, rows: pd.DataFrame) -> None:
    """Accuracy against radius, one line per component and kind of statistics."""
    for component, marker in MARKERS.items():
        for kind, (_, style) in STATISTICS.items():
            chosen = (rows["component"] == component) & (rows["bn_statistics"] == kind)
            curve = rows[chosen].sort_values("radius")
            look: palette.Look = {
                "color": palette.COMPONENT_COLORS[component],
                "marker": marker,
                **style,
            }
            axes.plot(curve["radius"], curve["accuracy"], **look)
    original = rows[(rows["component"] == "original") & (rows["bn_statistics"] == "moving")]
    for level in original["accuracy"]:
        axes.axhline(level, color=palette.BLACK, lw=0.8, zorder=1)
    axes.axhline(1 / rows["classes"].iloc[0], zorder=1, **CHANCE_LOOK)
    radius_axis(axes, rows["radius"].dropna())
    axes.set(xlabel=RADIUS, ylim=(0, 1.0))


def _component_handles(rows: pd.DataFrame) -> list[Artist]:
    """Legend of the panels of accuracy."""
    drawn = set(rows["bn_statistics"])
    handles: list[Artist] = [
        Line2D([], [], label=f"{name} frequencies", color=color, marker=MARKERS[name], ls="")
        for name, color in palette.COMPONENT_COLORS.items()
    ]
    handles += [
        Line2D(
            [], [], label=words, **palette.styled({"color": palette.GREY, "marker": "o"}, **style)
        )
        for kind, (words, style) in STATISTICS.items()
        if kind in drawn
    ]
    handles.append(Line2D([], [], label="originals", color=palette.BLACK, lw=0.8))
    return [*handles, Line2D([], [], label="chance", **CHANCE_LOOK)]


def _by_frequency(
    grid: Sequence[Axes], table: pd.DataFrame, names: Sequence[str], titles: Mapping[str, str]
) -> None:
    """Measures against frequency, one line per network."""
    looks = palette.recipe_looks(names)
    perturbed = (table["measure"] == "perturbation_spectrum") & (table["attack"] == "pgd")
    gradient = table["measure"] == "fourier_sensitivity"
    for axes, rows, title in (
        (grid[0], table[gradient], "input gradient"),
        (grid[1], table[perturbed], "PGD perturbation"),
    ):
        white = rows.groupby("ring")["white"].first()
        axes.plot(white.index, white, zorder=1, **WHITE_LOOK)
        draw_nyquist(axes, table["image_size"].iloc[0] / 2)
        for name in names:
            curve = rows[rows["recipe"] == name].sort_values("ring")
            every = max(1, len(curve) // 8)
            axes.plot(curve["ring"], curve["mean"], **palette.styled(looks[name], markevery=every))
        axes.set_title(title, pad=12)
        axes.set(xlabel=FREQUENCY, ylabel="share of the power")
        axes.set_ylim(bottom=0)
    stopped = table[(table["measure"] == "band_stop") & table["inner"].notna()]
    width = stopped["inner"].drop_duplicates().nsmallest(2).diff().max()
    for name in names:
        curve = stopped[stopped["recipe"] == name].sort_values("inner")
        middle = curve["inner"] + (0 if np.isnan(width) else width / 2)
        grid[2].plot(middle, curve["drop"], **palette.styled(looks[name], markevery=2))
    grid[2].axhline(0, zorder=1, **CHANCE_LOOK)
    grid[2].set_title("image without a ring", pad=12)
    grid[2].set(xlabel=FREQUENCY, ylabel="accuracy lost")
