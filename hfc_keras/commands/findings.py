"""What ``doctor`` finds: versions, devices, data, room, each with its remedy."""

import dataclasses
import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

from hfc_keras import __version__, backend, error_texts
from hfc_keras.data.memory import physical
from hfc_keras.training.published_names import published_networks

# Versions with which all tests ran, and the least that setup.cfg asks for.
TESTED = {"keras": ("3.15", "3.15"), "tensorflow": ("2.21", "2.18"), "jax": ("0.10", "0.6")}
PYTHON = ((3, 11), (3, 13))
LEAST_DISK, LEAST_MEMORY = 2e9, 3e9
TFDS = ("tensorflow", "tensorflow-datasets")
PACKAGES = "numpy scipy pandas matplotlib scikit-learn jinja2 pillow tqdm tyro".split()


@dataclasses.dataclass(frozen=True)
class Finding:
    """A line of the doctor.

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
            text = f"{type(error).__name__}: {error_texts.reason(error)}"
            found.append(Finding("fail", name, text, "install the package anew"))
    return found


def _python() -> list[Finding]:
    version = tuple(map(int, platform.python_version_tuple()[:2]))
    text = platform.python_version()
    if PYTHON[0] <= version <= PYTHON[1]:
        return [Finding("ok", "python", text)]
    return [Finding("warn", "python", text, "tested with 3.11 to 3.13")]


def _versions() -> list[Finding]:
    found = [Finding("ok", "hfc_keras", __version__)]
    chosen = backend.chosen()[0]
    for name, (tested, least) in TESTED.items():
        if not _is_there(name):
            needed = name in ("keras", chosen)
            found += [Finding("fail", name, "not installed", f"pip install {name}")] * needed
            continue
        version = importlib.metadata.version(name)
        if _numbers(version) < _numbers(least):
            remedy = f"pip install '{name}>={least}'"
            found.append(Finding("fail", name, version, remedy))
        elif _numbers(version)[:2] != _numbers(tested)[:2]:
            found.append(Finding("warn", name, version, f"tested with {tested}"))
        else:
            found.append(Finding("ok", name, f"{version}, tested"))
    missing = [name for name in PACKAGES if not _is_there(name)]
    text = f"{len(PACKAGES) - len(missing)} of {len(PACKAGES)} others installed"
    if missing:
        return [*found, Finding("fail", "packages", text, f"pip install {' '.join(missing)}")]
    return [*found, Finding("ok", "packages", text)]


def _is_there(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:3]
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in parts)


def _devices() -> list[Finding]:
    import keras

    devices = keras.distribution.list_devices()
    kinds = ", ".join(devices) or "cpu"
    text = f"Keras on {keras.backend.backend()}, {kinds}"
    if any("gpu" in str(each).lower() or "tpu" in str(each).lower() for each in devices):
        return [Finding("ok", "devices", text)]
    gpu = shutil.which("nvidia-smi") is not None
    remedy = "there is a GPU that it does not see; pip install 'hfc_keras[gpu]'" if gpu else ""
    return [Finding("warn" if gpu else "ok", "devices", text, remedy)]


def _threads() -> list[Finding]:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"{allowed} cores"
    if backend.chosen()[0] != "tensorflow":
        return [Finding("ok", "threads", text)]
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") in (None, "0"):
        remedy = "TF_ENABLE_ONEDNN_OPTS=1 can halve the time of convolutions"
        return [Finding("warn", "threads", f"{text}, oneDNN as TensorFlow has it", remedy)]
    return [Finding("ok", "threads", f"{text}, oneDNN on")]


def _data(data_dir: Path | None) -> list[Finding]:
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR")
    folder = Path(chosen or "~/tensorflow_datasets").expanduser()
    if not all(map(_is_there, TFDS)):
        remedy = "others need `pip install tensorflow tensorflow-datasets`"
        return [Finding("ok", "data", "digits, synthetic", remedy)]
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
    remedy = "others are downloaded there on first use; --data-dir or TFDS_DATA_DIR for another"
    return [Finding("ok", "data", f"digits, synthetic; none in {folder}", remedy)]


def _networks(published: Path) -> list[Finding]:
    count = len(published_networks(published))
    if count:
        return [Finding("ok", "networks", f"{count} trained networks in {published}")]
    remedy = "run it in a checkout of the project, or give --published"
    return [Finding("ok", "networks", f"none in {published}", remedy)]


def _room() -> list[Finding]:
    free, memory = shutil.disk_usage(".").free, physical()
    found = [Finding("ok", "disk", f"{free / 1e9:.1f} GB free here")]
    if free < LEAST_DISK:
        remedy = "trainings and data sets take some GB; free some, or give other folders"
        found = [Finding("warn", "disk", f"{free / 1e9:.1f} GB free here", remedy)]
    if memory < LEAST_MEMORY:
        remedy = "use fewer images (--examples)"
        return [*found, Finding("warn", "memory", f"{memory / 1e9:.1f} GB", remedy)]
    return [*found, Finding("ok", "memory", f"{memory / 1e9:.1f} GB")]
