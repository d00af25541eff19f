"""Parts of a long measure on disk, so that one that was stopped goes on where it was."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from hfc_keras import files, records
from hfc_keras.analysis.digests import digest_of_array, digest_of_model
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
        >>> import numpy as np
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
