"""The standard evaluation: APGD-CE, APGD-T and Square here, AutoAttack of torchattacks.

Neither does the work of the other, so that it is asked who finds as much, and in what time.
"""

import functools
from collections.abc import Iterator

from benchmarks.peers import attacked, pgd, subjects
from benchmarks.peers.comparison import Comparison, Peer, Work
from benchmarks.peers.options import Options
from benchmarks.peers.subjects import Subject
from hfc_keras import analysis, attacks

EPSILON = 8 / 255
EXAMPLES, FAST_EXAMPLES, BATCH = 1_000, 32, 250
# It takes minutes, and noise of the machine is small beside that.
REPEATS = 2
# By so much the robust accuracy that this package finds may be above that of the peer.
TOLERANCE = 0.005
OTHER = "it also runs FAB-T, and takes 10 steps of APGD where hfc_keras takes 100"


def comparisons(options: Options) -> Iterator[Comparison]:
    """Yield the evaluation of each trained network.

    Args:
        options: Options.
    """
    examples = options.images(EXAMPLES, FAST_EXAMPLES)
    for subject in (subjects.natural, subjects.adversarial):
        yield comparison(subject(examples), options)


def comparison(subject: Subject, options: Options) -> Comparison:
    """Evaluation of a network, by default of both packages.

    Args:
        subject: Subject.
        options: Options.
    """
    own = functools.partial(
        analysis.robust_accuracy,
        subject.model,
        subject.images,
        subject.labels,
        attacks.standard(EPSILON, "linf"),
        batch_size=BATCH,
    )
    peer = Peer(("torch", "torchattacks"), functools.partial(_autoattack, subject), OTHER)
    return Comparison(
        task="standard evaluation",
        network=subject.name,
        examples=len(subject.images),
        own={"hfc_keras": own},
        peers={"torchattacks AutoAttack": peer},
        measure=attacked.MEASURE,
        judge=attacked.RobustAccuracy(subject, EPSILON),
        tolerance=TOLERANCE,
        repeats=min(options.repeats, REPEATS),
        at_most=True,
    )


def _autoattack(subject: Subject) -> Work:
    import torchattacks  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`

    classes = subject.model.output_shape[-1]
    attack = torchattacks.AutoAttack(
        subject.module, norm="Linf", eps=EPSILON, version="standard", n_classes=classes, seed=0
    )
    return pgd.in_batches(subject.tensors, attack, BATCH)
