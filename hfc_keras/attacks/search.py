"""The search of an attack: restarts, and stages through which the batches flow."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from hfc_keras import checks, gradients
from hfc_keras.attacks.apgd_iteration import ApgdIteration
from hfc_keras.attacks.flow import full_batches, stages_of
from hfc_keras.attacks.frozen import frozen
from hfc_keras.attacks.iteration import FirstGradient, Iteration
from hfc_keras.attacks.kinds import Attack
from hfc_keras.attacks.norms import NORMS
from hfc_keras.attacks.precision import COMPARED, LEEWAY, own_precision, precision_of
from hfc_keras.attacks.square_iteration import SquareIteration
from hfc_keras.losses import sample_losses
from hfc_keras.types import Array, ArrayLike, Floats, Integers, Loss, Norm, Predict, Tensor

ITERATIONS: Any = {
    "fgsm": Iteration,
    "pgd": Iteration,
    "apgd": ApgdIteration,
    "square": SquareIteration,
}
# What a search finds for each image.
OUTCOME = ("before", "after", "withstood", "unchanged", "zero", "nonfinite", "norms")
# Margin, as a share of the range of the logits, which rounding to bfloat16 may hide.
NEAR = -LEEWAY


class Search:
    """One run of an attack: what was found so far for each image.

    Of the images only some batches are copied at a time: those under attack and, where images
    that are fooled are left alone, those that wait until a batch is full again. In half precision
    a copy of the model leads the search; whether an image is fooled, the model says itself.

    Args:
        model: keras.Model that returns logits.
        images: float array ``(examples, height, width, channels)`` in [0, 1], as ``pixels`` takes.
        labels: int32 array ``(examples,)``.
        attack: Fgsm, Pgd, Apgd or Square, as it fits the model's classes.
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
        count = len(self.chosen)
        self.iteration = ITERATIONS[attack.name].of(attack)
        first = self.given(np.arange(count)[:COMPARED])
        self.precision = precision_of(model, attack.precision, first, batch_size)
        self.leading = model if self.precision == "float32" else frozen(model)
        self.outcome = gradients.compiled(model, _Outcome(attack.loss, attack.norm))
        self.before, self.after = np.full((2, count), -np.inf, "float32")
        self.withstood, self.unchanged = np.ones((2, count), "bool")
        self.zero, self.nonfinite = np.zeros((2, count), "bool")
        self.nearest = np.full(count, -np.inf, "float32")
        self.norms, self.found = np.zeros(count, "float32"), found
        self.targets = None

    def run(self, stop_early: bool, rows: Integers | None = None) -> None:
        """Search all images, or some, leaving alone from then on those fooled if asked to."""
        attack, rows = self.attack, np.arange(len(self.chosen)) if rows is None else rows
        stages = stages_of(attack.steps) if stop_early else [attack.steps]
        if attack.targets and self.targets is None:
            self.targets = self.likeliest_others(attack.targets)
        self.again, self.iterate = False, gradients.compiled(self.leading, self.iteration)
        self.rounds(rows, stages)
        if self.precision != "float32":
            # What rounding may have hidden is searched once more in the model's own precision.
            self.again, self.iterate = True, gradients.compiled(self.model, self.iteration)
            near = self.withstood[rows] & (self.nearest[rows] > NEAR)
            self.rounds(rows[near], stages)

    def outcome_of(self, rows: Integers) -> dict[str, list[Any]]:
        """What was found for some images, for JSON and ``restore``."""
        return {name: getattr(self, name)[rows].tolist() for name in OUTCOME}

    def restore(self, rows: Integers, outcome: Mapping[str, list[Any]]) -> None:
        """Take over what another search found for some images."""
        for name in OUTCOME:
            getattr(self, name)[rows] = outcome[name]

    @property
    def searched_in(self) -> str:
        """Precision of the gradients: that of the copy, or of the model where no copy leads."""
        return own_precision(self.model) if self.precision == "float32" else self.precision

    def rounds(self, rows: Integers, stages: Sequence[int]) -> None:
        """Attack some images, once for each restart and target."""
        attack = self.attack
        count = attack.restarts * max(attack.targets, 1)
        total = attack.steps * count * -(-len(rows) // self.batch_size)
        name = f"{attack.name} {attack.norm} {attack.epsilon:.3g}"
        with tqdm(total=total, desc=name, leave=False, disable=None) as self.bar:
            for number in range(count):
                self.restart(rows, number, stages)
                rows = rows[self.withstood[rows]]

    def likeliest_others(self, count: int) -> Integers:
        """Classes other than the label, the most likely first, ``(attacked, count)``."""
        ranked = []
        for at in range(0, len(self.chosen), self.batch_size):
            batch = np.arange(len(self.chosen))[at : at + self.batch_size]
            logits = gradients.predicted(self.model, self.given(batch), self.batch_size)
            logits[np.arange(len(batch)), self.labels[self.chosen[batch]]] = -np.inf
            ranked.append(np.argsort(-logits, axis=1, kind="stable")[:, :count])
        return np.concatenate(ranked).astype("int32")

    def restart(self, rows: Integers, number: int, stages: Sequence[int]) -> None:
        """Attack some images once from their start, each stage drawing on the one before."""
        flow = self.starts(rows, number)
        ends = np.cumsum(stages)
        for end, length in zip(ends, stages, strict=True):
            steps = range(end - length, end)
            search = functools.partial(self.search, number, steps, last=end == ends[-1])
            # Unlike a generator, `map` keeps no batch while later stages work.
            flow = map(search, full_batches(flow, self.batch_size))
        for _ in flow:
            pass

    def starts(self, rows: Integers, number: int) -> Iterator[list[Array]]:
        """Yield batches of rows and of the state at the start of the attack."""
        for at in range(0, len(rows), self.batch_size):
            batch = rows[at : at + self.batch_size]
            start = self.start(batch, self.given(batch), number)
            yield [batch, *self.iteration.state(start, self.attack.epsilon)]

    def given(self, batch: Array) -> Floats:
        """Images of a batch as float32 pixels."""
        return checks.pixels(self.images[self.chosen[batch]])

    def start(self, batch: Array, images: Floats, number: int) -> Floats:
        """Images at the start, within mask, ball and range."""
        keys = [[self.attack.seed, number, position] for position in self.positions[batch]]
        generators = [np.random.default_rng(key) for key in keys]
        return self.iteration.start(self.attack, images, generators)

    def search(self, number: int, steps: range, part: list[Array], last: bool) -> list[Array]:
        """Take some steps on the images of a batch, and return of it what withstands."""
        batch, *state = part
        images, labels = self.given(batch), self.labels[self.chosen[batch]]
        first = not self.again and number == steps.start == 0
        if first and self.found is not None:
            self.found[batch] = images
        state = self.advance(batch, images, labels, state, number, steps)
        for candidate in self.iteration.candidates(state):
            self.keep(batch, images, labels, ops.convert_to_numpy(candidate), last)
        left = self.withstood[batch]
        return [batch[left], *(ops.convert_to_numpy(each)[left] for each in state)]

    def keep(
        self, batch: Array, images: Floats, labels: Integers, adversarial: Array, last: bool
    ) -> None:
        """Keep of the images those that fool the model or, at the end, have the largest loss."""
        losses, withstood, nearness, norms, unchanged = self.judge(images, labels, adversarial)
        self.nearest[batch] = np.maximum(self.nearest[batch], nearness)
        better = self.withstood[batch] & (~withstood | (last & (losses > self.after[batch])))
        kept = batch[better]
        self.after[kept], self.norms[kept] = losses[better], norms[better]
        self.unchanged[kept], self.withstood[kept] = unchanged[better], withstood[better]
        if self.found is not None:
            self.found[kept] = adversarial[better]

    def advance(
        self,
        batch: Array,
        images: Floats,
        labels: Integers,
        state: list[Any],
        number: int,
        steps: range,
    ) -> list[Any]:
        """Take some steps from a state; at the very first note the gradients."""
        fixed = [ops.convert_to_tensor(part) for part in (images, labels)]
        first = not self.again and number == steps.start == 0
        if first and self.attack.engine == "cleverhans":
            # It does not return what its gradients were.
            noted = gradients.compiled(self.model, FirstGradient(Iteration.of(self.attack)))
            self.note(batch, images, labels, *noted(state[0], labels))
        if self.targets is not None:
            aims = self.targets[batch, number % self.targets.shape[1]]
            fixed.append(ops.convert_to_tensor(aims))
        for step in steps:
            given = self.iteration.arguments(self.attack, number, step, images.shape)
            *state, loss, zero, nonfinite = self.iterate(*fixed, *given, *state)
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
        self.zero[batch] = ops.convert_to_numpy(zero)
        self.nonfinite[batch] = ops.convert_to_numpy(nonfinite)
        if self.attack.random_start or self.precision != "float32":
            loss, *_ = self.judge(images, labels, images)
        self.before[batch] = ops.convert_to_numpy(loss)

    def judge(self, images: Floats, labels: Integers, adversarial: Array) -> tuple[Array, ...]:
        """Loss that the attack increases, whether and how nearly it has failed, how far it went."""
        losses, right, nearness, *size = map(
            ops.convert_to_numpy, self.outcome(adversarial, labels, images)
        )
        if self.attack.targeted:
            return -losses, ~right, -nearness, *size
        return losses, right, nearness, *size

    def diagnostics(self) -> dict[str, float]:
        """Diagnostics of ``Result``."""
        with np.errstate(invalid="ignore"):
            losses = [part.mean(dtype="float64") for part in (self.before, self.after)]
        found = {
            "zero_gradient_share": self.zero.mean() if self.attack.uses_gradient else np.nan,
            "nonfinite_share": self.nonfinite.mean() if self.attack.uses_gradient else np.nan,
            "unchanged_share": self.unchanged.mean(),
            "max_norm": self.norms.max(),
            "loss_before": losses[0],
            "loss_after": losses[1],
        }
        return {name: float(value) for name, value in found.items()}


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """What has become of each sample, for ``gradients.compiled``.

    Its loss, whether its label is predicted, its margin as a share of the range of the logits, the
    norm of its perturbation, and whether it has none.
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
        # A network in another precision returns logits of that precision.
        logits = ops.cast(logits, "float32")
        spread = ops.max(logits, axis=-1) - ops.min(logits, axis=-1)
        nearness = sample_losses(logits, labels, "margin") / ops.maximum(spread, 1e-12)
        return sample_losses(logits, labels, self.loss), right, nearness, norms, unchanged
