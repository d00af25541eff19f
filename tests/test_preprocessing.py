"""Preprocessing by the names of Keras' modes, as layer, argument and option."""

import re

import keras
import numpy as np
import pytest
from keras.applications import imagenet_utils

from hfc_keras import models
from hfc_keras.inspection.remedies import COLOR_WAYS
from hfc_keras.models.preprocessing import MODES, ImageNetPixels

pytestmark = pytest.mark.jax

IMAGES = np.random.default_rng(0).random((2, 4, 4, 3), "float32")


def flat(channels=3):
    layers = [keras.Input((4, 4, channels)), keras.layers.Flatten(), keras.layers.Dense(2)]
    return keras.Sequential(layers)


@pytest.mark.parametrize("mode", MODES)
def test_a_name_is_what_keras_does_to_pixels_of_0_to_255(mode, tmp_path):
    expected = imagenet_utils.preprocess_input(255 * IMAGES, mode=mode)
    found = ImageNetPixels(mode)(IMAGES)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    model = flat()
    classifier = models.as_classifier(model, preprocessing=mode)
    np.testing.assert_allclose(classifier(IMAGES), model(expected), rtol=1e-4, atol=1e-3)
    classifier.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(IMAGES), classifier(IMAGES))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preprocessing": "torchvision"}, "nearest: 'torch'"),
        ({"preprocessing": 3}, "one of caffe, torch, tf, a Keras layer or a function"),
        ({"preprocessing": "tf", "pixels": (0, 255)}, "`pixels` must be left out beside"),
    ],
)
def test_what_is_no_preprocessing_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        models.as_classifier(flat(), **options)


def test_gray_images_have_no_mean_of_three_colors():
    with pytest.raises(ValueError, match="needs images with three channels"):
        models.as_classifier(flat(1), preprocessing="torch")
    assert models.as_classifier(flat(1), preprocessing="tf").output_shape == (None, 2)


@pytest.mark.parametrize("mode", MODES)
def test_it_has_an_inverse(mode):
    layer = ImageNetPixels(mode)
    np.testing.assert_allclose(layer.inverse(np.asarray(layer(IMAGES))), IMAGES, atol=1e-5)


@pytest.mark.parametrize("name", COLOR_WAYS)
def test_the_page_advises_what_both_doors_take(name):
    way = COLOR_WAYS[name]
    option, argument = re.fullmatch(
        r"--preprocessing (\w+) \(preprocessing='(\w+)'\)", way.option
    ).groups()
    assert option == argument == way.layer().mode
