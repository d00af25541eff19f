"""How a result was made: code, versions, machine. Written beside every table."""

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import keras

import hfc_keras
from hfc_keras import per_backend
from hfc_keras.training import precision
from hfc_keras.types import Record

PACKAGES = ("keras", "tensorflow", "jax", "torch", "numpy", "scipy", "pandas", "cleverhans")


def provenance() -> Record:
    """Return what a reader needs to judge and repeat a result.

    Returns:
        dict for JSON: commit, versions, machine, peak_memory_gb (of this process so far) and
        written (UTC).
    """
    return {
        "commit": commit(),
        "versions": versions(),
        "machine": machine(),
        "peak_memory_gb": peak_memory(),
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def commit() -> str | None:
    """Commit of the code, ``-dirty`` with changes; None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        result = subprocess.run(
            [*command, "--exclude=*"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return result.stdout.strip() or None


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that decide numbers; None where absent."""
    found = {"python": platform.python_version(), "backend": keras.backend.backend()}
    # The metadata of an editable installation are those of the day it was installed.
    found["hfc_keras"] = hfc_keras.__version__
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


def machine() -> Record:
    """Kind of the machine, the devices that the backend sees and how it computes.

    ``threads`` is TF_NUM_INTRAOP_THREADS, on which the last digits depend, and ``onednn``
    TensorFlow's switch of that name, each None where the environment leaves it alone;
    ``bfloat16`` says whether ``precision="mixed_bfloat16"`` is half precision here.
    """
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "devices": per_backend.devices(),
        "threads": os.environ.get("TF_NUM_INTRAOP_THREADS"),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
        "bfloat16": precision.has_bfloat16(),
    }


def peak_memory(digits: int = 2) -> float | None:
    """Largest resident memory of this process in GB; None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if platform.system() == "Darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, digits)
