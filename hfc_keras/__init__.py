"""Which frequencies of an image does a CNN use? Filter, train, measure, with Keras 3."""

import importlib
from typing import TYPE_CHECKING, Any

from hfc_keras.backend import require_supported

__version__ = "0.11.0"
__all__ = [
    "analysis",
    "attacks",
    "callbacks",
    "data",
    "gradients",
    "inspection",
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

if TYPE_CHECKING:
    from hfc_keras import analysis as analysis
    from hfc_keras import attacks as attacks
    from hfc_keras import callbacks as callbacks
    from hfc_keras import data as data
    from hfc_keras import gradients as gradients
    from hfc_keras import inspection as inspection
    from hfc_keras import kernels as kernels
    from hfc_keras import lab as lab
    from hfc_keras import layers as layers
    from hfc_keras import losses as losses
    from hfc_keras import models as models
    from hfc_keras import regularizers as regularizers
    from hfc_keras import reporting as reporting
    from hfc_keras import spectrum as spectrum
    from hfc_keras import training as training
    from hfc_keras.inspection import Profile as Profile
    from hfc_keras.inspection import inspect as inspect


# What stands at the front, and where it lives.
_FRONT = {"inspect": "inspection", "Profile": "inspection"}


def __getattr__(name: str) -> Any:
    """Import a subpackage when it is first used, so that importing the package is instant."""
    if name in _FRONT:
        return getattr(importlib.import_module(f"{__name__}.{_FRONT[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the subpackages, imported or not."""
    return sorted([*globals(), *__all__, *_FRONT])


require_supported()
