"""Accuracy under attack."""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

import keras
import numpy as np
import pandas as pd

from hfc_keras import checks, records
from hfc_keras.analysis.digests import digest_of_array
from hfc_keras.analysis.inputs import Images
from hfc_keras.analysis.kept_parts import Parts
from hfc_keras.analysis.predictions import checked, predicted_logits
from hfc_keras.attacks.attack import check_range
from hfc_keras.attacks.diagnostics import untouched, warn
from hfc_keras.attacks.kinds import Attack, is_attack
from hfc_keras.attacks.search import Search
from hfc_keras.tensors import flag
from hfc_keras.types import ArrayLike, Flags, Integers, PathLike, Record

# Of a call that keeps its parts: a multiple of usual batches.
IMAGES_A_PART = 1024
# Share of the images that only a search without gradients breaks, as AutoAttack's checks have it.
MASKED = 0.002
# Steps along the gradient after which a search without gradients should find nothing more.
THOROUGH = 20
SETTINGS = (
    "epsilon",
    "step_size",
    "steps",
    "norm",
    "random_start",
    "loss",
    "goal",
    "targets",
    "restarts",
    "momentum",
    "mask",
    "clip_min",
    "clip_max",
    "seed",
    "engine",
    "precision",
    "knowledge",
)
DIAGNOSTICS = (
    "zero_gradient_share",
    "nonfinite_share",
    "unchanged_share",
    "max_norm",
    "loss_before",
    "loss_after",
)


