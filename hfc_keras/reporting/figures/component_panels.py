"""Figures of networks trained or tested on parts of the spectrum, and of networks side by side."""

import itertools
from collections.abc import Mapping
from typing import Any, cast

import matplotlib
import pandas as pd
from matplotlib.lines import Line2D

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.panels import (
    CHANCE_LOOK,
    COLUMN,
    PAGE,
    RADIUS,
    accuracy_top,
    draw_curve,
    draw_levels,
    epoch_axis,
    label_outer,
    panel_grid,
    radius_axis,
)
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import last_rows, require_columns, unique_rows
from hfc_keras.reporting.tables import column_name

NORMALIZATIONS = {"none": palette.BLACK, "batch": palette.VERMILLION}
# Looks of batch_norm_panels by split and component.
TESTS: dict[tuple[str, str], tuple[str, palette.Stroke]] = {
    ("train", "original"): ("train, low images", {"linestyle": "--"}),
    ("test", "original"): ("test, originals", {"linestyle": "-"}),
    ("test", "low"): ("test, low images", {"linestyle": ":", "marker": "o"}),
}
# Looks of component_curves by split.
TRAINED_LOOKS: dict[str, tuple[str, palette.Stroke]] = {
    "train": ("train, while training", {"linestyle": "--", "markerfacecolor": "white"}),
    "train_component": ("filtered train", {"linestyle": "--", "markerfacecolor": "white"}),
    "test": ("test", {"linestyle": "-"}),
    "test_component": ("filtered test", {"linestyle": ":"}),
}
SCALINGS = {
    "none": "as they are",
    "max": "divided by their maximum",
    "spread": "spread of the images",
    "matched": "mean and spread of the images",
}


def component_curves(
    table: pd.DataFrame,
    titles: Mapping[str, str] | None = None,
    chance: float | None = None,
    reference: float | None = None,
) -> Figure:
    """Accuracy against the radius that the training images were filtered with.

    Args:
        table: DataFrame with the columns trained_on (``low`` or ``high``), radius (of the training
            images), seed, split, accuracy. Split ``test``, on original images, is
            solid, ``test_component``, on test images filtered like those trained on, dotted, and
            ``train_component``, on the filtered images trained on, after training, dashed. Where
            there is none of the last, ``train`` is, the mean over the epoch while training;
            others are left out. Where there is a column epoch, the last one of each training is
            drawn. Lines are means over seeds, bands their range.
        titles: dict from ``low`` and ``high`` to names, or None.
        chance: float or None, accuracy of guessing, a gray line.
        reference: float or None, test accuracy of the network trained on originals, a black line.

    Returns:
        matplotlib.figure.Figure, 3.3 inches wide.

    Raises:
        ValueError: for a missing column, another component, or a measurement that stands twice.

    Reference:
        Table 1 of Wang et al., CVPR 2020.

    Example:
        >>> import pandas as pd
        >>> rows = {"trained_on": "low", "radius": [4, 8], "seed": 0, "split": "test",
        ...         "accuracy": [0.6, 0.7]}
        >>> figure = component_curves(pd.DataFrame(rows), chance=0.1)
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['low, test', 'chance']
    """
    require_columns(table, "trained_on radius seed split accuracy".split())
    for component in table["trained_on"].unique():
        checks.choice("trained_on", component, palette.COMPONENT_COLORS)
    training = ["trained_on", "radius", "seed"]
    after = (table["split"] == "train_component").any()
    splits = [split for split in TRAINED_LOOKS if split != "train" or not after]
    final = last_rows(table[table["split"].isin(splits)], training)
    checks.require(len(final), "`table` must hold rows of split 'train' or 'test'", rows=len(final))
    unique_rows(final, [*training, "split"])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(COLUMN, 3.2), layout="constrained")
        axes = figure.subplots()
        curves = dict(list(final.groupby(["trained_on", "split"])))
        for component, split in itertools.product(palette.COMPONENT_COLORS, splits):
            if (component, split) not in curves:
                continue
            name = (titles or {}).get(component, component)
            words, style = TRAINED_LOOKS[split]
            look: palette.LabelledLook = {
                "color": palette.COMPONENT_COLORS[component],
                "label": f"{name}, {words}",
                "marker": "^" if component == "high" else "o",
                **style,
            }
            draw_curve(axes, curves[component, split], "radius", look)
        draw_levels(axes, {"originals, test": reference, "chance": chance})
        highest = [chance, reference] if reference is not None else [chance]
        top = max(accuracy_top(final["accuracy"], level) for level in highest)
        axes.set(xlabel=RADIUS, ylabel="accuracy", ylim=(0, top))
        radius_axis(axes, final["radius"])
        figure.legend(loc="outside lower center", ncols=2, title="trained on, accuracy on")
    return figure


