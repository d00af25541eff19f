"""Row 8: two commands in one folder, each a process of its own."""

import os
import subprocess
import sys

import pytest
from own import sweep

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the lock is held by a process of POSIX")
# Holds a lock until it is told to end.
HOLDS = """
import sys
from hfc_keras import files
with files.locked(sys.argv[1], wait=False):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """A lock that another process holds, and a call that ends it."""
    path = tmp_path / "smoke" / "digits" / ".tiny.lock"
    path.parent.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "held\n"
        yield path, process
        process.kill()


def test_the_second_is_refused_until_the_first_ends_however_it_does(held, tmp_path, capsys):
    path, process = held
    with pytest.raises(SystemExit) as left:
        sweep.run(tmp_path, "--recipes", "dropout")
    told = capsys.readouterr().err
    assert left.value.code == 2
    expected = "error: `results` is in use by another process. Received: results="
    assert told == f"{expected}{str(path)!r}\n"
    assert not sweep.table(tmp_path).exists()
    process.kill()
    process.wait()
    sweep.run(tmp_path, "--recipes", "dropout")
    assert sweep.table(tmp_path).exists()
