"""Watch over training with FGSM."""

import warnings
from typing import Any

import keras

from hfc_keras import analysis, attacks, checks
from hfc_keras.attacks.kinds import Attack
from hfc_keras.training.image_training import ImageTraining
from hfc_keras.types import ArrayLike, Norm

# Difference of the accuracies from which FGSM training counts as overfitted.
GAP = 0.2


class CatastrophicOverfitting(keras.callbacks.Callback):
    """Watch training with FGSM for the epoch from which only FGSM fails.

    Such a network withstands the single step it was trained with, and no second one. After
    every epoch the accuracy under FGSM, without random start, and under PGD with ten steps goes to
    the logs as ``fgsm_accuracy`` and ``pgd_accuracy``; a warning comes when they part.

    Args:
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot.
        epsilon: float, radius of both attacks.
        norm: ``"linf"`` or ``"l2"``.
        gap: float in [0, 1], difference of the accuracies from which a warning comes.
        model: keras.Model to evaluate, such as one in full precision that shares or follows the
            weights, or None, the one that is trained.

    Warns:
        UserWarning: once for each epoch in which the accuracies differ by more than ``gap``.

    Reference:
        Wong et al., Fast is Better than Free: Revisiting Adversarial Training, ICLR 2020.

    Example:
        >>> from hfc_keras import data
        >>> test = data.load("digits", examples=(50, 20)).test
        >>> CatastrophicOverfitting(test.images, test.labels, epsilon=0.1).gap
        0.2
    """

    def __init__(
        self,
        images: ArrayLike,
        labels: ArrayLike,
        epsilon: float,
        norm: Norm = "linf",
        gap: float = GAP,
        model: keras.Model | None = None,
    ) -> None:
        super().__init__()
        self.images, self.labels = images, labels
        self.attacks = attacks.Fgsm(epsilon, norm=norm), attacks.Pgd(epsilon, norm=norm)
        self.gap = checks.number("gap", gap, minimum=0, maximum=1)
        self.evaluated = model

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Measure both accuracies."""
        model = self.evaluated or self.model
        model = model.model if isinstance(model, ImageTraining) else model
        fgsm, pgd = (self._accuracy(model, attack) for attack in self.attacks)
        if logs is not None:
            logs.update(fgsm_accuracy=fgsm, pgd_accuracy=pgd)
        if fgsm - pgd > self.gap:
            warnings.warn(
                f"Catastrophic overfitting after epoch {epoch + 1}: accuracy {fgsm:.3f} under "
                f"FGSM but {pgd:.3f} under PGD. Train with attacks.Pgd, a smaller step_size or "
                "fewer epochs.",
                stacklevel=2,
            )

    def _accuracy(self, model: keras.Model, attack: Attack) -> float:
        table = analysis.robust_accuracy(model, self.images, self.labels, attack)
        return float(table["accuracy"].iloc[1])
