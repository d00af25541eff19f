"""Runs in stages: their order, the log, the time limit, and that a store has one of them."""

import contextlib
import dataclasses
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from own import tiny

from experiments import amplitude_phase
from experiments.queue import stages
from hfc_keras import files
from hfc_keras.lab import settings
from hfc_keras.lab.parallel import background, tasks
from hfc_keras.training import Recipe

ROOT = Path(__file__).parents[1]
command = importlib.import_module("experiments.all")
ROWS = (
    stages.Row("a", "standard", {"own.tiny": "plain dropout_1"}, (0, 1), (0,)),
    stages.Row("b", "quick", {"own.tiny": "plain"}, (3,)),
    stages.Row("c", "standard", {"own.tiny": "dropout_*"}, (0,)),
)
STAGED = f"""
import contextlib, importlib
from experiments.queue import stages
from hfc_keras.lab.parallel import background
# Other tests at work would leave it no processor.
background.lowest_priority = contextlib.nullcontext
stages.TABLE = tuple(stages.Row(*row) for row in {[tuple(row) for row in ROWS]})
stages.NAMES = ("a", "b", "c")
importlib.import_module("experiments.all").main()
"""


@pytest.fixture
def own(tmp_path, rng):
    """Arguments for a data set of odd size and files in the test's folder."""
    pixels, labels = rng.integers(0, 256, (60, 9, 11, 1), "uint8"), np.arange(60) % 2
    path = tmp_path / "odd.npz"
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:20], y_test=labels[:20])

    def arguments(*told):
        paths = ["--results", tmp_path / "results", "--store", tmp_path / "store"]
        chosen = ["--experiments", "own.tiny", "--dataset", path]
        return [str(part) for part in (*chosen, *paths, *told)]

    return arguments


@pytest.fixture
def run(own, in_this_process, monkeypatch, capsys):
    """Run stages of the tiny experiment in this process; return status and what was printed."""

    monkeypatch.setattr(stages, "TABLE", ROWS)
    monkeypatch.setattr(stages, "NAMES", ("a", "b", "c"))
    monkeypatch.setattr(background, "lowest_priority", contextlib.nullcontext)

    def run(*told, profiles=("standard",)):
        status = 0
        try:
            command.main(own("--profile", *profiles, *told))
        except SystemExit as left:
            status = left.code
        return status, *capsys.readouterr()

    return run


# An empty store knows no training whose time it could take.
TIMED = "timing a few steps of small_cnn 1.0 none float32\n"


def cells(path):
    return list(json.loads((path / "tiny.json").read_text())["cells"])


def test_stages_come_in_order_and_add_to_the_same_table(run, tmp_path):
    status, out, error = run("--stages", "a", "c", "--publish")
    assert status == 0 and not error.replace(TIMED, "")
    assert cells(tmp_path / "results" / "standard" / "odd") == [
        *(f"{name} seed {seed}" for seed in (0, 1) for name in ("plain", "dropout_1", "again")),
        *(f"dropout_{number} seed 0" for number in (2, 3, 4)),
    ]
    assert re.search(r"^to do: 7 trainings and 10 cells to measure, about [\d.]+ min", out)
    assert "stage a, profile standard, seeds 0 1\nexperiments: 1, cells: 6, done before: 0" in out
    assert "stage c, profile standard, seeds 0\nexperiments: 1, cells: 4, done before: 1" in out
    # Networks of the seed that the table names, once each.
    assert len(list((tmp_path / "results" / "models").glob("*.keras"))) == 2
    log = (tmp_path / "store" / "queue.log").read_text()
    stamped = [
        re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 \S", line) for line in log.splitlines()
    ]
    assert all(stamped) and "[6/6] tiny again seed 1, " in log and log.endswith(" ended\n")
    assert re.search(r"started: python -m experiments.all --experiments own.tiny", log)
    status, out, _ = run("--stages", "a", "c", "--publish")
    assert status == 0 and "to do: 0 trainings and 0 cells" in out and "seed 0, " not in out
    # What is there, and may be committed, is neither written nor taken away again.
    assert ".keras" not in out


