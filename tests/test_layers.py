import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import kernels, layers, spectrum

LAYERS = [
    layers.RadialFilter(2.0),
    layers.RadialFilter(3, component="high", inclusive=False, outside_gain=0.5),
    layers.BandFilter(1, 3, inclusive=False, stop=True),
    layers.RescaleToMax(),
    layers.RandomCropFlip(padding=2, flip=True, seed=3),
    layers.PixelNoise(0.1, seed=3),
]
IDS = ["low", "high", "band", "rescale", "crop_flip", "noise"]


@pytest.fixture
def images(rng):
    return rng.random((4, 8, 9, 3), "float32")


@pytest.mark.parametrize("layer", LAYERS, ids=IDS)
class TestContract:
    """What every layer of the package must do."""

    def test_config_round_trip(self, layer):
        copy = type(layer).from_config(layer.get_config())
        assert copy.get_config() == layer.get_config()
        arguments = layer.get_config().keys() - keras.layers.Layer().get_config().keys()
        assert all(getattr(copy, name) == getattr(layer, name) for name in arguments)

    def test_shape_is_inferred_also_for_unknown_sizes(self, layer, images):
        assert layer.compute_output_shape((None, 8, 9, 3)) == (None, 8, 9, 3)
        symbolic = layer(keras.Input((None, None, 3)))
        assert symbolic.shape == (None, None, None, 3)
        assert layer(images).shape == images.shape

    def test_mixed_precision_returns_the_compute_dtype(self, layer, images):
        config = {**layer.get_config(), "dtype": "mixed_bfloat16"}
        output = type(layer).from_config(config)(images)
        assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
        full = ops.convert_to_numpy(type(layer).from_config(layer.get_config())(images))
        half = ops.convert_to_numpy(ops.cast(output, "float32"))
        np.testing.assert_allclose(half, full, rtol=1e-2, atol=1e-6)

    def test_integers_are_taken_as_floats(self, layer, rng):
        images = rng.integers(0, 256, (2, 8, 9, 3)).astype("uint8")
        fresh = [type(layer).from_config(layer.get_config()) for _ in range(2)]
        whole, floats = fresh[0](images), fresh[1](images.astype("float32"))
        np.testing.assert_allclose(
            ops.convert_to_numpy(whole).astype("float32"), ops.convert_to_numpy(floats), atol=1e-4
        )

    def test_has_no_weights(self, layer, images):
        layer(images)
        assert layer.weights == []

    def test_trains_inside_a_model(self, layer, images):
        copy = type(layer).from_config(layer.get_config())
        model = keras.Sequential([keras.Input((8, 9, 3)), copy, keras.layers.Conv2D(1, 3)])
        model.compile("sgd", "mse")
        history = model.fit(images, np.zeros((4, 6, 7, 1)), batch_size=3, verbose=0)
        assert np.isfinite(history.history["loss"]).all()

    @pytest.mark.tensorflow
    def test_works_in_a_tf_data_pipeline(self, layer, images):
        import tensorflow as tf

        dataset = tf.data.Dataset.from_tensor_slices(images).batch(3).map(layer)
        shapes = [batch.shape for batch in dataset.as_numpy_iterator()]
        assert shapes == [(3, 8, 9, 3), (1, 8, 9, 3)]


def test_models_with_the_layers_load_in_a_fresh_process(tmp_path, images, fresh_python):
    chain = [type(layer).from_config(layer.get_config()) for layer in LAYERS]
    model = keras.Sequential([keras.Input((None, None, 3)), *chain])
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    code = """
import sys, numpy, keras
import hfc_keras.layers
folder = sys.argv[1]
model = keras.models.load_model(folder + "/model.keras")
numpy.save(folder + "/output.npy", model.predict(numpy.load(folder + "/images.npy"), verbose=0))
"""
    fresh_python(code, tmp_path)
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "output.npy"), expected, atol=1e-6)


@pytest.mark.parametrize("gain", [0.0, 0.5])
def test_components_add_up_and_follow_the_gain(gain, images):
    low = layers.RadialFilter(2, outside_gain=gain)(images)
    high = layers.RadialFilter(2, component="high", outside_gain=gain)(images)
    np.testing.assert_allclose(ops.convert_to_numpy(low + high), images, atol=1e-5)
    pure_low, pure_high = map(ops.convert_to_numpy, spectrum.split(images, 2))
    np.testing.assert_allclose(ops.convert_to_numpy(low), pure_low + gain * pure_high, atol=1e-5)


