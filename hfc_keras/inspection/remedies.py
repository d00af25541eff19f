"""What to do about a model that is right less often than it should be."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment

from hfc_keras import gradients
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.types import Floats, Integers

# Images that other ways of feeding the model are tried on.
MOST = 200
# Mean and spread of ImageNet's pixels, as torchvision and Keras' mode "torch" have them.
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE = (103.939, 116.779, 123.68)
# Smallest gain in accuracy worth a word.
GAIN = 0.1

WAYS: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "pixels in 0-255": (lambda x: 255 * x, "--pixels 0 255 (pixels=(0, 255))"),
    "pixels in [-1, 1]": (lambda x: 2 * x - 1, "--pixels -1 1 (pixels=(-1, 1))"),
    "pixels in [0, 1]": (lambda x: x / 255, "--pixels 0 1 (pixels=(0, 1))"),
}
COLOR_WAYS: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "ImageNet's mean and spread taken off": (
        lambda x: (x - np.array(MEAN)) / np.array(SPREAD),
        "put keras.layers.Normalization with them in front of the model",
    ),
    "blue before red (BGR), 0-255 minus the mean": (
        lambda x: 255 * x[..., ::-1] - np.array(CAFFE),
        "pass preprocessing=keras.applications.resnet50.preprocess_input, pixels=(0, 255)",
    ),
}


def remedies(subject: Inspected) -> list[str]:
    """What would make more answers right: another range of pixels, order of colors or of classes.

    Args:
        subject: Inspected with true labels.

    Returns:
        list of str, sentences; empty where nothing helps or is needed.
    """
    if not subject.labelled or subject.accuracy > 0.9:
        return []
    return [*_inputs(subject), *_classes(subject)]


def _inputs(subject: Inspected) -> list[str]:
    """Other ways of feeding the model that make more answers right."""
    rows = subject.some_rows(min(MOST, subject.budget.filtered))
    before = float((subject.answers[rows] == subject.labels[rows]).mean())
    ways = {**WAYS, **(COLOR_WAYS if subject.images.shape[3] == 3 else {})}
    shares = {name: _right(subject, rows, change) for name, (change, _) in ways.items()}
    name = max(shares, key=lambda each: shares[each])
    after, (_, remedy) = shares[name], ways[name]
    noise = 4 * np.sqrt(max(before * (1 - before), 1 / len(rows)) / len(rows))
    if after <= before + max(GAIN, noise):
        return []
    return [
        f"With {name} it would be right on {after:.2f} of {len(rows)} images instead of "
        f"{before:.2f}: {remedy}."
    ]


def _right(subject: Inspected, rows: Integers, change: Callable[[Floats], Floats]) -> float:
    """Share of some images that are right once they are changed."""
    parts = np.split(rows, range(subject.batch_size, len(rows), subject.batch_size))
    changed = (change(subject.images[part]).astype("float32") for part in parts)
    logits = np.concatenate(list(gradients.predicted_batches(subject.model, changed)))
    return float((logits.argmax(axis=1) == subject.labels[rows]).mean())


def _classes(subject: Inspected) -> list[str]:
    """Another order of the classes that makes more answers right."""
    present = np.unique(subject.labels)
    counts = np.zeros((len(present), subject.classes))
    np.add.at(counts, (np.searchsorted(present, subject.labels), subject.answers), 1)
    rows, columns = linear_sum_assignment(-counts)
    after = counts[rows, columns].sum() / len(subject.labels)
    # An assignment fitted to the answers is right by luck, too, the more so the fewer images.
    luck = 3 * np.sqrt(1 / len(subject.labels)) + GAIN
    if len(present) < 2 or after <= max(subject.accuracy + luck, 0.5):
        return []
    pairs = [
        f"{subject.class_name(present[row])} is its class {column}"
        for row, column in zip(rows, columns, strict=True)
        if present[row] != column
    ]
    listed = ", ".join(pairs[:6]) + (", ..." if len(pairs) > 6 else "")
    order = " ".join(str(column) for column in columns)
    asked = f"--class-indices {order}" if len(columns) <= 20 else "--class-indices"
    return [
        f"With its classes in another order it would be right on {after:.2f}: {listed}. "
        f"Check the order in which it was trained; {asked} says so."
    ]
