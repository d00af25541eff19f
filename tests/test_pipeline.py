import keras
import numpy as np
import pytest

from hfc_keras import data, layers
from hfc_keras.data import draws
from hfc_keras.training import Recipe, training_data

pytestmark = pytest.mark.jax


@pytest.fixture
def split(rng):
    pixels = rng.integers(0, 256, (25, 6, 6, 1)).astype("uint8")
    return data.Split(pixels, np.arange(25) % 3)


def epoch_of(batches, epoch):
    """Batches of an epoch as ``fit`` sees them, in NumPy."""
    batches.epoch_marker().on_epoch_begin(epoch)
    dataset = batches.dataset()
    if keras.backend.backend() == "tensorflow":
        return list(dataset.as_numpy_iterator())
    return [tuple(map(np.asarray, dataset[step])) for step in range(len(dataset))]


def random_batches(split, seed=5):
    return data.TrainingBatches(
        split,
        batch_size=10,
        classes=3,
        seed=seed,
        image_layers=[layers.RandomCropFlip(2, seed=0)],
        pair_layers=[keras.layers.MixUp(0.5, seed=0)],
    )


def test_an_epoch_holds_every_image_once_scaled_and_one_hot(split):
    batches = data.TrainingBatches(split, batch_size=10, classes=3)
    images, labels = map(np.concatenate, zip(*epoch_of(batches, 0), strict=True))
    order = draws.permutation(25, 0, 0)
    np.testing.assert_allclose(images, split.images[order], rtol=1e-6)
    np.testing.assert_array_equal(labels, np.eye(3)[split.labels[order]])
    assert [len(batch[0]) for batch in epoch_of(batches, 1)] == [10, 10, 5]
    assert len(batches) == 3


@pytest.mark.slow_on_jax
def test_a_batch_depends_on_seed_epoch_and_step_alone(split):
    one, other = random_batches(split), random_batches(split)
    epochs = [epoch_of(one, epoch) for epoch in range(3)]
    again = epoch_of(other, 2)
    for (images, labels), (same_images, same_labels) in zip(epochs[2], again, strict=True):
        np.testing.assert_array_equal(images, same_images)
        np.testing.assert_array_equal(labels, same_labels)
    assert not np.array_equal(epochs[0][0][0], epochs[1][0][0])
    assert not np.array_equal(epochs[2][0][0], epoch_of(random_batches(split, seed=6), 2)[0][0])


def test_an_alternating_flip_mirrors_in_turn(split):
    flipping = data.TrainingBatches(split, 10, 3, seed=5, alternating_flip=True)
    plain = data.TrainingBatches(split, 10, 3, seed=5)
    mirrored = []
    for epoch in range(4):
        found, expected = (
            [np.concatenate(each) for each in zip(*epoch_of(batches, epoch), strict=True)]
            for batches in (flipping, plain)
        )
        np.testing.assert_array_equal(found[1], expected[1])
        same = (found[0] == expected[0]).all(axis=(1, 2, 3))
        turned = (found[0] == expected[0][:, :, ::-1]).all(axis=(1, 2, 3))
        assert (same ^ turned).all()
        mirrored.append(turned[np.argsort(draws.permutation(25, 5, epoch))])
    assert 0 < mirrored[0].sum() < 25
    for epoch in range(3):
        np.testing.assert_array_equal(mirrored[epoch + 1], ~mirrored[epoch])
    other = data.TrainingBatches(split, 25, 3, seed=6, alternating_flip=True).mirrored(0)
    assert (other[np.argsort(draws.permutation(25, 6, 0))] != mirrored[0]).any()


def test_an_alternating_flip_goes_with_crops_of_any_padding():
    recipe = Recipe(augmentation="crop_flip", flip="alternating", crop_padding=2)
    (layer,) = training_data.training_batches(recipe, training_data.load_data(recipe)).image_layers
    assert (layer.padding, layer.flip) == (2, False)
    recipe = recipe.but(flip="random", crop_padding=0)
    batches = training_data.training_batches(recipe, training_data.load_data(recipe))
    assert (batches.image_layers[0].padding, batches.image_layers[0].flip) == (0, True)
    assert not batches.alternating_flip


def test_batches_of_one_epoch_get_different_random_numbers(split):
    keys = [random_batches(split).keys(step) for step in range(3)]
    assert len({tuple(key.ravel()) for key in keys}) == 3
    assert keys[0].shape == (2, 2)


