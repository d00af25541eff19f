"""What every layer of the package must do: one contract, a table of layers."""

import functools
import json

import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import layers, regularizers
from hfc_keras.data import draws
from hfc_keras.layers import image_layer
from hfc_keras.layers.mix_up import MixUp

pytestmark = pytest.mark.jax

L = layers
HE = keras.initializers.HeNormal(1)
# By name: what makes the layer, and the sides that it makes of 8 x 9 pixels.
KEEPING, HALVING = (8, 9), (4, 5)
LAYERS = {
    "low": (functools.partial(L.RadialFilter, 2.0), KEEPING),
    "high": (functools.partial(L.RadialFilter, 3, "high", False, 0.5), KEEPING),
    "square": (
        functools.partial(L.RadialFilter, 0.5, mask="square", clip=(0, 1), unit="nyquist"),
        KEEPING,
    ),
    "band": (functools.partial(L.BandFilter, 1, 3, False, True), KEEPING),
    "rescale": (L.RescaleToMax, KEEPING),
    "crop_flip": (functools.partial(L.RandomCropFlip, 2, seed=3), KEEPING),
    "noise": (functools.partial(L.PixelNoise, 0.1, seed=3), KEEPING),
    "mix": (functools.partial(L.AmplitudePhaseMix, 1.0, seed=3), KEEPING),
    "unclipped": (functools.partial(L.AmplitudePhaseMix, 1.0, "spatial", False, 3), KEEPING),
    "single": (functools.partial(L.AmplitudePhaseSingle, 0.9, 5, seed=3), KEEPING),
    "hybrid": (functools.partial(L.HybridAugment, 1.0, seed=3), KEEPING),
    "hybrid_plus": (
        functools.partial(L.HybridAugment, 1.0, True, 5, 0.7, "spatial", False, 3),
        KEEPING,
    ),
    "blur": (functools.partial(L.BlurPool2D, 4), HALVING),
    "blur_by_3": (functools.partial(L.BlurPool2D, 5, 3), (3, 3)),
    "blur_alone": (functools.partial(L.BlurPool2D, 2, 1), KEEPING),
    "max_blur": (L.MaxBlurPool2D, (4, 4)),
    "max_blur_same": (functools.partial(L.MaxBlurPool2D, 3, 2, padding="same"), HALVING),
    "flc": (L.FourierPool2D, HALVING),
    "asap": (functools.partial(L.FourierPool2D, "hamming"), HALVING),
    "contextual": (functools.partial(L.ContextualConv2D, 8, 5, 2, 2, use_bias=True), HALVING),
    "splits": (
        functools.partial(
            L.ContextualConv2D,
            8,
            splits=(6, 2),
            dilations=[1, 3],
            kernel_initializer=HE,
            kernel_regularizer=regularizers.KernelRoughness(0.1),
            kernel_constraint=regularizers.MaxRoughness(1.0),
        ),
        KEEPING,
    ),
    "smooth": (functools.partial(L.SmoothConv2D, 6, (3, 5), 0.25, groups=3), (6, 5)),
    "smooth_same": (
        functools.partial(L.SmoothConv2D, 4, 3, 0.5, True, padding="same", strides=2),
        HALVING,
    ),
}
# Layers of a batch with its labels, given as a dict.
PAIRS = {
    "mix_up": functools.partial(MixUp, 0.5, seed=3),
    "batch_mix_up": functools.partial(L.BatchMixUp, 0.5, seed=3),
    "both_copies": lambda **options: L.BothCopies(L.PixelNoise(0.1, seed=3), **options),
}
AUGMENTING = ("crop_flip", "noise", "mix", "unclipped", "single", "hybrid", "hybrid_plus")
FLOATS_ONLY = AUGMENTING[1:]
WEIGHTED = ("contextual", "splits", "smooth", "smooth_same")
EVERY = {name: make for name, (make, _) in LAYERS.items()} | PAIRS


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((4, 8, 9, 3), "float32")


