"""The images that a network has been trained on, drawn once more: the population of its statistics.

Batch normalization tested with population statistics needs mean and variance of what the layers saw
in training. Of a recipe that augments its images those are augmented images, not the plain ones.
"""

import warnings
from typing import Any, cast

import keras
import numpy as np

from hfc_keras import attacks, checks, data
from hfc_keras.attacks.kinds import Attack
from hfc_keras.data import pipeline
from hfc_keras.training.recipe import Recipe
from hfc_keras.training.training_data import filtered_images, training_batches
from hfc_keras.types import Floats

# Drawn images of which a mean over their pixels is known well enough, and attacked ones.
MOST, MOST_ATTACKED = 10_000, 2_000


def is_augmented(recipe: Recipe, dataset: data.Dataset) -> bool:
    """Whether a recipe trains on other images each epoch: augmented, noisy, mixed, attacked.

    Args:
        recipe: training.Recipe.
        dataset: data.Dataset.

    Returns:
        bool; filters and rescaling alone are the same each epoch.

    Example:
        >>> from hfc_keras import data
        >>> from hfc_keras.training import Recipe
        >>> digits = data.load("digits")
        >>> is_augmented(Recipe(noise=0.1), digits), is_augmented(Recipe(rescale=True), digits)
        (True, False)
    """
    return bool(recipe.adversary or _is_changed(recipe, training_batches(recipe, dataset)))


def population_images(
    recipe: Recipe, dataset: data.Dataset, model: keras.Model | None = None
) -> Floats:
    """Images as the network of a recipe saw them in training, for population statistics.

    Of a recipe that changes its images at random, those of the epoch after its last one: filtered,
    augmented, with noise, mixed, both copies of a batch where it trains on both. They are in the
    random order of that epoch and the first 10,000 of them. With an adversary these, 2,000 of them,
    are attacked as in training, but with the weights that the network ends in. Of any other recipe
    all training images, filtered and rescaled as they were.

    Args:
        recipe: training.Recipe.
        dataset: data.Dataset, see ``training.load_data``.
        model: keras.Model of the recipe, trained; needed for a recipe with an adversary.

    Returns:
        float32 array ``(examples, height, width, channels)``.

    Raises:
        ValueError: without the model of a recipe with an adversary.

    Example:
        >>> from hfc_keras import data
        >>> from hfc_keras.training import Recipe
        >>> digits = data.load("digits", examples=(300, 10))
        >>> population_images(Recipe(noise=0.1), digits).shape
        (300, 8, 8, 1)
        >>> population_images(Recipe(recombination="apr_p"), digits).shape
        (600, 8, 8, 1)
    """
    checks.require(
        not recipe.adversary or isinstance(model, keras.Model),
        "`model` must be the network of a recipe with an adversary",
        model=model,
    )
    batches = training_batches(recipe, dataset)
    if recipe.adversary:
        return _attacked(model, recipe, *_drawn(batches, recipe.epochs, MOST_ATTACKED))
    if not _is_changed(recipe, batches):
        return filtered_images(recipe, dataset.train)
    return _drawn(batches, recipe.epochs, MOST)[0]


def _is_changed(recipe: Recipe, batches: data.TrainingBatches) -> bool:
    """Whether a layer draws random numbers, or is of the user's own and may do anything."""
    if not isinstance(recipe.augmentation, str):
        return True
    chosen = [*batches.image_layers, *batches.pair_layers]
    return any(pipeline.seed_states(layer) for layer in chosen)


def _drawn(batches: data.TrainingBatches, epoch: int, most: int) -> tuple[Floats, Any]:
    """First images of an epoch and their labels, one-hot or mixed, as they go to the network."""
    batches.epoch, images, labels, count = epoch, [], [], 0
    drawn = batches.dataset()
    if isinstance(drawn, keras.utils.PyDataset):
        drawn = map(drawn.__getitem__, range(len(batches)))
    for batch in drawn:
        for kept, part in zip((images, labels), batch, strict=True):
            kept.append(keras.ops.convert_to_numpy(part))
        count += len(images[-1])
        if count >= most:
            break
    first, answers = (np.concatenate(kept)[:most] for kept in (images, labels))
    return first, answers


def _attacked(model: keras.Model, recipe: Recipe, images: Floats, labels: Any) -> Floats:
    """Images attacked with the classes that they have most of."""
    with warnings.catch_warnings():
        # An image whose gradient is zero goes into training as it is.
        warnings.filterwarnings("ignore", "The gradient of .* of the images")
        adversary = cast(Attack, recipe.adversary)
        return attacks.run(model, images, labels.argmax(axis=1), adversary).images
