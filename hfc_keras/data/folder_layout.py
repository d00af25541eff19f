"""Which files of a folder belong to which class and split, by what its folders hold."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hfc_keras import checks, files
from hfc_keras.data.image_files import endings
from hfc_keras.data.printable_names import printable_names

TEST_FOLDERS = ("test", "val", "validation")
SPLIT_FOLDERS = {"train", *TEST_FOLDERS}
TEST_SHARE = 0.2
EXPECTED = (
    "must hold one folder for each class, two or more (<class>/*), or train/<class>/* beside "
    "test/<class>/* (val, validation)"
)


@dataclasses.dataclass
class Layout:
    """The files of each class to train on and to test, and what belongs to none.

    Args:
        train: dict from class to list of Path.
        test: dict from class to list of Path.
        left_aside: list of Path, files and folders that are not hidden.
        hidden: list of Path, files and folders whose names begin with a dot.
    """

    train: dict[str, list[Path]]
    test: dict[str, list[Path]]
    left_aside: list[Path]
    hidden: list[Path]


@dataclasses.dataclass
class Contents:
    """What a folder holds, by name.

    Args:
        folders: list of Path; links to folders count as folders.
        images: list of Path, files whose ending is one of an image.
        others: list of Path, other files.
        hidden: list of Path, files and folders whose names begin with a dot, in none of the others.
    """

    folders: list[Path]
    images: list[Path]
    others: list[Path]
    hidden: list[Path]


def layout(root: Path, seed: int) -> Layout:
    """Return the files of an image folder by split and class.

    A folder called ``train`` that holds folders is a split, beside ``test``, ``val`` or
    ``validation`` that holds folders too; one that holds images itself is a class.

    Args:
        root: Path.
        seed: int, decides which fifth of every class is for testing where there are no splits.

    Returns:
        Layout, classes in the order of their names.

    Raises:
        ValueError: if it is neither of the two, could be both, has fewer than two classes, a
            class without images, or splits of different classes.
        UnusableFileError: if a folder cannot be listed.
    """
    known = endings()
    top = contents(root, known)
    inside = {place: contents(place, known) for place in top.folders}
    split = next((place for place in inside if place.name == "train"), None)
    if split is None or not inside[split].folders:
        return _classes_alone(root, top, inside, seed)
    return _splits(root, top, inside, known)


def contents(place: Path, known: set[str]) -> Contents:
    """List a folder.

    Args:
        place: Path.
        known: set of str, endings of images in lower case.

    Returns:
        Contents.

    Raises:
        UnusableFileError: if it cannot be listed.
    """
    try:
        every = sorted(place.iterdir())
    except OSError as error:
        raise files.UnusableFileError(
            f"an image folder must be one that can be read ({error.strerror}). "
            f"Received: folder={str(place)!r}"
        ) from error
    hidden = [path for path in every if path.name.startswith(".")]
    listed = [path for path in every if not path.name.startswith(".")]
    folders = [path for path in listed if path.is_dir()]
    rest = [path for path in listed if not path.is_dir()]
    images = [path for path in rest if path.suffix.lower() in known]
    others = [path for path in rest if path.suffix.lower() not in known]
    return Contents(folders, images, others, hidden)


def _classes_alone(root: Path, top: Contents, inside: Mapping[Path, Contents], seed: int) -> Layout:
    """Layout of class folders, of which a part is held out."""
    names = {place.name for place in inside}
    checks.require(
        not names or not names <= SPLIT_FOLDERS,
        f"an image folder {EXPECTED}",
        name=str(root),
        folders=sorted(names),
    )
    classes, left_aside = _classes(root, inside)
    train, test = _divide(classes, seed)
    hidden = [path for held in (top, *inside.values()) for path in held.hidden]
    return Layout(train, test, [*top.images, *top.others, *left_aside], hidden)


def _splits(root: Path, top: Contents, inside: Mapping[Path, Contents], known: set[str]) -> Layout:
    """Layout of a training and a test folder that hold class folders."""
    by_name = {place.name: place for place in inside if inside[place].folders}
    test = next((by_name[name] for name in TEST_FOLDERS if name in by_name), None)
    if test is None:
        checks.require(
            False,
            f"a folder with `train` must hold one of {', '.join(TEST_FOLDERS)} beside it, with the "
            "same class folders",
            name=str(root),
        )
    used = (by_name["train"], test)
    others = [place for place in inside if place not in used]
    like_classes = [place for place in others if place.name not in SPLIT_FOLDERS]
    doubtful = [place for place in (*used, *like_classes) if inside[place].images]
    checks.require(
        not doubtful,
        "a folder must be a split, which holds class folders and no images, or a class, which "
        "stands beside classes alone",
        folder=str(next(iter(doubtful), None)),
        name=str(root),
    )
    left_aside, hidden = [*top.images, *top.others, *others], [*top.hidden]
    splits = []
    for place in used:
        held = {each: contents(each, known) for each in inside[place].folders}
        classes, rest = _classes(place, held)
        splits.append(classes)
        left_aside += [*inside[place].others, *rest]
        hidden += [path for each in (inside[place], *held.values()) for path in each.hidden]
    train, test = splits
    checks.require(
        list(train) == list(test),
        "both splits of a folder must hold the same classes",
        only_in_one=sorted(set(train) ^ set(test)),
    )
    return Layout(train, test, left_aside, hidden)


def _classes(
    place: Path, inside: Mapping[Path, Contents]
) -> tuple[dict[str, list[Path]], list[Path]]:
    """Return ``{class: [path]}`` and what in the class folders is no image."""
    checks.require(
        len(inside) > 1,
        f"an image folder {EXPECTED}",
        name=str(place),
        classes=[each.name for each in inside],
    )
    printable_names([each.name for each in inside])
    left_aside = []
    for each, held in inside.items():
        checks.require(
            bool(held.images),
            "a class folder must hold images (.png, .jpg, .tif, ...)",
            folder=str(each),
            holds=sorted({path.suffix or path.name for path in (*held.folders, *held.others)})[:5],
        )
        left_aside += [*held.folders, *held.others]
    return {each.name: held.images for each, held in inside.items()}, left_aside


def _divide(
    classes: Mapping[str, Sequence[Path]], seed: int
) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    """Split every class at random into four fifths and one, at least an image each."""
    rng = np.random.default_rng(seed)
    train, test = {}, {}
    for name, members in classes.items():
        checks.require(
            len(members) > 1,
            "a class without `train` and `test` folders must hold at least two images",
            **{"class": name},
        )
        order = rng.permutation(len(members))
        held_out = max(1, round(TEST_SHARE * len(members)))
        train[name] = [members[i] for i in np.sort(order[held_out:])]
        test[name] = [members[i] for i in np.sort(order[:held_out])]
    return train, test
