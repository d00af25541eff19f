"""A sweep over two recipes, one training of three epochs, to be disturbed and compared."""

import dataclasses
from pathlib import Path

import numpy as np

from own import tiny

RECIPES = ("dropout", "again")


def recipes(settings):
    """Return two names of one training, which draws random numbers in every step."""
    dropout = settings.base_recipe().but(
        model="small_cnn", width=0.25, dropout=0.5, examples=(60, 20), batch_size=20, epochs=3
    )
    return dict.fromkeys(RECIPES, dropout)


EXPERIMENT = dataclasses.replace(tiny.EXPERIMENT, recipes=recipes)


def run(folder, *arguments, experiment=EXPERIMENT):
    """Train and measure in a folder, as the command would."""
    paths = ["--results", str(folder), "--store", str(Path(folder) / "store")]
    experiment.main([*paths, *map(str, arguments)])


def table(folder):
    """Path of the table of a sweep."""
    return Path(folder) / "smoke" / "digits" / "tiny.csv"


def state(folder):
    """Everything that a sweep leaves and that does not depend on time: table, weights, states."""
    found = {"table": table(folder).read_bytes()}
    for path in sorted((Path(folder) / "store").rglob("*.npz")):
        with np.load(path) as arrays:
            name = f"{path.parent.name}/{path.name}"
            found[name] = {key: arrays[key].tobytes() for key in arrays.files}
    return found


def strays(folder):
    """Names of files that were being written when a process was killed."""
    return [path.name for path in Path(folder).rglob(".*.tmp*")]
