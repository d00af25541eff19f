import itertools

import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import analysis, data, models, singular_values, spectrum

pytestmark = pytest.mark.jax

OUTCOMES = list(itertools.product(["right", "wrong"], repeat=3))
NAMES = ["original", "low", "high"]


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", examples=(200, 130))


@pytest.fixture(scope="module")
def model(digits):
    """A network that is right on some images, some low and some high components."""
    keras.utils.set_random_seed(0)
    model = models.build("small_cnn", (8, 8, 1), 10, width=0.25, normalization="batch")
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(digits.train.images, digits.train.labels, batch_size=20, epochs=4, verbose=0)
    return model


class Told(keras.Model):
    """Gives one answer to images (mean above 0.1) and another one to components without mean."""

    def __init__(self, image, component):
        super().__init__()
        self.answers = 3 * np.eye(10, dtype="float32")[[component, image]]

    def call(self, x):
        return ops.take(self.answers, ops.cast(ops.mean(x, (1, 2, 3)) > 0.1, "int32"), axis=0)


def parts_of(images, radius, decomposition):
    """Low and high parts from NumPy's FFT or from the split by singular values."""
    mask = spectrum.radial_mask(8, 8, radius)[None, :, :, None]
    low = np.fft.ifft2(np.fft.fft2(images, axes=(1, 2)) * mask, axes=(1, 2)).real
    if decomposition == "svd":
        low = np.asarray(singular_values.split(images, np.square(low).sum(axis=(1, 2)))[0])
    return low.astype("float32"), (images - low).astype("float32")


@pytest.mark.slow
@pytest.mark.parametrize("decomposition", ["fourier", "svd"])
def test_counts_equal_a_slow_count(decomposition, digits, model):
    images, labels = digits.test.images, digits.test.labels
    table = analysis.contingency(model, images, labels, [1, 3], decomposition, batch_size=50)
    for radius, part in table.groupby("radius"):
        low, high = parts_of(images, radius, decomposition)
        flags = [model.predict(x, verbose=0).argmax(axis=1) == labels for x in (images, low, high)]
        words = [tuple(np.where(row, "right", "wrong")) for row in np.transpose(flags)]
        assert part[NAMES].apply(tuple, axis=1).tolist() == OUTCOMES
        assert part["count"].tolist() == [words.count(outcome) for outcome in OUTCOMES]
        energy = (low**2).sum() / (images**2).sum()
        np.testing.assert_allclose(part["low_energy"], energy, rtol=1e-4)
    np.testing.assert_allclose(table["share"], table["count"] / 130)
    assert set(table["decomposition"]) == {decomposition} and set(table["examples"]) == {130}
    assert (table["count"] > 0).sum() > 8


def assert_margins(table, expected):
    """Sums of a contingency table over the other two kinds of images are accuracies."""
    for row in expected.itertuples():
        radius = table["radius"].iloc[0] if np.isnan(row.radius) else row.radius
        own = table[table["radius"] == radius]
        share = own.loc[own[row.component] == "right", "share"].sum()
        assert share == pytest.approx(row.accuracy)


@pytest.mark.parametrize("statistics", ["moving", "batch", "population"])
def test_margins_are_the_accuracies_by_component(statistics, digits, model):
    options = {"bn_statistics": statistics, "train_images": digits.train.images}
    arguments = (model, digits.test.images, digits.test.labels, [2, 3])
    table = analysis.contingency(*arguments, **options, scaling="max")
    expected = analysis.frequency_accuracy(*arguments, **options, scaling="max")
    assert_margins(table, expected)
    assert set(table["bn_statistics"]) == {statistics}


