"""Which backends of Keras the package runs on, without importing Keras."""

import json
import os
import sys
from pathlib import Path

# What the arguments begin with while `hfc-keras` or `python -m` imports the package.
COMMANDS = ("hfc-keras", "-m")
SUPPORTED = ("tensorflow", "jax", "torch")


class UnsupportedBackendError(ImportError, ValueError):
    """Keras is set to a backend on which the package would fail call by call."""


def require_supported() -> None:
    """Refuse a backend other than TensorFlow or JAX.

    Raises:
        UnsupportedBackendError: naming the setting and where it comes from.
        SystemExit: with that in a line on stderr and status 2, where a command is starting.

    Example:
        >>> require_supported()
    """
    name, source = chosen()
    if name in SUPPORTED:
        return
    message = (
        "hfc_keras needs Keras' backend to be 'tensorflow' or 'jax'; set KERAS_BACKEND before "
        f"Keras is imported. Received: backend={name!r} (from {source})"
    )
    # The command has no word of its own yet: its package is being imported.
    if os.path.basename(sys.argv[0]) in COMMANDS:
        sys.stderr.write(f"error: {message}\n")
        raise SystemExit(2)
    raise UnsupportedBackendError(message)


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
    path = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    try:
        return json.loads(path.read_text())["backend"], str(path)
    # No such file, or one that Keras will not be able to read either and do without.
    except (OSError, ValueError, KeyError, TypeError):
        return SUPPORTED[0], "the default"
