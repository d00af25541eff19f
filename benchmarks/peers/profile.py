"""What half precision can save: of a step with a gradient, and of a query of Square.

Beside each stands its arithmetic alone: the convolutions, and the forward passes.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks.peers import pgd, subjects
from benchmarks.peers.comparison import Comparison
from benchmarks.peers.options import Options
from hfc_keras import attacks, gradients
from hfc_keras.attacks import attack as search
from hfc_keras.attacks import frozen
from hfc_keras.gradients import half_precision
from hfc_keras.types import Array, Precision

EPSILON = 8 / 255
# Bfloat16 keeps three digits of a product, and folds scales into the kernels.
TOLERANCE = 0.05
# About as many as the standard evaluation leaves to Square.
LEFT, FAST_LEFT = 128, 16
QUERIES, FAST_QUERIES = 200, 4


def comparisons(options: Options) -> Iterator[Comparison]:
    """Yield the gradient and the convolutions alone, the queries and the forward passes alone.

    Args:
        options: Options.
    """
    wide = subjects.wide(options.images(pgd.EXAMPLES, pgd.FAST_EXAMPLES))
    yield from _of_gradient(wide, options)
    yield from _of_queries(subjects.adversarial(options.images(LEFT, FAST_LEFT)), options)


def _of_gradient(subject: subjects.Subject, options: Options) -> Iterator[Comparison]:
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


def _of_queries(subject: subjects.Subject, options: Options) -> Iterator[Comparison]:
    queries = FAST_QUERIES if options.fast else QUERIES
    names: list[Precision] = ["bfloat16"] if half_precision.has_bfloat16() else []
    names.append("float32")
    parts = {
        f"{queries} queries of Square": functools.partial(_queries, subject, queries),
        f"{queries} forward passes alone": functools.partial(_forward, subject, queries),
    }
    for part, work in parts.items():
        yield Comparison(
            task=part,
            network=subject.name,
            examples=len(subject.images),
            own={f"hfc_keras, {name}": functools.partial(work, name) for name in names},
            peers={},
            measure="logarithm of the L2 norm",
            judge=lambda found: np.log(np.linalg.norm(found)),
            tolerance=TOLERANCE,
            repeats=options.repeats,
        )


def _queries(subject: subjects.Subject, queries: int, precision: Precision) -> Array:
    """What Square has changed of images that it never gives up."""
    attack = attacks.Square(EPSILON, queries=queries, precision=precision)
    found = search.run(subject.model, subject.images, subject.labels, attack)
    return found.images - subject.images


def _forward(subject: subjects.Subject, queries: int, precision: Precision) -> Array:
    """Logits, as often as Square asks for them."""
    model = subject.model if precision == "float32" else frozen.frozen(subject.model)
    predict = gradients.compiled(model, lambda predict, images: (predict(images),))
    images = ops.convert_to_tensor(subject.images)
    return [ops.convert_to_numpy(ops.cast(predict(images)[0], "float32")) for _ in range(queries)][
        -1
    ]


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