def test_image_layers_come_before_pair_layers(split):
    batches = data.TrainingBatches(
        split,
        batch_size=25,
        classes=3,
        image_layers=[layers.RescaleToMax()],
        pair_layers=[layers.BatchMixUp(1.0, seed=0)],
    )
    images, labels = epoch_of(batches, 0)[0]
    original = split.images[draws.permutation(25, 0, 0)]
    rescaled = original / original.max(axis=(1, 2, 3), keepdims=True)
    weight = labels.max(axis=1).min()
    candidates = weight * rescaled[:, None] + (1 - weight) * rescaled[None, :]
    candidates = np.concatenate([candidates, np.swapaxes(candidates, 0, 1)], axis=1)
    distance = np.abs(images[:, None] - candidates).max(axis=(2, 3, 4)).min(axis=1)
    assert distance.max() < 1e-5


def test_shuffled_labels_keep_the_classes_and_depend_on_the_seed(split):
    shuffled = draws.shuffled_labels(split.labels, seed=1)
    np.testing.assert_array_equal(np.bincount(shuffled), np.bincount(split.labels))
    np.testing.assert_array_equal(shuffled, draws.shuffled_labels(split.labels, seed=1))
    assert (shuffled != split.labels).any()
    assert (shuffled != draws.shuffled_labels(split.labels, seed=2)).any()


POLICIES = ["mixed_float16", "float64"]
RECIPES = {
    "filters": {"component": "high", "radius": 2, "rescale": True, "augmentation": "crop_flip"},
    "noise": {"noise": 0.1, "mix_up": 0.3},
    "batch_weight": {"mix_up": 0.3, "mix_up_weight": "batch"},
    "apr_sp": {"recombination": "apr_sp"},
    "hybrid_plus": {"recombination": "hybrid_plus"},
}


@pytest.fixture
def policy():
    """A global dtype policy, and ``floatx`` where that is float64; put back afterwards."""
    before = keras.config.floatx(), keras.config.dtype_policy()

    def choose(name):
        keras.config.set_floatx("float64" if name == "float64" else "float32")
        keras.config.set_dtype_policy(name)

    yield choose
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.mark.slow_on_jax
@pytest.mark.few(1)
@pytest.mark.parametrize("kind", RECIPES)
def test_a_dtype_policy_is_the_networks_and_changes_no_batch(kind, policy):
    recipe = Recipe(dataset="digits", examples=(30, 20), batch_size=20, **RECIPES[kind])
    digits = training_data.load_data(recipe)

    def arrays():
        batches = epoch_of(training_data.training_batches(recipe, digits), 0)
        return [*batches[0], training_data.filtered_images(recipe, digits.test)]

    expected = arrays()
    for name in POLICIES:
        policy(name)
        for found, right in zip(arrays(), expected, strict=True):
            assert found.dtype == "float32"
            # PyTorch takes numbers of Python in the precision of floatx.
            apart = 1e-7 if keras.backend.backend() == "torch" else 0
            np.testing.assert_allclose(found, right, rtol=0, atol=apart, err_msg=name)


@pytest.mark.slow_on_jax
@pytest.mark.slow
@pytest.mark.parametrize("mix_up", [keras.layers.MixUp, layers.BatchMixUp])
def test_layers_of_ones_own_compute_in_full_under_every_policy(mix_up, split, policy):
    def batch():
        chain = [
            layers.RandomCropFlip(1, seed=0),
            layers.AmplitudePhaseSingle(seed=0),
            layers.PixelNoise(0.1, seed=0),
            layers.RadialFilter(2),
            layers.RescaleToMax(),
        ]
        pairs = [layers.BothCopies(layers.HybridAugment(1.0, seed=0)), mix_up(0.5, seed=0)]
        return epoch_of(data.TrainingBatches(split, 10, 3, 0, chain, pairs), 0)[0]

    expected = batch()
    for name in POLICIES:
        policy(name)
        for found, right in zip(batch(), expected, strict=True):
            assert found.dtype == "float32"
            np.testing.assert_allclose(found, right, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("weight", ["image", "batch"])
def test_a_network_of_half_precision_trains_with_mix_up(weight, policy):
    policy("mixed_bfloat16")
    recipe = Recipe(
        dataset="digits", examples=(20, 20), batch_size=10, mix_up=0.2, mix_up_weight=weight
    )
    batches = training_data.training_batches(recipe, training_data.load_data(recipe))
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(10, dtype="float32"))
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    marker = batches.epoch_marker()
    history = model.fit(batches.dataset(), callbacks=[marker], shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "Received: batch_size=0"),
        ({"batch_size": 2, "classes": 1}, "Received: classes=1"),
        ({"batch_size": 2, "seed": -1}, "Received: seed=-1"),
        ({"batch_size": 2, "alternating_flip": "no"}, "Received: alternating_flip='no'"),
    ],
)
def test_wrong_arguments_are_refused(split, arguments, message):
    with pytest.raises(ValueError, match=message):
        data.TrainingBatches(split, **{"classes": 3, **arguments})
