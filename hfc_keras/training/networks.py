"""The network of a recipe, and what of it is trained."""

from collections.abc import Sequence

import keras

from hfc_keras import models
from hfc_keras.models import catalogue
from hfc_keras.training import precision, recipe_fields
from hfc_keras.training.adversarial import AdversarialTraining
from hfc_keras.training.fourier import FourierRegularized
from hfc_keras.training.recipe import Recipe


def build_model(
    recipe: Recipe, image_shape: Sequence[int], classes: int, policy: str = precision.FULL
) -> keras.Model:
    """Untrained network of a recipe.

    Args:
        recipe: training.Recipe.
        image_shape: (height, width, channels).
        classes: int.
        policy: str, dtype policy of its layers, one of ``precision.CHOICES``. In half precision
            too its weights, moving averages and logits are float32.

    Returns:
        keras.Model that returns logits.

    Example:
        >>> build_model(Recipe(model="small_cnn"), (8, 8, 1), 10).output_shape
        (None, 10)
    """
    taken = catalogue.options(recipe.model)
    fields = {name: getattr(recipe, name) for name in recipe_fields.OF_MODEL}
    fields = {name: value for name, value in fields.items() if taken is None or name in taken}
    with precision.policy(policy):
        return models.build(
            recipe.model, image_shape, classes, seed=recipe.seed, **fields, **recipe.options
        )


def trained_model(recipe: Recipe, model: keras.Model) -> keras.Model:
    """What a recipe fits: the network itself, or a training of its own round it.

    Args:
        recipe: training.Recipe.
        model: keras.Model of ``build_model``.

    Returns:
        keras.Model, not compiled. With label smoothing it is never ``model`` itself, which
        keeps the plain loss.

    Example:
        >>> network = build_model(Recipe(model="small_cnn"), (8, 8, 1), 10)
        >>> trained_model(Recipe(model="small_cnn"), network) is network
        True
    """
    if recipe.adversary:
        return AdversarialTraining(model, recipe.adversary, seed=recipe.seed)
    if recipe.regularizer:
        return FourierRegularized(model, recipe.regularizer, recipe.regularizer_weight)
    if recipe.label_smoothing:
        return keras.Model(model.inputs, model.outputs, name=model.name)
    return model
