"""What must be true of a model before an attack on it means anything."""

import numpy as np

from hfc_keras import contract
from hfc_keras.analysis.predictions import LEAST
from hfc_keras.selfchecks.subject import Check, Subject

# Rounding of the sum of a row of probabilities, also in half precision.
SUMS_TO_ONE = 1e-2


def logits(subject: Subject) -> Check:
    """Return whether the model returns logits rather than probabilities."""
    off, output = np.abs(subject.logits.sum(axis=1) - 1).max(), subject.form.output
    # What was said to be logits, and is none: no logits of many images sum to 1.
    if output == "logits" and off < SUMS_TO_ONE and subject.logits.min() >= 0:
        output = "softmax"
    text = "largest distance of a row's sum from 1"
    hint = "probabilities; end the model in a linear layer or use "
    hint += f"{subject.form.remedy(output=output)} (--output {output})"
    if not np.isfinite(off):
        return Check.of("logits", False, off, text, "cannot be told of NaN or infinity", "warn")
    return Check.of("logits", output == "logits", off, text, hint)


def pixel_range(subject: Subject) -> Check:
    """Return whether the model was made for pixels in [0, 1]."""
    levels = subject.form.levels
    text = "1 if the first weights see next to nothing of pixels in [0, 1]"
    hint = f"made for 0-255? use {subject.form.remedy()} (--pixels 0 255)"
    return Check.of("pixel_range", not levels, levels, text, hint, "warn")


def finite(subject: Subject) -> Check:
    """Return whether all logits are finite."""
    bad = int((~np.isfinite(subject.logits)).any(axis=1).sum())
    return Check.of("finite", bad == 0, bad, "images whose logits are NaN or infinite")


def deterministic(subject: Subject) -> Check:
    """Return whether two predictions are equal bit for bit."""
    off = subject.form.difference
    text = "largest difference of two predictions of the same images, relative to the logits"
    hint = "the model is random, so that its gradients and its accuracy are, too"
    return Check.of("deterministic", off <= contract.RANDOM, off, text, hint)


def batch_independent(subject: Subject) -> Check:
    """Return whether an image alone is predicted as among others."""
    rows = range(min(8, len(subject.images)))
    alone = np.concatenate([subject.predicted(subject.images[row : row + 1]) for row in rows])
    among = subject.logits[: len(rows)]
    off = np.abs(alone - among).max() / max(1.0, np.abs(among).max())
    # Accelerators round to ten bits, differently for other batch sizes.
    otherwise = "warn" if off <= 1e-2 else "fail"
    text = "largest difference of an image alone and in a batch, relative to the logits"
    hint = "rounding" if off <= 1e-2 else "batch statistics at test time?"
    return Check.of("batch_independent", off <= 1e-4, off, text, hint, otherwise)


def accuracy(subject: Subject) -> Check:
    """Return whether the model knows the images at all."""
    good, count = subject.clean_accuracy > subject.chance + 0.05, len(subject.images)
    text = f"accuracy on {count} image{'s' * (count > 1)} without an attack"
    if good and count < LEAST:
        hint = f"so few say little of any check; use {LEAST} or more (--examples)"
        return Check.of("accuracy", False, subject.clean_accuracy, text, hint, "warn")
    hint = "near chance; are its inputs pixels in [0, 1] (--pixels), and its classes in this order?"
    return Check.of("accuracy", good, subject.clean_accuracy, text, hint)


CHECKS = (logits, pixel_range, finite, deterministic, batch_independent, accuracy)
