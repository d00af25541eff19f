"""Rows 28 to 32: memory, paths, languages, pipes and clocks of the machine around."""

import ast
import os
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from keras import ops
from own import sweep

from hfc_keras import __main__ as command_line
from hfc_keras import analysis, data, files, full_memory, models
from hfc_keras.models import registry

ROOT = Path(__file__).parents[2]
PACKAGES = ("hfc_keras", "experiments")
SOURCES = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]


@keras.saving.register_keras_serializable()
class Greedy(keras.layers.Layer):
    """Layer that needs more for 256 images than a process can address, and little for a few."""

    def call(self, inputs):
        images = ops.shape(inputs)[0]
        copies = ops.tile(inputs, (images**2, images, images, 1))
        return inputs + ops.minimum(ops.min(ops.abs(copies)), 0.0)

    def compute_output_shape(self, input_shape):
        return input_shape


def greedy(input_shape, classes, units=4):
    parts = [Greedy(), keras.layers.Flatten(), keras.layers.Dense(classes, dtype="float32")]
    return keras.Sequential([keras.Input(input_shape), *parts])


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(registry, "_builders", {})
    models.register("greedy", greedy)


MESSAGE = "A batch must fit into the memory of the device; try batch_size=128. Received: images at"


@pytest.mark.tensorflow
def test_a_batch_too_large_for_the_memory_is_told_with_a_smaller_one():
    digits = data.load("digits", examples=(1, 300)).test
    model = greedy((8, 8, 1), 10)
    with pytest.raises(MemoryError, match=f"{MESSAGE} once=256, .*OOM"):
        analysis.frequency_accuracy(model, digits, radii=[2])
    table = analysis.frequency_accuracy(model, digits, radii=[2], batch_size=8)
    assert len(table) == 3


@pytest.mark.tensorflow
def test_a_training_too_large_for_the_memory_is_a_row_and_the_sweep_goes_on(
    registered, swept, tmp_path, capsys
):
    def recipes(settings):
        chosen = sweep.recipes(settings)
        plain = chosen["dropout"].but(width=1, dropout=0.0, examples=(300, 20))
        large = plain.but(model="greedy", batch_size=256)
        return {"large": large, **chosen}

    with pytest.raises(SystemExit) as left:
        sweep.run(tmp_path, experiment=sweep.dataclasses.replace(sweep.EXPERIMENT, recipes=recipes))
    told = capsys.readouterr().err
    assert left.value.code == 1 and f"out_of_memory: large seed 0: {MESSAGE}" in told
    path = sweep.table(tmp_path)
    (row,) = pd.read_csv(path.with_name("tiny.failed.csv")).to_dict("records")
    assert (row["recipe"], row["status"]) == ("large", "out_of_memory")
    assert path.read_bytes() == sweep.table(swept).read_bytes()


