import keras
import numpy as np
import pytest
from own.linear import linear_model, threshold_model
from own.rings import distance

from hfc_keras import analysis, models
from hfc_keras.analysis.hybrid_preference import hybrid_preference

pytestmark = pytest.mark.jax
COLUMNS = "radius low high neither preference crossover original_accuracy examples".split()
COLUMNS.append("bn_statistics")
SIZE = (8, 8)


def wave(cycles):
    """Stripes of some cycles per image."""
    return np.tile(np.cos(2 * np.pi * cycles * np.arange(8) / 8), (8, 1))[..., None]


def low(images, radius):
    mask = (np.round(distance(*images.shape[1:3]) ** 2) <= radius**2 + 1e-6)[..., None]
    return np.fft.ifft2(np.fft.fft2(images, axes=(1, 2)) * mask, axes=(1, 2)).real


def striped(rng, cycles, count=60):
    """Images of two classes, which differ in the sign of some stripes alone."""
    labels = rng.integers(0, 2, count)
    noise = rng.normal(0, 0.02, (count, *SIZE, 1))
    images = 0.5 + 0.3 * (2 * labels - 1)[:, None, None, None] * wave(cycles) + noise
    return np.clip(images, 0, 1).astype("float32"), labels


@pytest.mark.parametrize("cycles", [1, 2, 3])
def test_a_model_that_reads_one_frequency_follows_low_from_there_on(cycles, rng):
    images, labels = striped(rng, cycles)
    radii = [0.5, 1.5, 2.5, 3.5]
    table = hybrid_preference(threshold_model(wave(cycles)), images, labels, radii)
    assert list(table.columns) == COLUMNS
    read = np.array(radii) >= cycles
    np.testing.assert_array_equal(table["low"], read)
    np.testing.assert_array_equal(table["high"], ~read)
    np.testing.assert_array_equal(table["preference"], read)
    assert set(table["neither"]) == {0} and set(table["original_accuracy"]) == {1}
    # Half way between the radii where it changes.
    assert set(table["crossover"]) == {float(cycles)}


def test_a_model_that_sees_low_only_follows_low_and_has_no_crossover(rng):
    images, labels = striped(rng, 1)
    with pytest.warns(UserWarning, match="low frequencies lead at the smallest radius, 2, already"):
        table = hybrid_preference(threshold_model(wave(1)), images, labels, [3, 2])
    assert table["radius"].tolist() == [2, 3] and (table["low"] == 1).all()
    assert table["crossover"].isna().all()


def test_a_model_that_sees_high_only_and_one_that_answers_something_else(rng):
    images, labels = striped(rng, 4)
    with pytest.warns(UserWarning, match="high frequencies lead at the largest radius, 3"):
        table = hybrid_preference(threshold_model(wave(4)), images, labels, [1, 3])
    assert (table["high"] == 1).all() and table["crossover"].isna().all()
    third = linear_model(np.zeros((*SIZE, 1, 3)), bias=[0.0, 0.0, 1.0])
    with pytest.warns(UserWarning, match="no answer follows either image"):
        table = hybrid_preference(third, images, labels, [1, 3])
    assert (table["neither"] == 1).all() and table["preference"].isna().all()


@pytest.mark.filterwarnings("ignore:There is no crossover")
def test_shares_equal_those_of_numpy(rng):
    weights = rng.normal(size=(7, 9, 2, 3))
    images = rng.uniform(0, 1, (50, 7, 9, 2)).astype("float32")
    labels = np.einsum("nhwc,hwck->nk", images, weights).argmax(axis=1)
    labels[:5] = (labels[:5] + 1) % 3
    radii = [1.0, 2.0, np.sqrt(5), 4.0]
    table = hybrid_preference(linear_model(weights), images, labels, radii, seed=4, batch_size=16)
    # Pairs by the definition: the k-th image, sorted by class, that is of another class.
    others = [np.flatnonzero(labels != label) for label in labels]
    others = [own[np.argsort(labels[own], kind="stable")] for own in others]
    drawn = np.random.default_rng(4).integers(0, [len(own) for own in others])
    partner = np.array([own[place] for own, place in zip(others, drawn, strict=True)])
    assert (labels[partner] != labels).all()
    for row in table.itertuples():
        hybrids = low(images, row.radius) + images[partner] - low(images[partner], row.radius)
        logits = np.sort(np.einsum("nhwc,hwck->nk", hybrids, weights), axis=1)
        assert (logits[:, 2] - logits[:, 1]).min() > 1e-5
        answers = np.einsum("nhwc,hwck->nk", hybrids, weights).argmax(axis=1)
        assert row.low == pytest.approx((answers == labels).mean())
        assert row.high == pytest.approx((answers == labels[partner]).mean())
        assert row.low + row.high + row.neither == pytest.approx(1)
    assert table["low"].nunique() > 2 and set(table["original_accuracy"]) == {0.9}


@pytest.mark.filterwarnings("ignore:There is no crossover")
def test_every_image_of_another_class_can_be_the_partner_and_none_of_the_own(rng):
    from hfc_keras.analysis.hybrid_preference import partners

    labels = np.array([3, 0, 3, 1, 0, 3, 1])
    found = np.array([partners(labels, seed) for seed in range(300)])
    for row, label in enumerate(labels):
        assert set(found[:, row]) == set(np.flatnonzero(labels != label))


@pytest.mark.filterwarnings("ignore:There is no crossover")
def test_batch_size_and_one_hot_labels_change_nothing_and_the_seed_does(rng):
    keras.utils.set_random_seed(0)
    model = models.build("small_cnn", (*SIZE, 1), 4, width=0.25)
    images, labels = rng.random((40, *SIZE, 1), "float32"), rng.integers(0, 4, 40)
    first = hybrid_preference(model, images, labels)
    assert first["radius"].tolist() == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]
    other = hybrid_preference(model, images, np.eye(4)[labels], batch_size=7)
    assert other.equals(first)
    assert not hybrid_preference(model, images, labels, seed=1).equals(first)


@pytest.mark.filterwarnings("ignore:There is no crossover")
def test_batch_statistics_are_those_of_each_batch_of_hybrids(rng):
    model = keras.Sequential([keras.Input((*SIZE, 1)), keras.layers.BatchNormalization()])
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(2))
    images, labels = rng.random((20, *SIZE, 1), "float32"), np.arange(20) % 2
    moving = hybrid_preference(model, images, labels, [2])
    batch = hybrid_preference(model, images, labels, [2], bn_statistics="batch")
    same = hybrid_preference(analysis.with_statistics(model, "batch"), images, labels, [2])
    assert set(batch["bn_statistics"]) == {"batch"} and set(moving["bn_statistics"]) == {"moving"}
    assert batch["low"].tolist() == same["low"].tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [1, 1]}, r"at least two classes.*Received: classes=\[1\]"),
        ({"radii": []}, "at least one number"),
        ({"radii": [1, -1]}, "Received: radii=-1"),
        ({"seed": -1}, "Received: seed=-1"),
        ({"inclusive": 1}, "Received: inclusive=1"),
        ({"bn_statistics": "own"}, "must be one of 'moving', 'batch', 'population'"),
        ({"images": np.full((2, *SIZE, 1), 2.0)}, "Received: images.min=2.0"),
    ],
)
def test_refusals(changes, message):
    arguments = {"images": np.zeros((2, *SIZE, 1)), "labels": [0, 1], "radii": [2], **changes}
    with pytest.raises(ValueError, match=message):
        hybrid_preference(threshold_model(wave(1)), **arguments)
