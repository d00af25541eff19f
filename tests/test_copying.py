import functools
import weakref

import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import analysis, copying, models

pytestmark = pytest.mark.jax

L = keras.layers
SHAPE = (8, 8, 1)


def double(images):
    return images * 2


def scaled(images, by):
    return images * by


def ones(shape, dtype=None):
    return ops.ones(shape, dtype)


def squares(weight):
    return 0.1 * ops.sum(weight**2)


def clipped(weight):
    return ops.clip(weight, -1, 1)


class Block(L.Layer):
    """Takes layers and a function, and has no config of its own."""

    def __init__(self, layers, after, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.after = layers, after
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, inputs, training=None):
        for layer in self.inner:
            inputs = layer(inputs, training=training) if _trains(layer) else layer(inputs)
        return self.after(inputs) * self.scale


class Configured(L.Layer):
    """Has a config that only its own class can read."""

    def __init__(self, layer, offset, **kwargs):
        super().__init__(**kwargs)
        self.layer, self.offset = layer, offset

    def build(self, shape):
        self.layer.build(shape)

    def call(self, inputs):
        return self.layer(inputs) + self.offset

    def get_config(self):
        return {**super().get_config(), "offset": float(self.offset)}


class Later(L.Layer):
    """Makes its parts when it is built, a method among them."""

    def build(self, shape):
        self.parts = {"conv": L.Conv2D(2, 3, padding="same"), "stage": [[L.Dense(2)]]}
        self.method = self.both
        self.bound = functools.partial(scaled, by=self.add_weight(shape=(2,), name="by"))
        self.parent = weakref.ref(self)
        self.both(keras.Input(shape[1:]))

    def both(self, inputs):
        return self.parts["stage"][0][0](self.parts["conv"](inputs))

    def call(self, inputs):
        return self.parent().bound(self.method(inputs))

    def compute_output_shape(self, shape):
        return (*shape[:-1], 2)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv, self.dropout = L.Conv2D(2, 3, activation=double), L.Dropout(0.5, seed=3)

    def call(self, inputs, training=None):
        return self.dropout(self.conv(inputs), training=training)


def _trains(layer):
    return "training" in layer.call_signature_parameters


def closure():
    by = {"by": 3.0}
    return L.Lambda(lambda images: images * by["by"])


def adapted():
    layer = L.Normalization()
    layer.adapt(np.random.default_rng(0).random((5, *SHAPE)))
    return layer


def nested():
    inner = keras.Sequential([keras.Input((None, None, 1)), L.Lambda(double), L.Conv2D(1, 3)])
    inner.compile("adam", loss=lambda y_true, y_pred: ops.mean(y_pred))
    inputs = keras.Input(SHAPE)
    stage = keras.Model(inputs, inner(inner(inputs)))
    return lambda x: L.Add()([stage(x), stage(x * 2)])


# What stands between the input and a strided convolution, by name.
PARTS = {
    "lambda of a function": lambda: L.Lambda(double),
    "lambda of a lambda": lambda: L.Lambda(lambda images: images - 0.5),
    "lambda of a closure": closure,
    "lambda of keras": lambda: L.Lambda(keras.applications.mobilenet_v2.preprocess_input),
    "lambda with arguments": lambda: L.Lambda(scaled, arguments={"by": 0.5}),
    "activation function": lambda: L.Conv2D(2, 3, activation=double),
    "activation lambda": lambda: L.Dense(2, activation=lambda x: x**2),
    "activation layer": lambda: L.Conv2D(2, 3, activation=L.LeakyReLU(0.3)),
    "activation PReLU": lambda: L.Conv2D(2, 3, activation=L.PReLU(ones, shared_axes=[1, 2])),
    "layer of a function": lambda: L.Activation(double),
    "initializer": lambda: L.Conv2D(2, 3, kernel_initializer=ones),
    "regularizer": lambda: L.Conv2D(2, 3, kernel_regularizer=squares, bias_regularizer="l2"),
    "constraint": lambda: L.Conv2D(2, 3, kernel_constraint=clipped),
    "operations": lambda: lambda x: ops.relu(ops.concatenate([x / 2.0, 1 - x], axis=-1)),
    "custom of layers": lambda: Block([L.Conv2D(2, 3), L.Dropout(0.5, seed=1), L.ReLU()], double),
    "custom of models": lambda: Block([keras.Sequential([L.Dense(3), L.Lambda(double)])], double),
    "custom with config": lambda: Configured(L.Dense(2), np.float32(0.5)),
    "built later": Later,
    "custom of subclassed": lambda: Block([Subclassed()], double),
    "nested twice": nested,
    "spectral": lambda: L.SpectralNormalization(L.Conv2D(2, 3)),
    "adapted": adapted,
    "dropout": lambda: L.Dropout(0.5, seed=1),
    "augmentation": lambda: L.RandomFlip(seed=1),
    "policy": lambda: L.Conv2D(2, 3, dtype=keras.DTypePolicy("mixed_bfloat16")),
    "recurrent": lambda: (
        lambda x: L.Reshape((8, 2, 1))(
            L.Bidirectional(L.LSTM(1, return_sequences=True))(L.Reshape((8, 8))(x))
        )
    ),
}


