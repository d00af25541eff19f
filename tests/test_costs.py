"""How long trainings take, told before they start."""

import keras
import numpy as np
import pytest

from hfc_keras import attacks, models, training
from hfc_keras.lab import costs, estimate
from hfc_keras.training import Recipe, Store

TINY = Recipe(dataset="digits", examples=(40, 20), model="small_cnn", epochs=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with a finished training that took a minute."""
    store = Store(tmp_path_factory.mktemp("store"))
    training.fit(TINY, store)
    (store.folder(TINY) / "seconds.txt").write_text("60.0")
    return store


@pytest.fixture
def known(store, monkeypatch):
    def trial(*_):
        raise AssertionError("the store knows")

    monkeypatch.setattr(costs, "trial", trial)
    return costs.Costs(store)


@pytest.mark.slow
def test_a_training_takes_what_it_took_with_another_seed(known):
    assert known.whole(TINY.but(seed=7)) == 60


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({"epochs": 6}, 3),
        ({"examples": (80, 20)}, 2),
        ({"adversary": attacks.Pgd(0.1, steps=3)}, 3),
        ({"adversary": attacks.Fgsm(0.1)}, 5 / 3),
        ({"regularizer": "low"}, 2.1),
        ({"recombination": "apr_sp"}, 2),
        ({"recombination": "apr_s"}, 1),
    ],
)
def test_other_trainings_take_in_proportion(known, changes, times):
    assert known.whole(TINY.but(**changes)) == pytest.approx(60 * times)


def test_epochs_that_are_kept_count(known, store):
    assert known.left(TINY) == 0
    longer = TINY.but(epochs=4)
    store.folder(longer).mkdir()
    (store.folder(longer) / "epoch-0003.npz").touch()
    assert known.left(longer) == pytest.approx(120 / 4)


def test_folders_of_other_versions_are_passed_over(store):
    for number, text in enumerate(("{", '{"colour": 1}', "[]")):
        (store.root / f"other{number}").mkdir()
        (store.root / f"other{number}" / "recipe.json").write_text(text)
    assert costs.Costs(store).finished == [(TINY, 60.0)]


def test_without_trainings_a_trial_tells(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(costs, "TRIAL", 0.2)
    empty = costs.Costs(Store(tmp_path))
    seconds = empty.whole(TINY)
    assert 0 < seconds < 60 and empty.whole(TINY.but(epochs=20)) == pytest.approx(10 * seconds)
    assert len(empty.tried) == 1
    assert capsys.readouterr().err == "timing a few steps of small_cnn 1.0 none float32\n"


def test_operations_are_those_of_the_kernels():
    inputs = keras.Input((9, 8, 3))
    layer = keras.layers.Conv2D(5, 3, padding="same")
    twice = keras.layers.Conv2D(5, 3, padding="same", use_bias=False)
    outputs = twice(twice(layer(inputs)))
    outputs = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(outputs))
    expected = 72 * 27 * 5 + 2 * 72 * 45 * 5 + 50
    assert costs.operations(keras.Model(inputs, outputs)) == expected
    # As 16, 32 and 64 filters at 32, 16 and 8 pixels; every kernel is 3 x 3, without shortcuts.
    stages = [(1024, 3, 16), *[(1024, 16, 16)] * 2]
    stages += [(256, 16, 32), (256, 32, 32), (64, 32, 64), (64, 64, 64)]
    wanted = sum(pixels * 9 * before * after for pixels, before, after in stages) + 640
    assert costs.operations(models.build("resnet8", (32, 32, 3), 10)) == wanted
    wider = costs.operations(models.build("resnet8", (32, 32, 3), 10, width=2.0))
    assert np.isclose(wider / wanted, 4, rtol=0.02)


def test_seconds_of_measuring_leave_out_the_training():
    cells = [
        {"seconds": 100.0, "training_seconds": 80.0},
        {"seconds": 30.0, "training_seconds": 80.0},
        {"seconds": 0.2, "training_seconds": 80.0},
        {"seconds": 40.0, "training_seconds": None},
    ]
    assert (
        estimate.seconds_beside_training(cells) == 30
        and estimate.seconds_beside_training([]) is None
    )
    assert estimate.seconds_beside_training(cells[2:3]) is None
    assert estimate.minutes(90) == "1.5" and estimate.minutes(3630) == "60"
