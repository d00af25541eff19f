"""Images to test a model on, as a user has them: all of a folder, with labels or without."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hfc_keras import checks, files
from hfc_keras.data import image_files, image_sets
from hfc_keras.data.dataset import stored_pixels, subset_rows
from hfc_keras.data.folder_layout import SPLIT_FOLDERS, contents, layout
from hfc_keras.data.npz import is_npz, read_arrays
from hfc_keras.data.printable_names import printable, printable_names
from hfc_keras.data.resizing import resized_pixels
from hfc_keras.data.sources import load, names
from hfc_keras.types import Array, Integers, PathLike, Size

Rows = list[tuple[pathlib.Path, int]]
# Names of images and labels in an .npz file, the first that are there.
IMAGES = ("x_test", "images", "x")
LABELS = ("y_test", "labels", "y")


@dataclasses.dataclass(frozen=True, eq=False)
class GivenImages:
    """Images to test on, their labels if there are any, and what must be said of them.

    Args:
        name: str.
        pixels: uint8, or float32 in [0, 1], ``(examples, height, width, channels)``.
        labels: int ``(examples,)``, or None.
        class_names: tuple of str, empty without labels.
        by_name: bool, whether classes are numbered by the order of their names alone.
        train_pixels: like pixels, or None.
        notes: tuple of str, sentences.
        sources: tuple, where each image is from: its file below the folder, or its row in an
            ``.npz`` file or a data set; empty where that is not known.
    """

    name: str
    pixels: Array
    labels: Integers | None
    class_names: tuple[str, ...]
    by_name: bool
    train_pixels: Array | None = None
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def given_images(
    name: PathLike,
    data_dir: PathLike | None = None,
    examples: tuple[int, int] = (1000, 1000),
    seed: int = 0,
    image_size: Size | None = None,
    skip_unreadable: bool = False,
) -> GivenImages:
    """Return images to test a model on, from wherever ``data.load`` reads them and further forms.

    Of a folder of class folders all images are for testing; of one with ``train`` and ``test``
    those of ``test``. A folder that holds images itself has no labels. What else a folder holds is
    counted and named in the notes. Of an ``.npz`` file
    ``x_test`` (or images, x) is read, with ``y_test`` (or labels, y) if it is there.

    Args:
        name: str or path, see ``data.load``.
        data_dir: str, path or None, see ``data.load``.
        examples: ``(train, test)``, images at most, drawn by the seed.
        seed: int from 0.
        image_size: ``(height, width)`` or None, to which they are resized (bilinear, antialiased).
        skip_unreadable: bool, whether image files that cannot be read are left out.

    Returns:
        GivenImages.

    Raises:
        MixedSizesError: if they have several sizes and no ``image_size`` is given.
        ValueError: if there is no such data or no image, or files cannot be read; naming them.

    Example:
        >>> given = given_images("digits", examples=(10, 20))
        >>> given.pixels.shape, len(given.train_pixels)
        ((20, 8, 8, 1), 10)
    """
    path = pathlib.Path(os.path.expanduser(os.fspath(name)))
    if str(name) not in names() and path.is_dir():
        return _folder(path, examples, seed, image_size, skip_unreadable)
    if is_npz(str(name)):
        return _npz(path, examples, seed, image_size)
    dataset = load(name, data_dir, examples, seed, image_size)
    test = dataset.test
    return GivenImages(
        dataset.name, test.pixels, test.labels, dataset.class_names, False, dataset.train.pixels
    )


def _npz(
    path: pathlib.Path, examples: tuple[int, int], seed: int, image_size: Size | None
) -> GivenImages:
    """Images of an ``.npz`` file."""
    arrays = read_arrays(str(path))
    images = next((key for key in IMAGES if key in arrays), None)
    if images is None:
        checks.require(
            False,
            f"an .npz file must hold images as one of {', '.join(IMAGES)}",
            name=str(path),
            keys=list(arrays),
        )
    labels = next((key for key in LABELS if key in arrays), None)
    pixels = stored_pixels(arrays[images], images)
    rows = subset_rows(len(pixels), examples[1], seed)
    chosen = None
    if labels is not None:
        chosen = checks.class_indices(arrays[labels], len(pixels), name=labels)[rows]
    train = arrays.get("x_train")
    if train is not None:
        train = stored_pixels(train, "x_train")[subset_rows(len(train), examples[0], seed)]
        train = _sized(train, image_size)
    listed = np.asarray(arrays.get("class_names", ())).astype(str).tolist()
    # Labels are the file's own numbers, so that classes without a name are no fault.
    return GivenImages(
        path.stem,
        _sized(pixels[rows], image_size),
        chosen,
        printable_names(listed) if listed else (),
        False,
        train,
        sources=tuple(f"{images}[{row}]" for row in rows),
    )


def _sized(pixels: Array, image_size: Size | None) -> Array:
    if image_size is None or pixels.shape[1:3] == tuple(image_size):
        return pixels
    return resized_pixels(pixels, image_size)


def _folder(
    root: pathlib.Path,
    examples: tuple[int, int],
    seed: int,
    image_size: Size | None,
    skip_unreadable: bool,
) -> GivenImages:
    """Images of a folder."""
    found = _found(root, seed)
    parts = [
        [part[row] for row in subset_rows(len(part), limit, seed)]
        for part, limit in zip((found.trained, found.tested), examples, strict=True)
    ]
    headers, unreadable = _headers([file for part in parts for file, _ in part])
    if unreadable and not skip_unreadable:
        listed = ", ".join(repr(str(file)) for file in list(unreadable)[:3])
        raise files.UnusableFileError(
            "image files must be whole images that can be read; mend or remove them, or leave them "
            f"out with --skip-unreadable. Received: {len(unreadable)} of "
            f"{sum(map(len, parts))} cannot be read: {listed}"
            + ", ..." * (len(unreadable) > 3)
            + f" ({_reasons(unreadable)})"
        )
    parts = [[row for row in part if row[0] in headers] for part in parts]
    checks.require(parts[1], "a folder must hold images that can be read", name=str(root))
    size = image_size or image_sets.one_size(headers)
    grey = all(header.grey for header in headers.values())
    train, tested = (image_sets.decoded([file for file, _ in part], grey, size) for part in parts)
    labels = np.array([label for _, label in parts[1]]) if found.class_names else None
    name = printable_names([root.resolve().name], "folder")[0]
    odd = image_sets.oddities(headers, [*train[1], *tested[1]])
    notes = _notes(root, found, unreadable, odd)
    seen = train[0] if len(train[0]) else None
    sources = tuple(printable(str(file.relative_to(root))) for file, _ in parts[1])
    return GivenImages(name, tested[0], labels, found.class_names, True, seen, notes, sources)


class _Found(NamedTuple):
    """Image files of a folder with their class's number, and what else there is."""

    tested: Rows
    trained: Rows
    class_names: tuple[str, ...]
    left_aside: image_sets.Found
    hidden: image_sets.Found