@overload
def robust_accuracy(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = ...,
    attacks: Attack | Sequence[Attack] | None = ...,
    return_flags: Literal[False] = False,
    batch_size: int = ...,
    resume: PathLike | None = ...,
) -> pd.DataFrame: ...
@overload
def robust_accuracy(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = ...,
    attacks: Attack | Sequence[Attack] | None = ...,
    *,
    return_flags: Literal[True],
    batch_size: int = ...,
    resume: PathLike | None = ...,
) -> tuple[pd.DataFrame, Flags]: ...
def robust_accuracy(
    model: keras.Model,
    images: Images,
    labels: ArrayLike | None = None,
    attacks: Attack | Sequence[Attack] | None = None,
    return_flags: bool = False,
    batch_size: int = 256,
    resume: PathLike | None = None,
) -> pd.DataFrame | tuple[pd.DataFrame, Flags]:
    r"""Accuracy of a model on images, under each of some attacks, and under the worst of them.

    .. math:: \frac1n \sum_i \min_{a} [\arg\max f(x_i^a) = y_i]

    The worst case is taken image by image: the mean of the minimum over attacks, which is at
    most the smallest accuracy of one attack.

    An image that is already broken is not attacked again. A misclassified image never is, and
    counts as broken under every attack. An image broken by an earlier attack is skipped by a
    later one that could have found the same perturbation: the norm is the same, epsilon is no
    smaller, and either the later attack has no mask and its range of pixels contains the earlier
    one's, or both have the same mask and the same range. So **the accuracy of a row is that of
    the worst of its attack and all earlier attacks within its ball**, and the order of attacks
    matters to the rows between the first and the last, but not to those two. For the accuracy
    under one attack by itself pass that attack alone.

    An attack with ``precision="bfloat16"`` is led by a copy of the model. What it finds is counted
    as broken only where the model itself, in its own precision, is wrong; images that come within
    2 % of the range of the logits are searched again without the copy. It is another search, as
    one with another seed would be, and may break an image more or less.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; attacked in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, the true classes; None
            where the images bring theirs.
        attacks: ``attacks.Fgsm``, ``attacks.Pgd``, ``attacks.Apgd`` or ``attacks.Square``, or a
            list or tuple of them, untargeted; cheap and weak ones first is fastest. There is no
            default: what is found depends on it most of all. For a number that is compared with
            published ones ``attacks.standard(epsilon)``.
        return_flags: bool, whether to return also which images withstood.
        batch_size: int, images at once; does not change the answer. Beside float32 images in
            [0, 1] no more than some batches are kept.
        resume: str, Path or None, a folder that keeps every finished part of the measurement, so
            that the same call goes on after it was stopped; None keeps nothing. It may hold the
            parts of any number of calls: each knows its own by the model, images and arguments.

    Returns:
        DataFrame with a row for no attack, each attack and the worst case, and the columns

        - attack: ``"none"``, ``"fgsm"``, ``"pgd"``, ``"apgd"`` or ``"square"``,
          ``"worst_case"``;
        - accuracy: in [0, 1], over all images; examples: how many; attacked: on how many of
          them the attack was run (worst case: any attack);
        - the settings of the attack, with the step size after its default: epsilon, step_size,
          steps, norm, random_start, loss, goal, targets, restarts, momentum, mask (such as
          ``"low 4"``, empty without), clip_min, clip_max, seed, engine, precision (that of the
          gradients), knowledge;
        - the diagnostics of ``attacks.Result``, over the images attacked. An attack stops at
          an image once it is broken, so ``loss_after`` is no maximum.

        What does not apply is NaN. With ``return_flags`` the pair of it and a bool array
        ``(examples, rows)``, whether the image was right in the row; its mean over the images
        is the accuracy.

    Raises:
        ValueError: for pixels outside [0, 1], images that do not fit the model, labels that do
            not fit the images or the classes, a model that returns probabilities or logits
            that are not finite, no attack, a targeted one, one whose range of pixels does not hold
            the images, or a folder ``resume`` that cannot be written or holds a part of another
            call in the place of one of this.

    Warns:
        UserWarning: as ``attacks.pgd``, if a gradient is zero everywhere or not finite; if
            ``attacks.Square`` breaks more than 0.2 % of the images, and more than one, after
            attacks along the gradient within its ball. If the model is random in inference.

    Reference:
        Carlini et al., On Evaluating Adversarial Robustness, 2019.

    Example:
        >>> from hfc_keras import attacks, data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> chosen = [attacks.Fgsm(0.1), attacks.Pgd(0.1, steps=3)]
        >>> table = robust_accuracy(model, test.images[:50], test.labels[:50], chosen)
        >>> table["attack"].tolist()
        ['none', 'fgsm', 'pgd', 'worst_case']
    """
    attacks, return_flags = _untargeted(attacks), flag("return_flags", return_flags)
    images, labels = checked(model, images, labels, batch_size)
    for attack in attacks:
        check_range(attack, images)
    logits = predicted_logits(model, images, None, batch_size)
    attacks = [attack.fitted(logits.shape[1]) for attack in attacks]
    parts = Parts(resume, "robust_accuracy", model, images, labels)
    right_before = logits.argmax(axis=1) == labels
    rows, flags = [{"attack": "none", "attacked": 0}], [right_before]
    for index, attack in enumerate(attacks):
        before = [at for at in range(index) if _within(attacks[at], attack)]
        within = [flags[1 + at] for at in before]
        right = np.all([right_before, *within], axis=0)
        search = functools.partial(Search, model, images, labels, attack, batch_size)
        row, right = _attacked(search, attack, right, parts)
        rows.append(row)
        flags.append(right)
        if not attack.uses_gradient and any(_is_thorough(attacks[at]) for at in before):
            _warn_of_masking(np.all([right_before, *within], axis=0), right)
    rows.append({"attack": "worst_case", "attacked": int(right_before.sum())})
    flags = np.stack([*flags, np.all(flags, axis=0)], axis=1)
    table = _table(rows, flags)
    return (table, flags) if return_flags else table


def _untargeted(attacks: Attack | Sequence[Attack] | None) -> list[Attack]:
    """Attacks as a list."""
    chosen: Any = [attacks] if is_attack(attacks) else attacks
    chosen = list(chosen) if isinstance(chosen, (list, tuple)) else []
    checks.require(
        chosen and all(map(is_attack, chosen)),
        "`attacks` must be attacks.Fgsm, attacks.Pgd, attacks.Apgd or attacks.Square, a list of "
        "at least one, or attacks.standard(epsilon)",
        attacks=attacks,
    )
    for attack in chosen:
        checks.require(
            not attack.targeted,
            "`attacks` must be untargeted: robust accuracy counts labels that are left",
            attack=attack,
        )
    return chosen


