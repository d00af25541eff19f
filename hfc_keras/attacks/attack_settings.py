"""What the attacks of one or many steps along the gradient are, as values."""

import dataclasses
from typing import ClassVar

from hfc_keras.attacks.settings import Settings
from hfc_keras.types import Engine, Loss, Mask, Norm, Precision


@dataclasses.dataclass(frozen=True)
class Fgsm(Settings):
    r"""Settings of the fast gradient sign method; of its L2 form with ``norm="l2"``.

    .. math:: x' = \Pi(x_0 + \alpha \, d(\nabla \ell(x_0)))

    Args:
        epsilon: float, at least 0, at most 1 with L-inf and 1e9 with L2, radius of the ball
            around the image, in pixel values of [0, 1].
        step_size: float above 0, at most twice epsilon; None is epsilon, or 1.25 epsilon with
            a random start.
        norm: ``"linf"`` or ``"l2"``.
        random_start: bool, whether :math:`x_0` is drawn uniformly from the ball.
        loss: ``"cross_entropy"``, ``"margin"`` or ``"dlr"``, see ``losses.sample_losses``.
        seed: int, at least 0, of the random start.
        engine: ``"native"`` or ``"cleverhans"`` (with the TensorFlow backend).
        targeted: bool, whether labels are target classes.
        mask: None, or the frequencies that the perturbation is confined to: ``("low", r)``,
            ``("high", r)`` or ``("band", inner, outer)``, in cycles per image, the rim see
            ``spectrum.radial_mask``. Where a pixel would leave [0, 1] and is clipped, some
            energy goes to other frequencies.
        clip_min: float, smallest pixel value, at least 0.
        clip_max: float, largest pixel value, at most 1.
        precision: ``"float32"``; ``"auto"``, in which the gradients are computed, but not what is
            found, in bfloat16 where this machine has it and rounding does not turn them;
            ``"bfloat16"``, the same unasked, which may overstate robustness. See
            ``robust_accuracy``.

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
    precision: Precision = "float32"

    name: ClassVar[str] = "fgsm"
    title: ClassVar[str] = "FGSM"
    steps: ClassVar[int] = 1
    restarts: ClassVar[int] = 1

    @property
    def step(self) -> float:
        """Step size, with the default filled in."""
        if self.step_size is not None:
            return self.step_size
        return 1.25 * self.epsilon if self.random_start else self.epsilon


@dataclasses.dataclass(frozen=True)
class Pgd(Settings):
    r"""Settings of projected gradient descent (ascent, on the loss).

    .. math:: x_{t+1} = \Pi(x_t + \alpha \, d(\nabla \ell(x_t)))

    The released code of the CVPR 2020 paper trains with
    ``Pgd(0.03, step_size=0.003, steps=10, random_start=False)``.

    The default step shrinks with the number of steps: all steps together are 2.5 epsilon long
    however many there are, so that more of them refine an attack but take it no further. Good
    for training; to ask whether more steps would find more, set ``step_size=epsilon / 4``, or
    take ``attacks.strong(epsilon)``. To report a number take ``attacks.standard(epsilon)``.

    Args:
        epsilon: float, at least 0, at most 1 with L-inf and 1e9 with L2, radius of the ball
            around the image, in pixel values of [0, 1].
        step_size: float above 0, at most twice epsilon; None is 2.5 epsilon / steps, at most
            epsilon. From 20 steps on epsilon / 4 is the stronger choice.
        steps: int, at least 1.
        norm: ``"linf"`` or ``"l2"``.
        random_start: bool, whether :math:`x_0` is drawn uniformly from the ball.
        loss: ``"cross_entropy"``, ``"margin"`` or ``"dlr"``, see ``losses.sample_losses``.
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
        precision: ``"float32"``; ``"auto"``, in which the gradients are computed, but not what is
            found, in bfloat16 where this machine has it and rounding does not turn them;
            ``"bfloat16"``, the same unasked, which may overstate robustness. See
            ``robust_accuracy``.

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
    precision: Precision = "float32"

    name: ClassVar[str] = "pgd"
    title: ClassVar[str] = "PGD"

    @property
    def step(self) -> float:
        """Step size, with the default filled in."""
        if self.step_size is not None:
            return self.step_size
        return min(2.5 * self.epsilon / self.steps, self.epsilon)
