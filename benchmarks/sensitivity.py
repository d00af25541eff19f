"""Fourier sensitivity against its gradients, a regularized against a plain step, a heat map."""

import functools
import time
from collections.abc import Callable, Mapping

import keras
import numpy as np

from benchmarks import timing
from hfc_keras import analysis, gradients, models, training
from hfc_keras.gradients.differentiation import SampleGradient
from hfc_keras.types import Floats, Integers, Record

NETWORK, NORMALIZATIONS = "resnet8", ("none", "batch")
EXAMPLES, BATCH = 10_000, 256
TRAINING_BATCH = 100
HEAT_MAP_EXAMPLES, SIDE = 1_000, 32


def main() -> None:
    """Time every task in one run; ratio is seconds over those of the reference."""
    rng = np.random.default_rng(0)
    images = rng.random((EXAMPLES, SIDE, SIDE, 3), "float32")
    labels = rng.integers(0, 10, EXAMPLES)
    rows = []
    for normalization in NORMALIZATIONS:
        build = functools.partial(
            models.build, NETWORK, images.shape[1:], 10, normalization=normalization
        )
        rows += _rows("sensitivity", normalization, _measures(build(), images, labels))
        batch = images[:TRAINING_BATCH], labels[:TRAINING_BATCH]
        rows += _rows("training step", normalization, _steps(build, *batch))
        part = images[:HEAT_MAP_EXAMPLES], labels[:HEAT_MAP_EXAMPLES]
        rows.append(_row("heat map", normalization, "heat map", _heat_map(build(), *part)))
    timing.write("sensitivity", rows)


def _rows(task: str, normalization: str, ways: Mapping[str, Callable[[], object]]) -> list[Record]:
    """Rows of a task; the first way is the reference."""
    seconds = timing.interleaved(ways)
    reference = next(iter(ways))
    return [
        _row(task, normalization, way, value, reference, seconds[reference])
        for way, value in seconds.items()
    ]


def _row(
    task: str,
    normalization: str,
    way: str,
    seconds: float,
    reference: str | None = None,
    reference_seconds: float | None = None,
) -> Record:
    row: Record = {"task": task, "normalization": normalization, "network": "untrained", "way": way}
    row.update(seconds=round(seconds, 4), reference=reference or way)
    return {**row, "ratio": round(seconds / (reference_seconds or seconds), 3)}


def _heat_map(model: keras.Model, images: Floats, labels: Integers) -> float:
    """Seconds for one heat map, after a small one that compiles it."""
    analysis.fourier_heat_map(model, images[:1], labels[:1])
    start = time.perf_counter()
    analysis.fourier_heat_map(model, images, labels)
    return time.perf_counter() - start


def _measures(
    model: keras.Model, images: Floats, labels: Integers
) -> dict[str, Callable[[], object]]:
    """Sensitivity of images, and the gradients that it needs."""
    gradient = gradients.compiled(model, SampleGradient("cross_entropy"))
    indices = labels.astype("int32")

    def alone() -> None:
        for at in range(0, len(images), BATCH):
            np.asarray(gradient(images[at : at + BATCH], indices[at : at + BATCH])[0])

    whole = functools.partial(analysis.fourier_sensitivity, model, images, labels)
    return {"input gradients": alone, "fourier_sensitivity": whole}


def _steps(
    build: Callable[[], keras.Model], images: Floats, labels: Integers
) -> dict[str, Callable[[], object]]:
    """A plain training step and regularized ones."""
    ways = {"plain": build()}
    ways.update({kind: training.FourierRegularized(build(), kind) for kind in ("low", "all")})
    for model in ways.values():
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss)
    return {
        way: functools.partial(model.train_on_batch, images, labels) for way, model in ways.items()
    }


if __name__ == "__main__":
    main()
