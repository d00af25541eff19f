"""Which backends of Keras the package runs on, without importing Keras."""

import importlib.metadata
import json
import os
import re
import sys
from pathlib import Path

# What the arguments begin with while `hfc-keras` or `python -m` imports the package.
COMMANDS = ("hfc-keras", "-m")
SUPPORTED = ("tensorflow", "jax", "torch")
# Oldest versions of the backends that are not installed with the package; setup.cfg has them, too.
OLDEST = {"jax": "0.6", "torch": "2.6"}


class UnsupportedBackendError(ImportError, ValueError):
    """Keras is set to a backend on which the package would fail call by call."""


def require_supported() -> None:
    """Refuse a backend other than TensorFlow, JAX or PyTorch, or one that is missing or too old.

    Raises:
        UnsupportedBackendError: naming the setting and where it comes from, and what to install.
        SystemExit: with that in a line on stderr and status 2, where a command is starting.

    Example:
        >>> require_supported()
    """
    name, source = chosen()
    expectation, version = _expectation(name)
    if not expectation:
        return
    message = f"{expectation}. Received: backend={name!r} (from {source}){version}"
    # The command has no word of its own yet: its package is being imported.
    if os.path.basename(sys.argv[0]) in COMMANDS:
        sys.stderr.write(f"error: {message}\n")
        raise SystemExit(2)
    raise UnsupportedBackendError(message)


def _expectation(name: str) -> tuple[str, str]:
    """What a backend fails to be, and the version that it has; nothing of one that will do."""
    if name not in SUPPORTED:
        return (
            "hfc_keras needs Keras' backend to be 'tensorflow', 'jax' or 'torch'; set "
            "KERAS_BACKEND before Keras is imported",
            "",
        )
    if name not in OLDEST or "keras" in sys.modules:
        return "", ""
    version = _version(name)
    if version is not None and _numbers(version) >= _numbers(OLDEST[name]):
        return "", ""
    least = f"'{name}>={OLDEST[name]}'"
    return f"hfc_keras needs {least} for this backend: pip install {least}", f", version={version}"


def _version(package: str) -> str | None:
    """Version of a package, or None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:2]]


def chosen() -> tuple[str, str]:
    """Return the backend and what chose it, in the order in which Keras looks.

    Returns:
        ``(name, source)``, two str.

    Example:
        >>> chosen()[0] in SUPPORTED
        True
    """
    if "keras" in sys.modules and hasattr(sys.modules["keras"], "backend"):
        return sys.modules["keras"].backend.backend(), "Keras, which is imported"
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"], "the environment variable KERAS_BACKEND"
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    path = Path(home) / "keras.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))["backend"], str(path)
    # No such file, or one that Keras will not be able to read either and do without.
    except (OSError, ValueError, KeyError, TypeError):
        return SUPPORTED[0], "the default"
