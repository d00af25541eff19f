import keras
import numpy as np
import pytest
from own.linear import threshold_model

from hfc_keras import data, models
from hfc_keras.analysis.band_stop_accuracy import band_stop_accuracy

COLUMNS = ["inner", "outer", "coefficients", "accuracy", "drop", "examples"]


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", examples=(300, 70)).test


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return models.build("small_cnn", (8, 8, 1), 10, width=0.25)


def distances(height, width):
    rows, columns = (np.fft.fftfreq(size, 1 / size) for size in (height, width))
    return np.hypot(rows[:, None], columns[None, :])


@pytest.mark.parametrize(("size", "bands"), [((8, 8), 4), ((8, 8), 3), ((7, 10), 3), ((9, 9), 2)])
def test_accuracy_equals_that_of_numpy(size, bands, rng):
    weights = rng.normal(size=(*size, 2))
    images = rng.uniform(0, 1, (60, *size, 2)).astype("float32")
    labels = (np.einsum("nhwc,hwc->n", images, weights) > 0).astype(int)
    labels[:6] = 1 - labels[:6]
    table = band_stop_accuracy(threshold_model(weights), images, labels, bands)
    assert list(table.columns) == COLUMNS and len(table) == bands + 1
    assert table["accuracy"][0] == 0.9 and np.isnan(table.loc[0, ["inner", "outer"]]).all()
    distance, step = distances(*size), min(size) / 2 / bands
    for number, row in enumerate(table.iloc[1:].itertuples()):
        last = number == bands - 1
        stopped = (distance > number * step) & (last | (distance <= (number + 1) * step))
        assert row.inner == pytest.approx(number * step)
        assert row.outer == pytest.approx(distance.max() if last else (number + 1) * step)
        assert row.coefficients == stopped.sum() > 0
        transform = np.fft.fft2(images, axes=(1, 2)) * ~stopped[..., None]
        rest = np.fft.ifft2(transform, axes=(1, 2)).real
        logits = np.einsum("nhwc,hwc->n", rest, weights)
        assert np.abs(logits).min() > 1e-4
        assert row.accuracy == pytest.approx(((logits > 0) == labels).mean())
        assert row.drop == pytest.approx(0.9 - row.accuracy)
    assert table["accuracy"].nunique() > 1
    # Every frequency but zero is in one ring.
    assert table["coefficients"].sum() == size[0] * size[1] - 1


def test_a_model_that_reads_one_ring_fails_without_it_alone(rng):
    stripes = np.cos(np.pi * np.arange(8) / 2)[None, :, None] * np.ones((8, 1, 1))
    labels = rng.integers(0, 2, 50)
    images = 0.5 + 0.3 * (2 * labels - 1)[:, None, None, None] * stripes
    table = band_stop_accuracy(threshold_model(stripes, 1e-3), images, labels, 4)
    assert table["accuracy"][[0, 1, 3, 4]].tolist() == [1, 1, 1, 1]
    # Without its ring, (1, 2], the logit is rounding of zero, and the threshold above it.
    assert table["accuracy"][2] < 0.9


def test_the_mean_stays_and_one_band_takes_all_else(rng):
    labels = rng.integers(0, 2, 30)
    images = np.clip(rng.normal(0.2 + 0.6 * labels, 0.02, (6, 6, 1, 30)), 0, 1)
    images = np.moveaxis(images, -1, 0).astype("float32")
    bright = threshold_model(np.ones((6, 6, 1)))
    bright = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Rescaling(1, -0.5), bright])
    table = band_stop_accuracy(bright, images, labels, bands=1)
    assert table["accuracy"].tolist() == [1.0, 1.0]
    assert table["outer"][1] == pytest.approx(np.hypot(3, 3))


def test_batch_size_and_one_hot_labels_change_nothing(model, digits):
    first = band_stop_accuracy(model, digits.images, digits.labels, 4)
    hot = np.eye(10)[digits.labels]
    for size in (1, 32, 70):
        other = band_stop_accuracy(model, digits.images, hot, 4, batch_size=size)
        assert other.equals(first)


def test_more_bands_than_frequencies_and_one_image(model, digits):
    table = band_stop_accuracy(model, digits.images[:1], digits.labels[:1])
    assert len(table) == 17 and set(table["accuracy"]) <= {0.0, 1.0}
    empty = table.index[table["coefficients"] == 0][1:]
    assert len(empty) and (table["drop"][empty] == 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bands": 0}, "Received: bands=0"),
        ({"bands": 2.5}, "Received: bands=2.5"),
        ({"batch_size": 0}, "Received: batch_size=0"),
        ({"images": np.full((2, 8, 8, 1), 200, "int32")}, "int32"),
        ({"images": np.full((2, 8, 8, 1), -0.5)}, "Received: images.min=-0.5"),
        ({"images": np.zeros((2, 1, 8, 8))}, "channels last"),
        ({"images": np.zeros((2, 9, 8, 1))}, "the model's input shape"),
        ({"labels": None}, "one label for each of 2 images"),
        ({"labels": [0, 10]}, "class indices from 0 to 9"),
    ],
)
def test_refusals(model, changes, message):
    told = {"images": np.zeros((2, 8, 8, 1)), "labels": [0, 1], **changes}
    with pytest.raises(ValueError, match=message):
        band_stop_accuracy(model, **told)


@pytest.mark.parametrize(
    ("activation", "message"),
    [("softmax", "must return logits"), ("nan", "must return finite logits")],
)
def test_outputs_that_are_no_logits_are_refused(activation, message, digits):
    last = {"softmax": keras.layers.Softmax(), "nan": keras.layers.Rescaling(np.nan)}[activation]
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10), last]
    with pytest.raises(ValueError, match=message):
        band_stop_accuracy(keras.Sequential(layers), digits.images, digits.labels, 2)
