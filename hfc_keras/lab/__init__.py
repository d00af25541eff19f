"""Own experiments: a command line, trainings, resume, tables, figures and records."""

import importlib
from typing import TYPE_CHECKING, Any

# Module of each public name, imported when the name is first used: a list of the experiments needs
# no Keras.
_MODULES = {
    "AdversarialSettings": "settings",
    "Cell": "runner",
    "Components": "settings",
    "Experiment": "experiment",
    "Network": "tested_networks",
    "Plan": "runner",
    "Radii": "settings",
    "Settings": "settings",
    "Variant": "variants",
    "by_name": "variants",
    "drawn": "variants",
}
__all__ = [
    "AdversarialSettings",
    "Cell",
    "Components",
    "Experiment",
    "Network",
    "Plan",
    "Radii",
    "Settings",
    "Variant",
    "by_name",
    "drawn",
]

if TYPE_CHECKING:
    from hfc_keras.lab.experiment import Experiment as Experiment
    from hfc_keras.lab.runner import Cell as Cell
    from hfc_keras.lab.runner import Plan as Plan
    from hfc_keras.lab.settings import AdversarialSettings as AdversarialSettings
    from hfc_keras.lab.settings import Components as Components
    from hfc_keras.lab.settings import Radii as Radii
    from hfc_keras.lab.settings import Settings as Settings
    from hfc_keras.lab.tested_networks import Network as Network
    from hfc_keras.lab.variants import Variant as Variant
    from hfc_keras.lab.variants import by_name as by_name
    from hfc_keras.lab.variants import drawn as drawn


def __getattr__(name: str) -> Any:
    """Import the module of a public name when it is first used."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted([*globals(), *__all__])
