import itertools
import math

import keras
import numpy as np
import pytest
from own.linear import linear_model, threshold_model
from own.rings import distance

from hfc_keras import models
from hfc_keras.analysis.spectral_importance import spectral_importance

pytestmark = pytest.mark.jax
COLUMNS = "ring rings importance std_error full none value permutations examples".split()
COLUMNS.append("bn_statistics")


def kept(images, rings):
    """Images of some rings, by NumPy."""
    index = np.round(distance(*images.shape[1:3]))
    mask = np.isin(index, list(rings))[..., None]
    transform = np.fft.fft2(images.astype("float64"), axes=(1, 2)) * mask
    return np.fft.ifft2(transform, axes=(1, 2)).real


@pytest.fixture
def network():
    keras.utils.set_random_seed(1)
    return models.build("small_cnn", (8, 8, 1), 4, width=0.25)


@pytest.fixture
def given(rng):
    return rng.random((30, 8, 8, 1), "float32"), rng.integers(0, 4, 30)


@pytest.mark.parametrize("value", ["accuracy", "probability", "logit"])
@pytest.mark.parametrize("bands", [None, 3])
def test_the_values_add_up_to_all_minus_none(value, bands, network, given):
    images, labels = given
    table = spectral_importance(network, images, labels, value, 2, bands, batch_size=8)
    assert list(table.columns) == COLUMNS and set(table["value"]) == {value}
    difference = table["full"][0] - table["none"][0]
    assert table["importance"].sum() == pytest.approx(difference, abs=1e-12)
    assert table["ring"].tolist() == ([1, 2, 3, 4, 5, 6] if bands is None else [1, 3, 5])
    assert set(table["rings"]) == ({1} if bands is None else {2})
    logits = np.asarray(network(images), "float64")
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = np.arange(30)
    full = {
        "accuracy": logits.argmax(axis=1) == labels,
        "probability": chances[rows, labels],
        "logit": logits[rows, labels],
    }
    assert table["full"][0] == pytest.approx(full[value].mean(), rel=1e-5)


def test_of_a_linear_model_each_ring_adds_its_own_part(rng):
    """The contribution to a logit is then the same in every order."""
    weights = rng.normal(size=(7, 9, 2, 3))
    images = rng.uniform(0, 1, (25, 7, 9, 2)).astype("float32")
    labels = rng.integers(0, 3, 25)
    model = linear_model(weights, bias=0.3)
    table = spectral_importance(model, images, labels, "logit", permutations=1)
    for ring, found, error in table[["ring", "importance", "std_error"]].values:
        logits = np.einsum("nhwc,hwck->nk", kept(images, [ring]), weights)
        own = logits[np.arange(25), labels]
        assert found == pytest.approx(own.mean(), abs=1e-4)
        assert error == pytest.approx(own.std(ddof=1) / 5, abs=1e-4)


def test_a_model_that_reads_one_ring_gives_it_all(rng):
    stripes = np.tile(np.cos(2 * np.pi * 2 * np.arange(8) / 8), (8, 1))[..., None]
    labels = rng.integers(0, 2, 50)
    noise = rng.normal(0, 0.03, (50, 8, 8, 1))
    images = 0.5 + 0.3 * (2 * labels - 1)[:, None, None, None] * stripes + noise
    # Without its ring the logit is rounding of zero, and the threshold decides.
    model = threshold_model(stripes, 1e-2)
    table = spectral_importance(model, np.clip(images, 0, 1), labels).set_index("ring")
    assert table["full"][1] == 1 and table["none"][1] == (labels == 0).mean()
    assert table["importance"][2] == pytest.approx((labels == 1).mean())
    assert (table["importance"].drop(2) == 0).all()


def test_two_rings_of_which_either_will_do_share_it(rng):
    """Accuracy without one of them would call neither important."""
    waves = [np.cos(2 * np.pi * cycles * np.arange(8) / 8) for cycles in (1, 3)]
    both = np.tile(sum(waves), (8, 1))[..., None]
    labels = rng.integers(0, 2, 400)
    images = (0.5 + 0.2 * (2 * labels - 1)[:, None, None, None] * both).astype("float32")
    table = spectral_importance(threshold_model(both, 1e-2), images, labels).set_index("ring")
    share = (labels == 1).mean() / 2
    error = table["std_error"][[1, 3]]
    assert (abs(table["importance"][[1, 3]] - share) < 4 * error).all() and (error < 0.03).all()
    assert (table["importance"].drop([1, 3]) == 0).all()


def test_draws_come_near_the_sum_over_all_subsets(rng):
    keras.utils.set_random_seed(2)
    dense = [keras.layers.Dense(8, "relu"), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), *dense])
    images, labels = rng.random((200, 4, 4, 1), "float32"), rng.integers(0, 2, 200)
    rows, rings = np.arange(200), [1, 2, 3]

    def value(chosen):
        logits = np.asarray(model(kept(images, {0, *chosen}).astype("float32")), "float64")
        return logits[rows, labels].mean()

    table = spectral_importance(model, images, labels, "logit", permutations=20)
    for ring, found in zip(rings, table["importance"], strict=True):
        others, exact = [each for each in rings if each != ring], 0.0
        for size in range(3):
            weight = math.factorial(size) * math.factorial(2 - size) / 6
            for chosen in itertools.combinations(others, size):
                exact += weight * (value([*chosen, ring]) - value(chosen))
        assert found == pytest.approx(exact, abs=0.005)


def test_batch_size_and_one_hot_labels_change_nothing_and_the_seed_does(network, given):
    images, labels = given
    arguments = {"value": "logit", "permutations": 1}
    first = spectral_importance(network, images, labels, **arguments)
    other = spectral_importance(network, images, np.eye(4)[labels], **arguments, batch_size=7)
    np.testing.assert_allclose(other["importance"], first["importance"], atol=1e-5)
    again = spectral_importance(network, images, labels, **arguments, seed=1)
    assert abs(again["importance"] - first["importance"]).max() > 1e-3
    one = spectral_importance(network, images[:1], labels[:1], permutations=1)
    assert one["std_error"].isna().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": "acuracy"}, "`value` must be one of .*nearest: 'accuracy'"),
        ({"permutations": 0}, "Received: permutations=0"),
        ({"bands": 7}, "`bands` must be a whole number from 1 up to 6. Received: bands=7"),
        ({"seed": -1}, "Received: seed=-1"),
        ({"labels": [0]}, "one label for each of 30 images"),
    ],
)
def test_refusals(network, given, changes, message):
    images, labels = given
    with pytest.raises(ValueError, match=message):
        spectral_importance(network, images, **{"labels": labels, **changes})


def test_images_of_one_pixel_are_refused():
    with pytest.raises(ValueError, match="larger than one pixel"):
        spectral_importance(threshold_model(np.ones((1, 1, 1))), np.zeros((2, 1, 1, 1)), [0, 1])
