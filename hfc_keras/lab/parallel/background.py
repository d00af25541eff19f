"""What a run in the background needs: the lowest priority, a log, and a store of its own."""

import contextlib
import datetime
import os
import re
from collections.abc import Iterator
from pathlib import Path

from hfc_keras import files
from hfc_keras.lab import console
from hfc_keras.types import PathLike

LOWEST = 19
# Linux shares a processor among sessions first; this file holds the priority of this one.
AUTOGROUP = Path("/proc/self/autogroup")
LOG, LOCK = "queue.log", ".queue.lock"


class Journal:
    """Says what happens, on the terminal and, with time stamps, in a log.

    Args:
        path: Path of the log, which is continued; None is no log.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path

    def say(self, text: str, error: bool = False) -> None:
        """Print lines and log them.

        Args:
            text: str.
            error: bool, whether to stderr.
        """
        console.say(text, error)
        self.note(text)

    def note(self, text: str) -> None:
        """Log lines, without a word on the terminal.

        Args:
            text: str.

        Raises:
            UnusableFileError: if the log cannot be written.
        """
        if self.path is None:
            return
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        lines = [f"{now} {line}\n" for line in text.splitlines() if line.strip()]
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(lines)
        except OSError as error:
            raise files.UnusableFileError(
                f"`store` must be a folder that can be written ({error.strerror}). "
                f"Received: log={str(self.path)!r}"
            ) from error


@contextlib.contextmanager
def queue(store: PathLike, command: str) -> Iterator[Journal]:
    """Let one run at a time work through a store in the background, and log it.

    Args:
        store: str or Path, the store's folder.
        command: str, for the log.

    Yields:
        Journal.

    Raises:
        UnusableFileError: if another one is at work, or the folder cannot be written.
    """
    folder = files.writable_folder(store, "store")
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(files.locked(folder / LOCK, wait=False, name="store"))
        except files.UnusableFileError as error:
            raise files.UnusableFileError(
                f"Another queue is at work on this store; wait for it or choose another --store. "
                f"{error}"
            ) from error
        journal = Journal(folder / LOG)
        journal.note(f"started: {command}")
        held.enter_context(lowest_priority())
        try:
            yield journal
        except BaseException as error:
            journal.note(f"stopped: {type(error).__name__} {error}".rstrip())
            raise
        journal.note("ended")


@contextlib.contextmanager
def lowest_priority() -> Iterator[None]:
    """Give way to everything else; a system that cannot is left as it is.

    The process keeps its own priority for good, the session has the one before back.

    Example:
        >>> with lowest_priority():  # doctest: +SKIP
        ...     pass
    """
    if hasattr(os, "nice"):
        os.nice(LOWEST)
    before = None
    # The file is empty for a process that its control group, not its session, has a share of.
    with contextlib.suppress(OSError, ValueError):
        *_, before = map(int, re.findall(r"nice (-?\d+)", AUTOGROUP.read_text(encoding="ascii")))
        AUTOGROUP.write_text(str(LOWEST), encoding="ascii")
    try:
        yield
    finally:
        # The session outlives this process.
        with contextlib.suppress(OSError):
            if before is not None:
                AUTOGROUP.write_text(str(before), encoding="ascii")
