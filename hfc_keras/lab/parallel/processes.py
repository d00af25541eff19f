"""Processes that end when they should: after some calls, at a stop, and with their parent.

Imports no Keras, so that a new process sees to that before it does anything that takes long.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NoReturn

# TensorFlow keeps some 20 MB of every network it trained until its process ends.
CALLS = 10


class Process:
    """One process that is started when there is work and renewed after some calls."""

    def __init__(self) -> None:
        self.pool, self.calls = None, 0

    def submit(self, function: Callable[..., Any], *arguments: Any) -> futures.Future[Any]:
        """Let the process call a function, a new one where the old one has ended.

        Args:
            function: importable function.
            *arguments: what can be pickled.

        Returns:
            concurrent.futures.Future.
        """
        if self.calls == CALLS:
            self.end()
        try:
            return self._submit(function, arguments)
        except BrokenProcessPool:
            self.end()
            return self._submit(function, arguments)

    def end(self) -> None:
        """Wait until the process has ended what it does, and end it."""
        if self.pool:
            self.pool.shutdown()
        self.pool, self.calls = None, 0

    def _submit(
        self, function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> futures.Future[Any]:
        if self.pool is None:
            # max_tasks_per_child can deadlock in Python 3.11 and 3.12.
            self.pool = futures.ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn"), initializer=_live_with_parent
            )
        self.calls += 1
        with _kept_from_children(signal.SIGINT):
            return self.pool.submit(function, *arguments)


@contextlib.contextmanager
def _kept_from_children(number: int) -> Iterator[None]:
    """Block a signal while processes are started, which inherit that; it is met afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])


def _live_with_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it ends, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> NoReturn:
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)
