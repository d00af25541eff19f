"""What must be true of a model before an attack on it means anything."""

import numpy as np

from hfc_keras import checks
from hfc_keras.commands.subject import Check


def logits(subject):
    """Return whether the model returns logits rather than probabilities."""
    off = np.abs(subject.logits.sum(axis=1) - 1).max()
    try:
        checks.logits(subject.logits)
        good = True
    except ValueError:
        good = False
    text = "largest distance of a row's sum from 1"
    return Check.of("logits", good, off, text, "probabilities; end the model in a linear layer")


def finite(subject):
    """Return whether all logits are finite."""
    bad = (~np.isfinite(subject.logits)).any(axis=1).sum()
    return Check.of("finite", bad == 0, bad, "images whose logits are NaN or infinite")


def deterministic(subject):
    """Return whether two predictions are equal bit for bit."""
    again = subject.predicted(subject.images)
    equal = np.array_equal(again, subject.logits, equal_nan=True)
    text = "largest difference of two predictions of the same images"
    hint = "the model is random, so that its gradients and its accuracy are, too"
    return Check.of("deterministic", equal, np.abs(again - subject.logits).max(), text, hint)


def batch_independent(subject):
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


def accuracy(subject):
    """Return whether the model knows the images at all."""
    good = subject.clean > subject.chance + 0.05
    text = f"accuracy on {len(subject.images)} images without an attack"
    hint = "near chance; are its inputs pixels in [0, 1] and its classes in this order?"
    return Check.of("accuracy", good, subject.clean, text, hint)


CHECKS = (logits, finite, deterministic, batch_independent, accuracy)
