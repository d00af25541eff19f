"""How long trainings take, before they start: from trainings that are kept, or a short trial."""

import functools
import json
import statistics
import time
from pathlib import Path

import keras
import numpy as np

from hfc_keras import training
from hfc_keras.lab import console
from hfc_keras.training import precision, recipe_fields
from hfc_keras.types import ImageShape

# Seconds that a trial of a network takes at most, without its compilation.
TRIAL = 2.0
# Work of a step in units of a plain one, as arithmetic and measurement agree: a step of an attack
# has no gradient of the weights, and a penalty on the input gradient differentiates twice.
ATTACK_STEP, REGULARIZED = 2 / 3, 2.1


class Costs:
    r"""Seconds of trainings, estimated.

    .. math:: t = \text{passes} \cdot \text{images} \cdot \text{operations} / \text{rate}

    The rate is that of finished trainings in the store of networks alike, the more alike the
    better, or of a trial of a few seconds.

    Args:
        store: training.Store.
        data_dir: Path or None, see ``data.load``.
    """

    def __init__(self, store: training.Store, data_dir: Path | None = None) -> None:
        self.store, self.data_dir = store, data_dir
        self.tried = {}

    def left(self, recipe: training.Recipe) -> float:
        """Seconds until a training is finished, none for one that is; epochs that are kept count.

        Args:
            recipe: training.Recipe.

        Returns:
            float.
        """
        done = max(self.store.epochs(recipe), default=0)
        return self.whole(recipe) * (1 - done / recipe.epochs) if done < recipe.epochs else 0.0

    def whole(self, recipe: training.Recipe) -> float:
        """Seconds of a whole training.

        Args:
            recipe: training.Recipe.

        Returns:
            float.
        """
        twins = [
            seconds for other, seconds in self.finished if other.but(seed=recipe.seed) == recipe
        ]
        return statistics.median(twins) if twins else self.work(recipe) / self.rate(recipe)

    def work(self, recipe: training.Recipe) -> float:
        """Multiplications that a training takes forward, in units of a plain step.

        Args:
            recipe: training.Recipe.

        Returns:
            float.
        """
        dataset = training.load_data(recipe, self.data_dir)
        network = _network(recipe)
        built = _operations(*network, dataset.image_shape, dataset.classes)
        return recipe.epochs * passes(recipe) * len(dataset.train) * built

    def rate(self, recipe: training.Recipe) -> float:
        """Multiplications per second of a network.

        Args:
            recipe: training.Recipe.

        Returns:
            float.
        """
        for alike in (_network, _size):
            rates = [
                self.work(other) / seconds
                for other, seconds in self.finished
                if seconds and alike(other) == alike(recipe)
            ]
            if rates:
                return statistics.median(rates)
        kind = _size(recipe)
        if kind not in self.tried:
            words = " ".join(str(each) for each in (recipe.model, *kind))
            console.say(f"timing a few steps of {words}", error=True)
            dataset = training.load_data(recipe, self.data_dir)
            images = trial(recipe, dataset.image_shape, dataset.classes)
            network = _network(recipe)
            operations = _operations(*network, dataset.image_shape, dataset.classes)
            self.tried[kind] = images * operations
        return self.tried[kind]

    @functools.cached_property
    def finished(self) -> list[tuple[training.Recipe, float]]:
        """Finished trainings in the store: pairs of recipe and seconds."""
        found = []
        for path in sorted(self.store.root.glob("*/recipe.json")):
            try:
                recipe = training.Recipe(**json.loads(path.read_text(encoding="utf-8")))
            except (ValueError, TypeError, OSError):
                # Another version's; it is no training of this one.
                continue
            seconds = self.store.seconds(recipe)
            if seconds and recipe.epochs in self.store.epochs(recipe):
                found.append((recipe, seconds))
        return found


def passes(recipe: training.Recipe) -> float:
    """Plain steps that a step of a recipe is worth.

    Args:
        recipe: training.Recipe.

    Returns:
        float, at least 1.

    Example:
        >>> passes(training.Recipe())
        1.0
    """
    attack = ATTACK_STEP * getattr(recipe.adversary, "steps", 1) if recipe.adversary else 0.0
    copies = 2.0 if recipe.recombination in recipe_fields.PAIRED else 1.0
    return (REGULARIZED if recipe.regularizer else 1.0 + attack) * copies


def operations(model: keras.Model) -> int:
    """Multiplications of a network for one image, of its kernels alone.

    Args:
        model: keras.Model, functional.

    Returns:
        int.

    Example:
        >>> layers = keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, use_bias=False)
        >>> operations(keras.Sequential(layers))
        648
    """
    total = 0
    for layer in model.layers:
        kernels = sum(int(np.prod(weight.shape)) for weight in layer.weights if weight.ndim > 1)
        for node in layer._inbound_nodes if kernels else ():
            total += kernels * int(np.prod(node.outputs[0].shape[1:-1], dtype=int))
    return total


def trial(recipe: training.Recipe, image_shape: ImageShape, classes: int) -> float:
    """Images per second in plain steps of training a recipe's network.

    Args:
        recipe: training.Recipe.
        image_shape: (height, width, channels).
        classes: int.

    Returns:
        float.
    """
    kind = precision.usable(recipe.precision)
    model = training.build_model(recipe, image_shape, classes, kind)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss=loss)
    rng = np.random.default_rng(0)
    images = rng.random((recipe.batch_size, *image_shape), "float32")
    labels = np.eye(classes, dtype="float32")[rng.integers(0, classes, recipe.batch_size)]
    model.train_on_batch(images, labels)
    start, steps = time.perf_counter(), 0
    while not steps or time.perf_counter() - start < TRIAL:
        model.train_on_batch(images, labels)
        steps += 1
    return steps * recipe.batch_size / (time.perf_counter() - start)


def _network(recipe: training.Recipe) -> tuple[str, str, float, str, str]:
    """What decides the operations of a recipe's network and how fast they are."""
    options = json.dumps(recipe.options, sort_keys=True)
    return recipe.model, options, *_size(recipe)


def _size(recipe: training.Recipe) -> tuple[float, str, str]:
    """What decides how fast operations are, more or less."""
    return recipe.width, recipe.normalization, precision.usable(recipe.precision)


@functools.cache
def _operations(
    name: str,
    options: str,
    width: float,
    normalization: str,
    _: str,
    image_shape: ImageShape,
    classes: int,
) -> int:
    recipe = training.Recipe(
        model=name, width=width, options=json.loads(options), normalization=normalization
    )
    return operations(training.build_model(recipe, tuple(image_shape), classes))
