"""What goes wrong where cells are measured in other processes."""


class CellError(RuntimeError):
    """An error in a cell, in one line and then with the traceback of its process."""


class LostWorkerError(RuntimeError):
    """A cell whose process was ended, each time that it was started."""


class NoWorkerError(ValueError):
    """Processes of this machine that cannot be started, or not again after they ended."""


class UnfitWorkerError(ValueError):
    """A worker that would measure something else, with what differs."""


class LostSchedulerError(ValueError):
    """A scheduler that does not answer, or no longer, with its address."""
