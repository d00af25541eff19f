"""Rows that many experiments share: accuracy by component over the epochs of a training."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hfc_keras import analysis, reporting
from hfc_keras.analysis.inputs import given_radii
from hfc_keras.data.dataset import Dataset, Split
from hfc_keras.lab import tested_networks, variants
from hfc_keras.lab.runner import Cell, Plan
from hfc_keras.lab.settings import Radii
from hfc_keras.lab.variants import Variant
from hfc_keras.reporting.figures.final import final_points
from hfc_keras.reporting.rows import KEYS as KEYS
from hfc_keras.reporting.statistics.accuracy_intervals import intervals_in_words
from hfc_keras.training.training_data import training_split
from hfc_keras.types import Floats

STATISTICS = ("moving", "batch", "population")


def rows(cell: Cell, scalings: Sequence[str] = ()) -> pd.DataFrame:
    """Training and test accuracy of every epoch, and by component at the measured epochs.

    Args:
        cell: runner.Cell.
        scalings: sequence of str, of ``analysis.scaling.scaled_components``; after the last epoch
            the components are also tested so, in a column scaling.

    Returns:
        DataFrame with the columns epoch, split, component, radius, bn_statistics, accuracy,
        examples. The split ``train_after`` is the training images after the last epoch, in
        test mode. A network without batch normalization is tested once and its rows say
        ``none`` in bn_statistics.
    """
    model, history = cell.fit(every_epoch=True)
    tables = [history_rows(cell, history)]
    for kind in statistics(model):
        tables.append(component_rows(cell, model, kind))
        tables.append(component_rows(cell, model, kind, "train_after", last_epoch(cell)))
    tables = [pd.concat(tables, ignore_index=True)]
    if scalings:
        tables[0]["scaling"] = "none"
    for kind in statistics(model):
        for scaling in scalings:
            table = component_rows(cell, model, kind, epochs=last_epoch(cell), scaling=scaling)
            tables.append(table[table["component"] != "original"].assign(scaling=scaling))
    return finished(cell, model, pd.concat(tables, ignore_index=True))


def statistics(model: keras.Model) -> tuple[str, ...]:
    """Batch-norm statistics to test a network with; one kind where it has none."""
    return STATISTICS if analysis.has_batch_norm(model) else STATISTICS[:1]


def last_epoch(cell: Cell) -> list[int]:
    """Epochs to measure where only the last one counts."""
    return [cell.recipe.epochs]


def finished(cell: Cell, model: keras.Model, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a cell, complete: they say ``none`` where there is no batch normalization.

    All rows also get the number of classes, whose inverse is the accuracy of guessing.
    """
    return tested_networks.marked(model, table.assign(classes=cell.dataset().classes))


def history_rows(cell: Cell, history: pd.DataFrame) -> pd.DataFrame:
    """Accuracy on the training images while training and on all test images after each epoch.

    Args:
        cell: runner.Cell.
        history: DataFrame of ``training.fit``.

    Returns:
        DataFrame, see ``rows``. Training rows are means over the epoch, in
        training mode, so with the statistics of each batch.
    """
    dataset = cell.dataset()
    shared = {"epoch": history["epoch"].astype(int), "component": "original", "radius": np.nan}
    train = pd.DataFrame(
        {**shared, "split": "train", "bn_statistics": "batch", "accuracy": history["accuracy"]}
    ).assign(examples=len(dataset.train))
    test = pd.DataFrame(
        {**shared, "split": "test", "bn_statistics": "moving", "accuracy": history["val_accuracy"]}
    ).assign(examples=len(dataset.test))
    return pd.concat([train, test], ignore_index=True)


