"""Starts the backend without the messages that concern no user."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from hfc_keras import backend, endings

# Lines of TensorFlow's log of information, the one that announces them, and that of no GPU.
GREETING = re.compile(
    r"I\d{4} |WARNING: All log messages before absl::InitializeLog|E\d{4} .*failed call to cuInit"
)


def start_backend() -> bool:
    """Import Keras and let its backend find its devices.

    TensorFlow writes some lines on stderr before its log level counts; warnings and errors come
    through.

    Returns:
        bool, whether there is a backend; what is missing is said on stderr.
    """
    if "keras" in sys.modules:
        return True
    try:
        with without_greeting():
            backend.require_supported()
            import keras

            keras.ops.zeros(())
    except ImportError as error:
        print(f"error: {_missing(error)}", file=sys.stderr)
        return False
    return True


def _missing(error: ImportError) -> str:
    """What to do about a backend that cannot be imported."""
    if isinstance(error, backend.UnsupportedBackendError):
        return str(error)
    chosen = backend.chosen()
    others = " or ".join(each for each in backend.SUPPORTED if each != chosen[0])
    return (
        f"Keras must find its backend; pip install {chosen[0]}, or set KERAS_BACKEND to {others} "
        f"if that is installed. Received: backend={chosen[0]!r} (from {chosen[1]}), {error}"
    )


@contextlib.contextmanager
def without_greeting() -> Iterator[None]:
    """Hold back what a block writes on the process's stderr, and write what is no greeting.

    A signal ends the process at once, in words that are not held back.
    """
    sys.stderr.flush()
    before = os.dup(2)

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        os.dup2(before, 2)
        endings.leave(number, frame)

    with tempfile.TemporaryFile() as held, endings.meeting(leave, *endings.STOPS):
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            held.seek(0)
            lines = held.read().decode(errors="replace").splitlines(keepends=True)
            os.write(2, "".join(each for each in lines if not GREETING.match(each)).encode())
