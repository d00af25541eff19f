"""Training in half precision: where there is none, where there is, and what comes back."""

import json
import sys
import types
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from own.trainings import whole_and_resumed

from hfc_keras import analysis, data, training
from hfc_keras.attacks import Fgsm, Pgd
from hfc_keras.gradients import accelerators, half_precision
from hfc_keras.training import Recipe, fitting, folder_notes, precision

HALF = Recipe(
    dataset="digits",
    examples=(150, 60),
    model="small_cnn",
    width=0.5,
    normalization="batch",
    learning_rate=1e-2,
    batch_size=50,
    epochs=3,
    precision="mixed_bfloat16",
)
KINDS = {
    "plain": {},
    "smoothed": {"label_smoothing": 0.2, "schedule": "one_cycle"},
    "sgd": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.1, "weight_decay": 1e-3},
    "mix_up": {"mix_up": 0.3, "augmentation": "crop_flip", "crop_padding": 1},
    "apr_sp": {"recombination": "apr_sp"},
    "fgsm": {"adversary": Fgsm(0.05, random_start=True)},
    "pgd": {"adversary": Pgd(0.05, steps=2)},
    "low": {"regularizer": "low"},
    "all": {"regularizer": "all", "label_smoothing": 0.1},
}


@pytest.fixture
def bfloat16(monkeypatch):
    """A machine that computes in bfloat16; every other one emulates it, slowly."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)


@pytest.fixture
def without(monkeypatch):
    """A machine that does not, of which nothing was said yet."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    precision._tell_once.cache_clear()
    yield
    precision._tell_once.cache_clear()


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        ("fpu avx512f avx512_bf16 avx512_fp16", True),
        ("fpu avx2 amx_bf16 amx_tile", True),
        ("fpu avx2 avx512f avx512_vnni", False),
        ("fpu not_avx512_bf16_at_all", False),
        ("", False),
    ],
)
def test_the_processors_flags_tell(flags, found, tmp_path, monkeypatch):
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor : 0\nmodel name : any\nflags\t\t: {flags}\n")
    monkeypatch.setattr(half_precision, "CPUINFO", path)
    monkeypatch.setattr(half_precision.platform, "system", lambda: "Linux")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0"])
    monkeypatch.delenv(precision.ONEDNN, raising=False)
    assert precision.has_bfloat16() is found
    monkeypatch.setenv(precision.ONEDNN, "0")
    assert precision.has_bfloat16() is False
    monkeypatch.delenv(precision.ONEDNN)
    monkeypatch.setattr(half_precision.platform, "system", lambda: "Darwin")
    assert precision.has_bfloat16() is False


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("details", "found"),
    [({"compute_capability": (9, 0)}, True), ({"compute_capability": (7, 5)}, False), ({}, False)],
)
def test_the_accelerators_capability_tells(details, found, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0"])
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: details)
    assert precision.has_bfloat16() is found


@pytest.mark.parametrize(
    ("told", "found"),
    [(["8.0"], True), (["9.0", "12.1"], True), (["9.0", "7.5"], False), (["gfx942"], False)],
)
def test_cards_under_jax_tell_by_number_alone(told, found, monkeypatch):
    cards = [types.SimpleNamespace(compute_capability=each) for each in told]
    monkeypatch.setitem(sys.modules, "jax", types.SimpleNamespace(devices=lambda: cards))
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert accelerators.has_bfloat16() is found


