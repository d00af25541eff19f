"""Models and images of ``inspect``, each refused in a line that says what to do."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import keras
import numpy as np

from hfc_keras import checks, gradients, models
from hfc_keras.commands import model_source
from hfc_keras.commands.options import pixel_range
from hfc_keras.data.dataset import pair
from hfc_keras.data.given_images import GivenImages, given_images
from hfc_keras.data.printable_names import printable
from hfc_keras.training.published_names import published_networks
from hfc_keras.types import Size

if TYPE_CHECKING:
    from hfc_keras.commands.inspect import Inspect

# Training images of which batch normalization gets its population statistics.
POPULATION = 1000
# Images of which a model's answers show how its classes may be numbered.
SHOWN = 100


def models_of(asked: Inspect) -> dict[str, keras.Model]:
    """Load the models, each from images in [0, 1] to logits.

    Args:
        asked: Inspect, the command line.

    Returns:
        dict from name to keras.Model; the end of a path where that tells them apart.

    Raises:
        ValueError: for no model, one twice, or one that cannot be used.
    """
    checks.require(asked.models, "`models` must name at least one model", models=asked.models)
    twice = len(set(asked.models)) < len(asked.models)
    checks.require(not twice, "`models` must name each model once", models=asked.models)
    short = [Path(name).stem if _is_file(name) else name for name in asked.models]
    names = short if len(set(short)) == len(short) else asked.models
    pixels = pixel_range(asked.pixels)
    found = {}
    for name, source in zip(names, asked.models, strict=True):
        model = model_source.load(source, asked.imports, asked.published)
        name = printable(name)
        found[name] = models.as_classifier(
            model, pixels, asked.output, output_name=asked.output_name
        )
    return found


def _is_file(name: str) -> bool:
    return Path(name).suffix.lower() in model_source.FILES


def images_of(asked: Inspect, found: dict[str, keras.Model]) -> GivenImages:
    """Load images in the shape and with the classes of the models.

    Args:
        asked: Inspect.
        found: dict from name to keras.Model.

    Returns:
        GivenImages, labels in the numbering of the models' classes.

    Raises:
        ValueError: if they do not fit, with the option that makes them.
    """
    examples = checks.number("examples", asked.examples, minimum=1, whole=True)
    options = asked.seed, _size(asked), asked.skip_unreadable
    source = asked.data or _own_data(asked)
    given = given_images(source, asked.data_dir, (POPULATION, examples), *options)
    for name, model in found.items():
        given = _fitting(given, name, _shape(model), asked)
    return _numbered(given, found, asked)


def class_names_of(asked: Inspect, given: GivenImages) -> dict[int, str]:
    """Names of the models' classes.

    Args:
        asked: Inspect.
        given: GivenImages.

    Returns:
        dict from class to name.
    """
    return dict(
        zip(asked.class_indices or range(len(given.class_names)), given.class_names, strict=False)
    )


def _size(asked: Inspect) -> Size | None:
    if not asked.image_size:
        return None
    checks.require(
        len(asked.image_size) <= 2,
        "`image_size` must be one number or height and width",
        image_size=asked.image_size,
    )
    return pair("image_size", cast(Any, asked.image_size * 2)[:2])


def _own_data(asked: Inspect) -> str:
    """Data set that the project's own network was trained for."""
    networks = published_networks(asked.published)
    own = networks[networks["name"].isin(asked.models)]
    checks.require(
        len(own) == len(asked.models) and own["dataset"].nunique() == 1,
        "`data` must be given: --data FOLDER, an .npz file, or the name of a data set",
        data=None,
    )
    return own["dataset"].iloc[0]


def _shape(model: keras.Model) -> tuple[int | None, int | None, int | None]:
    shape = getattr(model, "input_shape", None)
    known = isinstance(shape, tuple) and len(shape) == 4
    return cast(Any, shape)[1:] if known else (None, None, None)


def _fitting(
    given: GivenImages, name: str, shape: tuple[int | None, ...], asked: Inspect
) -> GivenImages:
    """Images in the shape of a model, or a refusal."""
    own, has = shape[:2], given.pixels.shape[1:3]
    fits = all(want in (None, got) for want, got in zip(own, has, strict=True))
    checks.require(
        fits,
        f"images must have the size that {name} takes; --image-size {own[0]} {own[1]} resizes them "
        "(bilinear, antialiased, without regard to their ratio)",
        **{"images": f"{has[0]} x {has[1]}"},
    )
    channels, wanted = given.pixels.shape[3], shape[2]
    if wanted in (None, channels):
        return given
    checks.require(
        channels == 1,
        f"images must have as many channels as {name} takes, {wanted}: "
        + (
            "convert them to gray"
            if wanted == 1
            else "image files are read as gray or color, without transparency; an .npz file holds "
            "any number of channels"
        ),
        channels=channels,
    )
    train = given.train_pixels
    return dataclasses.replace(
        given,
        pixels=np.repeat(given.pixels, cast(int, wanted), axis=3),
        train_pixels=None if train is None else np.repeat(train, cast(int, wanted), axis=3),
        notes=(*given.notes, f"The images are gray; each of the {wanted} channels is a copy."),
    )


def _numbered(given: GivenImages, found: dict[str, keras.Model], asked: Inspect) -> GivenImages:
    """Images with labels in the numbering of the models' classes."""
    if given.labels is None:
        return given
    classes = {name: _classes(model, given) for name, model in found.items()}
    fewest = min(classes.values())
    known = max(len(given.class_names), 1 + int(given.labels.max()))
    if asked.class_indices:
        indices = np.array(asked.class_indices)
        checks.require(
            len(indices) == known and len(set(asked.class_indices)) == known,
            f"`class_indices` must number each of the {known} classes of the data once",
            class_indices=asked.class_indices,
        )
        checks.require(
            0 <= indices.min() and indices.max() < fewest,
            f"`class_indices` must be from 0 to {fewest - 1}, the classes of the model",
            class_indices=asked.class_indices,
        )
        given = dataclasses.replace(given, labels=indices[given.labels])
    else:
        good = known == fewest or (known < fewest and not given.by_name)
        if not good:
            checks.require(
                False,
                f"the data must have the model's {fewest} classes, or --class-indices must say "
                f"which of them each is{_guess(given, found)}",
                classes=known,
                names=list(given.class_names[:5]),
            )
    if known < fewest:
        note = (
            f"The data have {known} of the {fewest} classes that the model knows; its answers are "
            f"among all {fewest}, and what is said here holds for these {known}."
        )
        given = dataclasses.replace(given, notes=(*given.notes, note))
    return given


def _classes(model: keras.Model, given: GivenImages) -> int:
    return int(_answers(model, given, 1).shape[1])


def _answers(model: keras.Model, given: GivenImages, count: int) -> Any:
    rows = np.random.default_rng(0).permutation(len(given.pixels))[:count]
    images = given.pixels[rows]
    scale = 255 if images.dtype == np.uint8 else 1
    return gradients.predicted(model, (images / scale).astype("float32"), 32)


def _guess(given: GivenImages, found: dict[str, keras.Model]) -> str:
    """How the model's classes may be numbered, by its most frequent answers."""
    known = len(given.class_names)
    if given.labels is None or not 0 < known <= 20:
        return ""
    rows = np.random.default_rng(0).permutation(len(given.pixels))[:SHOWN]
    answers = _answers(next(iter(found.values())), given, SHOWN).argmax(axis=1)
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
