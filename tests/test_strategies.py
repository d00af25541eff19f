"""Trainings on several devices train as one does; other strategies are refused."""

import functools
import json
import types
import warnings

import keras
import pytest

from hfc_keras import attacks, models, training
from hfc_keras.training import folder_notes, replicas, strategies

pytestmark = pytest.mark.jax

SLOW = functools.partial(pytest.param, marks=pytest.mark.slow)
# Batches of 22, 22, 22 and 9 images, the last of which two devices cannot halve; dropout and
# batch normalization, which know more than one image.
BASE = {
    "dataset": "digits",
    "examples": (75, 20),
    "model": "small_cnn",
    "width": 0.5,
    "batch_size": 22,
    "epochs": 2,
    "normalization": "batch",
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "momentum": 0.9,
}
RANDOM = {"dropout": 0.5, "augmentation": "crop_flip", "label_smoothing": 0.1}
RECIPES = {
    "adversarial": {**BASE, **RANDOM, "adversary": attacks.Pgd(0.1, steps=2, norm="l2").to_dict()},
    # The mean of this penalty over two halves is not that of the whole.
    "regularized": {**BASE, "regularizer": "all", "regularizer_weight": 2.0},
    "plain": {**BASE, "weight_decay": 1e-3},
}
ON_JAX = keras.backend.backend() == "jax"
# Arrays of JAX are whole, whatever a training does with them.
NAMES = (
    ["plain", "adversarial", "regularized"]
    if ON_JAX
    else ["adversarial", "regularized", SLOW("plain")]
)
# By what is wrong with it: a recipe that two devices cannot spread.
REFUSED = {
    "`batch_size` must be a multiple of the number of devices, 2": {**BASE, "batch_size": 21},
    "`examples` if they are fewer": {**BASE, "examples": (15, 20)},
    "the last batch of an epoch must hold images for every device": {**BASE, "examples": (67, 20)},
}


@pytest.fixture
def on_two_devices(keras_processes, tmp_path, request):
    """What a process with two virtual devices found of recipes, and said to others."""
    code = """
import json, sys
sys.path.insert(0, sys.argv[1])
from own import graphs, spread
graphs.leave_unoptimized()
spread.main(*map(json.loads, sys.argv[2:4]), sys.argv[4])
"""

    def found(recipes, refused):
        told = [json.dumps(each) for each in (recipes, refused)]
        arguments = [str(request.path.parent), *told, str(tmp_path)]
        status, out, error = keras_processes.run(code, arguments, tmp_path)
        assert status == 0, error
        return json.loads(out.splitlines()[-1])

    return found


# JAX runs its first one alone, and PyTorch has no strategy.
@pytest.mark.skipif(keras.backend.backend() == "torch", reason="needs TensorFlow or JAX")
@pytest.mark.parametrize("name", NAMES)
def test_two_devices_train_as_one(on_two_devices, name):
    first = name == NAMES[0]
    found = on_two_devices({name: RECIPES[name]}, [*REFUSED.values()] if first else [])
    if first:
        check_refusals(found["refused"])
    found = found[name]
    assert found["way"] > 0.1
    assert max(found[each] for each in ("weights", "optimizer", "logs")) < 1e-4
    assert found["devices"] == ["1", "2 x cpu", "2 x cpu"]


def check_refusals(said):
    """What cannot be spread is refused."""
    *recipes, single = said
    for expected, answer in zip(REFUSED, recipes, strict=True):
        # JAX computes such a batch whole on each device.
        assert answer == "taken" if ON_JAX and "last batch" in expected else expected in answer
    assert "must spread over two or more devices; leave it out" in single
    assert "devices=1" in single


class MultiWorkerMirroredStrategy:
    """Stands for TensorFlow's, which looks for other machines when it is made."""


