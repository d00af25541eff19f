"""Which frequencies does a model live on?"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from hfc_keras.commands.options import (
    DATA_DIR,
    FLAG,
    IMPORTS,
    OUTPUT,
    OUTPUT_NAME,
    PIXELS,
    command_line,
    told,
)

if TYPE_CHECKING:
    from hfc_keras.data.given_images import GivenImages


@dataclasses.dataclass(frozen=True)
class Inspect:
    """Show which frequencies of an image a model lives on.

    Writes a page (profile.html, one file that fetches nothing), a CSV file for each table and a
    record; prints a sentence a question. Several models are set side by side. Exit status: 0; 1 if
    a section failed, which the page says; 2 if model or data cannot be used.
    """

    models: Annotated[tuple[str, ...], tyro.conf.Positional, told("MODEL [MODEL ...]")]
    """Model saved by Keras (.keras, .h5), hf://user/repository, or a name that `hfc-keras models` \
lists. Several to compare them."""
    data: Annotated[str | None, told("FOLDER|NPZ|NAME")] = None
    """Images to test on: a folder with one folder per class, or of images without labels; an .npz \
file with x_test and y_test; digits, cifar10 or another TFDS set. Default: \
for one of this project's networks, what it was trained on."""
    pixels: PIXELS = ()
    """Range of the pixels that the model was trained on, such as 0..255 or 0 255. Default: 0 255 \
where the model itself divides by 255 or the like, else 0 1."""
    output: OUTPUT = None
    """What the model returns; binary is a single logit or sigmoid. Default: what its last layer \
says."""
    output_name: OUTPUT_NAME = None
    """Which of several outputs of the model."""
    image_size: Annotated[tuple[int, ...], told("SIDE [SIDE]")] = ()
    """Resize images to this height and width in pixels, one number for both (bilinear, \
antialiased, without regard to their ratio). Default: they stay as they are."""
    class_indices: Annotated[tuple[int, ...], told("CLASS [CLASS ...]")] = ()
    """Class of the model that each class of the data is, in the data's order, where the numbers \
differ: a folder's classes are numbered by the order of their names. Default: the same."""
    imports: IMPORTS = ()
    """Modules, or Python files, whose layers the model is made of."""
    fast: FLAG = False
    """Fewer images and steps: one or two minutes for a network of CIFAR's size, not ten."""
    out: Path = Path("frequency_profile")
    """Folder for the page and the tables."""
    examples: int = 1000
    """Images to use at most, drawn by the seed."""
    skip_unreadable: FLAG = False
    """Leave out image files that cannot be read; the page names them."""
    data_dir: DATA_DIR = None
    """Where TFDS keeps its data sets. Default: TFDS_DATA_DIR, or TFDS' own default."""
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
        from hfc_keras.commands import models_and_images
        from hfc_keras.inspection import inspect

        folder = files.writable_folder(self.out, "out")
        models = models_and_images.models_of(self)
        given = models_and_images.images_of(self, models)
        print(f"{', '.join(models)} on {self._described(given)}")
        print(*(f"note: {text}\n" for text in given.notes), sep="", end="", flush=True)
        profile = inspect(
            models,
            given.pixels,
            given.labels,
            class_names=models_and_images.class_names_of(self, given),
            train_images=given.train_pixels,
            fast=self.fast,
            seed=self.seed,
            data_name=given.name,
            notes=given.notes,
            sources=given.sources,
        )
        profile.command = command_line("inspect", self)
        written = profile.save(folder)
        print("\n" + "\n".join([*profile.headlines, *profile.lines]))
        for text in profile.notes:
            print(f"Note: {text}")
        for name, found in profile.remedies.items():
            for text in found:
                print(f"{name}: {text}")
        print(f"\nwrote {written[0]} and {len(written) - 1} files beside it")
        return 1 if profile.failed else 0

    def _described(self, given: "GivenImages") -> str:
        sides = " x ".join(map(str, given.pixels.shape[1:]))
        labels = "" if given.labels is not None else " without labels"
        return f"{len(given.pixels)} images of {given.name}{labels} ({sides})"
