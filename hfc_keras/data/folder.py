"""The user's own photographs: a folder a class."""

import pathlib

import keras
import numpy as np
from PIL import Image, UnidentifiedImageError

from hfc_keras import checks
from hfc_keras.data.dataset import Dataset, Split, subset_rows

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")
TEST_FOLDERS = ("test", "val", "validation")
TEST_SHARE = 0.2
GREY_MODES = {"1", "L", "LA"}
COLOUR_MODES = {"P", "RGB", "RGBA", "CMYK", "YCbCr"}


def folder(path, examples=None, seed=0, image_size=None):
    """Return the PNG, JPEG and BMP images of a folder; other files are left aside.

    Either ``train/<class>/*`` beside ``test/<class>/*`` (or ``val``, ``validation``), or
    ``<class>/*`` alone, of which a fifth of every class, drawn by ``seed``, is for testing.
    Classes are numbered in the order of their names. Images are grey if all of
    them are, otherwise RGB, without an alpha channel.

    Args:
        path: str, the folder.
        examples: None or ``(train, test)``, images to read at most.
        seed: int, tells which images.
        image_size: ``(height, width)`` in pixels to which each image is resized (bilinear,
            antialiased), or None if all have one size.

    Returns:
        Dataset of uint8 images, named for the folder.

    Raises:
        ValueError: if a class or the folder is empty, the splits' classes differ, an image
            cannot be read, or sizes differ and no ``image_size`` is given.

    Example:
        >>> import tempfile
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
    train, test = _list_splits(root, seed)
    files = [file for split in (train, test) for members in split.values() for file in members]
    colour = _colour(files, image_size)
    limits = examples or (None, None)
    train_split, test_split = (
        _read_split(split, colour, limit, seed, image_size)
        for split, limit in zip((train, test), limits, strict=True)
    )
    return Dataset(root.resolve().name, train_split, test_split, tuple(train))


def _list_splits(root, seed):
    """Return the files of each class, ``{class: [path]}``, to train on and to test."""
    if not (root / "train").is_dir():
        return _divide(_list_classes(root), seed)
    test = next((root / name for name in TEST_FOLDERS if (root / name).is_dir()), None)
    checks.require(
        test is not None,
        f"a folder with `train` must hold one of {', '.join(TEST_FOLDERS)} beside it",
        name=str(root),
    )
    train, test = _list_classes(root / "train"), _list_classes(test)
    checks.require(
        list(train) == list(test),
        "both splits of a folder must hold the same classes",
        only_in_one=sorted(set(train) ^ set(test)),
    )
    return train, test


def _list_classes(root):
    """Return ``{class: [path]}``, sorted, with empty ones refused."""
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    checks.require(
        bool(folders), "an image folder must hold one folder for each class", name=str(root)
    )
    classes = {}
    for place in folders:
        classes[place.name] = sorted(p for p in place.iterdir() if _is_image(p))
        checks.require(
            bool(classes[place.name]),
            f"a class folder must hold images ({', '.join(ENDINGS)})",
            folder=str(place),
        )
    return classes


def _is_image(path):
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".")


def _divide(classes, seed):
    """Split every class at random into four fifths and one, at least an image each."""
    rng = np.random.default_rng(seed)
    train, test = {}, {}
    for name, files in classes.items():
        checks.require(
            len(files) > 1,
            "a class without `train` and `test` folders must hold at least two images",
            **{"class": name},
        )
        order = rng.permutation(len(files))
        held_out = max(1, round(TEST_SHARE * len(files)))
        train[name] = [files[i] for i in np.sort(order[held_out:])]
        test[name] = [files[i] for i in np.sort(order[:held_out])]
    return train, test


def _colour(files, image_size):
    """Return "grayscale" or "rgb" from the headers; refuse sizes that differ."""
    headers = [_header(file) for file in files]
    sizes = {size: file for file, (_, size) in zip(files, headers, strict=True)}
    checks.require(
        image_size is not None or len(sizes) == 1,
        "images must have one size, or `image_size` must be given",
        **{str(file): size for size, file in list(sizes.items())[:2]},
    )
    return "grayscale" if {mode for mode, _ in headers} <= GREY_MODES else "rgb"


def _header(file):
    """Return an image's mode and ``(height, width)`` without decoding it."""
    try:
        with Image.open(file) as image:
            mode, size = image.mode, image.size[::-1]
    except (UnidentifiedImageError, OSError) as error:
        raise _unreadable(file, error) from error
    checks.require(
        mode in GREY_MODES | COLOUR_MODES,
        "images must be grey or colour of 8 bits a channel",
        file=str(file),
        mode=mode,
    )
    return mode, size


def _unreadable(file, error):
    return ValueError(
        "image files must be PNG, JPEG or BMP that can be read. "
        f"Received: file={str(file)!r}, {error}"
    )


def _read_split(classes, colour, limit, seed, image_size):
    """Decode the chosen files of one split into a uint8 array."""
    files = [(file, label) for label, members in enumerate(classes.values()) for file in members]
    chosen = [files[row] for row in subset_rows(len(files), limit, seed)]
    first = _read(chosen[0][0], colour, image_size)
    pixels = np.empty((len(chosen), *first.shape), "uint8")
    for row, (file, _) in enumerate(chosen):
        pixels[row] = _read(file, colour, image_size)
    return Split(pixels, [label for _, label in chosen])


def _read(file, colour, image_size):
    """Decode one file, ``(height, width, channels)``; Pillow's bilinear is antialiased."""
    try:
        image = keras.utils.load_img(
            file, color_mode=colour, target_size=image_size, interpolation="bilinear"
        )
        pixels = np.asarray(image, "uint8")
    except OSError as error:
        raise _unreadable(file, error) from error
    return pixels.reshape(*pixels.shape[:2], -1)
