"""Attacks by name, for numbers that are reported."""

from typing import Any

from hfc_keras import checks
from hfc_keras.attacks.apgd import Apgd
from hfc_keras.attacks.attack_settings import Pgd
from hfc_keras.attacks.kinds import Attack
from hfc_keras.attacks.square import Square
from hfc_keras.types import Loss, Mask, Norm, Precision

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
    other kinds may find more, see ``standard``.

    Args:
        epsilon: float, at least 0, at most 1 with L-inf and 1e9 with L2, radius of the ball, in
            pixel values of [0, 1].
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


def standard(
    epsilon: float,
    norm: Norm = "linf",
    seed: int = 0,
    targets: int = 9,
    queries: int = 5000,
    steps: int = Apgd.steps,
    precision: Precision = "auto",
    clip_min: float = 0.0,
    clip_max: float = 1.0,
) -> tuple[Attack, ...]:
    """Attacks of different kinds for a robust accuracy that is compared with published ones.

    In this order, each on the images that withstood those before:

    1. ``Apgd(loss="cross_entropy")``, 100 steps;
    2. ``Apgd(loss="dlr", targets=9)``, 100 steps for each of nine wrong classes;
    3. ``Square``, 5,000 queries without gradients.

    AutoAttack's standard version has these and FAB-T, which minimizes the perturbation; and its
    squares shrink by the number of queries alone, ours by their share of all. So the number is
    an upper bound of robust accuracy as AutoAttack's is, and not to be called by its name. For
    one that is comparable take as many images as the work compared with, at the same epsilon
    and norm.

    Args:
        epsilon: float, at least 0, at most 1 with L-inf and 1e9 with L2, radius of the ball, in
            pixel values of [0, 1].
        norm: ``"linf"`` or ``"l2"``.
        seed: int, at least 0, of all random draws.
        targets: int, at least 1, wrong classes that the second attack aims at; of a model with
            fewer wrong classes all are.
        queries: int, at least 1, of the third attack.
        steps: int, at least 1, of each search of the first two; with fewer than 100 the number is
            not comparable with published ones.
        precision: ``"auto"``, gradients in bfloat16 where this machine has it; ``"float32"``;
            ``"bfloat16"``. Whether an image is broken is always judged by the model itself, but
            which images a search breaks depends a little on it: for a number that repeats on any
            machine ``"float32"``.
        clip_min: float, smallest pixel value.
        clip_max: float, largest pixel value.

    Returns:
        Tuple of Apgd and Square, for ``analysis.robust_accuracy``; the number to report is its
        worst case.

    Raises:
        ValueError: as ``Apgd`` and ``Square``; for no targets.

    Reference:
        Croce and Hein, Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse
        Parameter-free Attacks, ICML 2020; Andriushchenko et al., Square Attack: a Query-Efficient
        Black-Box Adversarial Attack via Random Search, ECCV 2020.

    Example:
        >>> print(*standard(8 / 255), sep="; ")
        APGD (cross-entropy, 100 steps); APGD-T (DLR, 9 targets, 100 steps each); Square (5,000 queries)
    """  # noqa: E501
    checks.number("targets", targets, minimum=1, whole=True)
    shared: dict[str, Any] = {
        "norm": norm,
        "seed": seed,
        "precision": precision,
        "clip_min": clip_min,
        "clip_max": clip_max,
    }
    return (
        Apgd(epsilon, steps, **shared),
        Apgd(epsilon, steps, loss="dlr", targets=targets, **shared),
        Square(epsilon, queries=queries, **shared),
    )
