"""Measures of both core papers on one network that others trained."""

import functools
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import pandas as pd

from experiments.outside.given_cells import Cell
from hfc_keras import analysis, attacks, layers
from hfc_keras.analysis import predictions
from hfc_keras.analysis.inputs import given_radii
from hfc_keras.types import Array, BnStatistics

BANDS = 16
EPSILON = 8 / 255
# Most natural networks are right on nothing at 8/255; they differ in a ball this small.
SMALL = 1 / 255
ROBUST = (
    "attack epsilon step_size steps norm loss accuracy examples attacked zero_gradient_share"
).split()


def rows(cell: Cell) -> pd.DataFrame:
    """All measures of a network; the column measure names each row's.

    Args:
        cell: given_cells.Cell.

    Returns:
        DataFrame with the columns of each measure as the experiments on trained networks have
        them: accuracy, frequency_accuracy, contingency, fourier_sensitivity, band_stop,
        perturbation_spectrum and robust_accuracy.
    """
    model, settings = cell.model(), cell.settings
    width, attacked = cell.dataset().image_shape[1], settings.attacks_on(cell)
    radii, tables = given_radii(None, width), []
    for kind in ("moving", "batch", "population")[: 3 if settings.has_population(cell) else 2]:
        arguments = {"bn_statistics": kind, "radii": radii, "size": settings.batch_size}
        if kind == "population":
            arguments |= {"population": settings.population, "count": settings.subset}
        else:
            arguments |= {"count": settings.examples}
        found = _kept(cell, model, "contingency", _contingency, **arguments)
        tables += [frequency_accuracy(found), found.assign(measure="contingency")]
    for name, compute, arguments in (
        ("accuracy", _accuracy, {}),
        ("fourier_sensitivity", _sensitivity, {"count": settings.subset}),
        ("band_stop", _band_stop, {"count": settings.subset}),
        ("perturbation_spectrum", _perturbations, {"count": attacked, "steps": settings.steps}),
        ("robust_accuracy", _robust, {"count": attacked, "steps": settings.steps}),
    ):
        found = _kept(cell, model, name, compute, **arguments)
        tables.append(found.assign(measure=name, bn_statistics="moving"))
    # What no row of a measure has is no column of it.
    tables = [table.dropna(axis=1, how="all") for table in tables]
    table = pd.concat(tables, ignore_index=True)
    classes = int(model.output_shape[-1])
    return table.assign(classes=classes, image_size=min(cell.dataset().image_shape[:2]))


def frequency_accuracy(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies by component from a table of contingency, which counts the same answers.

    Args:
        table: DataFrame of ``analysis.contingency`` for one kind of statistics.

    Returns:
        DataFrame of ``analysis.frequency_accuracy`` with the column measure.

    Example:
        >>> outcomes = {"original": ["right", "right"], "low": ["right", "wrong"],
        ...             "high": ["wrong", "wrong"], "count": [3, 1]}
        >>> told = {"radius": 4.0, "examples": 4, "bn_statistics": "moving"}
        >>> frequency_accuracy(pd.DataFrame({**outcomes, **told}))["accuracy"].tolist()
        [1.0, 0.75, 0.0]
    """
    examples, right = int(table["examples"].iloc[0]), []
    for radius, part in table.groupby("radius"):
        for component in ("original", "low", "high"):
            count = int(part["count"][part[component] == "right"].sum())
            right.append((component, radius, count / examples))
    found = pd.DataFrame(right, columns=["component", "radius", "accuracy"])
    found.loc[found["component"] == "original", "radius"] = np.nan
    return found.drop_duplicates(["component", "radius"], ignore_index=True).assign(
        measure="frequency_accuracy",
        examples=examples,
        bn_statistics=table["bn_statistics"].iloc[0],
    )


def _kept(
    cell: Cell,
    model: keras.Model,
    name: str,
    compute: Callable[..., pd.DataFrame],
    **arguments: Any,
) -> pd.DataFrame:
    """Rows of a measure from the store, or computed; attacks keep their parts."""
    own = functools.partial(compute, cell, model, **arguments)
    return cell.measured(name, arguments, own, in_parts=compute is _robust)


def _accuracy(cell: Cell, model: keras.Model) -> pd.DataFrame:
    images, labels = cell.test_images()
    right = predictions.accuracy(model, images, labels, batch_size=cell.settings.batch_size)
    return pd.DataFrame({"component": ["original"], "accuracy": [right], "examples": [len(images)]})


def _contingency(
    cell: Cell,
    model: keras.Model,
    bn_statistics: BnStatistics,
    radii: Sequence[float],
    size: int,
    count: int | None,
    population: int | None = None,
) -> pd.DataFrame:
    images, labels = cell.test_images(count)
    return analysis.contingency(
        model,
        images,
        labels,
        radii,
        bn_statistics=bn_statistics,
        train_images=population and training_images(cell, population),
        batch_size=size,
    )


def training_images(cell: Cell, count: int) -> Array:
    """Some training images, shifted by up to 4 pixels and mirrored at random, as is usual.

    Args:
        cell: given_cells.Cell.
        count: int, how many.

    Returns:
        float array ``(examples, height, width, channels)``.
    """
    train = cell.dataset().train
    order = np.random.default_rng(0).permutation(len(train))[:count]
    augment = layers.RandomCropFlip(padding=4, seed=0)
    return np.asarray(augment(train.take(order).images))


def _sensitivity(cell: Cell, model: keras.Model, count: int | None) -> pd.DataFrame:
    images, labels = cell.test_images(count)
    size = cell.settings.batch_size
    return analysis.fourier_sensitivity(model, images, labels, batch_size=size)


def _band_stop(cell: Cell, model: keras.Model, count: int | None) -> pd.DataFrame:
    images, labels = cell.test_images(count)
    size = cell.settings.batch_size
    return analysis.band_stop_accuracy(model, images, labels, BANDS, batch_size=size)


def _perturbations(cell: Cell, model: keras.Model, count: int | None, steps: int) -> pd.DataFrame:
    images, labels = cell.test_images(count)
    size, tables = cell.settings.batch_size, []
    for name, attack in (
        ("fgsm", attacks.Fgsm(EPSILON)),
        ("pgd", attacks.Pgd(EPSILON, steps=steps, random_start=False)),
    ):
        with warnings.catch_warnings():
            # Those images are left out of the spectrum, which counts them.
            warnings.filterwarnings("ignore", "The gradient of .* of the images")
            found = attacks.run(model, images, labels, attack, batch_size=size)
        table = analysis.perturbation_spectrum(images, found.images)
        tables.append(table.assign(attack=name, epsilon=EPSILON))
    return pd.concat(tables, ignore_index=True)


def _robust(
    cell: Cell, model: keras.Model, count: int | None, steps: int, resume: Path
) -> pd.DataFrame:
    images, labels = cell.test_images(count)
    size = cell.settings.batch_size
    chosen = [attacks.Pgd(epsilon, steps=steps) for epsilon in (SMALL, EPSILON)]
    with warnings.catch_warnings():
        # The shares are a column of the table.
        warnings.filterwarnings("ignore", "The gradient of .* of the images")
        told: Any = {"batch_size": size, "resume": resume}
        table = analysis.robust_accuracy(model, images, labels, chosen, **told)
    table = cast(pd.DataFrame, table)
    return table.loc[table["attack"] != "worst_case", ROBUST]
