"""Every experiment on digits: one recipe with the network of its profile, or all recipes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hfc_keras import data
from hfc_keras.lab import discovery, profiles

ROOT = Path(__file__).parents[1]
NAMES = discovery.experiments("experiments")
SIDES = {"x": "pixels", "y": "labels"}
WITH_SMALL_CNN = """
import importlib
from hfc_keras.lab import profiles
profiles.PROFILES["smoke"].update(model="small_cnn", epochs=1)
importlib.import_module("experiments.all").main()
"""
# Recipes, of experiments whose networks are not told by a setting or too many for one test.
LARGE = {
    "anti_aliasing": ("vanilla", "critical"),
    "contextual_convolution": ("coresnet",),
    "anchored_convolution": ("mix_regulator",),
    "compare_all": ("vanilla", "critical"),
}
# Of ten trainings in all; two of them share theirs.
FEW = ("batch_size", "label_shuffle", "misaligned_predictions", "training_heuristics")
# Their networks take longest to build; tests of their own cover them.
SLOW = ("anchored_convolution", "anti_aliasing", "contextual_convolution")
ALL = tuple(name for name in NAMES if name not in LARGE)


@pytest.fixture(scope="module")
def few_digits(tmp_path_factory):
    """Some of the digits, enough for every recipe, in a file of that name."""
    path = tmp_path_factory.mktemp("few") / "digits.npz"
    few = data.load("digits", examples=(200, 100))
    arrays = {f"{side}_train": getattr(few.train, name) for side, name in SIDES.items()}
    arrays |= {f"{side}_test": getattr(few.test, name) for side, name in SIDES.items()}
    np.savez(path, **arrays)
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize("names", [FEW, ALL], ids=["few", "all"])
def test_experiments_run_on_digits(names, tmp_path, few_digits):
    """All recipes of those that have a setting for it, with the smallest network."""
    told = ["--experiments", *names, "--jobs", "2", "--dataset", few_digits]
    paths = ["--results", str(tmp_path), "--store", str(tmp_path / "store")]
    done = subprocess.run(
        [sys.executable, "-c", WITH_SMALL_CNN, *told, *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name in names:
        path = tmp_path / "smoke" / "digits" / name
        record = json.loads(path.with_suffix(".json").read_text())
        lines = re.findall(rf"^\[\d+/\d+\] {name} (.* seed 0), \d+ s", done.stdout, re.MULTILINE)
        assert lines and sorted(lines) == sorted(record["cells"])
        assert path.with_suffix(".csv").exists() and list(path.parent.glob(f"{name}*.png"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store in which experiments find what another one has trained."""
    return str(tmp_path_factory.mktemp("shared") / "store")


# With this network kernel_smoothing runs in its own tests.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name in sorted({*NAMES} - {"kernel_smoothing"})
    ],
)
def test_every_experiment_measures_the_network_of_its_profile(
    name, tmp_path, few_digits, store, monkeypatch
):
    """One recipe or two of each, if possible one that most of them have."""
    monkeypatch.setitem(profiles.PROFILES["smoke"], "epochs", 1)
    experiment = discovery.load(f"experiments.{name}")
    told = experiment.settings(dataset=few_digits)
    recipes = experiment.recipes(told)
    names = [each for each, recipe in recipes.items() if recipe == told.base_recipe()]
    chosen = names[:1] if names and name != "component_training" else [list(recipes)[-1]]
    chosen = LARGE.get(name, chosen)
    paths = ["--results", str(tmp_path), "--store", store]
    experiment.main(["--dataset", few_digits, "--recipes", *chosen, *paths])
    path = tmp_path / "smoke" / "digits" / name
    cells = json.loads(path.with_suffix(".json").read_text())["cells"]
    assert list(cells) == [f"{each} seed 0" for each in chosen]
    assert name in LARGE or recipes[chosen[0]].model == "resnet8"
    assert path.with_suffix(".csv").exists() and list(path.parent.glob(f"{name}*.png"))
