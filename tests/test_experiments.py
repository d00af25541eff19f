import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hfc_keras
from experiments import training_heuristics
from hfc_keras.lab import discovery
from hfc_keras.lab.record import versions

ROOT = Path(__file__).parents[1]
KEYS = "recipe seed epoch split component radius bn_statistics scaling".split()
COLUMNS = [*KEYS, "accuracy", "examples", "classes"]
SMALL = ["--examples", "200", "100", "--epochs", "2", "--model", "small_cnn", "--radii", "1", "3"]


def run_in(folder, *arguments):
    """Run the experiment with its files in a folder; return the folder of its tables."""
    paths = ["--results", folder, "--store", folder / "store"]
    training_heuristics.EXPERIMENT.main([*map(str, [*SMALL, *paths, *arguments])])
    return folder / "smoke" / "digits"


@pytest.fixture
def measuring(monkeypatch):
    """Have the experiment measure its cells by another function."""

    def measuring(measure):
        changed = dataclasses.replace(training_heuristics.EXPERIMENT, measure=measure)
        monkeypatch.setattr(training_heuristics, "EXPERIMENT", changed)

    return measuring


@pytest.fixture
def run(tmp_path):
    """Run the experiment with its files in a folder of the test."""
    return lambda *arguments, folder="one": run_in(tmp_path / folder, *arguments)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folder of two finished runs: ``both`` recipes, and ``one`` with the same store."""
    folder = tmp_path_factory.mktemp("runs")
    run_in(folder / "both", "--recipes", "vanilla", "dropout")
    shutil.copytree(folder / "both" / "store", folder / "one" / "store")
    run_in(folder / "one", "--recipes", "vanilla")
    return folder


@pytest.fixture
def done(runs, tmp_path):
    """Folder of the tables of a run of vanilla that is over; the test's own copy."""
    shutil.copytree(runs / "one", tmp_path / "one")
    return tmp_path / "one" / "smoke" / "digits"


@pytest.fixture
def trained(runs, tmp_path):
    """Store in which vanilla and dropout are trained and measured, before any table."""
    shutil.copytree(runs / "one" / "store", tmp_path / "one" / "store")


