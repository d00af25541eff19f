"""Rows that many experiments share: accuracy by component over the epochs of a training."""

import functools

import numpy as np
import pandas as pd

from hfc_keras import analysis, reporting, training
from hfc_keras.reporting.tables import KEYS as KEYS

RADII = (1 / 8, 1 / 4, 3 / 8, 1 / 2)


def frequency_curves(cell, statistics=("moving", "batch", "population")):
    """Training and test accuracy of every epoch, and by component at the measured epochs.

    Args:
        cell: runner.Cell.
        statistics: batch-norm statistics to test with; a network without batch
            normalisation is tested once and its rows say ``none``.

    Returns:
        DataFrame with the columns epoch, split, component, radius, bn_statistics, accuracy,
        examples.
    """
    model, history = cell.fit(every_epoch=True)
    normalized = cell.recipe.normalization == "batch"
    kinds = statistics if normalized else ("moving",)
    tables = [history_rows(cell, history)]
    tables += [component_rows(cell, model, kind) for kind in kinds]
    table = pd.concat(tables, ignore_index=True)
    return table if normalized else table.assign(bn_statistics="none")


def history_rows(cell, history):
    """Accuracy on the training images while training and on all test images after each epoch.

    Args:
        cell: runner.Cell.
        history: DataFrame of ``training.fit``.

    Returns:
        DataFrame as of ``frequency_curves``. Training rows are means over the epoch, in
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


def component_rows(cell, model, bn_statistics):
    """Test accuracy by component at the measured epochs, the last one on all test images.

    Of a network above a million parameters the store keeps the last epoch alone.

    Args:
        cell: runner.Cell, trained.
        model: its keras.Model.
        bn_statistics: str, as of ``analysis.frequency_accuracy``.

    Returns:
        DataFrame as of ``frequency_curves``. With moving statistics the originals are left
        out, since ``history_rows`` has them for every epoch.
    """
    dataset, settings, final = cell.dataset(), cell.settings, model.get_weights()
    options = {
        "radii": list(settings.radii or (dataset.image_shape[1] * part for part in RADII)),
        "bn_statistics": bn_statistics,
        "batch_size": 250,
        "inclusive": settings.inclusive,
        "rescale": settings.rescale,
    }
    train_images = functools.cache(lambda: training.filtered_images(cell.recipe, dataset.train))

    def measure(epoch, count):
        test, last = cell.test_images(count), epoch == cell.recipe.epochs
        weights = {epoch: final if last else cell.store.weights(cell.recipe, epoch)}
        population = {"train_images": train_images()} if bn_statistics == "population" else {}
        return analysis.frequency_accuracy_by_epoch(
            model, weights, test.images, test.labels, **population, **options
        )

    tables = []
    epochs = settings.measured_epochs(cell.recipe.epochs)
    for epoch in epochs if cell.store.keeps_every_epoch(model) else epochs[-1:]:
        last = epoch == cell.recipe.epochs
        count = None if last else settings.measured_examples()
        arguments = {**options, "epoch": epoch, "examples": count}
        compute = functools.partial(measure, epoch, count)
        tables.append(cell.measured("frequency_accuracy", arguments, compute))
    table = pd.concat(tables, ignore_index=True).assign(split="test")
    return table[table["component"] != "original"] if bn_statistics == "moving" else table


def summary(table):
    """Accuracies after the last epoch in words.

    Args:
        table: DataFrame as of ``frequency_curves``, with recipe and seed.

    Returns:
        str of several lines.
    """
    heading = "Accuracy after the last epoch (mean +- standard deviation over seeds)"
    return f"{heading}\n\n{reporting.last_epoch(table).to_string()}"
