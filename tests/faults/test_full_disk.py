"""Row 6: a disk that is full, a quota that is used up, a folder that cannot be written."""

import contextlib
import shutil
import signal

import pandas as pd
import pytest
from own import sweep

from hfc_keras import files, training

resource = pytest.importorskip("resource")
# A file system of the process's own that holds next to nothing.
SMALL_DISK = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
user, group, disk = os.getuid(), os.getgid(), sys.argv[1].encode()
if libc.unshare(0x10000000 | 0x20000):
    os._exit(77)
for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)
if libc.mount(b"none", disk, b"tmpfs", 0, b"size=48k"):
    os._exit(77)
try:
    sweep.run(sys.argv[1], "--recipes", "dropout")
except SystemExit as left:
    os._exit(1 if sweep.strays(sys.argv[1]) else left.code)
"""


@contextlib.contextmanager
def files_of_at_most(size):
    """Have the system refuse to write more than some bytes into a file, as a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def contents(folder):
    paths = [path for path in folder.rglob("*") if path.is_file() and "lock" not in path.name]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_a_training_says_so_in_a_line_and_goes_on_later(tmp_path, swept, capsys):
    with files_of_at_most(4_000), pytest.raises(SystemExit) as left:
        sweep.run(tmp_path)
    told = capsys.readouterr().err
    assert left.value.code == 2 and told.count("\n") == 1
    assert told.startswith("error: `path` must be writable (File too large, ")
    assert "GB free). Received: path=" in told and "epoch-0001.npz" in told
    assert sweep.strays(tmp_path) == []
    sweep.run(tmp_path)
    assert sweep.state(tmp_path) == sweep.state(swept)


def test_a_table_keeps_its_rows(tmp_path, swept, capsys):
    shutil.copytree(swept / "store", tmp_path / "store")
    sweep.run(tmp_path, "--recipes", "dropout")
    before = contents(tmp_path / "smoke")
    # The table still fits, the record beside it no more.
    size = sweep.table(tmp_path).with_suffix(".json").stat().st_size
    with files_of_at_most(size), pytest.raises(SystemExit) as left:
        sweep.run(tmp_path)
    assert left.value.code == 2 and "tiny.json" in capsys.readouterr().err
    after = contents(tmp_path / "smoke")
    assert {name for name in after if after[name] != before.get(name)} <= {"digits/tiny.csv"}
    sweep.run(tmp_path)
    assert sweep.state(tmp_path) == sweep.state(swept)


def test_a_measure_is_kept_whole_or_not_at_all(tmp_path):
    recipe = training.Recipe(dataset="digits", examples=(20, 10), model="small_cnn", epochs=1)
    store, dataset = training.Store(tmp_path), training.load_data(recipe)
    rows = pd.DataFrame({"radius": range(2_000), "accuracy": 0.5})
    call = recipe, dataset, "name", {}, lambda: rows
    with files_of_at_most(1_000), pytest.raises(files.UnusableFileError, match="File too large"):
        store.measured(*call)
    assert contents(tmp_path) == {}
    pd.testing.assert_frame_equal(store.measured(*call), rows)


def test_publishing_leaves_the_model_as_it_was(tmp_path):
    recipe = training.Recipe(dataset="digits", examples=(20, 10), model="small_cnn", epochs=1)
    store = training.Store(tmp_path / "store", published=tmp_path / "models")
    dataset, trained = training.load_data(recipe), training.fit(recipe)
    store.publish(recipe, dataset, *trained)
    before = contents(store.published)
    trained[0].set_weights([2 * each for each in trained[0].get_weights()])
    with files_of_at_most(8_000), pytest.raises(files.UnusableFileError, match="GB free"):
        store.publish(recipe, dataset, *trained)
    assert contents(store.published) == before


def test_a_disk_without_room_is_named(child, tmp_path):
    status, _, told = child(SMALL_DISK, tmp_path)
    if status == 77:
        pytest.skip("no disk can be made here")
    assert status == 2, told
    assert "error: `path` must be writable (No space left on device, 0.0 GB free)" in told
    assert "Traceback" not in told


def test_what_cannot_be_written_is_refused_first(capsys):
    """Nobody can make a folder there, whatever his rights."""
    with pytest.raises(SystemExit) as left:
        sweep.run("/proc/results")
    told = capsys.readouterr().err
    assert left.value.code == 2 and "must be a folder that can be written" in told
    assert told.count("\n") == 1
