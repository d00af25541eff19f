"""Keeps trained weights, half-trained states and what was measured on them."""

import io
import json
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from hfc_keras import files
from hfc_keras.training.recipe import digest

# Weights of every epoch are kept below this size, the last epoch's otherwise.
SMALL_MODEL = 1_000_000
# Raised when a measure means something else than before, so that old rows are not used.
MEASURES = 1
PROGRESS = ("progress.npz", "progress-before.npz")


class Store:
    """Folder of trainings, one subfolder a recipe, named by the recipe's hash.

    ``recipe.json`` says what was trained, ``epoch-0007.npz`` holds the weights after epoch 7,
    ``progress.npz`` what a stopped training needs to go on (weights, optimizer, history), and
    ``seconds.txt`` the time it took. Every file is written whole, and ``.npz`` carries
    checksums, so a torn file is noticed and the progress of the epoch before is used instead.
    ``data.txt`` is the fingerprint of the data: a path whose content has changed is another
    data set.

    Args:
        root: str or Path, the store's folder, made when first written.
        published: str, Path or None, a folder of finished models (``.keras``) that are
            found but not written by training; see ``publish``.

    Example:
        >>> Store("results/.store", published="results/models").root.name
        '.store'
    """

    def __init__(self, root, published=None):
        self.root = Path(root)
        self.published = None if published is None else Path(published)

    def folder(self, recipe):
        """Folder of a recipe.

        Args:
            recipe: training.Recipe.

        Returns:
            Path, which need not exist.
        """
        return self.root / recipe.hash[:16]

    def lock(self, recipe):
        """Let one process at a time train a recipe; another one warns and waits.

        Args:
            recipe: training.Recipe.

        Returns:
            Context manager.

        Raises:
            ValueError: if the store cannot be written.
        """
        folder = files.writable_folder(self.folder(recipe), "store")
        return files.locked(folder / ".lock", wait=True, name="store")

    def check_data(self, recipe, dataset):
        """Refuse data that differ from those a recipe was trained on before.

        Args:
            recipe: training.Recipe.
            dataset: data.Dataset that the recipe names now.

        Raises:
            ValueError: if their fingerprint is another one.
        """
        path = self.folder(recipe) / "data.txt"
        if path.exists() and path.read_text() != dataset.fingerprint:
            raise files.UnusableFileError(
                "`dataset` must hold what it held when it was trained on; remove "
                f"{path.parent} or use another store. Received: dataset={recipe.dataset!r}"
            )

    @staticmethod
    def keeps_every_epoch(model):
        """Whether the weights of every epoch are kept, not only the last one's.

        Args:
            model: keras.Model.

        Returns:
            bool, true below a million parameters.
        """
        return model.count_params() < SMALL_MODEL

    def epochs(self, recipe):
        """Epochs whose weights are kept.

        Args:
            recipe: training.Recipe.

        Returns:
            Ascending list of int, the first epoch being 1.
        """
        names = (path.stem for path in self.folder(recipe).glob("epoch-*.npz"))
        return sorted(int(name.removeprefix("epoch-")) for name in names)

    def weights(self, recipe, epoch):
        """Weights after an epoch, for ``model.set_weights``.

        Args:
            recipe: training.Recipe.
            epoch: int, from 1.

        Returns:
            List of arrays.

        Raises:
            UnusableFileError: if that epoch is not kept or its file is damaged.
        """
        kept = self.epochs(recipe)
        if epoch not in kept:
            raise files.UnusableFileError(
                f"`epoch` must be one that is kept ({kept}); remove {self.folder(recipe)} to train "
                f"anew. Received: epoch={epoch!r}"
            )
        return _read_arrays(self._epoch_file(recipe, epoch))["weights"]

    def save_epoch(self, recipe, dataset, model, history):
        """Keep the state after an epoch.

        Args:
            recipe: training.Recipe.
            dataset: data.Dataset it is trained on.
            model: compiled keras.Model.
            history: DataFrame, a row for each epoch so far.
        """
        folder, epoch = self.folder(recipe), len(history)
        files.write_whole(folder / "recipe.json", json.dumps(recipe.to_dict(), indent=1))
        files.write_whole(folder / "data.txt", dataset.fingerprint)
        groups = {"weights": model.get_weights()}
        files.write_whole(self._epoch_file(recipe, epoch), _to_bytes(groups))
        groups["optimizer"] = [np.asarray(value) for value in model.optimizer.variables]
        content = _to_bytes(groups, json.dumps(history.to_dict("list")))
        if (folder / PROGRESS[0]).exists():
            (folder / PROGRESS[0]).replace(folder / PROGRESS[1])
        files.write_whole(folder / PROGRESS[0], content)
        if not self.keeps_every_epoch(model):
            for earlier in self.epochs(recipe)[:-1]:
                self._epoch_file(recipe, earlier).unlink()

    def add_seconds(self, recipe, seconds):
        """Add the seconds of an epoch to the time that went into a training."""
        total = (self.seconds(recipe) or 0.0) + seconds
        files.write_whole(self.folder(recipe) / "seconds.txt", repr(total))

    def seconds(self, recipe):
        """Time that went into a training in this store, all its runs together.

        Args:
            recipe: training.Recipe.

        Returns:
            float, seconds; None if nothing was trained here.
        """
        path = self.folder(recipe) / "seconds.txt"
        return float(path.read_text()) if path.exists() else None

    def progress(self, recipe):
        """Where a training stands.

        Args:
            recipe: training.Recipe.

        Returns:
            None, or a dict of ``weights`` and ``optimizer`` (lists of arrays) and
            ``history`` (DataFrame). A damaged file warns, and the one before it counts.
        """
        for name in PROGRESS:
            path = self.folder(recipe) / name
            try:
                if path.exists():
                    return _read_arrays(path)
            except ValueError as error:
                warnings.warn(f"Training goes back: {error}", stacklevel=2)
        return None

    def publish(self, recipe, dataset, model, history):
        """Write a finished model to the published folder as ``.keras``, without optimizer.

        Args:
            recipe: training.Recipe.
            dataset: data.Dataset it was trained on.
            model: the trained keras.Model.
            history: DataFrame of its training.

        Returns:
            Path of the ``.keras`` file.
        """
        path = self._published_file(recipe)
        record = {
            "recipe": recipe.to_dict(),
            "data": dataset.fingerprint,
            "history": history.to_dict("list"),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unlike a clone, a model made from its config is not compiled and has no optimizer.
        plain = type(model).from_config(model.get_config())
        plain.set_weights(model.get_weights())
        beside = path.with_name(f".{path.stem}.tmp.keras")
        plain.save(beside)
        beside.replace(path)
        files.write_whole(path.with_suffix(".json"), json.dumps(record))
        return path

    def published_weights(self, recipe, dataset):
        """Weights and history of a published model.

        Args:
            recipe: training.Recipe.
            dataset: data.Dataset; a model trained on other data does not count.

        Returns:
            None, or ``(weights, history)``.
        """
        path = self._published_file(recipe) if self.published else None
        if path is None or not (path.exists() and path.with_suffix(".json").exists()):
            return None
        try:
            record = json.loads(path.with_suffix(".json").read_text())
        except ValueError as error:
            warnings.warn(f"{path.with_suffix('.json')} is no JSON: {error}", stacklevel=2)
            return None
        if record.get("data") != dataset.fingerprint:
            return None
        weights = keras.models.load_model(path).get_weights()
        return weights, pd.DataFrame(record["history"])

    def measured(self, recipe, dataset, measure, arguments, compute):
        """Rows of a measure, computed once.

        Args:
            recipe: training.Recipe.
            dataset: data.Dataset that is measured on; rows of other data are not used.
            measure: str, name of the measure.
            arguments: dict for JSON, everything else that the rows depend on.
            compute: function of no argument that returns the DataFrame.

        Returns:
            DataFrame.
        """
        key = digest([MEASURES, dataset.fingerprint, arguments])
        name = f"{measure}-{key[:16]}.csv"
        path = self.folder(recipe) / "measures" / name
        if not path.exists():
            files.write_whole(path, compute().to_csv(index=False))
        return pd.read_csv(path)

    def _epoch_file(self, recipe, epoch):
        return self.folder(recipe) / f"epoch-{epoch:04d}.npz"

    def _published_file(self, recipe):
        return self.published / f"{recipe.hash[:16]}.keras"


def _to_bytes(groups, history=""):
    buffer = io.BytesIO()
    named = {
        f"{group}-{index:05d}": array
        for group, arrays in groups.items()
        for index, array in enumerate(arrays)
    }
    np.savez(buffer, history=np.array(history), **named)
    return buffer.getvalue()


def _read_arrays(path):
    """Groups of arrays of a file, and its history."""
    groups = {"weights": [], "optimizer": []}
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            for key in sorted(set(archive.files) - {"history"}):
                groups[key.partition("-")[0]].append(archive[key])
            history = str(archive["history"])
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise files.UnusableFileError(
            f"A file of the store must be whole ({error}); remove its folder to train anew. "
            f"Received: path={str(path)!r}"
        ) from error
    if history:
        groups["history"] = pd.DataFrame(json.loads(history))
    return groups
