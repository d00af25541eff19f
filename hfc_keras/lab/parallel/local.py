"""Processes of this machine: a Dask cluster on loopback that ends with the run."""

import contextlib
import logging
import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from hfc_keras import endings
from hfc_keras.error_texts import reason
from hfc_keras.lab.parallel.crew import Crew, Sent
from hfc_keras.lab.parallel.errors import NoWorkerError
from hfc_keras.types import PathLike, Record

if TYPE_CHECKING:
    import distributed

# TensorFlow keeps some 20 MB of every network it trained until its process ends.
CALLS = 10
CONFIG = {
    "distributed.worker.multiprocessing-method": "spawn",
    # Else Dask has the packages below the backend compute in one thread.
    "distributed.nanny.pre-spawn-environ": {},
    # A machine that slept, or a run that was stopped for a while, loses none of its processes.
    "distributed.scheduler.worker-ttl": None,
    # Else Dask gives up a process that is not back within 15 seconds, and there is one less from
    # then on: on a busy machine the imports of a new one take longer.
    "distributed.deploy.lost-worker-timeout": "365 days",
}
CLUSTER: Any = {
    "threads_per_worker": 1,
    "host": "127.0.0.1",
    # No dashboard, and any port that is free for its server.
    "dashboard_address": "127.0.0.1:0",
    "scheduler_kwargs": {"dashboard": False},
    "memory_limit": None,
    "silence_logs": logging.CRITICAL,
}
# States of what watches a process and has given it up.
GIVEN_UP = ("closed", "failed")
ENVIRONMENT = {
    # Parent and workers share one accelerator only if none takes all of its memory.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    # Python cleans up after a process that is stopped, and would say so after each stop.
    "PYTHONWARNINGS": "ignore::UserWarning:multiprocessing.resource_tracker",
}


def set_environment(jobs: int) -> None:
    """Have processes that are started later share the machine, unless they were told otherwise.

    Args:
        jobs: int, cells at once.
    """
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    # Two processes of two threads on two cores train 1.3 times as slowly.
    threads = max(1, (os.cpu_count() or 1) // jobs)
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))


class LocalCrew(Crew):
    """Processes that are started when there is work, renewed after some cells, and end with this.

    Args:
        jobs: int, cells at once.
    """

    def __init__(self, jobs: int) -> None:
        super().__init__()
        self.jobs, self.calls, self.ending = jobs, {}, set()
        self.cluster: distributed.LocalCluster | None = None
        self._strangers, self._told = set(), contextlib.ExitStack()

    @property
    def size(self) -> int:
        """Cells at once."""
        return self.jobs

    def start(self, stores: Iterable[PathLike] = (), most: int | None = None) -> None:
        """Start the processes, unless they run already; no more than there is work for.

        Raises:
            NoWorkerError: if they cannot be started.
        """
        wanted = self.jobs if most is None else min(self.jobs, most)
        if self.cluster is not None:
            if wanted > len(self.cluster.worker_spec):
                self.cluster.scale(wanted)
            return
        import distributed
        from dask import config

        # Silent handlers are not enough: other packages have a handler for whatever is logged.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        set_environment(self.jobs)
        self._strangers = set(multiprocessing.active_children())
        # Half a cluster cannot be closed.
        with (
            endings.held(),
            contextlib.ExitStack() as told,
            _kept_from_children(signal.SIGINT),
        ):
            told.enter_context(config.set(CONFIG))
            try:
                # Else whoever has an account on the machine could run code in these processes.
                security = distributed.Security.temporary()
                self.cluster = distributed.LocalCluster(
                    n_workers=wanted, security=security, **CLUSTER
                )
            except (OSError, RuntimeError) as error:
                raise self._none(reason(error)) from error
            self._client = distributed.Client(self.cluster, set_as_default=False)
            # Dask also asks for them when a process ends, until all do.
            self._told = told.pop_all()

    def idle(self, busy: Iterable[Sent]) -> tuple[dict[str, Record], list[Sent]]:
        """Tell which processes are free, and which cells have lost theirs, see ``Crew.idle``.

        Raises:
            NoWorkerError: if all processes have ended and none can be started.
        """
        found = super().idle(busy)
        cluster: Any = self.cluster
        if all(nanny.status.name in GIVEN_UP for nanny in [*cluster.workers.values()]):
            raise self._none("they ended without coming back")
        return found

    def _none(self, why: str) -> NoWorkerError:
        return NoWorkerError(
            f"`jobs` must be processes that this machine can start ({why}); what was measured "
            "is kept. Run the same command again, with fewer of them if the memory is too small. "
            f"Received: jobs={self.jobs}"
        )

    def send(self, address: str, name: str, cell: object, gpu: bool = False) -> Sent:
        """Have a process measure a cell; all of them share what the machine has."""
        self.calls[address] = self.calls.get(address, 0) + 1
        return super().send(address, name, cell, gpu=False)

    def close(self, busy: Iterable[Sent] = ()) -> None:
        """End the processes at once; the store keeps the whole epochs of what they train.

        A signal must not leave some of them behind: it ends this process, and they end with it.
        """
        cluster, self.cluster = self.cluster, None
        if cluster is None:
            return
        with endings.at_once() if list(busy) else contextlib.nullcontext():
            for nanny in cluster.workers.values():
                nanny.close_gracefully()
            # One that is idle would take seconds to take down its backend.
            for child in set(multiprocessing.active_children()) - self._strangers:
                child.terminate()
            super().close()
            cluster.close()
            self._told.close()

    def _admitted(self, free: dict[str, Record]) -> dict[str, Record]:
        """Renew processes that have measured their share; they come back by another address."""
        self.ending &= free.keys()
        done = {address for address in free if self.calls.get(address, 0) >= CALLS} - self.ending
        cluster: Any = self.cluster
        for nanny in cluster.workers.values() if done else ():
            if nanny.worker_address in done:
                cluster.loop.add_callback(nanny.restart)
        self.ending |= done
        return {address: free[address] for address in free if address not in self.ending}


@contextlib.contextmanager
def _kept_from_children(number: int) -> Iterator[None]:
    """Block a signal while threads are started: they and their processes never meet it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Python starts it with the first process, and unblocks the signal then.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
