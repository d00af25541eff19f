import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import analysis, gradients
from hfc_keras.gradients.compiling import outputs

pytestmark = pytest.mark.jax

L = keras.layers
SHAPE = (4, 5, 3)
TENSORFLOW = pytest.mark.tensorflow


def norm(kind=L.BatchNormalization, **options):
    """A layer whose moving averages are those of no images here."""
    layer = kind(name="norm", **options)
    layer.build((None, *SHAPE))
    layer.set_weights([np.float32([1, 2, 3]) + each for each in (0.5, 0, 4, 5)])
    return layer


class Own(L.Layer):
    """Holds what it calls in a way of its own."""

    def __init__(self, held, call=lambda held, x: held(x), **kwargs):
        super().__init__(**kwargs)
        self.held, self.run = held, call

    def call(self, inputs):
        return self.run(self.held, inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


class Plain:
    def __init__(self, layer):
        self.layer = layer


class OwnWrapper(L.Wrapper):
    def call(self, inputs):
        return self.layer(inputs)


class OwnNorm(L.BatchNormalization):
    """Does more than its base, and leaves the statistics to it."""

    def call(self, inputs, training=None, mask=None):
        return ops.add(super().call(inputs, training=training, mask=mask), 0.0)


class FrozenNorm(L.BatchNormalization):
    def call(self, inputs, training=None):
        return super().call(inputs, training=False)


class Subclassed(keras.Model):
    def __init__(self, layer):
        super().__init__()
        self.inner = {"list": [layer]}

    def call(self, inputs):
        return self.inner["list"][0](inputs, training=False)


class FunctionalSubclass(keras.Model):
    """Built of a graph, with a call and a layer beside it."""

    def __init__(self, layer):
        inputs = keras.Input(SHAPE)
        super().__init__(inputs, L.ReLU()(inputs))
        self.norm = layer

    def call(self, inputs, training=None, mask=None):
        return self.norm(inputs)


def functional(function, dtype="float32"):
    inputs = keras.Input(SHAPE, dtype=dtype)
    return keras.Model(inputs, function(inputs))


def nested(**options):
    inner = functional(norm())
    return functional(lambda x: inner(x, **options))


def in_time(wrapped):
    shape = (1, *SHAPE)
    return functional(lambda x: L.Reshape(SHAPE)(L.TimeDistributed(wrapped)(L.Reshape(shape)(x))))


def frozen():
    model = functional(norm())
    model.trainable = False
    return model


def called(model):
    model(np.zeros((1, *SHAPE), "float32"))
    return model


def channels_first():
    layer = L.BatchNormalization(axis=1, name="norm")
    model = functional(lambda x: L.Permute((2, 3, 1))(layer(L.Permute((3, 1, 2))(x))))
    layer.set_weights(norm().get_weights())
    return model


def closed_over():
    layer = norm()
    return functional(L.Lambda(lambda x: layer(x), output_shape=SHAPE))


# Networks that do nothing but normalize, by where the layer is.
NETWORKS = {
    "functional": lambda: functional(norm()),
    "sequential": lambda: keras.Sequential([keras.Input(SHAPE), norm()]),
    "sequential around": lambda: keras.Sequential([nested()]),
    "custom layer": lambda: functional(Own(norm())),
    "custom in custom": lambda: functional(Own(Own(norm()))),
    "list": lambda: functional(Own([norm()], lambda held, x: held[0](x))),
    "tuple in dict": lambda: functional(Own({"a": (1, norm())}, lambda held, x: held["a"][1](x))),
    "plain object": lambda: functional(Own(Plain(norm()), lambda held, x: held.layer(x))),
    "closure": closed_over,
    "sequential in custom": lambda: functional(Own(keras.Sequential([norm(), L.Rescaling(1.0)]))),
    "functional in custom": lambda: functional(Own(functional(norm()))),
    "wrapper": lambda: functional(OwnWrapper(norm())),
    "time distributed": lambda: in_time(norm()),
    "custom in time": lambda: in_time(Own(norm())),
    "subclassed model": lambda: called(Subclassed(norm())),
    "subclassed in functional": lambda: functional(called(Subclassed(norm()))),
    "functional subclass": lambda: FunctionalSubclass(norm()),
    "subclass of the layer": lambda: functional(norm(OwnNorm)),
    "frozen by its class": lambda: functional(norm(FrozenNorm)),
    "custom holds subclass": lambda: functional(Own(norm(OwnNorm))),
    "frozen": frozen,
    "inference in a graph": lambda: nested(training=False),
    "training in a graph": lambda: nested(training=True),
    "inference in custom": lambda: functional(Own(norm(), lambda n, x: n(x, training=False))),
    "channels first": channels_first,
    "renormalising": lambda: functional(renormalising()),
    "synchronized": lambda: functional(norm(synchronized=True)),
    "half precision": lambda: functional(Own(norm(dtype="mixed_float16"), dtype="mixed_float16")),
}
MARKED = [
    pytest.param(name, marks=TENSORFLOW) if name == "synchronized" else name for name in NETWORKS
]


def renormalising():
    layer = L.BatchNormalization(renorm=True, name="norm")
    layer.build((None, *SHAPE))
    layer.set_weights([*norm().get_weights(), *np.ones((3, 3))])
    return layer


def images(rng, examples):
    """Pixels with other moments in each channel."""
    return np.clip(rng.normal([0.2, 0.5, 0.7], [0.05, 0.1, 0.02], (examples, *SHAPE)), 0, 1).astype(
        "float32"
    )


def normalised(x, seen, axes=(0, 1, 2)):
    """What the layer makes of pixels with the moments of others."""
    gamma, beta, _, _ = norm().get_weights()
    return gamma * (x - seen.mean(axes)) / np.sqrt(seen.var(axes) + 1e-3) + beta


@pytest.mark.few(10)
@pytest.mark.parametrize("name", MARKED)
def test_it_is_found_wherever_it_is(name, rng):
    model, x, train = NETWORKS[name](), images(rng, 6), images(rng, 50) ** 2
    before = [np.array(weight) for weight in model.weights]
    # Keras computes synchronised variances from two large sums.
    atol = {"half precision": 0.1, "synchronized": 1e-3}.get(name, 1e-4)
    for kind, seen in {"batch": x, "population": train}.items():
        tested = analysis.with_statistics(model, kind, train)
        expected = normalised(x, seen)
        for answer in (
            tested.predict_on_batch(x),
            gradients.compiled(tested, outputs)(x)[0],
            tested(x, training=True),
        ):
            np.testing.assert_allclose(np.asarray(answer, "float32"), expected, atol=atol)
        assert len(tested.weights) == len(before)
    assert all(map(np.array_equal, before, model.weights))


@pytest.mark.parametrize("kind", ["batch", "population"])
@pytest.mark.parametrize("name", ["functional", "custom layer", "subclassed model"])
def test_weights_of_the_copy_are_its_own(name, kind, rng):
    model, x = NETWORKS[name](), images(rng, 6)
    tested = analysis.with_statistics(model, kind, x)
    answer, before = tested.predict_on_batch(x), model.get_weights()
    model.set_weights([0 * weight for weight in before])
    np.testing.assert_array_equal(tested.predict_on_batch(x), answer)
    model.set_weights(before)
    tested.set_weights([weight + 1 for weight in tested.get_weights()])
    assert all(map(np.array_equal, before, model.get_weights()))


@pytest.mark.parametrize("name", ["functional", "subclass of the layer"])
def test_a_copy_is_copied_with_the_statistics_asked_for_last(name, rng):
    model, x, train = NETWORKS[name](), images(rng, 6), images(rng, 50) ** 2
    for kind, seen in [("batch", x), ("population", train), ("batch", x)]:
        model = analysis.with_statistics(model, kind, train)
        np.testing.assert_allclose(model.predict_on_batch(x), normalised(x, seen), atol=1e-4)


def test_two_branches_share_one_layer_and_pool_what_both_saw(rng):
    layer = norm()
    model = functional(lambda x: L.Concatenate()([Own(layer)(x), layer(x * 2)]))
    x, train = images(rng, 6), images(rng, 40)
    answer = analysis.with_statistics(model, "population", train).predict_on_batch(x)
    both = np.concatenate([train, 2 * train])
    expected = np.concatenate([normalised(each, both) for each in (x, 2 * x)], axis=-1)
    np.testing.assert_allclose(answer, expected, atol=1e-4)


def test_time_steps_are_batches_and_one_population(rng):
    inputs = keras.Input((4, 5, 3))
    model = keras.Model(inputs, L.TimeDistributed(L.BatchNormalization(scale=False))(inputs))
    x, train = images(rng, 6), images(rng, 60)
    batch = analysis.with_statistics(model, "batch").predict_on_batch(x)
    mean, variance = (moment(x, axis=(0, 2), keepdims=True) for moment in (np.mean, np.var))
    np.testing.assert_allclose(batch, (x - mean) / np.sqrt(variance + 1e-3), atol=1e-4)
    population = analysis.with_statistics(model, "population", train).predict_on_batch(x)
    mean, variance = train.mean((0, 1, 2)), train.var((0, 1, 2))
    np.testing.assert_allclose(population, (x - mean) / np.sqrt(variance + 1e-3), atol=1e-4)


class Cell(L.Layer):
    """Cell of a recurrent layer that adds up normalized rows."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.state_size = self.output_size = 3
        self.norm = L.BatchNormalization()

    def build(self, shape):
        self.norm.build(shape)

    def call(self, inputs, states, training=None):
        total = states[0] + self.norm(inputs, training=training)
        return total, [total]


def test_a_cell_of_a_recurrent_layer(rng):
    inputs = keras.Input((4, 5, 3))
    model = keras.Model(inputs, L.RNN(Cell())(L.Reshape((20, 3))(inputs)))
    x, train = images(rng, 6), images(rng, 60)
    steps = x.reshape(6, 20, 3)
    batch = analysis.with_statistics(model, "batch").predict_on_batch(x)
    expected = ((steps - steps.mean(0)) / np.sqrt(steps.var(0) + 1e-3)).sum(1)
    np.testing.assert_allclose(batch, expected, atol=1e-3)
    population = analysis.with_statistics(model, "population", train).predict_on_batch(x)
    mean, variance = train.mean((0, 1, 2)), train.var((0, 1, 2))
    expected = ((steps - mean) / np.sqrt(variance + 1e-3)).sum(1)
    np.testing.assert_allclose(population, expected, atol=1e-3)


def test_what_is_masked_counts_in_no_moment(rng):
    """Rows of the second half of a batch are hidden by their first pixel, which is 0."""
    inputs = keras.Input((4, 5, 3))
    rows = L.Masking()(L.Reshape((20, 3))(inputs))
    model = keras.Model(inputs, L.BatchNormalization()(rows))
    train = images(rng, 300)
    train[100:, 1:] = 0
    shown = train[train.any(axis=-1)]
    answer = analysis.with_statistics(model, "population", train).predict_on_batch(train[:5])
    expected = (train[:5] - shown.mean(0)) / np.sqrt(shown.var(0) + 1e-3)
    np.testing.assert_allclose(answer, expected.reshape(5, 20, 3), atol=1e-3)
    answer = analysis.with_statistics(model, "batch").predict_on_batch(train[98:102])
    shown = train[98:102][train[98:102].any(axis=-1)]
    expected = (train[98:102] - shown.mean(0)) / np.sqrt(shown.var(0) + 1e-3)
    np.testing.assert_allclose(answer, expected.reshape(4, 20, 3), atol=1e-3)


def test_a_layer_no_test_reaches_keeps_its_numbers(rng):
    class Auxiliary(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm, self.head = norm(), norm()

        def call(self, inputs, training=None):
            return self.head(inputs) if training else self.norm(inputs)

    model, x = called(Auxiliary()), images(rng, 6)
    copy = analysis.with_statistics(model, "population", x)
    np.testing.assert_allclose(copy.predict_on_batch(x), normalised(x, x), atol=1e-4)
    np.testing.assert_array_equal(copy.head.moving_mean, model.head.moving_mean)


def test_a_copy_with_batch_statistics_can_be_saved(tmp_path, rng):
    x = images(rng, 6)
    for kind in ("batch", "population"):
        copy = analysis.with_statistics(functional(norm()), kind, x)
        copy.save(tmp_path / "copy.keras")
        loaded = keras.models.load_model(tmp_path / "copy.keras")
        np.testing.assert_allclose(loaded(x), copy(x), atol=1e-6)


def test_a_compiled_and_trained_subclass_is_copied(rng):
    model, x = called(Subclassed(norm())), images(rng, 8)
    model.compile("adam", loss=lambda y_true, y_pred: ops.mean(y_pred), metrics=["mae"])
    model.fit(x, x, verbose=0)
    model.predict(x, verbose=0)
    gradients.compiled(model, outputs)(x)
    tested = analysis.with_statistics(model, "batch")
    gamma, beta, _, _ = model.get_weights()
    expected = gamma * (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-3) + beta
    np.testing.assert_allclose(tested.predict_on_batch(x), expected, atol=1e-4)
    assert model.compiled and not tested.compiled


class Running(L.Layer):
    """Normalizes without being a BatchNormalization."""

    def build(self, shape):
        self.running_mean = self.add_weight(shape=shape[-1:], name="mu", trainable=False)
        self.other = self.add_weight(shape=shape[-1:], name="moving_variance", trainable=False)

    def call(self, inputs):
        return inputs - self.running_mean


class ByItself(L.BatchNormalization):
    def call(self, inputs, training=None):
        return (inputs - self.moving_mean) * self.gamma


class PastItsBase(L.BatchNormalization):
    def call(self, inputs, training=None):
        return inputs if not training else super().call(inputs, training=training)


def of_jax():
    pytest.importorskip("jax")
    return functional(L.JaxLayer(lambda params, inputs: inputs, params={}, name="outside"))


def of_saved_model(tmp_path):
    keras.Sequential([keras.Input(SHAPE), norm()]).export(tmp_path, verbose=False)
    return functional(L.TFSMLayer(tmp_path, call_endpoint="serve", name="outside"))


def of_tensorflow():
    import tensorflow as tf

    class Outside(tf.Module):
        def __init__(self):
            super().__init__()
            self.mean = tf.Variable(0.0)

    outside = Outside()
    return functional(Own(outside, lambda held, x: x - held.mean, name="outside"))


def compiled_by_tensorflow():
    import tensorflow as tf

    layer = norm()
    return functional(
        Own([layer, tf.function(layer.call)], lambda held, x: held[1](x), name="graph")
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: functional(Running(name="odd")),
            "`odd` must be a keras.layers.BatchNormalization",
        ),
        (lambda: functional(Own(Running(name="odd"))), "layer='Running', weight='running_mean'"),
        (lambda: functional(norm(ByItself)), r"`norm` must normalize through super\(\).call"),
        (lambda: functional(Own(norm(PastItsBase))), "moving'. Received: layer='PastItsBase'"),
        (of_jax, "`outside` must be made of Keras.*'JaxLayer'"),
        pytest.param(of_tensorflow, "`outside` must be made of Keras", marks=TENSORFLOW),
        pytest.param(
            compiled_by_tensorflow, "`graph` must have its weights.*held=", marks=TENSORFLOW
        ),
        (lambda: Subclassed(norm()), "built .call it on a batch.*Received: model='Subclassed'"),
        (lambda: keras.Sequential([L.BatchNormalization()]), "must be a keras.Model and built"),
        (lambda: norm(), "must be a keras.Model.*Received: model='BatchNormalization'"),
    ],
)
@pytest.mark.parametrize("kind", ["batch", "population"])
def test_what_cannot_be_reached_is_refused(make, message, kind, rng):
    model = make()
    with pytest.raises(ValueError, match=message):
        analysis.with_statistics(model, kind, images(rng, 3))
    assert analysis.with_statistics(model, "moving") is model


@pytest.mark.tensorflow
def test_a_saved_model_is_refused(tmp_path):
    model = of_saved_model(tmp_path)
    with pytest.raises(ValueError, match="`outside` must be made of Keras.*'TFSMLayer'"):
        analysis.with_statistics(model, "batch")


def test_a_population_is_refused_where_a_model_maps(rng):
    class Mapping(L.Layer):
        def __init__(self):
            super().__init__()
            self.norm = norm()

        def call(self, inputs):
            return ops.vectorized_map(lambda x: self.norm(x[None])[0], inputs)

    model = functional(Mapping())
    with pytest.raises(ValueError, match="`norm` must be called step by step.*Received: inputs="):
        analysis.with_statistics(model, "population", images(rng, 3))


@pytest.mark.parametrize("layer", [L.Normalization(mean=0.2, variance=2.0), L.LayerNormalization()])
def test_other_normalisation_is_left_alone(layer):
    model = functional(Own(layer))
    assert analysis.with_statistics(model, "batch") is model