def numbers(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def dtype_of(tensor):
    return keras.backend.standardize_dtype(tensor.dtype)


def with_weights(layer, shape):
    """The layer, whose random weights, if it has any, are those of every other one."""
    layer.build(shape)
    for index, weight in enumerate(layer.weights):
        if weight.name != "seed_generator_state":
            weight.assign(np.random.default_rng(index).normal(size=weight.shape))
    return layer


def result(make, images, **options):
    return with_weights(make(**options), images.shape)(images)


def test_every_layer_of_the_package_is_in_the_table():
    public = {value for value in vars(layers).values() if isinstance(value, type)}
    assert public | {MixUp} == {type(make()) for make in EVERY.values()}


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
class TestConfig:
    """A layer is its config, whatever its dtype."""

    @pytest.mark.parametrize(
        "dtype", [None, "mixed_float16", "float64", keras.DTypePolicy("mixed_bfloat16")], ids=str
    )
    def test_is_json_and_rebuilds_the_layer(self, make, dtype):
        layer = make(dtype=dtype)
        text = json.dumps(layer.get_config())
        copy = type(layer).from_config(json.loads(text))
        assert json.dumps(copy.get_config()) == text
        assert copy.compute_dtype == layer.compute_dtype
        assert keras.saving.get_registered_name(type(layer)) == f"hfc_keras>{type(layer).__name__}"

    def test_holds_every_argument_of_its_own(self, make):
        config = make().get_config()
        copy = type(make()).from_config(config)
        own = config.keys() - keras.layers.Conv2D(1, 1).get_config().keys() - {"layer"}
        assert all(getattr(copy, name) == getattr(make(), name) for name in own)


@pytest.mark.parametrize(("make", "sides"), LAYERS.values(), ids=LAYERS)
class TestShapes:
    """Sides that are known, unknown, or of no image at all."""

    def test_are_inferred_also_where_sides_are_unknown(self, make, sides, images):
        layer = make()
        assert layer.compute_output_shape((None, 8, 9, 3))[:3] == (None, *sides)
        assert layer(keras.Input((None, None, 3))).shape[:3] == (None, None, None)
        assert tuple(layer(images).shape[:3]) == (4, *sides)

    def test_unknown_sides_give_the_same(self, make, sides, images):
        inputs = keras.Input((None, None, 3))
        layer = with_weights(make(), (None, None, None, 3))
        model = keras.Model(
            inputs, layer(inputs, training=False) if _trains(layer) else layer(inputs)
        )
        layer = with_weights(make(), images.shape)
        known = layer(images, training=False) if _trains(layer) else layer(images)
        found = model.predict(images, verbose=0)
        np.testing.assert_allclose(found, numbers(known), atol=1e-5)

    @pytest.mark.parametrize("batch", [0, 1])
    def test_an_empty_batch_and_one_image(self, make, sides, batch, images):
        found = make()(images[:batch])
        assert tuple(found.shape[:3]) == (batch, *sides)
        assert np.isfinite(numbers(found)).all()

    @pytest.mark.few(12)
    @pytest.mark.tensorflow
    @pytest.mark.parametrize("known", [True, False])
    def test_batches_of_any_length_in_tf_data(self, make, sides, known, images):
        import tensorflow as tf

        layer = make()
        given = (8, 9) if known else (None, None)
        layer.build((None, *given, 3))
        batches = tf.data.Dataset.from_generator(
            lambda: (images[:length] for length in (4, 0, 1)),
            output_signature=tf.TensorSpec((None, *given, 3), "float32"),
        )
        found = [batch.shape[:3] for batch in batches.map(layer).as_numpy_iterator()]
        assert found == [(4, *sides), (0, *sides), (1, *sides)]


def _trains(layer):
    return "training" in layer.call_signature_parameters


@pytest.mark.parametrize(("make", "sides"), LAYERS.values(), ids=LAYERS)
class TestDtypes:
    """One answer in every precision."""

    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
    @pytest.mark.parametrize("globally", [True, False])
    def test_mixed_precision(self, make, sides, policy, globally, keras_settings, images):
        expected = numbers(result(make, images))
        if globally:
            keras_settings.set_dtype_policy(policy)
        layer = with_weights(make(**({} if globally else {"dtype": policy})), images.shape)
        found = layer(images)
        assert dtype_of(found) == policy.removeprefix("mixed_")
        assert {dtype_of(weight) for weight in layer.trainable_weights} <= {"float32"}
        np.testing.assert_allclose(numbers(found), expected, atol=0.02 * np.abs(expected).max())

    @pytest.mark.tensorflow
    def test_float64(self, make, sides, keras_settings, images):
        expected = numbers(result(make, images))
        keras_settings.set_floatx("float64")
        keras_settings.set_dtype_policy("float64")
        for given in (images.astype("float64"), images):
            found = result(make, given)
            assert found.dtype == "float64"
            np.testing.assert_allclose(numbers(found), expected, atol=1e-5)

    def test_integers_are_floats_or_refused(self, make, sides, request):
        if request.node.callspec.id in WEIGHTED:
            pytest.skip("a convolution of Keras takes floats alone")
        levels = np.random.default_rng(0).integers(0, 256, (2, 8, 9, 3)).astype("uint8")
        if request.node.callspec.id in FLOATS_ONLY:
            with pytest.raises(ValueError, match=r"divide uint8 by 255\).*inputs.dtype='uint8'"):
                make()(levels)
            return
        whole, floats = result(make, levels), result(make, levels.astype("float32"))
        np.testing.assert_allclose(numbers(whole), numbers(floats), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", LAYERS)
class TestInModels:
    """A layer among others: trained, compiled, masked."""

    @pytest.mark.few(4)
    def test_trains(self, name, images):
        layer, sides = LAYERS[name][0](), LAYERS[name][1]
        chain = [keras.Input((8, 9, 3)), layer, keras.layers.Conv2D(2, 3)]
        model = keras.Sequential(chain)
        model.compile("sgd", "mse")
        before = model.get_weights()
        targets = np.zeros((4, *(side - 2 for side in sides), 2))
        history = model.fit(images, targets, batch_size=3, verbose=0)
        assert np.isfinite(history.history["loss"]).all()
        moved = [
            not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True)
        ]
        assert all(moved)
        assert bool(layer.trainable_weights) == (name in WEIGHTED)
        assert len(draws.seed_states(layer)) == (name in AUGMENTING)

    @pytest.mark.few(4)
    def test_compiles(self, name, images):
        layer = with_weights(LAYERS[name][0](), images.shape)
        state = [each.value for each in layer.variables]
        expected = numbers(layer(images))
        for variable, value in zip(layer.variables, state, strict=True):
            variable.assign(value)
        if keras.backend.backend() == "jax":
            import jax

            values = [each.value for each in layer.variables]
            weights = len(layer.trainable_variables)
            call = jax.jit(lambda x: layer.stateless_call(values[:weights], values[weights:], x)[0])
            np.testing.assert_allclose(numbers(call(images)), expected, atol=1e-4)
            return
        tensorflow = pytest.importorskip("tensorflow")
        call = tensorflow.function(layer, jit_compile=True)
        if not layer.supports_jit:
            with pytest.raises(tensorflow.errors.InvalidArgumentError, match="No registered"):
                call(images)
        elif name in AUGMENTING:
            # XLA draws other numbers.
            assert np.isfinite(numbers(call(images))).all()
        else:
            np.testing.assert_allclose(numbers(call(images)), expected, atol=1e-4)

    @pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
    def test_a_mask_of_pixels_goes_on_where_they_stay(self, name, images):
        seen = []

        class Seen(keras.layers.Layer):
            def call(self, inputs, mask=None):
                seen.append(mask)
                return inputs

        black = images.copy()
        black[:, 2:4] = 0.0
        layer, sides = LAYERS[name][0](), LAYERS[name][1]
        keeps = type(layer).compute_output_shape is image_layer.ImageLayer.compute_output_shape
        assert layer.supports_masking == keeps and (sides == KEEPING or not keeps)
        Seen()(layer(keras.layers.Masking()(black)))
        if keeps:
            np.testing.assert_array_equal(numbers(seen[0]), black.any(axis=-1))
        else:
            assert seen == [None]


@pytest.mark.parametrize("make", [LAYERS[name][0] for name in AUGMENTING], ids=AUGMENTING)
class TestAugmentation:
    """Layers that draw random numbers."""

    def test_the_seed_decides(self, make, images):
        one, same = (numbers(make()(images)) for _ in range(2))
        np.testing.assert_array_equal(one, same)
        config = {**make().get_config(), "seed": 4}
        other = type(make()).from_config(config)(images)
        assert not np.array_equal(numbers(other), one)

    def test_does_nothing_outside_training(self, make, images):
        np.testing.assert_array_equal(numbers(make()(images, training=False)), images)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, images, fresh_python):
    """Predictions of a saved model of each layer, here and in one fresh process."""
    folder, here = tmp_path_factory.mktemp("models"), {}
    np.save(folder / "images.npy", images)
    for name, (make, _) in LAYERS.items():
        inputs = keras.Input((8, 9, 3))
        model = keras.Model(inputs, make()(inputs))
        model.save(folder / f"{name}.keras")
        here[name] = model.predict(images, verbose=0)
    code = """
import pathlib, sys, numpy, keras
import hfc_keras.layers, hfc_keras.regularizers
folder = pathlib.Path(sys.argv[1])
images = numpy.load(folder / "images.npy")
for path in sorted(folder.glob("*.keras")):
    model = keras.models.load_model(path)
    numpy.save(path.with_suffix(".npy"), model.predict(images, verbose=0))
"""
    fresh_python(code, folder)
    return {name: (value, np.load(folder / f"{name}.npy")) for name, value in here.items()}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.slow_on_torch
