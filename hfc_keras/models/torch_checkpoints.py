"""The arrays of a PyTorch checkpoint, out of what is wrapped around them."""

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from hfc_keras import checks
from hfc_keras.arrays import as_array
from hfc_keras.models.torch_files import BFLOAT16
from hfc_keras.types import Array

# Where a checkpoint holds its state dict, and what wrappers of a network put before every name.
NESTED = ("model", "net", "model_state_dict", "state_dict")
WRAPPERS = re.compile(r"((module|_orig_mod|model|net)\.)*")

LISTS = (list, tuple, set, frozenset, Mapping)


def arrays_of(checkpoint: Any, path: str | None = None) -> dict[str, Array]:
    """Arrays of a network, under the names that its own modules have.

    Args:
        checkpoint: mapping from name to array or tensor, a mapping that holds one under a name
            of ``NESTED``, or a module of PyTorch.
        path: str or None, the file that it is of, for what an error says.

    Returns:
        dict from name, without what all names have of ``WRAPPERS``, to array; floating-point
        numbers as float32.

    Raises:
        ValueError: if it holds no arrays by name, those of several networks, names of which
            only a part is as a wrapper has them, or anything that holds others beside them.

    Example:
        >>> arrays_of({"state_dict": {"module.linear.bias": np.ones(1)}, "epoch": 3})
        {'linear.bias': array([1.], dtype=float32)}
    """
    if callable(getattr(checkpoint, "state_dict", None)):
        checkpoint = checkpoint.state_dict()
    place = ""
    for name in NESTED:
        if isinstance(checkpoint, Mapping) and isinstance(checkpoint.get(name), Mapping):
            _require_one(checkpoint, place, path)
            checkpoint, place = checkpoint[name], f"{place}[{name!r}]"
    named = isinstance(checkpoint, Mapping) and all(isinstance(each, str) for each in checkpoint)
    checks.require(
        named and checkpoint,
        "`weights` must be arrays or tensors by name, or hold them as "
        f"{', '.join(map(repr, reversed(NESTED)))}",
        weights=list(checkpoint)[:3] if isinstance(checkpoint, Mapping) else type(checkpoint),
    )
    found = WRAPPERS.match(os.path.commonprefix(list(checkpoint)))
    start = found.end() if found else 0
    # A list may hold itself, or many times more numbers than its file.
    nested = {name: type(each) for name, each in checkpoint.items() if isinstance(each, LISTS)}
    checks.require(
        not nested,
        "`weights` must hold arrays or tensors, no lists of numbers",
        **dict(list(nested.items())[:1]),
    )
    _require_no_mixture([name[start:] for name in checkpoint])
    return {name[start:]: _as_array(value) for name, value in checkpoint.items()}


def _require_no_mixture(names: list[str]) -> None:
    """Refuse names of which a part has what a wrapper puts before every one."""
    starts = {name: found[0] for name in names if (found := WRAPPERS.match(name)) and found[0]}
    first, start = next(iter(starts.items()), (None, None))
    checks.require(
        not starts,
        f"`weights` must have {start!r} before all of their names or before none",
        first=first,
        without=[name for name in names if name not in starts][:3],
    )


def _require_one(checkpoint: Mapping[Any, Any], place: str, path: str | None) -> None:
    """Refuse a checkpoint of which several entries hold weights: any could be the network's."""
    seen: dict[int, Any] = {}
    holders = [name for name, each in checkpoint.items() if _holds_weights(name, each, seen)]
    usual = next(name for name in reversed(NESTED) if isinstance(checkpoint.get(name), Mapping))
    place = f"{place}[{usual!r}]"
    advice = f"pass one alone, such as checkpoint{place}"
    if path is not None:
        advice = f"in PyTorch, torch.save(torch.load(path){place}, new_path) writes one alone"
    checks.require(
        len(holders) <= 1,
        f"`weights` must hold those of one network; {advice}",
        names=holders[:5],
        **({} if path is None else {"weights": path}),
    )


def _holds_weights(name: Any, value: Any, seen: dict[int, Any]) -> bool:
    """Whether an entry is a weight, or has one in it that is in no entry seen before."""
    left = [(name, value)]
    while left:
        name, value = left.pop()
        if not isinstance(value, LISTS):
            if (
                isinstance(name, str)
                and name.endswith(".weight")
                and len(getattr(value, "shape", ()))
            ):
                return True
        # What holds itself, or one thing many times, is looked at once.
        elif id(value) not in seen:
            seen[id(value)] = value
            inner = value.items() if isinstance(value, Mapping) else [("", each) for each in value]
            left.extend(inner)
    return False


def _as_array(value: Any) -> Array:
    """Numbers of an array or a tensor, float32 if they are floating-point numbers."""
    array = as_array(value)
    if array.dtype == BFLOAT16:
        return (array["bfloat16"].astype("<u4") << 16).view("<f4")
    if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
        return array
    # A float64 that is too large becomes infinite, which is refused with its name.
    with np.errstate(over="ignore"):
        return array.astype("float32", copy=False)
