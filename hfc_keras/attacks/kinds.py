"""Every kind of attack, and the way back from a record."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeAlias, get_args

from hfc_keras import checks
from hfc_keras.attacks.apgd import Apgd
from hfc_keras.attacks.attack_settings import Fgsm, Pgd
from hfc_keras.attacks.square import Square

Attack: TypeAlias = Fgsm | Pgd | Apgd | Square
KINDS = {kind.name: kind for kind in get_args(Attack)}


def from_dict(content: Mapping[str, Any]) -> Attack:
    """Attack of the settings that its ``to_dict`` returned.

    Args:
        content: dict with ``attack``, one of ``"fgsm"``, ``"pgd"``, ``"apgd"`` and ``"square"``,
            and its settings.

    Returns:
        Fgsm, Pgd, Apgd or Square.

    Raises:
        ValueError: for another attack or setting, or a value out of range.

    Example:
        >>> from_dict({"attack": "pgd", "epsilon": 0.1}) == Pgd(0.1)
        True
    """
    given = isinstance(content, Mapping)
    checks.require(given, "`content` must be a dict of settings", content=content)
    content = dict(content)
    kind = KINDS[checks.choice("attack", content.pop("attack", None), KINDS)]
    names = [field.name for field in dataclasses.fields(kind)]
    for name in content:
        checks.choice(f"setting of {kind.__name__}", name, names)
    checks.require("epsilon" in content, "an attack must have `epsilon`", attack=content)
    return kind(**content)


def is_attack(value: object) -> bool:
    """Whether a value is an attack of any kind.

    Args:
        value: anything.

    Returns:
        bool.

    Example:
        >>> is_attack(Pgd(0.1)), is_attack("pgd")
        (True, False)
    """
    return isinstance(value, get_args(Attack))
