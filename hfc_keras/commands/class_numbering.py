"""Classes of the images in the numbering of the models."""

import dataclasses
from typing import Any, cast

import keras
import numpy as np

from hfc_keras import checks, gradients
from hfc_keras.commands.options import ModelAndImages
from hfc_keras.data.given_images import GivenImages
from hfc_keras.types import Integers

# Images of which a model's answers show how its classes may be numbered.
SHOWN = 100


def numbered(
    given: GivenImages, found: dict[str, keras.Model], asked: ModelAndImages
) -> GivenImages:
    """Number the labels of images as the models number their classes.

    Args:
        given: GivenImages.
        found: dict from name to keras.Model.
        asked: ModelAndImages.

    Returns:
        GivenImages, with a note for each model that knows more classes.

    Raises:
        ValueError: if the classes do not fit, with the option that says which they are.
    """
    if given.labels is None:
        return given
    classes = {name: _classes(model, given) for name, model in found.items()}
    known = max(len(given.class_names), 1 + int(given.labels.max()))
    if asked.class_indices:
        indices = _indices(asked, known, min(classes.values()))
        given = dataclasses.replace(given, labels=indices[given.labels])
    else:
        for name, count in classes.items():
            _require_numbering(given, known, name, found[name], count, set(classes.values()))
    present = len(np.unique(cast(Any, given.labels)))
    # Where the data name their classes, those of them that a draw happens to miss are no news.
    covered = len(given.class_names) or present
    notes = [
        f"The images are of {present} of the {count} classes of "
        f"{name if len(found) > 1 else 'the model'}, which chooses among all {count}; the results "
        f"hold for these {present}."
        for name, count in classes.items()
        if covered < count
    ]
    return dataclasses.replace(given, notes=(*given.notes, *notes))


def _indices(asked: ModelAndImages, known: int, fewest: int) -> Integers:
    """The models' class of each class of the data, as it was given."""
    indices = np.array(asked.class_indices)
    checks.require(
        len(indices) == known and len(set(asked.class_indices)) == known,
        f"`class_indices` must be one index for each of the {known} classes of the data, none "
        "twice",
        class_indices=asked.class_indices,
    )
    checks.require(
        0 <= indices.min() and indices.max() < fewest,
        f"`class_indices` must be from 0 to {fewest - 1}, the classes of the model",
        class_indices=asked.class_indices,
    )
    return indices


def _require_numbering(
    given: GivenImages, known: int, name: str, model: keras.Model, count: int, counts: set[int]
) -> None:
    """Refuse a model whose classes may be numbered otherwise than those of the data."""
    if known == count or (known < count and not given.by_name):
        return
    several = len(counts) > 1
    whose = f"{name}'s" if several else "the model's"
    alone = "; models with different classes are inspected one at a time" if several else ""
    checks.require(
        False,
        f"the data must have {whose} {count} classes, or --class-indices must say which of them "
        f"each is{_guess(given, model)}{alone}",
        classes=known,
        names=list(given.class_names[:5]),
    )


def _classes(model: keras.Model, given: GivenImages) -> int:
    return int(_answers(model, given, 1).shape[1])


def _answers(model: keras.Model, given: GivenImages, count: int) -> Any:
    rows = np.random.default_rng(0).permutation(len(given.pixels))[:count]
    images = given.pixels[rows]
    scale = 255 if images.dtype == np.uint8 else 1
    return gradients.predicted(model, (images / scale).astype("float32"), 32)


def _guess(given: GivenImages, model: keras.Model) -> str:
    """How the model's classes may be numbered, by its most frequent answers."""
    known = len(given.class_names)
    if given.labels is None or not 0 < known <= 20:
        return ""
    rows = np.random.default_rng(0).permutation(len(given.pixels))[:SHOWN]
    answers = _answers(model, given, SHOWN).argmax(axis=1)
    labels, often = given.labels[rows], []
    for label in range(known):
        own = answers[labels == label]
        if not len(own):
            return ""
        often.append(int(np.bincount(own).argmax()))
    if len(set(often)) < known:
        return ""
    pairs = ", ".join(
        f"{name} {index}" for name, index in zip(given.class_names, often, strict=True)
    )
    listed = " ".join(map(str, often))
    return f" (its most frequent answers are {pairs}; if that is right, --class-indices {listed})"
