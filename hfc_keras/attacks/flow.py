"""How images flow through the stages of a search: in full batches, as long as they withstand."""

from collections.abc import Iterable, Iterator

import numpy as np

from hfc_keras.types import Array

# Steps between two checks of who is fooled: at most so many, or this share of all steps.
LONGEST_STAGE, STAGE_SHARE = 64, 1 / 16


def full_batches(parts: Iterable[list[Array]], size: int) -> Iterator[list[Array]]:
    """Yield batches of a size from parts of any, in their order; the last one may be smaller.

    Args:
        parts: iterable of lists of arrays, those of one part of the same length.
        size: int, at least 1.

    Yields:
        Lists of arrays.

    Example:
        >>> parts = [[np.array([0, 1])], [np.array([2])], [np.array([], int)]]
        >>> [batch[0].tolist() for batch in full_batches(parts, 2)]
        [[0, 1], [2]]
    """
    waiting = []
    for part in parts:
        waiting.append(part)
        # Nothing but what waits is kept while a batch is out.
        del part
        while sum(len(each[0]) for each in waiting) >= size:
            waiting = _cut(waiting, size)
            yield waiting.pop(0)
    if any(len(part[0]) for part in waiting):
        yield _cut(waiting, size)[0]


def _cut(parts: list[list[Array]], size: int) -> list[list[Array]]:
    """Batch of a size from the first of some parts, and the rest."""
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return [[array[:size].copy() for array in joined], [array[size:].copy() for array in joined]]


def stages_of(steps: int) -> list[int]:
    """Steps between two checks of who is fooled: 1, 2, 4, ... up to a longest.

    Args:
        steps: int from 1, of them all.

    Returns:
        list of int that adds up to ``steps``.

    Example:
        >>> stages_of(50)
        [1, 2, 4, 8, 16, 19]
    """
    stages, longest = [], max(LONGEST_STAGE, int(STAGE_SHARE * steps))
    while steps > 0:
        stages.append(min(2 ** len(stages), longest, steps))
        steps -= stages[-1]
    return stages
