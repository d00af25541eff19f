"""The user's own arrays in one NumPy file."""

import pathlib
import zipfile
import zlib

import numpy as np

from hfc_keras import checks
from hfc_keras.data.dataset import Dataset, Split, stored_pixels

# A larger label without names for the classes is no class index but a fault of the file.
MOST_CLASSES = 100_000
KEYS = ("x_train", "y_train", "x_test", "y_test")


def npz(path):
    """Return the data set stored in an ``.npz`` file.

    The file holds ``x_train``, ``y_train``, ``x_test``, ``y_test`` and, if wanted,
    ``class_names``; without them classes are called "0", "1", ... up to the largest
    label or the width of one-hot labels.

    Args:
        path: str, the file. Images are uint8 or float in [0, 1],
            ``(batch, height, width, channels)``; labels are indices or one-hot.

    Returns:
        Dataset named for the file.

    Raises:
        ValueError: if it is no such file, misses a key, holds pickled objects, or
            images or labels are not of this form.

    Example:
        >>> import tempfile
        >>> images, labels = np.zeros((3, 8, 8, 1), "uint8"), np.array([0, 1, 2])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/mine.npz", x_train=images, y_train=labels,
        ...              x_test=images, y_test=labels)
        ...     npz(f"{folder}/mine.npz").class_names
        ('0', '1', '2')
    """
    arrays = _read(path)
    x_train, x_test = (stored_pixels(arrays[key], key) for key in ("x_train", "x_test"))
    y_train, y_test = arrays["y_train"], arrays["y_test"]
    classes = max(
        _classes(y_train, len(x_train), "y_train"), _classes(y_test, len(x_test), "y_test")
    )
    if "class_names" not in arrays:
        checks.require(
            classes <= MOST_CLASSES,
            f"labels must be below {MOST_CLASSES:,}, or `class_names` must be given",
            **{"largest label": classes - 1},
        )
    names = np.asarray(arrays.get("class_names", range(classes))).astype(str)
    checks.require(names.ndim == 1, "`class_names` must be a list", class_names=names.tolist())
    y_train = checks.class_indices(y_train, len(x_train), len(names), "y_train")
    y_test = checks.class_indices(y_test, len(x_test), len(names), "y_test")
    stem = pathlib.Path(path).stem
    return Dataset(stem, Split(x_train, y_train), Split(x_test, y_test), names.tolist())


def _read(path):
    """Return the arrays by key, with pickled objects and missing keys refused."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {key: file[key] for key in (*KEYS, "class_names") if key in file}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, TypeError, ValueError) as error:
        message = (
            "`name` must be an .npz file of plain arrays, as numpy.savez writes it, without "
            f"pickled objects. Received: name={path!r}, {error}"
        )
        raise ValueError(message) from error
    missing = [key for key in KEYS if key not in arrays]
    checks.require(
        not missing, f"an .npz file must hold {', '.join(KEYS)}", missing=missing, name=path
    )
    return arrays


def _classes(labels, examples, name):
    """Return how many classes labels speak of: the one-hot width or the largest index + 1."""
    indices = checks.class_indices(labels, examples, name=name)
    return labels.shape[1] if labels.ndim == 2 and labels.shape[1] > 1 else int(indices.max()) + 1
