"""The cells by this package, on Keras' backend."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks.card.rates import compiled, wait
from benchmarks.card.work import EPSILON, PGD_STEPS, Cell
from benchmarks.operations import forward_operations
from hfc_keras import analysis, attacks, gradients, models, spectrum, training
from hfc_keras.training import precision
from hfc_keras.types import Floats, Integers


def images_and_labels(cell: Cell) -> tuple[Floats, Integers]:
    """Random images and labels of a cell, the same for both packages.

    Args:
        cell: Cell.
    """
    rng = np.random.default_rng(0)
    images = rng.random((cell.batch, cell.side, cell.side, 3), "float32")
    return images, rng.integers(0, 10, cell.batch).astype("int32")


def network(cell: Cell, policy: str) -> keras.Model:
    """Network of a cell, untrained.

    Args:
        cell: Cell.
        policy: str, dtype policy of its layers.
    """
    with precision.policy(policy):
        return models.build(cell.network, (cell.side, cell.side, 3), 10, width=cell.width)


def forward(cell: Cell) -> int:
    """Operations of a forward pass of one image.

    Args:
        cell: Cell.
    """
    return _forward(cell.network, cell.side, cell.width)


@functools.cache
def _forward(name: str, side: int, width: float) -> int:
    return forward_operations(models.build(name, (side, side, 3), 10, width=width))


def work(cell: Cell, policy: str) -> Callable[[], object]:
    """One call of a cell.

    Args:
        cell: Cell.
        policy: str, ``"mixed_bfloat16"`` or ``"float32"``.

    Returns:
        function of no argument, which returns when the card is done.
    """
    images, labels = images_and_labels(cell)
    if cell.task == "filter":
        return _filter(images)
    model = network(cell, policy)
    if cell.task in ("training", "pgd"):
        return _step(cell, model, policy, images, labels)
    if cell.task == "standard":
        # An untrained network is right by accident; an evaluation needs images that are right.
        labels = gradients.predicted(model, images, cell.batch).argmax(axis=1)
    measures: dict[str, Callable[[], object]] = {
        "standard": lambda: analysis.robust_accuracy(
            model,
            images,
            labels,
            attacks.standard(EPSILON, queries=cell.queries),
            batch_size=cell.batch,
        ),
        "heat_map": lambda: analysis.fourier_heat_map(
            model, images, labels, max_frequency=cell.waves, step=1, batch_size=cell.batch
        ),
        "sensitivity": lambda: analysis.fourier_sensitivity(
            model, images, labels, batch_size=cell.batch
        ),
    }
    return measures[cell.task]


def _filter(images: Floats) -> Callable[[], object]:
    tensor: Any = ops.convert_to_tensor(images)
    split = compiled(lambda each: spectrum.split(each, each.shape[1] / 4))  # pyright: ignore[reportArgumentType]: a pair of tensors
    return lambda: [wait(part) for part in split(tensor)]


def _step(
    cell: Cell, model: keras.Model, policy: str, images: Floats, labels: Integers
) -> Callable[[], object]:
    trained = model
    with precision.policy(policy):
        if cell.task == "pgd":
            # As by hand, from the images themselves.
            attack = attacks.Pgd(EPSILON, steps=PGD_STEPS, random_start=False)
            trained = training.AdversarialTraining(model, attack, seed=0)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        trained.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)
    batch = ops.convert_to_tensor(images), ops.convert_to_tensor(labels)
    return functools.partial(trained.train_on_batch, *batch)
