"""Rows 20, 21 and 34: names that are misspelt, and data that are not there."""

import json
import shutil
import socket

import pytest
from own import sweep, tiny

from hfc_keras import attacks, data, training


@pytest.fixture
def offline(monkeypatch):
    """No way to any other machine."""

    def refuse(*args, **kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)


def test_an_unknown_data_set_is_refused_with_the_nearest_and_status_2(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        sweep.run(tmp_path, "--dataset", "cifar01")
    told = capsys.readouterr().err
    assert left.value.code == 2 and told.count("\n") == 1
    assert "nearest: 'cifar10', 'cifar" in told and "Received: name='cifar01'" in told
    assert not [*tmp_path.rglob("*.csv")]


def test_data_that_are_not_there_are_told_with_what_fetches_them(offline, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        sweep.run(tmp_path, "--dataset", "mnist", "--data-dir", str(tmp_path / "none"))
    told = capsys.readouterr().err
    assert left.value.code == 2 and told.count("\n") == 1
    assert f"not in {tmp_path / 'none'}" in told and "tfds.load('mnist')" in told
    assert "--data-dir" in told and "'digits' and 'synthetic'" in told


def test_a_misspelt_key_is_refused_with_the_nearest(tmp_path):
    recipe = {"dataset": "digits", "learning_rat": 1e-3}
    with pytest.raises(ValueError, match="nearest: 'learning_rate'.*Received: .*'learning_rat'"):
        training.Recipe(**recipe)
    with pytest.raises(ValueError, match="nearest: 'epochs'"):
        training.Recipe().but(epoch=3)
    with pytest.raises(ValueError, match="nearest: 'steps'"):
        attacks.from_dict({"attack": "pgd", "epsilon": 0.1, "step": 3})
    with pytest.raises(ValueError, match="nearest: 'digits'.*Received: name='digts'"):
        data.load("digts")


def test_a_misspelt_option_is_refused_with_the_nearest(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        tiny.EXPERIMENT.main(["--epoch", "3", "--results", str(tmp_path)])
    told = capsys.readouterr()
    assert left.value.code == 2 and "--epochs" in told.err + told.out
    with pytest.raises(SystemExit) as left:
        tiny.EXPERIMENT.main(["--recipes", "plane", "--results", str(tmp_path)])
    assert left.value.code == 2 and "'plain'" in capsys.readouterr().err


def test_a_misspelt_key_of_an_edited_file_is_refused_by_that_file(swept, tmp_path, capsys):
    """The checksum tells it, whatever the key."""
    shutil.copytree(swept, tmp_path / "copy")
    path = sweep.table(tmp_path / "copy").with_suffix(".json")
    record = json.loads(path.read_text())
    record["setings"] = record.pop("settings")
    path.write_text(json.dumps(record))
    with pytest.raises(SystemExit) as left:
        sweep.run(tmp_path / "copy")
    told = capsys.readouterr().err
    assert left.value.code == 2 and "its checksum is another one" in told and str(path) in told
