"""Training: an adversarial step in half precision, and ``fit`` beside a bare loop."""

import functools
from collections.abc import Iterator

import keras
import numpy as np

from benchmarks import training as training_speed
from benchmarks.peers import subjects
from benchmarks.peers.comparison import Comparison
from benchmarks.peers.options import Options
from hfc_keras import attacks, models, training
from hfc_keras.training import precision
from hfc_keras.types import Record

EPSILON, STEPS = 8 / 255, 7
BATCH, FAST_BATCH = 128, 16
# Half an epoch of CIFAR-10: each epoch begins with a new iterator and ends with a test and a save.
FIT_STEPS, FAST_FIT_STEPS = 195, 4
HALF = "mixed_bfloat16"
# Of the loss of untrained networks on random images, which all start alike.
TOLERANCE = 0.1


def comparisons(options: Options) -> Iterator[Comparison]:
    """Yield the adversarial training step.

    Args:
        options: Options.
    """
    batch = options.images(BATCH, FAST_BATCH)
    rng = np.random.default_rng(0)
    images, labels = rng.random((batch, 32, 32, 3), "float32"), rng.integers(0, 10, batch)
    chosen = [name for name in (HALF, precision.FULL) if precision.usable(name) == name]
    own = {
        f"hfc_keras, {name.removeprefix('mixed_')}": functools.partial(
            _adversarial(name).train_on_batch, images, labels
        )
        for name in chosen
    }
    yield Comparison(
        task=f"adversarial training step, PGD-{STEPS}",
        network=f"{subjects.WIDE}, width {subjects.WIDTH}, untrained",
        examples=batch,
        own=own,
        peers={},
        measure="loss",
        judge=float,
        tolerance=TOLERANCE,
        repeats=options.repeats,
    )


def _adversarial(name: str) -> training.AdversarialTraining:
    """Compiled adversarial training of the wide network in a precision, the same weights in all."""
    keras.utils.set_random_seed(0)
    with precision.policy(name):
        network = models.build(
            subjects.WIDE, (32, 32, 3), 10, width=subjects.WIDTH, normalization="batch"
        )
        robust = training.AdversarialTraining(network, attacks.Pgd(EPSILON, steps=STEPS), seed=0)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        robust.compile("adam", loss)
    return robust


def fit_rows(options: Options) -> list[Record]:
    """Rows of ``fit`` and of a bare loop, epoch by epoch in turn, see ``benchmarks.training``.

    Args:
        options: Options.
    """
    augmented = training_speed.FAST.but(model=subjects.WIDE, normalization="batch")
    plain = augmented.but(augmentation="none", flip="random")
    remark = "fit crops and flips the images of each batch; the loop has them ready"
    return [*_beside_bare(plain, "", options), *_beside_bare(augmented, remark, options)]


def _beside_bare(recipe: training.Recipe, remark: str, options: Options) -> list[Record]:
    """Rows of a recipe."""
    steps = FAST_FIT_STEPS if options.fast else FIT_STEPS
    measured = training_speed.row(recipe, steps)
    images = steps * training_speed.BATCH
    augmentation = "crops and flips" if remark else "no augmentation"
    about = {
        "task": f"training, {augmentation}",
        "network": f"{recipe.model}, width {recipe.width:g}",
        "examples": images,
        "repeats": training_speed.EPOCHS - 1,
    }
    names = {"hfc_keras.training.fit": "images_per_second"}
    names["bare loop over tensors in memory"] = "bare_images_per_second"
    return [
        {
            **about,
            "way": way,
            "seconds": round(images / measured[column], 4),
            "ratio": 1.0 if column == "images_per_second" else round(1 / measured["ratio"], 3),
            "measure": "none: the same compiled step on the same batches",
            "comparable": None,
            "remark": remark,
        }
        for way, column in names.items()
    ]