def test_band_stop_and_band_pass_add_up(images):
    parts = [layers.BandFilter(1, 3, stop=stop)(images) for stop in (True, False)]
    np.testing.assert_allclose(ops.convert_to_numpy(parts[0] + parts[1]), images, atol=1e-6)


def test_rescale_divides_each_image_and_leaves_empty_ones(images):
    images[0] = 0.0
    images[1] -= 2.0
    output = ops.convert_to_numpy(layers.RescaleToMax()(images))
    np.testing.assert_array_equal(output[:2], images[:2])
    largest = images[2:].max(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(output[2:], images[2:] / largest, rtol=1e-6)


def test_crop_flip_returns_shifted_or_mirrored_copies():
    images = np.tile(np.arange(1.0, 31.0, dtype="float32").reshape(1, 5, 6, 1), (400, 1, 1, 1))
    output = ops.convert_to_numpy(layers.RandomCropFlip(padding=1, seed=0)(images))
    padded = np.pad(images[0], ((1, 1), (1, 1), (0, 0)))
    crops = [padded[i : i + 5, j : j + 6] for i in range(3) for j in range(3)]
    variants = np.array([*crops, *(crop[:, ::-1] for crop in crops)])
    matches = (output[:, None] == variants[None]).all(axis=(2, 3, 4))
    assert (matches.sum(axis=1) == 1).all()
    assert (matches.sum(axis=0) > 5).all()


def test_crop_flip_does_nothing_outside_training(images):
    layer = layers.RandomCropFlip(padding=2, seed=0)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(images, training=False)), images)


def test_pixel_noise_is_gaussian_and_clipped(images):
    grey = np.full((50, 8, 8, 1), 0.5, "float32")
    layer = layers.PixelNoise(0.1, seed=0)
    noise = ops.convert_to_numpy(layer(grey)) - 0.5
    assert noise.std() == pytest.approx(0.1, rel=0.05) and abs(noise.mean()) < 0.01
    assert not np.array_equal(ops.convert_to_numpy(layer(grey)) - 0.5, noise)
    noisy = ops.convert_to_numpy(layers.PixelNoise(3)(images))
    assert noisy.min() == 0 and noisy.max() == 1
    for still in (layer(images, training=False), layers.PixelNoise(0)(images)):
        np.testing.assert_array_equal(ops.convert_to_numpy(still), images)


def test_batch_mix_up_has_one_weight_a_batch(rng):
    images = rng.random((6, 2, 2, 1), "float32")
    data = {"images": images, "labels": np.eye(6, dtype="float32")}
    mixed = layers.BatchMixUp(alpha=1.0, seed=4)(data)
    labels = ops.convert_to_numpy(mixed["labels"])
    weights = np.diag(labels)
    assert np.isclose(weights[weights < 1], weights.min(), atol=1e-6).all()
    expected = np.tensordot(labels, images, axes=1)
    np.testing.assert_allclose(ops.convert_to_numpy(mixed["images"]), expected, atol=1e-5)
    config = layers.BatchMixUp(alpha=0.5, seed=4).get_config()
    assert layers.BatchMixUp.from_config(config).get_config() == config


@pytest.mark.parametrize("application", ["ResNet50", "VGG16"])
def test_filters_in_front_of_keras_applications(application, rng):
    backbone = getattr(keras.applications, application)(
        weights=None, input_shape=(32, 32, 3), include_top=False, pooling="avg"
    )
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.RadialFilter(8), backbone])
    images = rng.random((2, 32, 32, 3), "float32")
    low = ops.convert_to_numpy(spectrum.split(images, 8)[0])
    np.testing.assert_allclose(
        model.predict(images, verbose=0), backbone.predict(low, verbose=0), atol=1e-4
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.RadialFilter(-1), "Received: radius=-1"),
        (lambda: layers.RadialFilter(float("nan")), "Received: radius=nan"),
        (lambda: layers.RadialFilter(1, component="lwo"), "nearest: 'low'.*component='lwo'"),
        (lambda: layers.RadialFilter(1, outside_gain=2), "Received: outside_gain=2"),
        (lambda: layers.RadialFilter(1)(np.zeros((4, 4, 3))), "expected ndim=4, found ndim=3"),
        (lambda: layers.BandFilter(2, 1), "Received: inner=2, outer=1"),
        (lambda: layers.BandFilter(-1, 1), "Received: inner=-1"),
        (lambda: layers.RandomCropFlip(padding=-1), "Received: padding=-1"),
        (lambda: layers.RandomCropFlip(padding=1.5), "Received: padding=1.5"),
        (lambda: layers.PixelNoise(-0.1), "`stddev` must be .* from 0. Received: stddev=-0.1"),
    ],
)
def test_wrong_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