def _attacked(
    search: Callable[..., Search], attack: Attack, right: Flags, parts: Parts
) -> tuple[Record, Flags]:
    """Row of an attack on what is right before it, and which images are right after it."""
    left, right = np.flatnonzero(right), right.copy()
    row = {"attack": attack.name, "attacked": len(left), **_settings(attack)}
    if len(left) and attack.epsilon == 0:
        row.update(untouched())
    elif len(left):
        # Only batches of the images are copied, and what was found is not kept.
        own = search(left, chosen=left)
        size = len(left) if parts.folder is None else IMAGES_A_PART
        for start in range(0, len(left), size):
            _search_part(own, np.arange(start, min(start + size, len(left))), parts)
        right[left] = own.withstood
        row.update(own.diagnostics(), precision=own.searched_in)
        warn(row, attack.loss)
    return row, right


def _search_part(search: Search, rows: Integers, parts: Parts) -> None:
    """Search some of the images, or take over what was found for them before."""
    if parts.folder is None:
        search.run(stop_early=True, rows=rows)
        return
    attack = {**search.attack.to_dict(), "precision": search.precision}
    of = {"attack": attack, "images": digest_of_array(search.chosen[rows])}

    def compute() -> Record:
        search.run(stop_early=True, rows=rows)
        return search.outcome_of(rows)

    # The same attack may stand in a list twice, and meet other images.
    name = f"{search.attack.name}-{records.digest(of)[:8]}-{rows[0]:06d}"
    search.restore(rows, parts.get(name, compute))


def _is_thorough(attack: Attack) -> bool:
    """Whether an attack follows the gradient for so long that it should find what there is."""
    return attack.uses_gradient and attack.steps >= THOROUGH


def _warn_of_masking(left: Flags, right: Flags) -> None:
    """Warn where a search without gradients breaks what attacks along the gradient left."""
    broken = int(left.sum() - right.sum())
    if broken > max(1, MASKED * len(left)):
        warnings.warn(
            f"A search without gradients broke {broken} images ({broken / len(left):.1%}) that the "
            "attacks along the gradient left: the gradients of the model may be masked, and their "
            "robust accuracy is too high. Look at `hfc-keras selfcheck`.",
            stacklevel=3,
        )


def _within(earlier: Attack, later: Attack) -> bool:
    """Whether what the earlier attack can return is open to the later one, too."""
    if earlier.norm != later.norm or earlier.epsilon > later.epsilon:
        return False
    # Pixels that are clipped leave the mask, so masked balls in two ranges do not contain
    # one another.
    if later.mask is not None:
        same = (earlier.mask, earlier.clip_min, earlier.clip_max)
        return same == (later.mask, later.clip_min, later.clip_max)
    return later.clip_min <= earlier.clip_min and earlier.clip_max <= later.clip_max


def _settings(attack: Attack) -> Record:
    """Every setting of an attack as it goes into the table."""
    kind, *radii = attack.mask or ("",)
    derived = {
        "step_size": attack.step,
        "goal": "untargeted",
        "mask": " ".join([kind, *(f"{radius:g}" for radius in radii)]),
        "precision": None,
        "knowledge": "white-box" if attack.uses_gradient else "black-box",
    }
    return {name: derived[name] if name in derived else getattr(attack, name) for name in SETTINGS}


def _table(rows: Sequence[Record], flags: Flags) -> pd.DataFrame:
    """Table of the rows, with the accuracy of the flags."""
    table = pd.DataFrame(rows)
    table["accuracy"] = flags.mean(axis=0)
    table["examples"] = len(flags)
    counts = ["attack", "accuracy", "examples", "attacked"]
    return table.reindex(columns=[*counts, *SETTINGS, *DIAGNOSTICS])
