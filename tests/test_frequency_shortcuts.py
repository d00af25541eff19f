import keras
import numpy as np
import pytest
from own.linear import linear_logits, linear_model, threshold_model

from hfc_keras import models
from hfc_keras.analysis.frequency_shortcuts import _component, _squares, frequency_shortcuts

pytestmark = pytest.mark.jax
COLUMNS = "mask frequencies share label answered accuracy original_answered".split()
COLUMNS += ["original_accuracy", "examples"]


def wave(row, column, size=(8, 8)):
    rows, columns = (np.arange(side) / side for side in size)
    return np.cos(2 * np.pi * (row * rows[:, None] + column * columns[None, :]))[..., None]


def with_negatives(squares, size):
    """Mask of squares and what mirrors them."""
    mask = np.zeros(size, bool)
    for square in squares:
        for row, column in square:
            mask[row, column] = mask[-row % size[0], -column % size[1]] = True
    return mask


def filtered(images, mask):
    transform = np.fft.fft2(images.astype("float64"), axes=(1, 2)) * mask[..., None]
    return np.fft.ifft2(transform, axes=(1, 2)).real


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (6, 5), (1, 4), (2, 1)])
@pytest.mark.parametrize("patch", [1, 2, 3])
def test_squares_hold_each_frequency_but_zero_once(size, patch):
    squares = _squares(*size, patch)
    single = [with_negatives([square], size) for square in squares]
    count = np.sum(single, axis=0)
    assert count[0, 0] == 0 and (np.delete(count.ravel(), 0) == 1).all()
    if patch == 1:
        assert all(mask.sum() <= 2 for mask in single)


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (6, 5), (1, 4), (2, 1)])
@pytest.mark.parametrize("patch", [1, 3])
def test_the_component_of_a_square_is_that_of_the_transform(size, patch, rng):
    images = rng.random((3, *size, 2), "float32")
    spectra = np.fft.fft2(images.transpose(0, 3, 1, 2))
    for square in _squares(*size, patch):
        expected = filtered(images, with_negatives([square], size))
        found = _component(spectra, square)
        assert found.dtype == "float32"
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_half_of_the_frequencies_is_ranked_in_squares():
    # 32 x 32 without zero, of which three are their own negatives.
    assert len(_squares(32, 32, 1)) == (32 * 32 - 1 - 3) // 2 + 3 == 513
    assert max(map(len, _squares(32, 32, 4))) == 16


def planted(rng, share=0.5):
    """Three classes: one carries a hidden wave, the others are told by the sign of stripes.

    Some images of the second class carry the hidden wave as well.
    """
    labels = np.arange(120) % 3
    hidden = (labels == 0) | ((labels == 1) & (np.arange(120) < 120 * share))
    stripes = np.array([0, 1, -1])[labels]
    images = 0.5 + rng.normal(0, 0.01, (120, 8, 8, 1))
    images += 0.15 * hidden[:, None, None, None] * wave(2, 3)
    images += 0.25 * stripes[:, None, None, None] * wave(0, 1)
    # The last class is the answer where nothing is seen.
    weights = np.stack([wave(2, 3), wave(0, 1), -wave(0, 1)], axis=-1)
    return linear_model(weights, bias=[-1.0, 0.0, 1.0]), np.clip(images, 0, 1), labels


def test_a_hidden_frequency_is_found_to_be_a_shortcut(rng):
    model, images, labels = planted(rng)
    table, masks = frequency_shortcuts(model, images, labels, return_masks=True)
    assert list(table.columns) == COLUMNS and len(table) == 9
    assert set(zip(*np.nonzero(masks[0]), strict=True)) == {(0, 0), (2, 3), (6, 5)}
    assert set(zip(*np.nonzero(masks[1]), strict=True)) == {(0, 0), (0, 1), (0, 7)}
    assert masks[2].sum() == 1 and masks[2][0, 0]
    cells = table.set_index(["mask", "label"])
    assert cells["frequencies"].unstack()[0].tolist() == [2, 2, 0]
    np.testing.assert_allclose(cells["share"].unstack()[0], [2 / 64, 2 / 64, 0])
    # True positives, and false ones: as many of class 1 as carry the hidden frequency.
    answered = cells["answered"].unstack()
    np.testing.assert_allclose(answered, [[1, 0.5, 0], [0, 1, 0], [1, 1, 1]])
    np.testing.assert_allclose(cells["accuracy"].unstack().loc[2], [0, 0, 1])
    assert (cells["original_accuracy"] == 1).all() and (cells["examples"] == 40).all()
    np.testing.assert_array_equal(cells["original_answered"].unstack(), np.eye(3))


