"""Images that a network was trained on, drawn again for its population statistics."""

import importlib

import numpy as np
import pytest
from own.trainings import TINY, network

from hfc_keras import attacks, gradients, training

DIGITS = training.load_data(TINY)
# The function of the same name hides it.
MODULE = importlib.import_module("hfc_keras.training.population_images")


@pytest.mark.parametrize(
    ("changes", "augmented"),
    [
        ({}, False),
        ({"component": "low", "radius": 2}, False),
        ({"rescale": True}, False),
        ({"labels": "shuffled", "dropout": 0.5}, False),
        ({"augmentation": "crop_flip"}, True),
        ({"noise": 0.1}, True),
        ({"mix_up": 0.5}, True),
        ({"mix_up": 0.5, "mix_up_weight": "batch"}, True),
        ({"recombination": "apr_s"}, True),
        ({"recombination": "hybrid"}, True),
        ({"adversary": attacks.Fgsm(0.1)}, True),
    ],
)
def test_what_changes_the_images_each_epoch(changes, augmented):
    assert training.is_augmented(TINY.but(**changes), DIGITS) == augmented


@pytest.mark.few(1)
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "changes",
    [
        {"noise": 0.2, "rescale": True},
        {"augmentation": "crop_flip", "mix_up": 0.5, "component": "low", "radius": 2},
        {"recombination": "apr_sp"},
    ],
)
def test_augmented_images_are_those_of_a_training_epoch(changes):
    recipe = TINY.but(**changes, epochs=3)
    batches = training.training_data.training_batches(recipe, DIGITS)
    batches.epoch = 3
    expected = []
    for step in range(len(batches)):
        rows = batches.rows(step)
        pixels, labels = batches.split.pixels[rows], batches.split.labels[rows].astype("int32")
        expected.append(batches.transform(pixels, labels, batches.keys(step))[0])
    expected = np.concatenate(expected)
    found = training.population_images(recipe, DIGITS)
    # The random layers are those of training; what compiles them may round.
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.dtype == np.float32 and len(found) in (300, 600)


def test_images_that_stay_as_they_are_are_all_of_them_filtered():
    recipe = TINY.but(component="high", radius=2)
    expected = training.filtered_images(recipe, DIGITS.train)
    np.testing.assert_array_equal(training.population_images(recipe, DIGITS), expected)
    np.testing.assert_array_equal(training.population_images(TINY, DIGITS), DIGITS.train.images)


def test_as_many_as_a_mean_needs(monkeypatch):
    monkeypatch.setattr(MODULE, "MOST", 130)
    assert len(training.population_images(TINY.but(noise=0.1), DIGITS)) == 130


def test_attacked_images_are_those_that_harm_the_network(monkeypatch):
    monkeypatch.setattr(MODULE, "MOST_ATTACKED", 50)
    model, recipe = network(seed=0), TINY.but(adversary=attacks.Pgd(0.1, steps=3))
    found = training.population_images(recipe, DIGITS, model)
    batches = training.training_data.training_batches(recipe, DIGITS)
    batches.epoch = recipe.epochs
    rows = batches.rows(0)[:50]
    images, labels = DIGITS.train.images[rows], DIGITS.train.labels[rows]
    assert found.shape == images.shape
    assert 0.09 < np.abs(found - images).max() <= 0.1 + 1e-6
    before, after = (gradients.predicted(model, each) for each in (images, found))
    assert (after.argmax(axis=1) == labels).sum() <= (before.argmax(axis=1) == labels).sum()
    margin = [each[np.arange(50), labels] - each.mean(axis=1) for each in (before, after)]
    assert margin[1].mean() < margin[0].mean()


def test_an_adversary_needs_its_network():
    with pytest.raises(ValueError, match="`model` must be the network of a recipe with an adver"):
        training.population_images(TINY.but(adversary=attacks.Fgsm(0.1)), DIGITS)
