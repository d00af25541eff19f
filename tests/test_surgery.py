import keras
import numpy as np
import pytest

from hfc_keras import kernels, models

pytestmark = pytest.mark.jax

SHAPE = (8, 8, 1)


def pixels(rng, examples=3):
    return rng.random((examples, *SHAPE), "float32")


def normalized():
    """A network whose moving averages and offsets are no longer the initial ones."""
    model = models.build("resnet8", SHAPE, 3, width=0.25, normalization="batch", dropout=0.5)
    generator = np.random.default_rng(1)
    weights = [w + generator.random(w.shape, "float32") for w in model.get_weights()]
    model.set_weights(weights)
    return model


def sequential():
    layers = [keras.layers.Conv2D(2, 3, name=name) for name in ("one", "two")]
    dense = [keras.layers.Flatten(), keras.layers.Dense(3, name="logits")]
    return keras.Sequential([keras.Input(SHAPE), *layers, *dense])


def nested():
    """A functional model: a sequential one, called twice, behind a dense and a rescaling one."""
    inner = keras.Sequential([keras.layers.ReLU(), keras.layers.Conv2D(2, 3, name="inner")])
    inputs = keras.Input(SHAPE)
    x = keras.layers.Rescaling(2.0)(inputs)
    core = keras.Input((None, None, 1))
    stage = keras.Model(core, inner(core), name="stage")
    x = keras.layers.Concatenate()([stage(x), stage(inputs)])
    x = keras.layers.Conv2D(3, 3, name="outer")(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


MAKERS = {"resnet8": normalized, "sequential": sequential, "nested": nested}
FIRST = {"resnet8": "conv0", "sequential": "one", "nested": "inner"}


def convolutions(model):
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found.update(convolutions(layer))
        elif isinstance(layer, keras.layers.Conv2D):
            found[layer.name] = np.array(layer.kernel)
    return found


@pytest.mark.few(3)
@pytest.mark.slow_on_jax
@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("which", ["first", "all", "named"])
def test_the_chosen_kernels_alone_are_smoothed(name, which, rng):
    model = MAKERS[name]()
    before, weights = convolutions(model), model.get_weights()
    last = list(before)[-1]
    chosen = {"first": [FIRST[name]], "all": list(before), "named": [last]}[which]
    copy = models.smooth_model(model, 0.5, layers=last if which == "named" else which)
    after = convolutions(copy)
    for layer, kernel in before.items():
        expected = kernels.smooth(kernel, 0.5) if layer in chosen else kernel
        np.testing.assert_allclose(after[layer], expected, rtol=1e-6)
    assert all(map(np.array_equal, weights, model.get_weights()))
    changed = [not np.array_equal(*pair) for pair in zip(weights, copy.get_weights(), strict=True)]
    assert sum(changed) == len(chosen)
    images = pixels(rng)
    assert copy.predict(images, verbose=0).shape == (3, 3)
    assert not np.allclose(np.array(copy(images)), np.array(model(images)))


@pytest.mark.parametrize("name", MAKERS)
def test_no_smoothing_is_the_same_function_with_weights_of_its_own(name, rng):
    model, images = MAKERS[name](), pixels(rng)
    before = np.array(model(images))
    copy = models.smooth_model(model, 0)
    np.testing.assert_array_equal(np.array(copy(images)), before)
    copy.set_weights([0 * weight for weight in copy.get_weights()])
    np.testing.assert_array_equal(np.array(model(images)), before)
    assert copy.name == model.name


def test_logits_are_those_of_the_smoothed_kernel(rng):
    model, images = models.build("resnet8", SHAPE, 3, width=0.25), pixels(rng)
    copy = models.smooth_model(model, 1.0, normalize=True)
    first = model.get_layer("conv0")
    first.kernel.assign(kernels.smooth(first.kernel, 1.0) / 9.0)
    np.testing.assert_allclose(np.array(copy(images)), np.array(model(images)), rtol=1e-5)


def test_the_copy_is_not_compiled_and_can_be_saved(tmp_path, rng):
    model = sequential()
    model.compile("adam", loss=lambda y_true, y_pred: keras.ops.mean(y_pred))
    copy = models.smooth_model(model, 0.5)
    assert not copy.compiled and model.compiled
    copy.save(tmp_path / "copy.keras")
    loaded, images = keras.models.load_model(tmp_path / "copy.keras"), pixels(rng)
    np.testing.assert_allclose(np.array(loaded(images)), np.array(copy(images)), rtol=1e-6)


@pytest.mark.parametrize("name", MAKERS)
def test_first_convolution_is_the_first_from_the_input_on(name):
    layer = models.first_convolution(MAKERS[name]())
    assert (type(layer), layer.name) == (keras.layers.Conv2D, FIRST[name])


def test_first_is_by_the_graph_and_not_by_creation():
    late = keras.layers.Conv2D(1, 3, name="late")
    early = keras.layers.Conv2D(1, 3, name="early")
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, late(early(inputs)))
    assert models.first_convolution(model).name == "early"


class Subclass(keras.Model):
    """A model whose layers no graph connects."""

    def __init__(self):
        super().__init__()
        self.conv = keras.layers.Conv2D(1, 3)

    def call(self, inputs):
        return self.conv(inputs)


def hidden():
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, keras.layers.Conv2D(1, 1)(Subclass()(inputs)))


class OwnCall(keras.Model):
    """Has a graph and does something else."""

    def __init__(self):
        inputs = keras.Input(SHAPE)
        super().__init__(inputs, keras.layers.Conv2D(1, 3)(inputs), name="own")

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs)


def transposed():
    return keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2DTranspose(1, 3, name="up")])


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (sequential, {"rho": -1}, "Received: rho=-1"),
        (sequential, {"layers": "ones"}, "nearest: 'one'.*Received: layers='ones'"),
        (sequential, {"layers": ["one", "tow"]}, "nearest: 'two'.*Received: layers='tow'"),
        (sequential, {"layers": ["logits"]}, "must name Conv2D layers. Received: layers='logits'"),
        (sequential, {"layers": []}, "must name at least one layer"),
        (transposed, {}, "must have a Conv2D layer. Received: layers=.'up'"),
        (Subclass, {}, "functional or sequential.*Received: model='Subclass'"),
        (OwnCall, {}, "`own` must be called as .*Received: model='OwnCall'"),
        (hidden, {}, "functional or sequential.*Received: model='Subclass'"),
        (lambda: keras.Sequential([keras.layers.Conv2D(1, 3)]), {}, "built.*model='Sequential'"),
    ],
)
def test_what_cannot_be_smoothed_is_refused(make, options, message):
    with pytest.raises(ValueError, match=message):
        models.smooth_model(make(), **{"rho": 0.5, **options})
