"""A network of the user's own: by name in recipes, stores and experiments."""

import json

import keras
import numpy as np
import pytest
from own.trainings import TINY, whole_and_resumed

from hfc_keras import models, training
from hfc_keras.models import registry
from hfc_keras.training import Recipe

pytestmark = pytest.mark.jax


def own(input_shape, classes, units=4, dropout=0.0, ending=None, dtype="float32"):
    """A network that gives its layers no seed."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(classes, activation=ending, dtype=dtype),
        ]
    )


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(registry, "_builders", {})
    models.register("own", own)


def recipe_of(**changes):
    changes = {"model": "own", "width": 1.0, "options": {"units": 6}, **changes}
    return TINY.but(examples=(60, 20), batch_size=20, **changes)


def same(one, other):
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def test_is_listed_behind_those_of_the_package():
    assert models.names()[-1] == "own" and "resnet8" in models.names()


def test_weights_come_from_the_seed_and_leave_what_others_draw():
    before = np.random.get_state()[1].copy()
    built = [models.build("own", (8, 8, 1), 3, units=5, seed=seed) for seed in (0, 0, 1)]
    assert same(*built[:2]) and not same(*built[1:])
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert [layer.units for layer in built[0].layers if hasattr(layer, "units")] == [5, 3]


def test_a_seed_of_the_builder_is_that_of_the_recipe():
    seen = []
    models.register(
        "seeded", lambda input_shape, classes, seed: seen.append(seed) or own(input_shape, classes)
    )
    training.build_model(Recipe(model="seeded", seed=7), (8, 8, 1), 10)
    assert seen == [7]


@pytest.mark.slow
@pytest.mark.slow_on_jax
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_is_trained_once_and_goes_on_bit_for_bit(dropout, tmp_path, monkeypatch):
    recipe = recipe_of(epochs=2, dropout=dropout)
    (whole, history), (resumed, again) = whole_and_resumed(recipe, tmp_path, monkeypatch)
    assert same(whole, resumed) and history.equals(again)
    monkeypatch.setattr(training.Store, "save_epoch", None)
    found, _ = training.fit(recipe, tmp_path / "whole")
    assert same(found, whole)


def test_is_published_and_found(tmp_path):
    recipe = recipe_of(epochs=1)
    store = training.Store(tmp_path / "store", published=tmp_path / "models")
    model, history = training.fit(recipe, store)
    store.publish(recipe, training.load_data(recipe), model, history)
    other = training.Store(tmp_path / "other", published=tmp_path / "models")
    assert same(training.fit(recipe, other)[0], model) and other.epochs(recipe) == []


def test_a_kept_recipe_of_a_network_that_is_not_registered_says_how(monkeypatch):
    kept = json.loads(json.dumps(recipe_of().to_dict()))
    assert Recipe(**kept) == recipe_of()
    monkeypatch.setattr(registry, "_builders", {})
    with pytest.raises(ValueError, match=r"models.register\(name, builder\).*model='own'"):
        Recipe(**kept)


MODULE = """
import keras
from hfc_keras import models

def network(input_shape, classes, **options):
    return keras.Sequential(
        [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(classes)]
    )

models.register("elsewhere", network)
"""


@pytest.mark.slow
@pytest.mark.slow_on_jax
def test_other_processes_import_the_module_that_registers_it(tmp_path, new_python):
    (tmp_path / "my_networks.py").write_text(MODULE)
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from experiments import training_heuristics
arguments = "--profile smoke --examples 40 20 --epochs 1 --recipes vanilla --model elsewhere"
paths = ["--results", {str(tmp_path)!r}, "--store", {str(tmp_path / "store")!r}]
training_heuristics.EXPERIMENT.main([*arguments.split(), *paths])
"""
    new_python(code, environment={registry.MODULES: "my_networks"})
    kept = [json.loads(path.read_text()) for path in tmp_path.glob("store/*/recipe.json")]
    assert kept and all(recipe["model"] == "elsewhere" for recipe in kept)


