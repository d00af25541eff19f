"""Stop a training whose numbers are none, before anything of it is kept."""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import keras
import numpy as np


class NonFiniteError(FloatingPointError):
    """Numbers of a training that are none.

    Args:
        message: str.

    Attributes:
        epoch: int from 1 or None, the epoch in which they came up, where that is known.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.epoch: int | None = None


class StopAtNonFinite(keras.callbacks.Callback):
    """Stop at the first loss, penalty or weight that is not finite.

    The losses are looked at after every batch, weights and the optimizer's state after every
    epoch. Weights that do not train and are not finite from the start, such as a mask of minus
    infinity, are left alone.

    Raises:
        FloatingPointError: by ``fit``.

    Example:
        >>> StopAtNonFinite().on_train_batch_end(2, {"loss": float("nan")})
        Traceback (most recent call last):
        ...
        hfc_keras.training.finite.NonFiniteError: The loss must stay finite; lower the learning rate. Received: loss=nan at batch 3
    """  # noqa: E501

    _epoch: int | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Remember what is not finite by design."""
        model: Any = self.model
        fixed = model.non_trainable_variables if model.built else []
        self._left_alone = {id(each) for each in fixed if first_nonfinite([each])}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Know which epoch a batch is of."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss and the penalty of a batch."""
        self._look(logs, f"at batch {batch + 1}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look at the loss on the validation set and at the weights."""
        where, self._epoch = f"after epoch {epoch + 1}", epoch + 1
        self._look(logs, where)
        found = first_nonfinite(
            each for each in kept_variables(self.model) if id(each) not in self._left_alone
        )
        if found:
            refuse("weights", "lower the learning rate", f"{found} {where}", self._epoch)

    def _look(self, logs: Mapping[str, Any] | None, where: str) -> None:
        for name in ("sensitivity_penalty", "loss", "val_loss"):
            value = float((logs or {}).get(name, 0.0))
            if not np.isfinite(value):
                what, remedy = WORDS.get(name, (name, "lower the learning rate"))
                refuse(what, remedy, f"{name}={value} {where}", self._epoch)


WORDS = {
    "sensitivity_penalty": (
        "penalty on the Fourier sensitivity",
        "lower the learning rate or the penalty's weight (where the gradient of every image of "
        "a batch is zero, the loss is saturated, perhaps by pixels outside [0, 1])",
    ),
    "val_loss": ("loss on the validation set", "lower the learning rate"),
}


def kept_variables(model: Any) -> list[Any]:
    """Variables that training changes and a store or a file keeps.

    Args:
        model: keras.Model, compiled or not.

    Returns:
        List of variables: weights, moving averages, the state of the optimizer.

    Example:
        >>> from hfc_keras import models
        >>> len(kept_variables(models.build("small_cnn", (8, 8, 1), 10)))
        8
    """
    optimizer = getattr(model, "optimizer", None)
    return [*model.weights, *(optimizer.variables if optimizer is not None else [])]


def first_nonfinite(values: Iterable[Any]) -> str | None:
    """First of some variables or arrays that holds NaN or infinity.

    Args:
        values: variables or arrays; one at a time is looked at.

    Returns:
        str ``name=value`` of the first one, or None.

    Example:
        >>> first_nonfinite([np.zeros(2), np.array([0.0, np.inf])])
        'array 1=inf'
    """
    for index, value in enumerate(values):
        array = np.asarray(value)
        good = np.isfinite(array)
        if not good.all():
            name = getattr(value, "path", f"array {index}")
            return f"{name}={float(array[~good].ravel()[0])}"
    return None


def refuse(what: str, remedy: str, received: str, epoch: int | None = None) -> NoReturn:
    """Stop a training.

    Args:
        what: str, what must stay finite.
        remedy: str, what to do.
        received: str, what was not finite and when.
        epoch: int from 1 or None, the epoch in which it came up.

    Raises:
        NonFiniteError: always, a FloatingPointError.

    Example:
        >>> refuse("loss", "lower the learning rate", "loss=nan")
        Traceback (most recent call last):
        ...
        hfc_keras.training.finite.NonFiniteError: The loss must stay finite; lower the learning rate. Received: loss=nan
    """  # noqa: E501
    error = NonFiniteError(f"The {what} must stay finite; {remedy}. Received: {received}")
    error.epoch = epoch
    raise error
