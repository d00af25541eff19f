"""Experiments of one's own: the one that CONTRIBUTING shows, and one beside the package alone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
SMALL = ["--examples", "100", "50", "--epochs", "1", "--model", "small_cnn"]
RUN = """
import sys
from experiments import claims, weight_decay
weight_decay.EXPERIMENT.main(sys.argv[1:])
claims.main(["--available", "--profile", "smoke", "--results", "results"])
"""
OWN = '''
"""Accuracy with and without dropout."""

import dataclasses

import pandas as pd

from hfc_keras import analysis, reporting
from hfc_keras.lab import tested_networks
from hfc_keras.lab.experiment import Experiment


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(tested_networks.Settings):
    """Settings of this experiment."""

    dropout: float = 0.5
    """Rate."""


def recipes(settings):
    plain = settings.base_recipe()
    return {"plain": plain, "dropout": plain.but(dropout=settings.dropout)}


def measure(cell):
    test, model = cell.test_images(), tested_networks.Network(cell).model
    accuracy = analysis.changed_accuracy(model, test.images, test.labels)
    return pd.DataFrame({"measure": ["test"], "accuracy": [accuracy]})


EXPERIMENT = Experiment(
    module=__name__,
    settings=Settings,
    recipes=recipes,
    measure=measure,
    keys=["recipe", "seed", "measure"],
    summary=lambda table: str(len(table)),
    figures=lambda table, plan: {"": reporting.condition_points(table.assign(
        condition="test", level=0.0))},
)

if __name__ == "__main__":
    EXPERIMENT.main()
    import sys
    import hfc_keras
    print(hfc_keras.__file__, "experiments" in sys.modules)
'''


def python(folder, *arguments):
    """Run Python in a folder, of whose modules it takes those that are there."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_example_of_contributing_needs_no_more_than_is_said(tmp_path):
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(example.splitlines()) <= 55
    for name in ("experiments", "hfc_keras", "tests"):
        left_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=left_out)
    for name in ("setup.cfg", "pyproject.toml", "results/README.md", "CONTRIBUTING.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    row = "| `python -m experiments.weight_decay` | weight decay |\n"
    (tmp_path / "README.md").write_text(readme + row)
    (tmp_path / "experiments" / "weight_decay.py").write_text(example)
    python(tmp_path, "-c", RUN, "--seeds", "0", "1", "2", "--radii", "1", "2", "3", "4", *SMALL)
    rows = pd.read_csv(tmp_path / "results" / "claims.csv").set_index("id")
    assert rows.loc["decay_high", "n"] == 3
    assert rows.loc["decay_high", "measured"].endswith("decay minus vanilla")
    assert list((tmp_path / "results" / "smoke" / "digits").glob("weight_decay_final.svg"))
    listed = python(tmp_path, "-m", "experiments")
    assert "weight_decay            Weight decay and the frequencies a CNN uses." in listed
    tested = ["tests/test_documents.py", "-k", "in_the_readme or ledger or every_column"]
    assert "3 passed" in python(tmp_path, "-m", "pytest", "-p", "no:cacheprovider", *tested)
    python(tmp_path, "-m", "ruff", "check", "experiments/weight_decay.py")
    python(tmp_path, "-m", "ruff", "format", "--check", "experiments/weight_decay.py")


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "command",
    [
        ["-m", "own_dropout"],
        ["own_dropout.py"],
        ["own_dropout.py", "--jobs", "2"],
        ["-m", "own_dropout", "--jobs", "2"],
    ],
)
def test_an_experiment_runs_beside_the_package_alone(tmp_path, command):
    left_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "hfc_keras", tmp_path / "hfc_keras", ignore=left_out)
    (tmp_path / "own_dropout.py").write_text(OWN)
    printed = python(tmp_path, *command, *SMALL)
    assert f"{tmp_path}/hfc_keras/__init__.py False" in printed
    table = pd.read_csv(tmp_path / "results" / "smoke" / "digits" / "own_dropout.csv")
    assert table["recipe"].tolist() == ["plain", "dropout"]
    assert table["accuracy"].between(0, 1).all()
