"""Can the robust accuracy of a model be believed?"""

import dataclasses
from typing import Annotated, Any, ClassVar

import tyro

from hfc_keras.commands.options import ModelAndImages, told


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selfcheck(ModelAndImages):
    """Check whether the robust accuracy of a model can be believed.

    Prints one line per check (pass, warn or fail, its number, what it means) and a summary. Exit
    status: 0 if nothing fails, 1 if something does, 2 if model or data cannot be used.

    Looks for probabilities instead of logits, randomness, dependence on the batch, and
    gradients that are masked, so that attacks seem to fail. Not checked, since they need a
    second model: whether examples made on another model transfer less well than those made on
    this one, and whether the same attack breaks a model that was trained without a defense.
    """

    DEFAULT_EPSILON: ClassVar = 8 / 255

    model: Annotated[str, tyro.conf.Positional, told("MODEL")]
    """Model saved by Keras (.keras, .h5), weights of PyTorch (.pth, .npz; see --architecture), \
hf://user/repository, or a name that `hfc-keras models` lists; for other models call \
hfc_keras.selfchecks.run from Python."""
    data: Annotated[str | None, told("FOLDER|NPZ|NAME", "data", "--dataset")] = None
    """Images to test on, with labels: a folder with one folder per class; an .npz file with \
x_test and y_test; digits, cifar10 or another TFDS set. Default: for one of this project's \
networks, what it was trained on."""
    examples: int = 200
    """Number of images to use at most, drawn at random."""
    epsilon: Annotated[float, told("FLOAT")] = DEFAULT_EPSILON
    """L-inf radius of the attacks, in pixel values of [0, 1]. Default: 8/255."""
    standard: bool = False
    """Also measure the robust accuracy to report, under attacks.standard: Auto-PGD with \
cross-entropy, Auto-PGD at nine wrong classes, and the Square attack, each on what is \
left. Takes minutes for a robust network."""

    def execute(self) -> int:
        """Run the checks and print them.

        Returns:
            int, the exit status.
        """
        from hfc_keras import selfchecks
        from hfc_keras.commands import models_and_images as named

        raw = named.loaded([self.model], self)
        models = named.classifiers(raw, self)
        given = named.images_of(models, self)
        (model,) = models.values()
        subject = self._subject(model, given)
        for note in (*named.conversions(raw, models, self), *given.notes):
            print(note)
        found = selfchecks.checked(subject)
        for check in found:
            print(check)
        counts = {
            each: sum(check.status == each for check in found) for each in selfchecks.STATUSES
        }
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        print(f"\n{told}; {len(subject.images)} images of {given.name}, L-inf {self.epsilon:.4g}")
        if self.standard:
            self._report_standard(subject, found)
        return 1 if counts["fail"] else 0

    def _report_standard(self, subject: Any, found: list[Any]) -> None:
        """Print the robust accuracy under the standard attacks, and what it went through."""
        from hfc_keras import selfchecks

        if found[-1].name == "attacks":
            print("\nNo standard evaluation: mend first what fails above")
            return
        print(f"\nStandard evaluation, L-inf {self.epsilon:.4g}, each attack on what is left:")
        for line in selfchecks.standard_evaluation(subject):
            print(f"  {line}")

    def _subject(self, model: Any, given: Any) -> Any:
        """Model and images under test."""
        import numpy as np

        from hfc_keras import checks, selfchecks

        checks.require(
            given.labels is not None,
            "`data` must have labels: a folder with one folder per class, or y_test in an .npz "
            "file",
            data=self.data,
        )
        levels = given.pixels.dtype == np.uint8
        images = np.divide(given.pixels, np.float32(255 if levels else 1), dtype="float32")
        return selfchecks.Subject(model, images, given.labels, self.epsilon, self.seed)


def __getattr__(name: str) -> Any:
    """Return what this module was imported for before its checks had a package of their own."""
    if name not in ("run", "Check", "Subject"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hfc_keras import selfchecks

    return getattr(selfchecks, name)
