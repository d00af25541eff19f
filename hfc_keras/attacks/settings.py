"""What all attacks do with their settings."""

import dataclasses
import importlib.util
from typing import Any, ClassVar

import keras
import numpy as np

from hfc_keras import checks, losses
from hfc_keras.attacks.norms import NORMS
from hfc_keras.types import Mask, Record

ENGINES = ("native", "cleverhans")
PRECISIONS = ("float32", "bfloat16", "auto")
LOSS_NAMES = {"cross_entropy": "cross-entropy", "margin": "margin", "dlr": "DLR"}
# L2 norm that no image in [0, 1] reaches; the square of 1e19 is no float32.
LARGEST = 1e9
MASKS = {"low": 1, "high": 1, "band": 2}


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of an attack, checked when they are made.

    Example:
        >>> from hfc_keras.attacks import Pgd
        >>> isinstance(Pgd(0.1), Settings)
        True
    """

    name: ClassVar[str]
    title: ClassVar[str]
    # Settings that not every attack has. With annotations they would come before all fields.
    targeted = False
    targets = 0
    momentum = 0.0
    mask = None
    engine = "native"
    random_start = True
    uses_gradient = True

    def __post_init__(self) -> None:
        """Check every setting."""
        _check(self)

    def __str__(self) -> str:
        """Return the kind of attack and its budget."""
        attack: Any = self
        parts = [LOSS_NAMES[attack.loss]]
        if attack.targets:
            parts += [f"{attack.targets} targets", f"{attack.steps:,} steps each"]
        elif attack.uses_gradient:
            parts += [f"{attack.steps:,} step{'s' if attack.steps > 1 else ''}"]
        else:
            parts = [f"{attack.steps:,} queries"]
        parts += [f"{attack.restarts} restarts"] if attack.restarts > 1 else []
        return f"{attack.title}{'-T' if attack.targets else ''} ({', '.join(parts)})"

    def fitted(self, classes: int) -> Any:
        """Return the attack as a model of so many classes allows it.

        Args:
            classes: int, from 2.

        Returns:
            An attack of the same kind.

        Example:
            >>> from hfc_keras.attacks import Pgd
            >>> Pgd(0.1).fitted(2) == Pgd(0.1)
            True
        """
        return self

    def to_dict(self) -> Record:
        """Return the settings that differ from their defaults, ready for JSON.

        Returns:
            dict from name to value, with the attack's name under ``attack``.

        Example:
            >>> from hfc_keras.attacks import Pgd
            >>> Pgd(0.1, steps=7).to_dict()
            {'attack': 'pgd', 'epsilon': 0.1, 'steps': 7}
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        default = {field.name: field.default for field in dataclasses.fields(self)}
        changed = {name: value for name, value in values.items() if value != default[name]}
        return {"attack": self.name, **changed}


def _check(attack: Any) -> None:
    """Check the settings of an attack and give them their types."""
    top = 1 if isinstance(attack.norm, str) and attack.norm == "linf" else LARGEST
    epsilon = checks.number("epsilon", attack.epsilon, minimum=0, maximum=top)
    typed: dict[str, Any] = {"epsilon": epsilon}
    if epsilon > 0:
        for name in ("random_start", "targeted"):
            value = getattr(attack, name)
            good = isinstance(value, (bool, int, float, np.generic)) and value in (True, False)
            checks.require(good, f"`{name}` must be a bool", **{name: value})
            typed[name] = bool(value)
        typed.update(_numbers(attack), mask=_mask(attack.mask))
        checks.choice("norm", attack.norm, NORMS)
        checks.choice("loss", attack.loss, losses.LOSSES)
        checks.choice("engine", attack.engine, ENGINES)
        checks.choice("precision", attack.precision, PRECISIONS)
        checks.require(
            typed["clip_min"] < typed["clip_max"],
            "`clip_min` must be below `clip_max`",
            clip_min=attack.clip_min,
            clip_max=attack.clip_max,
        )
        _check_engine(attack)
    fields = {field.name for field in dataclasses.fields(attack)}
    for name in fields & typed.keys():
        object.__setattr__(attack, name, typed[name])


def _numbers(attack: Any) -> dict[str, Any]:
    """Numbers of an attack in their types."""
    checks.number("steps", attack.steps, minimum=1, whole=True)
    size = attack.step_size
    if size is not None:
        size = checks.number("step_size", size, minimum=0, maximum=2 * attack.epsilon)
        checks.require(size > 0, "`step_size` must be above 0", step_size=attack.step_size)
    restarts = checks.number("restarts", attack.restarts, minimum=1, whole=True)
    checks.require(
        restarts == 1 or attack.random_start,
        "`restarts` above 1 must have `random_start`, or each would be the same",
        restarts=restarts,
    )
    momentum = checks.number("momentum", attack.momentum, minimum=0, maximum=1)
    checks.require(momentum < 1, "`momentum` must be below 1", momentum=attack.momentum)
    return {
        "step_size": size,
        "steps": int(attack.steps),
        "targets": checks.number("targets", attack.targets, minimum=0, whole=True),
        "restarts": restarts,
        "momentum": momentum,
        "seed": checks.number("seed", attack.seed, minimum=0, whole=True),
        "clip_min": checks.number("clip_min", attack.clip_min, minimum=0, maximum=1),
        "clip_max": checks.number("clip_max", attack.clip_max, minimum=0, maximum=1),
    }


def _mask(mask: Any) -> Mask | None:
    """Frequencies of a perturbation as a hashable value."""
    if mask is None:
        return None
    known = isinstance(mask, (list, tuple)) and len(mask) and mask[0] in list(MASKS)
    checks.require(
        known and len(mask) == 1 + MASKS[mask[0]],
        "`mask` must be ('low', r), ('high', r) or ('band', inner, outer)",
        mask=mask,
    )
    radii = [checks.number("mask", radius, minimum=0) for radius in mask[1:]]
    checks.require(
        radii == sorted(set(radii)), "`mask` must have its outer radius above the inner", mask=mask
    )
    return (mask[0], *radii)


def _check_engine(attack: Any) -> None:
    if attack.engine == "native":
        return
    backend = keras.backend.backend()
    checks.require(
        backend == "tensorflow",
        "`engine` 'cleverhans' needs KERAS_BACKEND=tensorflow; use engine='native'",
        engine=attack.engine,
        backend=backend,
    )
    checks.require(
        importlib.util.find_spec("cleverhans") is not None,
        "`engine` 'cleverhans' needs the package cleverhans; install it or use engine='native'",
        engine=attack.engine,
    )
    checks.require(
        attack.momentum == 0,
        "`engine` 'cleverhans' has no momentum; use engine='native'",
        momentum=attack.momentum,
    )
    checks.require(
        attack.precision == "float32",
        "`engine` 'cleverhans' computes in float32; use engine='native' for another `precision`",
        precision=attack.precision,
    )
