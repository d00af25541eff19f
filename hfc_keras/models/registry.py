"""Networks of the user's own, by name, so that recipes, stores and experiments know them."""

import contextlib
import importlib
import inspect
import os
import random
import re
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from hfc_keras import checks, contract, error_texts
from hfc_keras.types import Record

# In the environment: modules to import, separated by commas, that register networks or layers.
# Commands and worker processes, which run no code of the user's before, find them there.
MODULES = "HFC_KERAS_MODULES"
ANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_builders = {}
# Layers with weights of the networks that were returned and are still there.
_returned = weakref.WeakSet()


def register(
    name: str,
    builder: Callable[..., keras.Model],
    reserved: Collection[str] = (),
    replace: bool = False,
) -> None:
    """Give a network of your own a name, under which ``build`` makes it.

    Args:
        name: str of letters, digits and ``. _ -``.
        builder: function ``builder(input_shape, classes, **options)`` that returns a functional
            or sequential keras.Model ending in logits.
        reserved: names that are taken.
        replace: bool, whether a network of the user's own may be replaced.

    Raises:
        ValueError: for another name, one that is taken, or no such function.

    Example:
        See ``models.register``.
    """
    checks.require(
        isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9._-]+", name),
        "`name` must be a str of letters, digits and . _ -",
        name=name,
    )
    checks.require(
        name not in reserved, "`name` must not be that of a network of the package", name=name
    )
    checks.require(
        replace or _builders.get(name, builder) is builder,
        "`name` must not be registered already; choose another one, or replace=True to replace "
        "it (a store goes by the name alone, and keeps what was trained under it)",
        name=name,
    )
    checks.require(
        callable(builder) and _parameters(builder)[:2] == ["input_shape", "classes"],
        "`builder` must be a function builder(input_shape, classes, **options)",
        builder=builder,
    )
    _builders[name] = builder


def names() -> list[str]:
    """Return the names of the registered networks.

    Returns:
        List of str, in the order of registration, after an import of what the environment names.

    Raises:
        ValueError: for a module that cannot be imported.
    """
    for module in filter(None, os.environ.get(MODULES, "").split(",")):
        _import(module.strip())
    return list(_builders)


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:
        raise ValueError(
            f"`{MODULES}` in the environment must name modules that can be imported, as "
            f"package.module, separated by commas ({type(error).__name__}: "
            f"{error_texts.reason(error)}). Received: module={module!r}"
        ) from error


def options(name: str) -> list[str] | None:
    """Return the options that a registered network takes.

    Args:
        name: str, one of ``names()``.

    Returns:
        List of str; None where the builder takes any.
    """
    kinds = [each.kind for each in inspect.signature(_builders[name]).parameters.values()]
    any_name = inspect.Parameter.VAR_KEYWORD in kinds
    return None if any_name else _parameters(_builders[name])[2:]


def build(
    name: str, input_shape: Sequence[int], classes: int, seed: int = 0, **chosen: Any
) -> keras.Model:
    """Return a new network of a registered name.

    What draws its seed at random, as Keras' initializers do unless they are given one, draws it
    from ``seed``: equal calls give equal weights.

    Args:
        name: str, one of ``names()``.
        input_shape: tuple of int, (height, width, channels).
        classes: int, number of logits.
        seed: int from 0; also passed to a builder that takes a seed.
        **chosen: options of the builder.

    Returns:
        keras.Model.

    Raises:
        ValueError: for an option that the builder does not take or that it needs, an error that it
            raises, or a model with layers of an earlier one, that is not built, of another shape,
            that ends in probabilities, or whose logits are in half precision.
    """
    taken = options(name)
    if taken is None or "seed" in taken:
        chosen["seed"] = seed
    model = _built(name, input_shape, classes, seed, chosen)
    checks.require(
        getattr(model, "outputs", None) and tuple(model.input_shape[1:]) == tuple(input_shape),
        f"`builder` of {name!r} must return a functional or sequential model of the input shape "
        f"{tuple(input_shape)}",
        input_shape=getattr(model, "input_shape", None),
    )
    end = contract.ending(model)
    checks.require(
        model.output_shape == (None, classes) and end in (None, "logits"),
        f"`builder` of {name!r} must return a model that ends in {classes} logits",
        output_shape=model.output_shape,
        ending=end,
    )
    dtype = model.outputs[0].dtype
    checks.require(
        dtype in ("float32", "float64"),
        f"`builder` of {name!r} must return logits in float32 under every dtype policy: give its "
        "last layer dtype='float32'",
        dtype=dtype,
    )
    _returned.update(_weighted(model))
    return model


def _built(
    name: str, input_shape: Sequence[int], classes: int, seed: int, chosen: Record
) -> keras.Model:
    """What a builder returns, if it is a new model."""
    own = list(inspect.signature(_builders[name]).parameters.values())[2:]
    needed = [each.name for each in own if each.default is each.empty and each.kind not in ANY]
    missing = [option for option in needed if option not in chosen]
    checks.require(
        not missing,
        f"The builder of {name!r} needs the options {', '.join(missing)}, which have no default",
        options=chosen,
    )
    try:
        with _seeded(seed):
            model = _builders[name](input_shape, classes, **chosen)
    except Exception as error:
        raise ValueError(
            f"`builder` of {name!r} must return a model ({type(error).__name__}: "
            f"{error_texts.reason(error)}). "
            f"Received: input_shape={tuple(input_shape)}, classes={classes}, options={chosen}"
        ) from error
    checks.require(
        isinstance(model, keras.Model),
        f"`builder` of {name!r} must return a keras.Model",
        returned=model,
    )
    again = [layer.name for layer in _weighted(model) if layer in _returned]
    checks.require(
        not again,
        f"`builder` of {name!r} must make new layers at each call; networks of several seeds "
        "would share the weights of these",
        layers=again,
    )
    return model


def _weighted(model: keras.Model) -> list[keras.layers.Layer]:
    """Layers of a model that have weights, also those of models within it."""
    return [each for each in model._flatten_layers(include_self=False) if each.weights]


def _parameters(builder: Callable[..., Any]) -> list[str]:
    """Names of what a function can be given by keyword."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = inspect.signature(builder).parameters.values()
    return [each.name for each in found if each.kind in named]


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let Python and NumPy draw from a seed, and put their states back."""
    before = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
