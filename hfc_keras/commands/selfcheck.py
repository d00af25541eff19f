"""Can the robust accuracy of a model be believed?"""

import dataclasses
import re
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any, ClassVar, Literal

import keras
import numpy as np
import tyro
from tqdm import tqdm

# Their classes are registered, so that models made of them load.
from hfc_keras import checks, data, layers, models, regularizers  # noqa: F401
from hfc_keras.commands import attack_checks, model_checks
from hfc_keras.commands.sized_images import sized_images
from hfc_keras.commands.subject import Check as Check
from hfc_keras.commands.subject import Subject
from hfc_keras.types import ArrayLike, PathLike

STATUSES = ("pass", "warn", "fail")


@dataclasses.dataclass(frozen=True)
class Selfcheck:
    """Check whether the robust accuracy of a model can be believed.

    Prints one line per check (pass, warn or fail, its number, what it means) and a summary. Exit
    status: 0 if nothing fails, 1 if something does, 2 if model or data cannot be used.

    Looks for probabilities instead of logits, randomness, dependence on the batch, and
    gradients that are masked, so that attacks seem to fail. Not checked, since they need a
    second model: whether examples made on another model transfer less well than those made on
    this one, and whether the same attack breaks a model that was trained without a defense.
    """

    DEFAULT_EPSILON: ClassVar = 8 / 255

    model: tyro.conf.Positional[Path]
    """Model saved by Keras (.keras), which returns logits for pixels in [0, 1], or what --pixels, \
--output and --output-name say. What it is made of must be part of Keras or of this package; for \
others call hfc_keras.commands.selfcheck.run from Python."""
    dataset: str
    """digits, synthetic, a TFDS image-classification set (cifar10, fashion_mnist, ...), an .npz \
file or a folder of class folders."""
    data_dir: Path | None = None
    """Where TFDS keeps its data sets. Left out: TFDS_DATA_DIR, or TFDS' own default."""
    image_size: int | tuple[int, int] | None = None
    """Height and width in pixels to which images are resized, one number for both. Left out: the \
model's, if the images have several sizes or another one; else they stay as they are."""
    pixels: tuple[float, float] | None = None
    """Range of the pixels that the model was trained on, such as 0 255. Left out: 0 1."""
    output: Literal["logits", "softmax", "sigmoid", "binary"] | None = None
    """What the model returns if it is not logits; binary is a single logit or sigmoid. Logits are \
made of it, by models.as_classifier."""
    output_name: str | None = None
    """Which of several outputs of the model."""
    examples: int = 200
    """Test images to use, chosen by the seed."""
    epsilon: float = DEFAULT_EPSILON
    """L-inf radius of the attacks, in pixel values of [0, 1]."""
    seed: int = 0
    """Seed of the choice of images and of every attack."""

    def execute(self) -> int:
        """Run the checks and print them.

        Returns:
            int, the exit status.
        """
        try:
            examples = checks.number("examples", self.examples, minimum=1, whole=True)
            model = self._classifier(load(self.model))
            asked = (self.data_dir, (1, examples), self.seed, self.image_size)
            dataset, resized_to = sized_images(model, self.dataset, *asked)
            subject = Subject(
                model, dataset.test.images, dataset.test.labels, self.epsilon, self.seed
            )
            checks.require(
                subject.classes == dataset.classes,
                f"`model` must have the {dataset.classes} classes of the data set",
                classes=subject.classes,
            )
            if resized_to:
                sides = " x ".join(map(str, resized_to))
                print(f"images resized to the model's {sides} pixels (--image-size for others)\n")
            found = _checked(subject)
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        for check in found:
            print(check)
        counts = {each: sum(check.status == each for check in found) for each in STATUSES}
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        print(f"\n{told}; {len(subject.images)} images of {dataset.name}, L-inf {self.epsilon:.4g}")
        return 1 if counts["fail"] else 0

    def _classifier(self, model: keras.Model) -> keras.Model:
        """Model from [0, 1] to logits, by what was said about it."""
        if (self.pixels, self.output, self.output_name) == (None, None, None):
            return model
        return models.as_classifier(
            model, self.pixels or (0, 1), self.output, output_name=self.output_name
        )


def run(
    model: keras.Model,
    images: ArrayLike,
    labels: ArrayLike,
    epsilon: float = Selfcheck.DEFAULT_EPSILON,
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
        >>> test = data.load("digits", examples=20).test
        >>> model = models.build("small_cnn", (8, 8, 1), 10)
        >>> probabilities = keras.Sequential([model, keras.layers.Softmax()])
        >>> run(probabilities, test.images, test.labels)[0].status
        'fail'
    """
    return _checked(Subject(model, images, labels, epsilon, seed))


def _checked(subject: Subject) -> list[Check]:
    """Every check of a subject, or those of the model up to the first that fails."""
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
        todo = tqdm(attack_checks.CHECKS, desc="selfcheck", leave=False, disable=None)
        return [*found, *(check(subject) for check in todo)]


def load(path: PathLike) -> keras.Model:
    """Load a model without running code that comes with it.

    Args:
        path: str or Path of a ``.keras`` file.

    Returns:
        keras.Model, not compiled.

    Raises:
        ValueError: if there is no such file, or it is no model of registered parts.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "model.keras"
        >>> models.build("small_cnn", (8, 8, 1), 10).save(path)
        >>> load(path).output_shape
        (None, 10)
    """
    path = Path(path)
    checks.require(path.suffix == ".keras", "`model` must be a .keras file", model=str(path))
    checks.require(path.is_file(), "`model` must be a file that exists", model=str(path))
    checks.require(zipfile.is_zipfile(path), "`model` must be a whole .keras file", model=str(path))
    try:
        model: Any = keras.saving.load_model(path, compile=False, safe_mode=True)
    # Keras has no error of its own: BadZipFile, KeyError, TypeError, ValueError all occur.
    except Exception as error:
        unknown = re.search("Could not locate (?:class|function) '[^']+'", str(error))
        reason = unknown[0] if unknown else str(error).strip().partition("\n")[0].partition(". ")[0]
        raise ValueError(
            "`model` must be a whole Keras model of parts that Keras or hfc_keras knows "
            f"({reason.rstrip('.')}). Received: model={str(path)!r}"
        ) from error
    return model
