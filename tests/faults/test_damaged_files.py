"""Rows 3, 4, 5 and 33: checkpoints, records and tables that are not what they were."""

import json
import re
import shutil

import pytest
from own import sweep

PROGRESS = ("progress.npz", "progress-before.npz")


@pytest.fixture
def folder(swept, tmp_path):
    """The test's own copy of a sweep."""
    return shutil.copytree(swept, tmp_path / "copy")


def contents(folder):
    """Files of a folder by name, without what a lock leaves."""
    paths = [path for path in folder.rglob("*") if path.is_file() and "lock" not in path.name]
    return {str(path): path.read_bytes() for path in paths}


def refused(folder, capsys, *arguments):
    """Run the sweep, which is refused; return what it said."""
    with pytest.raises(SystemExit) as left:
        sweep.run(folder, *arguments)
    assert left.value.code == 2
    return capsys.readouterr().err


def test_with_no_whole_checkpoint_nothing_is_trained_or_removed(folder, capsys):
    shutil.rmtree(folder / "smoke")
    stores = [path.parent for path in (folder / "store").glob("*/progress.npz")]
    for store in stores:
        for name, damage in zip(PROGRESS, (lambda c: c[: len(c) // 2], flipped), strict=True):
            (store / name).write_bytes(damage((store / name).read_bytes()))
    before = contents(folder)
    told = refused(folder, capsys)
    assert told.startswith("error: `store` must hold a state that the training can go on from")
    assert told.count("\n") == 1 and all(name in told for name in PROGRESS)
    assert any(f"remove {store} to train anew" in told for store in stores)
    assert contents(folder) == before
    for store in stores:
        shutil.rmtree(store)
    sweep.run(folder)


def test_a_first_checkpoint_that_is_damaged_is_refused_too(folder, capsys):
    """There is none before it: after one epoch as after a training of one."""
    shutil.rmtree(folder / "smoke")
    for path in (folder / "store").glob("*/progress*.npz"):
        path.write_bytes(b"")
        if "before" in path.name:
            path.unlink()
    assert "progress.npz" in refused(folder, capsys)


def test_with_one_whole_checkpoint_it_ends_the_same(folder, swept):
    shutil.rmtree(folder / "smoke")
    for path in (folder / "store").glob("*/progress.npz"):
        path.write_bytes(flipped(path.read_bytes()))
    with pytest.warns(UserWarning, match="Training goes back: .*progress.npz"):
        sweep.run(folder)
    assert sweep.state(folder) == sweep.state(swept)


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_cells_of_other_settings_are_refused_by_what_differs(folder, capsys):
    other = sweep.dataclasses.replace(
        sweep.EXPERIMENT,
        recipes=lambda settings: {
            name: recipe.but(batch_size=10, weight_decay=0.1)
            for name, recipe in sweep.recipes(settings).items()
        },
    )
    before = contents(folder)
    with pytest.raises(SystemExit) as left:
        sweep.run(folder, experiment=other)
    told = capsys.readouterr().err
    assert left.value.code == 2 and contents(folder) == before
    assert "batch_size 20, now 10, weight_decay default, now 0.1); choose another" in told
    sweep.run(folder, "--fresh", experiment=other)


def test_cells_of_a_recipe_that_is_gone_are_refused(folder, capsys):
    record = sweep.table(folder).with_suffix(".json")
    one = sweep.dataclasses.replace(
        sweep.EXPERIMENT, recipes=lambda settings: {"dropout": sweep.recipes(settings)["dropout"]}
    )
    with pytest.raises(SystemExit):
        sweep.run(folder, experiment=one)
    assert "['again seed 0']: no recipe has this name)" in capsys.readouterr().err
    assert len(json.loads(record.read_text())["cells"]) == 2


@pytest.mark.parametrize("cut", [1, 2, 12])
def test_an_unfinished_last_row_is_measured_again(folder, capsys, cut):
    """One character is the newline alone, two take a digit with it, 12 take whole values."""
    path = sweep.table(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    sweep.run(folder)
    told = capsys.readouterr()
    assert "damaged: " in told.err and "it is measured again" in told.err
    assert "[2/2] again seed 0" in told.out and "[1/2]" not in told.out
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("0.", "0.9", 1), "have changed since.*lines=2 to 2"),
        (lambda text: text.replace("dropout,0,", "dropout,0,,", 1), "a row has 5 cells.*line=2"),
        (lambda text: "", "it is empty.*line=1"),
        (lambda text: text.replace("value", "measure", 1), "stands in it twice.*line=1"),
        (lambda text: text.replace("\n", ",1\n").replace(",1\n", ",more\n", 1), "line=1"),
        (lambda text: text.replace("again", 'ag"ain\nx', 1), "line="),
    ],
    ids=["a digit", "a cell more", "empty", "a column twice", "a column more", "torn inside"],
)
def test_other_damage_of_a_table_is_an_error_by_file_and_line(folder, capsys, change, message):
    path = sweep.table(folder)
    path.write_text(change(path.read_text()))
    before = contents(folder)
    told = refused(folder, capsys)
    assert re.search(message, told), told
    assert str(path) in told and contents(folder) == before


def test_what_editors_leave_changes_nothing(folder, capsys):
    """A byte-order mark and the line ends of Windows."""
    path = sweep.table(folder)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    sweep.run(folder)
    assert "[1/2]" not in capsys.readouterr().out
