"""Attacks against CleverHans, robust accuracy against full attacks, an adversarial step."""

import functools
from collections.abc import Callable, Mapping

import keras
import numpy as np

from benchmarks import timing
from hfc_keras import analysis, attacks, gradients, models, training
from hfc_keras.gradients.differentiation import SampleGradient
from hfc_keras.types import Array, Floats, Integers, Record

NETWORK, NORMALIZATIONS = "resnet8", ("none", "batch")
EXAMPLES, EPSILON, STEPS = 256, 8 / 255, 10
# The natural network of `robust_accuracy`: the published vanilla ResNet-8 and its test images.
NATURAL = training.Recipe(
    dataset="cifar10", examples=(10_000, 4_000), learning_rate=2e-3, epochs=12
)
TRAINING_BATCH, TRAINING_STEPS = 128, 7


def main() -> None:
    """Time every pair in one run; ratio is seconds over those of the reference."""
    rng = np.random.default_rng(0)
    images, labels = rng.random((EXAMPLES, 32, 32, 3), "float32"), rng.integers(0, 10, EXAMPLES)
    rows = []
    for normalization in NORMALIZATIONS:
        build = functools.partial(
            models.build, NETWORK, (32, 32, 3), 10, normalization=normalization
        )
        about = {"normalization": normalization, "network": "untrained"}
        rows += _rows("pgd-10", about, "cleverhans eager", _engines(build(), images, labels))
        part = images[:TRAINING_BATCH], labels[:TRAINING_BATCH]
        rows += _training_rows(about, build, *part)
    ways = _robust_accuracy()
    about = {"normalization": "none", "network": "vanilla of cifar10"}
    rows += _rows("robust accuracy, pgd-40", about, "every image to the end", ways)
    timing.write("attacks", rows)


def _rows(
    task: str, about: Mapping[str, str], reference: str, ways: Mapping[str, Callable[[], object]]
) -> list[Record]:
    seconds = timing.interleaved(ways)
    reference = reference if reference in seconds else next(iter(seconds))
    return [_row(task, about, way, seconds[way], reference, seconds[reference]) for way in seconds]


def _row(
    task: str,
    about: Mapping[str, str],
    way: str,
    seconds: float,
    reference: str,
    reference_seconds: float,
) -> Record:
    ratio = {"reference": reference, "ratio": round(seconds / reference_seconds, 3)}
    return {"task": task, **about, "way": way, "seconds": round(seconds, 4), **ratio}


def _engines(
    model: keras.Model, images: Floats, labels: Integers
) -> dict[str, Callable[[], object]]:
    """PGD without random start by each engine, and by CleverHans' own function."""
    settings = {"epsilon": EPSILON, "steps": STEPS, "random_start": False}
    run = functools.partial(attacks.pgd, model, images, labels, **settings)
    if keras.backend.backend() != "tensorflow":
        return {"native": run}
    from cleverhans.tf2.attacks import projected_gradient_descent as peer

    tensor = keras.ops.convert_to_tensor(images)

    def eager() -> Array:
        adversarial = peer.projected_gradient_descent(
            lambda x: model(x, training=False),
            tensor,
            EPSILON,
            attacks.Pgd(**settings).step,
            STEPS,
            np.inf,
            clip_min=0.0,
            clip_max=1.0,
            y=labels,
            rand_init=False,
        )
        return np.asarray(adversarial)

    hans = functools.partial(run, engine="cleverhans")
    return {"native": run, "engine='cleverhans'": hans, "cleverhans eager": eager}


def _robust_accuracy() -> dict[str, Callable[[], object]]:
    """Robust accuracy, which skips misclassified images, and full PGD-40 on all images."""
    model, _ = training.fit(NATURAL, training.Store("results/.store", published="results/models"))
    test = training.load_data(NATURAL).test.take(np.arange(EXAMPLES))
    attack, data = attacks.Pgd(EPSILON, steps=40), (model, test.images, test.labels)
    return {
        "robust_accuracy": functools.partial(analysis.robust_accuracy, *data, [attack]),
        "every image to the end": functools.partial(attacks.run, *data, attack),
    }


def _training_rows(
    about: Mapping[str, str], build: Callable[[], keras.Model], images: Floats, labels: Integers
) -> list[Record]:
    """An adversarial step compared with its parts: its gradients and a plain step."""
    attack = attacks.Pgd(EPSILON, steps=TRAINING_STEPS)
    plain, robust = build(), training.AdversarialTraining(build(), attack=attack)
    for model in (plain, robust):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss)
    gradient = gradients.compiled(plain, SampleGradient("cross_entropy"))
    indices = labels.astype("int32")
    step, whole = "plain step", "adversarial step"
    parts = "forward and gradient"
    seconds = timing.interleaved(
        {
            step: functools.partial(plain.train_on_batch, images, labels),
            parts: lambda: np.asarray(gradient(images, indices)[0]),
            whole: functools.partial(robust.train_on_batch, images, labels),
        }
    )
    reference = f"{TRAINING_STEPS} x {parts} + {step}"
    total = TRAINING_STEPS * seconds[parts] + seconds[step]
    task = f"training step, pgd-{TRAINING_STEPS}"
    return [_row(task, about, way, seconds[way], reference, total) for way in seconds]


if __name__ == "__main__":
    main()
