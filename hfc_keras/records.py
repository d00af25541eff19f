"""Records in JSON that are noticed when they are not what they were."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from hfc_keras import files
from hfc_keras.types import PathLike, Record

# Raised when files are written in a way that earlier versions must not read.
FORMAT = 1
SEAL = "sha256"


class NewerFormatError(files.UnusableFileError):
    """A file of a newer version, which is whole and must not be replaced."""


def digest(content: object) -> str:
    """Hexadecimal sha256 of the canonical JSON of some content.

    Args:
        content: what JSON can hold.

    Returns:
        str of 64 digits, the same for equal content whatever the order of its keys.

    Example:
        >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
        True
    """
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def sealed(content: Mapping[str, object]) -> Record:
    """Return a record with its format and its own checksum.

    Args:
        content: dict for JSON.

    Returns:
        dict for JSON, ``content`` with the keys format and sha256.

    Example:
        >>> sorted(sealed({"a": 1}))
        ['a', 'format', 'sha256']
    """
    # Tuples and keys that are no strings come back otherwise.
    record = json.loads(json.dumps({**content, "format": FORMAT}))
    record.pop(SEAL, None)
    return {**record, SEAL: digest(record)}


def opened(text: str | bytes, path: PathLike, remedy: str) -> Record:
    """Content of a record after proving that it is what was written.

    Args:
        text: str or bytes, JSON.
        path: str or Path it comes from, for errors.
        remedy: str, what to do about a damaged one, after a semicolon.

    Returns:
        dict, without checksum; a record made before there were checksums is taken as it is.

    Raises:
        NewerFormatError: if a newer version wrote it.
        UnusableFileError: if it is no JSON object or its checksum is another one.

    Example:
        >>> opened(json.dumps(sealed({"a": 1})), "a.json", "write it anew")["a"]
        1
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}", remedy) from error
    if not isinstance(content, dict):
        raise _damaged(path, f"it is a {type(content).__name__}", remedy)
    check_format(content.get("format", 0), path)
    if SEAL in content and content.pop(SEAL) != digest(content):
        raise _damaged(path, "its checksum is another one", remedy)
    return content


def read(path: PathLike, remedy: str) -> Record:
    """Content of the record in a file, see ``opened``.

    Args:
        path: str or Path.
        remedy: str, see ``opened``.

    Returns:
        dict.

    Raises:
        UnusableFileError: see ``opened``, or if the file cannot be read.
    """
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise _damaged(path, error.strerror, remedy) from error
    return opened(text, path, remedy)


def check_format(number: object, path: PathLike) -> None:
    """Refuse a file of a format that this version does not know.

    Args:
        number: int; 0 where a file was written before formats were.
        path: str or Path.

    Raises:
        NewerFormatError: for a newer format.
        UnusableFileError: for what is no format.

    Example:
        >>> check_format(0, "a.json")
    """
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise files.UnusableFileError(
            "`format` of a file must be a whole number; remove the file, or restore it. "
            f"Received: format={number!r}, path={str(path)!r}"
        )
    if number > FORMAT:
        raise NewerFormatError(
            f"`format` of a file must be at most {FORMAT}, what this version of hfc_keras can "
            "read; update hfc_keras, or use another folder. "
            f"Received: format={number!r}, path={str(path)!r}"
        )


def _damaged(path: PathLike, reason: str | None, remedy: str) -> files.UnusableFileError:
    return files.UnusableFileError(
        f"A record must be whole JSON, as it was written ({reason}); {remedy}. "
        f"Received: path={str(path)!r}"
    )
