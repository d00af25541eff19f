"""What must be true of attacks on a model before its robust accuracy means much.

After the checklist of Carlini et al., On Evaluating Adversarial Robustness, 2019.
"""

import numpy as np
from keras import ops

from hfc_keras import losses
from hfc_keras.selfchecks.subject import Check, Subject
from hfc_keras.types import Flags, Floats, Integers, Size

# Perturbation that can turn every pixel gray, so that no classifier is left with a clue.
LARGE_EPSILON = 0.5
QUERIES = 100


def _share(subject: Subject, limit: float) -> float:
    """Limit of a share of the images, at least one of them."""
    return max(limit, 1 / len(subject.images)) + 1e-9


def weights_unchanged(subject: Subject) -> Check:
    """Return whether an attack leaves the weights and the moving averages alone."""
    changed = subject.attacked[1]
    text = "weight arrays that an attack has changed"
    return Check.of("weights_unchanged", changed == 0, changed, text)


def zero_gradient(subject: Subject) -> Check:
    """Return whether cross-entropy has a gradient at every image."""
    told = subject.attacked[0].diagnostics
    share = told["zero_gradient_share"] + told["nonfinite_share"]
    text = "share of images whose gradient is zero everywhere or not finite"
    hint = "cross-entropy cannot attack them; look at margin_loss and random_search"
    otherwise = "warn" if share <= _share(subject, 0.1) else "fail"
    return Check.of("zero_gradient", share == 0, share, text, hint, otherwise)


def within_ball(subject: Subject) -> Check:
    """Return whether an attack stays in the ball and in the range of pixels."""
    found = subject.attacked[0].images
    size = np.abs(found - subject.images).max()
    good = size <= subject.epsilon + 1e-6 and found.min() >= 0 and found.max() <= 1
    return Check.of("within_ball", good, size, f"largest change of a pixel, <= {subject.epsilon:g}")


def loss_increases(subject: Subject) -> Check:
    """Return whether an attack does not lower the mean loss."""
    told = subject.attacked[0].diagnostics
    before, after = told["loss_before"], told["loss_after"]
    text = f"mean loss after an attack; {before:.4g} before"
    return Check.of("loss_increases", after >= before, after, text)


def epsilon_zero(subject: Subject) -> Check:
    """Return whether the accuracy at epsilon 0 is that without an attack."""
    at_zero = subject.accuracy(subject.pgd(0.0))
    text = f"accuracy at epsilon 0; {subject.clean_accuracy:.4g} without an attack"
    return Check.of("epsilon_zero", at_zero == subject.clean_accuracy, at_zero, text)


def monotone(subject: Subject) -> Check:
    """Return whether the accuracy never rises with epsilon."""
    grid = [min(subject.epsilon * factor, 1.0) for factor in (0, 0.25, 0.5, 1, 2)]
    found = [subject.accuracy(subject.pgd(epsilon)) for epsilon in grid]
    rise = np.diff(found).max()
    pairs = zip(found, grid, strict=True)
    at = ", ".join(f"{accuracy:.3g} at {epsilon:.3g}" for accuracy, epsilon in pairs)
    return Check.of("monotone", rise <= subject.one_image, rise, f"largest rise: accuracy {at}")


def large_epsilon(subject: Subject) -> Check:
    """Return whether a perturbation without bounds to speak of leaves nothing."""
    left = subject.accuracy(subject.pgd(LARGE_EPSILON, loss="margin"))
    good = left <= subject.chance + _share(subject, 0.05)
    text = f"accuracy at epsilon {LARGE_EPSILON:g}, chance {subject.chance:.3g}"
    return Check.of("large_epsilon", good, left, text, "masked gradients?")


def pgd_beats_fgsm(subject: Subject) -> Check:
    """Return whether many steps find what one step finds."""
    many, one = subject.accuracy(subject.pgd()), subject.accuracy(subject.fgsm)
    text = f"accuracy under PGD; {one:.4g} under FGSM"
    return Check.of("pgd_beats_fgsm", many <= one + subject.one_image, many, text)


