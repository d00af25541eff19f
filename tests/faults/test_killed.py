"""Rows 1 and 2: processes that are killed, at any moment and in the middle of a write."""

import os
import random
import signal

import pytest
from own import sweep

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
# Kills when something in the folder is about to be renamed for the n-th time.
AT_A_RENAME = """
left = int(sys.argv[2])
def kill(event, told):
    global left
    if event == "os.rename" and str(told[1]).startswith(sys.argv[1]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(kill)
sweep.run(sys.argv[1])
"""
AT_AN_INSTANT = """
def killed(cell):
    threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGKILL)).start()
    return sweep.tiny.measure(cell)
sweep.run(sys.argv[1], experiment=sweep.dataclasses.replace(sweep.EXPERIMENT, measure=killed))
os._exit(0)
"""
SLOW = pytest.mark.slow


def killed_again_and_again(child, folder, code, moments):
    """Run a command and kill it at each of some moments; return what was half written then."""
    left, ended = [], []
    for moment in moments:
        status, _, told = child(code, folder, moment)
        assert status in (-signal.SIGKILL, 0), told
        ended.append(status)
        left += sweep.strays(folder)
    assert -signal.SIGKILL in ended
    return left


@pytest.mark.parametrize(
    "moments", [(3, 4), pytest.param(range(12), marks=SLOW)], ids=["two", "many"]
)
def test_killed_before_a_rename_it_ends_the_same(child, swept, tmp_path, moments):
    """The fourth and fifth renames are those of an epoch's weights and of the progress."""
    left = killed_again_and_again(child, tmp_path, AT_A_RENAME, moments)
    assert any("epoch-0001.npz" in name for name in left)
    sweep.run(tmp_path)
    assert sweep.state(tmp_path) == sweep.state(swept)
    assert sweep.strays(tmp_path) == []


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_the_same(child, swept, tmp_path):
    moments = random.Random(0)
    instants = [round(moments.uniform(0, 1.5), 3) for _ in range(5)]
    killed_again_and_again(child, tmp_path, AT_AN_INSTANT, instants)
    sweep.run(tmp_path)
    assert sweep.state(tmp_path) == sweep.state(swept)
    assert sweep.strays(tmp_path) == []


def test_a_lock_of_a_killed_process_holds_nobody_up(child, tmp_path):
    """Row 8: the system opens what a dead process had locked; nothing is guessed from its age."""
    status, _, _ = child(AT_A_RENAME, tmp_path, 0)
    assert status == -signal.SIGKILL
    locks = [path for path in tmp_path.rglob(".*lock") if path.is_file()]
    assert len(locks) >= 2
    sweep.run(tmp_path, "--recipes", "dropout")
    assert sweep.table(tmp_path).exists()
