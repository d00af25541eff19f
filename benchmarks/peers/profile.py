"""What half precision can save: the gradient of an attack step, and its convolutions alone."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks.peers import pgd, subjects
from benchmarks.peers.comparison import Comparison
from benchmarks.peers.options import Options
from hfc_keras import gradients
from hfc_keras.attacks import frozen
from hfc_keras.gradients import half_precision
from hfc_keras.types import Array

# Bfloat16 keeps three digits of a product, and folds scales into the kernels.
TOLERANCE = 0.05


def comparisons(options: Options) -> Iterator[Comparison]:
    """Yield the gradient and the convolutions alone.

    Args:
        options: Options.
    """
    subject = subjects.wide(options.images(pgd.EXAMPLES, pgd.FAST_EXAMPLES))
    models = {"bfloat16": frozen.frozen(subject.model)} if half_precision.has_bfloat16() else {}
    models["float32"] = subject.model
    parts = {"input gradient": _gradient, "its convolutions alone": _convolutions}
    for part, work in parts.items():
        yield Comparison(
            task=part,
            network=subject.name,
            examples=len(subject.images),
            own={f"hfc_keras, {name}": work(model, subject) for name, model in models.items()},
            peers={},
            measure="logarithm of the L2 norms",
            judge=lambda found: np.log([np.linalg.norm(each) for each in found]),
            tolerance=TOLERANCE,
            repeats=options.often,
        )


def _gradient(model: keras.Model, subject: subjects.Subject) -> Callable[[], list[Array]]:
    """Gradient of the margin for all images, as a step of an attack takes it."""
    gradient = functools.partial(gradients.input_gradient, model, loss="margin")
    return lambda: [ops.convert_to_numpy(gradient(subject.images, subject.labels))]


def _convolutions(model: keras.Model, subject: subjects.Subject) -> Callable[[], list[Array]]:
    """Every convolution of a model, forward and back to its input, each on maps of its own."""
    layers: list[Any] = [each for each in model.layers if isinstance(each, keras.layers.Conv2D)]
    calls = []
    for layer in layers:
        shape, dtype = layer.input.shape[1:], layer.compute_dtype
        inputs = keras.Input(shape, dtype=dtype)
        alone = keras.Model(inputs, layer(inputs))
        maps = np.random.default_rng(0).random((len(subject.images), *shape), "float32")
        run = gradients.compiled(alone, _back_to_maps)
        calls.append(functools.partial(run, ops.convert_to_tensor(maps, dtype)))
    # Of each gradient one image is kept, since a copy of all would be timed, too.
    return lambda: [ops.convert_to_numpy(ops.cast(call()[0][:1], "float32")) for call in calls]


def _back_to_maps(predict: Any, maps: Any) -> tuple[Any]:
    return (gradients.value_and_gradient(lambda x: ops.sum(predict(x)), maps)[1],)
