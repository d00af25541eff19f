"""What a profile makes of its numbers: the headline, readings, and what to do."""

import dataclasses

import keras
import numpy as np
import pandas as pd
import pytest

import hfc_keras
from hfc_keras import data, kernels, layers
from hfc_keras.inspection import remedies
from hfc_keras.inspection.budget import Budget
from hfc_keras.inspection.headline import headline
from hfc_keras.inspection.inspected import Inspected
from hfc_keras.inspection.sections import (
    answers,
    calibration,
    fourier_heat_map,
    frequency_accuracy,
)
from hfc_keras.reporting import heat_map_cells

pytestmark = pytest.mark.jax
ABOVE = "half of its accuracy above chance"
LITTLE = [0.1, 0.1, 0.2, 0.3]
MIDDLE = [0.1, 0.2, 0.6, 0.9]


def made(labels, given, names=None, model=None):
    """A subject of given labels and answers among ten classes, its images of 32 pixels."""
    images = np.full((len(labels), 32, 32, 1), 0.5, "float32")
    budget = Budget.of((32, 32, 1), len(labels), fast=True)
    subject = Inspected("m", model, images, np.array(labels), True, names or {}, None, budget)
    vars(subject)["logits"] = np.eye(10)[np.array(given)]
    return subject


def curves(low, high):
    """Accuracy on components with moving and with batch statistics; 0.90 of the images right."""
    radii = [2.0, 4.0, 8.0, 12.0]
    parts = [("original", [np.nan], [0.9]), ("low", radii, low), ("high", radii, high)]
    columns = ("component", "radius", "accuracy")
    rows = pd.concat(pd.DataFrame(dict(zip(columns, part, strict=True))) for part in parts)
    rows = rows.assign(statistics_of="each batch of 20 images")
    batch = rows.assign(accuracy=rows["accuracy"] - 0.1, bn_statistics="batch")
    return pd.concat([batch, rows.assign(bn_statistics="moving")], ignore_index=True)


