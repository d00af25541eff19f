"""Trained networks of this project by what they are: names instead of hashes."""

import collections
import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from hfc_keras import records
from hfc_keras.training.recipe import Recipe
from hfc_keras.types import PathLike, Record

REMEDY = "bring it back, or publish the model again"
# What a network is, in every name; what tells it from others like it, in their order; and what
# does so only where nothing else does.
BASE = ("dataset", "model", "normalization")
SCHEDULE = (
    "examples epochs learning_rate schedule batch_size optimizer warmup milestones step_factor "
    "momentum nesterov weight_decay bn_momentum precision mix_up_weight crop_padding"
).split()
COLUMNS = ["name", "dataset", "network", "normalization", "differences", "seed", "accuracy", "path"]


def published_networks(folder: PathLike = "results/models") -> pd.DataFrame:
    """List trained networks by what they are.

    A name is the data set, the network, ``bn`` for batch normalization, every field of the recipe
    in which it differs from most others like it, and the seed. How long it was trained is named
    only where that alone tells it from another one.

    Args:
        folder: str or Path with a ``.json`` beside each ``.keras`` file, see
            ``training.Store.publish``.

    Returns:
        DataFrame with the columns name, dataset, network, normalization, differences, seed,
        accuracy (on the test images after the last epoch) and path; sorted by name, no name
        twice. Empty where there is no such folder.

    Raises:
        UnusableFileError: if a record is damaged.

    Example:
        >>> published_networks("no/such/folder").columns.tolist()[:3]
        ['name', 'dataset', 'network']
    """
    found = [
        (path, records.read(path, REMEDY))
        for path in sorted(Path(folder).glob("*.json"))
        if path.with_suffix(".keras").is_file()
    ]
    recipes = [Recipe(**record["recipe"]) for _, record in found]
    rows = [
        _row(path, record, recipe, difference)
        for (path, record), recipe, difference in zip(
            found, recipes, _differences([_plain(recipe) for recipe in recipes]), strict=True
        )
    ]
    table = pd.DataFrame(rows, columns=COLUMNS).sort_values("name", ignore_index=True)
    return table


def _plain(recipe: Recipe) -> Record:
    """Fields of a recipe as text, so that they can be compared and counted."""
    fields = {field.name: getattr(Recipe(), field.name) for field in dataclasses.fields(Recipe)}
    given = {**fields, **recipe.to_dict()}
    return {name: json.dumps(value, sort_keys=True) for name, value in given.items()}


def _differences(recipes: list[Record]) -> list[dict[str, str]]:
    """Fields in which each recipe differs from most others of its data and network."""
    groups = collections.defaultdict(list)
    for recipe in recipes:
        groups[tuple(recipe[field] for field in BASE)].append(recipe)
    usual = {
        key: {field: _most(each[field] for each in group) for field in group[0]}
        for key, group in groups.items()
    }
    told: list[dict[str, str]] = []
    for recipe in recipes:
        own = usual[tuple(recipe[field] for field in BASE)]
        told.append(
            {
                field: value
                for field, value in recipe.items()
                if field not in (*BASE, *SCHEDULE, "seed") and value != own[field]
            }
        )
    for field in SCHEDULE:
        _tell_apart(recipes, told, usual, field)
    return told


def _tell_apart(
    recipes: list[Record], told: list[dict[str, str]], usual: dict[Any, Record], field: str
) -> None:
    """Add a field to those that are still alike in all that was told, and differ in it."""
    alike = collections.defaultdict(list)
    for index, (recipe, own) in enumerate(zip(recipes, told, strict=True)):
        key = (*(recipe[each] for each in (*BASE, "seed")), json.dumps(own, sort_keys=True))
        alike[key].append(index)
    for indices in alike.values():
        values = {recipes[index][field] for index in indices}
        for index in indices if len(values) > 1 else ():
            recipe = recipes[index]
            if recipe[field] != usual[tuple(recipe[each] for each in BASE)][field]:
                told[index][field] = recipe[field]


def _most(values: Iterable[str]) -> str:
    return collections.Counter(values).most_common(1)[0][0]


def _row(path: Path, record: Record, recipe: Recipe, difference: dict[str, str]) -> Record:
    words = [f"{field}={_word(json.loads(value))}" for field, value in sorted(difference.items())]
    batch = recipe.normalization == "batch"
    dataset = Path(recipe.dataset).name
    parts = [dataset, recipe.model, *(["bn"] if batch else []), *words, f"seed{recipe.seed}"]
    accuracy = record.get("history", {}).get("val_accuracy") or [float("nan")]
    return {
        "name": "-".join(parts),
        "dataset": recipe.dataset,
        "network": recipe.model,
        "normalization": recipe.normalization,
        "differences": ", ".join(words),
        "seed": recipe.seed,
        "accuracy": float(accuracy[-1]),
        "path": str(path.with_suffix(".keras")),
    }


def _word(value: Any) -> str:
    """A value as part of a name, which a shell takes as it stands."""
    if isinstance(value, dict):
        head = [str(value["attack"])] if "attack" in value else []
        kept = ("epsilon",) if head else tuple(value)
        rest = [f"{name}:{_word(value[name])}" for name in kept if name in value]
        return ",".join([*head, *rest])
    if isinstance(value, list):
        return "x".join(map(_word, value))
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "all" if value is None else str(value)
