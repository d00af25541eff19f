import numpy as np
import pytest

from hfc_keras import data
from hfc_keras.analysis.class_spectra import class_spectra

pytestmark = pytest.mark.jax
COLUMNS = "label row column amplitude adcs log_ratio examples".split()


def wave(row, column, size=(8, 8)):
    rows, columns = (np.arange(side) / side for side in size)
    return np.cos(2 * np.pi * (row * rows[:, None] + column * columns[None, :]))[..., None]


def maps(table, column):
    """Arrays by class, the zero frequency in the corner."""
    pivots = {
        label: part.pivot(index="row", columns="column", values=column)
        for label, part in table.groupby("label")
    }
    return {label: np.fft.ifftshift(each.to_numpy()) for label, each in pivots.items()}


@pytest.mark.parametrize(("size", "weights"), [((8, 6, 3), None), ((7, 9, 2), [0.5, 0.5])])
def test_it_equals_that_of_numpy(size, weights, rng):
    images = rng.uniform(0, 1, (40, *size)).astype("float32")
    labels = np.append(rng.integers(0, 3, 36), [5, 5, 5, 5])
    table = class_spectra(images, labels, batch_size=16)
    assert list(table.columns) == COLUMNS and len(table) == 4 * size[0] * size[1]
    amplitude = np.abs(np.fft.fft2(images.astype("float64"), axes=(1, 2), norm="ortho"))
    gray = amplitude @ np.array(weights or [0.2989, 0.5870, 0.1140])
    means = {label: gray[labels == label].mean(axis=0) for label in (0, 1, 2, 5)}
    for label, own in means.items():
        others = np.array([means[other] for other in means if other != label])
        np.testing.assert_allclose(maps(table, "amplitude")[label], own, rtol=1e-4)
        np.testing.assert_array_equal(maps(table, "adcs")[label], np.sign(own - others).sum(axis=0))
        ratio = np.log(own / others.mean(axis=0))
        np.testing.assert_allclose(maps(table, "log_ratio")[label], ratio, atol=1e-4)
        assert set(table["examples"][table["label"] == label]) == {(labels == label).sum()}


def test_what_one_class_has_more_of_the_others_have_less_of(rng):
    table = class_spectra(rng.random((30, 6, 6, 1)), rng.integers(0, 3, 30))
    assert (table.groupby(["row", "column"])["adcs"].sum() == 0).all()
    # A real image has as much at a frequency as at its negative.
    for adcs in maps(table, "adcs").values():
        np.testing.assert_array_equal(adcs, np.roll(adcs[::-1, ::-1], 1, axis=(0, 1)))


def test_a_frequency_that_one_class_carries_stands_out(rng):
    labels = np.arange(90) % 3
    images = (
        0.5
        + rng.normal(0, 0.01, (90, 8, 8, 1))
        + 0.2 * (labels == 1)[:, None, None, None] * wave(2, -3)
    )
    table = class_spectra(np.clip(images, 0, 1), labels)
    found = maps(table, "log_ratio")
    assert {(2, -3 % 8), (-2 % 8, 3)} == set(zip(*np.nonzero(found[1] > 1), strict=True))
    assert (found[0] < 1).all() and (found[2] < 1).all()
    assert maps(table, "adcs")[1][2, -3] == maps(table, "adcs")[1][-2, 3] == 2


def test_classes_of_one_spectrum_are_level_and_zero_has_no_ratio(rng):
    image = np.clip(0.5 + 0.3 * wave(1, 2), 0, 1)
    moved = np.roll(image, (3, 1), axis=(0, 1))
    table = class_spectra(np.stack([image, moved]), [0, 1])
    assert (table["adcs"] == 0).all()
    known = table["log_ratio"].dropna()
    assert len(known) == 2 * 3 and (abs(known) < 1e-5).all()


def test_batch_size_and_one_hot_labels_change_nothing(rng):
    images, labels = rng.random((10, 5, 4, 1)), rng.integers(0, 2, 10)
    first = class_spectra(images, labels)
    other = class_spectra(images, np.eye(2)[labels], batch_size=3)
    np.testing.assert_allclose(other, first, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [1, 1]}, r"at least two classes. Received: classes=\[1\]"),
        ({"labels": [0]}, "one label for each of 2 images"),
        ({"images": np.full((2, 4, 4, 1), 3.0)}, "Received: images.min=3.0"),
        ({"batch_size": 0}, "Received: batch_size=0"),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(ValueError, match=message):
        class_spectra(**{"images": np.zeros((2, 4, 4, 1)), "labels": [0, 1], **changes})


def test_images_come_as_levels_or_with_their_labels(rng):
    levels, labels = rng.integers(0, 256, (12, 4, 4, 1), "uint8"), np.arange(12) % 3
    expected = class_spectra(levels.astype("float32") / np.float32(255), labels)
    assert class_spectra(levels, labels).equals(expected)
    assert class_spectra(data.Split(levels, labels)).equals(expected)
    halves = [(levels[:6], labels[:6]), (levels[6:], labels[6:])]
    assert class_spectra(Loader(halves)).equals(expected)


class Loader:
    """A loader of batches that knows its length."""

    def __init__(self, batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        return iter(self.batches)
