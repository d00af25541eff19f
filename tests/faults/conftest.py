"""What the tests of faults share: processes to be killed, and an experiment of two epochs."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# A copy of a process that has imported Keras; what it runs may end it in any way.
PREAMBLE = f"""
import os, signal, sys, threading
sys.path.insert(0, {str(TESTS)!r})
from own import graphs, sweep
graphs.leave_unoptimized()
"""


@pytest.fixture(scope="session")
def child(keras_processes, tmp_path_factory):
    """Run code in a process of its own; return its status and what it wrote."""

    def run(code, *arguments):
        folder = tmp_path_factory.mktemp("child")
        return keras_processes.run(PREAMBLE + code, [*map(str, arguments)], folder)

    return run


@pytest.fixture(scope="session")
def swept(child, tmp_path_factory):
    """Folder of a sweep that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("swept")
    status, _, error = child("sweep.run(sys.argv[1])", folder)
    assert status == 0, error
    return folder