def component_rows(
    cell: Cell,
    model: keras.Model,
    bn_statistics: str,
    split: str = "test",
    epochs: Sequence[int] | None = None,
    radii: Sequence[float] | None = None,
    scaling: str | None = None,
) -> pd.DataFrame:
    """Accuracy by component at some epochs.

    The test split is measured on the settings' number of images and after the last epoch on all,
    the training split on as many as there are test images, the same at every epoch. Of a network
    above a million parameters the store keeps the last epoch alone.

    Args:
        cell: runner.Cell, trained.
        model: its keras.Model.
        bn_statistics: str, see ``analysis.frequency_accuracy``.
        split: ``"test"``, or ``"train_after"``: the training images, before any filter, with
            the labels trained on.
        epochs: ascending list of int; None is the settings' measured epochs.
        radii: list of float; None is the settings' or the default radii.
        scaling: str, see ``analysis.scaling.scaled_components``; None is that of ``scaling_of``.

    Returns:
        DataFrame, see ``rows``. For the test split with moving statistics the
        originals are left out, since ``history_rows`` has them for every epoch.
    """
    settings = cell.settings
    chosen: Sequence[int] = epochs or settings.measured_epochs(cell.recipe.epochs)
    scaling = scaling or scaling_of(cell)
    options = {
        "radii": radii or radii_of(settings, cell.dataset()),
        "bn_statistics": bn_statistics,
        "batch_size": 250,
        "inclusive": settings.inclusive,
        "scaling": scaling,
    }
    gain = cell.recipe.outside_gain
    options.update({"outside_gain": gain} if gain else {})
    tables, every = [], len(cell.dataset().test)
    for epoch in chosen if cell.store.keeps_every_epoch(model) else last_epoch(cell):
        last = epoch == cell.recipe.epochs
        count = every if last or split == "train_after" else settings.measured_examples()
        arguments = {**options, "epoch": epoch, "examples": count, "split": split}
        compute = functools.partial(_compute, cell, model, epoch, count, split, options)
        measured = tested_networks.measured(cell, model, "frequency_accuracy", arguments, compute)
        tables.append(measured)
    table = pd.concat(tables, ignore_index=True).assign(split=split)
    known = bn_statistics == "moving" and split == "test"
    return table[table["component"] != "original"] if known else table


def radii_of(settings: Radii, dataset: Dataset) -> list[float]:
    """Radii to measure at, those of the settings or fixed parts of the width."""
    return given_radii(settings.radii, dataset.image_shape[1])


def scaling_of(cell: Cell) -> str:
    """How tested components are scaled, of ``analysis.scaling.scaled_components``: max if set.

    The released code has it for all networks that are trained on rescaled images.
    """
    return "max" if cell.settings.rescale or cell.recipe.rescale else "none"


def _compute(
    cell: Cell,
    model: keras.Model,
    epoch: int,
    count: int | None,
    split: str,
    options: Mapping[str, Any],
    **population: Floats,
) -> pd.DataFrame:
    """Rows of one epoch, computed; the model keeps its own weights."""
    last = epoch == cell.recipe.epochs
    weights = model.get_weights() if last else cell.store.weights(cell.recipe, epoch, model)
    images = cell.test_images(count) if split == "test" else _training_images(cell, count)
    return analysis.frequency_accuracy_by_epoch(
        model, {epoch: weights}, images.images, images.labels, **population, **options
    )


def _training_images(cell: Cell, count: int | None) -> Split:
    """Training images in a fixed random order, with the labels trained on."""
    split = training_split(cell.recipe, cell.dataset())
    return split.take(np.random.default_rng(0).permutation(len(split))[:count])


def summary(table: pd.DataFrame) -> str:
    """Accuracies after the last epoch in words.

    Args:
        table: DataFrame, see ``rows``, with recipe and seed.

    Returns:
        str of several lines.
    """
    heading = "Accuracy after the last epoch (mean +- standard deviation over seeds)"
    last = table["epoch"] == table.groupby("recipe")["epoch"].transform("max")
    whole = table[last & (table["split"] == "test") & (table["component"] == "original")]
    parts = [f"{heading}\n\n{reporting.last_epoch(table).to_string()}"]
    if len(whole):
        parts.append(intervals_in_words(whole, ["recipe", "bn_statistics"]))
    return "\n\n".join(parts)


def figures(table: pd.DataFrame, plan: Plan, ways: Mapping[str, Variant]) -> dict[str, Figure]:
    """Draw a panel for each recipe, and the recipes side by side after their last epoch.

    Args:
        table: DataFrame, see ``rows``, with recipe and seed; networks without batch
            normalization.
        plan: runner.Plan.
        ways: dict from name to variants.Variant.

    Returns:
        dict from what is added to the file's name to the figure.
    """
    named, chance = variants.drawn(ways), reporting.chance(table)
    return {
        "": reporting.frequency_panels(table, named["titles"], chance=chance),
        "_final": final_points(table, **named, chance=chance),
    }
