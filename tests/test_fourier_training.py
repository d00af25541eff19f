import functools
import json

import keras
import numpy as np
import pandas as pd
import pytest
from own import rings as reference
from own.trainings import LOSS, TINY, compiled, network, whole_and_resumed

from hfc_keras import analysis, data, regularizers, training
from hfc_keras.attacks import Pgd
from hfc_keras.training import FourierRegularized, Recipe, fitting

pytestmark = pytest.mark.jax

KINDS = ["low", "mid", "high", "all"]
SLOW = functools.partial(pytest.param, marks=pytest.mark.slow_on_jax)


def everything():
    """Network with batch normalization, dropout and losses of its activity and its weights."""
    model = network(normalization="batch", dropout=0.5)
    model.get_layer(index=-1).kernel.regularizer = keras.regularizers.L2(0.1)
    penalty = keras.layers.ActivityRegularization(l2=0.1)(model.output)
    return keras.Model(model.input, penalty)


def variables(model):
    return [np.asarray(variable) for variable in model.variables]


def assert_equal(one, other, **tolerance):
    for left, right in zip(one, other, strict=True):
        np.testing.assert_allclose(left, right, **tolerance)


class TwoSmoothLayers:
    """A network whose total loss is a few lines of NumPy in float64."""

    def __init__(self, rng):
        self.weights = [rng.normal(size=(128, 6)) / 6, rng.normal(size=(6, 3))]
        self.images = rng.random((7, 8, 8, 2), "float32")
        self.labels = rng.integers(0, 3, 7)
        layers = [
            keras.layers.Dense(size, name, use_bias=False)
            for size, name in ((6, "tanh"), (3, None))
        ]
        self.model = keras.Sequential([keras.Input((8, 8, 2)), keras.layers.Flatten(), *layers])
        self.model.set_weights(self.weights)

    def parts(self, first, second):
        """Cross-entropies and input gradients."""
        hidden = np.tanh(self.images.reshape(7, -1).astype("float64") @ first)
        powers = np.exp(hidden @ second)
        shares, true = powers / powers.sum(axis=1, keepdims=True), np.eye(3)[self.labels]
        gradient = ((shares - true) @ second.T * (1 - hidden**2)) @ first.T
        return -np.log((shares * true).sum(axis=1)), gradient.reshape(self.images.shape)


