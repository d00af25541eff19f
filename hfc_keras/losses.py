"""Losses of single samples, from logits."""

from typing import Any

from keras import ops

from hfc_keras import checks, tensors
from hfc_keras.types import ArrayLike, Loss, Shape, Tensor

LOSSES: tuple[Loss, ...] = ("cross_entropy", "margin", "dlr")
# Logits by which the difference of logits ratio divides: the largest, third and fourth.
FEWEST_CLASSES = {"cross_entropy": 1, "margin": 2, "dlr": 3}
TARGETED_DLR_CLASSES = 4
# Keeps the ratio finite where all logits are equal.
SMALLEST_SPREAD = 1e-12


def sample_losses(logits: ArrayLike, labels: ArrayLike, loss: Loss = "cross_entropy") -> Tensor:
    r"""Loss of each sample, in float32.

    .. math:: \ell_{CE} = \log \sum_k e^{z_k} - z_y, \qquad
              \ell_{margin} = \max_{k \ne y} z_k - z_y, \qquad
              \ell_{DLR} = \frac{\ell_{margin}}{z_{(1)} - z_{(3)}}

    with the logits :math:`z_{(1)} \ge z_{(2)} \ge \dots` in descending order. The difference of
    logits ratio (DLR) does not change when all logits are scaled, so a very confident network
    cannot hide behind rounding.

    Args:
        logits: tensor ``(batch, classes)``.
        labels: int ``(batch,)``, one-hot or soft ``(batch, classes)``. The margin and the ratio
            take the likeliest class of a soft label.
        loss: ``"cross_entropy"``; ``"margin"`` or ``"dlr"``, which are above 0 where the
            prediction is wrong.

    Returns:
        float32 tensor ``(batch,)``.

    Raises:
        ValueError: for another loss, logits of another rank or without samples, labels that do
            not go with them, a margin of one class, or a ratio of fewer than three.

    Reference:
        Carlini and Wagner, Towards Evaluating the Robustness of Neural Networks, 2017
        (the margin); Croce and Hein, Reliable Evaluation of Adversarial Robustness with an
        Ensemble of Diverse Parameter-free Attacks, ICML 2020 (the ratio).

    Example:
        >>> import numpy as np
        >>> sample_losses(np.array([[3.0, 1.0]]), np.array([0]), "margin").shape == (1,)
        True
        >>> float(sample_losses(np.array([[30.0, 10.0, 20.0]]), np.array([0]), "dlr")[0])
        -0.5
    """
    logits, labels = _checked(logits, labels, loss)
    if loss == "cross_entropy":
        return _cross_entropy(logits, labels)
    margins = _margins(logits, labels)
    return margins / _spread(logits, 3) if loss == "dlr" else margins


def targeted_losses(
    logits: ArrayLike, labels: ArrayLike, targets: ArrayLike, loss: Loss = "cross_entropy"
) -> Tensor:
    r"""Loss of each sample that rises as its target class wins, in float32.

    .. math:: -\ell_{CE}(z, t), \qquad z_t - z_y, \qquad
              \frac{z_t - z_y}{z_{(1)} - (z_{(3)} + z_{(4)}) / 2}

    for cross-entropy, the margin and the difference of logits ratio (DLR).

    Args:
        logits: tensor ``(batch, classes)``.
        labels: int ``(batch,)``, one-hot or soft ``(batch, classes)``, the true classes y.
        targets: int ``(batch,)``, the classes t that an attack aims at.
        loss: ``"cross_entropy"``, ``"margin"`` or ``"dlr"``.

    Returns:
        float32 tensor ``(batch,)``; for the margin and the ratio above 0 only where the
        prediction is wrong.

    Raises:
        ValueError: as ``sample_losses``; for targets of another shape than the logits ask for, or
            that are no integers, or a ratio of fewer than four classes.

    Reference:
        Croce and Hein, Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse
        Parameter-free Attacks, ICML 2020.

    Example:
        >>> import numpy as np
        >>> logits = np.array([[5.0, 3.0, 1.0, 1.0]])
        >>> float(targeted_losses(logits, np.array([0]), np.array([1]), "dlr")[0])
        -0.5
    """
    logits, labels = _checked(logits, labels, loss)
    targets = tensors.real(targets, "targets")
    shape, dtype = tensors.shape_of(targets, "targets"), str(targets.dtype)
    # NaN would become the smallest class there is.
    checks.require("int" in dtype, "`targets` must be whole numbers", **{"targets.dtype": dtype})
    checks.require(
        len(shape) == 1 and (None in (shape[0], logits.shape[0]) or shape[0] == logits.shape[0]),
        "`targets` must be (batch,), one class for each of `logits`",
        **{"targets.shape": shape, "logits.shape": tuple(logits.shape)},
    )
    if loss == "cross_entropy":
        return -_cross_entropy(logits, targets)
    differences = _logits_of(logits, targets) - _logits_of(logits, labels)
    if loss == "margin":
        return differences
    checks.require(
        logits.shape[1] >= TARGETED_DLR_CLASSES,
        f"`logits` must be those of {TARGETED_DLR_CLASSES} or more classes for a targeted ratio; "
        "take loss='margin'",
        **{"logits.shape": tuple(logits.shape)},
    )
    return differences / _spread(logits, 3, 4)


def _checked(logits: ArrayLike, labels: ArrayLike, loss: Loss) -> tuple[Tensor, Tensor]:
    """Logits in float32 and labels, after a check of their form."""
    checks.choice("loss", loss, LOSSES)
    logits, labels = tensors.real(logits, "logits"), tensors.real(labels, "labels")
    _check(tensors.shape_of(logits, "logits"), tensors.shape_of(labels, "labels"), loss)
    return ops.cast(logits, "float32"), labels


def _cross_entropy(logits: Tensor, labels: Any) -> Tensor:
    sparse = len(labels.shape) == 1
    entropy = ops.sparse_categorical_crossentropy if sparse else ops.categorical_crossentropy
    labels = ops.cast(labels, "int32" if sparse else "float32")
    return entropy(labels, logits, from_logits=True)


def _margins(logits: Tensor, labels: Any) -> Tensor:
    """Largest other logit minus the true one."""
    is_true = _one_hot(logits, labels)
    others = ops.max(ops.where(is_true, -float("inf"), logits), axis=1)
    return others - ops.sum(ops.where(is_true, logits, 0.0), axis=1)


def _logits_of(logits: Tensor, labels: Any) -> Tensor:
    """Logit of the class of each sample."""
    return ops.sum(ops.where(_one_hot(logits, labels), logits, 0.0), axis=1)


def _one_hot(logits: Tensor, labels: Any) -> Tensor:
    sparse = len(labels.shape) == 1
    true = ops.cast(labels if sparse else ops.argmax(labels, axis=1), "int32")
    return ops.one_hot(true, logits.shape[1], dtype="bool")


def _spread(logits: Tensor, *ranks: int) -> Tensor:
    """Largest logit minus the mean of those of some ranks, counted from 1."""
    # Type checkers do not know it.
    sort: Any = getattr(ops, "sort")  # noqa: B009
    ascending = sort(logits, axis=1)
    lower = sum(ascending[:, -rank] for rank in ranks) / len(ranks)
    return ops.maximum(ascending[:, -1] - lower, SMALLEST_SPREAD)


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
    fewest = FEWEST_CLASSES[loss]
    checks.require(
        logits[1] is None or logits[1] >= fewest,
        f"`logits` must be those of {fewest} or more classes for loss={loss!r}",
        **{"logits.shape": logits},
    )
