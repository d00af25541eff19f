import csv
import importlib
import json
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import tyro
from own import tiny

from hfc_keras import files
from hfc_keras.lab import discovery, settings
from hfc_keras.lab.parallel import dealing, tasks

ROOT = Path(__file__).parents[1]
# `all` is no name for a module in this namespace.
command = importlib.import_module("experiments.all")


@pytest.fixture
def run(own, monkeypatch, capsys):
    """Run the tiny experiment; return exit status and what was printed."""

    def run(actions="", *told):
        monkeypatch.setenv("TINY", actions)
        status = 0
        try:
            command.main(own("--experiments", "own.tiny", *told))
        except SystemExit as left:
            status = left.code
        return status, *capsys.readouterr()

    return run


def plan_of(own, *told, **folders):
    arguments = tyro.cli(tiny.Settings, args=own(*told, **folders))
    return tiny.EXPERIMENT.planned(arguments)


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_stopped_and_killed_it_goes_on_and_ends_the_same(run, own, tmp_path):
    tiny.EXPERIMENT.main(own(results="whole", store="other"))
    for actions, expected in (("dropout_1=SIGINT", 130), ("dropout_2=end dropout_4=SIGTERM", 143)):
        status, _, error = run(actions, "--jobs", "1")
        assert status == expected and "Stopped. Run the same command again to resume" in error
        assert "Traceback" not in error and not multiprocessing.active_children()
    assert "tiny dropout_2 seed 0 failed: its process was ended 2 times" in error
    status, out, error = run("", "--jobs", "1")
    assert status == 0 and not error and "measured" not in out
    assert re.search(r"^\[6/6\] tiny \w+ seed 0, \d+ s$", out, re.MULTILINE)
    table, whole = (
        tmp_path / folder / "smoke" / "odd" / "tiny.csv" for folder in ("results", "whole")
    )
    assert table.read_bytes() == whole.read_bytes()
    record = json.loads(table.with_suffix(".json").read_text())
    assert record["runs"][0]["command"].startswith("python -m experiments.all --dataset")
    assert str(tmp_path / "results") not in json.dumps(record)
    assert record["runs"][-1]["peak_memory_gb"] > 0
    assert all(cell["training_seconds"] > 0 for cell in record["cells"].values())
    assert len(record["cells"]) == 6 and record["columns"] == [*tiny.EXPERIMENT.keys, "value"]


def test_a_failed_cell_leaves_the_others_alone(run, in_this_process, tmp_path):
    status, out, error = run("dropout_1=diverge dropout_2=fail again=twice figures=fail")
    assert status == 1 and "experiments: 1, cells: 6, done before: 0" in out
    for line in (
        "[2/6] tiny dropout_1 seed 0 diverged: The loss must stay finite",
        "[3/6] tiny dropout_2 seed 0 failed: UnpicklableError: something else\nTraceback",
        "[6/6] tiny again seed 0 failed: `measure` of tiny must return a measurement once; these",
        "tiny figures failed: Traceback",
    ):
        assert line in error
    assert "3 rows" in out and "failed: tiny again seed 0" in out and "measured" not in out
    assert re.search(r"^total +3 +\d+$", out, re.MULTILINE)
    path = tmp_path / "results" / "smoke" / "odd" / "tiny.failed.csv"
    rows = pd.read_csv(path).set_index("recipe")
    assert rows["status"].to_dict() == dict(
        dropout_1="diverged", dropout_2="failed", again="failed"
    )
    assert rows.loc["dropout_2", "reason"] == "UnpicklableError: something else"
    status, out, _ = run()
    assert not path.exists()
    assert status == 0 and "cells: 6, done before: 3" in out and "6 rows" in out
    status, out, _ = run()
    assert status == 0 and "done before: 6" in out and "6 rows" in out


def test_an_unusable_file_stops_the_run(run, in_this_process):
    status, _, error = run("dropout_1=unusable")
    assert (status, error) == (2, "error: `file` must be whole\n")


@pytest.mark.slow
def test_no_process_outlives_a_killed_run(own):
    environment = {**os.environ, "TINY": "plain=SIGKILL", "PYTHONPATH": str(ROOT / "tests")}
    arguments = own("--experiments", "own.tiny", "--jobs", "1")
    # The worker holds the other end of stderr until it ends.
    killed = subprocess.run(
        [sys.executable, "-m", "experiments.all", *arguments],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        timeout=300,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL


def test_a_second_run_into_the_same_folder_is_refused(run, tmp_path):
    folder = files.writable_folder(tmp_path / "results" / "smoke" / "odd")
    with files.locked(folder / ".tiny.lock", wait=False):
        status, _, error = run()
    assert status == 2 and "`results` is in use by another process" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--experiments tini", "`experiments` must be one of"),
        ("--experiments own.tiny own.tiny", "none twice"),
        ("--experiments", "at least one"),
        ("--experiments own.absent", "No module named 'own.absent'"),
        ("--experiments os.path", "must be modules that end in `EXPERIMENT"),
        ("--experiments own.tiny --seeds 1 1", "tiny: `seeds` must differ"),
        ("--experiments own.tiny --seeds", "`seeds` must hold at least one"),
        ("--experiments own.tiny --seeds -1", "Received: seed=-1"),
        ("--experiments own.tiny --jobs 0", "Received: jobs=0"),
        ("--experiments own.tiny --dataset digitz", "digits"),
        ("--profile fast", "smoke"),
    ],
)
def test_wrong_arguments_end_with_a_plain_message(own, capsys, arguments, message):
    with pytest.raises(SystemExit) as refused:
        command.main([*own(), *arguments.split()])
    captured = capsys.readouterr()
    assert refused.value.code == 2 and message in captured.err + captured.out
    assert "Traceback" not in captured.err and not multiprocessing.active_children()