@pytest.mark.parametrize("kind", [*KINDS, (1, 3)], ids=str)
def test_a_step_follows_the_gradient_of_the_whole_loss(kind, rng):
    """Double back-propagation beside finite differences in float64."""
    smooth = TwoSmoothLayers(rng)
    directions = [rng.normal(size=weights.shape) for weights in smooth.weights]
    sample_weight = rng.random(7)

    def total(step):
        moved = [w + step * d for w, d in zip(smooth.weights, directions, strict=True)]
        entropy, gradient = smooth.parts(*moved)
        return (entropy * sample_weight).mean() + 3 * reference.penalty(gradient, kind)

    regularized = FourierRegularized(smooth.model, kind, weight=3)
    regularized.compile(keras.optimizers.SGD(1.0), LOSS["sparse"](from_logits=True))
    logs = regularized.train_on_batch(smooth.images, smooth.labels, sample_weight, return_dict=True)
    assert logs["loss"] == pytest.approx(total(0), rel=1e-5)
    penalty = reference.penalty(smooth.parts(*smooth.weights)[1], kind)
    assert logs["sensitivity_penalty"] == pytest.approx(penalty, rel=1e-5)
    triples = zip(smooth.weights, smooth.model.get_weights(), directions, strict=True)
    slope = sum(((before - after) * direction).sum() for before, after, direction in triples)
    np.testing.assert_allclose(slope, (total(1e-5) - total(-1e-5)) / 2e-5, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.slow_on_jax
@pytest.mark.parametrize("labels", LOSS)
def test_weight_0_trains_like_the_plain_model(labels, digits):
    """Batch statistics, seeds of dropout and losses of layers count once per step, too."""
    images, y = digits.train.images, digits.train.labels
    y = np.eye(10, dtype="float32")[y] if labels == "one_hot" else y
    plain, inner = compiled(everything(), labels), everything()
    regularized = compiled(FourierRegularized(inner, "all", weight=0), labels)
    before = variables(inner)
    options = {"batch_size": 100, "epochs": 2, "shuffle": False, "verbose": 0}
    expected = plain.fit(images, y, **options).history
    history = regularized.fit(images, y, **options).history
    assert_equal([history[name] for name in expected], expected.values(), rtol=1e-5)
    assert_equal(variables(inner), variables(plain), rtol=1e-5, atol=5e-6)
    assert not any(map(np.array_equal, before, variables(inner)))


@pytest.mark.slow
def test_the_penalty_leaves_batch_statistics_and_seeds_as_they_are(digits):
    images, y = digits.train.images[:64], digits.train.labels[:64]
    plain, inner = compiled(everything()), everything()
    regularized = compiled(FourierRegularized(inner, "low", weight=50.0))
    plain_loss = plain.train_on_batch(images, y)[0]
    logs = regularized.train_on_batch(images, y, return_dict=True)
    assert logs["loss"] == pytest.approx(plain_loss + 50 * logs["sensitivity_penalty"], rel=1e-5)
    pairs = zip(plain.variables, inner.variables, strict=True)
    for one, other in pairs:
        same = np.allclose(np.asarray(one), np.asarray(other), rtol=1e-5)
        assert same != any(one is variable for variable in plain.trainable_variables)


@pytest.fixture(scope="module")
def whole():
    """Recipe on all digits, its test images, and the curve of the plain network."""
    recipe = TINY.but(examples=None, epochs=5)
    return recipe, data.load("digits").test, training.fit(recipe)[0]


def penalties(model, test):
    """What is outside of each band of rings, and minus the entropy of the curve."""
    curve = analysis.fourier_sensitivity(model, test.images, test.labels)["mean"].to_numpy()
    flat = curve[:4] / curve[:4].sum()
    thirds = {"low": curve[1:].sum(), "mid": 1 - curve[1], "high": curve[:2].sum()}
    return {**thirds, "all": (flat * np.log2(flat)).sum()}


@pytest.mark.slow
@pytest.mark.slow_on_jax
@pytest.mark.parametrize("kind", KINDS)
def test_moves_the_sensitivity_to_where_its_name_says(kind, whole):
    recipe, test, plain = whole
    model, history = training.fit(recipe.but(regularizer=kind, regularizer_weight=2.0))
    smallest = -2 if kind == "all" else 0
    excess = history["sensitivity_penalty"] - smallest
    assert excess.iloc[-1] < 0.9 * excess.iloc[0]
    found, without = (penalties(each, test)[kind] - smallest for each in (model, plain))
    assert found < 0.5 * without
    assert history["val_accuracy"].iloc[-1] > 0.5


@pytest.mark.slow_on_jax
@pytest.mark.parametrize("policy", ["mixed_float16", SLOW("mixed_bfloat16")])
def test_mixed_precision(policy, digits):
    keras.config.set_dtype_policy(policy)
    try:
        regularized = compiled(FourierRegularized(network(), "low"))
        images, labels = digits.train.images[:50], digits.train.labels[:50]
        history = regularized.fit(images, labels, epochs=3, verbose=0).history
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(history["loss"]).all() and history["loss"][-1] < history["loss"][0]
    assert all(0 < penalty < 1 for penalty in history["sensitivity_penalty"])


@pytest.mark.slow
def test_half_precision_does_not_underflow_on_the_way_to_the_images(digits):
    """A network that is sure of itself has small gradients; without a scale many were zero."""
    images, labels = digits.test.images, digits.test.labels
    fitted = network()
    fitted.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    train = digits.train
    fitted.fit(train.images, train.labels, epochs=20, shuffle=False, verbose=0)
    *weights, kernel, bias = fitted.get_weights()
    sure, found = [*weights, 4 * kernel, 4 * bias], {}
    for policy in ("float32", "mixed_float16"):
        keras.config.set_dtype_policy(policy)
        try:
            regularized = FourierRegularized(network(), "low", weight=1.0)
            regularized.model.set_weights(sure)
            regularized((images, labels), training=True)
            found[policy] = float(keras.ops.stop_gradient(sum(regularized.losses)))
        finally:
            keras.config.set_dtype_policy("float32")
    assert found["mixed_float16"] == pytest.approx(found["float32"], rel=0.05)


@pytest.mark.slow_on_jax
def test_evaluate_and_predict_are_those_of_the_model(digits):
    regularized = compiled(FourierRegularized(network(), "mid"))
    options = {"epochs": 2, "steps_per_epoch": 2, "batch_size": 50, "verbose": 0}
    seen = []
    history = regularized.fit(
        *(digits.train.images, digits.train.labels),
        validation_data=(digits.test.images, digits.test.labels),
        callbacks=keras.callbacks.LambdaCallback(on_epoch_end=lambda *event: seen.append(event)),
        **options,
    ).history
    expected = {"accuracy", "loss", "sensitivity_penalty", "val_accuracy", "val_loss"}
    assert set(history) == expected and len(seen) == 2
    plain, test = compiled(regularized.model), digits.test
    np.testing.assert_array_equal(
        regularized.predict(test.images, verbose=0), plain.predict(test.images, verbose=0)
    )
    results = [
        model.evaluate(test.images, test.labels, verbose=0) for model in (regularized, plain)
    ]
    assert results[0] == pytest.approx(results[1])
    assert history["val_loss"][-1] == pytest.approx(results[0][0])


@pytest.mark.slow
@pytest.mark.tensorflow
def test_datasets_and_mirrored_replicas_train_alike(fresh_python):
    code = """
import json, keras, numpy as np, tensorflow as tf
from hfc_keras import data, models
from hfc_keras.training import FourierRegularized
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
train = data.load("digits", examples=(64, 20)).train
arrays = train.images, train.labels
batches = tf.data.Dataset.from_tensor_slices(arrays).batch(64)
def fit(strategy, *training_set):
    with strategy.scope():
        network = models.build("small_cnn", (8, 8, 1), 10)
        model = FourierRegularized(network, "low", weight=2)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss)
    history = model.fit(*training_set, batch_size=64, epochs=3, shuffle=False, verbose=0).history
    return history["loss"], history["sensitivity_penalty"]
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
alone = tf.distribute.get_strategy()
print(json.dumps([fit(alone, *arrays), fit(alone, batches), fit(mirrored, batches)]))
"""
    arrays, dataset, mirrored = json.loads(fresh_python(code).splitlines()[-1])
    np.testing.assert_allclose(dataset, arrays, rtol=1e-6)
    np.testing.assert_allclose(mirrored, arrays, rtol=1e-4)


@pytest.mark.parametrize("kind", ["high", (1, 3)], ids=str)
def test_config_round_trip(kind):
    regularized = FourierRegularized(network(), kind, weight=2, name="regularized")
    copy = FourierRegularized.from_config(json.loads(json.dumps(regularized.get_config())))
    own = [{**each.get_config(), "model": None} for each in (copy, regularized)]
    assert own[0] == own[1] and copy.model.count_params() == regularized.model.count_params()
    assert (copy.kind_or_band, copy.weight) == (regularized.kind_or_band, 2.0)


@pytest.mark.slow
@pytest.mark.slow_on_jax
def test_saves_and_loads_in_a_fresh_process(tmp_path, digits, fresh_python):
    kind = regularizers.SensitivityBand(1, 3)
    regularized = compiled(FourierRegularized(network(), kind, weight=0.25))
    regularized.fit(digits.train.images, digits.train.labels, verbose=0)
    regularized.save(tmp_path / "regularized.keras")
    np.save(tmp_path / "images.npy", digits.test.images)
    code = """
import sys, keras, numpy
import hfc_keras.training
model = keras.models.load_model(sys.argv[1] + "/regularized.keras")
images = numpy.load(sys.argv[1] + "/images.npy")
numpy.save(sys.argv[1] + "/logits.npy", model.predict(images, verbose=0))
history = model.fit(images, numpy.arange(len(images)) % 10, verbose=0).history
print(model.kind_or_band, model.weight, sorted(history))
"""
    printed = fresh_python(code, tmp_path).splitlines()[-1]
    assert printed == f"{kind} 0.25 ['accuracy', 'loss', 'sensitivity_penalty']"
    logits = regularized.predict(digits.test.images, verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), logits, atol=1e-5)


