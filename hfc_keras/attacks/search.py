"""The search of an attack: its loop over batches, restarts and stages."""

import dataclasses

import numpy as np
from keras import ops
from tqdm import tqdm

from hfc_keras import gradients
from hfc_keras.attacks.iteration import Iteration, Look
from hfc_keras.attacks.norms import NORMS
from hfc_keras.losses import sample_losses


class Search:
    """One run of an attack: what was found so far for each image.

    Args:
        model: keras.Model that returns logits.
        images: float32 array ``(examples, height, width, channels)`` in [0, 1].
        labels: int32 array ``(examples,)``.
        attack: Fgsm or Pgd.
        batch_size: int.
        positions: int array ``(examples,)``, what keys the random starts.
    """

    def __init__(self, model, images, labels, attack, batch_size, positions):
        self.model, self.images, self.labels, self.attack = model, images, labels, attack
        self.batch_size, self.positions = batch_size, positions
        self.iterate = gradients.compiled(model, Iteration.of(attack))
        self.before, self.after = np.full((2, len(images)), -np.inf, "float32")
        self.withstood = np.ones(len(images), "bool")
        self.found, self.current = images.copy(), images.copy()
        self.velocity = np.zeros_like(images) if attack.momentum else None
        self.zero, self.nonfinite = np.zeros((2, len(images)), "bool")

    def run(self, stop_early):
        """Search all images, leaving those alone from then on that are fooled if asked to."""
        attack, rows = self.attack, np.arange(len(self.images))
        stages = _stages(attack.steps) if stop_early else [attack.steps]
        total = attack.steps * attack.restarts * -(-len(rows) // self.batch_size)
        name = f"{attack.name} {attack.norm} {attack.epsilon:.3g}"
        with tqdm(total=total, desc=name, leave=False, disable=None) as self.bar:
            for restart in range(attack.restarts):
                self.restart(rows, restart, stages)
                rows = np.flatnonzero(self.withstood)

    def restart(self, rows, restart, stages):
        """Attack some images once from their start."""
        for batch in self.batches(rows):
            self.current[batch] = self.start(batch, restart)
        if self.velocity is not None:
            self.velocity[rows] = 0.0
        for stage, steps in enumerate(stages):
            for batch in self.batches(rows):
                self.advance(batch, steps, look=restart == stage == 0)
            losses, withstood = self.judge(self.current, rows)
            last = stage == len(stages) - 1
            better = ~withstood | (last & (losses > self.after[rows]))
            kept = rows[better]
            self.found[kept], self.after[kept] = self.current[kept], losses[better]
            self.withstood[rows] = withstood
            rows = rows[withstood]

    def start(self, batch, restart):
        """Images at the start, within mask, ball and range."""
        images, attack = self.images[batch], self.attack
        if not attack.random_start:
            return images
        keys = [[attack.seed, restart, position] for position in self.positions[batch]]
        generators = [np.random.default_rng(key) for key in keys]

        def draws(method):
            return lambda shape: np.stack(
                [getattr(each, method)(shape[1:], dtype="float32") for each in generators]
            )

        noise = NORMS[attack.norm].start(draws("random"), draws("standard_normal"), images.shape)
        moved = images + attack.epsilon * ops.convert_to_numpy(noise)
        confined = Iteration.of(attack).confined(images, moved.astype("float32"), attack.epsilon)
        return ops.convert_to_numpy(confined)

    def advance(self, batch, steps, look):
        """Take some steps; at the very first look at the gradients."""
        size = np.float32(self.attack.epsilon), np.float32(self.attack.step)
        fixed = [ops.convert_to_tensor(part) for part in (self.images[batch], self.labels[batch])]
        state = [self.current[batch]]
        if self.velocity is not None:
            state.append(self.velocity[batch])
        if look and self.attack.engine == "cleverhans":
            self.note(batch, *self.look(batch))
        for step in range(steps):
            *state, loss, zero, nonfinite = self.iterate(*fixed, *size, *state)
            if look and step == 0 and self.attack.engine == "native":
                self.note(batch, loss, zero, nonfinite)
            self.bar.update()
        self.current[batch] = np.asarray(state[0])
        if self.velocity is not None:
            self.velocity[batch] = np.asarray(state[1])

    def look(self, batch):
        """Loss and flags of the gradients at the start, which CleverHans does not tell."""
        look = gradients.compiled(self.model, Look(Iteration.of(self.attack)))
        return look(self.current[batch], self.labels[batch])

    def note(self, batch, loss, zero, nonfinite):
        """Keep what the first step tells; its loss is that of the images unless they moved."""
        self.zero[batch], self.nonfinite[batch] = np.asarray(zero), np.asarray(nonfinite)
        if self.attack.random_start:
            loss, _ = self.judge(self.images, batch)
        self.before[batch] = np.asarray(loss)

    def judge(self, images, rows):
        """Loss that the attack increases, and whether it has failed, for some images."""
        losses, right = np.empty(len(rows), "float32"), np.empty(len(rows), "bool")
        outcome = gradients.compiled(self.model, _Outcome(self.attack.loss))
        for start in range(0, len(rows), self.batch_size):
            part = slice(start, start + self.batch_size)
            outputs = outcome(images[rows[part]], self.labels[rows[part]])
            losses[part], right[part] = map(np.asarray, outputs)
        return (-losses, ~right) if self.attack.targeted else (losses, right)

    def batches(self, rows):
        """Rows in parts of the batch size."""
        return [rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)]

    def diagnostics(self):
        """What ``Result`` tells."""
        perturbation = np.asarray(NORMS[self.attack.norm].size(self.found - self.images))
        with np.errstate(invalid="ignore"):
            losses = [part.mean(dtype="float64") for part in (self.before, self.after)]
        told = {
            "zero_gradient_share": self.zero.mean(),
            "nonfinite_share": self.nonfinite.mean(),
            "unchanged_share": (self.found == self.images).all(axis=(1, 2, 3)).mean(),
            "max_norm": perturbation.max(),
            "loss_before": losses[0],
            "loss_after": losses[1],
        }
        return {name: float(value) for name, value in told.items()}


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """Loss of each sample and whether its label is predicted, for ``gradients.compiled``."""

    loss: str

    def __call__(self, predict, images, labels):
        logits = predict(images)
        right = ops.cast(ops.argmax(logits, axis=-1), "int32") == labels
        # Backends differ in the argmax of NaN, which predicts nothing.
        right = ops.logical_and(right, ops.all(logits == logits, axis=-1))
        return sample_losses(logits, labels, self.loss), right


def _stages(steps):
    """Steps between two looks: 1, 2, 4, ... in all ``steps``."""
    stages = []
    while steps > 0:
        stages.append(min(2 ** len(stages), steps))
        steps -= stages[-1]
    return stages
