"""The processes that measure, whoever started them: what Dask is asked to do."""

import contextlib
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, NamedTuple

from hfc_keras.error_texts import reason
from hfc_keras.lab.parallel import parcels, remote
from hfc_keras.lab.parallel.errors import LostSchedulerError, LostWorkerError, UnfitWorkerError
from hfc_keras.types import PathLike, Record

if TYPE_CHECKING:
    import distributed

# Seconds until what does not answer counts as unreachable.
CONNECT = 10.0


class Sent(NamedTuple):
    """A cell that a worker measures.

    Attributes:
        future: distributed.Future of a remote.Answer.
        address: str, the worker.
        word: str, of its parcel.
    """

    future: Any
    address: str
    word: str


class Crew:
    """Workers of a Dask scheduler, each of which measures one cell at a time."""

    # Whether workers differ in what they offer, so that a cell may have to wait for one.
    offers = False

    def __init__(self) -> None:
        self._client: distributed.Client | None = None

    @property
    def client(self) -> "distributed.Client":
        """Connection to the scheduler."""
        if self._client is None:
            raise LostSchedulerError("The crew must be at work. Received: client=None")
        return self._client

    @property
    def size(self) -> int:
        """Cells at once; 1 where nobody knows yet."""
        return 1

    def start(self, stores: Iterable[PathLike], most: int) -> None:
        """Make ready to measure.

        Args:
            stores: folders that the workers must share.
            most: int, cells that can be measured at once.
        """

    def idle(self, busy: Iterable[Sent]) -> tuple[dict[str, Record], list[Sent]]:
        """Tell who can measure a cell now, and which cells have lost their worker.

        Args:
            busy: iterable of Sent, what was sent and has not ended.

        Returns:
            ``(idle, lost)``: dict from the address of each free worker to what is known of it,
            and the list of those whose worker has died.

        Raises:
            LostSchedulerError: if the scheduler no longer answers.
            UnfitWorkerError: if all workers would measure something else.
        """
        found, busy = self._workers(), list(busy)
        taken = {sent.address for sent in busy}
        # One that is paused or about to leave would not begin.
        free = {
            address: known
            for address, known in found.items()
            if address not in taken and known.get("status", "running") == "running"
        }
        lost = [each for each in busy if each.address not in found and not each.future.done()]
        return self._admitted(free), lost

    def send(self, address: str, name: str, cell: Any, gpu: bool) -> Sent:
        """Have a worker measure a cell.

        Args:
            address: str, of the worker.
            name: str, the experiment.
            cell: runner.Cell.
            gpu: bool, whether it takes the worker's GPU.

        Returns:
            Sent.
        """
        word = uuid.uuid4().hex
        parcel = parcels.packed(name, cell, word, own=not self.offers)
        with self._answering():
            future = self.client.submit(
                remote.answered,
                parcel,
                key=f"hfc_keras-{word}",
                workers=[address],
                resources={"GPU": 1} if gpu else None,
                pure=False,
            )
        return Sent(future, address, word)

    def ended(self, busy: Iterable[Sent], seconds: float) -> list[Sent]:
        """Wait until a cell has ended.

        Args:
            busy: iterable of Sent, at least one.
            seconds: float, at most.

        Returns:
            list of those that ended.
        """
        from distributed import wait

        busy = list(busy)
        with self._answering(), self.client.as_current(), contextlib.suppress(TimeoutError):
            wait([each.future for each in busy], timeout=seconds, return_when="FIRST_COMPLETED")
        return [each for each in busy if each.future.done()]

    def answer(self, sent: Sent) -> remote.Answer | None:
        """Return what became of a cell that has ended; None if its worker died meanwhile."""
        from distributed.scheduler import KilledWorker

        try:
            with self._answering():
                return sent.future.result(timeout=CONNECT)
        except TimeoutError:
            return None
        except KilledWorker:
            # One that comes back by its own address is sent the cell again by Dask itself.
            error = LostWorkerError(
                f"each process at {sent.address} was ended by it, by a signal or for want of memory"
            )
            return remote.Answer(error=error)

    def turn_away(self, address: str, error: UnfitWorkerError) -> None:
        """Take note of a worker that has refused a cell, which it would measure otherwise.

        Args:
            address: str, of the worker.
            error: UnfitWorkerError, what differs.

        Raises:
            UnfitWorkerError: here; the workers of a scheduler may be different ones.
        """
        raise error

    def forget(self, sent: Sent) -> None:
        """Give up a cell whose worker has died."""
        with self._answering():
            sent.future.cancel(force=True)

    def close(self, busy: Iterable[Sent] = ()) -> None:
        """Let the workers go.

        Args:
            busy: iterable of Sent that are still measured, which ends.
        """
        if self._client is not None:
            with contextlib.suppress(OSError):
                self._client.close(timeout=CONNECT)
        self._client = None

    def _workers(self) -> dict[str, Record]:
        """What is known of each worker, by address."""
        with self._answering():
            if self.client.status != "running":
                raise OSError("the connection is closed")
            return dict(self.client.scheduler_info(n_workers=-1)["workers"])

    def _admitted(self, free: dict[str, Record]) -> dict[str, Record]:
        """Those of the free workers that may measure."""
        return free

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Say in plain words that the scheduler is lost."""
        from distributed.client import ClosedClientError

        try:
            yield
        except TimeoutError:
            raise
        except (OSError, CancelledError, ClosedClientError) as error:
            scheduler = self.client.scheduler
            raise LostSchedulerError(
                "`scheduler` must answer until the end; what was measured is kept. "
                f"Received: scheduler={scheduler and scheduler.address!r} ({reason(error)})"
            ) from error
