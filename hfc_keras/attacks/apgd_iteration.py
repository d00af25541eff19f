"""One iteration of Auto-PGD."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from keras import ops
from numpy.random import Generator

from hfc_keras import losses
from hfc_keras.attacks.confinement import Confinement
from hfc_keras.attacks.iteration import faults, loss_and_gradient
from hfc_keras.attacks.norms import NORMS, drawn
from hfc_keras.types import Array, Floats, Loss, Predict, Tensor

# Shares of all steps: until the first checkpoint, by which the gap shrinks, and its least.
FIRST_GAP, GAP_STEP, LEAST_GAP = 0.22, 0.03, 0.06
# Share of the steps since a checkpoint that must have raised the loss.
RISING = 0.75
# Weight of the step along the gradient; the rest is the direction of the step before.
PULL = 0.75
# Keeps a gradient of zeros zero.
SMALLEST = 1e-30


class State(NamedTuple):
    """What a step changes: the first five like the images, the others ``(batch,)``."""

    adversarial: Any
    previous: Any
    best: Any
    best_gradient: Any
    # Where the margin was largest, which is where the model is fooled if anywhere.
    likely: Any
    best_loss: Any
    last_loss: Any
    likely_margin: Any
    step_size: Any
    rises: Any
    reduced: Any
    checked_loss: Any


@dataclasses.dataclass(frozen=True)
class ApgdIteration(Confinement):
    """A step of Auto-PGD, see ``Apgd``.

    Equal iterations are compiled once for a model (``gradients.compiled``).

    Args:
        norm: str, one of ``norms.NORMS``.
        mask: None or tuple, see ``Pgd``.
        clip_min: float.
        clip_max: float.
        loss: str, one of ``losses.LOSSES``.
        aimed: bool, whether a target class is given beside the label.

    Example:
        >>> from hfc_keras.attacks import Apgd
        >>> ApgdIteration.of(Apgd(0.1)) == ApgdIteration.of(Apgd(0.2, steps=7))
        True
    """

    loss: Loss
    aimed: bool

    @classmethod
    def of(cls, attack: Any) -> Self:
        """Return the iteration of an attack.

        Args:
            attack: Apgd.
        """
        parts = dataclasses.asdict(Confinement.of(attack))
        return cls(**parts, loss=attack.loss, aimed=attack.targets > 0)

    def start(self, attack: Any, images: Floats, generators: Sequence[Generator]) -> Floats:
        """Where the attack starts: in a random direction, as far as the ball goes.

        Args:
            attack: Apgd.
            images: float32 array ``(batch, height, width, channels)``.
            generators: one random generator an image.

        Returns:
            float32 array like ``images``.
        """
        noise = drawn(attack.norm, images.shape, generators)
        sizes = ops.convert_to_numpy(NORMS[attack.norm].size(noise))[:, None, None, None]
        moved = images + attack.epsilon * noise / np.maximum(sizes, 1e-12)
        confined = self.confined(images, moved.astype("float32"), attack.epsilon)
        return ops.convert_to_numpy(confined)

    def state(self, start: Floats, epsilon: float) -> list[Array]:
        """State before the first step.

        Args:
            start: float32 array ``(batch, height, width, channels)``.
            epsilon: float.

        Returns:
            list of arrays, see ``State``.
        """
        none = np.zeros(len(start), "float32")
        state = State(
            adversarial=start,
            previous=start,
            best=start,
            best_gradient=np.zeros_like(start),
            likely=start,
            best_loss=none - np.inf,
            last_loss=none + np.inf,
            likely_margin=none - np.inf,
            step_size=none + np.float32(2 * epsilon),
            rises=none,
            # Not yet, but the first checkpoint only counts how often the loss rose.
            reduced=none + 1,
            checked_loss=none - np.inf,
        )
        return list(state)

    def arguments(self, attack: Any, restart: int, step: int, shape: Sequence[int]) -> list[Any]:
        """What a step takes beside images, labels and state.

        Returns:
            ``[epsilon, pull, gap]``: the weight of the gradient, and the steps since the last
            checkpoint if this one begins with a checkpoint, else 0.
        """
        points = checkpoints(attack.steps)
        gap = step - max([point for point in points if point < step], default=0)
        numbers = attack.epsilon, PULL if step else 1.0, gap if step in points else 0.0
        return [np.float32(number) for number in numbers]

    def candidates(self, state: Sequence[Any]) -> list[Any]:
        """Images of a state that may fool the model: the likeliest, and the one not asked yet."""
        kept = State(*state)
        return [kept.likely, kept.adversarial]

    def __call__(
        self, predict: Predict, images: Tensor, labels: Tensor, *rest: Any
    ) -> tuple[Tensor, ...]:
        """Return the next state, and the gradient's faults.

        Args:
            predict: function from images to logits, in inference mode.
            images: float32 ``(batch, height, width, channels)``, the center of the ball.
            labels: int ``(batch,)``.
            *rest: if aimed the targets, int ``(batch,)``; what ``arguments`` returns; the state.

        Returns:
            ``(*state, loss, zero, nonfinite)``, see ``Iteration``.
        """
        targets: Any = rest[0] if self.aimed else None
        epsilon, pull, gap, *values = rest[self.aimed :]

        def increased(logits: Tensor) -> Tensor:
            if self.aimed:
                return losses.targeted_losses(logits, labels, targets, self.loss)
            return losses.sample_losses(logits, labels, self.loss)

        state = State(*values)
        gradient, loss, logits = loss_and_gradient(predict, increased, state.adversarial)
        noted = loss, *faults(gradient, logits, labels, "margin" if self.aimed else self.loss)
        gradient = ops.where(ops.isfinite(gradient), gradient, 0.0)
        margins = losses.sample_losses(logits, labels, "margin")
        state = self._remembered(state, gradient, loss, margins)
        state, gradient = self._stepped_back(state, gradient, gap)
        return *self._moved(state, gradient, images, epsilon, pull), *noted

    def _remembered(self, state: State, gradient: Tensor, loss: Tensor, margins: Tensor) -> State:
        """State that knows where the loss and the margin were largest."""
        better, likelier = loss > state.best_loss, margins > state.likely_margin
        return state._replace(
            best=_where(better, state.adversarial, state.best),
            best_gradient=_where(better, gradient, state.best_gradient),
            best_loss=ops.where(better, loss, state.best_loss),
            likely=_where(likelier, state.adversarial, state.likely),
            likely_margin=ops.where(likelier, margins, state.likely_margin),
            rises=state.rises + ops.cast(loss > state.last_loss, "float32"),
            last_loss=loss,
        )

    def _stepped_back(self, state: State, gradient: Tensor, gap: Any) -> tuple[State, Tensor]:
        """At a checkpoint, back to the best point with half the step where the search stalls."""
        stalled = ops.logical_and(state.reduced == 0, state.checked_loss >= state.best_loss)
        stalled = ops.logical_or(stalled, state.rises <= RISING * gap)
        checked = gap > 0
        halved = ops.logical_and(checked, stalled)
        state = state._replace(
            adversarial=_where(halved, state.best, state.adversarial),
            step_size=ops.where(halved, state.step_size / 2, state.step_size),
            reduced=ops.where(checked, ops.cast(halved, "float32"), state.reduced),
            checked_loss=ops.where(checked, state.best_loss, state.checked_loss),
            rises=ops.where(checked, 0.0, state.rises),
        )
        return state, _where(halved, state.best_gradient, gradient)

    def _moved(
        self, state: State, gradient: Tensor, images: Tensor, epsilon: Any, pull: Any
    ) -> State:
        """State after a step."""
        now = state.adversarial
        # Of a confident network it may be as small as 1e-9; `direction` would shorten the step.
        largest = ops.max(ops.abs(gradient), axis=(1, 2, 3), keepdims=True)
        direction = NORMS[self.norm].direction(gradient / ops.maximum(largest, SMALLEST))
        towards = now + state.step_size[:, None, None, None] * direction
        towards = self.confined(images, towards, epsilon)
        moved = now + pull * (towards - now) + (1 - pull) * (now - state.previous)
        return state._replace(adversarial=self.confined(images, moved, epsilon), previous=now)


def checkpoints(steps: int) -> list[int]:
    r"""Steps of Auto-PGD that begin with a look at its progress.

    .. math:: w_0 = \lfloor 0.22 n \rfloor, \qquad w_{j+1} - w_j = \max(w_j - w_{j-1} -
              \lfloor 0.03 n \rfloor, \lfloor 0.06 n \rfloor)

    each :math:`\lfloor \cdot \rfloor` at least 1, which tells below 34 steps. So the authors'
    release has it; the paper has :math:`w_j = \lceil p_j n \rceil` with the shares
    :math:`p_{j+1} = p_j + \max(p_j - p_{j-1} - 0.03, 0.06)`, :math:`p_0 = 0, p_1 = 0.22`.

    Args:
        steps: int from 1, n.

    Returns:
        list of int, below ``steps``.

    Example:
        >>> checkpoints(100)
        [22, 41, 57, 70, 80, 87, 93, 99]
    """
    gap, shrink, least = (max(int(share * steps), 1) for share in (FIRST_GAP, GAP_STEP, LEAST_GAP))
    points = []
    at = gap
    while at < steps:
        points.append(at)
        gap = max(gap - shrink, least)
        at += gap
    return points


def _where(chosen: Tensor, images: Tensor, others: Tensor) -> Tensor:
    """Images where chosen, the others elsewhere."""
    return ops.where(chosen[:, None, None, None], images, others)
