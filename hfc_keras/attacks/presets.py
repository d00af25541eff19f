"""Attacks by name, for numbers that are reported."""

from typing import Any

from hfc_keras import checks
from hfc_keras.attacks.attack_settings import Pgd
from hfc_keras.types import Loss, Mask, Norm

LOSSES: tuple[Loss, ...] = ("cross_entropy", "margin")
RESTARTS, STEPS = 3, 50


def strong(
    epsilon: float,
    norm: Norm = "linf",
    seed: int = 0,
    mask: Mask | None = None,
    clip_min: float = 0.0,
    clip_max: float = 1.0,
) -> tuple[Pgd, ...]:
    r"""Attacks for a robust accuracy that is reported.

    .. math:: \alpha = \epsilon / 4, \quad 50 \text{ steps}, \quad 3 \text{ restarts}, \quad
              \ell \in \{\ell_{CE}, \ell_{margin}\}

    Both losses, since cross-entropy has no gradient where a network is very confident; several
    restarts; and a step that does not shrink with the number of steps, so that each start can
    cross the ball many times. An upper bound of the robust accuracy all the same: attacks of
    other kinds, such as AutoAttack, may find more.

    Args:
        epsilon: float, at least 0 and with L-inf at most 1, radius of the ball, in pixel values
            of [0, 1].
        norm: ``"linf"`` or ``"l2"``.
        seed: int, at least 0, of the random starts.
        mask: see ``Pgd``.
        clip_min: see ``Pgd``.
        clip_max: see ``Pgd``.

    Returns:
        Tuple of Pgd, for ``analysis.robust_accuracy``; the number to report is its worst case.

    Raises:
        ValueError: as ``Pgd``.

    Reference:
        Carlini et al., On Evaluating Adversarial Robustness, 2019 (what an evaluation needs);
        Croce and Hein, Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse
        Parameter-free Attacks, ICML 2020 (why one loss and a fixed total length mislead).

    Example:
        >>> from hfc_keras import analysis, data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> attacks = strong(8 / 255)
        >>> table = analysis.robust_accuracy(model, test.images[:9], test.labels[:9], attacks)
        >>> table["loss"].tolist()[1:3]
        ['cross_entropy', 'margin']
    """
    epsilon = checks.number("epsilon", epsilon, minimum=0)
    shared: dict[str, Any] = {
        "norm": norm,
        "step_size": epsilon / 4,
        "steps": STEPS,
        "restarts": RESTARTS,
        "seed": seed,
        "mask": mask,
        "clip_min": clip_min,
        "clip_max": clip_max,
    }
    return tuple(Pgd(epsilon, loss=loss, **shared) for loss in LOSSES)
