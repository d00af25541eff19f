"""Which packages hfc_keras requires, by its installed metadata, and which are there."""

import dataclasses
import importlib.metadata
import re

REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?\s*>=\s*(?P<least>[\d.]+)"
    r"(?:\s*;\s*extra\s*==\s*[\"'](?P<extra>\w+)[\"'])?$"
)


@dataclasses.dataclass(frozen=True)
class Package:
    """A package that is required.

    Args:
        name: str.
        least: str, the oldest version that will do.
        version: str or None, the one that is installed.
    """

    name: str
    least: str
    version: str | None

    @property
    def will_do(self) -> bool:
        """Whether it is installed and new enough."""
        return self.version is not None and numbers(self.version) >= numbers(self.least)

    @property
    def remedy(self) -> str:
        """Command that installs it."""
        return f"pip install '{self.name}>={self.least}'"


def required(backend: str) -> list[Package]:
    """List what hfc_keras needs with a backend.

    Args:
        backend: str, ``"tensorflow"``, ``"jax"`` or ``"torch"``; each has its requirements.

    Returns:
        list of Package.

    Raises:
        PackageNotFoundError: if hfc_keras itself is not installed.

    Example:
        >>> "keras" in [package.name for package in required("tensorflow")]
        True
    """
    wanted = None if backend == "tensorflow" else backend
    lines = importlib.metadata.requires("hfc_keras") or []
    found = (REQUIREMENT.match(line) for line in lines)
    return [
        Package(each["name"], each["least"], installed(each["name"]))
        for each in found
        if each and each["extra"] == wanted
    ]


def installed(name: str) -> str | None:
    """Return the version of a package, or None if it is not installed.

    Args:
        name: str.

    Returns:
        str or None.

    Example:
        >>> installed("no-such-package") is None
        True
    """
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, three at most.

    Args:
        version: str.

    Returns:
        tuple of int.

    Example:
        >>> numbers("3.15.1rc2")
        (3, 15, 1)
    """
    parts = (re.match(r"\d+", part) for part in version.split(".")[:3])
    return tuple(int(part[0]) for part in parts if part)
