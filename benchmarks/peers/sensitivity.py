"""Fourier sensitivity, by ``analysis.fourier_sensitivity`` and by hand in PyTorch."""

import functools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.peers import subjects
from benchmarks.peers.comparison import Comparison, Peer, Work
from benchmarks.peers.options import Options
from benchmarks.peers.subjects import Subject
from hfc_keras import analysis
from hfc_keras.types import Array, Floats

EXAMPLES, FAST_EXAMPLES, BATCH = 1_024, 64, 256
# Of a share of a ring; those of all rings add up to 1.
TOLERANCE = 1e-4


def comparisons(options: Options) -> Iterator[Comparison]:
    """Yield the sensitivity of each network.

    Args:
        options: Options.
    """
    examples = options.images(EXAMPLES, FAST_EXAMPLES)
    for subject in (subjects.wide, subjects.natural):
        yield comparison(subject(examples), options)


def comparison(subject: Subject, options: Options) -> Comparison:
    """Sensitivity of a network.

    Args:
        subject: Subject.
        options: Options.
    """
    own = functools.partial(
        analysis.fourier_sensitivity,
        subject.model,
        subject.images,
        subject.labels,
        batch_size=BATCH,
    )
    ways = {"PyTorch by hand": False, "torch.compile by hand": True}
    return Comparison(
        task="Fourier sensitivity",
        network=subject.name,
        examples=len(subject.images),
        own={"hfc_keras": own},
        peers={
            name: Peer(("torch",), functools.partial(_by_hand, subject, compiled))
            for name, compiled in ways.items()
        },
        measure="share of each ring",
        judge=_curve,
        tolerance=TOLERANCE,
        repeats=options.often,
    )


def _curve(result: pd.DataFrame | Array) -> Floats:
    """Mean share of each ring over the images."""
    if isinstance(result, pd.DataFrame):
        return result["mean"].to_numpy()
    return np.asarray(result, "float64").mean(axis=0)


def _by_hand(subject: Subject, compiled: bool) -> Work:
    import torch  # pyright: ignore[reportMissingImports]: it comes with the extra `benchmark`

    from benchmarks.peers import by_hand

    module, tensors = subject.fastest
    shares = by_hand.sensitivity(module, subject.images.shape[1], compiled)
    batches = list(zip(*(tensor.split(BATCH) for tensor in tensors), strict=True))
    return lambda: torch.cat([shares(*batch) for batch in batches]).numpy()