def test_a_command_ends_with_it_in_a_line(monkeypatch, capsys):
    class Full:
        def execute(self):
            with full_memory.told(4):
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr("tyro.extras.subcommand_cli_from_dict", lambda *args, **kwargs: Full())
    assert command_line.main(["doctor"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: A batch must fit") and told.count("\n") == 1
    assert "try batch_size=2. " in told


def test_paths_may_hold_spaces_and_any_letters(swept, tmp_path, monkeypatch):
    place = tmp_path / "Über maß 日本 (1)"
    place.mkdir()
    sweep.run(place)
    assert sweep.state(place) == sweep.state(swept)
    arrays = {"x_train": np.zeros((4, 8, 8, 1), "uint8"), "y_train": [0, 1, 0, 1]}
    arrays |= {"x_test": arrays["x_train"], "y_test": arrays["y_train"]}
    np.savez(place / "größe 大.npz", **arrays)
    assert data.load(place / "größe 大.npz").name == "größe 大"
    monkeypatch.chdir(place)
    assert len(data.load("größe 大.npz").train) == 4


@pytest.mark.parametrize("option", ["--results", "--store"])
def test_a_path_that_is_too_long_is_named(option, tmp_path, capsys):
    long = str(tmp_path / ("x" * 300))
    with pytest.raises(SystemExit) as left:
        sweep.run(tmp_path, option, long)
    told = capsys.readouterr().err
    assert left.value.code == 2 and "(File name too long)" in told and long in told


HOMELESS = """
for name in ("HOME", "MPLCONFIGDIR", "KERAS_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
    os.environ.pop(name, None)
os.environ["HOME"] = "/proc/nowhere"
from hfc_keras import reporting
sweep.run(sys.argv[1], "--recipes", "dropout")
import matplotlib.figure
figure = matplotlib.figure.Figure()
figure.subplots().plot([1, 2])
reporting.save_figure(figure, sys.argv[1] + "/figure")
os._exit(0)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder nobody can write to")
def test_a_home_that_cannot_be_written_is_not_needed(child, tmp_path):
    status, _, told = child(HOMELESS, tmp_path)
    assert status == 0, told
    assert sweep.table(tmp_path).exists() and (tmp_path / "figure.png").exists()


ELSEWHERE = """
import locale, time
os.environ.update(TZ="Pacific/Kiritimati", LC_ALL=sys.argv[2], PYTHONUTF8="0")
time.tzset()
locale.setlocale(locale.LC_ALL, sys.argv[2])
assert time.localtime().tm_gmtoff == 14 * 3600
sweep.run(sys.argv[1])
os._exit(0)
"""


@pytest.mark.skipif(os.name == "nt", reason="sets the time zone")
def test_languages_and_time_zones_change_no_byte(child, swept, tmp_path):
    status, _, told = child(ELSEWHERE, tmp_path, "C")
    assert status == 0, told
    content = sweep.table(tmp_path).read_bytes()
    assert content == sweep.table(swept).read_bytes()
    assert b"\r" not in content and content.endswith(b"\n")
    record = pd.read_json(sweep.table(tmp_path).with_suffix(".json"), typ="series")
    written = pd.Timestamp(record["runs"][0]["written"])
    assert written.utcoffset() == pd.Timedelta(0)
    assert abs((pd.Timestamp.now("UTC") - written).total_seconds()) < 600


def calls(path):
    """Name and keywords of every call in a file, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            function = node.func
            yield ast.unparse(function), node


def test_text_files_are_utf_8_whatever_the_machine_thinks():
    for path in SOURCES:
        for name, call in calls(path):
            own = name.rpartition(".")[2]
            named = {keyword.arg for keyword in call.keywords}
            if own in ("read_text", "write_text") or name == "open":
                text = "".join(ast.unparse(each) for each in call.args[1:2])
                assert "encoding" in named or "b" in text, (path, call.lineno)


QUIET = """
import stat
folder = sweep.Path(sys.argv[1])
tool = folder / "bin" / "stty"
tool.parent.mkdir(parents=True)
tool.write_text(f"#!/bin/sh\\necho > {folder}/called\\n")
tool.chmod(0o755)
os.environ["PATH"] = f"{tool.parent}:{os.environ['PATH']}"
from hfc_keras import analysis, attacks, data, models
sweep.run(sys.argv[1], "--recipes", "dropout")
test = data.load("digits", examples=(1, 30)).test
model = models.build("small_cnn", (8, 8, 1), 10)
analysis.fourier_heat_map(model, test)
analysis.robust_accuracy(model, test, attacks=attacks.Pgd(0.1, steps=2))
analysis.corruption_accuracy(model, test, names=["contrast"], severities=[1])
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for stty")
def test_nothing_moves_the_cursor_where_nobody_looks(child, tmp_path):
    status, out, told = child(QUIET, tmp_path)
    assert status == 0, told
    assert not {"\r", "\x1b", "\b"} & {*out, *told}
    assert not (tmp_path / "called").exists()


def test_time_is_measured_by_a_clock_that_does_not_jump():
    """The age of files of other machines is all that the wall clock is asked for."""
    found = {
        (path.name, name)
        for path in SOURCES
        for name, _ in calls(path)
        if name == "time.time" or name.endswith(("datetime.now", "utcnow"))
    }
    assert found <= {
        ("files.py", "time.time"),
        ("record.py", "datetime.datetime.now"),
        ("background.py", "datetime.datetime.now"),
    }


def test_a_clock_that_was_set_back_removes_no_file_of_others(tmp_path):
    """What another machine is writing looks as if it were of the future."""
    path = tmp_path / ".table.csv.00000000-1-1.tmp"
    path.touch()
    future = time.time() + 10 * files.ABANDONED
    os.utime(path, (future, future))
    files.sweep(tmp_path)
    assert path.exists()
    past = time.time() - 10 * files.ABANDONED
    os.utime(path, (past, past))
    files.sweep(tmp_path)
    assert not path.exists()


def test_no_process_is_forked():
    """TensorFlow's threads do not outlive a fork; new processes are started from nothing."""
    used = {name for path in SOURCES for name, _ in calls(path)}
    assert not used & {"os.fork", "os.forkpty", "fork"}
    contexts = {
        ast.unparse(call.args[0])
        for path in SOURCES
        for name, call in calls(path)
        if name.endswith(("get_context", "set_start_method")) and call.args
    }
    assert contexts <= {"'spawn'"}
