"""What `inspect` advises on how a model is fed, on networks whose right way is known."""

import keras
import numpy as np
import pytest

import hfc_keras
from hfc_keras import data
from hfc_keras.inspection import inspecting

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
    return found.remedies["m"]


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
    assert "sure on average; with pixels in 0-255" in told and "--pixels 0 255" in told
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
