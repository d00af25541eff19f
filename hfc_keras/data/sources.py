"""One call for every source of images."""

import dataclasses
import functools
import os
import pathlib
import re
from collections.abc import Hashable, Iterator, Sequence

from hfc_keras import checks
from hfc_keras.data.dataset import Dataset, pair
from hfc_keras.data.digits import digits
from hfc_keras.data.folder import folder
from hfc_keras.data.npz import is_npz, npz
from hfc_keras.data.resizing import resized
from hfc_keras.data.synthetic import synthetic
from hfc_keras.data.tensorflow_datasets_source import from_tfds
from hfc_keras.types import PathLike, Size

# train/<class>/<image>
DEPTH = 3
SYNTHETIC = {
    "synthetic": {},
    "synthetic/low": {"texture_agreement": 0.0},
    "synthetic/high": {"shape_agreement": 0.0},
}


def names() -> tuple[str, ...]:
    """Return the names that :func:`load` answers without a network or a file.

    Returns:
        tuple of str.

    Example:
        >>> names()
        ('digits', 'synthetic', 'synthetic/low', 'synthetic/high')
    """
    return ("digits", *SYNTHETIC)


def load(
    name: PathLike,
    data_dir: PathLike | None = None,
    examples: int | Sequence[int] | None = None,
    seed: int = 0,
    image_size: int | Sequence[int] | None = None,
) -> Dataset:
    """Return a data set by name, from a file or from a folder.

    The same call in one process gives the same object, without reading again.

    Args:
        name: str or path. "digits"; "synthetic", "synthetic/low" or "synthetic/high" (only
            the class depends on low or on high frequencies); an ``.npz`` file; a folder of
            images in class folders, as :func:`hfc_keras.data.folder.folder` says; or a name
            of TensorFlow Datasets such as "cifar10", "name/config" or
            "name:version". A folder of that name goes before TensorFlow Datasets.
        data_dir: str, path or None, the folder of TensorFlow Datasets; None is
            ``TFDS_DATA_DIR`` or its own default. Other sources have no use for it.
        examples: None, int or ``(train, test)``: at most so many images per split, drawn without
            replacement; all, where there are fewer. Synthetic images are made in just this
            number, 2,000 and 500 for None.
        seed: int from 0, decides which examples; the same for the same seed.
        image_size: None, int or ``(height, width)`` in pixels: resized to this, bilinear with
            antialiasing. Synthetic images are made in this size, 32 for None.

    Returns:
        Dataset: ``train`` and ``test``, each with ``images`` float32 in [0, 1]
        ``(batch, height, width, channels)`` and ``labels`` int64 ``(batch,)``.

    Raises:
        MixedSizesError: if images have several sizes and no ``image_size`` is given.
        UnusableFileError: if a file is damaged or cannot be read.
        ValueError: if the name is unknown (the nearest are named), the data cannot be fetched,
            or images, labels or another argument are not what they should be.

    Example:
        >>> dataset = load("digits", examples=(100, 50))
        >>> dataset.train.images.shape, dataset.test.labels.shape
        ((100, 8, 8, 1), (50,))
    """
    checks.require(
        isinstance(name, (str, os.PathLike)), "`name` must be a str or a path", name=name
    )
    name = os.path.expanduser(os.fspath(name))
    data_dir = data_dir or os.environ.get("TFDS_DATA_DIR")
    on_disk = name not in names() and (is_npz(name) or os.path.isdir(name))
    return _load(
        os.path.abspath(name) if on_disk else name,
        None if data_dir is None else os.path.expanduser(os.fspath(data_dir)),
        None if examples is None else pair("examples", examples),
        checks.number("seed", seed, 0, whole=True),
        None if image_size is None else pair("image_size", image_size),
        _stamp(pathlib.Path(name)) if on_disk else None,
    )


@functools.lru_cache(maxsize=2)
def _load(
    name: str,
    data_dir: str | None,
    examples: tuple[int, int] | None,
    seed: int,
    image_size: Size | None,
    stamp: Hashable,
) -> Dataset:
    """Read, shorten, resize; ``stamp`` only separates a changed file from the one read before."""
    dataset = _read(name, data_dir, examples, seed, image_size)
    return resized(dataset.subset(examples, seed), image_size)


def _read(
    name: str,
    data_dir: str | None,
    examples: tuple[int, int] | None,
    seed: int,
    image_size: Size | None,
) -> Dataset:
    """Return what the source of this name gives."""
    if name == "digits":
        return digits()
    if name in SYNTHETIC:
        options = {"examples": examples, "size": image_size, **SYNTHETIC[name]}
        given = {key: value for key, value in options.items() if value is not None}
        return dataclasses.replace(synthetic(**given, seed=seed), name=name)
    if is_npz(name):
        return npz(name)
    if os.path.isdir(name):
        return folder(name, examples, seed, image_size)
    checks.require(
        not name.startswith((".", os.sep)), "`name` must be an existing folder", name=name
    )
    if re.split("[/:]", name)[0] in names():
        checks.choice("name", name, names())
    return from_tfds(name, data_dir, examples, seed, image_size)


def _stamp(path: pathlib.Path) -> Hashable:
    """Return what changes when a file, or any file that a folder's reader sees, is written anew."""
    if path.is_dir():
        return hash(tuple(_stamp_of(each) for each in _seen(path, DEPTH)))
    return _stamp_of(path) if path.is_file() else None


def _stamp_of(path: pathlib.Path) -> Hashable:
    """Name of a file or folder, and of a file the facts of what is in it."""
    if not path.is_file():
        return (str(path),)
    facts = path.stat()
    return str(path), facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size


def _seen(place: pathlib.Path, depth: int) -> Iterator[pathlib.Path]:
    """Yield what a folder holds, through links, as deep as its reader looks: loops end there."""
    try:
        listed = sorted(place.iterdir())
    except OSError:
        # The reader refuses the folder by its name.
        return
    for path in listed:
        yield path
        if depth > 1 and path.is_dir():
            yield from _seen(path, depth - 1)
