"""How a command ends when it is stopped, or when nobody reads what it prints.

Imports no package that takes long, so that a command can see to its ending before it loads one.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn, TextIO

STOPS = (signal.SIGINT, signal.SIGTERM)
Handler = Callable[[int, FrameType | None], object] | int | signal.Handlers | None


class Stopped(KeyboardInterrupt):
    """A signal that asks a command to end; no ``except Exception`` takes it for an error.

    Args:
        number: int, the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class _Held:
    """How many blocks hold a stop back, and the signal that waits for their end."""

    depth: int = 0
    number: int | None = None
    asked: bool = False


_HELD = _Held()


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let a first signal stop the command only after a block, such as the writing of a file.

    Raises:
        Stopped: after the block, if there was a signal meanwhile.

    Example:
        >>> with held():
        ...     pass
    """
    if threading.current_thread() is not threading.main_thread():
        # Signals are met in the main thread alone.
        yield
        return
    _HELD.depth += 1
    try:
        yield
    finally:
        _HELD.depth -= 1
        if not _HELD.depth and _HELD.number is not None:
            number, _HELD.number = _HELD.number, None
            raise Stopped(number)


def stopping() -> bool:
    """Whether a signal has asked the command to end, whatever became of what it raised.

    TensorFlow turns what a signal raises inside its callbacks into errors of its own, so whoever
    goes on after any error asks first.

    Returns:
        bool.

    Example:
        >>> stopping()
        False
    """
    return _HELD.asked


class Command:
    """What a command knows about its own end.

    Attributes:
        advice: str, what to do after a stop, a sentence; empty where nothing can go on.
        stopped: int or None, the signal that was met.
    """

    def __init__(self) -> None:
        self.advice: str = ""
        self.stopped: int | None = None

    def stop(self, number: int, frame: FrameType | None = None) -> None:
        """Meet a signal: end with the state kept. A second one ends at once."""
        self.stopped = number
        _HELD.asked = True
        for each in STOPS:
            signal.signal(each, leave)
        if _HELD.depth:
            _HELD.number = number
        else:
            raise Stopped(number)

    def status(self) -> int:
        """Say that the command was stopped; return its exit status."""
        sys.stderr.write(" ".join(["\nStopped.", self.advice]).rstrip() + "\n")
        return 128 + (self.stopped or signal.SIGINT)


@contextlib.contextmanager
def met() -> Iterator[Command]:
    """End a command in words when a signal stops it, and let it go on when nobody reads it.

    SIGINT (Ctrl-C) ends it with status 130 and SIGTERM with 143, both after the blocks inside
    have cleaned up; a second signal ends it at once. What is printed after the reader has closed
    its end (``| head``) is dropped: it is no error, and the work is done as if somebody read on.

    Yields:
        Command.

    Raises:
        SystemExit: if it was stopped.

    Example:
        >>> with met() as command:
        ...     command.advice = "The same command goes on."
    """
    command = Command()
    _HELD.asked = False
    with readers_may_leave(), meeting(command.stop, *STOPS):
        try:
            yield command
        except KeyboardInterrupt:
            sys.exit(command.status())
        except Exception as error:
            # TensorFlow turns what a signal raises inside its callbacks into errors of its own.
            if command.stopped is None:
                raise
            raise SystemExit(command.status()) from error


@contextlib.contextmanager
def meeting(action: Handler, *numbers: signal.Signals) -> Iterator[None]:
    """Meet signals with an action while a block runs.

    A signal that is ignored stays ignored, as ``nohup`` wants it; threads other than the main one
    cannot meet any.

    Args:
        action: see ``signal.signal``.
        *numbers: signals.

    Example:
        >>> with meeting(signal.SIG_IGN, signal.SIGTERM):
        ...     os.kill(os.getpid(), signal.SIGTERM)
    """
    main = threading.current_thread() is threading.main_thread()
    heard = [number for number in numbers if main and signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, action) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def at_once() -> contextlib.AbstractContextManager[None]:
    """Let signals end the process at once while a block runs: imports, which have no state.

    Returns:
        Context manager.

    Example:
        >>> with at_once():
        ...     import json
    """
    return meeting(leave, *STOPS)


def start() -> None:
    """Let signals end the process at once from now on, until a command meets them itself."""
    for number in STOPS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, leave)


def leave(number: int, frame: FrameType | None = None) -> NoReturn:
    """End the process at once, with the status of the signal.

    Args:
        number: int, the signal.
        frame: ignored.
    """
    with contextlib.suppress(OSError):  # Nobody need be there to read it.
        os.write(2, b"\nStopped.\n")
    os._exit(128 + number)


def is_watched() -> bool:
    """Whether somebody reads what is printed as it comes: a terminal, or a notebook.

    Returns:
        bool.

    Example:
        >>> is_watched()
        False
    """
    return sys.stdout.isatty() or type(sys.stdout).__module__.startswith("ipykernel")


@contextlib.contextmanager
def readers_may_leave() -> Iterator[None]:
    """Drop what is printed after the reader of stdout or stderr has closed its end.

    Example:
        >>> with readers_may_leave():
        ...     print("text")
        text
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (each and _Unread(each) for each in before)
    try:
        yield
    finally:
        for each in filter(None, (sys.stdout, sys.stderr)):
            each.flush()
        sys.stdout, sys.stderr = before


class _Unread:
    """A stream that need not have a reader."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write what can be written."""
        try:
            return self.stream.write(text)
        except BrokenPipeError:
            self._drop()
            return len(text)

    def flush(self) -> None:
        """Flush what can be written."""
        try:
            self.stream.flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        """Send this stream, and what it still holds, nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())
        os.close(nowhere)
