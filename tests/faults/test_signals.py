"""Row 7: SIGTERM and Ctrl-C in the middle of a training, and a second one."""

import os
import signal

import pytest
from own import sweep

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
# The signal comes once two epochs are kept, from outside of what is running.
STOPPED = """
import time
def send():
    while not sorted(sweep.Path(sys.argv[1]).rglob("epoch-0002.npz")):
        time.sleep(0.001)
    os.kill(os.getpid(), int(sys.argv[2]))
threading.Thread(target=send, daemon=True).start()
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    sweep.run(sys.argv[1])
except SystemExit as left:
    os._exit(left.code)
"""


@pytest.mark.few(1)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_training_keeps_its_epochs_and_ends_the_same(
    child, swept, tmp_path, number, status
):
    found, _, told = child(STOPPED, tmp_path, int(number))
    assert (found, told) == (status, "\nStopped. Run the same command again to resume.\n")
    kept = sorted(path.name for path in tmp_path.rglob("epoch-*.npz"))
    assert kept[:2] == ["epoch-0001.npz", "epoch-0002.npz"] and sweep.strays(tmp_path) == []
    sweep.run(tmp_path)
    assert sweep.state(tmp_path) == sweep.state(swept)
