"""What the tests share."""

import collections
import gc
import importlib.util
import os
import signal
import subprocess
import sys
from concurrent.futures import Future

import numpy as np
import pytest
from own import fresh

# Else TensorFlow tells every process that there is no GPU, as an error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# With oneDNN, TensorFlow gives a convolution of no images the shape of its input; the experiments
# switch it on, which would here depend on which file is imported first.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# Graphs are many small objects that live long; looking through them often is a waste.
gc.set_threshold(5_000, 20, 50)
# Processes side by side, each with one thread per core, wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if os.environ.get("KERAS_BACKEND") == "torch":
    from own import strict_tensors

    strict_tensors.require_conversion()
# Doctests are looked for in every module, also in those that need PyTorch.
if importlib.util.find_spec("torch") is None:
    collect_ignore = ["own/strict_tensors.py", "own/torch_reference.py"]
WITHOUT_TENSORFLOW, CASES = os.environ.get("KERAS_BACKEND") in ("jax", "torch"), 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Leave the cases beyond the first ones of a test to ``make test-all``.

    With JAX and PyTorch every test runs its first case only: TensorFlow runs the others, and a
    difference between the backends shows in any of them.
    """
    counts = collections.Counter()
    for item in items:
        few = item.get_closest_marker("few")
        case = item.nodeid.partition("[")[0]
        counts[case] += 1
        if few and counts[case] > few.args[0]:
            item.add_marker(pytest.mark.slow)
        elif WITHOUT_TENSORFLOW and counts[case] > CASES:
            item.add_marker(pytest.mark.slow_on_jax)


def pytest_runtest_setup(item):
    """Skip what needs TensorFlow where the backend is another one."""
    import keras

    if item.get_closest_marker("tensorflow") and keras.backend.backend() != "tensorflow":
        pytest.skip("needs the TensorFlow backend")


@pytest.fixture(scope="session", autouse=True)
def without_graph_optimizations():
    """Build graphs faster."""
    from own import graphs

    graphs.leave_unoptimized()


@pytest.fixture
def rng():
    """Random numbers that are the same in every run."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def digits():
    """A few of the handwritten digits."""
    from hfc_keras import data

    return data.load("digits", examples=(200, 100))


@pytest.fixture
def run(request, tmp_path):
    """Run an experiment on digits, as small as the module says; return the stem of its files."""

    def run(experiment, arguments):
        paths = ["--results", str(tmp_path), "--store", str(tmp_path / "store")]
        experiment.EXPERIMENT.main([*request.module.SMALL.split(), *arguments.split(), *paths])
        return tmp_path / "smoke" / "digits" / experiment.__name__.rpartition(".")[2]

    return run


@pytest.fixture
def only(monkeypatch):
    """Have a profile ask some questions alone."""
    from hfc_keras.inspection import inspecting

    def choose(*keys):
        chosen = tuple(each for each in inspecting.SECTIONS if each.key in keys)
        monkeypatch.setattr(inspecting, "SECTIONS", chosen)

    return choose


@pytest.fixture
def new_python():
    """Run code in a process that has imported nothing; return what it printed."""

    def run(code, environment=None):
        result = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    return run


@pytest.fixture
def keras_settings():
    """Keras' global settings, to be changed and put back."""
    import keras

    before = keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy()
    yield keras.config
    keras.config.set_floatx(before[0])
    keras.config.set_image_data_format(before[1])
    keras.config.set_dtype_policy(before[2])


@pytest.fixture(scope="session")
def keras_processes():
    """The one process of a session that imports Keras for all that ask for a fresh one."""
    server = fresh.Server()
    yield server
    server.end()


@pytest.fixture(scope="session")
def fresh_python(keras_processes, tmp_path_factory):
    """Run code in a process that has imported Keras alone; return what it printed."""

    def run(code, *arguments):
        folder = tmp_path_factory.mktemp("fresh")
        status, out, error = keras_processes.run(code, [*map(str, arguments)], folder)
        assert status == 0, error
        return out.strip()

    return run


@pytest.fixture
def interruptible():
    """Stop at SIGINT here and in children, also where a shell has it ignored, as after ``&``."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def in_this_process(monkeypatch):
    """Have ``experiments.all`` measure its cells one after the other in this process."""
    from hfc_keras.lab.parallel import dealing, remote

    def completed(tasks, crew, until=None, say=None):
        for task in tasks:
            future = Future()
            try:
                future.set_result(remote.measure(task.name, task.cell))
            except Exception as error:
                future.set_exception(error)
            yield task, future

    monkeypatch.setattr(dealing, "completed", completed)


@pytest.fixture
def own(tmp_path, rng):
    """Arguments for a data set of odd size with one channel and files in the test's folder."""
    pixels, labels = rng.integers(0, 256, (60, 9, 11, 1), "uint8"), np.arange(60) % 2
    path = tmp_path / "odd.npz"
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:20], y_test=labels[:20])

    def arguments(*told, results="results", store="store"):
        paths = ["--results", tmp_path / results, "--store", tmp_path / store]
        return [str(part) for part in ("--dataset", path, *paths, *told)]

    return arguments