@pytest.mark.usefixtures("trained")
def test_table_figure_and_record(run, capsys):
    folder = run("--recipes", "vanilla", "batch_norm")
    table = pd.read_csv(folder / "training_heuristics.csv")
    assert list(table.columns) == COLUMNS
    assert not table.duplicated(KEYS).any()
    # Two epochs: train and test each, then 2 radii x 2 components; with batch norm three
    # kinds of statistics, of which two measure the originals themselves. After the last epoch
    # also the training images, original and filtered, and three scalings of the components.
    sizes = table.groupby(["recipe", "seed"]).size()
    assert sizes["vanilla", 0] == 4 + 8 + 17
    assert sizes["batch_norm", 0] == 4 + 8 + 10 + 10 + 3 * 17
    assert table["accuracy"].between(0, 1).all()
    assert set(table.loc[table["recipe"] == "vanilla", "bn_statistics"]) == {"none"}
    record = json.loads((folder / "training_heuristics.json").read_text())
    assert record["dataset"] == "digits" and record["seeds"] == [0]
    (only,) = record["runs"]
    assert only["command"].startswith("python -m experiments.training_heuristics --examples")
    assert only["cells"] == list(record["cells"])
    assert str(folder.parents[1]) not in json.dumps(record)
    assert len(record["cells"]) == 2 and only["versions"]["keras"]
    assert (folder / "training_heuristics.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "training_heuristics.svg").read_text()
    printed = capsys.readouterr().out
    assert "batch_norm (population)" in printed and "training_heuristics.csv" in printed


@pytest.mark.slow
def test_a_stopped_run_goes_on_and_ends_the_same(run, runs, measuring):
    arguments = ["--recipes", "vanilla", "dropout"]
    whole = (runs / "both" / "smoke" / "digits" / "training_heuristics.csv").read_bytes()
    measure, measured = training_heuristics.EXPERIMENT.measure, []

    def stop_at_second(cell):
        if len(measured) == 1:
            raise KeyboardInterrupt
        measured.append(cell.label)
        return measure(cell)

    measuring(stop_at_second)
    with pytest.raises(SystemExit) as stopped:
        run(*arguments, folder="torn")
    assert stopped.value.code == 130

    def count(cell):
        measured.append(cell.label)
        return measure(cell)

    measuring(count)
    again = run(*arguments, folder="torn") / "training_heuristics.csv"
    assert measured == ["vanilla seed 0", "dropout seed 0"]
    assert again.read_bytes() == whole


def cells_of(folder):
    table = pd.read_csv(folder / "training_heuristics.csv")
    record = json.loads((folder / "training_heuristics.json").read_text())
    cells = [f"{name} seed {seed}" for name, seed in table.groupby(["recipe", "seed"]).groups]
    assert sorted(cells) == sorted(record["cells"])
    return sorted(cells)


@pytest.mark.slow
@pytest.mark.usefixtures("trained")
def test_runs_add_to_a_table_and_never_take_from_it(run, measuring):
    run("--recipes", "dropout", "--seeds", "1")
    folder = run("--recipes", "mix_up")
    assert cells_of(folder) == ["dropout seed 1", "mix_up seed 0"]
    record = (folder / "training_heuristics.json").read_bytes()
    assert [run["cells"] for run in json.loads(record)["runs"]] == [
        ["dropout seed 1"],
        ["mix_up seed 0"],
    ]
    assert json.loads(record)["seeds"] == [0, 1]
    run("--recipes", "mix_up")
    assert (folder / "training_heuristics.json").read_bytes() == record
    measure = training_heuristics.EXPERIMENT.measure

    def stop_after_vanilla(cell):
        if cell.name == "dropout":
            raise KeyboardInterrupt
        return measure(cell)

    measuring(stop_after_vanilla)
    with pytest.raises(SystemExit):
        run("--recipes", "vanilla", "dropout", "--seeds", "0", "1")
    assert cells_of(folder) == ["dropout seed 1", "mix_up seed 0", "vanilla seed 0"]


@pytest.mark.slow
@pytest.mark.usefixtures("trained")
def test_other_settings_are_refused_unless_told_to_start_over(run, capsys):
    folder = run("--recipes", "dropout")
    before = pd.read_csv(folder / "training_heuristics.csv")
    with pytest.raises(SystemExit) as refused:
        run("--recipes", "dropout", "--dropout", "0.9")
    assert refused.value.code == 2 and "--fresh" in capsys.readouterr().err
    run("--recipes", "dropout", "--dropout", "0.9", "--fresh")
    after = pd.read_csv(folder / "training_heuristics.csv")
    assert not np.array_equal(before["accuracy"], after["accuracy"])


@pytest.mark.slow
def test_large_networks_are_measured_at_the_epoch_that_is_kept(run, monkeypatch):
    monkeypatch.setattr("hfc_keras.training.store.SMALL_MODEL", 10)
    table = pd.read_csv(run("--recipes", "vanilla") / "training_heuristics.csv")
    assert set(table.loc[table["component"] == "low", "epoch"]) == {2}


@pytest.mark.usefixtures("trained")
def test_a_diverging_cell_does_not_stop_the_others(run, measuring, capsys, tmp_path):
    measure = training_heuristics.EXPERIMENT.measure

    def diverge(cell):
        if cell.name == "vanilla":
            raise FloatingPointError("The loss must stay finite")
        return measure(cell)

    measuring(diverge)
    with pytest.raises(SystemExit) as ended:
        run("--recipes", "vanilla", "dropout", "--publish")
    assert ended.value.code == 1 and "diverged: vanilla seed 0" in capsys.readouterr().err
    assert cells_of(tmp_path / "one" / "smoke" / "digits") == ["dropout seed 0"]


@pytest.mark.usefixtures("trained")
def test_a_second_run_into_the_same_files_is_refused(run, measuring, capsys):
    measure = training_heuristics.EXPERIMENT.measure

    def run_again(cell):
        measuring(measure)
        with pytest.raises(SystemExit) as refused:
            run("--recipes", "vanilla")
        assert (
            refused.value.code == 2
            and "`results` is in use by another process" in capsys.readouterr().err
        )
        return measure(cell)

    measuring(run_again)
    run("--recipes", "vanilla")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("cifar10", "cifar10"),
        ("synthetic/low", "synthetic_low"),
        ("cifar10:3.0.2", "cifar10_3.0.2"),
        ("some/where/own.npz", "own"),
    ],
)
def test_every_data_set_has_a_folder_of_its_own(name, folder):
    settings = training_heuristics.Settings(profile="quick", dataset=name)
    assert settings.folder == Path("results/quick") / folder


