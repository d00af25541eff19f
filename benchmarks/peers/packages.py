"""The packages that are compared with, and which of them are not installed."""

import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable

# Package by the module that it is imported as.
PACKAGES = {
    "torch": "torch",
    "foolbox": "foolbox",
    "torchattacks": "torchattacks",
    "art": "adversarial-robustness-toolbox",
    "cleverhans": "cleverhans",
    "scipy": "scipy",
}
INSTALL = "python -m pip install '.[benchmark]'"


def missing(modules: Iterable[str]) -> list[str]:
    """Packages that are not installed.

    Args:
        modules: iterable of str, names by which they are imported, keys of ``PACKAGES``.

    Returns:
        list of str, names by which they are installed.
    """
    return [PACKAGES[name] for name in modules if importlib.util.find_spec(name) is None]


def remedy(names: Iterable[str]) -> str:
    """What to do about packages that are not installed.

    Args:
        names: iterable of str, as ``missing`` returns them.

    Returns:
        str.
    """
    return f"not installed: {', '.join(names)}; install with {INSTALL}"


def versions() -> dict[str, str | None]:
    """Versions of all packages, None where one is not installed.

    Returns:
        dict from the name of a package to its version.
    """
    found: dict[str, str | None] = dict.fromkeys(PACKAGES.values())
    for name in found:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def import_first() -> None:
    """Import PyTorch with its compiler, if it is installed, before TensorFlow is.

    Both bring their own LLVM; a process in which PyTorch's is loaded second does not survive it.
    """
    if not missing(["torch"]):
        importlib.import_module("torch._dynamo")


def forget_compiled() -> None:
    """Drop what ``torch.compile`` has made, of which it keeps a few versions and no more."""
    if "torch" in sys.modules:
        sys.modules["torch"].compiler.reset()
