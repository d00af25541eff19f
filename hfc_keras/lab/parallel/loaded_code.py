"""Which code a process holds: a worker that has been up for long may hold another one than the run.

Imports no Keras at its top, see ``remote``.
"""

import functools
import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

OWN = "hfc_keras"


def digests(name: str) -> dict[str, str | None]:
    """Digests of the files of all modules that measuring may run through, as they were first seen.

    Args:
        name: str, module of an experiment that is imported.

    Returns:
        dict from each module that this process has of this package, of the experiment's, and of
        the folder of an experiment that is in no package, to the hexadecimal sha256 of its file.

    Example:
        >>> len(digests("hfc_keras")["hfc_keras"])
        64
    """
    return {module: _digest(module) for module in sorted(_modules(name))}


def differing(wanted: Mapping[str, str | None]) -> str | None:
    """First module whose file was not the same when this process first saw it.

    Args:
        wanted: dict, see ``digests``.

    Returns:
        str; None if there is none.

    Example:
        >>> differing({"hfc_keras": "0" * 64})
        'hfc_keras'
    """
    return next((name for name, digest in wanted.items() if _digest(name) != digest), None)


def _modules(name: str) -> Iterator[str]:
    package, _, within = name.partition(".")
    folder = Path(sys.modules[name].__file__ or "").parent
    for each, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path is None or each.startswith("__"):
            continue
        root, _, deeper = each.partition(".")
        beside = not within and not deeper and Path(path).parent == folder
        if root in (OWN, package) or beside:
            yield each


# What was imported stays what it was, whatever becomes of its file.
@functools.cache
def _digest(name: str) -> str | None:
    """Digest of the file of a module, which need not be imported; None where there is none."""
    try:
        module = sys.modules.get(name)
        spec = importlib.util.find_spec(name) if module is None else None
        path = getattr(module, "__file__", None) or (spec and spec.origin)
        return hashlib.sha256(Path(path or "").read_bytes()).hexdigest()
    except (ImportError, ValueError, OSError):
        return None
