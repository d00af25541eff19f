"""All checks of a model, in their order."""

import warnings

import keras
import numpy as np
from tqdm.auto import tqdm

from hfc_keras.selfchecks import attack_checks, model_checks
from hfc_keras.selfchecks.subject import Check, Subject
from hfc_keras.types import ArrayLike

STATUSES = ("pass", "warn", "fail")
EPSILON = 8 / 255


def run(
    model: keras.Model,
    images: ArrayLike,
    labels: ArrayLike,
    epsilon: float = EPSILON,
    seed: int = 0,
) -> list[Check]:
    r"""Check whether the robust accuracy of a model can be believed.

    The checks of the model come first: logits, finite, the same twice, the same in any batch,
    better than chance. Where one of them fails no attack would mean anything, and the rest is
    left out.

    Args:
        model: keras.Model that returns logits ``(batch, classes)``.
        images: float ``(examples, height, width, channels)`` in [0, 1]; 200 are a good number.
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``.
        epsilon: float above 0 and at most 1, L-inf radius in pixel values of [0, 1].
        seed: int, at least 0, of every random draw.

    Returns:
        list of Check, with name, status (``"pass"``, ``"warn"`` or ``"fail"``), value and
        message.

    Raises:
        ValueError: for pixels, labels or an epsilon out of range, images that do not fit the
            model, or a model that takes or returns something else than a batch.

    Reference:
        Carlini et al., On Evaluating Adversarial Robustness, 2019.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits", examples=20).test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> probabilities = keras.Sequential([model, keras.layers.Softmax()])
        >>> run(probabilities, test.images, test.labels)[0].status
        'fail'
    """
    return checked(Subject(model, images, labels, epsilon, seed))


def checked(subject: Subject, attacks: bool = True) -> list[Check]:
    """Every check of a subject, or those of the model up to the first that fails.

    Args:
        subject: Subject.
        attacks: bool, whether to check attacks, too, at several hundred gradients per image.

    Returns:
        list of Check.

    Raises:
        ValueError: as ``run``.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits", examples=5).test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> found = checked(Subject(model, test.images, test.labels, 0.1, 0), attacks=False)
        >>> found[0].name
        'logits'
    """
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # What these say is a check of its own.
        for said in ("The gradient of", "The model seems", "The model is", "The model answers"):
            warnings.filterwarnings("ignore", message=said, category=UserWarning)
        found = []
        for check in model_checks.CHECKS:
            found.append(check(subject))
            if found[-1].status == "fail":
                text = "not run: attacks on a model that fails above would mean nothing"
                return [*found, Check("attacks", "warn", float("nan"), text)]
        if not attacks:
            return found
        todo = tqdm(attack_checks.CHECKS, desc="selfcheck", leave=False, disable=None)
        return [*found, *(check(subject) for check in todo)]