@pytest.mark.slow
def test_several_profiles_are_one_queue(run, tmp_path):
    status, out, _ = run("--stages", "a", "b", "--seeds", "1", "3", profiles=("standard", "quick"))
    assert status == 0 and out.index("stage a") < out.index("stage b")
    assert cells(tmp_path / "results" / "quick" / "odd") == ["plain seed 3", "again seed 3"]
    assert set(cells(tmp_path / "results" / "standard" / "odd")) == {
        f"{name} seed 1" for name in ("plain", "again", "dropout_1")
    }


def test_seeds_come_in_order_and_long_attacks_at_the_end():
    def task(title, seed, name):
        cell = SimpleNamespace(recipe=Recipe(seed=seed), label=f"{name} seed {seed}")
        return tasks.Task(SimpleNamespace(name=title, title=title), cell)

    titles = ("kernel_smoothing", "training_heuristics", "band_stop")
    found = tasks.by_seed(
        [task(title, seed, "plain") for title in titles for seed in (1, 0)], stages.LATE
    )
    assert [each.label for each in found] == [
        f"{title} plain seed {seed}"
        for group in (titles[1:], titles[:1])
        for seed in (0, 1)
        for title in group
    ]


@pytest.mark.slow
def test_networks_stay_in_the_budget(run, tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "BUDGET", 1000)
    status, out, _ = run("--stages", "a", "--publish")
    assert status == 0 and out.count("not published, since") == 2
    assert not list((tmp_path / "results" / "models").glob("*.keras"))


@pytest.mark.slow
def test_a_plan_starts_nothing(run, tmp_path, capsys):
    status, out, error = run("--stages", "a", "c", "--plan")
    assert status == 0 and error == TIMED and [*tmp_path.iterdir()] == [tmp_path / "odd.npz"]
    lines = out.splitlines()
    trained = [line.split("seed")[0].strip() for line in lines if line.startswith("  train")]
    names = ["plain", "dropout_1"] * 2 + ["dropout_2", "dropout_3", "dropout_4"]
    assert trained == [f"train tiny {name}" for name in names]
    assert "  measure tiny: 6 cells, time not known; 0 are there" in lines
    assert re.fullmatch(r"total: 7 trainings and 10 cells to measure, .*10 cells of.*", lines[-1])
    assert not (tmp_path / "store" / "queue.log").exists()


def test_a_plan_of_one_experiment_knows_what_is_there(own, capsys):
    told = [word for word in own() if word not in ("--experiments", "own.tiny")]
    tiny.EXPERIMENT.main([*told, "--recipes", "plain", "dropout_1"])
    capsys.readouterr()
    tiny.EXPERIMENT.main([*told, "--recipes", "plain", "again", "dropout_2", "--plan"])
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"  train tiny again seed 0 +is there", first)
    assert re.fullmatch(r"  train tiny dropout_2 seed 0 +[\d.]+ min", second)


def test_a_second_queue_on_a_store_is_refused(run, tmp_path):
    folder = files.writable_folder(tmp_path / "store")
    with files.locked(folder / ".queue.lock", wait=False):
        status, out, error = run("--stages", "a")
        assert (status, out) == (2, "") and "Another queue is at work on this store" in error
        assert str(folder) in error
        # A plan looks at no more than what is there.
        assert run("--stages", "a", "--plan")[0] == 0
    assert not (folder / "queue.log").exists()


@pytest.mark.slow
def test_tables_of_two_profiles_are_refused(run, tmp_path):
    assert run("--stages", "b", profiles=("quick",))[0] == 0
    (tmp_path / "results" / "quick").rename(tmp_path / "results" / "standard")
    status, _, error = run("--stages", "a")
    assert status == 2 and "tables of one profile" in error and "tiny.json is of profile" in error
    assert "stopped: UnusableFileError" in (tmp_path / "store" / "queue.log").read_text()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("--minutes 0", "`minutes` must be a number above 0"),
        ("--minutes -1", "`minutes` must be a number above 0"),
        ("--minutes nan", "`minutes` must be a number above 0"),
        ("--minutes inf", "`minutes` must be a number above 0"),
        ("--minutes soon", "Value error"),
        ("--stages d", "`stages` must be one of 'a', 'b', 'c'"),
        ("--stages a a", "none twice"),
        ("--stages", "at least one"),
        ("--stages b", "`stages` must be of the profiles that are given"),
        ("--stages a --seeds 7", "must leave something to do"),
        ("--stages a --fresh", "`fresh` must be left out"),
        ("--profile standard standard", "`profile` must hold at least one and none twice"),
        ("--profile", "`profile` must hold at least one"),
        ("--profile larger", "standard"),
    ],
)
def test_what_cannot_be_meant_is_refused(run, told, message):
    status, out, error = run(*told.split())
    assert status == 2 and message in error + out and "Traceback" not in error


