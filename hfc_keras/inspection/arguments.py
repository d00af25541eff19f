"""What `inspect` takes besides images and labels, each refused in a line that says what to do."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hfc_keras import checks
from hfc_keras.analysis.predictions import LEAST
from hfc_keras.arrays import rank
from hfc_keras.types import ArrayLike


def models_by_name(model: Any, name: str | None) -> dict[str, Any]:
    """Models by the names that the page calls them.

    Args:
        model: a model, or dict from names to several of them.
        name: str, or None for the model's own.

    Returns:
        dict from str to model.

    Raises:
        ValueError: for an empty dict, or names that are the same as text.

    Example:
        >>> list(models_by_name({1: print, "two": print}, None))
        ['1', 'two']
    """
    given = dict(model) if isinstance(model, Mapping) else {name or _own_name(model): model}
    checks.require(given, "`model` must be a model, or a dict of at least one", model=model)
    named = {str(each): one for each, one in given.items()}
    checks.require(
        len(named) == len(given),
        "`model` must be a dict of names that differ as text",
        names=list(given),
    )
    return named


def _own_name(model: Any) -> str:
    return str(getattr(model, "name", None) or getattr(model, "__name__", "model"))


def names_of_classes(
    given: Sequence[str] | Mapping[int, str] | None, classes: int
) -> dict[int, str]:
    """Names by class of the model.

    Args:
        given: list of str, one per class; dict from some classes to their names; or None.
        classes: int, how many the model has.

    Returns:
        dict from int to str.

    Raises:
        ValueError: for a list of another length, what is no list, or classes that there are not.

    Example:
        >>> names_of_classes(["cat", "dog"], 2)
        {0: 'cat', 1: 'dog'}
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        beyond = [key for key in given if not 0 <= int(key) < classes]
        checks.require(
            not beyond,
            f"`class_names` must name classes from 0 to {classes - 1}",
            beyond=beyond[:3],
        )
        return {int(key): str(value) for key, value in given.items()}
    names = strings("class_names", given)
    checks.require(
        len(names) == classes,
        f"`class_names` must name each of the model's {classes} classes, or be a dict from some "
        "of them to their names",
        class_names=names[:10],
    )
    return dict(enumerate(names))


def strings(name: str, values: Any) -> list[str]:
    """Return a list of str.

    Args:
        name: str, the argument's name.
        values: list, tuple or array.

    Returns:
        list of str.

    Raises:
        ValueError: for a single str, whose letters are no list, or what is no sequence.

    Example:
        >>> strings("class_names", np.array(["cat", "dog"]))
        ['cat', 'dog']
    """
    listed = isinstance(values, (Sequence, np.ndarray)) and not isinstance(values, (str, bytes))
    checks.require(
        listed and rank(values) == 1, f"`{name}` must be a list of str", **{name: values}
    )
    return [str(each) for each in values]


def doubts(labels: ArrayLike | None, images: int) -> list[str]:
    """What images must be said to leave open.

    Args:
        labels: int or one-hot array, or None.
        images: int, how many.

    Returns:
        list of str, sentences.

    Example:
        >>> doubts([1, 0] * 20, 40)
        []
    """
    found = []
    if images < LEAST:
        found.append(
            f"{'One image says' if images == 1 else f'{images} images say'} little of a model; "
            f"use at least {LEAST}, better hundreds."
        )
    if labels is not None and len(set(checks.class_indices(labels, images).tolist())) == 1:
        found.append(
            "All images are of one class: a model that always answers it would be right on all of "
            "them, whatever is left of the images. Take images of several classes."
        )
    return found


def no_path(name: str, images: Any) -> None:
    """Refuse a path where images belong.

    Args:
        name: str, the argument's name.
        images: object.

    Raises:
        ValueError: naming the call that loads them.

    Example:
        >>> no_path("images", "photographs")
        Traceback (most recent call last):
        ...
        ValueError: `images` must be images, not a path; data.load(path).test has those of a folder or an .npz file. Received: images='photographs'
    """  # noqa: E501
    checks.require(
        not isinstance(images, (str, os.PathLike)),
        f"`{name}` must be images, not a path; data.load(path).test has those of a folder or an "
        ".npz file",
        **{name: images},
    )
