"""What an attack is, as a value."""

import dataclasses
import importlib.util
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import keras
import numpy as np

from hfc_keras import checks, losses
from hfc_keras.attacks.norms import NORMS
from hfc_keras.types import Engine, Loss, Mask, Norm, Record

ENGINES = ("native", "cleverhans")
MASKS = {"low": 1, "high": 1, "band": 2}


@dataclasses.dataclass(frozen=True)
class _Attack:
    """What both attacks do with their settings."""

    name: ClassVar[str]

    def __post_init__(self) -> None:
        """Check every setting."""
        _check(self)

    def to_dict(self) -> Record:
        """Return the settings that differ from their defaults, ready for JSON.

        Returns:
            dict from name to value, with the attack's name under ``attack``.

        Example:
            >>> Pgd(0.1, steps=7).to_dict()
            {'attack': 'pgd', 'epsilon': 0.1, 'steps': 7}
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        default = {field.name: field.default for field in dataclasses.fields(self)}
        changed = {name: value for name, value in values.items() if value != default[name]}
        return {"attack": self.name, **changed}


@dataclasses.dataclass(frozen=True)
class Fgsm(_Attack):
    r"""Settings of the fast gradient sign method; of its L2 form with ``norm="l2"``.

    .. math:: x' = \Pi(x_0 + \alpha \, d(\nabla \ell(x_0)))

    Args:
        epsilon: float, at least 0 and with L-inf at most 1, radius of the ball around the
            image, in pixel values of [0, 1].
        step_size: float above 0, at most twice epsilon; None is epsilon, or 1.25 epsilon with
            a random start.
        norm: ``"linf"`` or ``"l2"``.
        random_start: bool, whether :math:`x_0` is drawn uniformly from the ball.
        loss: ``"cross_entropy"`` or ``"margin"``.
        seed: int, at least 0, of the random start.
        engine: ``"native"`` or ``"cleverhans"`` (with the TensorFlow backend).
        targeted: bool, whether labels are target classes.
        mask: None, or the frequencies that the perturbation is confined to: ``("low", r)``,
            ``("high", r)`` or ``("band", inner, outer)``, in cycles per image, the rim see
            ``spectrum.radial_mask``. Where a pixel would leave [0, 1] and is clipped, some
            energy goes to other frequencies.
        clip_min: float, smallest pixel value, at least 0.
        clip_max: float, largest pixel value, at most 1.

    Raises:
        ValueError: for a value out of range, or an engine that cannot do what is asked. With
            ``epsilon=0`` nothing else is checked, because nothing will be done.

    Reference:
        Goodfellow et al., Explaining and Harnessing Adversarial Examples, ICLR 2015; with a
        random start: Wong et al., Fast is Better than Free, ICLR 2020.

    Example:
        >>> Fgsm(0.1, random_start=True).step
        0.125
    """

    epsilon: float
    step_size: float | None = None
    norm: Norm = "linf"
    random_start: bool = False
    loss: Loss = "cross_entropy"
    seed: int = 0
    engine: Engine = "native"
    targeted: bool = False
    mask: Mask | None = None
    clip_min: float = 0.0
    clip_max: float = 1.0

    name: ClassVar[str] = "fgsm"
    steps: ClassVar[int] = 1
    restarts: ClassVar[int] = 1
    momentum: ClassVar[float] = 0.0

    @property
    def step(self) -> float:
        """Step size, with the default filled in."""
        if self.step_size is not None:
            return self.step_size
        return 1.25 * self.epsilon if self.random_start else self.epsilon


@dataclasses.dataclass(frozen=True)
class Pgd(_Attack):
    r"""Settings of projected gradient descent (ascent, on the loss).

    .. math:: x_{t+1} = \Pi(x_t + \alpha \, d(\nabla \ell(x_t)))

    The released code of the CVPR 2020 paper trains with
    ``Pgd(0.03, step_size=0.003, steps=10, random_start=False)``.

    The default step shrinks with the number of steps: all steps together are 2.5 epsilon long
    however many there are, so that more of them refine an attack but take it no further. Good
    for training; to report a number, or to ask whether more steps would find more, set
    ``step_size=epsilon / 4``, or take ``attacks.strong(epsilon)``.

    Args:
        epsilon: float, at least 0 and with L-inf at most 1, radius of the ball around the
            image, in pixel values of [0, 1].
        step_size: float above 0, at most twice epsilon; None is 2.5 epsilon / steps, at most
            epsilon. From 20 steps on epsilon / 4 is the stronger choice.
        steps: int, at least 1.
        norm: ``"linf"`` or ``"l2"``.
        random_start: bool, whether :math:`x_0` is drawn uniformly from the ball.
        loss: ``"cross_entropy"`` or ``"margin"``.
        seed: int, at least 0, of the random starts.
        engine: ``"native"`` or ``"cleverhans"`` (with the TensorFlow backend; no momentum).
        targeted: bool, whether labels are target classes.
        restarts: int, at least 1; above 1 only with a random start. An image that is fooled
            is not started again.
        momentum: float in [0, 1), weight of the earlier directions, each of L1 norm 1.
        mask: None, or the frequencies that the perturbation is confined to: ``("low", r)``,
            ``("high", r)`` or ``("band", inner, outer)``, in cycles per image; see ``Fgsm``.
        clip_min: float, smallest pixel value, at least 0.
        clip_max: float, largest pixel value, at most 1.

    Raises:
        ValueError: for a value out of range, or an engine that cannot do what is asked. With
            ``epsilon=0`` nothing else is checked.

    Reference:
        Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR
        2018; momentum: Dong et al., Boosting Adversarial Attacks with Momentum, CVPR 2018.

    Example:
        >>> Pgd(8 / 255, steps=10).step == 2 / 255
        True
    """

    epsilon: float
    step_size: float | None = None
    steps: int = 10
    norm: Norm = "linf"
    random_start: bool = True
    loss: Loss = "cross_entropy"
    seed: int = 0
    engine: Engine = "native"
    targeted: bool = False
    restarts: int = 1
    momentum: float = 0.0
    mask: Mask | None = None
    clip_min: float = 0.0
    clip_max: float = 1.0

    name: ClassVar[str] = "pgd"

    @property
    def step(self) -> float:
        """Step size, with the default filled in."""
        if self.step_size is not None:
            return self.step_size
        return min(2.5 * self.epsilon / self.steps, self.epsilon)


Attack: TypeAlias = Fgsm | Pgd


def from_dict(content: Mapping[str, Any]) -> Attack:
    """Attack of the settings that its ``to_dict`` returned.

    Args:
        content: dict with ``attack``, ``"fgsm"`` or ``"pgd"``, and its settings.

    Returns:
        Fgsm or Pgd.

    Raises:
        ValueError: for another attack or setting, or a value out of range.

    Example:
        >>> from_dict({"attack": "pgd", "epsilon": 0.1}) == Pgd(0.1)
        True
    """
    content = dict(content)
    kinds = {kind.name: kind for kind in (Fgsm, Pgd)}
    kind = kinds[checks.choice("attack", content.pop("attack", None), kinds)]
    names = [field.name for field in dataclasses.fields(kind)]
    for name in content:
        checks.choice(f"setting of {kind.__name__}", name, names)
    checks.require("epsilon" in content, "an attack must have `epsilon`", attack=content)
    return kind(**content)


def _check(attack: Any) -> None:
    """Check the settings of an attack and give them their types."""
    top = 1 if attack.norm == "linf" else np.inf
    epsilon = checks.number("epsilon", attack.epsilon, minimum=0, maximum=top)
    typed: dict[str, Any] = {"epsilon": epsilon}
    if epsilon > 0:
        typed.update(_numbers(attack), mask=_mask(attack.mask))
        checks.choice("norm", attack.norm, NORMS)
        checks.choice("loss", attack.loss, losses.LOSSES)
        checks.choice("engine", attack.engine, ENGINES)
        for name in ("random_start", "targeted"):
            value = getattr(attack, name)
            checks.require(value in (True, False), f"`{name}` must be a bool", **{name: value})
            typed[name] = bool(value)
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