@pytest.mark.slow
def test_without_bfloat16_a_training_is_float32_and_says_so_once(without, tmp_path):
    recipe = HALF.but(epochs=1)
    with pytest.warns(UserWarning, match="trains in float32.*precision='mixed_bfloat16'"):
        model, history = training.fit(recipe, tmp_path)
    full, same = training.fit(recipe.but(precision="float32"))
    for one, other in zip(model.get_weights(), full.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    pd.testing.assert_frame_equal(history, same, check_exact=True)
    assert history.attrs == same.attrs == {"precision": "float32"}
    # Warnings are errors here: nothing is said again.
    training.fit(recipe.but(seed=1), tmp_path)
    note = training.Store(tmp_path).folder(recipe) / "precision.txt"
    assert note.read_text() == "float32\n"


@pytest.mark.slow
def test_nothing_is_said_where_nothing_is_trained(bfloat16, tmp_path, monkeypatch):
    recipe = HALF.but(epochs=1)
    training.fit(recipe, tmp_path)
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    precision._tell_once.cache_clear()
    _, history = training.fit(recipe, tmp_path)
    assert history.attrs["precision"] == "mixed_bfloat16"


def dtypes(model):
    layers = [each for each in model.layers if each.weights]
    return {layer.compute_dtype for layer in layers}, {v.dtype for v in model.weights}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_training_learns_in_half_and_returns_in_full(kind, bfloat16):
    recipe = HALF.but(epochs=5, **KINDS[kind])
    run = fitting._Training(recipe, None, None)
    assert dtypes(run.network) == ({"bfloat16", "float32"}, {"float32"})
    assert run.network.output.dtype == run.network.get_layer("logits").compute_dtype == "float32"
    assert {v.dtype for v in run.trained.optimizer.variables[1:]} == {"float32"}
    model, history = run.run()
    assert dtypes(model) == ({"float32"}, {"float32"})
    numbers = history.to_numpy("float64")
    assert np.isfinite(numbers).all() and history.attrs["precision"] == "mixed_bfloat16"
    assert history["loss"].iloc[-1] < 0.9 * history["loss"].iloc[0]
    test = run.dataset.test
    accuracy = (model.predict(test.images, verbose=0).argmax(axis=1) == test.labels).mean()
    assert np.isclose(accuracy, history["val_accuracy"].iloc[-1])
    # The plain loss of the network in full, whatever was trained.
    expected = keras.ops.sparse_categorical_crossentropy(
        test.labels.astype("int32"), model.predict(test.images, verbose=0), from_logits=True
    )
    found = model.evaluate(*run.test, verbose=0, return_dict=True)
    assert np.isclose(found["loss"], np.mean(np.asarray(expected)), rtol=1e-4)


@pytest.mark.slow
def test_moving_statistics_are_close_to_those_of_a_training_in_full(bfloat16):
    """After a few small steps, before rounding has led the two trainings apart."""
    recipe = HALF.but(epochs=2, learning_rate=1e-4)
    half, full = (
        training.fit(recipe.but(precision=name))[0] for name in ("mixed_bfloat16", "float32")
    )
    pairs = [
        (one.numpy(), other.numpy())
        for one, other in zip(half.weights, full.weights, strict=True)
        if "moving" in one.path
    ]
    assert len(pairs) > 2
    for one, other in pairs:
        scale = np.abs(other).max()
        assert 0 < np.abs(one - other).max() < 0.02 * scale


def test_updates_below_the_digits_of_half_precision_are_not_lost(bfloat16):
    recipe = HALF.but(optimizer="sgd", learning_rate=1e-6, epochs=1, normalization="none")
    run = fitting._Training(recipe, None, None)
    before = [np.array(each) for each in run.network.get_weights()]
    model, _ = run.run()
    moved = [np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True)]
    assert 0 < max(moved) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mix_up", "fgsm", "low", "smoothed"])
