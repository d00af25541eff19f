"""What `inspect` advises on how a model is fed, on networks whose right way is known."""

import re

import keras
import numpy as np
import pytest
from keras import ops

import hfc_keras
from hfc_keras import data, models
from hfc_keras.inspection import inspecting
from hfc_keras.models.preprocessing import ImageNetPixels

pytestmark = pytest.mark.jax


@pytest.fixture(autouse=True)
def answers_alone(monkeypatch):
    only = [each for each in inspecting.SECTIONS if each.key == "answers"]
    monkeypatch.setattr(inspecting, "SECTIONS", only)


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", examples=(600, 200))


def advice(model, split, **options):
    found = hfc_keras.inspect(model, split.images, split.labels, name="m", **options)
    return [each.text for each in found.remedies["m"]]


def nearest_means(digits, scale, factor):
    """Linear network that takes digits times a scale, its logits times a factor."""
    images, labels = digits.train.images.reshape(600, -1), digits.train.labels
    means = np.stack([images[labels == label].mean(axis=0) for label in range(10)])
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(10))
    bias = -0.5 * (means**2).sum(axis=1)
    model.layers[-1].set_weights([factor * means.T / scale, factor * bias])
    return model


def test_a_model_far_less_sure_than_right_may_know_other_pixels(digits):
    # Without a bias, the range of pixels does not change an answer, only how sure it is.
    model = nearest_means(digits, scale=1, factor=3)
    weights = model.layers[-1].get_weights()
    normed = weights[0] / np.linalg.norm(weights[0], axis=0)
    model.layers[-1].set_weights([normed / 20, 0 * weights[1]])
    (told,) = advice(model, digits.test)
    assert "; with pixels in 0-255 it would be right on" in told and "--pixels 0 255" in told
    assert advice(model, digits.test, pixels=(0, 255)) == []


def test_a_small_gain_that_is_no_luck_is_told(digits):
    # (x + 1) / 2 is what it should compare with the means; fed x, it finds 0.81 as it is.
    model = nearest_means(digits, scale=1, factor=5)
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel / 2, bias + 0.4 * kernel.sum(axis=0)])
    (told,) = advice(model, digits.test)
    assert "pixels in [-1, 1]" in told and "--pixels -1 1" in told
    assert advice(model, digits.test, pixels=(-1, 1)) == []


# Of two of these, by chance, few answers are right as they are and more on [-1, 1].
@pytest.mark.parametrize("seed", [0, 140, 196])
def test_no_advice_for_a_model_that_guesses(seed, digits):
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    model = keras.Sequential(layers)
    few = data.Split(digits.test.pixels[:40], digits.test.labels[:40])
    assert not [each for each in advice(model, few) if "would be right" in each]


def of_pixels(digits, low, high):
    """Linear network that was trained on digits from low to high."""
    model = nearest_means(digits, scale=1, factor=20)
    kernel, bias = model.layers[-1].get_weights()
    scaled = kernel / (high - low)
    model.layers[-1].set_weights([scaled, bias - low * scaled.sum(axis=0)])
    return model


def promised(text):
    return float(re.search(r"would be right on (0\.\d+)", text)[1])


@pytest.mark.parametrize("as_made", [lambda model, pixels: model, models.as_classifier])
@pytest.mark.parametrize(
    ("own", "given"), [((-1, 1), (0, 255)), ((0, 255), (-1, 1)), ((0, 1), (0, 255))]
)
def test_what_is_promised_of_another_range_is_what_the_option_gives(own, given, as_made, digits):
    model = of_pixels(digits, *own)
    option = {"pixels": given} if as_made is not models.as_classifier else {}
    (told,) = advice(as_made(model, given), digits.test, **option)
    assert f"--pixels {own[0]} {own[1]} (pixels={own})." in told
    found = hfc_keras.inspect(model, digits.test, pixels=own, name="m")
    assert promised(told) == round(found.subjects["m"].accuracy, 2)
    assert found.remedies["m"] == []


def colored(digits, layer):
    """The same of three channels, behind a layer; its images, of few different grays."""
    dark, bright = 0.75, 0.8
    mean = keras.layers.Conv2D(1, 1, use_bias=False)
    last = of_pixels(digits, dark, bright)
    model = keras.Sequential([keras.Input((8, 8, 3)), *layer, mean, last])
    mean.set_weights([np.array([0.2, 0.3, 0.5]).reshape(1, 1, 3, 1)])
    images = dark + (bright - dark) * digits.test.images
    return model, data.Split(np.repeat(images, 3, axis=3), digits.test.labels)


@pytest.mark.parametrize("mode", ["torch", "caffe"])
def test_a_preprocessing_is_advised_and_taken_back(mode, digits):
    normalizing = ImageNetPixels(mode)
    model, split = colored(digits, [Undone(mode)])
    (told,) = advice(model, split, pixels=(0, 255))
    assert f": --preprocessing {mode} (preprocessing='{mode}')." in told
    assert promised(told) > 0.7 and advice(model, split, preprocessing=mode) == []
    # With the layer in the model, the option is one too many.
    within, split = colored(digits, [normalizing, Undone(mode)])
    (told,) = advice(within, split, preprocessing=mode)
    assert ": leave --preprocessing out and add --pixels 0 1 (pixels=(0, 1))." in told
    assert advice(within, split, pixels=(0, 1)) == []


def test_a_preprocessing_of_ones_own_stays(digits):
    model, split = colored(digits, [])
    halved = keras.layers.Rescaling(0.5)
    doubled = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(2), model])
    (told,) = advice(doubled, split, pixels=(0, 255), preprocessing=halved)
    assert ": --pixels 0 1 (pixels=(0, 1))." in told
    assert advice(doubled, split, pixels=(0, 1), preprocessing=halved) == []


def test_advice_on_classes_has_a_heading_of_its_own(digits):
    model = of_pixels(digits, 0, 1)
    found = hfc_keras.inspect(model, digits.test.images, (digits.test.labels + 3) % 10, name="m")
    (remedy,) = found.remedies["m"]
    order = [(label - 3) % 10 for label in range(10)]
    assert f"(in Python, labels = np.array({order})[labels])" in remedy.text
    page = found.to_html()
    assert "Are the classes in the order of training?" in page
    assert "Is the input preprocessed" not in page


@keras.saving.register_keras_serializable(package="tests")
class Undone(keras.layers.Layer):
    """Gives back the images of pixels that a preprocessing made."""

    def __init__(self, mode, **options):
        super().__init__(**options)
        low, high = (ImageNetPixels(mode)(np.full((1, 1, 1, 3), value)) for value in (0.0, 1.0))
        self.low, self.high = np.asarray(low), np.asarray(high)
        self.order = -1 if mode == "caffe" else 1

    def call(self, inputs):
        images = (inputs - self.low) / (self.high - self.low)
        return images if self.order == 1 else ops.flip(images, -1)
