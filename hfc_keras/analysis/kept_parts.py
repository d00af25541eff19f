"""Parts of a long measure on disk, so that one that was stopped goes on where it was."""

import hashlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from hfc_keras import files, records
from hfc_keras.types import Array, PathLike, Record

REMEDY = "it is measured again"
# Raised when a part means something else than before, so that old ones are not used.
PARTS = 1


class Parts:
    """Parts of one call of a measure, each a file that is there whole or not at all.

    Of a folder every call has a subfolder of its own, named by what the call depends on: the
    weights and layers of the model, the images, the labels and the arguments. ``call.json`` in it
    says that in words.

    Args:
        folder: str, Path or None, the folder of any number of calls; None keeps nothing.
        measure: str, name of the measure.
        model: keras.Model, built.
        images: array.
        labels: array.
        **arguments: what the answer depends on besides, for JSON.

    Raises:
        UnusableFileError: if the folder cannot be written, or is none.

    Example:
        >>> from hfc_keras import models
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> parts = Parts(None, "name", model, np.zeros((2, 8, 8, 1)), np.zeros(2))
        >>> parts.get("first", lambda: {"error": 0.5})
        {'error': 0.5}
    """

    def __init__(
        self,
        folder: PathLike | None,
        measure: str,
        model: keras.Model,
        images: Array,
        labels: Array,
        **arguments: Any,
    ) -> None:
        self.folder: Path | None = None
        if folder is None:
            return
        folder = files.place(folder, "resume")
        call = {
            "measure": measure,
            "version": PARTS,
            "model": digest_of_model(model),
            "images": digest_of_array(images),
            "labels": digest_of_array(labels),
            **json.loads(json.dumps(arguments, default=str)),
        }
        self.key = records.digest(call)
        self.folder = files.writable_folder(folder / f"{measure}-{self.key[:16]}", "resume")
        files.sweep(self.folder)
        files.write_whole(self.folder / "call.json", json.dumps(call, indent=1))

    def get(self, name: str, compute: Callable[[], Record]) -> Record:
        """Return a part from its file, or compute it and keep it.

        Args:
            name: str, which says what of the call the part is.
            compute: function of no argument that returns a dict for JSON.

        Returns:
            dict. A file that is damaged warns, and is computed again.

        Raises:
            UnusableFileError: if the file is of another call or part, of a newer version, or
                cannot be written.
        """
        if self.folder is None:
            return compute()
        path, owner = self.folder / f"{name}.json", {"call": self.key, "part": name}
        found = _whole(path) if path.exists() else None
        if found is None:
            found = {**owner, "content": json.loads(json.dumps(compute()))}
            files.write_whole(path, json.dumps(records.sealed(found)))
        for key, value in owner.items():
            if found.get(key) != value:
                raise files.UnusableFileError(
                    f"A part must be of {key} {value!r}, as its place says; remove it, or bring "
                    f"the right file back. Received: {key}={found.get(key)!r}, path={str(path)!r}"
                )
        return found["content"]


def _whole(path: Path) -> Record | None:
    """Content of a file; one that is damaged warns, and is None."""
    try:
        found = records.read(path, REMEDY)
        if "content" in found:
            return found
        reason = f"it is empty; {REMEDY}. Received: path={str(path)!r}"
    except records.NewerFormatError:
        raise
    except files.UnusableFileError as error:
        reason = str(error)
    warnings.warn(f"A part does not count: {reason}", stacklevel=4)
    return None


def digest_of_array(array: Array) -> str:
    """Hexadecimal sha256 of an array: its type, shape and bytes.

    Args:
        array: array.

    Returns:
        str of 64 digits.

    Example:
        >>> digest_of_array(np.zeros(2)) == digest_of_array(np.zeros((2, 1)))
        False
    """
    array = np.ascontiguousarray(array)
    found = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    found.update(array.data if array.size else b"")
    return found.hexdigest()


def digest_of_model(model: keras.Model) -> str:
    """Hexadecimal sha256 of the layers of a model, with their settings, and of its weights.

    The names of the layers do not count, which Keras numbers as they are made. Code does not
    either: layers of the same class, settings and weights count as the same.

    Args:
        model: keras.Model, built.

    Returns:
        str of 64 digits, the same in every process.

    Example:
        >>> from hfc_keras import models
        >>> made = [models.build("small_cnn", (8, 8, 1), 10, seed=seed) for seed in (0, 0, 1)]
        >>> first, same, other = map(digest_of_model, made)
        >>> first == same, first == other
        (True, False)
    """
    layers = [_settings(layer) for layer in model._flatten_layers()]
    weights = [digest_of_array(keras.ops.convert_to_numpy(each.value)) for each in model.weights]
    return records.digest([json.dumps(layers, default=lambda value: type(value).__name__), weights])


def _settings(layer: Any) -> list[Any]:
    """Class of a layer and its settings; those of a model are its layers'."""
    try:
        config = {} if isinstance(layer, keras.Model) else layer.get_config()
    except NotImplementedError:
        config = {}
    return [type(layer).__name__, _unnamed(config)]


def _unnamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _unnamed(each) for key, each in value.items() if key != "name"}
    return [_unnamed(each) for each in value] if isinstance(value, (list, tuple)) else value
