"""Can the robust accuracy of a model be believed?"""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar

import tyro

from hfc_keras.commands.options import (
    DATA_DIR,
    IMPORTS,
    OUTPUT,
    OUTPUT_NAME,
    PIXELS,
    pixel_range,
    told,
)


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

    model: Annotated[Path, tyro.conf.Positional, told("MODEL")]
    """Model saved by Keras (.keras, .h5), which returns logits for pixels in [0, 1], or what \
--pixels, --output and --output-name say, or a name that `hfc-keras models` lists. Layers of your \
own need --import; for other models call hfc_keras.selfchecks.run from Python."""
    data: Annotated[str, told("FOLDER|NPZ|NAME", "data", "--dataset")]
    """digits, synthetic, a TFDS image-classification set (cifar10, fashion_mnist, ...), an .npz \
file with x_train, y_train, x_test and y_test, or a folder of class folders, of which a fifth is \
tested on (of train and test beside each other, test)."""
    data_dir: DATA_DIR = None
    """Where TFDS keeps its data sets. Default: TFDS_DATA_DIR, or TFDS' own default."""
    image_size: Annotated[int | tuple[int, int] | None, told("SIDE [SIDE]")] = None
    """Height and width in pixels to which images are resized, one number for both. Default: the \
model's, if the images have several sizes or another one; else they stay as they are."""
    pixels: PIXELS = ()
    """Range of the pixels that the model was trained on, such as 0..255 or 0 255. Default: 0 1; \
with --output or --output-name, 0 255 where the model itself divides by 255 or the like."""
    output: OUTPUT = None
    """What the model returns if it is not logits; binary is a single logit or sigmoid. Logits are \
made of it, by models.as_classifier."""
    output_name: OUTPUT_NAME = None
    """Which of several outputs of the model."""
    examples: int = 200
    """Test images to use, chosen by the seed."""
    epsilon: Annotated[float, told("FLOAT")] = DEFAULT_EPSILON
    """L-inf radius of the attacks, in pixel values of [0, 1]. Default: 8/255."""
    seed: int = 0
    """Seed of the choice of images and of every attack."""
    imports: IMPORTS = ()
    """Modules, or Python files, whose layers the model is made of."""

    def execute(self) -> int:
        """Run the checks and print them.

        Returns:
            int, the exit status.
        """
        from hfc_keras import checks, selfchecks
        from hfc_keras.commands import model_source
        from hfc_keras.commands.sized_images import sized_images

        try:
            examples = checks.number("examples", self.examples, minimum=1, whole=True)
            model = self._classifier(model_source.load(self.model, self.imports))
            asked = (self.data_dir, (1, examples), self.seed, self.image_size)
            dataset, resized_to = sized_images(model, self.data, *asked)
            subject = selfchecks.Subject(
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
            found = selfchecks.checked(subject)
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        for check in found:
            print(check)
        counts = {
            each: sum(check.status == each for check in found) for each in selfchecks.STATUSES
        }
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        print(f"\n{told}; {len(subject.images)} images of {dataset.name}, L-inf {self.epsilon:.4g}")
        return 1 if counts["fail"] else 0

    def _classifier(self, model: Any) -> Any:
        """Model from [0, 1] to logits, by what was said about it."""
        from hfc_keras import models

        if not (self.pixels or self.output or self.output_name):
            return model
        return models.as_classifier(
            model, pixel_range(self.pixels), self.output, output_name=self.output_name
        )


def __getattr__(name: str) -> Any:
    """Return what this module was imported for before its checks had a package of their own."""
    if name not in ("run", "Check", "Subject"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hfc_keras import selfchecks

    return getattr(selfchecks, name)