@pytest.mark.parametrize(
    ("low", "number", "told"),
    [
        (
            # Half of what it has above chance is 0.5, three quarters of the way from 4 to 8.
            MIDDLE,
            "about 7",
            f"Frequencies up to about 7 of 16 cycles per image are enough for {ABOVE} (0.90 on 20 "
            "images, chance 0.1); those above this alone give about 0.35, and 0.25 with the "
            "batch-norm statistics of each batch of 20 images.",
        ),
        (
            LITTLE,
            "> 12",
            f"Not even the frequencies up to r = 12 are enough for {ABOVE} (0.30 of 0.90 on 20 "
            "images, chance 0.1); those above r = 2 alone give 0.90, and 0.80 with",
        ),
    ],
)
def test_reading_of_the_components(low, number, told):
    subject = made(np.arange(20) % 10, np.arange(20) % 10)
    reading = frequency_accuracy.SECTION.read(curves(low, [0.9, 0.5, 0.3, 0.1]), subject)
    assert reading.number == number and reading.sentence.startswith(told)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (
            MIDDLE,
            LITTLE[::-1],
            "lives on low and middle frequencies: those up to about 7 of 16 cycles per image are "
            f"enough for {ABOVE}, but not those above 2 alone.",
        ),
        (
            MIDDLE,
            [0.9, 0.5, 0.3, 0.1],
            "lives on low and middle frequencies: those up to about 7 of 16 cycles per image are "
            f"enough for {ABOVE}, and so are those above about 4 alone.",
        ),
        (
            [0.6, 0.7, 0.8, 0.9],
            [0.9, 0.9, 0.9, 0.8],
            "can live on low frequencies and on higher ones alike: those up to 2 of 16 cycles per "
            f"image are enough for {ABOVE}, and so are those above 12 alone.",
        ),
        (
            LITTLE,
            [0.9, 0.8, 0.2, 0.1],
            "lives on middle and high frequencies: those up to 12 of 16 cycles per image are not "
            f"enough for {ABOVE}, but those above about 6 alone are.",
        ),
        (
            LITTLE,
            LITTLE[::-1],
            "needs most frequencies at once: those up to 12 of 16 cycles per image are not enough "
            f"for {ABOVE}, nor those above 2 alone.",
        ),
    ],
)
def test_headline_says_which_frequencies_are_enough(low, high, told):
    subject = made(np.arange(20) % 10, np.arange(20) % 10)
    assert headline(subject, {"frequency_accuracy": curves(low, high)}) == f"m {told}"


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ((1, 0), "lives on low frequencies"),
        ((0, 1), "lives on high frequencies"),
        ((1, 1), "can live on low frequencies and on higher ones alike"),
    ],
)
def test_headline_of_planted_models(weights, told, only):
    """Two classes that differ by a slow wave and by a fast one, of which a model knows some."""
    labels = np.arange(60) % 2
    x = np.arange(16) * 2 * np.pi / 16
    slow, fast = (np.cos(frequency * x)[None, :, None] for frequency in (1, 7))
    signs = (2 * labels - 1)[:, None, None, None]
    images = (0.5 + 0.2 * signs * (slow + fast) + np.zeros((60, 16, 16, 1))).astype("float32")
    known = (weights[0] * slow + weights[1] * fast + np.zeros((16, 16, 1))).ravel()
    model = keras.Sequential(
        [keras.Input((16, 16, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    # Of an image without either wave, which no weight tells, the answer is always the same.
    model.layers[-1].set_weights([np.stack([-known, known], axis=1), np.array([0.1, 0.0])])
    only("answers", "frequency_accuracy")
    profile = hfc_keras.inspect(model, images, labels, name="m", fast=True)
    assert profile.headlines[0].startswith(f"m {told}: ")


class Changing(keras.layers.Conv2D):
    """A convolution with something else than its weights."""

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, kernel - keras.ops.mean(kernel))


def test_first_layer_is_what_it_convolves_with(only):
    smooth, own = (
        keras.Sequential(
            [keras.Input((8, 8, 1)), layer, keras.layers.Flatten(), keras.layers.Dense(10)]
        )
        for layer in (layers.SmoothConv2D(4, 3, rho=1), Changing(4, 3, name="own"))
    )
    only("first_layer")
    test = data.load("digits", examples=(1, 20)).test
    profile = hfc_keras.inspect({"smooth": smooth, "own": own}, test, fast=True)
    expected = float(kernels.roughness(kernels.smooth(np.asarray(smooth.layers[0].kernel), 1)))
    shown = profile.first_layer
    assert set(shown["model"]) == {"smooth"}
    assert shown["kernel_roughness"].iloc[0] == pytest.approx(expected)
    assert "'own', has a convolution_op of its own" in profile.to_html().replace("&#39;", "'")


def test_a_range_of_pixels_that_gains_by_luck_is_no_advice():
    """Of dark images everything is put into class 0, to which some happen to belong."""
    model = keras.Sequential(
        [keras.Input((32, 32, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    weights, bias = np.zeros((1024, 10)), np.full(10, -1.0)
    weights[:, 1], bias[:2] = 1, (0, -10)
    model.layers[-1].set_weights([weights, bias])
    labels = np.repeat([0, *range(2, 10)], [9, *[6] * 7, 9])
    assert remedies.remedies(made(labels, np.ones(60, int), model=model)) == []


def test_an_order_of_classes_is_told_in_the_order_of_the_data():
    """The data's classes cat and dog are the model's 1 and 0, and should be its 0 and 2."""
    labels = np.repeat([0, 1], 10)
    subject = made(labels, np.array([2, 0])[labels], {1: "cat", 0: "dog"})
    told = "--class-indices 0 2 (in Python, labels = np.array([2, 0])[labels]) says so."
    assert remedies._classes(subject)[0].endswith(told)


def test_radii_that_cross_between_measured_ones_have_a_headline():
    """Half is reached by low ones before high ones lose it, but at no measured radius by both."""
    subject = made(np.arange(100) % 10, np.arange(100) % 10)
    low, high = [0.1, 0.48, 0.7, 0.8], [0.8, 0.7, 0.45, 0.2]
    said = headline(subject, {"frequency_accuracy": curves(low, high)})
    assert "lives on low and middle frequencies" in said and "those above about 7 alone" in said


@pytest.mark.parametrize(
    ("labels", "given", "told"),
    [
        (np.zeros(100, int), np.ones(100, int), "m is near chance on these images."),
        (np.zeros(2, int), np.zeros(2, int), "m cannot be judged by 2 images; use 20 or more."),
        (np.array([0, *[1] * 99]), np.array([0, *[1] * 99]), "m lives on"),
    ],
)
def test_images_that_do_not_suffice_have_no_headline(labels, given, told):
    said = headline(made(labels, given), {"frequency_accuracy": curves(MIDDLE, LITTLE)})
    assert said.startswith(told)


def test_too_little_above_chance_has_no_headline():
    table = curves([0.1, 0.12, 0.14, 0.16], [0.16, 0.14, 0.12, 0.1])
    table.loc[table["component"] == "original", "accuracy"] = 0.2
    given = np.arange(100) % 10
    labels = np.where(np.arange(100) < 40, given, (given + 1) % 10)
    said = headline(made(labels, given), {"frequency_accuracy": table})
    assert said == "m is too close to chance here to tell which frequencies it lives on."


def test_own_answers_are_no_chance():
    """Without labels the model is compared with itself, whatever it answers."""
    subject = dataclasses.replace(made([1] * 999 + [0], [1] * 999 + [0]), labelled=False)
    assert subject.doubt == ""


@pytest.mark.parametrize(
    ("sure", "right", "word"),
    [(0.999, 1.0, "well calibrated"), (0.9, 1.0, "underconfident"), (0.9, 0.5, "overconfident")],
)
def test_calibration_of_a_perfect_model_is_no_lack_of_confidence(sure, right, word):
    table = pd.DataFrame(
        {"mean_confidence": [sure], "mean_accuracy": right, "expected_calibration_error": 0.1}
    )
    subject = made(np.arange(200) % 10, np.arange(200) % 10)
    assert f"It is {word}" in calibration.SECTION.read(table, subject).sentence


def test_waves_that_do_no_harm_are_not_blamed():
    errors = np.zeros((32, 32))
    table = heat_map_cells(errors, 0.0)
    subject = made(np.arange(20) % 10, np.arange(20) % 10)
    assert "no wave raises it" in fourier_heat_map.SECTION.read(table, subject).sentence
    errors[20, 16] = errors[12, 16] = 0.5
    reading = fourier_heat_map.SECTION.read(heat_map_cells(errors, 0.0), subject)
    assert "it is highest at 4 cycles among others (0.50" in reading.sentence


def test_the_heat_map_shows_the_rise_over_the_images_as_they_are():
    subject = made(np.arange(20) % 10, np.arange(20) % 10)
    tables = {"net": heat_map_cells(np.full((4, 4), 0.5), 0.25)}
    axes, bar = fourier_heat_map.SECTION.draw(tables, {"net": subject})[""].axes
    np.testing.assert_allclose(axes.images[0].get_array(), 0.25)
    assert bar.get_ylabel() == "rise of the error rate over clean"
    assert axes.get_title().endswith("clean error 0.250\n(guessing +0.650)")


def test_an_interval_of_answers_lies_within_0_and_1():
    subject = made(np.arange(20) % 10, np.arange(20) % 10)
    table = answers.SECTION.measure(subject)
    reading = answers.SECTION.read(table, subject)
    assert "1.00 of 20 images right (95% interval 0.84 to 1.00; chance 0.1)" in reading.sentence


def test_examples_are_some_of_the_images(only):
    only("answers")
    test = data.load("digits", examples=(1, 60)).test
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(10))
    profile = hfc_keras.inspect(model, test.images, test.labels, examples=30, fast=True)
    assert profile.answers["examples"].sum() == 30