def half_blind():
    """Its rectifiers are off for dark images, so that a dark batch has no gradient."""
    layer = keras.layers.Conv2D(3, 3, activation="relu")
    pool = keras.layers.GlobalAveragePooling2D()
    model = keras.Sequential([keras.Input((8, 8, 1)), layer, pool, keras.layers.Dense(10)])
    layer.set_weights([np.random.default_rng(3).random((3, 3, 1, 3)), -np.ones(3)])
    return model


def test_a_batch_without_gradient_stops_the_training(rng):
    images, labels = rng.random((96, 8, 8, 1), "float32"), rng.integers(0, 10, 96)
    images[64:] *= 0.01
    regularized = FourierRegularized(half_blind(), "low")
    regularized.compile(keras.optimizers.SGD(1e-4), LOSS["sparse"](from_logits=True))
    message = "loss is saturated.*sensitivity_penalty=nan at batch 3"
    with pytest.raises(FloatingPointError, match=message):
        regularized.fit(images, labels, batch_size=32, shuffle=False, verbose=0)


def test_a_diverging_training_stops(digits):
    regularized = FourierRegularized(network(), "low")
    regularized.compile(keras.optimizers.SGD(1e25), LOSS["sparse"](from_logits=True))
    with pytest.raises(
        FloatingPointError, match="lower the learning rate.*sensitivity_penalty=nan"
    ):
        regularized.fit(digits.train.images, digits.train.labels, epochs=3, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": 3}, "`model` must be a keras.Model.* Received: model=3"),
        ({"kind_or_band": "hihg"}, "nearest: 'high'. Received: kind_or_band='hihg'"),
        ({"kind_or_band": (10, 5)}, "Received: inner=10.0, outer=5.0"),
        ({"kind_or_band": (1, 2, 3)}, "`kind_or_band` must be one of"),
        ({"weight": -1}, "`weight` must be a finite number from 0. Received: weight=-1"),
        ({"weight": np.nan}, "Received: weight=nan"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        FourierRegularized(**{"model": network(), **arguments})


def rounding():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(keras.ops.round(5 * inputs))
    return keras.Model(inputs, keras.layers.Dense(10)(x))


def small():
    inputs = keras.Input((5, 8, 1))
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)))


