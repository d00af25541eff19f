"""The standard evaluation: APGD-CE, APGD-T and Square here, AutoAttack of torchattacks.

Neither does the work of the other, so that it is asked who finds as much, and in what time.
"""

import functools
from collections.abc import Iterator

import pandas as pd

from benchmarks.peers import attacked, pgd, subjects
from benchmarks.peers.comparison import Comparison, Peer, Work
from benchmarks.peers.options import Options
from benchmarks.peers.subjects import Subject
from hfc_keras import analysis, attacks
from hfc_keras.types import Precision

EPSILON = 8 / 255
# Where most images are left, the evaluation takes minutes.
EXAMPLES, ROBUST_EXAMPLES, FAST_EXAMPLES, BATCH = 1_000, 500, 32, 250
# It takes minutes, and noise of the machine is small beside that.
REPEATS = 1
# By so much the robust accuracy that this package finds may be above that of the peer.
TOLERANCE = 0.005
# Steps of APGD: ours, which are AutoAttack's own, and those that torchattacks takes.
STEPS, THEIR_STEPS = attacks.Apgd.steps, 10


def comparisons(options: Options) -> Iterator[Comparison]:
    """Yield the evaluation of each trained network, and of one with as many steps as the peer's.

    Args:
        options: Options.
    """
    robust = subjects.adversarial(options.images(ROBUST_EXAMPLES, FAST_EXAMPLES))
    yield comparison(subjects.natural(options.images(EXAMPLES, FAST_EXAMPLES)), options)
    yield comparison(robust, options)
    yield comparison(robust, options, THEIR_STEPS)


def comparison(subject: Subject, options: Options, steps: int = STEPS) -> Comparison:
    """Evaluation of a network, by default of both packages.

    Args:
        subject: Subject.
        options: Options.
        steps: int, of APGD in this package.
    """
    other = "it also runs FAB-T"
    if steps != THEIR_STEPS:
        other += f", and takes {THEIR_STEPS} steps of APGD where hfc_keras takes {steps}"
    peer = Peer(("torch", "torchattacks"), functools.partial(_autoattack, subject), other)
    return Comparison(
        task="standard evaluation" + (f", {steps} steps" if steps != STEPS else ""),
        network=subject.name,
        examples=len(subject.images),
        own={
            "hfc_keras": functools.partial(_own, subject, steps, "auto"),
            "hfc_keras, float32": functools.partial(_own, subject, steps, "float32"),
        },
        peers={"torchattacks AutoAttack": peer},
        measure=attacked.MEASURE,
        judge=attacked.RobustAccuracy(subject, EPSILON),
        tolerance=TOLERANCE,
        repeats=min(options.repeats, REPEATS),
        at_most=True,
    )


def _own(subject: Subject, steps: int, precision: Precision) -> pd.DataFrame:
    chosen = attacks.standard(EPSILON, "linf", steps=steps, precision=precision)
    return analysis.robust_accuracy(
        subject.model, subject.images, subject.labels, chosen, batch_size=BATCH
    )


def _autoattack(subject: Subject) -> Work:
    import torchattacks  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`

    classes = subject.model.output_shape[-1]
    attack = torchattacks.AutoAttack(
        subject.module, norm="Linf", eps=EPSILON, version="standard", n_classes=classes, seed=0
    )
    return pgd.in_batches(subject.tensors, attack, BATCH)
