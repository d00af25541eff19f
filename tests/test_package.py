import configparser
import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import hfc_keras
from hfc_keras import backend, lab
from hfc_keras.commands import greeting

ROOT = Path(__file__).parents[1]


def setup_cfg():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_importing_the_package_imports_nothing_heavy(new_python):
    code = """
import sys, hfc_keras
heavy = {"keras", "tensorflow", "jax", "numpy", "pandas", "matplotlib"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert "spectrum" in dir(hfc_keras)
print(hfc_keras.spectrum.radial_mask(4, 4, 1).sum())
"""
    assert new_python(code) == "5"


@pytest.mark.parametrize("name", hfc_keras.__all__)
def test_every_public_name_is_there(name):
    assert getattr(hfc_keras, name).__name__ == f"hfc_keras.{name}"


@pytest.mark.parametrize("name", lab.__all__)
def test_every_public_name_of_the_lab_is_there(name):
    value = getattr(lab, name)
    assert value.__name__ == name and value.__module__.startswith("hfc_keras.lab.")
    assert name in dir(lab)


def test_importing_the_lab_imports_nothing_heavy(new_python):
    code = """
import sys, hfc_keras.lab as lab
assert not {"keras", "tensorflow", "jax", "pandas"} & set(sys.modules)
print(lab.Components.__mro__[1] is lab.Radii, "keras" in sys.modules)
"""
    assert new_python(code) == "True True"


@pytest.mark.parametrize(("package", "name"), [(hfc_keras, "spectra"), (lab, "Experiments")])
def test_an_unknown_name_is_an_attribute_error(package, name):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        getattr(package, name)


def test_reporting_needs_no_keras(new_python):
    code = "import sys, hfc_keras.reporting; print('keras' in sys.modules)"
    assert new_python(code) == "False"


@pytest.mark.parametrize("name", backend.OLDEST)
def test_an_extra_is_the_requirements_with_its_backend_for_tensorflow(name):
    options = setup_cfg()["options"]["install_requires"].split("\n")
    extra = setup_cfg()["options.extras_require"][name].split("\n")
    absent = ("tensorflow", "cleverhans", "importlib_resources")
    needed = {line for line in options if line and not line.startswith((*absent, "#"))}
    assert {line for line in extra if line} - needed == {f"{name} >= {backend.OLDEST[name]}"}
    assert needed <= set(extra)


def test_pyproject_is_a_build_stub_and_what_lint_reads():
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(content) == {"build-system", "tool"} and set(content["tool"]) == {
        "ruff",
        "basedpyright",
    }


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path):
    pytest.importorskip("build")
    tree = tmp_path / "tree"
    for folder in ("hfc_keras", "experiments", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tree / folder, ignore=ignored)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path]
    built = subprocess.run([*command, tree], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr + built.stdout
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "hfc_keras/py.typed" in names
    tops = {name.split("/")[0] for name in names}
    assert tops == {"hfc_keras", f"hfc_keras-{hfc_keras.__version__}.dist-info"}


def test_the_version_is_the_changelogs():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest[1] == hfc_keras.__version__
    assert f"version: {hfc_keras.__version__}" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize("name", ["mxnet", "numpy", "openvino"])
def test_another_backend_is_refused_before_anything_fails(name):
    code = "import hfc_keras.analysis"
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": name},
        check=False,
    )
    last = result.stderr.strip().splitlines()[-1]
    assert result.returncode == 1 and "UnsupportedBackendError" in last
    assert f"Received: backend='{name}' (from the environment variable KERAS_BACKEND)" in last


def test_the_backend_of_a_settings_file_counts(tmp_path, monkeypatch):
    (tmp_path / "keras.json").write_text('{"backend": "numpy"}')
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    with pytest.raises(ImportError, match=r"Received: backend='numpy' \(from .*keras.json"):
        backend.require_supported()
    (tmp_path / "keras.json").write_text("no JSON")
    backend.require_supported()


