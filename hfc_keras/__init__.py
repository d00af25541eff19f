"""Which frequencies of an image does a CNN use? Filter, train, measure, with Keras 3."""

import importlib

from hfc_keras.backend import require_supported

__version__ = "0.7.0"
__all__ = [
    "analysis",
    "attacks",
    "data",
    "gradients",
    "kernels",
    "lab",
    "layers",
    "losses",
    "models",
    "regularizers",
    "reporting",
    "spectrum",
    "training",
]


def __getattr__(name):
    """Import a subpackage when it is first used, so that importing the package is instant."""
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    """List the subpackages, imported or not."""
    return sorted([*globals(), *__all__])


require_supported()
