"""PGD-20 in the L-inf ball, every image to the end, by five packages and by hand."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from benchmarks.peers import attacked, subjects
from benchmarks.peers.comparison import Comparison, Peer, Work
from benchmarks.peers.options import Options
from benchmarks.peers.subjects import Subject
from hfc_keras import attacks
from hfc_keras.gradients import half_precision
from hfc_keras.types import Array, Precision

EPSILON, STEPS = 8 / 255, 20
STEP_SIZE = EPSILON / 4
EXAMPLES, FAST_EXAMPLES, BATCH = 256, 32, 256


def comparisons(options: Options) -> Iterator[Comparison]:
    """Yield PGD on each network.

    Args:
        options: Options.
    """
    examples = options.images(EXAMPLES, FAST_EXAMPLES)
    for subject in (subjects.wide, subjects.natural, subjects.adversarial):
        yield comparison(subject(examples), options)


def comparison(subject: Subject, options: Options) -> Comparison:
    """PGD on a network, the same settings for all: no random start, so that all start alike.

    Args:
        subject: Subject.
        options: Options.
    """
    return Comparison(
        task=f"PGD-{STEPS}",
        network=subject.name,
        examples=len(subject.images),
        own={
            "hfc_keras": functools.partial(_own, subject, "auto"),
            "hfc_keras, float32": functools.partial(_own, subject, "float32"),
        },
        peers=peers(subject),
        measure=attacked.MEASURE,
        judge=attacked.RobustAccuracy(subject, EPSILON),
        tolerance=attacked.TOLERANCE,
        repeats=options.repeats,
    )


def peers(subject: Subject) -> dict[str, Peer]:
    """PGD of other packages on a network.

    Args:
        subject: Subject.

    Returns:
        dict from name to Peer.
    """
    found: dict[str, Peer] = {}
    if attacked.is_tensorflow():
        found["CleverHans"] = Peer(("cleverhans",), functools.partial(_cleverhans, subject))
    torch = {
        "Foolbox": (("torch", "foolbox"), _foolbox),
        "torchattacks": (("torch", "torchattacks"), _torchattacks),
        "ART": (("torch", "art"), _art),
    }
    for name, (modules, prepare) in torch.items():
        found[name] = Peer(modules, functools.partial(prepare, subject))
    by_hand = {"PyTorch by hand": {"compiled": False}, "torch.compile by hand": {"compiled": True}}
    if half_precision.has_bfloat16():
        by_hand["torch.compile by hand, bfloat16"] = {"compiled": True, "bfloat16": True}
    for name, how in by_hand.items():
        found[name] = Peer(("torch",), functools.partial(_by_hand, subject, **how))
    return found


def _own(subject: Subject, precision: Precision) -> Array:
    attack = attacks.Pgd(
        EPSILON, step_size=STEP_SIZE, steps=STEPS, random_start=False, precision=precision
    )
    return attacks.run(
        subject.model, subject.images, subject.labels, attack, batch_size=BATCH
    ).images


def _cleverhans(subject: Subject) -> Work:
    """As its documentation calls it, on the Keras model itself."""
    from cleverhans.tf2.attacks import projected_gradient_descent as peer

    def attack(images: Any, labels: Any) -> Any:
        return peer.projected_gradient_descent(
            lambda x: subject.model(x, training=False),
            images,
            EPSILON,
            STEP_SIZE,
            STEPS,
            np.inf,
            clip_min=0.0,
            clip_max=1.0,
            y=labels,
            rand_init=False,
        )

    images, labels = keras.ops.convert_to_tensor(subject.images), subject.labels
    starts = range(0, len(subject.images), BATCH)
    return lambda: np.concatenate(
        [np.asarray(attack(images[at : at + BATCH], labels[at : at + BATCH])) for at in starts]
    )


def in_batches(tensors: tuple[Any, Any], attack: Callable[[Any, Any], Any], size: int) -> Work:
    """Work of an attack of PyTorch, batch by batch.

    Args:
        tensors: (images, labels).
        attack: function from a batch of both to adversarial images.
        size: int, of a batch.
    """
    import torch  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`

    from benchmarks.peers.to_torch import to_images

    batches = list(zip(*(tensor.split(size) for tensor in tensors), strict=True))
    return lambda: to_images(torch.cat([attack(*batch) for batch in batches]))


def _foolbox(subject: Subject) -> Work:
    import foolbox  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`

    model = foolbox.PyTorchModel(subject.module, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(abs_stepsize=STEP_SIZE, steps=STEPS, random_start=False)
    run = functools.partial(attack.run, model, epsilon=EPSILON)
    return in_batches(subject.tensors, run, BATCH)


def _torchattacks(subject: Subject) -> Work:
    import torchattacks  # pyright: ignore[reportMissingImports]: as foolbox

    attack = torchattacks.PGD(subject.module, EPSILON, STEP_SIZE, STEPS, random_start=False)
    return in_batches(subject.tensors, attack, BATCH)


def _art(subject: Subject) -> Work:
    """Its classifier for Keras does not know Keras 3."""
    import torch  # pyright: ignore[reportMissingImports]: as foolbox
    from art.attacks.evasion import (  # pyright: ignore[reportMissingImports]: as foolbox
        ProjectedGradientDescentPyTorch,
    )
    from art.estimators.classification import (  # pyright: ignore[reportMissingImports]: as foolbox
        PyTorchClassifier,
    )

    images = np.moveaxis(subject.images, -1, 1).copy()
    classifier = PyTorchClassifier(
        subject.module,
        torch.nn.CrossEntropyLoss(),
        images.shape[1:],
        subject.model.output_shape[-1],
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )
    attack = ProjectedGradientDescentPyTorch(
        classifier,
        norm=np.inf,
        eps=EPSILON,
        eps_step=STEP_SIZE,
        max_iter=STEPS,
        num_random_init=0,
        batch_size=BATCH,
        verbose=False,
    )
    return lambda: np.moveaxis(attack.generate(images, subject.labels), 1, -1)


def _by_hand(subject: Subject, compiled: bool, bfloat16: bool = False) -> Work:
    from benchmarks.peers import by_hand

    module, tensors = subject.fastest
    attack = by_hand.pgd(module, EPSILON, STEP_SIZE, STEPS, compiled, bfloat16)
    return in_batches(tensors, attack, BATCH)
