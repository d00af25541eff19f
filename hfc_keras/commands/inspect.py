"""Which frequencies does a model live on?"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from hfc_keras.commands.options import FLAG, ModelAndImages, command_line, told

if TYPE_CHECKING:
    from hfc_keras.data.given_images import GivenImages


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inspect(ModelAndImages):
    """Show which frequencies of an image a model lives on.

    Writes a page (profile.html, one self-contained file), a CSV file for each table and a
    record; prints one sentence per question. Several models are compared side by side. Exit
    status: 0; 1 if a section failed, which the page says; 2 if model or data cannot be used.
    """

    models: Annotated[tuple[str, ...], tyro.conf.Positional, told("MODEL [MODEL ...]")]
    """Model saved by Keras (.keras, .h5), weights of PyTorch (.pth, .npz; see --architecture), \
hf://user/repository, or a name that `hfc-keras models` lists. Name several to compare them."""
    names: Annotated[tuple[str, ...], told("NAME [NAME ...]")] = ()
    """What the page calls each model, in their order. Default: its file's name."""
    fast: FLAG = False
    """Use fewer images and steps: one or two minutes, not ten, for a network of CIFAR's size."""
    out: Path = Path("frequency_profile")
    """Folder for the page and the tables."""

    def execute(self) -> int:
        """Inspect the models, write the page and print what it says.

        Returns:
            int, the exit status.
        """
        from hfc_keras import files
        from hfc_keras.commands import models_and_images as named
        from hfc_keras.inspection import inspect

        folder = files.writable_folder(self.out, "out")
        raw = named.loaded(self.models, self)
        models = named.classifiers(raw, self)
        given = named.images_of(models, self, self.names)
        raw, models = (named.called(each, self.names) for each in (raw, models))
        notes = [*named.conversions(raw, models, self), *given.notes]
        print(f"{', '.join(models)} on {self._described(given)}")
        print(*(f"note: {text}\n" for text in notes), sep="", end="", flush=True)
        profile = inspect(
            models,
            given.pixels,
            given.labels,
            class_names=named.class_names_of(given, self),
            train_images=given.train_pixels,
            fast=self.fast,
            seed=self.seed,
            data_name=given.name,
            notes=notes,
            sources=given.sources,
        )
        profile.command = command_line("inspect", self)
        written = profile.save(folder)
        print("\n" + "\n".join([*profile.headlines, *profile.lines]))
        for text in profile.notes[len(notes) :]:
            print(f"note: {text}")
        for name, found in profile.remedies.items():
            for each in found:
                print(f"{name}: {each.text}")
        print(f"\nwrote {written[0]} and {len(written) - 1} more files in the same folder")
        return 1 if profile.failed else 0

    def _described(self, given: "GivenImages") -> str:
        sides = " x ".join(map(str, given.pixels.shape[1:]))
        labels = "" if given.labels is not None else " without labels"
        return f"{len(given.pixels)} images of {given.name}{labels} ({sides})"
