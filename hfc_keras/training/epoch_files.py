"""Files of the epochs of a training: weights of each, and what a stopped one needs to go on."""

import json
import re
import warnings
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from hfc_keras import data, files, records
from hfc_keras.training import folder_notes, kept_files
from hfc_keras.training.recipe import Recipe
from hfc_keras.types import Array, Record

PROGRESS = ("progress.npz", "progress-before.npz")
EPOCH = re.compile(r"epoch-(\d{4,})\.npz")


def kept(folder: Path, recipe: Recipe) -> list[int]:
    """Epochs whose weights a folder holds, see ``Store.epochs``.

    Args:
        folder: Path.
        recipe: training.Recipe.

    Returns:
        Ascending list of int.

    Example:
        >>> from pathlib import Path
        >>> from hfc_keras.training import Recipe
        >>> kept(Path("no such folder"), Recipe())
        []
    """
    names = (EPOCH.fullmatch(path.name) for path in folder.glob("epoch-*.npz"))
    found = (int(name[1]) for name in names if name)
    return sorted(epoch for epoch in found if 1 <= epoch <= recipe.epochs)


def weights(
    folder: Path, recipe: Recipe, epoch: int, model: keras.Model | None = None
) -> list[Array]:
    """Weights after an epoch, see ``Store.weights``.

    Args:
        folder: Path.
        recipe: training.Recipe.
        epoch: int, from 1.
        model: keras.Model whose weights they must fit, or None.

    Returns:
        List of arrays.

    Raises:
        UnusableFileError: as ``Store.weights``.
    """
    epochs = kept(folder, recipe)
    if epoch not in epochs:
        raise files.UnusableFileError(
            f"`epoch` must be one that is kept ({epochs}); remove {folder} to train anew. "
            f"Received: epoch={epoch!r}"
        )
    path = _path(folder, epoch)
    found = _read(path, recipe, None, epoch)["weights"]
    if model is not None:
        kept_files.check_shapes(found, model.get_weights(), path)
    return found


def save(
    folder: Path,
    recipe: Recipe,
    dataset: data.Dataset,
    model: keras.Model,
    history: pd.DataFrame,
    every: bool,
) -> None:
    """Keep the state after an epoch, see ``Store.save_epoch``.

    Args:
        folder: Path.
        recipe: training.Recipe.
        dataset: data.Dataset it is trained on.
        model: compiled keras.Model.
        history: DataFrame, a row for each epoch so far.
        every: bool, whether the weights of earlier epochs stay.
    """
    epoch = len(history)
    files.write_whole(folder / "recipe.json", json.dumps(recipe.to_dict(), indent=1))
    files.write_whole(folder / "data.txt", dataset.fingerprint)
    folder_notes.add_precision(folder, epoch, model.dtype_policy.name)
    owner = {"recipe": recipe.hash, "data": dataset.fingerprint, "epoch": epoch}
    groups = {"weights": model.get_weights()}
    files.write_whole(_path(folder, epoch), kept_files.arrays_as_bytes(groups, owner))
    groups["optimizer"] = [np.asarray(value) for value in model.optimizer.variables]
    content = kept_files.arrays_as_bytes(groups, owner, history)
    if (folder / PROGRESS[0]).exists():
        (folder / PROGRESS[0]).replace(folder / PROGRESS[1])
    files.write_whole(folder / PROGRESS[0], content)
    if not every:
        for earlier in kept(folder, recipe)[:-1]:
            _path(folder, earlier).unlink()


def progress(
    folder: Path,
    recipe: Recipe,
    dataset: data.Dataset | None = None,
    model: keras.Model | None = None,
) -> Record | None:
    """Where a training stands, see ``Store.progress``.

    Args:
        folder: Path.
        recipe: training.Recipe.
        dataset: data.Dataset that it must have been trained on, or None.
        model: compiled keras.Model that it must fit, or None.

    Returns:
        None or dict, as ``Store.progress``.

    Raises:
        UnusableFileError: if a newer version wrote a file, or no file is usable.
    """
    unusable = []
    for path in (folder / name for name in PROGRESS):
        try:
            if path.exists():
                groups = _read(path, recipe, dataset)
                kept_files.check_progress(groups, recipe, model, path)
                for error in unusable:
                    warnings.warn(f"Training goes back: {error}", stacklevel=3)
                if unusable:
                    # Else the next epoch would put the file that is damaged in its place.
                    path.replace(folder / PROGRESS[0])
                return groups
        except records.NewerFormatError:
            raise
        except files.UnusableFileError as error:
            unusable.append(error)
    if unusable:
        raise files.UnusableFileError(
            f"`store` must hold a state that the training can go on from; remove {folder} to "
            f"train anew, or bring the files back. Received: {'; '.join(map(str, unusable))}"
        )
    return None


def _read(
    path: Path, recipe: Recipe, dataset: data.Dataset | None = None, epoch: int | None = None
) -> Record:
    """Arrays of a file of a recipe."""
    folder = path.parent
    known = folder_notes.text(folder / "data.txt")
    fingerprint = known if dataset is None else dataset.fingerprint
    owner = {"recipe": recipe.hash, "data": fingerprint, "epoch": epoch}
    return kept_files.read_arrays(path, owner, folder_notes.described(folder))


def _path(folder: Path, epoch: int) -> Path:
    return folder / f"epoch-{epoch:04d}.npz"