@pytest.mark.parametrize(
    ("model", "kind", "change", "message"),
    [
        (network, "low", lambda x, y: (x * 255, y), r"`x` must be pixels in \[0, 1\]"),
        (network, "low", lambda x, y: ((x * 255).astype("uint8"), y), "divide uint8 by 255"),
        (network, "low", lambda x, y: (x, None), "`y` must hold the labels of the images"),
        (network, "low", lambda x, y: (x, y + 10), "`y` must be class indices from 0 to 9"),
        (network, (0, 9), lambda x, y: (x, y), "some of the rings 1 to 6 and leave out others"),
        (small, "low", lambda x, y: (x[:, :5], y), "6 pixels per side or more"),
        (rounding, "low", lambda x, y: (x, np.eye(10)[y]), "must be differentiable in its images"),
        (
            lambda: keras.Sequential([network(), keras.layers.Softmax()]),
            *("low", lambda x, y: (x, y), "must return logits"),
        ),
    ],
)
@pytest.mark.parametrize("form", ["arrays", "PyDataset"])
def test_fit_refuses(form, model, kind, change, message, digits):
    x, y = change(digits.train.images[:16], digits.train.labels[:16])

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return x, y

    regularized = compiled(FourierRegularized(model(), kind))
    with pytest.raises(ValueError, match=message):
        regularized.fit(*((x, y) if form == "arrays" else (Batches(),)), verbose=0)


