"""Files that are either there whole or not there."""

import contextlib
import os
import shutil
import tempfile
import threading
import warnings
from pathlib import Path

import filelock


class UnusableFileError(ValueError):
    """A file or folder that cannot be read, written or gone on with, with its name."""


def write_whole(path, content):
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
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        if beside.is_file():
            beside.unlink()
        raise UnusableFileError(
            f"`path` must be writable ({error.strerror}, {free_space(path)}). "
            f"Received: path={str(path)!r}"
        ) from error
    return path


def free_space(path):
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


def writable_folder(path, name="folder"):
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
def locked(path, wait, name="path"):
    """Hold a lock file while a block runs, so that two processes do not write the same files.

    Args:
        path: str or Path of the lock file, in a folder that exists.
        wait: bool; warn and wait while another process holds it, or refuse.
        name: str, the argument's name.

    Yields:
        Nothing.

    Raises:
        UnusableFileError: if another process holds it and ``wait`` is false.

    Example:
        >>> with locked(Path(tempfile.mkdtemp()) / ".lock", wait=False):
        ...     pass
    """
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        message = f"`{name}` is in use by another process. Received: {name}={str(path)!r}"
        if not wait:
            raise UnusableFileError(message) from error
        warnings.warn(f"Waiting: {message}", stacklevel=4)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
