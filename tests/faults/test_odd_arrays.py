"""Rows 10, 13 to 15, 18, 19 and 22: images and labels that are not what was asked for."""

import warnings

import keras
import numpy as np
import pytest
from own import trainings

from hfc_keras import analysis, attacks, data, gradients, layers, models, spectrum, training

IMAGES = np.random.default_rng(0).random((6, 8, 8, 1), "float32")
LABELS = np.arange(6) % 3


def with_pixel(value):
    images = IMAGES.copy()
    images[4, 2, 3, 0] = value
    return images


BAD_IMAGES = {
    "nan": (with_pixel(np.nan), "1 images hold NaN or infinity, first 4"),
    "infinity": (with_pixel(np.inf), "1 images hold NaN or infinity, first 4"),
    "0 to 255": (IMAGES * 255, "divide 0-255 by 255"),
    "-1 to 1": (2 * IMAGES - 1, r"must be pixels in \[0, 1\].*min=-"),
    "beyond rounding": (with_pixel(1 + 2e-6), r"must be pixels in \[0, 1\]"),
    "a single image": (IMAGES[0], r"\(batch, height, width, channels\).*shape=\(8, 8, 1\)"),
    "channels first": (IMAGES.transpose(0, 3, 1, 2), "channels last"),
    "three channels": (np.repeat(IMAGES, 3, axis=3), "model's input shape.*shape=.*3"),
    "another size": (IMAGES[:, :6], "model's input shape"),
    "none": (IMAGES[:0], "at least one image"),
}


@pytest.fixture(scope="module")
def model():
    return models.build("small_cnn", (8, 8, 1), 3, width=0.25)


@pytest.fixture
def calls(model):
    """Ways that take images and labels: a measure, an attack, a training."""
    fitted = training.AdversarialTraining(model, attacks.Fgsm(0.1))
    trainings.compiled(fitted)
    return {
        "measure": lambda x, y: analysis.frequency_accuracy(model, x, y, [2]),
        "attack": lambda x, y: attacks.fgsm(model, x, y, 0.1),
        "training": lambda x, y: fitted.fit(x, y, verbose=0),
    }


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_bad_images_are_refused_before_anything_is_computed(name, calls, model):
    images, message = BAD_IMAGES[name]
    before = model.get_weights()
    for way, call in calls.items():
        with pytest.raises(ValueError, match=message) as refused:
            call(images, LABELS[: len(images)])
        assert "Received: " in str(refused.value), way
    assert all(map(np.array_equal, before, model.get_weights()))


def test_an_image_off_by_rounding_is_taken_and_clipped(model):
    images = np.where(IMAGES > 0.5, np.float32(1 + 5e-7), np.float32(-5e-7))
    found = attacks.fgsm(model, images, LABELS, 1e-3).images
    assert 0 <= found.min() and found.max() <= 1
    exact = attacks.fgsm(model, np.rint(images), LABELS, 1e-3).images
    np.testing.assert_array_equal(found, exact)


BAD_LABELS = {
    "one too many": (np.arange(7) % 3, "one label for each of 6 images"),
    "out of range": (LABELS + 1, "from 0 to 2.*max=3"),
    "negative": (LABELS - 1, "min=-1"),
    "fractions": (LABELS + 0.5, "whole numbers"),
    "nan": (np.where(LABELS, LABELS, np.nan), "whole numbers"),
    "words": (LABELS.astype(str), "whole numbers"),
    "columns of another number": (np.eye(4)[LABELS], "4|classes"),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_bad_labels_are_refused(name, calls):
    labels, message = BAD_LABELS[name]
    for way, call in calls.items():
        with pytest.raises(ValueError, match=message) as refused:
            call(IMAGES, labels)
        assert "Received: " in str(refused.value), way


def test_labels_as_floats_and_one_hot_are_the_same_labels(model):
    tables = [
        analysis.robust_accuracy(model, IMAGES, labels, attacks.Fgsm(0.1))
        for labels in (LABELS, LABELS.astype("float64"), np.eye(3)[LABELS], LABELS[:, None])
    ]
    assert all(table.equals(tables[0]) for table in tables)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": np.zeros((0, 8, 8, 1), "uint8"), "y_train": []}, "at least one image"),
        ({"y_train": [0] * 6, "y_test": [0] * 6}, "classes=1"),
        ({"y_train": [0, 1, 2, 3, 4, 99], "class_names": list("abcde")}, "from 0 to 4.*max=99"),
        ({"y_train": [0, 1, 2]}, "one label for each of 6 images"),
        ({"y_test": [0.5] * 6}, "whole numbers"),
    ],
)
def test_data_that_cannot_be_trained_on_are_refused_before_training(changes, message, tmp_path):
    pixels = np.zeros((6, 8, 8, 1), "uint8")
    arrays = {"x_train": pixels, "y_train": LABELS, "x_test": pixels, "y_test": LABELS}
    np.savez(tmp_path / "own.npz", **{**arrays, **changes})
    recipe = trainings.TINY.but(dataset=tmp_path / "own.npz", examples=None)
    with pytest.raises(ValueError, match=message):
        training.fit(recipe, tmp_path / "store")
    assert not [*tmp_path.rglob("epoch-*")]


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 5, 7, 3), (1, 1, 9, 1), (3, 4, 6, 2)])
def test_odd_shapes_are_as_in_numpy(shape):
    images = np.random.default_rng(1).random(shape, "float32")
    mask = spectrum.radial_mask(*shape[1:3], 1.5)
    low, high = spectrum.split(images, 1.5)
    kept = np.fft.fft2(images, axes=(1, 2)) * mask[None, :, :, None]
    np.testing.assert_allclose(low, np.fft.ifft2(kept, axes=(1, 2)).real, atol=1e-6)
    np.testing.assert_allclose(low + high, images, atol=1e-6)


class Counted:
    """A function for ``gradients.compiled`` that counts how often it is traced."""

    def __init__(self):
        self.count = 0

    def __call__(self, predict, images):
        self.count += 1
        return (predict(images),)


def test_a_last_batch_of_another_size_is_traced_at_most_once_more(model):
    counted = Counted()
    run = gradients.compiled(model, counted)
    for size in (4, 4, 3, 1, 2, 4):
        assert keras.ops.shape(run(IMAGES[:size])[0]) == (size, 3)
    assert counted.count <= 2 or keras.backend.backend() == "torch"


def test_batches_of_one_and_of_the_rest_give_the_same(model):
    whole = analysis.frequency_accuracy(model, IMAGES, LABELS, [1, 2], batch_size=6)
    for size in (1, 4):
        part = analysis.frequency_accuracy(model, IMAGES, LABELS, [1, 2], batch_size=size)
        assert part.equals(whole)


def test_no_images_stay_none_in_filters_and_are_refused_in_training():
    none = IMAGES[:0]
    assert [keras.ops.shape(each) for each in spectrum.split(none, 2)] == [none.shape] * 2
    assert layers.RadialFilter(2)(none).shape == none.shape
    network = trainings.compiled(training.AdversarialTraining(trainings.network(), attacks.Fgsm(0)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="at least one|no batch"):
            network.fit(none, np.zeros(0, int), verbose=0)
    with pytest.raises(ValueError, match="at least one image"):
        data.Split(none, np.zeros(0, int))
