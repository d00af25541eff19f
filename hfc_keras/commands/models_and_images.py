"""Models and images that a command line names, each refused in a line that says what to do."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np

from hfc_keras import checks, contract, models
from hfc_keras.commands import model_source, torch_source
from hfc_keras.commands.class_numbering import numbered
from hfc_keras.commands.options import ModelAndImages, pixel_range
from hfc_keras.data.dataset import pair
from hfc_keras.data.given_images import GivenImages, given_images
from hfc_keras.data.printable_names import printable
from hfc_keras.training.published_names import published_networks
from hfc_keras.types import Size

# Training images of which batch normalization gets its population statistics.
POPULATION = 1000


def loaded(sources: Sequence[str], asked: ModelAndImages) -> dict[str, keras.Model]:
    """Load models as they are.

    Args:
        sources: list of str, files or names, see ``model_source.load``; also files of weights, of
            the networks that the command line says.
        asked: ModelAndImages, the command line.

    Returns:
        dict from name to keras.Model; the end of a path where that tells them apart.

    Raises:
        ValueError: for no model, one twice, or one that cannot be loaded.
    """
    checks.require(sources, "`models` must name at least one model", models=sources)
    twice = len(set(sources)) < len(sources)
    checks.require(not twice, "`models` must name each model once", models=sources)
    short = [Path(name).stem if _is_file(name) else name for name in sources]
    names = short if len(set(short)) == len(short) else sources
    of_weights = torch_source.architectures(sources, asked)
    return {
        printable(name): _model(source, of_weights.get(source), asked)
        for name, source in zip(names, sources, strict=True)
    }


def _model(source: str, architecture: str | None, asked: ModelAndImages) -> keras.Model:
    if architecture is None:
        return model_source.load(source, asked.imports, asked.published)
    return models.from_torch(
        source, architecture, asked.mean or None, asked.std or None, _size(asked)
    )


def classifiers(found: dict[str, keras.Model], asked: ModelAndImages) -> dict[str, keras.Model]:
    """Turn models into ones from images in [0, 1] to logits.

    Args:
        found: dict from name to keras.Model, see ``loaded``.
        asked: ModelAndImages.

    Returns:
        dict from name to keras.Model.

    Raises:
        ValueError: if one returns or takes something else than the command line says.
    """
    pixels = pixel_range(asked.pixels)
    return {
        name: models.as_classifier(
            model,
            pixels,
            asked.output,
            output_name=asked.output_name,
            preprocessing=asked.preprocessing,
        )
        for name, model in found.items()
    }


def called(found: dict[str, keras.Model], names: Sequence[str]) -> dict[str, keras.Model]:
    """Call models by other names.

    Args:
        found: dict from name to keras.Model.
        names: list of str in the order of the models; none leaves theirs.

    Returns:
        dict from name to keras.Model.

    Raises:
        ValueError: if they are not as many, or one stands twice.
    """
    checks.require(
        not names or len(set(names)) == len(names) == len(found),
        f"`names` must be one for each of the {len(found)} models, none twice",
        names=tuple(names),
    )
    return dict(zip(map(printable, names or found), found.values(), strict=True))


def conversions(
    given: dict[str, keras.Model], made: dict[str, keras.Model], asked: ModelAndImages
) -> list[str]:
    """Say what ``classifiers`` concluded from models without being told.

    Args:
        given: dict from name to keras.Model, as they were loaded.
        made: dict from name to keras.Model, what ``classifiers`` made of them.
        asked: ModelAndImages.

    Returns:
        list of str, sentences.
    """
    told = torch_source.standardizations(asked)
    for name, model in made.items():
        who = f"The model {name}" if len(made) > 1 else "The model"
        kind = contract.ending(given[name])
        if asked.output is None and kind in ("softmax", "sigmoid"):
            told.append(f"{who} ends in a {kind}; the logits before it are tested.")
        ranges = [getattr(each, "hfc_keras_pixels", None) for each in model.layers]
        if not asked.pixels and (0, 255) in ranges:
            told.append(
                f"{who} divides pixels by 255 or the like; it gets them from 0 to 255; if it "
                "was trained on pixels from 0 to 1, add --pixels 0 1."
            )
    return told


def _is_file(name: str) -> bool:
    return Path(name).suffix.lower() in model_source.FILES or torch_source.is_weights(name)


def images_of(
    found: dict[str, keras.Model], asked: ModelAndImages, names: Sequence[str] = ()
) -> GivenImages:
    """Load images in the shape and with the classes of the models.

    Args:
        found: dict from name to keras.Model, see ``classifiers``.
        asked: ModelAndImages.
        names: list of str in the order of the models, what they are called; none leaves theirs.

    Returns:
        GivenImages, labels in the numbering of the models' classes.

    Raises:
        ValueError: if they do not fit, with the option that makes them.
    """
    examples = checks.number("examples", asked.examples, minimum=1, whole=True)
    options = asked.seed, _size(asked), asked.skip_unreadable
    source = asked.data or _own_data(list(found), asked)
    given = given_images(source, asked.data_dir, (POPULATION, examples), *options)
    for name, model in found.items():
        given = _fitting(given, name, _shape(model), asked)
    return numbered(given, called(found, names), asked)


def class_names_of(given: GivenImages, asked: ModelAndImages) -> dict[int, str]:
    """Names of the models' classes.

    Args:
        given: GivenImages.
        asked: ModelAndImages.

    Returns:
        dict from class to name.
    """
    return dict(
        zip(asked.class_indices or range(len(given.class_names)), given.class_names, strict=False)
    )


def _size(asked: ModelAndImages) -> Size | None:
    if not asked.image_size:
        return None
    checks.require(
        len(asked.image_size) <= 2,
        "`image_size` must be one number or height and width",
        image_size=asked.image_size,
    )
    return pair("image_size", cast(Any, asked.image_size * 2)[:2])


def _own_data(names: Sequence[str], asked: ModelAndImages) -> str:
    """Data set that the project's own network was trained for."""
    networks = published_networks(asked.published)
    own = networks[networks["name"].isin(names)]
    checks.require(
        len(own) == len(names) and own["dataset"].nunique() == 1,
        "`data` must be given: --data FOLDER, an .npz file, or the name of a data set",
        data=None,
    )
    return own["dataset"].iloc[0]


def _shape(model: keras.Model) -> tuple[int | None, int | None, int | None]:
    shape = getattr(model, "input_shape", None)
    known = isinstance(shape, tuple) and len(shape) == 4
    return cast(Any, shape)[1:] if known else (None, None, None)


def _fitting(
    given: GivenImages, name: str, shape: tuple[int | None, ...], asked: ModelAndImages
) -> GivenImages:
    """Images in the shape of a model, or a refusal."""
    own, has = shape[:2], given.pixels.shape[1:3]
    fits = all(want in (None, got) for want, got in zip(own, has, strict=True))
    checks.require(
        fits,
        f"images must have the size that {name} takes; --image-size {own[0]} {own[1]} resizes them "
        "(bilinear, antialiased, ignoring the aspect ratio)",
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
