"""Images classified correctly, also from high frequencies alone, but not from low ones.

A table of contingency has eight rows per measurement, one for each of right and wrong on the image
as it is (``original``), on its ``low`` and on its ``high`` part, and the columns ``COLUMNS``; see
``hfc_keras.analysis.contingency``. The pattern of Fig. 2 of Wang et al., CVPR 2020, is right,
wrong, right.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.palette import BLUE, ORANGE
from hfc_keras.reporting.drawing.panels import (
    RADIUS,
    draw_curve,
    label_outer,
    panel_grid,
    radius_axis,
    root_axis,
)
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.effects.misaligned import COLUMNS, KEYS, PATTERN
from hfc_keras.reporting.rows import require_columns, unique_rows
from hfc_keras.reporting.tables import column_name

LOOKS: dict[str, palette.LabelledLook] = {
    "fourier": {"color": BLUE, "marker": "o", "label": "Fourier"},
    "svd": {"color": ORANGE, "marker": "s", "label": "SVD"},
}
CHANCE: palette.Stroke = {"linestyle": ":", "markerfacecolor": "white"}


def misaligned_table(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers of images with the pattern right, wrong, right, and those that chance would give.

    Args:
        table: DataFrame with the columns ``COLUMNS``.

    Returns:
        DataFrame of str, rows such as ``fourier 4`` and ``fourier 4, chance``, columns the
        recipes (with the batch-norm statistics where there are several), cells
        ``mean +- standard deviation`` over seeds (ddof 1; the mean alone for a single seed).

    Raises:
        ValueError: for a column that is missing or a measurement that stands twice.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "vanilla", "seed": [0, 1], "bn_statistics": "none",
        ...         "decomposition": "fourier", "radius": 4.0, **PATTERN, "count": [20, 30],
        ...         "share": [0.2, 0.3], "chance": [0.1, 0.1], "examples": 100}
        >>> misaligned_table(pd.DataFrame(rows))["vanilla"].to_dict()
        {'fourier 4': '25 +- 7', 'fourier 4, chance': '10 +- 0'}
    """
    found = _pattern(_checked(table))
    names = found["decomposition"] + found["radius"].map(" {:g}".format)
    expected = (found["chance"] * found["examples"]).astype("float64")
    both = [found.assign(row=names), found.assign(row=names + ", chance", count=expected)]
    order = ["decomposition", "radius", "row"]
    return _cells(pd.concat(both, ignore_index=True).sort_values(order, kind="stable"))


def contingency_table(
    table: pd.DataFrame, radius: float, decomposition: str = "fourier"
) -> pd.DataFrame:
    """Numbers of images by right and wrong on the image, its low and its high part.

    Args:
        table: DataFrame with the columns ``COLUMNS``.
        radius: float, cycles per image, one of the table's.
        decomposition: ``"fourier"`` or ``"svd"``.

    Returns:
        DataFrame of str, eight rows such as ``right, wrong, right`` (original, low, high),
        columns and cells like ``misaligned_table``.

    Raises:
        ValueError: as ``misaligned_table``, or for a radius or decomposition without rows.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "vanilla", "seed": [0, 1], "bn_statistics": "none",
        ...         "decomposition": "fourier", "radius": 4.0, **PATTERN, "count": [20, 30],
        ...         "share": [0.2, 0.3], "chance": [0.1, 0.1], "examples": 100}
        >>> contingency_table(pd.DataFrame(rows), 4).loc["right, wrong, right", "vanilla"]
        '25 +- 7'
    """
    table = _checked(table)
    checks.choice("decomposition", decomposition, list(table["decomposition"].unique()))
    own = table[(table["decomposition"] == decomposition) & (table["radius"] == radius)]
    checks.require(
        len(own),
        f"`radius` must be one of {sorted(table['radius'].unique().tolist())}",
        radius=radius,
    )
    return _cells(own.assign(row=own["original"] + ", " + own["low"] + ", " + own["high"]))


def misaligned_curves(table: pd.DataFrame, titles: Mapping[str, str] | None = None) -> Figure:
    """Share of images with the pattern against radius, one panel per recipe.

    Args:
        table: DataFrame with the columns ``COLUMNS``. Lines are means over seeds, bands their
            range: solid and filled as measured, dotted and open what chance would give, one color
            per decomposition. Heights are square roots, so that small shares can be distinguished.
        titles: dict from the headings of ``tables.column_name`` to panel titles, or None.

    Returns:
        matplotlib.figure.Figure.

    Raises:
        ValueError: as ``misaligned_table``.

    Reference:
        Fig. 2 and section 8 of Wang et al., CVPR 2020.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "vanilla", "seed": 0, "bn_statistics": "none",
        ...         "decomposition": "svd", "radius": [4.0, 8.0], **PATTERN, "count": [20, 30],
        ...         "share": [0.2, 0.3], "chance": [0.1, 0.1], "examples": 100}
        >>> len(misaligned_curves(pd.DataFrame(rows)).axes[0].lines)
        2
    """
    found = _pattern(_checked(table))
    panels = found.groupby(["recipe", "bn_statistics"], sort=False)
    drawn = [name for name in LOOKS if name in set(found["decomposition"])]
    with matplotlib.rc_context(STYLE):
        figure, axes = panel_grid(panels.ngroups, _legend(drawn))
        for one, (heading, part) in zip(axes, panels, strict=True):
            heading = column_name(*cast(tuple[str, str], heading))
            one.set_title((titles or {}).get(heading, heading))
            for name in drawn:
                own = part[part["decomposition"] == name]
                strokes: dict[str, palette.Stroke] = {"share": {}, "chance": CHANCE}
                for column, stroke in strokes.items():
                    curve = own.assign(accuracy=own[column])
                    look: palette.LabelledLook = {**LOOKS[name], **stroke}
                    draw_curve(one, curve, "radius", look)
            radius_axis(one, found["radius"])
        top = 1.1 * cast(float, found[["share", "chance"]].max(axis=None)) or 1.0
        for one in axes:
            root_axis(one, top)
        label_outer(axes, RADIUS, "share of test images\n(root scale)")
    return figure


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    require_columns(table, COLUMNS)
    return unique_rows(table, KEYS)


def _pattern(table: pd.DataFrame) -> pd.DataFrame:
    fits = [table[name] == wanted for name, wanted in PATTERN.items()]
    return table[np.all(fits, axis=0)]


def _cells(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over seeds of the counts, one column per recipe."""
    pairs = zip(table["recipe"], table["bn_statistics"], strict=True)
    table = table.assign(column=[column_name(*pair) for pair in pairs])
    spread = table.groupby(["row", "column"])["count"].agg(["mean", "std"])
    wide = spread.apply(_cell, axis=1).unstack("column")
    rows, columns = table["row"].unique(), table["column"].unique()
    wide = wide.reindex(index=rows, columns=columns).fillna("")
    return wide.rename_axis(index=None, columns=None)


def _cell(row: Any) -> str:
    return f"{row['mean']:.0f}" + ("" if pd.isna(row["std"]) else f" +- {row['std']:.0f}")


def _legend(names: Iterable[str]) -> list[Line2D]:
    handles = []
    for name in names:
        label = LOOKS[name]["label"]
        handles.append(Line2D([], [], **LOOKS[name]))
        handles.append(
            Line2D([], [], **palette.styled(LOOKS[name], **CHANCE, label=f"{label}, chance"))
        )
    return handles
