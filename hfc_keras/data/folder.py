"""The user's own photographs: one folder per class."""

import pathlib
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from hfc_keras.data import image_files, image_sets
from hfc_keras.data.dataset import Dataset, Split, subset_rows
from hfc_keras.data.folder_layout import layout
from hfc_keras.types import PathLike, Size


def folder(
    path: PathLike,
    examples: tuple[int, int] | None = None,
    seed: int = 0,
    image_size: Size | None = None,
) -> Dataset:
    """Return the images of a folder: every format that Pillow reads, by the files' endings.

    Either ``train/<class>/*`` beside ``test/<class>/*`` (or ``val``, ``validation``), or
    ``<class>/*`` alone, of which a fifth of every class, drawn by ``seed``, is for testing.
    A folder called ``train`` that holds images itself is a class. Classes are numbered in the
    order of their names. Links to folders are followed.

    Images are turned upright as their EXIF orientation says. They are gray if all of them are
    (a palette counts as color), otherwise RGB. Alpha is left out: a pixel keeps the color
    that is stored for it, however transparent. One warning says how many files are ignored
    by their endings (hidden ones are not counted), have more frames or pages than the first,
    which is taken, have pixels that are transparent, or EXIF data that cannot be read.

    Args:
        path: str, the folder.
        examples: None or ``(train, test)``, images to read at most.
        seed: int, decides which images.
        image_size: ``(height, width)`` in pixels to which each image is resized (bilinear,
            antialiased), or None if all have one size once upright.

    Returns:
        Dataset of uint8 images, named for the folder.

    Raises:
        MixedSizesError: if sizes differ and no ``image_size`` is given.
        UnusableFileError: if an image cannot be read, is larger than PIL.Image.MAX_IMAGE_PIXELS
            or has more than 8 bits per channel.
        ValueError: if the folder is of neither form or of both, has fewer than two classes, a
            class is empty or has a name with control characters, the splits' classes differ, or
            the images do not fit into memory.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as top:
        ...     for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
        ...         file = pathlib.Path(top, name)
        ...         file.parent.mkdir(exist_ok=True)
        ...         Image.new("L", (8, 8)).save(file)
        ...     dataset = folder(top)
        >>> dataset.class_names, dataset.train
        (('cat', 'dog'), Split(2 images, 8 x 8 x 1, uint8))
    """
    root = pathlib.Path(path)
    found = layout(root, seed)
    members = [
        file for part in (found.train, found.test) for each in part.values() for file in each
    ]
    headers = {file: image_files.header(file) for file in members}
    size = image_size or image_sets.one_size(headers)
    grey = all(header.grey for header in headers.values())
    transparent, splits = [], []
    for part, limit in zip((found.train, found.test), examples or (None, None), strict=True):
        rows = [(file, label) for label, each in enumerate(part.values()) for file in each]
        chosen = [rows[row] for row in subset_rows(len(rows), limit, seed)]
        pixels, seen_through = image_sets.decoded([file for file, _ in chosen], grey, size)
        transparent += seen_through
        splits.append(Split(pixels, np.array([label for _, label in chosen])))
    _tell(root, found.left_aside, headers, transparent)
    train, test = splits
    return Dataset(root.resolve().name, train, test, tuple(found.train))


def _tell(
    root: pathlib.Path,
    left_aside: Sequence[pathlib.Path],
    headers: Mapping[pathlib.Path, image_files.Header],
    transparent: Sequence[pathlib.Path],
) -> None:
    """Warn once of all that is not as it may seem."""
    odd = image_sets.left_aside(left_aside, root) + image_sets.oddities(headers, transparent)
    notes = [f"{image_sets.counted(found)} {text}" for found, text in odd if found]
    if notes:
        remedy = "remove or convert them if that is not meant"
        warnings.warn(f"{root}: {'; '.join(notes)} ({remedy})", stacklevel=6)
