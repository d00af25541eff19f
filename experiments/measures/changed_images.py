"""Accuracy of a network on test images that were changed: filtered, shuffled, corrupted, attacked.

Each function takes a tested_networks.Network, and returns a DataFrame with the columns measure,
condition, level, accuracy, examples, bn_statistics and, for corruptions, source. What is no
accuracy (the last three) stands in a column value.
"""

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import pandas as pd

from experiments.effects.changes import KINDS
from hfc_keras import analysis, attacks, data, spectrum
from hfc_keras.analysis.hybrid_preference import partners
from hfc_keras.data.corruptions import parameters
from hfc_keras.data.dataset import Split
from hfc_keras.data.published_corruptions import SOURCE
from hfc_keras.lab.runner import Cell
from hfc_keras.lab.tested_networks import Network
from hfc_keras.types import Array, Floats, Record

# Test images of the smaller profiles for what takes longer on all: 27 passes and as many
# corruptions an image, 66 passes for two attacks at two epsilons; every other measure takes all.
CORRUPTED = {"smoke": 40}
ATTACKED = {"smoke": 40, "quick": 1000}
# Steps of PGD by profile: few where it is paid for in minutes, and as many as in quick where
# effects are set beside those of quick.
STEPS = {"smoke": 3, "paper": 20}
USUAL_STEPS = 10
COLUMNS = "measure condition level accuracy examples bn_statistics source".split()


def clean(network: Network) -> pd.DataFrame:
    """Accuracy on all test images as they are."""
    test = network.cell.test_images()
    compute = functools.partial(_changed, test=test, changes={"original": None})
    return _rows(network.measured("accuracy", {}, compute), "clean")


def filtered(network: Network) -> pd.DataFrame:
    """Accuracy on the low, middle and high frequencies of the test images.

    The bands are those of the regularizers for images of N pixels: rings up to N/6, from there to
    N/3, and beyond, a ring being what rounds to its radius. The mean counts as low.
    """
    size = min(network.cell.dataset().image_shape[:2])
    limits = size // 6 + 0.5, size // 3 + 0.5
    changes = {name: functools.partial(_band, name, limits) for name in ("low", "mid", "high")}
    compute = functools.partial(_changed, test=network.cell.test_images(), changes=changes)
    return _rows(network.measured("filtered_accuracy", {"limits": limits}, compute), "filtered")


def shuffled(network: Network, patches: Sequence[int]) -> pd.DataFrame:
    """Accuracy on test images whose patches change places; level is the number per side."""
    test = network.cell.test_images()

    def compute(model: keras.Model) -> pd.DataFrame:
        return analysis.patch_shuffle_accuracy(model, test.images, test.labels, patches)

    table = network.measured("patch_shuffle_accuracy", {"patches": patches}, compute)
    return _rows(table.rename(columns={"patches": "level"}), "shuffled", condition="patches")


def corrupted(network: Network, severities: Sequence[int]) -> pd.DataFrame:
    """Accuracy under corruptions, and on the same images as they are, the measure uncorrupted.

    Level is the severity, source who made the corrupted images: they are CIFAR-10-C where
    TensorFlow Datasets has prepared it on disk, generated ones elsewhere. They are nine of the
    fifteen of Hendrycks and Dietterich, ``effects.changes.KINDS``.
    """
    test, published, arguments = _corruptions(network.cell, severities)

    def compute(model: keras.Model, resume: Path) -> pd.DataFrame:
        chosen = {"severities": severities, "published": published, "resume": resume}
        return analysis.corruption_accuracy(model, test.images, test.labels, KINDS, **chosen)

    table = network.measured("corruption_accuracy", arguments, compute, in_parts=True)
    table = table.rename(columns={"corruption": "condition", "severity": "level"})
    uncorrupted = table["condition"] == "none"
    same = table[uncorrupted].assign(level=np.nan)
    parts = [_rows(same, "uncorrupted"), _rows(table[~uncorrupted], "corrupted")]
    return pd.concat(parts, ignore_index=True)


