"""Auto-PGD as a value."""

import dataclasses
from typing import ClassVar, Self

from hfc_keras import losses
from hfc_keras.attacks.settings import Settings
from hfc_keras.types import Loss, Mask, Norm, Precision


@dataclasses.dataclass(frozen=True)
class Apgd(Settings):
    r"""Settings of Auto-PGD (APGD), projected gradient descent that sets its own step size.

    .. math:: z = \Pi(x_t + \eta_t \, d(\nabla \ell(x_t))), \qquad
              x_{t+1} = \Pi(x_t + \tfrac34 (z - x_t) + \tfrac14 (x_t - x_{t-1}))

    The step size :math:`\eta` of an image starts at twice epsilon. It is halved, and the search
    goes on from the best point so far, where at a checkpoint no more than three quarters of the
    last steps raised the loss, or where neither the step size nor the best loss has changed since
    the checkpoint before. Of 100 steps the checkpoints stand after 22, 41, 57, 70, 80, 87, 93 and
    99.

    With ``targets`` it is the multi-targeted form (APGD-T): a search for each of the most likely
    wrong classes, whose logit is raised over that of the true class. It finds much that no
    untargeted loss finds.

    Args:
        epsilon: float, at least 0, at most 1 with L-inf and 1e9 with L2, radius of the ball
            around the image, in pixel values of [0, 1].
        steps: int, at least 1, of each search.
        norm: ``"linf"`` or ``"l2"``.
        loss: ``"cross_entropy"``, ``"margin"`` or ``"dlr"``, see ``losses.sample_losses`` and,
            with ``targets``, ``losses.targeted_losses``. A ratio of too few classes (three, with
            targets four) becomes the margin, as the table says.
        targets: int, at least 0, wrong classes aimed at, the most likely first; 0 for the
            untargeted form. Of a model with fewer wrong classes all are aimed at.
        restarts: int, at least 1, random starts tried until an image is fooled.
        seed: int, at least 0, of the random starts, which lie on the sphere of radius epsilon.
        mask: None, or the frequencies that the perturbation is confined to; see ``Pgd``.
        clip_min: float, smallest pixel value, at least 0.
        clip_max: float, largest pixel value, at most 1.
        precision: ``"float32"``; ``"auto"``, in which the gradients are computed, but not what is
            found, in bfloat16 where this machine has it and rounding does not turn them;
            ``"bfloat16"``, the same unasked, which may overstate robustness. See
            ``robust_accuracy``.

    Raises:
        ValueError: for a value out of range. With ``epsilon=0`` nothing else is checked.

    Reference:
        Croce and Hein, Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse
        Parameter-free Attacks, ICML 2020.

    Example:
        >>> print(Apgd(8 / 255, loss="dlr", targets=9))
        APGD-T (DLR, 9 targets, 100 steps each)
    """

    epsilon: float
    steps: int = 100
    norm: Norm = "linf"
    loss: Loss = "cross_entropy"
    targets: int = 0  # pyright: ignore[reportIncompatibleVariableOverride]: here it is a setting
    restarts: int = 1
    seed: int = 0
    mask: Mask | None = None  # pyright: ignore[reportIncompatibleVariableOverride]: as above
    clip_min: float = 0.0
    clip_max: float = 1.0
    precision: Precision = "float32"

    name: ClassVar[str] = "apgd"
    title: ClassVar[str] = "APGD"
    step_size: ClassVar[None] = None

    @property
    def step(self) -> float:
        """Step size at the start."""
        return 2 * self.epsilon

    def fitted(self, classes: int) -> Self:
        """Return the attack as a model of so few classes allows it.

        Args:
            classes: int, from 2.

        Returns:
            Apgd, of at most ``classes - 1`` targets, with the margin where there is no ratio.

        Example:
            >>> Apgd(0.1, loss="dlr", targets=9).fitted(3)
            Apgd(epsilon=0.1, steps=100, norm='linf', loss='margin', targets=2, restarts=1, seed=0, mask=None, clip_min=0.0, clip_max=1.0, precision='float32')
        """  # noqa: E501
        fewest = losses.TARGETED_DLR_CLASSES if self.targets else losses.FEWEST_CLASSES["dlr"]
        loss = "margin" if self.loss == "dlr" and classes < fewest else self.loss
        return dataclasses.replace(self, loss=loss, targets=min(self.targets, classes - 1))