def test_time_that_is_up_ends_a_run_that_goes_on_later(own, run, monkeypatch, capsys, tmp_path):
    monkeypatch.undo()
    monkeypatch.setenv("TINY", "dropout_3=wait")
    start, told = time.monotonic(), own("--jobs", "1", "--minutes", "0.3")
    command.main(told)
    out = capsys.readouterr().out
    assert 15 < time.monotonic() - start < 300
    folder = tmp_path / "results" / "smoke" / "odd"
    # On a machine at work the time may be up before the first cell is measured.
    done = cells(folder) if (folder / "tiny.json").exists() else []
    assert "dropout_3 seed 0" not in done
    words = f"The time is up; {6 - len(done)} cells are left. This goes on: python -m experiments"
    assert words in out and str(tmp_path / "store") in out


@pytest.mark.slow
def test_a_stopped_queue_goes_on(run, tmp_path, monkeypatch):
    measure = tiny.measure

    def stop_at_third(cell):
        if cell.name == "again":
            raise KeyboardInterrupt
        return measure(cell)

    stopping = dataclasses.replace(tiny.EXPERIMENT, measure=stop_at_third)
    with monkeypatch.context() as patched:
        patched.setattr(tiny, "EXPERIMENT", stopping)
        status, _, error = run("--stages", "a", "b", profiles=("standard", "quick"))
    assert status == 130 and "Stopped." in error
    folder = tmp_path / "results"
    assert cells(folder / "standard" / "odd") == ["plain seed 0", "dropout_1 seed 0"]
    status, out, _ = run("--stages", "a", "b", profiles=("standard", "quick"))
    assert status == 0 and "done before: 2" in out
    assert (
        len(cells(folder / "standard" / "odd")) == 6 and len(cells(folder / "quick" / "odd")) == 2
    )
    log = (tmp_path / "store" / "queue.log").read_text()
    assert log.count("started: ") == 2 and log.count(" ended\n") == 1


@pytest.mark.slow
def test_a_killed_queue_goes_on(own, tmp_path):
    arguments = own("--profile", "standard", "quick", "--stages", "a", "b", "--jobs", "1")
    told = [sys.executable, "-c", STAGED, *arguments]

    def ended(actions):
        environment = {**os.environ, "TINY": actions, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
        return subprocess.run(
            told,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )

    assert ended("again=SIGKILL").returncode == -signal.SIGKILL
    folder = tmp_path / "results"
    assert cells(folder / "standard" / "odd")[0] == "plain seed 0"
    last = ended("")
    assert last.returncode == 0, last.stderr
    assert (
        len(cells(folder / "standard" / "odd")) == 6 and len(cells(folder / "quick" / "odd")) == 2
    )
    log = (tmp_path / "store" / "queue.log").read_text()
    assert log.count("started: ") == 2 and log.count(" ended\n") == 1


@pytest.mark.parametrize(
    ("row", "trainings"),
    list(zip(stages.TABLE, (2, 11, 2, 10, 3, 16, 21, None), strict=True)),
    ids=lambda value: getattr(value, "stage", ""),
)
def test_every_row_names_recipes_that_there_are(row, trainings, monkeypatch):
    # The data set itself stands for the one that a network does not know, which is not built in.
    monkeypatch.setattr(amplitude_phase, "OUTSIDE", "digits")
    told = settings.Settings(profile=row.profile, dataset="digits")
    found = {recipe.hash for recipe in stages._trainings(row, told)}
    assert trainings in (None, len(found))


def test_the_order_is_a_to_g_unless_experiments_are_named():
    assert stages.NAMES == tuple("abcdefg")
    assert [row.profile for row in stages.rows(["standard", "full"], ["a", "c", "e"])] == [
        "standard",
        "full",
        "full",
    ]
    assert command.Settings(profile=("full",)).staged
    assert not command.Settings(profile=("quick",)).staged
    assert not command.Settings(profile=("full",), experiments=("two_views",)).staged
