import warnings

import keras
import numpy as np
import pytest
from own.linear import threshold_model

from hfc_keras import data, spectrum
from hfc_keras.analysis.fourier_heat_map import PHASE, _waves, fourier_heat_map, half_plane


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", examples=(300, 30)).test


@pytest.fixture(scope="module")
def model():
    """Random logits, so that each image has a class of its own."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    return keras.Sequential(layers)


@pytest.mark.parametrize(
    ("size", "count"),
    [((32, 32), 514), ((63, 63), 1985), ((4, 5), 11), ((5, 4), 11), ((1, 1), 1), ((2, 1), 2)],
)
def test_half_plane_holds_one_of_each_pair(size, count):
    pairs = half_plane(*size)
    assert pairs.shape == (count, 2)
    covered = np.zeros(size, int)
    for row, column in pairs:
        covered[row, column] += 1
        covered[-row, -column] += (row, column) != (-row % size[0], -column % size[1])
    assert (covered == 1).all()


@pytest.mark.parametrize("shape", [(4, 6, 1), (5, 4, 3)])
def test_errors_equal_those_of_numpy(shape, rng):
    height, width, channels = shape
    weights = rng.normal(size=shape)
    images = rng.uniform(0, 1, (23, *shape)).astype("float32")
    margins = np.einsum("nhwc,hwc->n", images, weights)
    labels = np.where(rng.uniform(size=23) < 0.8, margins > 0, margins <= 0).astype(int)
    found = fourier_heat_map(threshold_model(weights), images, labels, 1.5, seed=3)
    for row, column in half_plane(height, width):
        wave = 1.5 * spectrum.fourier_basis(height, width, row, column, PHASE)
        signs = 1 - 2 * np.random.default_rng([3, row, column]).integers(0, 2, (23, channels))
        perturbed = np.clip(images + signs[:, None, None] * wave[None, :, :, None], 0, 1)
        logits = np.einsum("nhwc,hwc->n", perturbed, weights)
        assert np.abs(logits).min() > 1e-5
        places = [
            (height // 2 + row, width // 2 + column),
            (height // 2 - row, width // 2 - column),
        ]
        for place in places:
            expected = ((logits > 0) != labels).mean()
            assert found[place[0] % height, place[1] % width] == pytest.approx(expected)
    assert found.shape == (height, width) and found.std() > 0


def test_a_model_that_reads_one_frequency_errs_there_alone():
    images, labels = np.full((40, 8, 6, 1), 0.5), np.zeros(40, int)
    weights = spectrum.fourier_basis(8, 6, 2, 1, PHASE)[..., None]
    # The wave of norm 0.5 moves the logit by 0.5 or -0.5, any other wave by 0.
    model = threshold_model(weights, 0.25)
    found = fourier_heat_map(model, images, labels, 0.5)
    upward = np.random.default_rng([0, 2, 1]).integers(0, 2, (40, 1)) == 0
    expected = np.zeros((8, 6))
    expected[4 + 2, 3 + 1] = expected[4 - 2, 3 - 1] = upward.mean()
    assert 0.2 < upward.mean() < 0.8
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("size", [(8, 8), (7, 5)])
def test_batch_size_changes_nothing_and_norm_zero_is_the_clean_error(size, rng):
    images = rng.uniform(0, 1, (11, *size, 2)).astype("float32")
    labels = rng.integers(0, 2, 11)
    network = threshold_model(rng.normal(size=(*size, 2)))
    maps = [fourier_heat_map(network, images, labels, 2.0, batch_size=n) for n in (1, 4, 11, 99)]
    for other in maps[1:]:
        np.testing.assert_array_equal(other, maps[0])
    clean = (network.predict(images, verbose=0).argmax(axis=1) != labels).mean()
    flat = fourier_heat_map(network, images, labels, norm=0)
    np.testing.assert_allclose(flat, clean)
    assert (maps[0] != clean).any()


def test_the_default_norm_the_seed_and_one_hot_labels(model, digits):
    first = fourier_heat_map(model, digits.images, digits.labels)
    again = fourier_heat_map(model, digits.images, np.eye(10)[digits.labels], norm=1.0, seed=0)
    np.testing.assert_array_equal(first, again)
    other = fourier_heat_map(model, digits.images, digits.labels, norm=4.0, seed=1)
    assert (first != other).any()
    # Mirrored at the zero frequency, but for the row and column without a partner.
    np.testing.assert_array_equal(first[1:, 1:], first[:0:-1, :0:-1])
    assert first.min() >= 0 and first.max() <= 1


def blank(height, width):
    """Two classes of an image of any size, told apart by its mean."""
    inputs = keras.Input((height, width, 1))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(2)(mean))


@pytest.mark.parametrize(
    ("limits", "rows", "columns"),
    [
        ({"step": 2}, {-4, -2, 0, 2}, {-2, 0, 2}),
        ({"step": 3}, {-3, 0, 3}, {-3, 0}),
        ({"max_frequency": 1.5}, {-1, 0, 1}, {-1, 0, 1}),
        ({"max_frequency": 3, "step": 2}, {-2, 0, 2}, {-2, 0, 2}),
        ({"max_frequency": 0}, {0}, {0}),
        ({"max_frequency": 100, "step": 1}, set(range(-4, 4)), set(range(-3, 3))),
    ],
)
def test_a_part_of_the_map_is_that_of_the_whole_one(limits, rows, columns, rng):
    images = rng.uniform(0, 1, (11, 8, 6, 1)).astype("float32")
    told = threshold_model(rng.normal(size=(8, 6, 1))), images, rng.integers(0, 2, 11), 2.0
    whole, part = fourier_heat_map(*told), fourier_heat_map(*told, **limits)
    measured = ~np.isnan(part)
    np.testing.assert_array_equal(part[measured], whole[measured])
    expected = np.isin(np.arange(-4, 4), list(rows))[:, None]
    np.testing.assert_array_equal(measured, expected & np.isin(np.arange(-3, 3), list(columns)))


def test_large_images_are_measured_in_part_unless_asked_for(rng):
    images, labels = rng.uniform(0, 1, (2, 80, 96, 1)), [0, 1]
    network = blank(80, 96)
    with pytest.warns(UserWarning, match=r"measures 433 of 3842 waves.* divisible by 3,"):
        found = fourier_heat_map(network, images, labels)
    measured = ~np.isnan(found)
    assert set(np.flatnonzero(measured.any(axis=1)) - 40) == set(range(-39, 40, 3))
    assert set(np.flatnonzero(measured.any(axis=0)) - 48) == set(range(-48, 48, 3))
    assert measured.sum() == 27 * 32


@pytest.mark.parametrize(
    ("size", "step", "count"),
    [((64, 64), 1, 2050), ((96, 96), 3, 514), ((224, 224), 23, 41), ((512, 384), 49, 39)],
)
def test_default_steps(size, step, count):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        waves = _waves(*size, None, None)
    assert len(waves) == count and len(told) == (step > 1)
    assert (np.gcd.reduce(np.minimum(waves, np.array(size) - waves).ravel())) == step
    assert len(_waves(*size, 31, 1)) == 1985


def test_one_image(model, digits):
    found = fourier_heat_map(model, digits.images[:1], digits.labels[:1])
    assert set(np.unique(found)) <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm": -1}, "Received: norm=-1"),
        ({"norm": np.nan}, "Received: norm=nan"),
        ({"norm": np.inf}, "Received: norm=inf"),
        ({"seed": -1}, "Received: seed=-1"),
        ({"step": 0}, "Received: step=0"),
        ({"step": 1.5}, "Received: step=1.5"),
        ({"max_frequency": -1}, "Received: max_frequency=-1"),
        ({"max_frequency": np.nan}, "Received: max_frequency=nan"),
        ({"batch_size": 0}, "Received: batch_size=0"),
        ({"images": np.full((2, 8, 8, 1), 200, "int32")}, "int32"),
        ({"images": np.full((2, 8, 8, 1), 1.5)}, "Received: images.min=1.5"),
        ({"images": np.full((2, 8, 8, 1), np.nan)}, "must be finite"),
        ({"images": np.zeros((2, 9, 8, 1))}, "the model's input shape"),
        ({"labels": None}, "one label for each of 2 images"),
        ({"labels": [0, 1, 2]}, "one label for each of 2 images"),
        ({"labels": [0, 10]}, "class indices from 0 to 9"),
    ],
)
def test_refusals(model, changes, message):
    told = {"images": np.zeros((2, 8, 8, 1)), "labels": [0, 1], **changes}
    with pytest.raises(ValueError, match=message):
        fourier_heat_map(model, **told)


@pytest.mark.parametrize(("size", "message"), [((0, 2), "height=0"), ((2, 1.5), "width=1.5")])
def test_half_plane_refuses_sizes(size, message):
    with pytest.raises(ValueError, match=message):
        half_plane(*size)


@pytest.mark.parametrize(
    ("activation", "message"),
    [("softmax", "must return logits"), ("nan", "must return finite logits")],
)
def test_outputs_that_are_no_logits_are_refused(activation, message, digits):
    last = {"softmax": keras.layers.Softmax(), "nan": keras.layers.Rescaling(np.nan)}[activation]
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10), last]
    with pytest.raises(ValueError, match=message):
        fourier_heat_map(keras.Sequential(layers), digits.images, digits.labels)
