"""Tables of results that are not what they were."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from experiments import seal
from hfc_keras import files, records, reporting
from hfc_keras.reporting.table_files import checksums

KEYS = ["recipe", "seed", "radius"]


def rows():
    """Two recipes with two radii each; one cell has no loss."""
    return pd.DataFrame(
        {
            "recipe": ["a", "a", "b", "b"],
            "seed": 0,
            "radius": [1.0, 2.0, 1.0, 2.0],
            "accuracy": [0.1, 0.30000000000000004, 0.5, 1.0],
            "loss": [2, 3, np.nan, np.nan],
            "source": ["x", "x", "y", "y"],
        }
    )


def write(folder, checked=True):
    """Write table and record; return the path of the table."""
    text = rows().to_csv(index=False)
    sums = checksums(text) if checked else {}
    cells = {f"{name} seed 0": {"key": "k", "rows": 2} for name in "ab"}
    cells = {
        label: cell | ({"sha256": sums[label]} if sums else {}) for label, cell in cells.items()
    }
    record = {"runs": [], "columns": list(rows()), "cells": cells}
    (folder / "t.json").write_text(json.dumps(records.sealed(record) if checked else record))
    return files.write_whole(folder / "t.csv", text)


DAMAGE = {
    "a digit": (lambda text: text.replace("0.5", "0.9"), "of 'b seed 0' have .*lines=4 to 5"),
    "a sign": (lambda text: text.replace(",2.0,0.3", ",2.0,-0.3"), "'a seed 0'.*lines=2 to 3"),
    "a word": (lambda text: text.replace(",x", ",z", 1), "'a seed 0'.*lines=2 to 3"),
    "emptied": (lambda text: text.replace(",0.5,", ",,"), "'b seed 0'"),
    "out of order": (
        lambda text: "".join(np.array(text.splitlines(keepends=True))[[0, 2, 1, 3, 4]]),
        "'a seed 0'",
    ),
}
# Told without checksums, too.
FORM = {
    "no share": (lambda text: text.replace("0.5", "7.5"), "accuracy='7.5'.*line=4"),
    "no number": (lambda text: text.replace("0.5", "abc"), "accuracy='abc'.*line=4"),
    "nan in words": (lambda text: text.replace("0.5", "nan"), "accuracy='nan'.*line=4"),
    "a cell less": (lambda text: text.replace("0.5,", ""), "a row has 5 cells.*line=4"),
    "a cell more": (lambda text: text.replace("0.5,", "0.5,1,"), "a row has 7 cells.*line=4"),
    "null": (lambda text: text.replace("0.5", "0\x005"), "NUL byte.*line=4"),
    "no text": (lambda text: text.replace("0.5", "0\udcff5"), "no UTF-8.*line=4"),
    "a row gone": (lambda text: "".join(text.splitlines(keepends=True)[:-1]), "has others of"),
    "a column more": (
        lambda text: text.replace("\n", ",1\n").replace("source,1", "source,more"),
        "columns of its record.*line=1",
    ),
    "a column twice": (lambda text: text.replace("loss", "accuracy"), "stands in it twice.*line=1"),
    "html": (lambda text: "<html>\n", "missing are"),
    "empty": (lambda text: "", "whole CSV"),
    "torn": (lambda text: text[:-3], "last line breaks off.*line=5"),
    "open quote": (lambda text: text.replace("0.5", '"0.5'), "whole CSV.*line="),
}


@pytest.mark.parametrize(
    ("damage", "checked"),
    [*((name, True) for name in (*DAMAGE, *FORM)), *((name, False) for name in FORM)],
)
def test_a_damaged_table_is_refused_by_file_and_line(tmp_path, damage, checked):
    change, message = {**DAMAGE, **FORM}[damage]
    path = write(tmp_path, checked)
    path.write_bytes(change(path.read_text()).encode(errors="surrogateescape"))
    if checked and damage in ("no share", "no number", "nan in words"):
        message = "'b seed 0' have changed.*lines=4 to 5"
    with pytest.raises(ValueError, match=message) as refused:
        reporting.read_table(path, KEYS)
    assert "Received: path=" in str(refused.value) or "path='" in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(",2.0,x", ",2,x"),
        lambda text: text + "\n",
    ],
)
def test_what_editors_do_to_the_ends_of_lines_changes_nothing(tmp_path, change):
    path = write(tmp_path)
    path.write_bytes(change(path.read_text()).encode())
    pd.testing.assert_frame_equal(reporting.read_table(path, KEYS), rows())


def test_rows_keep_their_checksum_when_columns_are_added():
    few, more = rows().drop(columns="loss"), rows().assign(radius=[1, 2, 1, 2])[:2]
    together = pd.concat([few[2:], more], ignore_index=True).to_csv(index=False)
    apart = {
        **checksums(few[2:].to_csv(index=False)),
        **checksums(more.to_csv(index=False)),
    }
    assert checksums(together) == apart


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record | {"runs": [1]}, "its checksum is another one"),
        (lambda record: [record], "it is a list"),
        (lambda record: record | {"format": 5}, "update hfc_keras.*Received: format=5"),
        (lambda record: record | {"format": None}, "`format` of a file must be a whole number"),
    ],
)
def test_a_changed_record_is_refused(tmp_path, change, message):
    path = write(tmp_path)
    record = path.with_suffix(".json")
    record.write_text(json.dumps(change(json.loads(record.read_text()))))
    with pytest.raises(files.UnusableFileError, match=f"{message}.*{record.name}"):
        reporting.read_table(path, KEYS)


def test_sealing_adds_checksums_and_nothing_else(tmp_path, capsys):
    folder = tmp_path / "quick" / "digits"
    folder.mkdir(parents=True)
    path = write(folder, checked=False)
    before, table = json.loads(path.with_suffix(".json").read_text()), path.read_bytes()
    shutil.copytree(folder, tmp_path / "quick" / "torn")
    torn = tmp_path / "quick" / "torn" / "t.csv"
    torn.write_text(torn.read_text().replace("0.5", "5.5"))
    for count in (1, 0):
        with pytest.raises(SystemExit) as left:
            seal.main(["--results", str(tmp_path)])
        out, error = capsys.readouterr()
        assert left.value.code == 2 and f"sealed: {count}, damaged: 1" in out
        assert "error: `accuracy` of a results table must be a share" in error and "torn" in error
    after = json.loads(path.with_suffix(".json").read_text())
    assert path.read_bytes() == table and after["runs"] == before["runs"]
    assert after.pop("sha256") and after.pop("format") == records.FORMAT
    for cell in after["cells"].values():
        cell.pop("sha256")
    assert after == before
    path.write_text(path.read_text().replace("0.5", "0.6"))
    with pytest.raises(files.UnusableFileError, match="must hold what was measured"):
        reporting.read_table(path, KEYS)
