"""What the commands of the experiments have in common: arguments, endings, refusals."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import tyro

from hfc_keras import endings, files, full_memory
from hfc_keras.lab import console
from hfc_keras.lab.measured_rows import UnusableRowsError
from hfc_keras.lab.parallel.errors import LostSchedulerError, NoWorkerError, UnfitWorkerError
from hfc_keras.lab.settings import FLAGS, PATHS

T = TypeVar("T")
# What a run cannot go on with; the same command goes on once it is mended.
REFUSED = (
    files.UnusableFileError,
    UnusableRowsError,
    UnfitWorkerError,
    NoWorkerError,
    LostSchedulerError,
)


def parsed(
    settings: Callable[..., T], prog: str, description: str | None, arguments: Sequence[str]
) -> T:
    """Settings from a command line.

    Args:
        settings: dataclass.
        prog: str, the command.
        description: str.
        arguments: list of str.

    Returns:
        An instance of ``settings``.

    Raises:
        SystemExit: with status 2 for arguments that cannot be used, 0 after the help.
    """
    for argument, following in zip(arguments, [*arguments, None][1:], strict=True):
        option, assigned, value = argument.partition("=")
        name = option.removeprefix("--").replace("-", "_")
        is_path = option.startswith("--") and name in PATHS and name not in FLAGS
        # To Path, and so to tyro, an empty path is the current folder.
        if is_path and (value if assigned else following) == "":
            sys.exit(refused(f"`{name}` must be a folder, not empty. Received: {name}=''"))
    return tyro.cli(settings, prog=prog, description=description, args=arguments)


@contextlib.contextmanager
def ending() -> Iterator[endings.Command]:
    """End a command with a plain message: status 2 for unusable files, rows or workers.

    A batch that the memory does not hold ends it with status 1.

    Signals and readers that leave are met as ``endings.met`` says.

    Yields:
        endings.Command.
    """
    with endings.met() as command:
        try:
            yield command
        except REFUSED as error:
            sys.exit(refused(error))
        except full_memory.LargeBatchError as error:
            refused(error)
            sys.exit(1)


def advice(fresh: bool) -> str:
    """Say how to resume a stopped run; ``fresh`` is whether it was to start over."""
    command = "Run the same command without --fresh" if fresh else "Run the same command again"
    return f"{command} to resume."


def refused(error: object) -> int:
    """Print what was refused; return the exit status."""
    console.say(f"error: {error}", error=True)
    return 2


def without_paths(arguments: Iterable[str]) -> list[str]:
    """Return arguments without those that say where files lie on one machine."""
    kept, skip = [], False
    for argument in arguments:
        option = argument.partition("=")[0].removeprefix("--").replace("-", "_")
        is_path = argument.startswith("--") and option in (*PATHS, "scheduler", "scheduler_file")
        if not (skip or is_path):
            kept.append(argument)
        skip = is_path and "=" not in argument and option not in FLAGS
    return kept