def calibrated_corrupted(network: Network, severities: Sequence[int]) -> pd.DataFrame:
    """Root mean square calibration error under each corruption, on the images of ``corrupted``."""
    test, published, arguments = _corruptions(network.cell, severities)
    pairs = [(kind, severity) for kind in KINDS for severity in severities]

    def compute(model: keras.Model) -> pd.DataFrame:
        tables = []
        for kind, severity in pairs:
            split = published(kind, severity) if published else None
            images = split.images if split else data.corrupt(test.images, kind, severity)
            labels, source = (split.labels, SOURCE) if split else (test.labels, "generated")
            found = analysis.calibration(model, images, labels)
            tables.append(found.assign(condition=kind, level=severity, source=source))
        return pd.concat(tables, ignore_index=True)

    table = network.measured("corrupted_calibration", arguments, compute)
    table = table.assign(value=table["rms_calibration_error"])
    return _rows(table, "calibration_corrupted", ["value", "confidence"])


def swapped(network: Network) -> pd.DataFrame:
    """Whose class is named where the phase of one test image meets the amplitude of another.

    The other one is of another class, drawn at random once for all networks. The conditions are
    ``phase`` and ``amplitude``, the accuracies shares of the images, which are clipped to [0, 1].
    """
    test = network.cell.test_images()
    other = partners(test.labels, seed=0)

    def compute(model: keras.Model) -> pd.DataFrame:
        images = test.images

        def recombined(batch: Floats, start: int) -> Array:
            donors = images[other[start : start + len(batch)]]
            return np.clip(np.asarray(spectrum.recombine(batch, donors)), 0, 1)

        named = {"phase": test.labels, "amplitude": test.labels[other]}
        shares = {
            name: analysis.changed_accuracy(model, images, labels, recombined)
            for name, labels in named.items()
        }
        return pd.DataFrame({"condition": list(shares), "accuracy": list(shares.values())})

    table = network.measured("recombined_accuracy", {"examples": len(test)}, compute)
    return _rows(table.assign(examples=len(test)), "swapped")


def attacked(network: Network, epsilons: Iterable[float]) -> pd.DataFrame:
    """Accuracy under FGSM and PGD, each by itself; level is epsilon."""
    settings = network.cell.settings
    test = network.cell.test_images(settings.final_examples(ATTACKED))
    steps = STEPS.get(settings.profile, USUAL_STEPS)
    chosen = [
        attack
        for epsilon in epsilons
        for attack in (attacks.Fgsm(epsilon), attacks.Pgd(epsilon, steps=steps))
    ]
    arguments = {"alone": [attack.to_dict() for attack in chosen], "examples": len(test)}
    compute = functools.partial(_attacked, test=test, chosen=chosen)
    table = network.measured("robust_accuracy", arguments, compute, in_parts=True)
    return _rows(table.rename(columns={"attack": "condition", "epsilon": "level"}), "attacked")


def shifted(network: Network, pixels: int) -> pd.DataFrame:
    """Share of the test images that keep their class after two random shifts; level is pixels."""
    test = network.cell.test_images()
    arguments = {"max_shift": pixels, "examples": len(test)}
    compute = functools.partial(_consistency, test=test, pixels=pixels)
    table = network.measured("shift_consistency", arguments, compute)
    return _rows(table, "shifted", ["value"], condition="consistency", level=pixels)


def calibrated(network: Network) -> pd.DataFrame:
    """Calibration errors on all test images; the mean confidence stands beside the accuracy."""
    test = network.cell.test_images()

    def compute(model: keras.Model) -> pd.DataFrame:
        return analysis.calibration(model, test.images, test.labels)

    table = network.measured("calibration", {}, compute)
    errors = [
        table.assign(condition=name, value=table[f"{name}_calibration_error"])
        for name in ("expected", "rms")
    ]
    return _rows(pd.concat(errors), "calibration", ["value", "confidence"])