def half(input_shape, classes):
    return own(input_shape, classes, dtype="mixed_bfloat16")


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        (lambda input_shape, classes: None, "of 'wrong' must return a keras.Model.*returned=None"),
        (lambda input_shape, classes: 1 / 0, "of 'wrong' must return a model .ZeroDivisionError"),
        (
            lambda input_shape, classes, depth: None,
            "needs the options depth, which have no default",
        ),
        (lambda input_shape, classes: own(input_shape, 3), r"ends in 10 logits.*\(None, 3\)"),
        (lambda input_shape, classes: own((4, 4, 1), classes), r"input shape \(8, 8, 1\)"),
        (
            lambda input_shape, classes: own(input_shape, classes, ending="softmax"),
            "ends in 10 logits.*ending='softmax'",
        ),
        (half, "dtype='float32'. Received: dtype='bfloat16'"),
    ],
)
def test_a_builder_of_another_model_is_refused(builder, message):
    models.register("wrong", builder)
    with pytest.raises(ValueError, match=message):
        models.build("wrong", (8, 8, 1), 10)


@pytest.mark.parametrize(
    ("name", "builder", "message"),
    [
        ("resnet8", own, "that of a network of the package. Received: name='resnet8'"),
        ("own", half, "registered already.*replace=True.*Received: name='own'"),
        ("a/b", own, "letters, digits and . _ -. Received: name='a/b'"),
        (3, own, "Received: name=3"),
        ("other", None, r"builder\(input_shape, classes, \*\*options\). Received: builder=None"),
        ("other", lambda shape: None, "must be a function builder"),
    ],
)
def test_wrong_registrations_are_refused(name, builder, message):
    with pytest.raises(ValueError, match=message):
        models.register(name, builder)
    assert "other" not in models.names()


def test_a_builder_must_make_new_layers():
    shared = keras.layers.Dense(10, dtype="float32")

    def builder(input_shape, classes):
        inner = keras.Sequential([keras.layers.Flatten(), shared])
        return keras.Sequential([keras.Input(input_shape), inner])

    models.register("shared", builder)
    kept = models.build("shared", (8, 8, 1), 10)
    with pytest.raises(ValueError, match=f"new layers at each call.*'{shared.name}'"):
        models.build("shared", (8, 8, 1), 10)
    assert kept.built


@pytest.mark.parametrize("module", ["no_such_module", "./mine", "a b"])
def test_a_module_that_cannot_be_imported_is_named(module, monkeypatch):
    monkeypatch.setenv(registry.MODULES, f"json, {module}")
    with pytest.raises(ValueError, match=rf"`HFC_KERAS_MODULES` .*Error.*module='{module}'"):
        Recipe(model="small_cnn")


def test_the_same_again_and_a_replacement_are_fine():
    models.register("own", own)
    models.register("own", half, replace=True)
    with pytest.raises(ValueError, match="dtype='bfloat16'"):
        models.build("own", (8, 8, 1), 10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "own", "options": {"filters": 3}}, "takes the options units.*filters=3"),
        (
            {"model": "own", "normalization": "batch"},
            "`normalization` must be 'none' .*model='own'",
        ),
        ({"model": "own", "width": 2}, "`width` must be 1.0 with .*width=2.0"),
        ({"options": {"zero_logits": "yes"}}, "must be True or False. Received: zero_logits='yes'"),
        ({"options": {"smoothed": "last"}}, "Received: smoothed='last'"),
        ({"warmup": 1}, "`warmup` must be from 0 and below 1. Received: warmup=1"),
        ({"dropout": 1}, "`dropout` must be from 0 and below 1. Received: dropout=1"),
        ({"label_smoothing": 1}, "below 1. Received: label_smoothing=1"),
    ],
)
def test_options_are_refused_before_anything_is_trained(changes, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**changes)
