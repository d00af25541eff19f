"""What the parts of a training step know of each other."""

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator
from typing import Any


@dataclasses.dataclass
class Step:
    """A step of a training: its model and labels, and what the forward pass leaves for the loss.

    Args:
        model: ImageTraining or None.
        labels: tensor or None.
        losses: list of scalar tensors beside the loss of ``compile``.
        noted: dict of tensors for metrics.

    Example:
        >>> Step().losses
        []
    """

    model: Any = None
    labels: Any = None
    losses: list[Any] = dataclasses.field(default_factory=list)
    noted: dict[str, Any] = dataclasses.field(default_factory=dict)


# Each device of TensorFlow has a thread, and context, of its own; Keras' list of losses has not.
_STEP: contextvars.ContextVar[Step | None] = contextvars.ContextVar("step", default=None)


@contextlib.contextmanager
def within(model: Any, labels: Any) -> Iterator[None]:
    """Lay labels ready for the ``call`` of a model.

    Args:
        model: ImageTraining.
        labels: tensor.

    Example:
        >>> with within("model", [1]):
        ...     current().labels
        [1]
    """
    before = _STEP.set(Step(model, labels))
    try:
        yield
    finally:
        _STEP.reset(before)


def current() -> Step:
    """Step around this call, or an empty one.

    Returns:
        Step.

    Example:
        >>> current().model is None
        True
    """
    return _STEP.get() or Step()
