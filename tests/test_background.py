"""The priority of runs in the background."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hfc_keras.lab.parallel import background

ROOT = Path(__file__).parents[1]


def test_the_priority_is_the_lowest():
    words = "import os; from hfc_keras.lab.parallel import background\n"
    words += "with background.lowest_priority(): print(os.nice(0))"
    done = subprocess.run(
        [sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["19"]


@pytest.mark.parametrize("content", ["", "/autogroup-7 nice ?"])
def test_a_session_that_has_no_priority_is_left_as_it_is(monkeypatch, tmp_path, content):
    path = tmp_path / "autogroup"
    path.write_text(content)
    monkeypatch.delattr(os, "nice")
    monkeypatch.setattr(background, "AUTOGROUP", path)
    with background.lowest_priority():
        assert path.read_text() == content


def test_a_session_has_its_priority_back(monkeypatch, tmp_path):
    path = tmp_path / "autogroup"
    path.write_text("/autogroup-7 nice -3\n")
    monkeypatch.delattr(os, "nice")
    monkeypatch.setattr(background, "AUTOGROUP", path)
    with background.lowest_priority():
        assert path.read_text() == "19"
    assert path.read_text() == "-3"


def test_a_system_without_priorities_is_left_as_it_is(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "nice")
    monkeypatch.setattr(background, "AUTOGROUP", tmp_path / "absent")
    with background.lowest_priority():
        assert not (tmp_path / "absent").exists()
