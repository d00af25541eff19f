"""Images and operations per second in training, against a bare loop and the best matrix rate.

The bare loop is the same compiled step on the same batches, held in memory. Both alternate,
epoch by epoch. ``--steps N`` sets the number of batches per epoch, for a shorter run.
"""

import argparse
import functools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from benchmarks import operations, timing
from hfc_keras import checks, data, training
from hfc_keras.training import fitting, precision
from hfc_keras.types import Floats, Record, Tensor

# By network: widths.
NETWORKS = {"resnet8": (1, 2, 3), "resnet20": (1,)}
NORMALIZATIONS = ("none", "batch")
SIDE, BATCH, STEPS = 32, 128, 40
# The first one, which compiles, does not count.
EPOCHS = 5
MATRIX = 2048
TESTED = 1024
# Images of CIFAR-10, for the share of the test after each epoch.
TRAIN_IMAGES, TEST_IMAGES = 50_000, 10_000
# A fast training, whose every part costs something.
FAST = training.Recipe(
    optimizer="sgd",
    momentum=0.9,
    nesterov=True,
    learning_rate=0.01,
    weight_decay=5e-3,
    schedule="one_cycle",
    label_smoothing=0.2,
    augmentation="crop_flip",
    flip="alternating",
)


class InTurn(training.Store):
    """A store that times other functions after every epoch of a training.

    Args:
        root: Path, the store's folder.
        ways: dict from name to function of no argument.
    """

    def __init__(self, root: Path, ways: Mapping[str, Callable[[], object]]) -> None:
        super().__init__(root)
        self.ways, self.times = ways, {name: [] for name in ("fit", *ways)}

    def add_seconds(self, recipe: training.Recipe, seconds: float) -> None:
        """Note the seconds of an epoch, including test and storing, and those of the others."""
        self.times["fit"].append(seconds)
        for name, function in self.ways.items():
            start = time.perf_counter()
            function()
            self.times[name].append(time.perf_counter() - start)


def main(arguments: Sequence[str] = ()) -> None:
    """Time every network in each precision that the machine has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    steps = checks.number("--steps", parser.parse_args(arguments).steps, 1, whole=True)
    rows, chosen = [], list(precisions())
    for name, widths in NETWORKS.items():
        for width in widths:
            for normalization in NORMALIZATIONS:
                recipe = FAST.but(model=name, width=width, normalization=normalization)
                for each in chosen:
                    rows.append(row(recipe.but(precision=each), steps))
                    print(*(f"{key}={value}" for key, value in rows[-1].items()), file=sys.stderr)
    timing.write("training", rows, arguments)


def precisions() -> Iterator[str]:
    """Precisions that the machine computes in; the others are said to be left out."""
    for name in precision.CHOICES:
        if precision.usable(name) == name:
            yield name
        else:
            print(f"{name} is left out: this machine does not compute in it", file=sys.stderr)


def row(recipe: training.Recipe, steps: int) -> Record:
    """Row of a network in a precision."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npz"
        _write_images(path, steps * BATCH)
        recipe = recipe.but(dataset=path, batch_size=BATCH, epochs=EPOCHS)
        # What one would write by hand: no callbacks, no pipeline, nothing kept.
        bare = fitting._Training(recipe, None, None)
        batches = list(_in_memory(bare.batches))
        tested = np.zeros((TESTED, SIDE, SIDE, 3), "float32"), np.zeros((TESTED, 10), "float32")
        ways = {
            "bare": lambda: [bare.trained.train_on_batch(*batch) for batch in batches],
            "test": lambda: bare.model.evaluate(*tested, batch_size=256, verbose=0),  # pyright: ignore[reportArgumentType]: it takes numbers, and its default is a str
            "matrix": functools.partial(_multiply, *_matrices(recipe.precision)),
        }
        store = InTurn(Path(folder) / "store", ways)
        training.fit(recipe, store)
    times = {name: np.array(seconds[1:]) for name, seconds in store.times.items()}
    return {**_settings(recipe), **_rates(times, bare.model, steps * BATCH)}


def _in_memory(batches: data.TrainingBatches) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of an epoch as tensors."""
    split = batches.split
    for step in range(len(batches)):
        rows, *others = batches.draws(step)
        yield batches.transform(split.pixels[rows], split.labels[rows].astype("int32"), *others)


def _settings(recipe: training.Recipe) -> Record:
    names = ("model", "width", "normalization", "precision", "batch_size")
    return {name: getattr(recipe, name) for name in names}


def _rates(times: Mapping[str, Floats], model: keras.Model, images: int) -> dict[str, float]:
    """Rates from the seconds of each epoch; ratios are medians over the epochs."""
    per_image = operations.STEP * operations.forward_operations(model) / 1e9
    seconds = {name: float(np.median(each)) for name, each in times.items()}
    matrix = 2 * MATRIX**3 / 1e9 / seconds["matrix"]
    tests = (TEST_IMAGES / TESTED) * times["test"] / (TRAIN_IMAGES / images)
    rates = {
        "gflop_per_image": per_image,
        "images_per_second": images / seconds["fit"],
        "gflop_per_second": per_image * images / seconds["fit"],
        "bare_images_per_second": images / seconds["bare"],
        "ratio": np.median(times["bare"] / times["fit"]),
        "tested_images_per_second": TESTED / seconds["test"],
        "ratio_with_test": np.median(times["bare"] / (times["fit"] + tests)),
        "matrix_gflop_per_second": matrix,
        "share_of_matrix": per_image * images / seconds["fit"] / matrix,
    }
    # Digits that count, not decimals: a small network on a slow machine has rates below 0.01.
    return {name: float(f"{value:.4g}") for name, value in rates.items()}


def _write_images(path: Path, examples: int) -> None:
    """Write random images, one of which is all that is tested on after an epoch."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", examples), ("test", 1)):
        arrays[f"x_{split}"] = rng.integers(0, 256, (count, SIDE, SIDE, 3), "uint8")
        arrays[f"y_{split}"] = np.arange(count) % 10
    np.savez(path, **arrays)


def _matrices(name: str) -> list[Tensor]:
    dtype = keras.DTypePolicy(name).compute_dtype
    rng = np.random.default_rng(0)
    return [ops.cast(rng.random((MATRIX, MATRIX), "float32"), dtype) for _ in range(2)]


def _multiply(one: Tensor, other: Tensor) -> float:
    """Multiply two matrices, and wait for a number of the product."""
    return float(ops.matmul(one, other)[0, 0])


if __name__ == "__main__":
    main(sys.argv[1:])
