"""What ``doctor`` finds: versions, devices, data, room, each with its remedy."""

import dataclasses
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from hfc_keras import __version__, backend, error_texts
from hfc_keras.commands import installed_packages
from hfc_keras.data.memory import physical
from hfc_keras.training.published_names import published_networks

# Versions with which all tests ran.
TESTED = {"keras": "3.15", "tensorflow": "2.21", "jax": "0.10", "torch": "2.14"}
PYTHON = ((3, 11), (3, 13))
LEAST_DISK, LEAST_MEMORY = 2e9, 3e9
TFDS = ("tensorflow", "tensorflow_datasets")
UNEXPECTED = "this check itself broke; please report it"
WITH_GPU = {
    "tensorflow": "in a checkout of the project: pip install '.[gpu]'",
    "jax": "pip install 'jax[cuda12]', or as JAX' own page says",
    "torch": "pip install torch brings CUDA on Linux, or as PyTorch's own page says",
}


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Args:
        status: ``"ok"``, ``"warn"`` or ``"fail"``.
        name: str.
        text: str, what was found.
        remedy: str, what to do; empty where all is well.
    """

    status: str
    name: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        """Line of the finding."""
        remedy = f": {self.remedy}" if self.remedy else ""
        return f"{self.status:<4}  {self.name:<12}  {self.text}{remedy}"


def all_findings(data_dir: Path | None, published: Path) -> list[Finding]:
    """Look at everything, whatever fails.

    Args:
        data_dir: Path or None.
        published: Path.

    Returns:
        list of Finding.
    """
    looks: dict[str, Callable[[], list[Finding]]] = {
        "python": _python,
        "versions": _versions,
        "devices": _devices,
        "threads": _threads,
        "data": lambda: _data(data_dir),
        "networks": lambda: _networks(published),
        "room": _room,
    }
    found = []
    for name, look in looks.items():
        try:
            found += look()
        # One look that fails says so, and the others go on.
        except Exception as error:
            found.append(_broken(name, error))
    return found


def _broken(name: str, error: Exception) -> Finding:
    """What a look that failed says; refusals of the package itself name their remedy."""
    if isinstance(error, importlib.metadata.PackageNotFoundError):
        return Finding("fail", name, "hfc_keras is not installed", "pip install .")
    text = f"{type(error).__name__}: {error_texts.reason(error)}"
    return Finding("fail", name, text, "" if "Received: " in str(error) else UNEXPECTED)


def _python() -> list[Finding]:
    version = tuple(map(int, platform.python_version_tuple()[:2]))
    text = platform.python_version()
    if PYTHON[0] <= version <= PYTHON[1]:
        return [Finding("ok", "python", text)]
    return [Finding("warn", "python", text, "tested with 3.11 to 3.13")]


def _versions() -> list[Finding]:
    found = [Finding("ok", "hfc_keras", __version__)]
    packages = installed_packages.required(backend.chosen()[0])
    found += [_version(each) for each in packages if each.name in TESTED]
    others = [each for each in packages if each.name not in TESTED]
    bad = [_version(each) for each in others if not each.will_do]
    if not bad:
        found.append(Finding("ok", "packages", f"{len(others)} other packages installed"))
    return [*found, *bad]


def _version(package: installed_packages.Package) -> Finding:
    """One package, its version beside the tested one."""
    if not package.will_do:
        text = package.version or "not installed"
        return Finding("fail", package.name, text, package.remedy)
    version, tested = str(package.version), TESTED.get(package.name)
    numbers = installed_packages.numbers
    if tested and numbers(version)[:2] != numbers(tested):
        return Finding("warn", package.name, version, f"tested with {tested}")
    return Finding("ok", package.name, f"{version}, tested" if tested else version)


def _devices() -> list[Finding]:
    from hfc_keras import per_backend

    devices = per_backend.devices()
    kinds = ", ".join(devices) or "cpu"
    chosen = backend.chosen()[0]
    text = f"Keras on {chosen}, {kinds}"
    if per_backend.has_accelerator():
        return [Finding("ok", "devices", text)]
    if shutil.which("nvidia-smi") is None:
        return [Finding("ok", "devices", text)]
    remedy = f"there is a GPU that Keras does not see; {WITH_GPU[chosen]}"
    return [Finding("warn", "devices", text, remedy)]


def _threads() -> list[Finding]:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text, fast = f"{allowed} cores", _onednn()
    if fast is None:
        return [Finding("ok", "threads", text)]
    if fast:
        return [Finding("ok", "threads", f"{text}, oneDNN on")]
    remedy = "TF_ENABLE_ONEDNN_OPTS=1 can halve the time of convolutions"
    return [Finding("warn", "threads", f"{text}, oneDNN off", remedy)]


def _onednn() -> bool | None:
    """Whether TensorFlow, as it runs, uses oneDNN; None where that has no meaning."""
    port = sys.modules.get("tensorflow.python.util._pywrap_util_port")
    known = backend.chosen()[0] == "tensorflow" and hasattr(port, "IsMklEnabled")
    return bool(getattr(port, "IsMklEnabled")()) if known else None  # noqa: B009


def _data(data_dir: Path | None) -> list[Finding]:
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR")
    folder = Path(chosen or "~/tensorflow_datasets").expanduser()
    if not all(map(importlib.util.find_spec, TFDS)):
        text = "digits, synthetic, .npz files and folders of images; no TFDS sets"
        remedy = "others need `pip install tensorflow tensorflow-datasets`"
        return [Finding("ok", "data", text, remedy)]
    if folder.exists() and not folder.is_dir():
        remedy = "--data-dir or TFDS_DATA_DIR must name a folder"
        return [Finding("warn", "data", f"digits, synthetic; {folder} is a file", remedy)]
    names = (
        sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name != "downloads")
        if folder.is_dir()
        else []
    )
    if names:
        return [Finding("ok", "data", f"digits, synthetic; in {folder}: {', '.join(names[:8])}")]
    remedy = (
        "others are downloaded there on first use; --data-dir or TFDS_DATA_DIR names another folder"
    )
    return [Finding("ok", "data", f"digits, synthetic; none in {folder}", remedy)]


def _networks(published: Path) -> list[Finding]:
    count = len(published_networks(published))
    if count:
        return [Finding("ok", "networks", f"{count} trained networks in {published}")]
    remedy = "run it in a checkout of the project, or name the folder with --published"
    return [Finding("ok", "networks", f"none in {published}", remedy)]


def _room() -> list[Finding]:
    free, memory = shutil.disk_usage(".").free, physical()
    found = [Finding("ok", "disk", f"{free / 1e9:.1f} GB free here")]
    if free < LEAST_DISK:
        remedy = (
            "trainings and data sets take several GB; free some space, or use folders elsewhere"
        )
        found = [Finding("warn", "disk", f"{free / 1e9:.1f} GB free here", remedy)]
    if memory < LEAST_MEMORY:
        remedy = "use fewer images (--examples)"
        return [*found, Finding("warn", "memory", f"{memory / 1e9:.1f} GB", remedy)]
    return [*found, Finding("ok", "memory", f"{memory / 1e9:.1f} GB")]