@pytest.mark.slow
def test_experiments_and_benchmarks_switch_onednn_on_unless_it_was_set(new_python):
    for package in ("experiments", "benchmarks"):
        code = f"""
import os, sys
os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)
import {package}
print(os.environ["TF_ENABLE_ONEDNN_OPTS"], "tensorflow" in sys.modules)
"""
        assert new_python(code) == "1 False"
    code = "import experiments, hfc_keras.lab.record as r; print(r.machine()['onednn'])"
    assert new_python(code, environment={"TF_ENABLE_ONEDNN_OPTS": "0"}) == "0"


@pytest.mark.parametrize("name", ["foo", "numpy"])
def test_a_command_says_in_a_line_that_it_has_no_such_backend(name):
    command = [sys.executable, "-m", "hfc_keras", "doctor"]
    environment = {**os.environ, "KERAS_BACKEND": name}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", backend.OLDEST)
@pytest.mark.parametrize("version", [None, "0.5.9", "100.1rc2"])
def test_a_backend_that_is_missing_or_old_is_refused_with_its_remedy(name, version, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", name)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(backend, "_version", {name: version}.get)
    if version == "100.1rc2":
        return backend.require_supported()
    least = f"'{name}>={backend.OLDEST[name]}'"
    with pytest.raises(backend.UnsupportedBackendError) as refused:
        backend.require_supported()
    assert f"needs {least} for this backend: pip install {least}. Received: " in str(refused.value)
    assert str(refused.value).endswith(f"KERAS_BACKEND), version={version}")


@pytest.mark.jax
@pytest.mark.skipif(
    Path(sys.prefix).name not in (".venv-jax", ".venv-torch"),
    reason="needs an environment that `make install` made",
)
def test_it_runs_where_there_is_no_tensorflow():
    assert not importlib.util.find_spec("tensorflow")
    assert sys.prefix.endswith(keras.backend.backend())
    assert keras.ops.shape(hfc_keras.spectrum.split(np.ones((1, 4, 4, 1)), 1)[0]) == (1, 4, 4, 1)


def test_the_way_without_tensorflow_is_one_command():
    """The one that the README names makes the environments of the other backends, too."""
    makefile, page = ((ROOT / name).read_text() for name in ("Makefile", "README.md"))
    assert "make install BACKEND=torch PYTHON=" in page and "or `BACKEND=jax`" in page
    assert "$(MAKE) install BACKEND=$* PYTHON=$(VENV)-$*/bin/python" in makefile
    if not shutil.which("make"):
        pytest.skip("needs make")
    for name, least in backend.OLDEST.items():
        told = ["make", "--dry-run", "install", f"BACKEND={name}", "PYTHON=own/python"]
        printed = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert "own/python -m pip install --no-deps ." in printed
        # What it hands to pip, without pip.
        listed = re.search(r"own/python -c '(.*?)'", printed.replace("\\\n", ""), re.DOTALL)[1]
        command = [sys.executable, "-c", listed]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        extra = setup_cfg()["options.extras_require"][name].replace(" ", "").split()
        assert found.split() == extra and f"{name}>={least}" in extra
    refused = subprocess.run(["make", "install", "BACKEND=numpy"], cwd=ROOT, capture_output=True)
    assert refused.returncode != 0


def test_little_room_leaves_out_pytorch_and_says_so():
    if not shutil.which("make"):
        pytest.skip("needs make")
    told = ["make", "torch-test", "TORCH=.venv-none", "ROOM=1000000000"]
    result = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True)
    said = [line for line in result.stdout.splitlines() if "make" not in line]
    assert len(said) == 1 and said[0].startswith("The tests with PyTorch are left out: they need")


def test_a_backend_that_is_not_installed_is_named(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr(greeting, "without_greeting", nothing_there)
    assert greeting.start_backend() is False
    assert "error: Keras must find its backend; pip install" in capsys.readouterr().err


@contextlib.contextmanager
def nothing_there():
    raise ModuleNotFoundError("No module named 'tensorflow'")
    yield