def test_resumes_bit_for_bit(kind, bfloat16, tmp_path, monkeypatch):
    recipe = HALF.but(dropout=0.2, **KINDS[kind])
    whole, resumed = whole_and_resumed(recipe, tmp_path, monkeypatch)
    for one, other in zip(whole[0].get_weights(), resumed[0].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    pd.testing.assert_frame_equal(whole[1], resumed[1], check_exact=True)
    states = (each[0].optimizer.variables for each in (whole, resumed))
    for one, other in zip(*states, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_training_that_goes_on_elsewhere_tells_both(bfloat16, tmp_path, monkeypatch):
    recipe = HALF.but(epochs=2)
    save = training.Store.save_epoch

    def stop(store, *arguments):
        save(store, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(training.Store, "save_epoch", stop)
        training.fit(recipe, tmp_path)
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    precision._tell_once.cache_clear()
    with pytest.warns(UserWarning, match="trains in float32"):
        model, history = training.fit(recipe, tmp_path)
    assert history.attrs["precision"] == "mixed_bfloat16, then float32"
    assert dtypes(model) == ({"float32"}, {"float32"})


@pytest.mark.slow
def test_the_published_record_tells_and_an_older_one_means_float32(bfloat16, tmp_path):
    recipe = HALF.but(epochs=1)
    store = training.Store(tmp_path / "store", published=tmp_path / "models")
    model, history = training.fit(recipe, store)
    path = store.publish(recipe, training.load_data(recipe), model, history)
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["precision"] == "mixed_bfloat16"
    elsewhere = training.Store(tmp_path / "other", published=tmp_path / "models")
    found, same = training.fit(recipe, elsewhere)
    assert same.attrs["precision"] == "mixed_bfloat16"
    for one, other in zip(model.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert dtypes(keras.models.load_model(path)) == ({"float32"}, {"float32"})


def test_notes_of_precision_follow_a_training_that_goes_back(tmp_path):
    assert folder_notes.precision(tmp_path) == "float32"
    folder_notes.add_precision(tmp_path, 3, "mixed_bfloat16")
    assert folder_notes.precision(tmp_path) == "float32, then mixed_bfloat16"
    folder_notes.add_precision(tmp_path, 4, "mixed_bfloat16")
    folder_notes.add_precision(tmp_path, 1, "mixed_bfloat16")
    assert folder_notes.precision(tmp_path) == "mixed_bfloat16"


@pytest.mark.slow
def test_a_recipe_decides_its_precision_under_every_global_policy():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model, history = training.fit(HALF.but(precision="float32", epochs=1))
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)
    assert dtypes(model) == ({"float32"}, {"float32"}) and history.attrs["precision"] == "float32"


def test_the_policy_before_comes_back_after_an_error():
    with warnings.catch_warnings(), pytest.raises(KeyError), precision.policy("mixed_bfloat16"):
        raise KeyError
    assert keras.config.dtype_policy().name == "float32"


@pytest.fixture(scope="module")
def of_a_user():
    """Networks of one's own by policy, with the same trained weights; logits in half precision."""

    def build(name):
        with precision.policy(name):
            return keras.Sequential(
                [
                    keras.Input((8, 8, 1)),
                    keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
                    keras.layers.BatchNormalization(momentum=0.8),
                    keras.layers.Conv2D(32, 3, strides=2, activation="relu"),
                    keras.layers.GlobalAveragePooling2D(),
                    keras.layers.Dense(10),
                ]
            )

    train = data.load("digits", examples=(400, 120)).train
    networks = {name: build(name) for name in ("float32", "mixed_bfloat16", "mixed_float16")}
    full = networks["float32"]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    full.compile(keras.optimizers.Adam(1e-2, weight_decay=0.0), loss)
    full.fit(train.images, train.labels, epochs=8, verbose=0)
    for network in networks.values():
        network.set_weights(full.get_weights())
    return networks


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixed_bfloat16", "mixed_float16"])
def test_measures_take_a_network_in_its_own_precision(name, of_a_user):
    half, full = of_a_user[name], of_a_user["float32"]
    dataset = data.load("digits", examples=(400, 120))
    images, labels = dataset.test.images, dataset.test.labels
    assert keras.backend.standardize_dtype(half(images[:1]).dtype) == name.removeprefix("mixed_")
    measures = {
        "frequency": lambda m: analysis.frequency_accuracy(m, images, labels, [2])["accuracy"],
        "population": lambda m: analysis.frequency_accuracy(
            m, images, labels, [2], bn_statistics="population", train_images=dataset.train.images
        )["accuracy"],
        "sensitivity": lambda m: analysis.fourier_sensitivity(m, images, labels)["mean"],
        "robust": lambda m: analysis.robust_accuracy(
            m, images, labels, [Fgsm(0.05), Pgd(0.3, steps=3, norm="l2", loss="margin")]
        )["accuracy"],
        "confidence": lambda m: analysis.calibration(m, images, labels)["confidence"],
    }
    for kind, measure in measures.items():
        found, expected = np.asarray(measure(half)), np.asarray(measure(full))
        assert np.isfinite(found).all(), kind
        # An image in thirty may fall to another side of a boundary.
        np.testing.assert_allclose(found, expected, atol=1 / 30, err_msg=kind)
        assert np.ptp(expected) > 0.01 or len(expected) == 1, kind
