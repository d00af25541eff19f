"""One query of the Square attack."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.random import Generator

from hfc_keras import losses
from hfc_keras.attacks.confinement import Confinement
from hfc_keras.types import Array, Floats, Predict, Tensor

# Of 10,000 queries those after which the share of the image is halved.
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
SCHEDULE = 10_000
# Tiles along a side where the search with L2 starts, and the smallest square it takes.
TILES, SMALLEST_L2 = 5, 3
TINY = 1e-12


@dataclasses.dataclass(frozen=True)
class SquareIteration(Confinement):
    """A query of the Square attack, see ``Square``.

    All images of a data set get the same squares in the same order, whatever their batches.

    Args:
        norm: str, one of ``norms.NORMS``.
        mask: None.
        clip_min: float.
        clip_max: float.

    Example:
        >>> from hfc_keras.attacks import Square
        >>> SquareIteration.of(Square(0.1)) == SquareIteration.of(Square(0.2, queries=7))
        True
    """

    def start(self, attack: Any, images: Floats, generators: Sequence[Generator]) -> Floats:
        """Where the search starts: at random stripes with L-inf, at random tiles with L2.

        Args:
            attack: Square.
            images: float32 array ``(batch, height, width, channels)``.
            generators: one random generator an image.

        Returns:
            float32 array like ``images``.
        """
        _, height, width, channels = images.shape
        if self.norm == "linf":
            signs = [_signs(each, (1, width, channels)) for each in generators]
            moved = images + attack.epsilon * np.stack(signs)
        else:
            tiles = np.stack([_tiles(each, height, width, channels) for each in generators])
            sizes = np.sqrt((tiles**2).sum(axis=(1, 2, 3), keepdims=True))
            moved = images + attack.epsilon * tiles / np.maximum(sizes, TINY)
        confined = self.confined(images, moved.astype("float32"), attack.epsilon)
        return ops.convert_to_numpy(confined)

    def state(self, start: Floats, epsilon: float) -> list[Array]:
        """What a query changes: the best images and their margins."""
        return [start, np.full(len(start), -np.inf, "float32")]

    def arguments(self, attack: Any, restart: int, step: int, shape: Sequence[int]) -> list[Any]:
        """What a query takes beside images, labels and state: epsilon, and the change.

        Args:
            attack: Square.
            restart: int.
            step: int, of which the first asks about the start itself.
            shape: (batch, height, width, channels).

        Returns:
            ``[epsilon, change]``, with L2 also the two squares, as arrays of one image.
        """
        _, height, width, channels = shape
        rng = np.random.default_rng([attack.seed, restart, step])
        share = covered(attack.p_init, step, attack.queries) if step else 0.0
        parts = _window(self.norm, rng, share, height, width, channels)
        if self.norm == "linf":
            parts = [2 * np.float32(attack.epsilon) * parts[0]]
        # One for all images of the batch.
        return [np.float32(attack.epsilon), *(part[None] for part in parts)]

    def candidates(self, state: Sequence[Any]) -> list[Any]:
        """Images of a state that may fool the model."""
        return [state[0]]

    def __call__(
        self, predict: Predict, images: Tensor, labels: Tensor, epsilon: Any, *rest: Any
    ) -> tuple[Tensor, ...]:
        """Return the next state.

        Args:
            predict: function from images to logits, in inference mode.
            images: float32 ``(batch, height, width, channels)``, the center of the ball.
            labels: int ``(batch,)``.
            epsilon: scalar.
            *rest: what else ``arguments`` returns; the state.

        Returns:
            ``(best, margins, loss, zero, nonfinite)``, the last two of which are false: there is
            no gradient.
        """
        *parts, best, reached = rest
        change = best - images
        change = change + parts[0] if self.norm == "linf" else _shifted(change, epsilon, *parts)
        tried = self.confined(images, images + change, epsilon)
        margins = losses.sample_losses(predict(tried), labels, "margin")
        better = margins > reached
        best = ops.where(better[:, None, None, None], tried, best)
        none = ops.zeros_like(margins, dtype="bool")
        return best, ops.where(better, margins, reached), margins, none, none


def covered(p_init: float, query: int, queries: int) -> float:
    """Share of the pixels that the square of a query covers.

    Args:
        p_init: float in (0, 1], that of the first.
        query: int, its number.
        queries: int, how many there are.

    Returns:
        float.

    Example:
        >>> [covered(0.8, query, 5000) for query in (1, 5, 6, 4999)]
        [0.8, 0.8, 0.4, 0.0015625]
    """
    at = query * SCHEDULE // queries
    return p_init / 2 ** sum(at > halving for halving in HALVINGS)


def _window(
    norm: str, rng: Generator, share: float, height: int, width: int, channels: int
) -> list[Floats]:
    """Signs of a square at random, or with L2 its pattern and the two squares."""
    side = round(np.sqrt(share * height * width))
    if norm == "l2" and share:
        side = max(side, SMALLEST_L2)
        side += side % 2 == 0
    side = min(max(side, 1 if share else 0), height, width)

    def place(values: Floats) -> Floats:
        top, left = (int(rng.integers(0, size - side + 1)) for size in (height, width))
        whole = np.zeros((height, width, values.shape[-1]), "float32")
        whole[top : top + side, left : left + side] = values
        return whole

    signs = _signs(rng, (1, 1, channels))
    if norm == "linf":
        return [place(signs)]
    both = np.concatenate([_pyramids(rng, side)[:, :, None] * signs, np.ones((side, side, 1))], 2)
    first = place(both.astype("float32"))
    return [first[..., :-1], first[..., -1:], place(np.ones((side, side, 1), "float32"))]


def _shifted(change: Tensor, epsilon: Any, pattern: Tensor, to: Tensor, away: Tensor) -> Tensor:
    """Perturbation of norm epsilon whose energy in one square has gone to another."""
    inside = change * to
    size = ops.sqrt(ops.sum(inside**2, axis=(1, 2), keepdims=True))
    fresh = pattern + inside / (TINY + size)
    fresh = fresh / (TINY + ops.sqrt(ops.sum(fresh**2, axis=(1, 2), keepdims=True)))
    axes: Any = {"axis": (1, 2, 3), "keepdims": True}
    unused = ops.maximum(epsilon**2 - ops.sum(change**2, **axes), 0.0) / change.shape[-1]
    freed = ops.sum((change * ops.maximum(to, away)) ** 2, **axes)
    moved = change * (1 - to) * (1 - away) + fresh * ops.sqrt(unused + freed)
    return epsilon * moved / (TINY + ops.sqrt(ops.sum(moved**2, **axes)))


def _tiles(rng: Generator, height: int, width: int, channels: int) -> Floats:
    """Tiles of pyramids with a random sign for each channel."""
    side = max(min(height, width) // TILES, 1)
    tiles = np.zeros((height, width, channels), "float32")
    for top in range(0, height - side + 1, side):
        for left in range(0, width - side + 1, side):
            signs = _signs(rng, (1, 1, channels))
            pattern = _pyramids(rng, side)[:, :, None] * signs
            tiles[top : top + side, left : left + side] = pattern
    return tiles


def _pyramids(rng: Generator, side: int) -> Floats:
    """Two pyramids of opposite sign beside or above one another, of norm 1 together."""
    upper = _pyramid(side // 2, side) if side > 1 else np.zeros((0, side))
    both = np.concatenate([upper, -_pyramid(side - side // 2, side)]) if side else upper
    both = both.T if rng.random() > 0.5 else both
    return (both / max(np.sqrt((both**2).sum()), TINY)).astype("float32")


def _pyramid(height: int, width: int) -> Floats:
    r"""Sum of nested rectangles, of norm 1.

    .. math:: M_{rc} = \sum_{k \ge \max(|r - r_0|, |c - c_0|)} (k + 1)^{-2}
    """
    rows, columns = (np.abs(np.arange(size) - size // 2) for size in (height, width))
    away = np.maximum(rows[:, None], columns[None, :])
    count = max(height, width) // 2 + 1
    weights = 1.0 / np.arange(1, count + 1) ** 2
    sums = np.append(np.cumsum(weights[::-1])[::-1], 0.0)
    values = sums[np.minimum(away, count)]
    return values / max(np.sqrt((values**2).sum()), TINY)


def _signs(rng: Generator, shape: Sequence[int]) -> Floats:
    return rng.choice(np.array([-1.0, 1.0], "float32"), shape)