def _found(root: pathlib.Path, seed: int) -> _Found:
    """Look through a folder of splits, of classes or of images alone."""
    known = image_files.endings()
    top = contents(root, known)
    inside = {place: contents(place, known) for place in top.folders}
    if any(place.name == "train" and held.folders for place, held in inside.items()):
        found = layout(root, seed)
        test, train = ([*_numbered(part)] for part in (found.test, found.train))
        return _Found(test, train, tuple(found.test), found.left_aside, found.hidden)
    if top.images and not any(held.images for held in inside.values()):
        rows = [(file, 0) for file in top.images]
        return _Found(rows, [], (), [*top.others, *top.folders], top.hidden)
    checks.require(
        inside,
        "a folder must hold images, or one folder of images for each class",
        name=str(root),
        holds=[path.name for path in top.others[:5]],
    )
    checks.require(
        not {place.name for place in inside} <= SPLIT_FOLDERS,
        "a folder must be one of class folders; of splits, give the one to test on",
        name=str(root),
        folders=sorted(place.name for place in inside),
    )
    for place, held in inside.items():
        checks.require(
            held.images,
            "a class folder must hold images (.png, .jpg, .tif, ...)",
            folder=str(place),
        )
    class_names = printable_names([place.name for place in inside])
    classes = {place.name: held.images for place, held in inside.items()}
    left_aside = [path for held in inside.values() for path in (*held.others, *held.folders)]
    hidden = [path for held in (top, *inside.values()) for path in held.hidden]
    left_aside = [*top.images, *top.others, *left_aside]
    return _Found([*_numbered(classes)], [], class_names, left_aside, hidden)


def _numbered(classes: dict[str, list[pathlib.Path]]) -> Rows:
    return [(file, label) for label, each in enumerate(classes.values()) for file in each]


def _headers(
    members: Sequence[pathlib.Path],
) -> tuple[dict[pathlib.Path, image_files.Header], dict[pathlib.Path, str]]:
    """Headers of the files whose pixels can be read too, and why the others cannot."""
    headers, unreadable = {}, {}
    for file in members:
        try:
            header = image_files.header(file)
            # A file that is cut short has a header and no pixels.
            image_files.read(file, header.grey, (1, 1))
            headers[file] = header
        except files.UnusableFileError as error:
            unreadable[file] = image_files.reason(file, error)
    return headers, unreadable


def _notes(
    root: pathlib.Path,
    found: _Found,
    unreadable: Mapping[pathlib.Path, str],
    odd: Sequence[tuple[image_sets.Found, str]],
) -> tuple[str, ...]:
    """What must be said of the files."""
    broken = [*unreadable]
    why = f"{image_sets.named(broken, root)}; {_reasons(unreadable)}"
    listed = [
        (broken, f"that cannot be read: left out ({why})"),
        *image_sets.left_aside(found.left_aside, root),
        *odd,
    ]
    notes = [f"{image_sets.counted(files)} {text}." for files, text in listed if files]
    if found.hidden:
        count, several = len(found.hidden), "s" * (len(found.hidden) > 1)
        names = image_sets.named(found.hidden, root)
        notes.append(f"{count} hidden file{several} or folder{several} ignored ({names}).")
    return tuple(notes)


def _reasons(unreadable: Mapping[pathlib.Path, str]) -> str:
    """Why files cannot be read, each reason once."""
    reasons = list(dict.fromkeys(unreadable.values()))
    return "; ".join(reasons[:3]) + "; ..." * (len(reasons) > 3)