@pytest.mark.parametrize("keep", [0.6, 1.0])
def test_masks_and_rates_equal_those_of_numpy(keep, rng):
    size = (5, 6, 2)
    weights = rng.normal(size=(*size, 3))
    weights -= weights.mean(axis=(0, 1, 2))
    images = rng.uniform(0, 1, (60, *size)).astype("float32")
    labels = (linear_logits(images, weights) + rng.normal(0, 0.4, (60, 3))).argmax(axis=1)
    model = linear_model(weights)
    table, masks = frequency_shortcuts(model, images, labels, keep, 1, 16, return_masks=True)
    squares = _squares(*size[:2], 1)

    def answers(chosen):
        mask = with_negatives(chosen, size[:2])
        mask[0, 0] = True
        return linear_logits(filtered(images, mask), weights).argmax(axis=1)

    for label in range(3):
        own = labels == label
        rates = (linear_logits(images, weights).argmax(axis=1) == label)[own].mean()
        losses = []
        for square in squares:
            left = filtered(images[own], ~with_negatives([square], size[:2]))
            logits = linear_logits(left, weights)
            losses.append((np.log(np.exp(logits).sum(axis=1)) - logits[:, label]).mean())
        order = [squares[index] for index in np.argsort(losses)[::-1]]
        count = next(
            number
            for number in range(len(order) + 1)
            if (with_negatives(order[:number], size[:2]).sum() + 1) == masks[label].sum()
        )
        expected = with_negatives(order[:count], size[:2])
        expected[0, 0] = True
        np.testing.assert_array_equal(masks[label], expected)
        # Enough, and no longer enough without the last one.
        assert (answers(order[:count]) == label)[own].mean() >= keep * rates - 1e-9
        if count:
            assert (answers(order[: count - 1]) == label)[own].mean() < keep * rates
        for row in table[table["mask"] == label].itertuples():
            among = labels == row.label
            found = answers(order[:count])[among]
            assert row.answered == pytest.approx((found == label).mean())
            assert row.accuracy == pytest.approx((found == row.label).mean())


def test_a_class_that_is_never_found_has_no_mask_and_is_said(rng):
    model, images, labels = planted(rng)
    blind = linear_model(np.zeros((8, 8, 1, 3)), bias=[0.0, 0.0, 1.0])
    with pytest.warns(UserWarning, match=r"never finds the classes \[0, 1\]"):
        table, masks = frequency_shortcuts(blind, images, labels, patch=4, return_masks=True)
    assert list(masks) == [2]
    lost = table[table["mask"] < 2]
    assert lost[["frequencies", "share", "answered", "accuracy"]].isna().all(axis=None)
    assert lost["original_accuracy"].notna().all() and len(lost) == 6


@pytest.mark.filterwarnings("ignore:The model never finds")
def test_batch_size_and_one_hot_labels_change_nothing(rng):
    keras.utils.set_random_seed(0)
    model = models.build("small_cnn", (8, 8, 1), 3, width=0.25)
    images = rng.random((20, 8, 8, 1), "float32")
    labels = np.asarray(model(images)).argmax(axis=1)
    labels[:3] = (labels[:3] + 1) % 3
    tables = [
        frequency_shortcuts(model, images, given, patch=3, batch_size=size)
        for given, size in ((labels, 256), (np.eye(3)[labels], 7))
    ]
    assert tables[0].equals(tables[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keep": 0}, "`keep` must be above 0"),
        ({"keep": 1.5}, "Received: keep=1.5"),
        ({"patch": 0}, "Received: patch=0"),
        ({"labels": [0]}, "one label for each of 2 images"),
        ({"images": np.full((2, 8, 8, 1), -1.0)}, "Received: images.min=-1.0"),
    ],
)
def test_refusals(changes, message):
    arguments = {"images": np.zeros((2, 8, 8, 1)), "labels": [0, 1], **changes}
    with pytest.raises(ValueError, match=message):
        frequency_shortcuts(threshold_model(wave(0, 1)), **arguments)


def test_images_of_one_pixel_are_refused():
    with pytest.raises(ValueError, match="larger than one pixel"):
        frequency_shortcuts(threshold_model(np.ones((1, 1, 1))), np.zeros((2, 1, 1, 1)), [0, 1])
