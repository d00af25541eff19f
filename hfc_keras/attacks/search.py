"""The search of an attack: restarts, and stages through which the batches flow."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks, gradients
from hfc_keras.attacks.attack_settings import Attack
from hfc_keras.attacks.iteration import FirstGradient, Iteration
from hfc_keras.attacks.norms import NORMS, Draw
from hfc_keras.losses import sample_losses
from hfc_keras.types import Array, ArrayLike, Floats, Integers, Loss, Norm, Predict, Tensor


class Search:
    """One run of an attack: what was found so far for each image.

    Of the images only some batches are copied at a time: those under attack and, where images
    that are fooled are left alone, those that wait until a batch is full again.

    Args:
        model: keras.Model that returns logits.
        images: float array ``(examples, height, width, channels)`` in [0, 1], as ``pixels`` takes.
        labels: int32 array ``(examples,)``.
        attack: Fgsm or Pgd.
        batch_size: int.
        positions: int array ``(attacked,)``, what keys the random starts.
        chosen: None or int array ``(attacked,)``, which of the images to attack.
        found: None or float array ``(attacked, height, width, channels)`` to write the images
            found into.
    """

    def __init__(
        self,
        model: keras.Model,
        images: Array,
        labels: Integers,
        attack: Attack,
        batch_size: int,
        positions: Array,
        chosen: Array | None = None,
        found: Array | None = None,
    ) -> None:
        self.model, self.images, self.labels, self.attack = model, images, labels, attack
        self.batch_size, self.positions = batch_size, positions
        self.chosen = np.arange(len(images)) if chosen is None else chosen
        self.iterate = gradients.compiled(model, Iteration.of(attack))
        self.outcome = gradients.compiled(model, _Outcome(attack.loss, attack.norm))
        count = len(self.chosen)
        self.before, self.after = np.full((2, count), -np.inf, "float32")
        self.withstood, self.unchanged = np.ones((2, count), "bool")
        self.zero, self.nonfinite = np.zeros((2, count), "bool")
        self.norms, self.found = np.zeros(count, "float32"), found

    def run(self, stop_early: bool) -> None:
        """Search all images, leaving those alone from then on that are fooled if asked to."""
        attack, rows = self.attack, np.arange(len(self.chosen))
        stages = _stages(attack.steps) if stop_early else [attack.steps]
        total = attack.steps * attack.restarts * -(-len(rows) // self.batch_size)
        name = f"{attack.name} {attack.norm} {attack.epsilon:.3g}"
        with tqdm(total=total, desc=name, leave=False, disable=None) as self.bar:
            for restart in range(attack.restarts):
                self.restart(rows, restart, stages)
                rows = np.flatnonzero(self.withstood)

    def restart(self, rows: Integers, restart: int, stages: Sequence[int]) -> None:
        """Attack some images once from their start, each stage drawing on the one before."""
        flow = self.starts(rows, restart)
        for stage, steps in enumerate(stages):
            when = {"first": restart == stage == 0, "last": stage == len(stages) - 1}
            search = functools.partial(self.search, steps, **when)
            # Unlike a generator, `map` keeps no batch while later stages work.
            flow = map(search, full_batches(flow, self.batch_size))
        for _ in flow:
            pass

    def starts(self, rows: Integers, restart: int) -> Iterator[list[Array]]:
        """Yield batches of rows and where the attack starts."""
        for at in range(0, len(rows), self.batch_size):
            batch = rows[at : at + self.batch_size]
            images = self.given(batch)
            moving = [np.zeros_like(images)] if self.attack.momentum else []
            yield [batch, self.start(batch, images, restart), *moving]

    def given(self, batch: Array) -> Floats:
        """Images of a batch as float32 pixels."""
        return checks.pixels(self.images[self.chosen[batch]])

    def start(self, batch: Array, images: Floats, restart: int) -> Array:
        """Images at the start, within mask, ball and range."""
        attack = self.attack
        if not attack.random_start:
            return images
        keys = [[attack.seed, restart, position] for position in self.positions[batch]]
        generators = [np.random.default_rng(key) for key in keys]

        def draws(method: str) -> Draw:
            return lambda shape: np.stack(
                [getattr(each, method)(shape[1:], dtype="float32") for each in generators]
            )

        noise = NORMS[attack.norm].start(draws("random"), draws("standard_normal"), images.shape)
        moved = images + attack.epsilon * ops.convert_to_numpy(noise)
        confined = Iteration.of(attack).confined(images, moved.astype("float32"), attack.epsilon)
        return ops.convert_to_numpy(confined)

    def search(self, steps: int, part: list[Array], first: bool, last: bool) -> list[Array]:
        """Take some steps on the images of a batch, and return of it what withstands."""
        batch, *state = part
        images, labels = self.given(batch), self.labels[self.chosen[batch]]
        if first and self.found is not None:
            self.found[batch] = images
        state = self.advance(batch, images, labels, state, steps, first)
        adversarial = ops.convert_to_numpy(state[0])
        losses, withstood, norms, unchanged = self.judge(images, labels, adversarial)
        better = ~withstood | (last & (losses > self.after[batch]))
        kept = batch[better]
        self.after[kept], self.norms[kept] = losses[better], norms[better]
        self.unchanged[kept], self.withstood[batch] = unchanged[better], withstood
        if self.found is not None:
            self.found[kept] = adversarial[better]
        return [batch[withstood], *(ops.convert_to_numpy(each)[withstood] for each in state)]

    def advance(
        self,
        batch: Array,
        images: Floats,
        labels: Integers,
        state: list[Any],
        steps: int,
        first: bool,
    ) -> list[Any]:
        """Take some steps from a state; at the very first note the gradients."""
        size = np.float32(self.attack.epsilon), np.float32(self.attack.step)
        fixed = [ops.convert_to_tensor(part) for part in (images, labels)]
        if first and self.attack.engine == "cleverhans":
            # It does not return what its gradients were.
            noted = gradients.compiled(self.model, FirstGradient(Iteration.of(self.attack)))
            self.note(batch, images, labels, *noted(state[0], labels))
        for step in range(steps):
            *state, loss, zero, nonfinite = self.iterate(*fixed, *size, *state)
            if first and step == 0 and self.attack.engine == "native":
                self.note(batch, images, labels, loss, zero, nonfinite)
            self.bar.update()
        return state

    def note(
        self,
        batch: Array,
        images: Floats,
        labels: Integers,
        loss: ArrayLike,
        zero: ArrayLike,
        nonfinite: ArrayLike,
    ) -> None:
        """Keep what the first step shows; its loss is that of the images unless they moved."""
        self.zero[batch], self.nonfinite[batch] = map(ops.convert_to_numpy, (zero, nonfinite))
        if self.attack.random_start:
            loss, *_ = self.judge(images, labels, images)
        self.before[batch] = ops.convert_to_numpy(loss)

    def judge(self, images: Floats, labels: Integers, adversarial: Array) -> tuple[Array, ...]:
        """Loss that the attack increases, whether it has failed, and how far it went."""
        losses, right, *size = map(ops.convert_to_numpy, self.outcome(adversarial, labels, images))
        return (-losses, ~right, *size) if self.attack.targeted else (losses, right, *size)

    def diagnostics(self) -> dict[str, float]:
        """Diagnostics of ``Result``."""
        with np.errstate(invalid="ignore"):
            losses = [part.mean(dtype="float64") for part in (self.before, self.after)]
        found = {
            "zero_gradient_share": self.zero.mean(),
            "nonfinite_share": self.nonfinite.mean(),
            "unchanged_share": self.unchanged.mean(),
            "max_norm": self.norms.max(),
            "loss_before": losses[0],
            "loss_after": losses[1],
        }
        return {name: float(value) for name, value in found.items()}


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """What has become of each sample, for ``gradients.compiled``.

    Its loss, whether its label is predicted, the norm of its perturbation, and whether it has none.
    """

    loss: Loss
    norm: Norm

    def __call__(
        self, predict: Predict, adversarial: Tensor, labels: Tensor, images: Tensor
    ) -> tuple[Tensor, ...]:
        logits = predict(adversarial)
        right = ops.cast(ops.argmax(logits, axis=-1), "int32") == labels
        # Backends differ in the argmax of NaN, which predicts nothing.
        right = ops.logical_and(right, ops.all(logits == logits, axis=-1))
        norms = NORMS[self.norm].size(adversarial - images)
        unchanged = ops.all(adversarial == images, axis=(1, 2, 3))
        return sample_losses(logits, labels, self.loss), right, norms, unchanged


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


def _stages(steps: int) -> list[int]:
    """Steps between two checks of who is fooled: 1, 2, 4, ... in all ``steps``."""
    stages = []
    while steps > 0:
        stages.append(min(2 ** len(stages), steps))
        steps -= stages[-1]
    return stages
