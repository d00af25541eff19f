"""What the experiments that train on components share: settings, recipes, rows."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pandas as pd

from experiments.measures import frequency_curves
from hfc_keras import reporting, training
from hfc_keras.lab.runner import Cell
from hfc_keras.lab.settings import Components
from hfc_keras.reporting.tables import column_name
from hfc_keras.training import Recipe


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Components):
    """Settings of an experiment that trains on components."""

    radii: tuple[float, ...] | None = None
    """Radii to train at, in cycles per image. Default: the width times 1/8, 1/4, 3/8 and 1/2."""
    rescale: bool = True
    """Divide each component by its maximum, in training and test, as the paper's released code \
does ("the standard pixel scale"). The original test images never are."""
    outside_gain: float = 0.0
    """What remains of the frequencies on the other side of the radius; the first version of the \
released code kept 0.5 of the high ones in the low component."""


def recipes(settings: Settings, components: Sequence[str], **changes: Any) -> dict[str, Recipe]:
    """Trainings on components at each radius.

    Args:
        settings: Settings.
        components: sequence of ``"low"`` and ``"high"``.
        **changes: fields of the recipe.

    Returns:
        dict from ``low_4`` and the like to Recipe, all components of a radius together.
    """
    base = settings.base_recipe()
    dataset = training.load_data(base, settings.data_dir)
    trained = {
        "inclusive": settings.inclusive,
        "outside_gain": settings.outside_gain,
        **changes,
    }
    return {
        f"{component}_{radius:g}": base.but(component=component, radius=radius, **trained)
        for radius in frequency_curves.radii_of(settings, dataset)
        for component in components
    }


def rows(cell: Cell) -> pd.DataFrame:
    """Accuracy of every epoch, and on originals and components.

    Args:
        cell: runner.Cell, whose recipe trains on a component or on the originals.

    Returns:
        DataFrame, see ``frequency_curves.rows``, at the radius trained at (at all radii for
        originals), with the columns trained_on and trained_radius. With batch normalization the
        measured epochs are tested with batch statistics, and the last one with all kinds.
    """
    model, history = cell.fit(every_epoch=True)
    recipe, last = cell.recipe, frequency_curves.last_epoch(cell)
    radii = None if recipe.radius is None else [recipe.radius]
    tables = [frequency_curves.history_rows(cell, history)]
    for kind in frequency_curves.statistics(model):
        shown = len(frequency_curves.statistics(model)) == 1 or kind == "batch"
        for split, epochs in (("test", None if shown else last), ("train_after", last)):
            tables.append(frequency_curves.component_rows(cell, model, kind, split, epochs, radii))
    table = frequency_curves.finished(cell, model, pd.concat(tables, ignore_index=True))
    return table.assign(trained_on=recipe.component, trained_radius=recipe.radius)


def final_accuracies(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies after the last epoch, one row per recipe, as in Table 1 of the paper.

    Args:
        table: DataFrame of ``rows`` with recipe and seed.

    Returns:
        DataFrame of str, ``mean +- standard deviation`` over seeds: train (the images trained
        on, in test mode), test (originals) and test component (the matching one).
    """
    final = table[table["epoch"] == table.groupby("recipe")["epoch"].transform("max")]
    own = final["component"] == final["trained_on"]
    train, test = final["split"] == "train_after", final["split"] == "test"
    kinds = {
        "train": train & own,
        "test": test & (final["component"] == "original"),
        "test component": test & own & (final["component"] != "original"),
    }
    cells = {}
    for kind, chosen in kinds.items():
        names = map(column_name, final["recipe"][chosen], final["bn_statistics"][chosen])
        groups = final[chosen].groupby(list(names), sort=False)["accuracy"]
        cells[kind] = groups.agg(["mean", "std"]).apply(reporting.mean_and_spread, axis=1)
    return pd.DataFrame(cells).reindex(list(cells["train"].index)).astype(object).fillna("")


def summary(table: pd.DataFrame) -> str:
    """Accuracies after the last epoch in words."""
    heading = "Accuracy after the last epoch (mean +- standard deviation over seeds)"
    return f"{heading}\n\n{final_accuracies(table).to_string()}"
