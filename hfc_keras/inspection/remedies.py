"""What to do about a model that is right less often than it should be."""

import functools
from collections.abc import Callable, Collection
from typing import NamedTuple

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment

from hfc_keras import gradients
from hfc_keras.analysis.chance import beyond_luck
from hfc_keras.analysis.predictions import confidence
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.models.classifier import PixelRange, conversions_of
from hfc_keras.models.preprocessing import ImageNetPixels
from hfc_keras.types import Flags, Floats

# Images that other ways of feeding the model are tried on.
MOST = 200
# Smallest gain in accuracy worth a word: of another way to feed the model, of another order of
# its classes, and in how many standard deviations it must be beyond luck.
GAIN, ORDER_GAIN, DEVIATIONS = 0.03, 0.1, 3
# Accuracy beyond which neither is looked for.
GOOD, GOOD_ORDER = 0.97, 0.9
# Accuracy minus mean confidence that no trained model has on images fed as in training.
UNDERCONFIDENT = 0.3
FEEDING = "Is the input preprocessed as in training?"
ORDER = "Are the classes in the order of training?"


class Remedy(NamedTuple):
    """What would make more answers right.

    Args:
        question: str, what to ask oneself, a heading.
        text: str, a sentence that says what helps, how much, and which option does it.
    """

    question: str
    text: str


class Way(NamedTuple):
    """A way of feeding a model: what makes its pixels of images in [0, 1], and the option."""

    layer: Callable[[], keras.Layer]
    option: str


# Each by the layer of ``models.as_classifier``, so that the option gives what is promised of it.
WAYS = {
    "pixels in 0-255": Way(
        functools.partial(PixelRange, 0, 255), "--pixels 0 255 (pixels=(0, 255))"
    ),
    "pixels in [-1, 1]": Way(
        functools.partial(PixelRange, -1, 1), "--pixels -1 1 (pixels=(-1, 1))"
    ),
    "pixels in [0, 1]": Way(functools.partial(PixelRange, 0, 1), "--pixels 0 1 (pixels=(0, 1))"),
}
COLOR_WAYS = {
    "ImageNet's mean subtracted and divided by its standard deviation": Way(
        functools.partial(ImageNetPixels, "torch"), "--preprocessing torch (preprocessing='torch')"
    ),
    "blue before red (BGR), 0-255 minus the mean": Way(
        functools.partial(ImageNetPixels, "caffe"), "--preprocessing caffe (preprocessing='caffe')"
    ),
}
# Said of a model with a preprocessing by name, beside which there is no range of pixels.
INSTEAD = "leave --preprocessing out and add {}"


def remedies(subject: Inspected) -> list[Remedy]:
    """What would make more answers right: another range of pixels, order of colors or of classes.

    Args:
        subject: Inspected with true labels.

    Returns:
        list of Remedy; empty where nothing helps or is needed.
    """
    if not subject.labelled:
        return []
    inputs = [Remedy(FEEDING, text) for text in _inputs(subject)]
    return [*inputs, *(Remedy(ORDER, text) for text in _classes(subject))]


def _inputs(subject: Inspected) -> list[str]:
    """Another way of feeding the model that makes more answers right, or surer ones."""
    rows = subject.some_rows(min(MOST, subject.budget.filtered))
    images, labels, logits = subject.images[rows], subject.labels[rows], subject.logits[rows]
    before = logits.argmax(axis=1) == labels
    underconfident = before.mean() - confidence(logits).mean() > UNDERCONFIDENT
    if before.mean() > GOOD and not underconfident:
        return []
    ways = _ways(subject)
    found = {name: _logits(subject, images, way.layer()) for name, way in ways.items()}
    right = {name: each.argmax(axis=1) == labels for name, each in found.items()}
    name = max(right, key=lambda each: right[each].sum())
    after, option = right[name], ways[name].option
    if _gains(before, after) and beyond_luck(found[name].argmax(axis=1), labels, 4)[0]:
        return [
            f"With {name} it would be right on {after.mean():.2f} of {len(rows)} images instead of "
            f"{before.mean():.2f}: {option}."
        ]
    return _surer(ways, logits, before, found, right) if underconfident else []


def _ways(subject: Inspected) -> dict[str, Way]:
    """Ways of feeding a model, with the options that lead there from those that it has now."""
    conversions = conversions_of(subject.model)
    ways = dict(WAYS)
    if any(isinstance(each, ImageNetPixels) for each in conversions):
        ways = {name: way._replace(option=INSTEAD.format(way.option)) for name, way in ways.items()}
    # A preprocessing of the user's own stays, whatever the range of pixels before it.
    own = any(not isinstance(each, (PixelRange, ImageNetPixels)) for each in conversions)
    colored = subject.images.shape[3] == 3 and not own
    return {**ways, **(COLOR_WAYS if colored else {})}


def _logits(subject: Inspected, images: Floats, layer: keras.Layer) -> Floats:
    """Logits for images that a layer feeds to the model in the place of its own conversions."""
    starts = range(0, len(images), subject.batch_size)
    parts = (images[start : start + subject.batch_size] for start in starts)
    fed = (
        _undone(subject.model, keras.ops.convert_to_numpy(layer(part)).astype("float64"))
        for part in parts
    )
    return np.concatenate(list(gradients.predicted_batches(subject.model, fed)))


def _undone(model: keras.Model, pixels: Floats) -> Floats:
    """What the conversions before a model turn into pixels, so that those reach it."""
    for layer in reversed(conversions_of(model)):
        if isinstance(layer, (PixelRange, ImageNetPixels)):
            pixels = layer.inverse(pixels)
    return pixels.astype("float32")


def _gains(before: Flags, after: Flags) -> bool:
    """Whether more images are right, beyond luck among those whose answers change."""
    gained = int(after.sum()) - int(before.sum())
    changed = int((before != after).sum())
    return gained > max(GAIN * len(before), DEVIATIONS * np.sqrt(changed))


def _surer(
    ways: dict[str, Way],
    logits: Floats,
    before: Flags,
    found: dict[str, Floats],
    right: dict[str, Flags],
) -> list[str]:
    """The way in which a model that is far less sure than right would be as sure as right."""
    gap = before.mean() - confidence(logits).mean()
    for name, each in found.items():
        then = right[name].mean()
        if not np.isfinite(each).all() or then < before.mean() - GAIN:
            continue
        sure = confidence(each).mean()
        if abs(then - sure) < gap / 2:
            return [
                f"It is right on {before.mean():.2f} of {len(before)} images, but with a mean "
                f"confidence of {before.mean() - gap:.2f}; with {name} it would be right on "
                f"{then:.2f} with a mean confidence of {sure:.2f}. If it was trained so: "
                f"{ways[name].option}."
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
    assigned = dict(zip(present.tolist(), columns.tolist(), strict=True))
    indices = _listed(assigned, subject.class_names)
    # In the data's order of classes, which need not be that of their numbers.
    option = f" {indices.replace(',', '')}" if indices else ""
    array = _listed(assigned, range(1 + int(present.max()))) or "..."
    return [
        f"With its classes in another order it would be right on {after:.2f}: {listed}. "
        "Check the order in which it was trained; "
        f"--class-indices{option} (in Python, labels = np.array([{array}])[labels]) says so."
    ]


def _listed(assigned: dict[int, int], labels: Collection[int]) -> str:
    """Class of the model of each label, or nothing where that is not known of each or too long."""
    order = [assigned.get(label, label) for label in labels]
    known = set(assigned) <= set(labels) and len(set(order)) == len(order)
    return ", ".join(map(str, order)) if known and len(order) <= 20 else ""