def test_radii_of_squares_in_shares_of_nyquist(digits, model):
    arguments = (model, digits.test.images, digits.test.labels)
    options = {"mask": "square", "unit": "nyquist"}
    table = analysis.contingency(*arguments, [0.5, 0.75], **options)
    assert table["radius"].unique().tolist() == [0.5, 0.75]
    assert_margins(table, analysis.frequency_accuracy(*arguments, [0.5, 0.75], **options))
    # A square of half of Nyquist holds more than a disc of 2 cycles.
    discs = analysis.contingency(*arguments, [2, 3])
    assert (table["low_energy"].to_numpy() > discs["low_energy"].to_numpy()).all()
    usual = analysis.contingency(*arguments, unit="nyquist")
    assert usual["radius"].unique().tolist() == [0.25, 0.5, 0.75, 1.0]
    found = analysis.component_probabilities(model, digits.test.images, 0.5, **options)
    for name, values in found.items():
        right = (values.argmax(axis=1) == digits.test.labels).mean()
        own = table[table["radius"] == 0.5]
        assert own.loc[own[name] == "right", "share"].sum() == pytest.approx(right)


def test_chance_is_the_mean_over_answers_dealt_at_random(digits, model, rng):
    images, labels = digits.test.images, digits.test.labels
    table = analysis.contingency(model, images, labels, [2]).set_index(NAMES)
    found = analysis.component_probabilities(model, images, 2)
    answers = {name: values.argmax(axis=1) for name, values in found.items()}
    right = {name: values == labels for name, values in answers.items()}
    for original, low in itertools.product([True, False], repeat=2):
        among = np.flatnonzero((right["original"] == original) & (right["low"] == low))
        dealt = [
            (rng.permutation(answers["high"][among]) == labels[among]).sum() for _ in range(3000)
        ]
        words = ["right" if flag else "wrong" for flag in (original, low)]
        chance = [table.loc[(*words, high), "chance"] for high in ("right", "wrong")]
        assert 130 * chance[0] == pytest.approx(np.mean(dealt), abs=0.25)
        assert 130 * sum(chance) == pytest.approx(len(among))


def test_one_answer_to_every_high_component_is_chance(digits):
    table = analysis.contingency(Told(3, 5), digits.test.images, digits.test.labels, [1, 4])
    np.testing.assert_allclose(table["share"], table["chance"])
    threes, fives = ((digits.test.labels == digit).sum() for digit in (3, 5))
    counts = table[table["radius"] == 4].set_index(NAMES)["count"]
    assert counts["right", "right", "wrong"] == threes
    assert counts["wrong", "wrong", "right"] == fives
    assert counts["wrong", "wrong", "wrong"] == 130 - threes - fives


def test_probabilities_are_the_softmax_of_each_part(digits, model):
    images = digits.test.images[:7]
    found = analysis.component_probabilities(model, images, 2, "svd", batch_size=3)
    parts = (images, *parts_of(images, 2, "svd"))
    for name, part in zip(NAMES, parts, strict=True):
        logits = model.predict(part, verbose=0)
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found[name], expected, atol=1e-5)
    assert list(found) == NAMES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decomposition": "pca"}, "'fourier', 'svd'.*Received: decomposition='pca'"),
        ({"mask": "circle"}, "Received: mask='circle'"),
        ({"unit": "pixels"}, "Received: unit='pixels'"),
        ({"radii": []}, "`radii` must hold at least one"),
        ({"labels": np.full(130, 10)}, "from 0 to 9.*labels.max=10"),
        ({"labels": np.zeros(3, int)}, "each of 130 images"),
        ({"images": np.full((130, 8, 8, 1), 2.0)}, "pixels in"),
        ({"images": np.zeros((130, 9, 8, 1))}, "the model's input shape"),
        ({"batch_size": 0}, "Received: batch_size=0"),
        ({"bn_statistics": "population"}, "`train_images` must be given"),
    ],
)
def test_wrong_arguments_are_refused(change, message, digits, model):
    good = {"images": digits.test.images, "labels": digits.test.labels, "radii": [2]}
    with pytest.raises(ValueError, match=message):
        analysis.contingency(model, **{**good, **change})
