"""Row 9: a training whose numbers are none, among others."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from own import sweep, tiny

from hfc_keras.lab import failed_cells, results
from hfc_keras.non_finite import NonFiniteLogitsError


def wild(settings):
    """Recipes of a sweep, the first of which diverges in its second epoch."""
    chosen = sweep.recipes(settings)
    return {"wild": chosen["dropout"].but(optimizer="sgd", learning_rate=1e18), **chosen}


TAME = sweep.dataclasses.replace(
    sweep.EXPERIMENT,
    recipes=lambda settings: {**wild(settings), "wild": sweep.recipes(settings)["dropout"]},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder of a sweep with a training that diverges; its exit status is 1."""
    folder = tmp_path_factory.mktemp("wild")
    with pytest.raises(SystemExit) as left:
        experiment = sweep.dataclasses.replace(sweep.EXPERIMENT, recipes=wild)
        sweep.run(folder, experiment=experiment)
    assert left.value.code == 1
    return folder


def test_it_has_a_row_with_its_epoch_and_the_sweep_goes_on(folder, swept):
    path = sweep.table(folder)
    failed = pd.read_csv(path.with_name("tiny.failed.csv"))
    assert failed.columns.tolist() == ["recipe", "seed", "status", "epoch", "reason"]
    (row,) = failed.to_dict("records")
    assert (row["recipe"], row["seed"], row["status"]) == ("wild", 0, "diverged")
    assert row["epoch"] in (1, 2, 3) and "must stay finite; lower" in row["reason"]
    assert path.read_bytes() == sweep.table(swept).read_bytes()
    assert "wild seed 0" not in json.loads(path.with_suffix(".json").read_text())["cells"]


def test_no_epoch_that_is_none_is_kept(folder):
    for path in (folder / "store").rglob("*.npz"):
        with np.load(path) as arrays:
            numbers = [value for value in arrays.values() if value.dtype.kind == "f"]
        assert all(np.isfinite(value).all() for value in numbers), path


def test_any_failure_of_a_cell_is_a_row_and_the_others_go_on(own, tmp_path, monkeypatch, capsys):
    """In one process as in several, also where only the logits are none."""
    monkeypatch.setenv("TINY", "plain=logits dropout_1=fail")
    with pytest.raises(SystemExit) as left:
        tiny.EXPERIMENT.main(own("--recipes", "plain", "dropout_1", "dropout_2"))
    error = capsys.readouterr().err
    assert left.value.code == 1 and "failed: dropout_1 seed 0: UnpicklableError: some" in error
    path = tmp_path / "results" / "smoke" / "odd" / "tiny.failed.csv"
    failed = pd.read_csv(path).set_index("recipe")
    assert failed["status"].to_dict() == {"plain": "diverged", "dropout_1": "failed"}
    assert failed["reason"]["plain"].startswith("`model` must return finite logits")
    assert failed["reason"]["dropout_1"] == "UnpicklableError: something else"
    assert pd.read_csv(path.with_name("tiny.csv"))["recipe"].tolist() == ["dropout_2"]
    given = SimpleNamespace(name="given", seed=0)
    assert failed_cells.row(given, NonFiniteLogitsError("none"))["status"] == "failed"


class StoppedError(Exception):
    """What ends a run here."""


def test_a_stop_before_the_table_leaves_no_cell_that_is_measured_and_failed(
    folder, tmp_path, monkeypatch
):
    copy = shutil.copytree(folder, tmp_path / "copy")
    failed = sweep.table(copy).with_name("tiny.failed.csv")
    assert failed.exists()

    def stop(self):
        raise StoppedError

    monkeypatch.setattr(results.Results, "_write", stop)
    with pytest.raises(StoppedError):
        sweep.run(copy, experiment=TAME)
    assert not failed.exists()


def test_the_row_goes_when_the_cell_is_measured(folder):
    sweep.run(folder, experiment=TAME)
    assert not sweep.table(folder).with_name("tiny.failed.csv").exists()
    assert set(pd.read_csv(sweep.table(folder))["recipe"]) == {"wild", "dropout", "again"}


def test_a_damaged_table_of_failures_is_refused_by_name(tmp_path, capsys):
    path = sweep.table(tmp_path).with_name("tiny.failed.csv")
    path.parent.mkdir(parents=True)
    for content, message in ((b"recipe,se", "line=1"), (b"recipe,seed\n", "columns=")):
        path.write_bytes(content)
        with pytest.raises(SystemExit) as left:
            sweep.run(tmp_path, "--recipes", "dropout")
        told = capsys.readouterr().err
        assert left.value.code == 2 and "tiny.failed.csv" in told and message in told
