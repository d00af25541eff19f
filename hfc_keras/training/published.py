"""Finished models as files: a ``.keras`` that opens by itself, and what it is in a ``.json``."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from hfc_keras import data, endings, files, records
from hfc_keras.training import kept_files
from hfc_keras.training.recipe import Recipe
from hfc_keras.types import Array, Record

REMEDY = "publish the model again, or bring both files back"


def write(
    path: Path, recipe: Recipe, dataset: data.Dataset, model: keras.Model, history: pd.DataFrame
) -> None:
    """Write a model without its optimizer, and its record; both take their place at the end.

    Args:
        path: Path of the ``.keras`` file.
        recipe: training.Recipe.
        dataset: data.Dataset it was trained on.
        model: the trained keras.Model.
        history: DataFrame of its training.

    Raises:
        UnusableFileError: if the folder cannot be written or the disk is full; old files stay.
    """
    folder = files.writable_folder(path.parent, "published")
    # Unlike a clone, a model made from its config is not compiled and has no optimizer.
    plain = type(model).from_config(model.get_config())
    plain.set_weights(model.get_weights())
    record = {
        "recipe": recipe.to_dict(),
        "data": dataset.fingerprint,
        "history": history.to_dict("list"),
        "precision": history.attrs.get("precision", "float32"),
        "devices": history.attrs.get("devices", "1"),
    }
    lock = files.locked(folder / f".{path.stem}.lock", wait=True, name="published")
    described = files.replacing(path.with_suffix(".json"))
    with lock, endings.held(), described as text, files.replacing(path) as beside:
        files.sweep(folder)
        plain.save(beside)
        record["keras_sha256"] = hashlib.sha256(beside.read_bytes()).hexdigest()
        text.write_text(json.dumps(records.sealed(record)), encoding="utf-8")
        # Before either takes its place, so that a full disk leaves both as they were.
        files.to_disk(text)


def read(
    path: Path, recipe: Recipe, dataset: data.Dataset, model: keras.Model | None = None
) -> tuple[list[Array], pd.DataFrame] | None:
    """Weights and history of a published model.

    Args:
        path: Path of the ``.keras`` file.
        recipe: training.Recipe it must be of.
        dataset: data.Dataset; a model trained on other data does not count.
        model: keras.Model whose weights it must fit, or None.

    Returns:
        None if it was trained on other data, else ``(weights, history)``, with the precision it
        was trained in as ``history.attrs["precision"]``.

    Raises:
        NewerFormatError: if a newer version wrote it.
        UnusableFileError: if a file is damaged or of another recipe.
    """
    description = path.with_suffix(".json")
    record = records.read(description, REMEDY)
    kept_files.check_owner({"recipe": _hash(record)}, {"recipe": recipe.hash}, description)
    if record.get("data") != dataset.fingerprint:
        return None
    history = _history(record, recipe, description)
    weights = _weights(path, record.get("keras_sha256"))
    kept_files.check_finite(weights, path)
    if model is not None:
        kept_files.check_shapes(weights, model.get_weights(), path)
    return weights, history


def seal(path: Path) -> bool:
    """Give a published model of before there were checksums its checksums, if it is whole.

    Args:
        path: Path of the ``.keras`` file.

    Returns:
        bool, whether the record was written; not if it has a checksum.

    Raises:
        UnusableFileError: if a file is damaged, or of another recipe than its name says.
    """
    description = path.with_suffix(".json")
    record = records.read(description, REMEDY)
    if "keras_sha256" in record:
        return False
    name = (_hash(record) or "")[: len(path.stem)]
    kept_files.check_owner({"recipe": name}, {"recipe": path.stem}, description)
    kept_files.check_finite(_weights(path, None), path)
    record["keras_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    files.write_whole(description, json.dumps(records.sealed(record)))
    return True


def _hash(record: Record) -> str | None:
    """Hash of the recipe in a record."""
    return records.digest(record["recipe"]) if "recipe" in record else None


def _weights(path: Path, checksum: str | None) -> list[Array]:
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            damaged = archive.testzip()
        if damaged or checksum not in (None, hashlib.sha256(content).hexdigest()):
            raise zipfile.BadZipFile(f"wrong checksum of {damaged or path.name}")
        model: Any = keras.models.load_model(path)
        return [np.asarray(array) for array in model.get_weights()]
    except Exception as error:  # Keras ends in errors of every kind.
        raise files.UnusableFileError(
            f"A published model must be whole ({type(error).__name__}: {error}); {REMEDY}. "
            f"Received: path={str(path)!r}"
        ) from error


def _history(record: Record, recipe: Recipe, path: Path) -> pd.DataFrame:
    """History of a record, which must be one of the whole training."""
    history = pd.DataFrame()
    try:
        history = pd.DataFrame(record["history"])
        numbers = history.apply(pd.to_numeric)
        whole = history["epoch"].tolist() == list(range(1, recipe.epochs + 1))
        whole = whole and {"loss", "accuracy", "val_accuracy"} <= {*numbers}
    except (ValueError, TypeError, KeyError, AttributeError):
        whole = False
    if not whole:
        raise files.UnusableFileError(
            f"A record must hold the history of all {recipe.epochs} epochs; {REMEDY}. "
            f"Received: path={str(path)!r}"
        )
    history.attrs["precision"] = record.get("precision", "float32")
    history.attrs["devices"] = record.get("devices", "1")
    return history
