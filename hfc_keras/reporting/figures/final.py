"""Trainings side by side after their last epoch."""

from collections.abc import Mapping

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hfc_keras import checks
from hfc_keras.reporting.drawing import palette
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.legends import legend_below
from hfc_keras.reporting.drawing.panels import (
    CHANCE_LOOK,
    PAGE,
    RADIUS,
    accuracy_top,
    draw_curve,
    draw_levels,
    radius_axis,
)
from hfc_keras.reporting.drawing.style import STYLE
from hfc_keras.reporting.rows import last_rows, require_columns, unique_rows

KEYS = "recipe seed epoch split component radius".split()
COMPONENTS = {"high": "high components", "low": "low components"}


def final_points(
    table: pd.DataFrame,
    titles: Mapping[str, str] | None = None,
    looks: Mapping[str, palette.Look] | None = None,
    chance: float | None = None,
) -> Figure:
    """Accuracy by component after the last epoch, beside test accuracy and generalization gap.

    The gap is the accuracy on training images minus that on test images, both after the epoch, a
    number per seed.

    Args:
        table: DataFrame with the columns recipe, seed, epoch, split, component, radius, accuracy;
            only one kind of batch-norm statistics per recipe. Drawn are high, low and original rows
            of split ``test`` and original rows of ``train_after``. Lines and points are means
            over seeds, bands and whiskers their range.
        titles: dict from recipes to names, or None.
        looks: dict from recipes to looks, see ``palette.recipe_looks``, or None.
        chance: float or None, accuracy of guessing, a gray line.

    Returns:
        matplotlib.figure.Figure, 7 inches wide, four panels: high components by radius, low
        components by radius, test accuracy, gap.

    Raises:
        ValueError: for a missing column, a measurement that stands twice, or if test or
            ``train_after`` rows of a recipe and seed are missing.

    Reference:
        Section 5 of Wang et al., CVPR 2020.

    Example:
        >>> import pandas as pd
        >>> rows = {"recipe": "sgd", "seed": 0, "epoch": 5, "split": ["train_after", "test"],
        ...         "component": "original", "radius": float("nan"), "accuracy": [0.9, 0.7]}
        >>> figure = final_points(pd.DataFrame(rows))
        >>> figure.axes[3].get_xlabel()
        'train − test'
    """
    require_columns(table, [*KEYS, "accuracy"])
    final = last_rows(table[table["split"].isin(["test", "train_after"])], ["recipe"])
    checks.require(len(final), "`table` must hold rows of split 'test'", rows=len(final))
    unique_rows(final, KEYS)
    originals = _originals(final)
    looks = palette.recipe_looks(final["recipe"], looks)
    names = [(titles or {}).get(recipe, recipe) for recipe in looks]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, 1.8 + 0.14 * max(5, len(looks))), layout="constrained")
        high, low, test, gap = figure.subplots(1, 4, width_ratios=[1.9, 1.9, 1.3, 1.3])
        for axes, component in ((high, "high"), (low, "low")):
            tested = (final["split"] == "test") & (final["component"] == component)
            draw_levels(axes, {"chance": chance})
            _draw_component(axes, final[tested], looks, chance)
            axes.set(title=COMPONENTS[component], xlabel=RADIUS)
        high.set_ylabel("accuracy")
        for axes, column in ((test, "test"), (gap, "gap")):
            _draw_points(axes, originals, column, looks)
        test.set(title="originals", xlabel="test accuracy")
        gap.set(title="generalization gap", xlabel="train − test")
        gap.axvline(0, color=palette.LIGHT_GREY, lw=0.8, zorder=1)
        test.set_yticks(range(len(looks)), names)
        gap.set_yticks(range(len(looks)), [])
        entries = zip(names, looks.values(), strict=True)
        handles = [Line2D([], [], label=name, **look) for name, look in entries]
        handles += [] if chance is None else [Line2D([], [], label="chance", **CHANCE_LOOK)]
        legend_below(figure, handles)
    return figure


def _originals(final: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy and gap, one row per recipe and seed."""
    originals = final[final["component"] == "original"]
    wide = originals.set_index(["recipe", "seed", "split"])["accuracy"].unstack("split")
    pairs = final[["recipe", "seed"]].drop_duplicates()
    wide = wide.reindex(pd.MultiIndex.from_frame(pairs), columns=["test", "train_after"])
    missing = wide[wide.isna().any(axis=1)]
    checks.require(
        not len(missing),
        "`table` must hold original rows of splits 'test' and 'train_after' of each seed",
        missing=missing.index.tolist(),
    )
    return wide.assign(gap=wide["train_after"] - wide["test"]).reset_index()


def _draw_component(
    axes: Axes, table: pd.DataFrame, looks: Mapping[str, palette.Look], chance: float | None
) -> None:
    for recipe, part in table.groupby("recipe", sort=False):
        draw_curve(axes, part, "radius", looks[str(recipe)])
    radius_axis(axes, table["radius"])
    axes.set_ylim(0, accuracy_top(table["accuracy"], chance))


def _draw_points(
    axes: Axes, originals: pd.DataFrame, column: str, looks: Mapping[str, palette.Look]
) -> None:
    """One point per recipe, the first one at the top, with the range of its seeds."""
    for place, (recipe, look) in enumerate(looks.items()):
        values = originals.loc[originals["recipe"] == recipe, column]
        mean = values.mean()
        # The mean of equal values may be rounded beyond them.
        whiskers = [[max(mean - values.min(), 0)], [max(values.max() - mean, 0)]]
        axes.errorbar(
            mean, place, xerr=whiskers, **palette.styled(look, linestyle="", elinewidth=1)
        )
    axes.set_ylim(len(looks) - 0.5, -0.5)
