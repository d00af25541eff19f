"""Files that are either there whole or not there."""

import contextlib
import errno
import os
import platform
import re
import shutil
import tempfile
import threading
import time
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import filelock

from hfc_keras import endings
from hfc_keras.types import PathLike

# Seconds after which a file is no longer being written, where its process cannot be asked.
ABANDONED = 3600
# What file systems say that have no locks.
LOCKLESS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
WRITER = re.compile(r"\.((?P<host>[0-9a-f]{8})-)?(?P<process>\d+)-\d+\.tmp(\.keras)?$")


class UnusableFileError(ValueError):
    """A file or folder that cannot be read, written or gone on with, with its name."""


def write_whole(path: PathLike, content: bytes | str) -> Path:
    """Write a file so that a stop at any moment leaves the old one or the new one.

    The content goes to a file beside the target, is forced to disk and then renamed.

    Args:
        path: str or Path; missing folders are made.
        content: bytes or str (written as UTF-8).

    Returns:
        Path of the file.

    Raises:
        UnusableFileError: if the folder cannot be written or the disk is full; the old file stays.

    Example:
        >>> import tempfile
        >>> write_whole(Path(tempfile.mkdtemp()) / "a" / "b.txt", "text").read_text()
        'text'
    """
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    with endings.held(), replacing(path) as beside:
        beside.write_bytes(content)
    return path


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Let a block write a file beside another one, then force it to disk and rename it to that.

    The name of the file beside says which process writes it, and keeps the suffix ``.keras``.

    Args:
        path: str or Path; missing folders are made.

    Yields:
        Path to write to.

    Raises:
        UnusableFileError: if the folder cannot be written or the disk is full; the old file stays.

    Example:
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> with replacing(path) as beside:
        ...     _ = beside.write_text("text")
        >>> path.read_text()
        'text'
    """
    path = Path(path)
    suffix = ".tmp.keras" if path.suffix == ".keras" else ".tmp"
    writer = f"{_host()}-{os.getpid()}-{threading.get_ident()}"
    beside = path.with_name(f".{path.name.removesuffix('.keras')}.{writer}{suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        to_disk(beside)
        os.replace(beside, path)
    except BaseException as error:
        if beside.is_file():
            beside.unlink()
        cause = _of_the_disk(error)
        if cause is None:
            raise
        raise UnusableFileError(
            f"`path` must be writable ({cause.strerror}, {free_space(path)}). "
            f"Received: path={str(path)!r}"
        ) from error


def to_disk(path: PathLike) -> None:
    """Force what was written to a file to disk.

    Args:
        path: str or Path.

    Raises:
        OSError: if there is no space for it.
    """
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _of_the_disk(error: BaseException | None) -> OSError | None:
    """The error of the system behind an error; Keras and zipfile put others over it."""
    while isinstance(error, Exception) and not isinstance(error, OSError | UnusableFileError):
        error = error.__cause__ or error.__context__
    return error if isinstance(error, OSError) else None


def _host() -> str:
    """Eight digits for this machine: process numbers mean nothing on another one."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def sweep(folder: PathLike, locked: bool = False) -> None:
    """Remove the files that killed processes left half written in a folder.

    Args:
        folder: str or Path, which need not exist. Its subfolders are left alone.
        locked: bool, whether this process alone may write there.

    Example:
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / ".epoch-0003.npz.tmp").touch()
        >>> sweep(folder, locked=True)
        >>> list(folder.iterdir())
        []
    """
    for pattern in (".*.tmp", ".*.tmp.keras"):
        for path in Path(folder).glob(pattern):
            # Another process may have removed it, and a published folder may be read-only.
            with contextlib.suppress(OSError):
                if path.is_file() and _is_stray(path, locked):
                    path.unlink()


def _is_stray(path: Path, locked: bool) -> bool:
    """Whether no process is writing a file; where that is unknown, whether it is old."""
    writer = WRITER.search(path.name)
    old = time.time() - path.stat().st_mtime > ABANDONED
    if writer is None:
        return locked or old
    # On Windows there is no asking for a process without ending it.
    if writer["host"] not in (None, _host()) or os.name == "nt":
        return old
    return not _is_alive(int(writer["process"]))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        # It belongs to somebody else.
        return True
    return True


def free_space(path: PathLike) -> str:
    """Free space on the disk of a path, in words.

    Args:
        path: str or Path; the nearest existing parent counts.

    Returns:
        str such as ``"12.3 GB free"``.

    Example:
        >>> free_space("/").endswith(" GB free")
        True
    """
    path = Path(path).absolute()
    existing = next(parent for parent in [path, *path.parents] if parent.exists())
    return f"{shutil.disk_usage(existing).free / 1e9:.1f} GB free"


def place(path: object, name: str = "path") -> Path:
    """Return a path that a file or folder can have.

    Args:
        path: str or Path.
        name: str, the argument's name.

    Returns:
        Path.

    Raises:
        UnusableFileError: for anything else, an empty path or one with a NUL character.

    Example:
        >>> place("a/b").name
        'b'
    """
    if not isinstance(path, (str, os.PathLike)) or "\0" in str(path):
        raise UnusableFileError(f"`{name}` must be a str or a path. Received: {name}={path!r}")
    if path == "":
        raise UnusableFileError(f"`{name}` must be a folder, not empty. Received: {name}=''")
    return Path(path)


def writable_folder(path: PathLike, name: str = "folder") -> Path:
    """Make a folder and prove that files can be written there, before long work starts.

    Args:
        path: str or Path.
        name: str, the argument's name.

    Returns:
        Path of the folder.

    Raises:
        UnusableFileError: if it cannot be made or written.

    Example:
        >>> import tempfile
        >>> writable_folder(tempfile.mkdtemp()).is_dir()
        True
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise UnusableFileError(
            f"`{name}` must be a folder that can be written ({error.strerror}). "
            f"Received: {name}={str(path)!r}"
        ) from error


@contextlib.contextmanager
def locked(path: PathLike, wait: bool, name: str = "path") -> Iterator[None]:
    """Hold a lock file while a block runs, so that two processes do not write the same files.

    Args:
        path: str or Path of the lock file, in a folder that exists.
        wait: bool; warn and wait while another process holds it, or refuse.
        name: str, the argument's name.

    Yields:
        Nothing.

    Raises:
        UnusableFileError: if another process holds it and ``wait`` is false, or it cannot be made.

    Warns:
        UserWarning: where the file system has no locks; the block runs without.

    Example:
        >>> with locked(Path(tempfile.mkdtemp()) / ".lock", wait=False):
        ...     pass
    """
    # The file that would stand for a lock stays when a process is killed, for ever if its machine
    # is another one.
    lock = filelock.FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        message = f"`{name}` is in use by another process. Received: {name}={str(path)!r}"
        if not wait:
            raise UnusableFileError(message) from error
        warnings.warn(f"Waiting: {message}", stacklevel=4)
        lock.acquire()
    except OSError as error:
        if error.errno not in LOCKLESS:
            raise UnusableFileError(
                f"`{name}` must be a folder that can be written ({error.strerror}). "
                f"Received: {name}={str(path)!r}"
            ) from error
        warnings.warn(
            f"The file system of `{name}` has no locks ({error.strerror}): let no other run use it "
            f"as long as this one is at work. Received: {name}={str(path)!r}",
            stacklevel=4,
        )
    try:
        yield
    finally:
        lock.release()
