"""Keeps trained weights, half-trained states and what was measured on them."""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

import keras
import pandas as pd

from hfc_keras import data, files, records
from hfc_keras.training import epoch_files, folder_notes, measures, published
from hfc_keras.training.recipe import Recipe
from hfc_keras.types import Array, PathLike, Record

# Weights of every epoch are kept below this size, the last epoch's otherwise.
SMALL_MODEL = 1_000_000


class Store:
    """Folder of trainings, one subfolder per recipe, named by the recipe's hash.

    ``recipe.json`` says what was trained, ``epoch-0007.npz`` holds the weights after epoch 7,
    ``progress.npz`` what a stopped training needs to go on (weights, optimizer, history),
    ``seconds.txt`` the time it took, ``precision.txt`` the dtype policy of each epoch,
    ``devices.txt`` its devices, once several were used.
    ``measures`` holds what was measured on the weights. ``data.txt`` is the fingerprint of the
    data: a path whose content has changed is another data set.

    Arrays and measures carry checksums, their format and whose they are (recipe, data, epoch or
    measure). What is damaged or another one's is never used: training goes back to the epoch
    before, a measure is made again, each with a warning; else it is refused by name, as a file of
    a newer version is. Where no epoch is left to go back to, nothing is trained or removed. Files
    written before there were formats are read as they are.

    Args:
        root: str or Path, the store's folder, made when first written.
        published: str, Path or None, a folder of finished models (``.keras``) that are
            found but not written by training; see ``publish``.

    Raises:
        UnusableFileError: for an empty path, or what is none.

    Example:
        >>> Store("results/.store", published="results/models").root.name
        '.store'
    """

    def __init__(self, root: PathLike, published: PathLike | None = None) -> None:
        self.root = files.place(root, "root")
        self.published = None if published is None else files.place(published, "published")

    def folder(self, recipe: Recipe) -> Path:
        """Folder of a recipe.

        Args:
            recipe: training.Recipe.

        Returns:
            Path, which need not exist.
        """
        return self.root / recipe.hash[:16]

    @contextlib.contextmanager
    def lock(self, recipe: Recipe) -> Iterator[None]:
        """Let one process at a time train a recipe, and clear up; another one warns and waits.

        Args:
            recipe: training.Recipe.

        Raises:
            ValueError: if the store cannot be written.
        """
        folder = files.writable_folder(self.folder(recipe), "store")
        with files.locked(folder / ".lock", wait=True, name="store"):
            files.sweep(folder, locked=True)
            for other in (folder / "measures", *filter(None, [self.published])):
                files.sweep(other)
            folder_notes.check_described(folder, recipe)
            yield

    def sweep(self) -> None:
        """Remove what killed processes left half written anywhere in the store."""
        for folder in (self.root, *self.root.glob("*/"), *self.root.glob("*/measures/")):
            files.sweep(folder)
        if self.published:
            files.sweep(self.published)

    def check_data(self, recipe: Recipe, dataset: data.Dataset) -> None:
        """Refuse data that differ from those a recipe was trained on before.

        Args:
            recipe: training.Recipe.
            dataset: data.Dataset that the recipe names now.

        Raises:
            ValueError: if their fingerprint is another one.
        """
        folder_notes.check_data(self.folder(recipe), recipe, dataset)

    @staticmethod
    def keeps_every_epoch(model: keras.Model) -> bool:
        """Whether the weights of every epoch are kept, not only the last one's.

        Args:
            model: keras.Model.

        Returns:
            bool, true below a million parameters.
        """
        return model.count_params() < SMALL_MODEL

    def epochs(self, recipe: Recipe) -> list[int]:
        """Epochs whose weights are kept.

        Args:
            recipe: training.Recipe.

        Returns:
            Ascending list of int, the first epoch being 1.
        """
        return epoch_files.kept(self.folder(recipe), recipe)

    def weights(self, recipe: Recipe, epoch: int, model: keras.Model | None = None) -> list[Array]:
        """Weights after an epoch, for ``model.set_weights``.

        Args:
            recipe: training.Recipe.
            epoch: int, from 1.
            model: keras.Model whose weights they must fit, or None.

        Returns:
            List of arrays.

        Raises:
            UnusableFileError: if that epoch is not kept, or its file is damaged, another one's or
                does not fit.
        """
        return epoch_files.weights(self.folder(recipe), recipe, epoch, model)

    def save_epoch(
        self, recipe: Recipe, dataset: data.Dataset, model: keras.Model, history: pd.DataFrame
    ) -> None:
        """Keep the state after an epoch.

        Args:
            recipe: training.Recipe.
            dataset: data.Dataset it is trained on.
            model: compiled keras.Model.
            history: DataFrame, a row for each epoch so far.
        """
        every = self.keeps_every_epoch(model)
        epoch_files.save(self.folder(recipe), recipe, dataset, model, history, every)

    def add_seconds(self, recipe: Recipe, seconds: float) -> None:
        """Add the seconds of an epoch to the time that went into a training."""
        total = (self.seconds(recipe) or 0.0) + seconds
        files.write_whole(self.folder(recipe) / "seconds.txt", repr(total))

    def seconds(self, recipe: Recipe) -> float | None:
        """Time that went into a training in this store, all its runs together.

        Args:
            recipe: training.Recipe.

        Returns:
            float, seconds; None if nothing was trained here.
        """
        return folder_notes.seconds(self.folder(recipe) / "seconds.txt")

    def progress(
        self, recipe: Recipe, dataset: data.Dataset | None = None, model: keras.Model | None = None
    ) -> Record | None:
        """Where a training stands.

        Args:
            recipe: training.Recipe.
            dataset: data.Dataset that it must have been trained on, or None.
            model: compiled keras.Model that it must fit, or None.

        Returns:
            None, or a dict of ``weights`` and ``optimizer`` (lists of arrays) and
            ``history`` (DataFrame). A file that is damaged, another one's or does not fit warns,
            and the one before it counts.

        Raises:
            UnusableFileError: if a newer version wrote a file, or all that are there are unusable.
        """
        return epoch_files.progress(self.folder(recipe), recipe, dataset, model)

    def publish(
        self, recipe: Recipe, dataset: data.Dataset, model: keras.Model, history: pd.DataFrame
    ) -> Path:
        """Write a finished model to the published folder as ``.keras``, without optimizer.

        Args:
            recipe: training.Recipe.
            dataset: data.Dataset it was trained on.
            model: the trained keras.Model.
            history: DataFrame of its training.

        Returns:
            Path of the ``.keras`` file.

        Raises:
            UnusableFileError: if the folder cannot be written or the disk is full.
        """
        path = self._published_file(recipe)
        published.write(path, recipe, dataset, model, history)
        return path

    def publishes(self, recipe: Recipe) -> bool:
        """Whether the published folder has a model of a recipe.

        Args:
            recipe: training.Recipe.

        Returns:
            bool; whether the files are whole is not looked at.
        """
        return self.published is not None and self._published_file(recipe).exists()

    def published_weights(
        self, recipe: Recipe, dataset: data.Dataset, model: keras.Model | None = None
    ) -> tuple[list[Array], pd.DataFrame] | None:
        """Weights and history of a published model.

        Args:
            recipe: training.Recipe.
            dataset: data.Dataset; a model trained on other data does not count.
            model: keras.Model whose weights it must fit, or None.

        Returns:
            None, or ``(weights, history)``. Files that are no such model's warn, and are None.

        Raises:
            UnusableFileError: if a newer version wrote them.
        """
        path = self._published_file(recipe) if self.published else None
        if path is None or not path.exists():
            return None
        try:
            return published.read(path, recipe, dataset, model)
        except records.NewerFormatError:
            raise
        except files.UnusableFileError as error:
            warnings.warn(f"A published model does not count: {error}", stacklevel=2)
            return None

    def measured(
        self,
        recipe: Recipe,
        dataset: data.Dataset,
        measure: str,
        arguments: Mapping[str, object],
        compute: Callable[..., pd.DataFrame],
        in_parts: bool = False,
    ) -> pd.DataFrame:
        """Rows of a measure, computed once.

        Args:
            recipe: training.Recipe.
            dataset: data.Dataset that is measured on; rows of other data are not used.
            measure: str, name of the measure.
            arguments: dict for JSON, everything else that the rows depend on.
            compute: function of no argument that returns the DataFrame.
            in_parts: bool, whether ``compute`` takes a folder ``resume`` for its parts, so that
                one that was stopped goes on; it is removed once the rows are kept.

        Returns:
            DataFrame. A file that is damaged or another one's warns, and is measured again.

        Raises:
            UnusableFileError: if a newer version wrote the file.
        """
        folder = self.folder(recipe) / "measures"
        place = folder, recipe.hash, dataset, measure, arguments
        return measures.measured(*place, compute, in_parts)

    def _published_file(self, recipe: Recipe) -> Path:
        return cast(Path, self.published) / f"{recipe.hash[:16]}.keras"
