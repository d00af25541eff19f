"""Which frequencies does a model live on?"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from hfc_keras.commands.options import FLAG, IMPORTS, command_line

if TYPE_CHECKING:
    from hfc_keras.data.given_images import GivenImages


@dataclasses.dataclass(frozen=True)
class Inspect:
    """Show which frequencies of an image a model lives on.

    Writes a page (profile.html, one file that fetches nothing), a CSV file for each table and a
    record; prints a sentence a question. Several models are set side by side. Exit status: 0; 1 if
    a section failed, which the page says; 2 if model or data cannot be used.
    """

    models: tyro.conf.Positional[tuple[str, ...]]
    """Model saved by Keras (.keras, .h5), hf://user/repository, or a name that `hfc-keras models` \
lists. Several to compare them."""
    data: str | None = None
    """Images to test on: a folder with one folder per class, or of images without labels; an .npz \
file with x_test and y_test; digits, cifar10 or another TFDS set. Left out: what the project's own \
network was trained for."""
    pixels: tuple[str, ...] = ()
    """Range of the pixels that the model was trained on, such as 0..255 or 0 255. Left out: 0 255 \
where the model itself divides by 255 or the like, else 0 1."""
    output: Literal["logits", "softmax", "sigmoid", "binary"] | None = None
    """What the model returns; binary is a single logit or sigmoid. Left out: what its last layer \
says."""
    output_name: str | None = None
    """Which of several outputs of the model."""
    image_size: tuple[int, ...] = ()
    """Resize images to this height and width in pixels, one number for both (bilinear, \
antialiased, without regard to their ratio)."""
    class_indices: tuple[int, ...] = ()
    """Class of the model that each class of the data is, in the data's order, where the numbers \
differ: a folder's classes are numbered by the order of their names."""
    imports: IMPORTS = ()
    """Modules, or Python files, whose layers the model is made of."""
    fast: Annotated[bool, FLAG] = False
    """Fewer images and steps: one or two minutes for a network of CIFAR's size, not ten."""
    out: Path = Path("frequency_profile")
    """Folder for the page and the tables."""
    examples: int = 1000
    """Images to use at most, drawn by the seed."""
    skip_unreadable: Annotated[bool, FLAG] = False
    """Leave out image files that cannot be read; the page names them."""
    data_dir: Path | None = None
    """Where TFDS keeps its data sets. Left out: TFDS_DATA_DIR, or TFDS' own default."""
    published: Path = Path("results/models")
    """Folder of the project's trained networks."""
    seed: int = 0
    """Seed of the choice of images and of every attack."""

    def execute(self) -> int:
        """Inspect the models, write the page and print what it says.

        Returns:
            int, the exit status.
        """
        from hfc_keras import files
        from hfc_keras.commands import inputs
        from hfc_keras.inspection import inspect

        folder = files.writable_folder(self.out, "out")
        models = inputs.models_of(self)
        given = inputs.images_of(self, models)
        print(f"{', '.join(models)} on {self._described(given)}")
        print(*(f"note: {text}\n" for text in given.notes), sep="", end="", flush=True)
        profile = inspect(
            models,
            given.pixels,
            given.labels,
            class_names=inputs.class_names_of(self, given),
            train_images=given.train_pixels,
            fast=self.fast,
            seed=self.seed,
            data_name=given.name,
            notes=given.notes,
        )
        profile.command = command_line("inspect", self)
        written = profile.save(folder)
        print("\n" + "\n".join([*profile.headlines, *profile.lines]))
        for name, found in profile.remedies.items():
            for text in found:
                print(f"{name}: {text}")
        print(f"\nwrote {written[0]} and {len(written) - 1} files beside it")
        return 1 if profile.failed else 0

    def _described(self, given: "GivenImages") -> str:
        sides = " x ".join(map(str, given.pixels.shape[1:]))
        labels = "" if given.labels is not None else " without labels"
        return f"{len(given.pixels)} images of {given.name}{labels} ({sides})"

    def pixel_range(self) -> tuple[float, float] | None:
        """Return the range of pixels that was given.

        Returns:
            tuple of two floats or None.

        Raises:
            ValueError: if it is none.

        Example:
            >>> Inspect((), pixels=("0..255",)).pixel_range()
            (0.0, 255.0)
        """
        from hfc_keras import checks

        if not self.pixels:
            return None
        parts: list[Any] = list(self.pixels)
        if len(parts) == 1:
            parts = parts[0].split("..")
        try:
            low, high = map(float, parts)
        except ValueError:
            checks.require(
                False, "`pixels` must be a range such as 0..255 or 0 255", pixels=self.pixels
            )
        return low, high
