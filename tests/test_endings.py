"""How commands end when they are stopped, or when nobody reads what they print."""

import dataclasses
import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from own import tiny

from experiments import claims
from hfc_keras import endings, files

pytestmark = pytest.mark.usefixtures("interruptible")

ROOT = Path(__file__).parents[1]
RARE = functools.partial(pytest.param, marks=pytest.mark.slow)
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
# A module that says that it is being imported, and takes its time; as TensorFlow does.
SLOW = """
import time
print("importing", flush=True)
try:
    time.sleep(60)
except BaseException:
    raise ImportError("what a package may make of a signal")
"""
STOPPED = """
import os, signal, sys, time
from hfc_keras import endings
with endings.met() as command:
    command.advice = "The same command goes on."
    try:
        print("ready", file=sys.stderr, flush=True)
        time.sleep(60)
    finally:
        print("cleaning", file=sys.stderr, flush=True)
        if "slowly" in sys.argv:
            time.sleep(60)
"""


def start(*arguments, **environment):
    """Start Python in a process of its own."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(stream, line):
    """Read what a process prints up to a line."""
    for found in stream:
        if found.strip() == line:
            return
    raise AssertionError(f"{line} was not printed")


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_stopped_command_cleans_up_and_says_so(number, status):
    process = start("-c", STOPPED)
    wait_for(process.stderr, "ready")
    process.send_signal(number)
    error = process.communicate(timeout=60)[1]
    assert error == "cleaning\n\nStopped. The same command goes on.\n"
    assert process.returncode == status


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_second_signal_ends_at_once(number, status):
    process = start("-c", STOPPED, "slowly")
    wait_for(process.stderr, "ready")
    process.send_signal(signal.SIGTERM)
    wait_for(process.stderr, "cleaning")
    process.send_signal(number)
    assert process.communicate(timeout=20)[1] == "\nStopped.\n"
    assert process.returncode == status


@pytest.mark.parametrize(("number", "status"), SIGNALS)
@pytest.mark.parametrize("module", ["hfc_keras doctor", "experiments", "experiments.batch_size"])
def test_a_signal_during_imports_leaves_no_traceback(tmp_path, module, number, status):
    for name in ("keras", "numpy"):
        (tmp_path / f"{name}.py").write_text(SLOW)
    process = start("-m", *module.split(), PYTHONPATH=str(tmp_path))
    wait_for(process.stdout, "importing")
    process.send_signal(number)
    assert process.communicate(timeout=20)[1] == "\nStopped.\n"
    assert process.returncode == status


def test_a_signal_that_is_ignored_stays_ignored():
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + STOPPED
    process = start("-c", code.replace("sleep(60)", "sleep(1)"))
    wait_for(process.stderr, "ready")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_handlers_are_those_of_before():
    before = [signal.getsignal(number) for number in endings.STOPS]
    with endings.met():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in endings.STOPS] == before
    assert not isinstance(sys.stdout, endings._Unread)


def test_what_a_library_makes_of_a_signal_is_a_stop_too(capsys):
    def stopped():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        except BaseException as error:
            raise RuntimeError("UnknownError: Stopped: SIGTERM") from error

    with pytest.raises(SystemExit) as left, endings.met():
        stopped()
    assert left.value.code == 143 and capsys.readouterr().err == "\nStopped.\n"
    with pytest.raises(RuntimeError, match="own"), endings.met():
        raise RuntimeError("its own")


def test_a_file_is_written_whole_before_a_stop(tmp_path, monkeypatch):
    force = files.to_disk

    def stopped(path):
        os.kill(os.getpid(), signal.SIGTERM)
        force(path)

    monkeypatch.setattr(files, "to_disk", stopped)
    with pytest.raises(SystemExit) as left, endings.met():
        files.write_whole(tmp_path / "a.txt", "text")
        raise AssertionError("went on")
    assert left.value.code == 143
    assert [path.read_text() for path in tmp_path.iterdir()] == ["text"]


@pytest.mark.few(1)
@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_stopped_experiment_goes_on(tmp_path, capsys, number, status):
    measure = tiny.measure

    def stop_at(cell):
        if cell.name == "dropout_1":
            os.kill(os.getpid(), number)
            time.sleep(10)
        return measure(cell)

    told = ["--recipes", "plain", "dropout_1", "--dataset", "digits"]
    told += ["--results", str(tmp_path / "results"), "--store", str(tmp_path / "store")]
    with pytest.raises(SystemExit) as left:
        dataclasses.replace(tiny.EXPERIMENT, measure=stop_at).main(told)
    assert left.value.code == status
    error = capsys.readouterr().err
    assert error == "\nStopped. Run the same command again to resume.\n"
    tiny.EXPERIMENT.main(told)
    assert "[2/2] dropout_1" in (out := capsys.readouterr().out) and "[1/2]" not in out


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "arguments",
    [
        ["experiments"],
        ["experiments.batch_size", "--help"],
        # Each imports Keras, and ends as the one before.
        RARE(["experiments.all", "--help"]),
        RARE(["experiments.claims"]),
        RARE(["hfc_keras"]),
        RARE(["hfc_keras", "selfcheck", "--help"]),
    ],
)
def test_a_reader_may_leave(arguments):
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", *arguments]
    if arguments == ["experiments.claims"]:
        command += ["--results", os.devnull]
    ended = subprocess.run(
        command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert ended.returncode == (2 if "claims" in arguments[0] else 0), ended.stderr
    assert "Traceback" not in ended.stderr and "BrokenPipe" not in ended.stderr


def test_work_goes_on_when_nobody_reads():
    code = """
from hfc_keras import endings
import sys
with endings.met():
    for number in range(100_000):
        print(number, flush=number % 1000 == 0)
    sys.stderr.write("done")
"""
    process = start("-c", code)
    process.stdout.readline()
    process.stdout.close()
    with process.stderr as stream:
        error = stream.read()
    assert process.wait(60) == 0 and error == "done"


@pytest.mark.parametrize("option", ["results", "store", "data-dir"])
@pytest.mark.parametrize("empty", [["{}", ""], ["{}="]])
def test_an_empty_path_is_refused(capsys, option, empty):
    told = [part.format(f"--{option}") for part in empty]
    with pytest.raises(SystemExit) as left:
        tiny.EXPERIMENT.main(told)
    name = option.replace("-", "_")
    expected = f"error: `{name}` must be a folder, not empty. Received: {name}=''\n"
    assert (left.value.code, capsys.readouterr().err) == (2, expected)


def test_claims_refuses_paths_that_are_no_folder(tmp_path, capsys):
    (tmp_path / "file").touch()
    for path in ("", tmp_path / "file", tmp_path / "absent"):
        with pytest.raises(SystemExit) as left:
            claims.main(["--results", str(path)])
        assert left.value.code == 2
        assert "error: `results` must be a folder" in capsys.readouterr().err
