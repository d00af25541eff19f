"""What goes wrong where cells are measured in other processes."""

import traceback
from typing import Self

from hfc_keras.error_texts import reason


class CellError(RuntimeError):
    """An error in a cell, in one line and then with the traceback of its process."""

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Tell any error in this way: not every exception can be pickled.

        Args:
            error: Exception.

        Returns:
            CellError.

        Example:
            >>> str(CellError.of(KeyError("accuracy"))).splitlines()[0]
            'KeyError: accuracy'
        """
        said = f"{type(error).__name__}: {reason(error)}"
        return cls("\n".join([said, *traceback.format_exception(error)]))


class LostWorkerError(RuntimeError):
    """A cell whose process was ended, each time that it was started."""


class NoWorkerError(ValueError):
    """Processes of this machine that cannot be started, or not again after they ended."""


class UnfitWorkerError(ValueError):
    """A worker that would measure something else, with what differs."""


class LostSchedulerError(ValueError):
    """A scheduler that does not answer, or no longer, with its address."""
