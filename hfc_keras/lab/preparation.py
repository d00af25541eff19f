"""Makes the plan of an experiment, and refuses what cannot work before anything is trained."""

import functools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hfc_keras import checks, files, training
from hfc_keras.lab.runner import Plan
from hfc_keras.types import ImageShape

if TYPE_CHECKING:
    from hfc_keras.lab.experiment import Experiment


def make_plan(experiment: "Experiment", settings: Any) -> Plan:
    """Refuse what cannot work before anything is trained.

    Args:
        experiment: experiment.Experiment.
        settings: its settings.

    Returns:
        Plan.

    Raises:
        ValueError: for settings or data that cannot be used.
    """
    settings.check()
    if experiment.recipes is None:
        checks.require(False, "An experiment must have `recipes` or a `plan`", recipes=None)
    recipes = _checked_recipes(experiment.title, experiment.recipes(settings))
    for name in settings.recipes or ():
        checks.choice("recipes", name, recipes)
    store = training.Store(settings.store, published=settings.results / "models")
    if not settings.plan:
        files.writable_folder(settings.folder, "results")
        files.writable_folder(settings.store, "store")
        store.sweep()
    plan = Plan(recipes, settings, store)
    dataset = plan.cells()[0].dataset()
    for cell in plan.cells():
        store.check_data(cell.recipe, dataset)
        if cell.recipe.seed == settings.seed_list[0]:
            recipe = cell.recipe
            options = json.dumps(recipe.options, sort_keys=True)
            network = recipe.model, recipe.width, options, recipe.normalization, recipe.dropout
            _check_network(*network, dataset.image_shape, dataset.classes)
    return plan


def _checked_recipes(title: str, recipes: Any) -> dict[str, training.Recipe]:
    """Return what the function ``recipes`` of an experiment returned, if it can be trained."""
    expected = f"`recipes` of {title} must return a dict from names to Recipes, at least one"
    checks.require(isinstance(recipes, Mapping), expected, returned=type(recipes).__name__)
    checks.require(recipes, expected, returned=recipes)
    for name, recipe in recipes.items():
        named = isinstance(name, str) and isinstance(recipe, training.Recipe)
        checks.require(named, expected, recipe=name, returned=type(recipe).__name__)
    return dict(recipes)


@functools.cache
def _check_network(
    model: str,
    width: float,
    options: str,
    normalization: str,
    dropout: float,
    image_shape: ImageShape,
    classes: int,
) -> None:
    """Refuse a network that cannot be built, which is found out once for all experiments."""
    recipe = training.Recipe(
        model=model,
        width=width,
        options=json.loads(options),
        normalization=normalization,
        dropout=dropout,
    )
    training.build_model(recipe, image_shape, classes)
