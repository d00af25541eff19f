"""Row 8: two commands in one folder, each a process of its own."""

import errno
import os
import subprocess
import sys

import pytest
from own import sweep

from hfc_keras import files

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


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS], ids=errno.errorcode.get)
def test_a_file_system_without_locks_is_said_and_holds_nobody_up(tmp_path, monkeypatch, number):
    """NFS without its daemon says the one, Lustre as it is often mounted the other."""

    def flock(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    for wait in (True, False):
        with (
            pytest.warns(UserWarning, match="`path` has no locks .*: let no other run use it"),
            files.locked(tmp_path / ".lock", wait=wait),
        ):
            pass
