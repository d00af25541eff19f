"""Which values the fields of a recipe take, by themselves and together."""

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from hfc_keras import attacks, checks, spectrum
from hfc_keras.data.dataset import pair
from hfc_keras.layers.random_crop_flip import LARGEST_PADDING
from hfc_keras.models import catalogue
from hfc_keras.regularizers.sensitivity_penalty import as_kind
from hfc_keras.training import augmentation, precision
from hfc_keras.training.adversarial import check_attack
from hfc_keras.training.optimizers import RISE
from hfc_keras.types import Record

if TYPE_CHECKING:
    from hfc_keras.training.recipe import Recipe

CHOICES = {
    "normalization": ("none", "batch"),
    "optimizer": ("adam", "sgd", "adagrad", "adadelta", "rmsprop"),
    "schedule": ("constant", "cosine", "step", "one_cycle"),
    "precision": precision.CHOICES,
    "augmentation": ("none", "crop_flip"),
    "flip": ("random", "alternating"),
    "mix_up_weight": ("image", "batch"),
    "labels": ("true", "shuffled"),
    "component": ("original", "low", "high"),
    "recombination_axes": spectrum.AXES,
    "recombination": ("none", "apr_p", "apr_s", "apr_sp", "hybrid", "hybrid_plus"),
}
# Fields that are options of a network.
OF_MODEL = ("normalization", "bn_momentum", "dropout", "width")
# Kinds of recombination that pair the images of a batch, and train on both copies.
PAIRED = ("apr_p", "apr_sp", "hybrid", "hybrid_plus")
# Kinds that recombine each image by itself.
SINGLE = ("apr_s", "apr_sp")
# By schedule: the warm-up that None is; of the others there is none.
WARMUP = {"one_cycle": RISE}
# From here on whole numbers do not fit into the integers of the data pipeline.
LONGEST = 2**63
BELOW_ONE = ("dropout", "warmup", "label_smoothing")
SMALLEST = {"epochs": 1, "batch_size": 1, "width": 1e-3}
LARGEST = {"bn_momentum": 1.0, "outside_gain": 1.0, "momentum": 1.0}
LARGEST |= {"crop_padding": LARGEST_PADDING}
LARGEST |= {"step_factor": 1.0, "recombination_probability": 1.0, "single_probability": 1.0}


def field_value(field: dataclasses.Field[Any], value: Any) -> Any:
    """Check one value of a recipe.

    Args:
        field: dataclasses.Field of Recipe.
        value: what was given.

    Returns:
        The value in the field's type.

    Raises:
        ValueError: if it is out of the field's range.
    """
    name = field.name
    _check_plain(name, value)
    if name == "model":
        return catalogue.known(value)
    if name == "augmentation" and not isinstance(value, str):
        return augmentation.as_configs(value)
    if name in CHOICES:
        return str(checks.choice(name, value, CHOICES[name]))
    if name in ("examples", "image_size"):
        return _sizes(name, value)
    if name == "milestones":
        return _milestones(value)
    if name == "adversary":
        attack = attacks.from_dict(value) if isinstance(value, dict) else value
        if attack is not None:
            check_attack(attack, name)
        return attack
    if name == "regularizer":
        return None if value is None else as_kind(value, name)
    if name == "options":
        return _options(value)
    if field.type is bool:
        checks.require(value in (True, False), f"`{name}` must be a bool", **{name: value})
        return bool(value)
    if field.type is str:
        path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
        good = isinstance(path, str)
        checks.require(good, f"`{name}` must be a str or a path", **{name: value})
        return str(path)
    if name in ("radius", "warmup") and value is None:
        return None
    if name in BELOW_ONE:
        found = checks.number(name, value, minimum=0)
        checks.require(found < 1, f"`{name}` must be from 0 and below 1", **{name: value})
        return found
    smallest, largest = SMALLEST.get(name, 0), LARGEST.get(name, float("inf"))
    if field.type is int:
        return checks.number(name, value, smallest, largest, whole=True)
    return checks.number(name, value, smallest, largest)


def _check_plain(name: str, value: Any) -> None:
    """Refuse arrays and tensors, whose comparisons have no one answer, and numbers too long."""
    listed = isinstance(value, list | tuple)
    for each in value if listed else (value,):
        checks.require(
            not hasattr(each, "shape") or isinstance(each, np.generic),
            f"`{name}` must hold no array or tensor (take its item() or tolist())",
            **{name: value},
        )
        checks.require(
            not (listed and isinstance(each, list | tuple)) or name == "adversary",
            f"`{name}` must hold no lists in a list",
            **{name: value},
        )
        whole = isinstance(each, int | np.integer)
        checks.require(
            not whole or -LONGEST < each < LONGEST,
            f"`{name}` must be below 2**63 as a whole number",
            **{name: value},
        )


def _options(value: Any) -> Record:
    """Options of a model in an order and types that JSON gives back."""
    checks.require(
        isinstance(value, dict) and all(isinstance(key, str) for key in value),
        "`options` must be a dict with names as keys",
        options=value,
    )
    return {str(key): _plain(value[key]) for key in sorted(value)}