def told_apart(network: Network, names: Iterable[str]) -> pd.DataFrame:
    """AUROC of the largest logit between test images and images of other kinds.

    Args:
        network: tested_networks.Network.
        names: sequence of str, data sets by name, or ``"gaussian"`` or ``"uniform"`` noise.

    Returns:
        DataFrame, one row per name.
    """
    test, tables = network.cell.test_images(), []
    for name in names:
        compute = functools.partial(_told_apart, cell=network.cell, test=test, name=name)
        arguments = {"outside": name, "examples": len(test)}
        table = network.measured("out_of_distribution", arguments, compute)
        tables.append(table.assign(condition=name, value=table["auroc"], examples=len(test)))
    return _rows(pd.concat(tables), "outside", ["value"])


def _consistency(model: keras.Model, test: Split, pixels: int) -> pd.DataFrame:
    share = analysis.shift_consistency(model, test.images, max_shift=pixels)
    return pd.DataFrame({"value": [share], "examples": len(test)})


def _told_apart(model: keras.Model, cell: Cell, test: Split, name: str) -> pd.DataFrame:
    shape = test.pixels.shape[1:]
    if name in data.NOISES:
        outside = data.noise_images(len(test), shape, name)
    else:
        other = data.load(name, cell.settings.data_dir, examples=len(test))
        outside = data.as_images_like(other.test.images, shape)
    return analysis.out_of_distribution(model, test.images, outside)


def _rows(
    table: pd.DataFrame, measure: str, added: Iterable[str] = (), **columns: Any
) -> pd.DataFrame:
    """Rows with the columns that all measures share, and those added."""
    return table.assign(measure=measure, **columns).reindex(columns=[*COLUMNS, *added])


def _changed(
    model: keras.Model, test: Split, changes: Mapping[str, Callable[..., Any] | None]
) -> pd.DataFrame:
    """Accuracy after each change, a row by its name."""
    accuracy = {
        name: analysis.changed_accuracy(model, test.images, test.labels, change)
        for name, change in changes.items()
    }
    table = pd.DataFrame({"condition": list(accuracy), "accuracy": list(accuracy.values())})
    return table.assign(examples=len(test))


def _band(name: str, limits: tuple[float, float], images: Floats, start: int) -> Array:
    """One of the three bands of images."""
    inner, outer = limits
    if name == "mid":
        return np.asarray(spectrum.band(images, inner, outer))
    low, high = spectrum.split(images, inner if name == "low" else outer)
    return np.asarray(low if name == "low" else high)


def _corruptions(
    cell: Cell, severities: Sequence[int]
) -> tuple[Split, Callable[[str, int], Split | None] | None, Record]:
    """Test images to corrupt, where published ones are, and what measures of them depend on."""
    test = cell.test_images(cell.settings.final_examples(CORRUPTED))
    arguments: Record = {"severities": severities, "examples": len(test), "names": KINDS}
    published = _published(cell, len(test), severities)
    arguments.update({"source": "published"} if published else {})
    table = parameters.table_for(*test.pixels.shape[1:3])
    arguments.update({} if table == "cifar10" else {"parameters": table})
    return test, published, arguments


def _published(
    cell: Cell, count: int, severities: Iterable[int]
) -> Callable[[str, int], Split | None] | None:
    """Function from a name and a severity to published corrupted images; None without them."""
    if cell.recipe.image_size is not None:
        # The published images have the size of the data set.
        return None
    name, folder = cell.settings.dataset_name, cell.settings.data_dir
    load = functools.partial(data.corrupted_split, name, data_dir=folder, examples=count)
    find = functools.cache(load)
    wanted = ((kind, severity) for kind in KINDS for severity in severities)
    return find if all(find(*one) is not None for one in wanted) else None


def _attacked(
    model: keras.Model, test: Split, chosen: Iterable[attacks.Fgsm | attacks.Pgd], resume: Path
) -> pd.DataFrame:
    """Rows of each attack by itself."""
    with warnings.catch_warnings():
        # A confident network; the accuracy is what the table is for.
        warnings.filterwarnings("ignore", "The gradient of .* of the images")
        tables = [
            cast(
                pd.DataFrame,
                analysis.robust_accuracy(model, test.images, test.labels, attack, resume=resume),
            ).iloc[[1]]
            for attack in chosen
        ]
    return pd.concat(tables, ignore_index=True)
