"""A model under test, and the outcome of one check of it."""

import dataclasses
import functools
from typing import Any, Literal, Self

import keras
import numpy as np

from hfc_keras import analysis, attacks, checks, contract, gradients
from hfc_keras.types import ArrayLike, Flags, Floats

BATCH_SIZE = 256


@dataclasses.dataclass(frozen=True)
class Check:
    """Outcome of one check.

    Args:
        name: str.
        status: ``"pass"``, ``"warn"`` or ``"fail"``.
        value: float, the number that decided; NaN where there is none.
        message: str, what it means.

    Example:
        >>> print(Check("finite", "pass", 0.0, "logits that are not finite"))
        pass  finite               0         logits that are not finite
    """

    name: str
    status: str
    value: float
    message: str

    @classmethod
    def of(
        cls,
        name: str,
        good: object,
        value: float,
        message: str,
        hint: str = "",
        otherwise: Literal["warn", "fail"] = "fail",
    ) -> Self:
        """Outcome that passes if it is good, and gives a hint if it is not.

        Args:
            name: str.
            good: bool.
            value: float.
            message: str.
            hint: str, what may be wrong.
            otherwise: ``"warn"`` or ``"fail"``.

        Returns:
            Check.

        Example:
            >>> Check.of("finite", False, 2, "not finite", "diverged?").message
            'not finite: diverged?'
        """
        message = message if good or not hint else f"{message}: {hint}"
        return cls(name, "pass" if good else otherwise, float(value), message)

    def __str__(self) -> str:
        """Line of the check."""
        return f"{self.status}  {self.name:<19}  {self.value:<8.4g}  {self.message}"


class Subject:
    """A model under test with the images, and what was measured so far.

    Args:
        model: keras.Model that returns ``(batch, classes)``, at least two.
        images: float ``(examples, height, width, channels)`` in [0, 1].
        labels: int ``(examples,)`` or one-hot ``(examples, classes)``.
        epsilon: float above 0 and at most 1, L-inf radius in pixel values of [0, 1].
        seed: int, at least 0, of every random draw.

    Raises:
        ValueError: for pixels, labels or an epsilon out of range, or a model of another form.

    Example:
        >>> from hfc_keras import data, models
        >>> test = data.load("digits", examples=20).test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> Subject(model, test.images, test.labels, epsilon=0.1, seed=0).classes
        10
    """

    def __init__(
        self, model: keras.Model, images: ArrayLike, labels: ArrayLike, epsilon: float, seed: int
    ) -> None:
        self.model, self.images = model, checks.pixels(images)
        self.form = contract.form_of(model, self.images)
        self.epsilon = checks.number("epsilon", epsilon, minimum=0, maximum=1)
        checks.require(epsilon > 0, "`epsilon` must be above 0", epsilon=epsilon)
        self.seed = checks.number("seed", seed, minimum=0, whole=True)
        if self.form.output == "binary":
            contract.require_logits(self.form)
        self.classes, self.chance = self.form.classes, 1 / self.form.classes
        self.labels = checks.class_indices(labels, len(self.images), self.classes)
        self.one_image = max(1, len(self.images) // 200) / len(self.images) + 1e-9
        self.kept = {}

    def predicted(self, images: Floats) -> Floats:
        """Outputs of the model in inference mode, float32 ``(examples, classes)``."""
        return gradients.predicted(self.model, images, BATCH_SIZE).astype("float32")

    @functools.cached_property
    def logits(self) -> Floats:
        """Outputs for the images."""
        return self.predicted(self.images)

    @functools.cached_property
    def clean_accuracy(self) -> float:
        """Accuracy on the images."""
        return self.accuracy_on(self.images)

    def accuracy_on(self, images: Floats) -> float:
        """Accuracy on other images with the same labels."""
        return float((self.predicted(images).argmax(axis=1) == self.labels).mean())

    def withstood(self, attack: attacks.Pgd | attacks.Fgsm) -> Flags:
        """Which images withstand an attack by itself."""
        if attack not in self.kept:
            given = self.model, self.images, self.labels, attack
            self.kept[attack] = analysis.robust_accuracy(*given, return_flags=True)[1][:, 1]
        return self.kept[attack]

    def accuracy(self, attack: attacks.Pgd | attacks.Fgsm) -> float:
        """Accuracy under an attack by itself."""
        return float(self.withstood(attack).mean())

    def pgd(self, epsilon: float | None = None, **options: Any) -> attacks.Pgd:
        """Projected gradient descent of 20 steps of a quarter of epsilon, or what options say."""
        epsilon = self.epsilon if epsilon is None else epsilon
        # The default step would shrink with the number of steps, and no run go further.
        settings = {"step_size": epsilon / 4, "steps": 20, "seed": self.seed, **options}
        return attacks.Pgd(epsilon, **settings)

    @property
    def fgsm(self) -> attacks.Fgsm:
        """One step of the whole epsilon."""
        return attacks.Fgsm(self.epsilon)

    @functools.cached_property
    def attacked(self) -> tuple[Any, int]:
        """Every image after ten steps from itself, and whether a weight has changed."""
        before = [weight.copy() for weight in self.model.get_weights()]
        attack = self.pgd(steps=10, random_start=False)
        result = attacks.run(self.model, self.images, self.labels, attack)
        pairs = zip(before, self.model.get_weights(), strict=True)
        return result, sum(not np.array_equal(*pair, equal_nan=True) for pair in pairs)