def steps_converged(subject: Subject) -> Check:
    """Return whether twice the steps find little more."""
    drop = subject.accuracy(subject.pgd()) - subject.accuracy(subject.pgd(steps=40))
    good = drop < 0.01 or drop <= subject.one_image
    text = "drop of accuracy from 20 to 40 steps of epsilon / 4"
    hint = "not converged; report attacks.strong, and more steps where they find more"
    return Check.of("steps_converged", good, drop, text, hint, "warn")


def restarts(subject: Subject) -> Check:
    """Return whether restarts never raise the accuracy."""
    once, often = subject.accuracy(subject.pgd()), subject.accuracy(subject.pgd(restarts=5))
    return Check.of("restarts", often <= once, often, f"accuracy of 5 restarts; {once:.4g} of one")


def random_noise(subject: Subject) -> Check:
    """Return whether noise of the same norm is weaker than one step of the gradient."""
    signs = np.random.default_rng(subject.seed).choice([-1.0, 1.0], subject.images.shape)
    noisy = np.clip(subject.images + subject.epsilon * signs, 0, 1).astype("float32")
    noise, fgsm = subject.accuracy_on(noisy), subject.accuracy(subject.fgsm)
    good = noise >= fgsm - subject.one_image
    text = f"accuracy under random signs; {fgsm:.4g} under FGSM"
    return Check.of("random_noise", good, noise, text, "the gradient is worth less than chance")


def margin_loss(subject: Subject) -> Check:
    """Return whether the margin loss finds little that cross-entropy does not."""
    drop = subject.accuracy(subject.pgd()) - subject.accuracy(subject.pgd(loss="margin"))
    text = "drop of accuracy from cross-entropy to the margin loss"
    hint = "cross-entropy gradient is masked; report attacks.strong, which has both losses"
    return Check.of("margin_loss", drop <= _share(subject, 0.05), drop, text, hint)


def random_search(subject: Subject) -> Check:
    """Return whether a search without gradients breaks nearly nothing that withstands PGD."""
    left = subject.withstood(subject.pgd())
    broken = left.sum() - _withstand_squares(subject, np.flatnonzero(left)).sum()
    share = broken / len(left)
    text = f"share broken by {QUERIES} random squares alone, not by PGD"
    good = share <= _share(subject, 0.002)
    return Check.of("random_search", good, share, text, "masked gradients?", "warn")


def _withstand_squares(subject: Subject, rows: Integers) -> Flags:
    """Whether images withstand random squares of +-epsilon, kept where they raise the margin.

    Reference: Andriushchenko et al., Square Attack, ECCV 2020.
    """
    if not len(rows):
        return np.zeros(0, "bool")
    images, rng = subject.images[rows], np.random.default_rng(subject.seed)
    count, height, width, channels = images.shape

    def moved(part: Floats, sides: Size) -> Floats:
        signs = rng.choice([-1.0, 1.0], (count, *sides, channels))
        return np.clip(part + subject.epsilon * signs, 0, 1).astype("float32")

    def margins(candidates: Floats) -> Floats:
        outputs = subject.predicted(candidates)
        return ops.convert_to_numpy(losses.sample_losses(outputs, subject.labels[rows], "margin"))

    best = moved(images, (1, width))
    reached = margins(best)
    for _ in range(QUERIES):
        side = int(rng.integers(1, max(2, min(height, width) // 2) + 1))
        top, left = rng.integers(0, max(1, height - side + 1)), rng.integers(0, width - side + 1)
        square = np.s_[:, top : top + side, left : left + side]
        tried = best.copy()
        tried[square] = moved(images[square], (1, 1))
        found = margins(tried)
        better = found > reached
        best[better], reached[better] = tried[better], found[better]
    return reached <= 0


CHECKS = (
    weights_unchanged,
    zero_gradient,
    within_ball,
    loss_increases,
    epsilon_zero,
    monotone,
    large_epsilon,
    pgd_beats_fgsm,
    steps_converged,
    restarts,
    random_noise,
    margin_loss,
    random_search,
)
