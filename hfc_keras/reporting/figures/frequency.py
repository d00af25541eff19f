"""Figures that a paper could print."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.palette import radius_color
from hfc_keras.reporting.drawing.panels import (
    CHANCE_LOOK,
    draw_curve,
    draw_levels,
    epoch_axis,
    label_outer,
    panel_grid,
)
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import KEYS, measured_once, require_columns, unique_rows
from hfc_keras.reporting.tables import column_name

BLACK_LABELS = {
    "test": {"train": "train, while training", "test": "test"},
    "train_after": {"train": "train, while training", "train_after": "train, after each epoch"},
}
# Dashes of training accuracy on images as they are, and on those that a recipe changes.
AS_THEY_ARE: palette.Dash = "--"
CHANGED: tuple[palette.Dash, ...] = ("-.", ":")


def frequency_panels(
    table: pd.DataFrame,
    titles: Mapping[str, str] | None = None,
    split: str = "test",
    chance: float | None = None,
    changed: Mapping[str, str] | None = None,
    epochs: str = "epoch",
) -> Figure:
    """Accuracy against epoch, one panel per recipe: originals and their low and high components.

    Panels share the axis of epochs, so that equal lengths are equally many.

    Args:
        table: DataFrame with the columns recipe, seed, epoch, split, component, radius,
            bn_statistics, accuracy. Lines are means over seeds, bands their range. Rows of split
            ``train``, means over the epoch while training, are dashed. Where there is a column
            scaling, components with another scaling than ``none`` are left out.
        titles: dict from the headings of ``tables.column_name`` to panel titles, or None.
        split: ``test`` or ``train_after``, the images whose components are drawn: test images,
            or training images after the epoch.
        chance: float or None, accuracy of guessing, a gray line.
        changed: dict from recipes to words for the images that their rows of split ``train`` are
            on, such as ``"attacked images"``, or None. Those have another dash, which the legend
            explains; at most two kinds.
        epochs: str, what stands below the axis of epochs.

    Returns:
        matplotlib.figure.Figure, up to 7 inches wide.

    Raises:
        ValueError: for another split, a missing column, no row of the split, a measurement that
            stands twice, or more kinds of changed images.

    Reference:
        Figs. 3 (``train_after``), 4 and 5 of Wang et al., CVPR 2020.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "vanilla", "seed": 0, "epoch": [1, 2], "split": "test",
        ...         "component": "low", "radius": 4.0, "bn_statistics": "none",
        ...         "accuracy": [0.2, 0.4]}
        >>> len(frequency_panels(pd.DataFrame(rows)).axes)
        1
    """
    checks.choice("split", split, BLACK_LABELS)
    table = measured_once(table)
    require_columns(table, [*KEYS, "accuracy"])
    table = _with_images(_shown(table, split), changed or {})
    panels = _panels(table, split)
    checks.require(panels, f"`table` must hold rows of split {split!r}", rows=len(panels))
    radii = sorted(table["radius"].dropna().unique())
    dashes = _dashes(table["images"].unique())
    with matplotlib.rc_context(STYLE):
        handles = _legend(table, split, radii, dashes)
        handles += [] if chance is None else [Line2D([], [], label="chance", **CHANCE_LOOK)]
        figure, axes = panel_grid(len(panels), handles)
        for one, (heading, part) in zip(axes, panels.items(), strict=True):
            one.set_title((titles or {}).get(heading, heading))
            draw_levels(one, {"chance": chance})
            for (kind, component, radius, images), curve in _curves(part):
                look = _line(kind, component, radius, radii, dashes[images])
                draw_curve(one, curve, "epoch", look)
            one.set_ylim(0, 1.02)
            epoch_axis(one)
        label_outer(axes, epochs, "accuracy")
    return figure


def _with_images(table: pd.DataFrame, changed: Mapping[str, str]) -> pd.DataFrame:
    """Table with words for the images of its training rows; empty for images as they are."""
    words = [changed.get(recipe, "") for recipe in table["recipe"]]
    return table.assign(images=np.where(table["split"] == "train", words, ""))


def _dashes(images: Iterable[str]) -> dict[str, palette.Dash]:
    """Dash of the training accuracy on each kind of images."""
    kinds = [kind for kind in images if kind]
    checks.require(
        len(kinds) <= len(CHANGED),
        f"`changed` must be of at most {len(CHANGED)} kinds",
        kinds=kinds,
    )
    dashes: dict[str, palette.Dash] = {"": AS_THEY_ARE}
    dashes.update(zip(kinds, CHANGED, strict=False))
    return dashes


def _shown(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """Rows to draw: while training and of the split, components as they are."""
    shown = table["split"].isin(["train", split])
    if "scaling" in table.columns:
        as_they_are = table["scaling"].isna() | (table["scaling"] == "none")
        shown &= as_they_are | (table["component"] == "original")
    return unique_rows(table[shown].drop_duplicates([*KEYS, "accuracy"]))


def _panels(table: pd.DataFrame, split: str) -> dict[str, pd.DataFrame]:
    """Rows of each panel; rows of while training join every panel of their recipe."""
    tested = table[table["split"] == split]
    pairs = tested[["recipe", "bn_statistics"]].drop_duplicates().itertuples(index=False)
    panels = {}
    for recipe, statistics in pairs:
        own = table["recipe"] == recipe
        shown = (table["split"] == "train") | (table["bn_statistics"] == statistics)
        panels[column_name(recipe, statistics)] = table[own & shown]
    return panels


def _curves(table: pd.DataFrame) -> Iterable[tuple[Any, pd.DataFrame]]:
    keys = ["split", "component", "radius", "images"]
    return table.groupby(keys, dropna=False, sort=True)


def _line(
    split: str,
    component: str,
    radius: float,
    radii: Sequence[float],
    dash: palette.Dash = AS_THEY_ARE,
) -> palette.Look:
    """Look of a curve: black for original images, one color per radius, dotted for high."""
    if component == "original":
        return {"color": "black", "linestyle": dash if split == "train" else "-"}
    high = component == "high"
    style: palette.Stroke = {"linestyle": ":" if high else "-", "marker": "^" if high else "o"}
    return {"color": radius_color(radius, radii), **style}


def _legend(
    table: pd.DataFrame, split: str, radii: Sequence[float], dashes: Mapping[str, palette.Dash]
) -> list[Line2D]:
    """A handle a curve that is drawn in some panel."""
    drawn = {key for key, _ in table.groupby(["split", "component"])}
    original = table[table["component"] == "original"]
    black = [
        Line2D(
            [],
            [],
            label=f"{label}\non {images}" if images else label,
            **_line(kind, "original", np.nan, radii, dash),
        )
        for kind, label in BLACK_LABELS[split].items()
        for images, dash in dashes.items()
        if ((original["split"] == kind) & (original["images"] == images)).any()
    ]
    entries: list[tuple[str, str, str, float]] = []
    for component in ("low", "high"):
        if (split, component) in drawn:
            entries += [
                (f"{component}, r = {radius:g}", split, component, radius) for radius in radii
            ]
    return black + [
        Line2D([], [], label=label, **_line(split, component, radius, radii))
        for label, split, component, radius in entries
    ]
