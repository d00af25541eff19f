"""The attacks as functions, and what they return."""

import dataclasses
from typing import Any

import keras
import numpy as np

from hfc_keras import checks, contract
from hfc_keras.arrays import as_array
from hfc_keras.attacks.attack_settings import Fgsm, Pgd
from hfc_keras.attacks.diagnostics import untouched, warn
from hfc_keras.attacks.kinds import Attack, is_attack
from hfc_keras.attacks.search import Search
from hfc_keras.tensors import flag
from hfc_keras.types import Array, ArrayLike, Engine, Floats, Loss, Norm


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """What an attack found.

    Args:
        images: array like the images attacked; float64 stays, other floats become float32.
        diagnostics: dict of float, over the images attacked:

            - zero_gradient_share: share whose gradient at the first step is zero everywhere;
            - nonfinite_share: share whose gradient at the first step holds NaN or infinity;
            - unchanged_share: share that come back as they were;
            - max_norm: largest norm of a perturbation, in that of the attack;
            - loss_before, loss_after: mean loss of the attack on the images given and returned;
              of APGD with ``targets`` the one without a target, see ``losses.sample_losses``.
        withstood: bool ``(examples,)``, whether the attack failed: the prediction is the label
            (with a targeted attack: is not). None for epsilon 0, when the model is not asked.
        attack: the attack that was run: that asked for as the number of classes allows it, see
            ``Apgd``.
    """

    images: Array
    diagnostics: dict[str, float]
    withstood: Array | None
    attack: Attack


def fgsm(
    model: keras.Model,
    images: ArrayLike,
    labels: ArrayLike,
    epsilon: float,
    step_size: float | None = None,
    norm: Norm = "linf",
    random_start: bool = False,
    loss: Loss = "cross_entropy",
    seed: int = 0,
    engine: Engine = "native",
    batch_size: int = 256,
    **options: Any,
) -> Result:
    r"""Attack images by one step along the sign of the gradient.

    .. math:: x' = x + \epsilon \, \mathrm{sign}(\nabla_x \ell(f(x), y))

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; attacked in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, the true classes.
        epsilon: float, at least 0, at most 1 with L-inf and 1e9 with L2, radius of the ball
            around the image, in pixel values of [0, 1]; 0 returns the images as they are, before
            any other check.
        step_size: float above 0, at most twice epsilon; None is epsilon, or 1.25 epsilon with a
            random start.
        norm: ``"linf"`` or ``"l2"``, of the ball and of the step.
        random_start: bool, whether the attack starts at a point drawn uniformly from the ball.
        loss: ``"cross_entropy"``, ``"margin"`` or ``"dlr"``, see ``losses.sample_losses``; the
            last two have a gradient also where the network is confident.
        seed: int, at least 0, of the random start.
        engine: ``"native"``, or ``"cleverhans"`` for its steps (with the TensorFlow backend).
        batch_size: int, images at once; does not change the answer.
        **options: targeted (bool, whether labels are target classes), mask (frequencies that the
            perturbation is confined to, such as ``("low", 4)``), clip_min and clip_max (range of
            pixels), precision (of the gradients); see ``Fgsm``.

    Returns:
        Result, with NumPy arrays ``images`` and ``withstood`` and the dict ``diagnostics``.

    Raises:
        ValueError: for a setting that ``Fgsm`` refuses; for images outside [0, 1] or not of the
            model's shape, labels out of range, or a model that returns probabilities.

    Warns:
        UserWarning: if the gradient of an image is zero everywhere or not finite: such an image
            is not attacked by this loss, so that it must not count as robust.

    Reference:
        Goodfellow et al., Explaining and Harnessing Adversarial Examples, ICLR 2015.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> result = fgsm(model, test.images[:8], test.labels[:8], epsilon=0.1)
        >>> bool(abs(result.images - test.images[:8]).max() <= 0.1 + 1e-6)
        True
    """
    attack = Fgsm(epsilon, step_size, norm, random_start, loss, seed, engine, **options)
    return run(model, images, labels, attack, batch_size)