def test_other_strategies_are_refused(monkeypatch):
    recipe = training.Recipe(dataset="digits", model="small_cnn", epochs=1)
    for backend, wanted in strategies.STRATEGIES.items():
        monkeypatch.setattr(keras.backend, "backend", lambda name=backend: name)
        monkeypatch.setattr(replicas, "is_mirrored", lambda strategy: False)
        with pytest.raises(ValueError, match=r"fails inside Keras 3 \(keras#20601, keras#20585\)"):
            training.fit(recipe, strategy=MultiWorkerMirroredStrategy())
        with pytest.raises(ValueError, match=f"must be a {wanted}.*Received: strategy='str'"):
            training.fit(recipe, strategy="mirrored")
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="must be left out with PyTorch.*KERAS_BACKEND=tensorflow"):
        training.fit(recipe, strategy=object())


@pytest.mark.tensorflow
def test_strategies_of_tensorflow_are_refused_by_their_own_names():
    import tensorflow as tf

    for strategy, expected in (
        (tf.distribute.OneDeviceStrategy("CPU:0"), "must be a tf.distribute.MirroredStrategy"),
        (tf.distribute.get_strategy(), "must be a tf.distribute.MirroredStrategy"),
        (tf.distribute.MirroredStrategy(["CPU:0"]), "two or more devices"),
        (keras.distribution.DataParallel(devices=["cpu:0"]), "Received: strategy='DataParallel'"),
    ):
        with pytest.raises(ValueError, match=expected):
            strategies.chosen(strategy)
    # To make one would look for other machines.
    names = {each.__name__ for each in tf.distribute.MultiWorkerMirroredStrategy.__mro__}
    assert names & strategies.MULTI_WORKER


def test_prepared_networks_have_synchronized_statistics_and_warn_of_own_layers():
    class Noisy(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seeds = keras.random.SeedGenerator(0)

        def call(self, inputs):
            return inputs + keras.random.normal(keras.ops.shape(inputs), seed=self.seeds)

    network = models.build("small_cnn", (8, 8, 1), 10, normalization="batch", dropout=0.5)
    mirrored = strategies._Mirrored(None, ["cpu:0", "cpu:1"])
    mirrored.prepare(network)
    kinds = {type(each).__name__: each for each in network._flatten_layers()}
    assert kinds["BatchNormalization"].synchronized
    assert type(kinds["Dropout"]) is not keras.layers.Dropout
    if keras.backend.backend() == "tensorflow":
        assert network(keras.ops.zeros((2, 8, 8, 1)), training=True).shape == (2, 10)
    own = keras.Sequential([keras.Input((8, 8, 1)), Noisy(), keras.layers.Flatten()])
    with pytest.warns(UserWarning, match="draw the same random numbers on every device"):
        mirrored.prepare(own)


def test_statistics_of_one_device_are_warned_of():
    class Spread(keras.Sequential):
        distribute_strategy = types.SimpleNamespace(num_replicas_in_sync=2)

    for synchronized in (False, True):
        layer = keras.layers.BatchNormalization()
        layer.synchronized = synchronized
        model = Spread([keras.Input((8, 8, 1)), layer])
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            replicas.tell_unsynchronized(model)
        assert ["synchronized=True" in str(each.message) for each in told] == [True] * (
            not synchronized
        )


def test_losses_of_activities_are_refused():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Dense(3)])
    model.layers[0].activity_regularizer = keras.regularizers.L2(0.1)
    with pytest.raises(ValueError, match="must have no activity_regularizer.*layer='dense"):
        strategies._Mirrored(None, ["cpu:0", "cpu:1"]).prepare(model)


def test_the_devices_of_each_epoch_are_noted(tmp_path):
    folder_notes.add_devices(tmp_path, 1, "1")
    assert not [*tmp_path.iterdir()]
    for epoch, words in ((2, "2 x gpu"), (3, "2 x gpu"), (4, "1")):
        folder_notes.add_devices(tmp_path, epoch, words)
    assert folder_notes.circumstances(tmp_path)["devices"] == "1, then 2 x gpu, then 1"