def network(name):
    inputs = keras.Input(SHAPE)
    conv = L.Conv2D(2, 1, 2, activation=double, name="strided")
    x = L.BatchNormalization()(conv(PARTS[name]()(inputs)))
    model = keras.Model(inputs, L.Dense(3)(L.Flatten()(x)))
    model.compile("sgd", loss=lambda y_true, y_pred: ops.mean((y_true - y_pred) ** 2))
    # An activation that is a layer has its weights only from the first images on.
    model(pixels())
    return model


COPIES = {
    "smooth_model": lambda model: models.smooth_model(model, 0.0, "strided"),
    "antialias": lambda model: models.antialias(model, pool_size=1)[0],
    "population": lambda model: analysis.with_statistics(model, "population", pixels(40)),
}


def named_layers(model):
    found = copying.layers(model)
    found = [each for each in found if not isinstance(each, (L.InputLayer, keras.Model))]
    return sorted(found, key=lambda layer: layer.name)


def pixels(examples=4):
    return np.random.default_rng(examples).random((examples, *SHAPE), "float32")


def outputs(model):
    return np.asarray(model(pixels(), training=False), "float32")


def seeds(model):
    return [np.array(each) for each in model.variables if "seed" in each.path]


@pytest.mark.few(10)
@pytest.mark.parametrize("name", PARTS)
def test_copies_compute_the_same_with_weights_of_their_own(name):
    model = network(name)
    for make in ("smooth_model", "antialias"):
        before, expected = [np.array(each) for each in model.variables], outputs(model)
        copy = COPIES[make](model)
        np.testing.assert_allclose(outputs(copy), expected, rtol=1e-5, atol=1e-5)
        pairs = list(zip(model.weights, copy.weights, strict=True))
        assert all(a is not b and a.path == b.path for a, b in pairs)
        assert len(copy.trainable_variables) == len(model.trainable_variables)
        assert len(copy.variables) == len(model.variables)
        copy.set_weights([each + 0.1 for each in copy.get_weights()])
        assert all(map(np.array_equal, before, model.variables))
        changed = outputs(copy)
        assert not np.allclose(changed, expected)
        model.set_weights([each - 0.1 for each in model.get_weights()])
        np.testing.assert_array_equal(outputs(copy), changed)


@pytest.mark.parametrize("name", ["built later", "custom of models"])
def test_a_copy_trains_alone(name):
    model = network(name)
    copy, before = COPIES["antialias"](model), [np.array(each) for each in model.variables]
    expected = outputs(copy)
    copy.compile("sgd", "mse")
    copy.fit(pixels(), np.ones((4, 3)), verbose=0)
    assert not np.allclose(outputs(copy), expected)
    assert all(map(np.array_equal, before, model.variables))


@pytest.mark.few(10)
@pytest.mark.parametrize("name", PARTS)
def test_layers_of_the_copy_are_others_of_the_same_kinds(name):
    model = network(name)
    copy = COPIES["smooth_model"](model)
    # Keras names inputs and the graphs within sequential models anew.
    pairs = list(zip(*map(named_layers, (model, copy)), strict=True))
    assert all(type(a) is type(b) and a.name == b.name and a is not b for a, b in pairs)
    assert len(pairs) > 3
    assert all(a.trainable == b.trainable and a.dtype == b.dtype for a, b in pairs)


@pytest.mark.parametrize("name", ["dropout", "augmentation", "custom of layers"])
@pytest.mark.parametrize("make", COPIES)
def test_random_numbers_are_drawn_apart(name, make):
    model = network(name)
    copy, before = COPIES[make](model), seeds(model)
    assert before
    assert all(map(np.array_equal, before, seeds(copy)))
    copy(pixels(), training=True)
    assert all(map(np.array_equal, before, seeds(model)))
    assert not all(map(np.array_equal, before, seeds(copy)))


