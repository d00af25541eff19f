"""What to do about a model that is right less often than it should be."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment

from hfc_keras import gradients
from hfc_keras.analysis.predictions import beyond_luck, confidence
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.models.preprocessing import CAFFE_MEAN, MEAN, SPREAD
from hfc_keras.types import Flags, Floats

# Images that other ways of feeding the model are tried on.
MOST = 200
# Smallest gain in accuracy worth a word: of another way to feed the model, of another order of
# its classes, and in how many standard deviations it must be beyond luck.
GAIN, ORDER_GAIN, DEVIATIONS = 0.03, 0.1, 3
# Accuracy beyond which neither is looked for.
GOOD, GOOD_ORDER = 0.97, 0.9
# How much less sure than right no trained model is on images fed as it knows them.
MEEK = 0.3

WAYS: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "pixels in 0-255": (lambda x: 255 * x, "--pixels 0 255 (pixels=(0, 255))"),
    "pixels in [-1, 1]": (lambda x: 2 * x - 1, "--pixels -1 1 (pixels=(-1, 1))"),
    "pixels in [0, 1]": (lambda x: x / 255, "--pixels 0 1 (pixels=(0, 1))"),
}
COLOR_WAYS: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "ImageNet's mean and spread taken off": (
        lambda x: (x - np.array(MEAN)) / np.array(SPREAD),
        "--preprocessing torch (preprocessing='torch')",
    ),
    "ImageNet's mean and spread left in": (
        lambda x: x * np.array(SPREAD) + np.array(MEAN),
        "leave --preprocessing out; the model seems to take them off itself",
    ),
    "blue before red (BGR), 0-255 minus the mean": (
        lambda x: 255 * x[..., ::-1] - np.array(CAFFE_MEAN),
        "--preprocessing caffe (preprocessing='caffe')",
    ),
}


def remedies(subject: Inspected) -> list[str]:
    """What would make more answers right: another range of pixels, order of colors or of classes.

    Args:
        subject: Inspected with true labels.

    Returns:
        list of str, sentences; empty where nothing helps or is needed.
    """
    if not subject.labelled:
        return []
    return [*_inputs(subject), *_classes(subject)]


def _inputs(subject: Inspected) -> list[str]:
    """Another way of feeding the model that makes more answers right, or surer ones."""
    rows = subject.some_rows(min(MOST, subject.budget.filtered))
    images, labels, logits = subject.images[rows], subject.labels[rows], subject.logits[rows]
    before = logits.argmax(axis=1) == labels
    meek = before.mean() - confidence(logits).mean() > MEEK
    if before.mean() > GOOD and not meek:
        return []
    ways = {**WAYS, **(COLOR_WAYS if images.shape[3] == 3 else {})}
    found = {name: _logits(subject, images, change) for name, (change, _) in ways.items()}
    right = {name: each.argmax(axis=1) == labels for name, each in found.items()}
    name = max(right, key=lambda each: right[each].sum())
    after, remedy = right[name], ways[name][1]
    if _gains(before, after) and beyond_luck(found[name].argmax(axis=1), labels, 4)[0]:
        return [
            f"With {name} it would be right on {after.mean():.2f} of {len(rows)} images instead of "
            f"{before.mean():.2f}: {remedy}."
        ]
    return _surer(logits, before, found, right) if meek else []


def _logits(subject: Inspected, images: Floats, change: Callable[[Floats], Floats]) -> Floats:
    """Logits for images that are fed in another way."""
    starts = range(0, len(images), subject.batch_size)
    parts = (images[start : start + subject.batch_size] for start in starts)
    changed = (change(part).astype("float32") for part in parts)
    return np.concatenate(list(gradients.predicted_batches(subject.model, changed)))


def _gains(before: Flags, after: Flags) -> bool:
    """Whether more images are right, beyond luck among those whose answers change."""
    gained = int(after.sum()) - int(before.sum())
    changed = int((before != after).sum())
    return gained > max(GAIN * len(before), DEVIATIONS * np.sqrt(changed))


def _surer(
    logits: Floats, before: Flags, found: dict[str, Floats], right: dict[str, Flags]
) -> list[str]:
    """The way in which a model that is far less sure than right would be as sure as right."""
    gap = before.mean() - confidence(logits).mean()
    ways = {**WAYS, **COLOR_WAYS}
    for name, each in found.items():
        then = right[name].mean()
        if not np.isfinite(each).all() or then < before.mean() - GAIN:
            continue
        sure = confidence(each).mean()
        if abs(then - sure) < gap / 2:
            return [
                f"It is right on {before.mean():.2f} of {len(before)} images and only "
                f"{before.mean() - gap:.2f} sure on average; with {name} it would be right on "
                f"{then:.2f} and {sure:.2f} sure. If it was trained so: {ways[name][1]}."
            ]
    return []


def _classes(subject: Inspected) -> list[str]:
    """Another order of the classes that makes more answers right."""
    if subject.accuracy > GOOD_ORDER:
        return []
    present = np.unique(subject.labels)
    counts = np.zeros((len(present), subject.classes))
    np.add.at(counts, (np.searchsorted(present, subject.labels), subject.answers), 1)
    rows, columns = linear_sum_assignment(-counts)
    after = counts[rows, columns].sum() / len(subject.labels)
    # An assignment fitted to the answers is right by luck, too, the more so the fewer images.
    luck = 3 * np.sqrt(1 / len(subject.labels)) + ORDER_GAIN
    if len(present) < 2 or after <= max(subject.accuracy + luck, 0.5):
        return []
    pairs = [
        f"{subject.class_name(present[row])} is its class {column}"
        for row, column in zip(rows, columns, strict=True)
        if present[row] != column
    ]
    listed = ", ".join(pairs[:6]) + (", and so on" if len(pairs) > 6 else "")
    order = _order(subject, dict(zip(present.tolist(), columns.tolist(), strict=True)))
    return [
        f"With its classes in another order it would be right on {after:.2f}: {listed}. "
        f"Check the order in which it was trained; --class-indices{order} says so."
    ]


def _order(subject: Inspected, assigned: dict[int, int]) -> str:
    """Class of the model of each class of the data, in the data's order, where that is known."""
    order = [assigned.get(label, label) for label in subject.class_names]
    known = set(assigned) <= set(subject.class_names) and len(set(order)) == len(order)
    return "".join(f" {label}" for label in order) if known and len(order) <= 20 else ""
