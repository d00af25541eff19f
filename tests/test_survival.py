"""Five kills of trainings, which end as uninterrupted ones."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import survival
from benchmarks.kills import cost, counting, leavings, runs

ROOT = Path(__file__).parents[1]


def test_five_killed_trainings_end_as_the_uninterrupted_ones(tmp_path):
    told = "--fast --parts instants --kinds batch_norm --results".split()
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.survival", *told, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    kills = pd.read_csv(tmp_path / "survival_kills.csv")
    assert kills["equal"].all() and (kills["rows"] == 4).all() and not kills["rows_lost"].any()
    counted = pd.read_csv(tmp_path / "survival.csv")
    assert counted["kills"].tolist() == counted["equal"].tolist() == [5]
    assert "benchmarks.survival --fast" in (tmp_path / "survival.json").read_text()


def test_a_bit_or_a_row_that_differs_is_found(tmp_path):
    for name in ("whole", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "table.csv").write_text("a,b\n1,2\n3,4\n3,4\n")
        np.savez(tmp_path / name / "weights.npz", kernel=np.ones(3), bias=np.zeros(2))
    whole, other = tmp_path / "whole", tmp_path / "other"
    assert leavings.compared(other, whole) == {"equal": True, "rows": 3, "rows_lost": 0}
    np.savez(other / "weights.npz", kernel=np.nextafter(np.ones(3), 2), bias=np.zeros(2))
    assert not leavings.compared(other, whole)["equal"]
    (other / "table.csv").write_text("a,b\n3,4\n")
    assert leavings.compared(other, whole)["rows_lost"] == 2


def test_kills_are_counted_by_part_and_kind():
    good = {"part": "runs", "kind": "worker", "equal": True, "rows_lost": 0, "outlived": 1}
    bad = {**good, "equal": False, "rows_lost": 2}
    (row,) = counting.counts([good, bad, good])
    assert row == {**good, "kills": 3, "equal": 2, "rows_lost": 2, "outlived": 3}


def test_a_run_is_killed_with_its_processes_and_resumed(tmp_path, monkeypatch):
    code = """
import subprocess, sys, time
from pathlib import Path
table = Path(sys.argv[2]) / "table.csv"
table.parent.mkdir(exist_ok=True)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1.5)"])
status = child.wait()
table.write_text("a\\n1\\n")
sys.exit(status != 0)
"""
    (tmp_path / "run.py").write_text(code)
    monkeypatch.setattr(runs, "COMMAND", str(tmp_path / "run.py"))
    made = runs.Runs(tmp_path / "runs")
    rows = list(itertools.islice(made.at_instants(np.random.default_rng(0)), 2))
    assert rows[0]["kind"] == "command"
    assert all(each["equal"] and each["rows_lost"] == 0 for each in rows)
    assert not any(each["outlived"] for each in rows)


@pytest.mark.slow
def test_keeping_state_is_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(cost, "EPOCHS", 2)
    rows = cost.rows(tmp_path, few=True)
    assert [each["normalization"] for each in rows] == ["none", "batch"]
    assert all(0 < each["keeping_seconds"] < each["epoch_seconds"] for each in rows)


@pytest.mark.parametrize("arguments", ["--kills 0", "--parts none", "--kinds odd"])
def test_wrong_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as refused:
        survival.parsed(arguments.split())
    assert refused.value.code == 2 and "error: argument --" in capsys.readouterr().err