@pytest.mark.parametrize("make", COPIES)
def test_functions_are_the_same_objects(make):
    inputs = keras.Input(SHAPE)
    told = {"activation": double, "kernel_initializer": ones, "kernel_regularizer": squares}
    conv = L.Conv2D(2, 1, 2, **told, kernel_constraint=clipped, name="strided")
    x = L.BatchNormalization()(conv(L.Lambda(double, name="first")(inputs)))
    copy = COPIES[make](keras.Model(inputs, L.Flatten()(x)))
    twin = copy.get_layer("strided")
    assert twin is not conv and copy.get_layer("first").function is double
    assert {name: getattr(twin, name) for name in told} == told
    assert twin.kernel_constraint is twin.kernel.constraint is clipped
    assert twin.kernel.regularizer is squares
    assert len(copy.losses) == 1


def test_a_function_is_given_the_copied_layer():
    dense = L.Dense(2)
    dense.build((None, 1))
    methods = [dense.call, functools.partial(dense.call), lambda x, layer=dense: layer(x)]
    for function in [lambda x: dense(x), *methods]:
        twin = copying.Copier().twin(Block([], function))
        before, x = np.asarray(function(pixels())), pixels()
        for layer in copying.layers(twin):
            layer.set_weights([0 * each for each in layer.get_weights()])
        assert not np.asarray(twin.after(x)).any()
        np.testing.assert_array_equal(function(x), before)


def test_a_copied_layer_takes_new_parts():
    """Keras' own list of what a layer holds is the copy's, and says so."""
    layer = Block([L.Dense(2)], double)
    twin = copying.Copier().twin(layer)
    assert twin.inner[0] is twin._layers[0] and layer.inner[0] is layer._layers[0]
    twin.more = L.Dense(3)
    assert (len(twin._layers), len(layer._layers)) == (2, 1)
    twin.inner[0].build((None, 1))
    assert len(twin.weights) == 3 and len(layer.weights) == 1


def test_the_original_keeps_its_graph():
    model = network("operations")
    counts = [len(each._inbound_nodes) for each in model.operations]
    for make in COPIES.values():
        make(model)
    assert [len(each._inbound_nodes) for each in model.operations] == counts


def test_shared_layers_stay_shared():
    dense = L.Dense(1, name="one")
    model = keras.Sequential([keras.Input((1,)), dense, Block([dense, dense], double, name="two")])
    copy = copying.Copier().twin(model)
    one, two = copy.layers
    assert one is two.inner[0] is two.inner[1] and one is not dense


@pytest.mark.tensorflow
def test_a_layer_with_weights_out_of_sight_is_refused():
    import tensorflow as tf

    for held in (tf.Variable(1.0), tf.Module(), [tf.function(L.Dense(1).call)]):
        inputs = keras.Input(SHAPE)
        block = Block([], double, name="block")
        block.held = held
        model = keras.Model(inputs, L.Conv2D(1, 3)(block(inputs)))
        with pytest.raises(ValueError, match="`block` must have its weights .*Received: held="):
            models.smooth_model(model, 0.5)


class Stubborn(L.Conv2D):
    """Has strides of its own."""

    def call(self, inputs):
        return ops.conv(inputs, self.kernel, 2, "same") + self.bias

    def compute_output_shape(self, shape):
        return (shape[0], (shape[1] + 1) // 2, (shape[2] + 1) // 2, self.filters)


def shared_out_of_sight():
    inputs = keras.Input(SHAPE)
    conv = L.Conv2D(1, 3, 2, "same", name="conv")
    return keras.Model(inputs, Block([conv], double, name="hidden")(conv(inputs)))


def stubborn():
    return keras.Sequential([keras.Input(SHAPE), Stubborn(1, 3, 2, "same", name="conv")])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (shared_out_of_sight, "`hidden` must not share layers .*Received: shared=.'conv'"),
        (stubborn, "`conv` must have the strides .*Received: layer='Stubborn'"),
    ],
)
def test_what_antialias_would_change_in_part_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        models.antialias(make())
    model = make()
    copy, _ = models.antialias(model, keep="conv")
    np.testing.assert_allclose(outputs(copy), outputs(model), atol=1e-6)