def test_settings_are_those_of_the_experiments():
    ours, theirs = command.Settings(), settings.Settings()
    assert ours.profile == (theirs.profile,)
    for field in {*tasks.SHARED} - {"profile"}:
        assert getattr(ours, field) == getattr(theirs, field)
    assert set(ours.names) == {
        f"experiments.{name}" for name in discovery.experiments("experiments")
    }
    assert ours.job_count in (1, 2)


def make_tasks(plan):
    return [tasks.Task(SimpleNamespace(name="t", title="t"), cell) for cell in plan.cells()]


def test_every_training_is_started_once_before_others_share_it(own):
    plan = plan_of(own, "--seeds", "3", "4", "--recipes", "plain", "again", "dropout_1")
    planned = tasks.ordered(make_tasks(plan))
    assert [task.cell.label for task in planned] == [
        "plain seed 3",
        "dropout_1 seed 3",
        "plain seed 4",
        "dropout_1 seed 4",
        "again seed 3",
        "again seed 4",
    ]
    assert list(tasks.trainings(planned).values()) == [True] * 4 + [False] * 2
    planned[0].cell.fit()
    assert list(tasks.trainings(planned).values()) == [False] + [True] * 3 + [False] * 2
    assert dealing.next_task(planned[4:], planned[:1]) is planned[5]
    assert dealing.next_task(planned[4:5], planned[:1]) is None


def test_a_cell_travels_to_another_process(own):
    cell = plan_of(own).cell("dropout_1", 3)
    again = pickle.loads(pickle.dumps(cell))  # noqa: S301
    assert again.key == cell.key and again.label == cell.label


def test_the_time_left_tells_trainings_from_measurements():
    trains = {"a": True, "b": True, "c": True, "d": False, "e": False}
    progress = tasks.Progress(7, trains, jobs=2)
    assert progress.left is None and progress.count == 2
    assert progress.ended("a", 600) == "[3/7] a, 600 s, about 20 min left"
    assert progress.ended("d", 60) == "[4/7] d, 60 s, about 10 min left"
    assert progress.left == pytest.approx((600 + 600 + 60) / 2)
    assert progress.ended("b", None, "diverged: x") == "[5/7] b diverged: x"
    assert progress.ended("c", 300) == "[6/7] c, 300 s, about 1 min left"
    assert progress.ended("e", 60) == "[7/7] e, 60 s" and progress.left is None


def test_columns_of_another_version_are_refused(own, tmp_path, capsys):
    arguments = own("--recipes", "plain")
    tiny.EXPERIMENT.main(arguments)
    table = tmp_path / "results" / "smoke" / "odd" / "tiny.csv"
    record = table.with_suffix(".json")
    rows = list(csv.reader(table.read_text().splitlines()))
    with table.open("w") as file:
        csv.writer(file).writerows([[*rows[0], "older"], [*rows[1], 1]])
    # An earlier version wrote no checksums.
    content = json.loads(record.read_text())
    content.pop("sha256")
    content["cells"]["plain seed 0"].pop("sha256")
    record.write_text(json.dumps(content))
    for message in ("must have the columns of its record", "must hold the columns that are"):
        with pytest.raises(SystemExit) as refused:
            tiny.EXPERIMENT.main([*arguments, "--seeds", "0", "1"])
        assert refused.value.code == 2 and message in capsys.readouterr().err
        record.write_text(json.dumps({**content, "columns": [*rows[0], "older"]}))
    tiny.EXPERIMENT.main([*arguments, "--fresh"])
    assert list(csv.reader(table.read_text().splitlines())) == rows


def test_a_stop_between_table_and_record_is_no_damage(own, tmp_path, monkeypatch):
    write, arguments = files.write_whole, own("--recipes", "plain")

    def stop_after_table(path, content):
        write(path, content)
        if Path(path).name == "tiny.csv":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(SystemExit) as stopped:
        patched.setattr(files, "write_whole", stop_after_table)
        tiny.EXPERIMENT.main(arguments)
    assert stopped.value.code == 130
    tiny.EXPERIMENT.main(arguments)
    record = json.loads((tmp_path / "results" / "smoke" / "odd" / "tiny.json").read_text())
    assert list(record["cells"]) == ["plain seed 0"] and len(record["runs"]) == 1
