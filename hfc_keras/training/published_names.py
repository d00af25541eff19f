"""Trained networks of this project by what they are: names instead of hashes."""

import collections
from pathlib import Path
from typing import Any

import pandas as pd

from hfc_keras import records
from hfc_keras.training.recipe import Recipe
from hfc_keras.types import PathLike, Record

REMEDY = "bring it back, or publish the model again"
# How a network was trained is told where two of them would have one name, by their hashes.
SCHEDULE = (
    "learning_rate schedule batch_size optimizer warmup milestones step_factor momentum nesterov "
    "weight_decay bn_momentum precision mix_up_weight crop_padding regularizer_weight"
).split()
APART = (*SCHEDULE, "dataset", "model", "normalization", "examples", "epochs", "seed")
COLUMNS = ["name", "dataset", "network", "normalization", "differences", "seed", "accuracy", "path"]


def published_networks(folder: PathLike = "results/models") -> pd.DataFrame:
    """List trained networks by what they are.

    A name is the data set, the network, ``bn`` for batch normalization, what the recipe changes in
    images, labels, loss or network, the images and epochs of training, and the seed. It depends
    on the recipe alone: another network in the folder changes no name, but for two of one name,
    which get the start of their hashes.

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
    rows = [
        _row(path, records.read(path, REMEDY))
        for path in sorted(Path(folder).glob("*.json"))
        if path.with_suffix(".keras").is_file()
    ]
    counts = collections.Counter(row["name"] for row in rows)
    for row in rows:
        if counts[row["name"]] > 1:
            row["name"] += f"-{Path(row['path']).stem[:8]}"
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("name", ignore_index=True)


def _differences(recipe: Recipe, adversary: Record | None) -> list[str]:
    """What a recipe changes in images, labels, loss or network, one word for each."""
    given = recipe.to_dict() | ({"adversary": adversary} if adversary else {})
    return [f"{name}={_word(given[name])}" for name in sorted(given) if name not in APART]


def _row(path: Path, record: Record) -> Record:
    # The engine of an attack may not be installed here; its name needs none.
    recipe = Recipe(**{**record["recipe"], "adversary": None})
    words = _differences(recipe, record["recipe"].get("adversary"))
    trained = [f"examples={_word(recipe.examples)}", f"epochs={recipe.epochs}"]
    batch = ["bn"] if recipe.normalization == "batch" else []
    dataset = Path(recipe.dataset).name
    parts = [dataset, recipe.model, *batch, *words, *trained, f"seed={recipe.seed}"]
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
    if isinstance(value, (list, tuple)):
        return "x".join(map(_word, value))
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "all" if value is None else str(value)
