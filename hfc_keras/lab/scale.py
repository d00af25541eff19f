"""At what scale the rows of a table were measured, in words for its figures."""

from collections.abc import Iterable

import pandas as pd

from hfc_keras import training
from hfc_keras.lab.plan import Plan


def in_words(table: pd.DataFrame, plan: Plan) -> str:
    """Profile, network, data, length and seeds of the trainings in a table.

    Args:
        table: DataFrame with the columns recipe and seed.
        plan: Plan.

    Returns:
        str such as ``profile quick: resnet8, cifar10, 10,000 training images, 12 epochs, seeds 0 1
        2``; the network is left out where there are several, and all is empty where others
        trained them.
    """
    names = table["recipe"].unique().tolist()
    found = [plan.recipes.get(name) for name in names]
    recipes = [recipe for recipe in found if isinstance(recipe, training.Recipe)]
    if not recipes or len(recipes) < len(names):
        return ""
    models = {recipe.model for recipe in recipes}
    seeds = " ".join(str(seed) for seed in sorted(table["seed"].unique()))
    epochs = _range(recipe.epochs for recipe in recipes)
    parts = [
        *(models if len(models) == 1 else ()),
        plan.settings.folder.name,
        f"{_range(_images(recipe, plan) for recipe in recipes)} training images",
        f"{epochs} epoch{'s' if epochs != '1' else ''}",
        f"seed{'s' if ' ' in seeds else ''} {seeds}",
    ]
    return f"profile {plan.settings.profile}: {', '.join(parts)}"


def _images(recipe: training.Recipe, plan: Plan) -> int:
    return len(training.load_data(recipe, plan.settings.data_dir).train)


def _range(numbers: Iterable[int]) -> str:
    found = sorted(set(numbers))
    return f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"
