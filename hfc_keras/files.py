"""Files that are either there whole or not there."""

import os
import shutil
import tempfile
import threading
from pathlib import Path


class UnusableFileError(ValueError):
    """A file or folder that cannot be read or written, with its name."""


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
