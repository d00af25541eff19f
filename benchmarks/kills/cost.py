"""What keeping state takes of an epoch."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hfc_keras import training
from hfc_keras.lab.settings import Settings
from hfc_keras.types import Record

SIDE, CHANNELS = 32, 3
# The first epoch, which compiles, does not count.
EPOCHS, FEW_IMAGES = 5, (500, 200)
# Share of an epoch that keeping state may take.
LIMIT = 0.02


class Timed(training.Store):
    """A store that notes how long it takes.

    Args:
        root: Path, the store's folder.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.keeping: list[float] = []
        self.epoch_seconds: list[float] = []

    def save_epoch(self, *arguments: Any, **options: Any) -> None:
        """Keep the state after an epoch, and note the seconds."""
        self.keeping.append(_seconds(lambda: super(Timed, self).save_epoch(*arguments, **options)))

    def add_seconds(self, recipe: training.Recipe, seconds: float) -> None:
        """Note the seconds of an epoch without those of keeping its state."""
        self.epoch_seconds.append(seconds - self.keeping[-1])
        self.keeping[-1] += _seconds(lambda: super(Timed, self).add_seconds(recipe, seconds))


def rows(folder: Path, few: bool) -> list[Record]:
    """Train as the quick profile does, on random images.

    Args:
        folder: Path, for the images and the store.
        few: bool, whether fewer images will do.

    Returns:
        list of dict, a row for each normalization.
    """
    path = folder / "images.npz"
    vanilla = Settings(profile="quick", dataset=str(path)).base_recipe()
    sizes: Any = FEW_IMAGES if few else vanilla.examples
    _write_images(path, dict(zip(("train", "test"), sizes, strict=True)))
    made = []
    for normalization in ("none", "batch"):
        recipe = vanilla.but(normalization=normalization, epochs=EPOCHS, examples=None)
        store = Timed(folder / "store")
        training.fit(recipe, store)
        keeping, epoch = (
            statistics.median(each[1:]) for each in (store.keeping, store.epoch_seconds)
        )
        made.append(
            {
                "normalization": normalization,
                "images": sizes[0],
                "epoch_seconds": round(epoch, 3),
                "keeping_seconds": round(keeping, 4),
                "share": round(keeping / epoch, 5),
                "limit": LIMIT,
            }
        )
    return made


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _write_images(path: Path, counts: dict[str, int]) -> None:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, count in counts.items():
        arrays[f"x_{split}"] = rng.integers(0, 256, (count, SIDE, SIDE, CHANNELS), "uint8")
        arrays[f"y_{split}"] = np.arange(count) % 10
    np.savez(path, **arrays)