def test_a_saved_model_is_the_same_in_a_fresh_process(name, loaded):
    here, there = loaded[name]
    np.testing.assert_allclose(there, here, atol=1e-5)


@pytest.mark.parametrize("make", [make for make, _ in LAYERS.values()], ids=LAYERS)
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((8, 9, 3)), r"channels\): expected ndim=4.*inputs.shape=\(8, 9, 3\)"),
        (np.zeros((1, 1, 8, 9, 3)), "expected ndim=4, found ndim=5. Received: inputs.shape"),
        (np.zeros((2, 0, 9, 3)), r"at least 1 pixel per side.*inputs.shape=\(2, 0, 9, 3\)"),
        (np.zeros((2, 8, 0, 3)), "at least 1 pixel per side"),
        (np.zeros((2, 8, 9, 0)), "and 1 channel. Received"),
        (np.zeros((2, 8, 9, 3), complex), "real numbers. Received: inputs.dtype='complex128'"),
        (np.full((2, 8, 9, 3), "x"), "real numbers. Received: inputs.dtype"),
        (None, "Received: inputs"),
        ("images", "Received: inputs"),
    ],
)
def test_other_inputs_are_refused_by_name(make, inputs, message):
    with pytest.raises(ValueError, match=message):
        make()(inputs)
    if getattr(inputs, "ndim", 0) in (3, 5):
        with pytest.raises(ValueError, match="expected ndim=4"):
            make()(keras.Input(inputs.shape[1:]))


class TestChannelsFirst:
    """Images of another layout, whose axes would be taken for others."""

    @pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
    def test_as_a_global_setting_is_refused_with_the_remedy(self, make, keras_settings):
        keras_settings.set_image_data_format("channels_first")
        with pytest.raises(ValueError, match="set_image_data_format.*'channels_first'"):
            make()

    @pytest.mark.parametrize("make", [make for make, _ in LAYERS.values()], ids=LAYERS)
    def test_set_after_the_layer_was_made_is_refused_too(self, make, keras_settings, images):
        layer = make()
        keras_settings.set_image_data_format("channels_first")
        for given in (images, np.moveaxis(images, 3, 1), keras.Input((3, 8, 9))):
            with pytest.raises(ValueError, match=r"transpose\(images, \(0, 2, 3, 1\)\)"):
                layer(given)

    @pytest.mark.parametrize("name", [name for name in EVERY if name != "both_copies"])
    def test_as_an_argument_is_refused(self, name):
        with pytest.raises(ValueError, match="`data_format` must be .*'channels_first'"):
            EVERY[name](data_format="channels_first")
        assert EVERY[name](data_format="channels_last").built in (True, False)