def pgd(
    model: keras.Model,
    images: ArrayLike,
    labels: ArrayLike,
    epsilon: float,
    step_size: float | None = None,
    steps: int = 10,
    norm: Norm = "linf",
    random_start: bool = True,
    loss: Loss = "cross_entropy",
    seed: int = 0,
    engine: Engine = "native",
    batch_size: int = 256,
    **options: Any,
) -> Result:
    r"""Attack images by projected gradient descent.

    .. math:: x_{t+1} = \Pi(x_t + \alpha \, d(\nabla \ell(f(x_t), y)))

    with :math:`d` the sign (L-inf) or the gradient divided by its norm (L2) and :math:`\Pi` the
    projection into the ball of radius epsilon and the range of pixels. The start of an image
    depends on ``seed`` and its place among the images alone.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; attacked in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, the true classes.
        epsilon: float, at least 0, at most 1 with L-inf and 1e9 with L2, radius of the ball
            around the image, in pixel values of [0, 1]; 0 returns the images as they are, before
            any other check.
        step_size: float above 0, at most twice epsilon; None is 2.5 epsilon / steps, at most
            epsilon. From 20 steps on epsilon / 4 is the stronger choice.
        steps: int, at least 1.
        norm: ``"linf"`` or ``"l2"``, of the ball and of the step.
        random_start: bool, whether the attack starts at a point drawn uniformly from the ball.
        loss: ``"cross_entropy"``, ``"margin"`` or ``"dlr"``, see ``losses.sample_losses``; the
            last two have a gradient also where the network is confident.
        seed: int, at least 0, of the random starts.
        engine: ``"native"``, or ``"cleverhans"`` for its steps (with the TensorFlow backend).
        batch_size: int, images at once; does not change the answer.
        **options: targeted (bool, whether labels are target classes), restarts (int, starts tried
            until an image is fooled), momentum (float in [0, 1), weight of earlier directions),
            mask (frequencies that the perturbation is confined to, such as ``("low", 4)``),
            clip_min and clip_max (range of pixels), precision (of the gradients); see ``Pgd``.

    Returns:
        Result, with NumPy arrays ``images`` and ``withstood`` and the dict ``diagnostics``.

    Raises:
        ValueError: for a setting that ``Pgd`` refuses; for images outside [0, 1] or not of the
            model's shape, labels out of range, or a model that returns probabilities.

    Warns:
        UserWarning: if the gradient of an image is zero everywhere or not finite: such an image
            is not attacked by this loss, so that it must not count as robust.

    Reference:
        Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> result = pgd(model, test.images[:8], test.labels[:8], epsilon=0.1, steps=3)
        >>> result.diagnostics["loss_after"] > result.diagnostics["loss_before"]
        True
    """
    attack = Pgd(epsilon, step_size, steps, norm, random_start, loss, seed, engine, **options)
    return run(model, images, labels, attack, batch_size)


def run(
    model: keras.Model,
    images: ArrayLike,
    labels: ArrayLike,
    attack: Attack,
    batch_size: int = 256,
    stop_early: bool = False,
    positions: ArrayLike | None = None,
) -> Result:
    """Attack images by settings of any kind.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``; attacked in inference mode.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``, the true classes.
        attack: Fgsm, Pgd, Apgd or Square.
        batch_size: int, images at once; does not change the answer.
        stop_early: bool, whether an image that is fooled is left alone from then on, which is
            checked after 1, 3, 7, 15, ... steps. Enough to count who withstands.
        positions: None or int ``(examples,)``, what keys the random starts instead of the place
            among the images, so that a part of the images starts as it would among all.

    Returns:
        Result.

    Raises:
        ValueError: as ``fgsm``.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits").test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> run(model, test.images[:8], test.labels[:8], Fgsm(0.1)).withstood.shape
        (8,)
    """
    checks.require(
        is_attack(attack),
        "`attack` must be attacks.Fgsm, attacks.Pgd, attacks.Apgd or attacks.Square",
        attack=attack,
    )
    if attack.epsilon == 0:
        return Result(as_array(images), untouched(), None, attack)
    contract.keras_model(model)
    given = as_array(images)
    images = checks.pixels(given)
    check_range(attack, images)
    classes = contract.classifier(model, images, stacklevel=4).classes
    batch_size = checks.number("batch_size", batch_size, minimum=1, whole=True)
    stop_early = flag("stop_early", stop_early)
    attack = attack.fitted(classes)
    labels = checks.class_indices(labels, len(images), classes).astype("int32")
    positions = _checked_positions(positions, len(images))
    # What the checks have converted is not kept: a search converts batch by batch.
    images = given
    found = np.empty(given.shape, "float64" if given.dtype == "float64" else "float32")
    search = Search(model, images, labels, attack, batch_size, positions, found=found)
    search.run(stop_early)
    diagnostics = search.diagnostics()
    warn(diagnostics, attack.loss)
    return Result(found, diagnostics, search.withstood, attack)


def _checked_positions(positions: ArrayLike | None, count: int) -> Array:
    """What keys the random start of each image, by default its place."""
    positions = np.arange(count) if positions is None else as_array(positions)
    checks.require(
        positions.shape == (count,),
        f"`positions` must hold one number for each of {count} images",
        **{"positions.shape": positions.shape},
    )
    checks.require(
        positions.dtype.kind in "iu" and positions.min() >= 0,
        "`positions` must be whole numbers from 0",
        positions=positions,
    )
    return positions


def check_range(attack: Attack, images: Floats) -> None:
    """Refuse images outside the range of pixels of an attack.

    Args:
        attack: Fgsm, Pgd, Apgd or Square.
        images: float array.

    Raises:
        ValueError: for a pixel outside, unless epsilon is 0.
    """
    if attack.epsilon == 0:
        return
    low, high = float(images.min()), float(images.max())
    checks.require(
        attack.clip_min - checks.SLACK <= low and high <= attack.clip_max + checks.SLACK,
        f"`images` must lie in [clip_min, clip_max] = [{attack.clip_min:g}, {attack.clip_max:g}]",
        **{"images.min": low, "images.max": high},
    )