class TestRecipe:
    @pytest.mark.parametrize("regularizer", ["all", (5, 10), regularizers.SensitivityBand(5, 10.0)])
    def test_regularizer_is_part_of_the_hash_and_survives_json(self, regularizer):
        recipe = TINY.but(regularizer=regularizer, regularizer_weight=1)
        assert Recipe(**recipe.to_dict()) == recipe
        again = Recipe(**json.loads(json.dumps(recipe.to_dict())))
        assert again == recipe and again.hash == recipe.hash
        assert again.but(epochs=3).regularizer == recipe.regularizer

    def test_hashes_differ_where_trainings_do(self):
        kinds = [None, *KINDS, (5, 10), (5, 11), regularizers.SensitivityBand(5, 10)]
        assert len({TINY.but(regularizer=kind).hash for kind in kinds}) == 7
        assert TINY.but(regularizer="low").hash != TINY.but(regularizer="low", noise=0.1).hash

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"regularizer": "hihg"}, "nearest: 'high'. Received: regularizer='hihg'"),
            ({"regularizer": (10, 5)}, "Received: inner=10.0, outer=5.0"),
            ({"regularizer": "low", "regularizer_weight": -1}, "regularizer_weight=-1"),
            ({"regularizer": "low", "adversary": Pgd(0.1)}, "cannot be combined"),
            ({"regularizer": "low", "rescale": True}, "with a regularizer.*rescale=True"),
            (
                {"regularizer": "low", "component": "low", "radius": 2},
                "'original', not rescaled, with a regularizer",
            ),
            ({"noise": -0.1}, "Received: noise=-0.1"),
            ({"noise": 0.1, "component": "high", "radius": 2}, "'original' with noise"),
        ],
    )
    def test_refuses(self, changes, message):
        with pytest.raises(ValueError, match=message):
            TINY.but(**changes)

    @pytest.mark.slow
    def test_a_stopped_training_goes_on_bit_for_bit(self, tmp_path, monkeypatch):
        recipe = TINY.but(
            epochs=2, regularizer="mid", noise=0.1, dropout=0.3, mix_up=0.5, normalization="batch"
        )
        pairs = whole_and_resumed(recipe, tmp_path, monkeypatch)
        (whole, whole_history), (resumed, history) = pairs
        assert all(map(np.array_equal, whole.get_weights(), resumed.get_weights()))
        pd.testing.assert_frame_equal(history, whole_history, check_exact=True)
        assert history.columns[-1] == "sensitivity_penalty" and history.notna().all(axis=None)
        assert resumed.name == "small_cnn" and resumed.compiled

    def test_noise_is_that_of_the_seed_and_stays_in_range(self):
        recipe = TINY.but(noise=0.2)
        dataset = fitting.load_data(recipe)
        seeds = {"one": 0, "same": 0, "other": 1}
        plain = fitting.training_batches(recipe.but(noise=0), dataset)
        batches = {}
        for name, seed in seeds.items():
            made = fitting.training_batches(recipe.but(seed=seed), dataset)
            pixels, labels = made.split.pixels[:50], made.split.labels[:50]
            batches[name] = np.asarray(made.transform(pixels, labels, made.keys(0))[0])
        undisturbed = np.asarray(plain.transform(pixels, labels, plain.keys(0))[0])
        np.testing.assert_array_equal(batches["one"], batches["same"])
        assert (batches["one"] != batches["other"]).any()
        assert batches["one"].min() == 0 and batches["one"].max() == 1
        inner = (undisturbed > 0.4) & (undisturbed < 0.6)
        assert (batches["one"] - undisturbed)[inner].std() == pytest.approx(0.2, rel=0.1)
