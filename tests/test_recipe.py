"""Recipes as values: equal by content, whatever they came through, and hard to misuse."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from own.trainings import TINY

from hfc_keras import training
from hfc_keras.attacks import Fgsm, Pgd
from hfc_keras.regularizers import SensitivityBand
from hfc_keras.training import Recipe

# Hashes name the folders of stores: these are as version 1 had them.
HASHES = [
    ({}, "44136fa355b3678a"),
    ({"recombination_axes": "spatial", "single_probability": 0.5}, "44136fa355b3678a"),
    ({"regularizer_weight": 0.9, "recombination_probability": 0.1}, "44136fa355b3678a"),
    ({"regularizer": "low", "regularizer_weight": 1}, "55703b3c6f86d3fd"),
    ({"regularizer": (5, 10)}, "de656b7793848b2e"),
    (
        {
            "recombination": "apr_sp",
            "recombination_axes": "spatial",
            "single_probability": 0.5,
            "recombination_probability": 1,
        },
        "d74bf6a022746ae4",
    ),
    (
        {"recombination": "hybrid", "recombination_axes": "spatial", "single_probability": 0.5},
        "be36eefd10fbd383",
    ),
    ({"adversary": Pgd(8 / 255, steps=10, mask=("low", 3))}, "345b85e8e6863f9a"),
    ({"adversary": Fgsm(0.1)}, "4813bf9018fd9e6a"),
    ({"adversary": Pgd(0)}, "951968719c6a69d5"),
    ({"radius": 4}, "e3d790fd885f0f0c"),
    ({"mix_up_weight": "batch"}, "7a1ca7d1a108d2ce"),
    ({"mix_up_weight": "batch", "mix_up": 0.5}, "ddd97b64fecfb09c"),
    (
        {"component": "low", "radius": 8, "inclusive": False, "outside_gain": 0.25},
        "281bda9ee65a9bd8",
    ),
    ({"options": {"stem": "cifar", "blur": [2, 3.0], "flag": True}}, "2507733aab721f5c"),
    ({"schedule": "step", "milestones": (30, 60), "step_factor": 0.2}, "3c3998984c2f15c3"),
    ({"optimizer": "sgd", "momentum": 0.9, "nesterov": True}, "6a15f86de2a639e0"),
    ({"seed": 3, "examples": 100, "image_size": 16}, "1fbe3cb6c99b8557"),
    ({"learning_rate": 0, "dropout": 0.5}, "c8bee5f7cf64f885"),
    ({"schedule": "cosine", "weight_decay": 5e-4, "batch_size": 128}, "502d33c717454599"),
    ({"augmentation": "crop_flip", "optimizer": "sgd", "momentum": 0.9}, "1b7b432f71b2b8eb"),
]
# Spelt with the fields of later versions at the values that they had all along.
LATER = {
    "precision": "float32",
    "warmup": None,
    "label_smoothing": 0,
    "flip": "random",
    "crop_padding": 4,
}


@pytest.mark.parametrize(("fields", "digits"), HASHES, ids=str)
def test_keeps_its_hash_and_equals_its_round_trip(fields, digits):
    recipe = Recipe(**fields, **LATER)
    again = Recipe(**json.loads(json.dumps(recipe.to_dict())))
    assert recipe.hash.startswith(digits) and again.hash == recipe.hash
    assert again == recipe and hash(again) == hash(recipe) and len({again, recipe}) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"precision": "mixed_bfloat16"},
        {"schedule": "one_cycle"},
        {"schedule": "one_cycle", "warmup": 0},
        {"schedule": "one_cycle", "warmup": 0.3},
        {"schedule": "cosine", "warmup": 0.2},
        {"label_smoothing": 0.2},
        {"augmentation": "crop_flip", "crop_padding": 2},
        {"augmentation": "crop_flip", "flip": "alternating"},
    ],
    ids=str,
)
def test_a_later_field_decides_and_survives_json(fields):
    recipe = Recipe(**fields)
    again = Recipe(**json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe and again.to_dict() == fields
    known = [Recipe(**{name: fields[name]}) for name in fields if name not in LATER]
    assert recipe not in [Recipe(), *(each for each in known if len(fields) > 1)]


def test_a_warm_up_that_is_the_schedules_own_is_no_other_training():
    cycle = Recipe(schedule="one_cycle")
    assert cycle == cycle.but(warmup=0.2) != cycle.but(warmup=0.0)
    assert cycle.but(warmup=0.2).but(schedule="cosine") == Recipe(schedule="cosine", warmup=0.2)
    assert Recipe(warmup=0.0) == Recipe() != Recipe(warmup=0.2)


def test_recipes_that_train_otherwise_differ():
    recipes = {digits: Recipe(**fields) for fields, digits in HASHES}
    assert len(set(recipes.values())) == len(recipes)
    assert Recipe() != {} and Recipe() != Recipe().hash
    # 1 and True are equal in Python, but other options of a model.
    assert Recipe(options={"a": True}) != Recipe(options={"a": 1})


def test_a_value_that_does_nothing_is_kept_until_it_does():
    idle = Recipe(regularizer_weight=0.9)
    assert idle == Recipe() and idle.but(regularizer="low") != Recipe(regularizer="low")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"dataset": Path("some/where")}, {"dataset": "some/where"}),
        ({"dataset": np.str_("digits"), "model": np.str_("vgg11")}, {"model": "vgg11"}),
        ({"epochs": np.int32(7), "width": np.float32(0.5)}, {"epochs": 7.0, "width": 0.5}),
        ({"nesterov": np.False_, "rescale": 1}, {"rescale": True}),
        ({"examples": [20, 10]}, {"examples": (20, 10)}),
        ({"schedule": "step", "milestones": [3]}, {"schedule": "step", "milestones": (3.0,)}),
        (
            {"options": {"b": (1, [2, None]), "a": np.bool_(True)}},
            {"options": {"a": True, "b": [1.0, (2, None)]}},
        ),
        ({"regularizer": [1, 3]}, {"regularizer": SensitivityBand(1.0, 3)}),
        ({"adversary": {"attack": "pgd", "epsilon": 0.1}}, {"adversary": Pgd(0.1)}),
    ],
)
def test_equal_content_is_equal(one, other):
    one, other = Recipe(**one), Recipe(**other)
    assert one == other and json.dumps(one.to_dict()) == json.dumps(other.to_dict())


def test_a_long_whole_number_among_options_keeps_its_digits():
    assert Recipe(options={"a": 2**53 + 1}).options["a"] == 2**53 + 1


HOSTILE = {
    "nan": float("nan"),
    "numpy nan": np.float64("nan"),
    "inf": float("inf"),
    "2**64": 2**64,
    "-2**64": -(2**64),
    "three": [1, 2, 3],
    "nested": [[1, 2], [3]],
    "array": np.arange(3),
    "array of words": np.array(["none", "x"]),
    "bytes": b"none",
    "complex": 1j,
    "set": {1},
    "object": object(),
    "key": {1: 2},
    "nan inside": {"a": float("nan")},
    "dict inside": {"a": {"b": 1}},
    "array inside": {"a": np.arange(2)},
}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Recipe)])
def test_every_field_refuses_what_it_cannot_hold(name):
    for value in HOSTILE.values():
        with pytest.raises(ValueError, match=r"(?s)Received: \w+=|Received: setting of"):
            Recipe(**{name: value})


@pytest.mark.parametrize("name", ["epochs", "batch_size", "seed", "examples", "learning_rate"])
def test_bools_are_no_numbers(name):
    with pytest.raises(ValueError, match=f"Received: {name}=True"):
        Recipe(**{name: True})


def one_class(folder):
    images = np.random.default_rng(0).random((12, 8, 8, 1), "float32")
    labels = np.zeros(12, "int64")
    path = folder / "one.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return path


def test_data_of_one_class_are_refused_by_name(tmp_path):
    recipe = TINY.but(dataset=one_class(tmp_path), examples=None, epochs=1)
    with pytest.raises(ValueError, match="Received: "):
        training.fit(recipe)


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"adversary": Pgd(0.1, steps=1)},
        {"regularizer": "low"},
        {"mix_up": 0.5, "recombination": "apr_sp", "normalization": "batch"},
    ],
    ids=str,
)
def test_one_image_in_a_batch_larger_than_the_data(changes):
    recipe = TINY.but(examples=1, epochs=1, batch_size=1000, **changes)
    _, history = training.fit(recipe)
    assert np.isfinite(history.to_numpy("float64")).all() and len(history) == 1
