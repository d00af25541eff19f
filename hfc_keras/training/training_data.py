"""What a recipe trains on: data, labels, filters, batches."""

from typing import cast

import keras

from hfc_keras import data, gradients, layers
from hfc_keras.data import draws
from hfc_keras.layers.mix_up import MixUp
from hfc_keras.training import augmentation
from hfc_keras.training.recipe import Recipe
from hfc_keras.training.recipe_fields import SINGLE
from hfc_keras.types import Component, Floats, PathLike, TransformAxes

# Dtype of the images a network gets: a dtype policy is the network's and rounds nothing before.
PIXELS = "float32"


def load_data(recipe: Recipe, data_dir: PathLike | None = None) -> data.Dataset:
    """Data set of a recipe, before labels are shuffled or images filtered.

    Args:
        recipe: training.Recipe.
        data_dir: str, Path or None, see ``data.load``.

    Returns:
        data.Dataset.

    Example:
        >>> from hfc_keras.training import Recipe
        >>> len(load_data(Recipe(dataset="digits")).test)
        360
    """
    return data.load(
        recipe.dataset,
        data_dir=data_dir,
        examples=recipe.examples,
        image_size=recipe.image_size,
    )


def training_split(recipe: Recipe, dataset: data.Dataset) -> data.Split:
    """Training images with the labels that a recipe trains on.

    Args:
        recipe: training.Recipe.
        dataset: data.Dataset.

    Returns:
        data.Split, before images are filtered or augmented; with shuffled labels if the recipe
        shuffles them, the same ones each time for a seed.

    Example:
        >>> from hfc_keras.training import Recipe
        >>> recipe = Recipe(dataset="digits", labels="shuffled")
        >>> digits = load_data(recipe)
        >>> bool((training_split(recipe, digits).labels == digits.train.labels).mean() < 0.2)
        True
    """
    train = dataset.train
    if recipe.labels == "true":
        return train
    return data.Split(train.pixels, draws.shuffled_labels(train.labels, recipe.seed))


def training_batches(recipe: Recipe, dataset: data.Dataset) -> data.TrainingBatches:
    """Batches of a recipe: filtered, augmented, mixed, with true or shuffled labels.

    Args:
        recipe: training.Recipe.
        dataset: data.Dataset.

    Returns:
        data.TrainingBatches.

    Example:
        >>> from hfc_keras.training import Recipe
        >>> recipe = Recipe(dataset="digits", batch_size=500)
        >>> len(training_batches(recipe, load_data(recipe)))
        3
    """
    split = training_split(recipe, dataset)
    return data.TrainingBatches(
        split,
        recipe.batch_size,
        dataset.classes,
        seed=recipe.seed,
        image_layers=[*_filters(recipe), *_augmentation(recipe, split)],
        pair_layers=_pairs(recipe),
        alternating_flip=recipe.flip == "alternating",
    )


def filtered_images(recipe: Recipe, split: data.Split) -> Floats:
    """Images as the network of a recipe sees them, filtered and rescaled, not augmented.

    Args:
        recipe: training.Recipe.
        split: data.Split.

    Returns:
        float32 array ``(examples, height, width, channels)``.

    Example:
        >>> import numpy as np
        >>> from hfc_keras.training import Recipe
        >>> recipe = Recipe(dataset="digits", component="low", radius=0)
        >>> images = filtered_images(recipe, load_data(recipe).test)
        >>> bool(np.ptp(images[0]) < 1e-5)
        True
    """
    filters = _filters(recipe)
    if not filters:
        return split.images
    filtered = keras.Sequential([keras.Input(split.pixels.shape[1:]), *filters])
    return gradients.predicted(filtered, split.images)


def _filters(recipe: Recipe) -> list[keras.Layer]:
    """Layers that make the images a recipe trains on from those of the data set."""
    chosen = []
    if recipe.component != "original":
        chosen.append(
            layers.RadialFilter(
                cast(float, recipe.radius),
                cast(Component, recipe.component),
                recipe.inclusive,
                recipe.outside_gain,
                dtype=PIXELS,
            )
        )
    if recipe.rescale:
        chosen.append(layers.RescaleToMax(dtype=PIXELS))
    return chosen


def _augmentation(recipe: Recipe, split: data.Split) -> list[keras.Layer]:
    """Layers that change each image by itself; APR-S comes first, as in its released code."""
    chosen = []
    if recipe.recombination in SINGLE:
        probability = recipe.single_probability
        axes = cast(TransformAxes, recipe.recombination_axes)
        chosen.append(layers.AmplitudePhaseSingle(probability, axes=axes, seed=0, dtype=PIXELS))
    if recipe.augmentation == "crop_flip":
        padding, flip = recipe.crop_padding, recipe.flip == "random"
        chosen.append(layers.RandomCropFlip(padding, flip, seed=0, dtype=PIXELS))
    if not isinstance(recipe.augmentation, str):
        chosen += augmentation.built(recipe.augmentation, split.pixels)
    if recipe.noise:
        chosen.append(layers.PixelNoise(recipe.noise, seed=0, dtype=PIXELS))
    return chosen


def _pairs(recipe: Recipe) -> list[keras.Layer]:
    """Layers that mix the images of a batch; both copies share the labels of a mix-up."""
    chosen = []
    if recipe.mix_up:
        mix_up = MixUp if recipe.mix_up_weight == "image" else layers.BatchMixUp
        chosen.append(mix_up(recipe.mix_up, seed=0, dtype=PIXELS))
    options = {
        "probability": recipe.recombination_probability,
        "axes": recipe.recombination_axes,
        "seed": 0,
        "dtype": PIXELS,
    }
    if recipe.recombination in ("apr_p", "apr_sp"):
        chosen.append(layers.BothCopies(layers.AmplitudePhaseMix(**options), dtype=PIXELS))
    if recipe.recombination in ("hybrid", "hybrid_plus"):
        plus = recipe.recombination == "hybrid_plus"
        chosen.append(
            layers.BothCopies(layers.HybridAugment(recombine=plus, **options), dtype=PIXELS)
        )
    return chosen