def batch_norm_panels(
    table: pd.DataFrame, titles: Mapping[str, str] | None = None, chance: float | None = None
) -> Figure:
    """Accuracy against epoch of networks trained on low components, one panel per radius.

    Args:
        table: DataFrame with the columns normalization (``none`` or ``batch``), radius (of the
            training images), seed, epoch, split, component, accuracy. Original rows of split
            ``train`` (dashed, the images trained on) and ``test`` (solid), and low rows of
            ``test`` (dotted, the matching component of the test images) are drawn, others left
            out; only one kind of batch-norm statistics. Lines are means over seeds, bands their
            range.
        titles: dict from normalizations to names, or None.
        chance: float or None, accuracy of guessing, a gray line.

    Returns:
        matplotlib.figure.Figure, 7 inches wide with four radii.

    Raises:
        ValueError: for a missing column, another normalization, or a measurement that stands twice.

    Reference:
        Fig. 6 of Wang et al., CVPR 2020.

    Example:
        >>> import pandas as pd
        >>> rows = {"normalization": "batch", "radius": 4.0, "seed": 0, "epoch": [1, 2],
        ...         "split": "test", "component": "low", "accuracy": [0.6, 0.7]}
        >>> batch_norm_panels(pd.DataFrame(rows)).axes[0].get_title()
        'trained on low, r = 4'
    """
    keys = "normalization radius seed epoch split component".split()
    require_columns(table, [*keys, "accuracy"])
    names = {"none": "without BatchNorm", "batch": "with BatchNorm"} | dict(titles or {})
    for kind in table["normalization"].unique():
        checks.choice("normalization", kind, list(NORMALIZATIONS))
    tests = zip(table["split"], table["component"], strict=True)
    shown = unique_rows(table[[test in TESTS for test in tests]], keys)
    checks.require(len(shown), "`table` must hold rows of split 'train' or 'test'", rows=len(shown))
    radii = sorted(shown["radius"].unique())
    curves = shown.groupby(["radius", "normalization", "split", "component"])
    grey: palette.Look = {"color": palette.GREY}
    with matplotlib.rc_context(STYLE):
        handles = [
            Line2D([], [], label=names[kind], color=color) for kind, color in NORMALIZATIONS.items()
        ]
        handles += [
            Line2D([], [], label=label, **palette.styled(grey, **style))
            for label, style in TESTS.values()
        ]
        handles += [] if chance is None else [Line2D([], [], label="chance", **CHANCE_LOOK)]
        figure, axes = panel_grid(len(radii), handles, columns=4, width=PAGE / 4)
        for key, part in curves:
            radius, kind, *test = cast(tuple[Any, ...], key)
            _, style = TESTS[tuple(test)]
            one = axes[radii.index(radius)]
            draw_curve(one, part, "epoch", {"color": NORMALIZATIONS[kind], **style})
        for one, radius in zip(axes, radii, strict=True):
            draw_levels(one, {"chance": chance})
            one.set(title=f"trained on low, r = {radius:g}", ylim=(0, 1.02))
            epoch_axis(one)
        label_outer(axes, "epoch", "accuracy")
    return figure


def scaling_points(
    table: pd.DataFrame, titles: Mapping[str, str] | None = None, chance: float | None = None
) -> Figure:
    """Accuracy on high components after the last epoch, as they are and scaled, by radius.

    Where a network without batch normalization does as well on scaled components as one with it
    does on those as they are, it is their small magnitude that batch normalization repairs.

    Args:
        table: DataFrame with the columns recipe, seed, epoch, split, component, radius,
            bn_statistics, scaling (``none``, ``max``: divided by their maximum, ``spread``:
            brought to the spread of the images, ``matched``: to their mean, too), accuracy.
            High rows of split ``test`` are drawn, one panel per recipe and kind of statistics;
            lines are means over seeds, bands their range.
        titles: dict from the headings of ``tables.column_name`` to panel titles, or None.
        chance: float or None, accuracy of guessing, a gray line.

    Returns:
        matplotlib.figure.Figure, up to 7 inches wide.

    Raises:
        ValueError: for a missing column, another scaling, no high row, or a measurement that
            stands twice.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "vanilla", "seed": 0, "epoch": 5, "split": "test",
        ...         "component": "high", "radius": [4, 8], "bn_statistics": "none",
        ...         "scaling": "max", "accuracy": [0.3, 0.2]}
        >>> scaling_points(pd.DataFrame(rows)).axes[0].get_ylabel()
        'accuracy on high components'
    """
    keys = "recipe seed epoch split component radius bn_statistics scaling".split()
    require_columns(table, [*keys, "accuracy"])
    high = table[(table["split"] == "test") & (table["component"] == "high")]
    checks.require(len(high), "`table` must hold high rows of split 'test'", rows=len(high))
    for scaling in high["scaling"].unique():
        checks.choice("scaling", scaling, SCALINGS)
    final = unique_rows(last_rows(high, ["recipe", "bn_statistics"]), keys)
    panels = list(final.groupby(["recipe", "bn_statistics"], sort=False))
    looks: dict[str, palette.LabelledLook] = {
        scaling: {"color": color, "marker": marker, "label": SCALINGS[scaling]}
        for scaling, (color, marker) in palette.SCALING_LOOKS.items()
        if scaling in set(final["scaling"])
    }
    with matplotlib.rc_context(STYLE):
        handles = [Line2D([], [], **look) for look in looks.values()]
        handles += [] if chance is None else [Line2D([], [], label="chance", **CHANCE_LOOK)]
        figure, axes = panel_grid(len(panels), handles)
        for one, (pair, part) in zip(axes, panels, strict=True):
            heading = column_name(*cast(tuple[str, str], pair))
            one.set_title((titles or {}).get(heading, heading))
            draw_levels(one, {"chance": chance})
            for scaling, curve in part.groupby("scaling"):
                draw_curve(one, curve, "radius", looks[str(scaling)])
            radius_axis(one, final["radius"])
        axes[0].set_ylim(0, accuracy_top(final["accuracy"], chance))
        label_outer(axes, RADIUS, "accuracy on high components")
    return figure