@pytest.mark.usefixtures("trained")
def test_publish_writes_the_models(run, tmp_path):
    run("--recipes", "vanilla", "--publish")
    assert len(list((tmp_path / "one" / "models").glob("*.keras"))) == 1


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_lost_epoch_is_refused_by_name_unless_it_is_the_last(done, run, capsys, epoch):
    store = done.parents[1] / "store"
    for lost in store.glob(f"*/epoch-000{epoch}.npz"):
        lost.unlink()
    for measure in store.glob("*/measures/*"):
        measure.unlink()
    arguments = ["--recipes", "vanilla", "--store", store]
    if epoch == 2:
        again = run(*arguments, folder="two") / "training_heuristics.csv"
        assert again.read_bytes() == (done / "training_heuristics.csv").read_bytes()
        return
    with pytest.raises(SystemExit) as refused:
        run(*arguments, folder="two")
    assert refused.value.code == 2 and "Received: epoch=1" in capsys.readouterr().err


def test_a_cell_that_lost_rows_is_measured_again(done, run, capsys):
    path = done / "training_heuristics.csv"
    whole = path.read_text()
    path.write_text("".join(whole.splitlines(keepends=True)[:-3]))
    run("--recipes", "vanilla")
    assert path.read_text() == whole
    assert "rows of vanilla seed 0; it is measured again" in capsys.readouterr().err


def test_settings_of_other_recipes_leave_a_cell_alone(done, run):
    before = (done / "training_heuristics.json").read_bytes()
    run("--recipes", "vanilla", "--dropout", "0.9")
    assert (done / "training_heuristics.json").read_bytes() == before


def test_data_that_changed_are_refused(run, tmp_path, rng, capsys):
    for attempt in range(2):
        pixels, labels = rng.integers(0, 256, (20, 8, 8, 1), "uint8"), np.arange(20) % 2
        arrays = {"x_train": pixels, "y_train": labels, "x_test": pixels, "y_test": labels}
        np.savez(tmp_path / "own.npz", **arrays)
        arguments = ["--dataset", tmp_path / "own.npz", "--recipes", "vanilla"]
        if attempt == 0:
            run(*arguments)
    with pytest.raises(SystemExit) as refused:
        run(*arguments)
    assert refused.value.code == 2 and "must hold what it held" in capsys.readouterr().err
    with pytest.raises(SystemExit) as refused:
        run(*arguments, "--store", tmp_path / "other")
    assert refused.value.code == 2 and "other settings, data" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_half_of_the_results_is_refused(done, run, capsys, suffix):
    (done / "training_heuristics").with_suffix(suffix).unlink()
    with pytest.raises(SystemExit) as refused:
        run("--recipes", "vanilla")
    assert refused.value.code == 2 and "must be there together" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.jax