def _plain(value: Any) -> Any:
    """Value for JSON, whole numbers as int, so that 2 and 2.0 or (2,) and [2] hash alike."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    if isinstance(value, np.bool_ | np.str_):
        value = value.item()
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    good = isinstance(value, float | np.floating) and np.isfinite(value)
    checks.require(
        good,
        "`options` must hold None, bools, finite numbers, strings, or lists of them",
        options=value,
    )
    number = float(value)
    return int(number) if number.is_integer() else number


def _milestones(value: Any) -> tuple[int, ...]:
    """Epochs in ascending order, as a tuple of int."""
    listed = isinstance(value, list | tuple)
    each = value if listed else ()
    epochs = tuple(checks.number("milestones", epoch, 1, whole=True) for epoch in each)
    good = listed and list(epochs) == sorted(set(epochs))
    checks.require(good, "`milestones` must be epochs in ascending order", milestones=value)
    return epochs


def _sizes(name: str, value: Any) -> int | tuple[int, int] | None:
    """None, one size or a pair of them, as ``data.load`` takes it."""
    if value is None:
        return None
    sizes = pair(name, value)
    return sizes if np.ndim(value) else sizes[0]


def check_together(recipe: "Recipe") -> None:
    """Refuse values that are right by themselves and wrong together.

    Args:
        recipe: Recipe.

    Raises:
        ValueError: if one of its fields asks for another value of another one.
    """
    fields = {field.name for field in dataclasses.fields(recipe)} & recipe.options.keys()
    checks.require(
        not fields,
        "`options` must not hold a field of Recipe; set that field instead",
        options=recipe.options,
    )
    _check_model(recipe)
    checks.require(
        recipe.component == "original" or recipe.radius is not None,
        "`radius` must be given with `component`",
        component=recipe.component,
        radius=recipe.radius,
    )
    checks.require(
        recipe.regularizer is None or recipe.adversary is None,
        "`regularizer` and `adversary` cannot be combined: each replaces the training step",
        regularizer=recipe.regularizer,
    )
    checks.require(
        recipe.augmentation == "crop_flip" or (recipe.flip, recipe.crop_padding) == ("random", 4),
        "`augmentation` must be 'crop_flip' with a `flip` or `crop_padding` of one's own",
        augmentation=recipe.augmentation,
        flip=recipe.flip,
        crop_padding=recipe.crop_padding,
    )
    checks.require(
        not recipe.regularizer or not recipe.options.get("zero_logits"),
        "`zero_logits` must be False with a regularizer: its penalty has no value where all "
        "gradients are zero",
        options=recipe.options,
    )
    _check_optimizer(recipe)
    _check_pixels(recipe)


def _check_model(recipe: "Recipe") -> None:
    """Refuse options that the network does not take, or not with these values."""
    taken = catalogue.options(recipe.model)
    default = {field.name: field.default for field in dataclasses.fields(recipe)}
    for name in OF_MODEL:
        value = getattr(recipe, name)
        checks.require(
            taken is None or name in taken or value == default[name],
            f"`{name}` must be {default[name]!r} with a network whose builder does not take it; "
            f"let builder(input_shape, classes, {name}=...) take it, or leave such recipes out",
            model=recipe.model,
            **{name: value},
        )
    catalogue.check_options(recipe.model, recipe.options)


def _check_optimizer(recipe: "Recipe") -> None:
    """Refuse options of a schedule or an optimizer that is not chosen."""
    checks.require(
        recipe.schedule == "step" or not recipe.milestones,
        "`schedule` must be 'step' with milestones",
        schedule=recipe.schedule,
        milestones=recipe.milestones,
    )
    checks.require(
        not recipe.milestones or recipe.milestones[-1] < recipe.epochs,
        "`milestones` must be below `epochs`",
        milestones=recipe.milestones,
        epochs=recipe.epochs,
    )
    checks.require(
        recipe.schedule == "step" or recipe.step_factor == 0.1,
        "`schedule` must be 'step' with a step_factor",
        schedule=recipe.schedule,
        step_factor=recipe.step_factor,
    )
    first = recipe.milestones[0] / recipe.epochs if recipe.milestones else 1 / 3
    checks.require(
        recipe.schedule != "step" or (recipe.warmup or 0.0) < first,
        "`warmup` must end before the first step of the schedule",
        warmup=recipe.warmup,
        milestones=recipe.milestones,
        epochs=recipe.epochs,
    )
    checks.require(
        not recipe.nesterov or (recipe.optimizer == "sgd" and recipe.momentum > 0),
        "`optimizer` must be 'sgd', with a momentum, for Nesterov's",
        optimizer=recipe.optimizer,
        momentum=recipe.momentum,
    )


def _check_pixels(recipe: "Recipe") -> None:
    """Refuse components, which leave [0, 1], where a training takes pixels."""
    for given, reason in (
        (recipe.adversary, "an adversary, which clips pixels to [0, 1]"),
        (recipe.noise, "noise, which clips pixels to [0, 1]"),
    ):
        checks.require(
            not given or recipe.component == "original",
            f"`component` must be 'original' with {reason}",
            component=recipe.component,
        )
    for given, name in (
        (recipe.regularizer, "a regularizer"),
        (recipe.recombination != "none", "recombination"),
    ):
        checks.require(
            not given or (recipe.component == "original" and not recipe.rescale),
            f"`component` must be 'original', not rescaled, with {name}, which takes pixels",
            component=recipe.component,
            rescale=recipe.rescale,
        )
