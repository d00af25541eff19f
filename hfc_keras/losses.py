"""Losses of single samples, from logits."""

from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.types import ArrayLike, Loss, Shape, Tensor

LOSSES: tuple[Loss, ...] = ("cross_entropy", "margin")


def sample_losses(logits: ArrayLike, labels: ArrayLike, loss: Loss = "cross_entropy") -> Tensor:
    r"""Loss of each sample, in float32.

    .. math:: \ell_{CE} = \log \sum_k e^{z_k} - z_y, \qquad
              \ell_{margin} = \max_{k \ne y} z_k - z_y

    Args:
        logits: tensor ``(batch, classes)``.
        labels: int ``(batch,)``, one-hot or soft ``(batch, classes)``. The margin takes the
            likeliest class of a soft label.
        loss: ``"cross_entropy"`` or ``"margin"``, which is above 0 where the prediction is wrong.

    Returns:
        float32 tensor ``(batch,)``.

    Raises:
        ValueError: for another loss, logits of another rank or without samples, labels that do
            not go with them, or a margin of one class.

    Reference:
        Carlini and Wagner, Towards Evaluating the Robustness of Neural Networks, 2017
        (the margin).

    Example:
        >>> import numpy as np
        >>> sample_losses(np.array([[3.0, 1.0]]), np.array([0]), "margin").shape == (1,)
        True
    """
    checks.choice("loss", loss, LOSSES)
    logits, labels = tensors.real(logits, "logits"), tensors.real(labels, "labels")
    _check(tensors.shape_of(logits, "logits"), tensors.shape_of(labels, "labels"), loss)
    logits = ops.cast(logits, "float32")
    sparse = len(labels.shape) == 1
    if loss == "cross_entropy":
        entropy = ops.sparse_categorical_crossentropy if sparse else ops.categorical_crossentropy
        labels = ops.cast(labels, "int32" if sparse else "float32")
        return entropy(labels, logits, from_logits=True)
    true = ops.cast(labels if sparse else ops.argmax(labels, axis=1), "int32")
    is_true = ops.one_hot(true, logits.shape[1], dtype="bool")
    others = ops.max(ops.where(is_true, -float("inf"), logits), axis=1)
    return others - ops.sum(ops.where(is_true, logits, 0.0), axis=1)


def _check(logits: Shape, labels: Shape, loss: Loss) -> None:
    """Refuse shapes of which a loss would be empty, broadcast or infinite."""
    checks.require(
        len(logits) == 2 and 0 not in logits,
        "`logits` must be (batch, classes), at least one sample and one class",
        **{"logits.shape": logits},
    )
    pairs = zip(labels, logits, strict=False)
    checks.require(
        len(labels) in (1, 2) and all(None in pair or pair[0] == pair[1] for pair in pairs),
        "`labels` must be (batch,) or (batch, classes), as `logits` are",
        **{"labels.shape": labels, "logits.shape": logits},
    )
    checks.require(
        loss != "margin" or logits[1] != 1,
        "`logits` must be those of two or more classes for a margin",
        **{"logits.shape": logits},
    )