def test_an_npz_file_works_as_data(run, tmp_path, rng):
    arrays = {
        "x_train": rng.integers(0, 256, (60, 9, 11, 3), "uint8"),
        "y_train": np.arange(60) % 2,
        "x_test": rng.integers(0, 256, (20, 9, 11, 3), "uint8"),
        "y_test": np.arange(20) % 2,
    }
    np.savez(tmp_path / "own.npz", **arrays)
    run("--dataset", tmp_path / "own.npz", "--recipes", "vanilla")
    table = tmp_path / "one" / "smoke" / "own" / "training_heuristics.csv"
    assert set(pd.read_csv(table)["examples"]) == {60, 20}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "digitz"], "digits"),
        (["--recipes", "vanila"], "nearest: 'vanilla'"),
        (["--model", "resnet9"], "Received: model='resnet9'"),
        (["--radii", "-1"], "Received: radii=-1"),
        (["--seeds", "1", "1"], "`seeds` must differ"),
        (["--epochs", "0"], "Received: epochs=0"),
        (["--examples", "0", "5"], "Received: examples=0"),
        (["--dropout", "2"], "Received: dropout=2"),
        (["--sedes", "1"], "--seeds"),
        (["--profile", "fast"], "smoke"),
    ],
)
def test_wrong_arguments_end_with_a_plain_message(run, capsys, arguments, message):
    with pytest.raises(SystemExit) as refused:
        run(*arguments)
    assert refused.value.code == 2
    captured = capsys.readouterr()
    assert message in captured.err + captured.out
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("option", ["results", "store"])
def test_folders_that_cannot_be_written_are_refused(tmp_path, capsys, option):
    (tmp_path / "file").write_text("")
    paths = {"results": tmp_path / "results", "store": tmp_path, option: tmp_path / "file"}
    arguments = [part for name, path in paths.items() for part in (f"--{name}", str(path))]
    with pytest.raises(SystemExit) as refused:
        training_heuristics.EXPERIMENT.main(arguments)
    assert refused.value.code == 2
    assert f"`{option}` must be a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("suffix", "content"),
    [(".csv", "recipe,seed\nvanilla,0\n"), (".json", '{"cells": {"va'), (".json", "{}")],
)
def test_damaged_results_are_refused_by_name(done, run, capsys, suffix, content):
    (done / "training_heuristics").with_suffix(suffix).write_text(content)
    with pytest.raises(SystemExit) as refused:
        run("--recipes", "vanilla")
    assert refused.value.code == 2
    assert f"training_heuristics{suffix}" in capsys.readouterr().err


def test_a_row_that_breaks_off_is_measured_again(done, run, capsys):
    path = done / "training_heuristics.csv"
    whole = path.read_text()
    path.write_text(whole[:-25])
    run("--recipes", "vanilla")
    assert path.read_text() == whole
    assert "rows of vanilla seed 0; it is measured again" in capsys.readouterr().err


def test_a_record_has_the_version_of_the_code_that_ran(monkeypatch):
    """Not that of an installation, whose metadata may be older."""
    monkeypatch.setattr(hfc_keras, "__version__", "9.9.9")
    monkeypatch.setattr("hfc_keras.lab.record.PACKAGES", ("pandas", "no_such_package"))
    found = versions()
    assert found["hfc_keras"] == "9.9.9" and found["pandas"] == pd.__version__
    assert found["no_such_package"] is None


@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((6, 6, 1), [0, 1] * 5, "Received: input_shape=(6, 6, 1)"),
        ((8, 8, 1), [0] * 10, "Received: classes=1"),
        ((1, 8, 8), [0, 1] * 5, "channels last"),
    ],
)
def test_data_that_cannot_be_trained_on_are_refused(run, tmp_path, capsys, shape, labels, message):
    pixels = np.zeros((10, *shape), "uint8")
    path = tmp_path / "own.npz"
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    with pytest.raises(SystemExit) as refused:
        run("--dataset", path)
    assert refused.value.code == 2 and message in capsys.readouterr().err


def test_every_experiment_is_listed_with_its_summary():
    command = [sys.executable, "-m", "experiments"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    kinds = (discovery.experiments, discovery.outside, discovery.commands)
    found = {name: words for kind in kinds for name, words in kind("experiments").items()}
    for name, summary in found.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", listed, re.MULTILINE)
        assert summary
    assert "training_heuristics" in listed


def test_help_explains(capsys):
    with pytest.raises(SystemExit) as left:
        training_heuristics.EXPERIMENT.main(["--help"])
    assert left.value.code == 0
    printed = capsys.readouterr().out
    for words in ("Fig. 5", "--profile", "--seeds", "--dataset", "--data-dir", "--store"):
        assert words in printed