class TestSmoothConv2D:
    """A convolution by the smoothed kernel that is a Conv2D in all else."""

    OPTIONS = {"padding": "same", "strides": 2, "use_bias": True, "activation": "relu"}

    @pytest.fixture
    def layer(self):
        return layers.SmoothConv2D(6, (3, 5), rho=0.25, groups=3, bias_initializer="ones")

    @pytest.mark.parametrize("normalize", [True, False])
    @pytest.mark.parametrize("rho", [0, 0.5])
    def test_output_is_that_of_the_smoothed_kernel(self, rho, normalize, images):
        smooth = layers.SmoothConv2D(4, 3, rho, normalize, **self.OPTIONS)
        output = ops.convert_to_numpy(smooth(images))
        plain = keras.layers.Conv2D(4, 3, **self.OPTIONS)
        plain.build(images.shape)
        plain.set_weights([kernels.smooth(smooth.kernel, rho, normalize), smooth.bias])
        np.testing.assert_allclose(output, ops.convert_to_numpy(plain(images)), atol=1e-5)
        assert smooth.compute_output_shape((None, 8, 9, 3)) == (None, 4, 5, 4)

    def test_config_round_trip(self, layer):
        config = layer.get_config()
        copy = layers.SmoothConv2D.from_config(config)
        assert copy.get_config() == config
        assert (copy.rho, copy.normalize, copy.groups) == (0.25, False, 3)

    def test_mixed_precision(self, layer, images):
        config = layer.get_config()
        half = layers.SmoothConv2D.from_config({**config, "dtype": "mixed_bfloat16"})
        full = layers.SmoothConv2D.from_config(config)
        half.build(images.shape)
        full.build(images.shape)
        full.set_weights(half.get_weights())
        output = half(images)
        assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
        assert half.kernel.dtype == "float32"
        np.testing.assert_allclose(
            ops.convert_to_numpy(ops.cast(output, "float32")),
            ops.convert_to_numpy(full(images)),
            atol=0.05,
        )

    @pytest.mark.parametrize("jit_compile", [True, False])
    def test_trains_and_loads_in_a_fresh_process(
        self, layer, jit_compile, images, tmp_path, fresh_python
    ):
        model = keras.Sequential([keras.Input((8, 9, 3)), layer])
        model.compile("sgd", "mse", jit_compile=jit_compile)
        before = model.get_weights()
        model.fit(images, np.zeros((4, 6, 5, 6)), batch_size=3, verbose=0)
        assert not any(map(np.array_equal, before, model.get_weights()))
        model.save(tmp_path / "model.keras")
        np.save(tmp_path / "images.npy", images)
        code = """
import sys, numpy, keras
import hfc_keras.layers
model = keras.models.load_model(sys.argv[1] + "/model.keras")
images = numpy.load(sys.argv[1] + "/images.npy")
numpy.save(sys.argv[1] + "/output.npy", model.predict(images, verbose=0))
"""
        fresh_python(code, tmp_path)
        expected = model.predict(images, verbose=0)
        np.testing.assert_allclose(np.load(tmp_path / "output.npy"), expected, atol=1e-5)

    @pytest.mark.parametrize("rho", [-0.5, float("inf"), "1"])
    def test_wrong_rho_is_refused(self, rho):
        with pytest.raises(ValueError, match=f"from 0. Received: rho={rho!r}"):
            layers.SmoothConv2D(4, 3, rho=rho)
