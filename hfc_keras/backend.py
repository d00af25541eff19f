"""Which backends of Keras the package runs on, without importing Keras."""

import json
import os
import sys
from pathlib import Path

SUPPORTED = ("tensorflow", "jax")


class UnsupportedBackendError(ImportError, ValueError):
    """Keras is set to a backend on which the package would fail call by call."""


def require_supported() -> None:
    """Refuse a backend other than TensorFlow or JAX.

    Raises:
        UnsupportedBackendError: naming the setting and where it comes from.

    Example:
        >>> require_supported()
    """
    name, source = _chosen()
    if name in SUPPORTED:
        return
    raise UnsupportedBackendError(
        "hfc_keras needs Keras' backend to be 'tensorflow' or 'jax'; set KERAS_BACKEND before "
        f"Keras is imported. Received: backend={name!r} (from {source})"
    )


def _chosen() -> tuple[str, str]:
    """Backend and what chose it, in the order in which Keras looks."""
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
