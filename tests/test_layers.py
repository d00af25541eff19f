import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import kernels, layers, spectrum
from hfc_keras.layers.mix_up import MixUp

pytestmark = pytest.mark.jax

# By argument: what it must not be, whichever layer has it.
NO_NUMBER = [np.nan, np.inf, -np.inf, None, "3", [1], True, 1j, np.ones(1)]
NO_FLAG = ["no", 1, 0, 0.0, None, [True], np.nan]
NO_CHOICE = ["nothing", None, 3, np.nan, True, ["low"]]
NO_SEED = [-1, 1.5, np.nan, "3", True, [1], 2**32]
HOSTILE = [
    (layers.RadialFilter, {"radius": 2}, "radius", [-1, *NO_NUMBER]),
    (layers.RadialFilter, {"radius": 2}, "component", NO_CHOICE),
    (layers.RadialFilter, {"radius": 2}, "inclusive", NO_FLAG),
    (layers.RadialFilter, {"radius": 2}, "outside_gain", [-0.1, 1.1, *NO_NUMBER]),
    (layers.RadialFilter, {"radius": 2}, "mask", NO_CHOICE),
    (layers.RadialFilter, {"radius": 2}, "unit", NO_CHOICE),
    (layers.RadialFilter, {"radius": 2}, "clip", [1, (0,), (1, 0), (0, np.inf), "01"]),
    (layers.BandFilter, {"outer": 3}, "inner", [-1, 3, *NO_NUMBER]),
    (layers.BandFilter, {"inner": 3}, "outer", [-1, 3, *NO_NUMBER]),
    (layers.BandFilter, {"inner": 1, "outer": 3}, "inclusive", NO_FLAG),
    (layers.BandFilter, {"inner": 1, "outer": 3}, "stop", NO_FLAG),
    (layers.RandomCropFlip, {}, "padding", [-1, 1.5, 10**6, *NO_NUMBER]),
    (layers.RandomCropFlip, {}, "flip", NO_FLAG),
    (layers.RandomCropFlip, {}, "seed", NO_SEED),
    (layers.PixelNoise, {}, "stddev", [-0.1, *NO_NUMBER]),
    (layers.PixelNoise, {"stddev": 0.1}, "seed", NO_SEED),
    (layers.AmplitudePhaseMix, {}, "probability", [-0.1, 1.1, *NO_NUMBER]),
    (layers.AmplitudePhaseMix, {}, "axes", NO_CHOICE),
    (layers.AmplitudePhaseMix, {}, "clip", NO_FLAG),
    (layers.AmplitudePhaseMix, {}, "seed", NO_SEED),
    (layers.AmplitudePhaseSingle, {}, "probability", [-0.1, 1.1, *NO_NUMBER]),
    (layers.AmplitudePhaseSingle, {}, "severity", [0, 11, *NO_NUMBER]),
    (layers.AmplitudePhaseSingle, {}, "axes", NO_CHOICE),
    (layers.AmplitudePhaseSingle, {}, "seed", NO_SEED),
    (layers.HybridAugment, {}, "probability", [-0.1, 1.1, *NO_NUMBER]),
    (layers.HybridAugment, {}, "recombine", NO_FLAG),
    (layers.HybridAugment, {}, "kernel_size", [0, 2, 1.5, *NO_NUMBER]),
    (layers.HybridAugment, {}, "sigma", [0, -1, *NO_NUMBER]),
    (layers.HybridAugment, {}, "clip", NO_FLAG),
    (layers.HybridAugment, {}, "seed", NO_SEED),
    (layers.BlurPool2D, {}, "pool_size", [0, 8, 1.5, *NO_NUMBER]),
    (layers.BlurPool2D, {}, "strides", [0, 1.5, *NO_NUMBER]),
    (layers.MaxBlurPool2D, {}, "pool_size", [0, 1.5, *NO_NUMBER]),
    (layers.MaxBlurPool2D, {}, "blur_size", [0, 8, 1.5, *NO_NUMBER]),
    (layers.MaxBlurPool2D, {}, "strides", [0, 1.5, *NO_NUMBER]),
    (layers.MaxBlurPool2D, {}, "padding", NO_CHOICE),
    (layers.FourierPool2D, {}, "window", NO_CHOICE),
    (layers.ContextualConv2D, {}, "filters", [0, 1.5, *NO_NUMBER]),
    (layers.ContextualConv2D, {"filters": 8}, "kernel_size", [0, 2, 1.5, *NO_NUMBER]),
    (layers.ContextualConv2D, {"filters": 8}, "levels", [0, 6, 1.5, *NO_NUMBER]),
    (layers.ContextualConv2D, {"filters": 8}, "strides", [0, 1.5, *NO_NUMBER]),
    (layers.ContextualConv2D, {"filters": 8}, "use_bias", NO_FLAG),
    (layers.ContextualConv2D, {"filters": 8}, "kernel_initializer", ["nothing", 3, [1]]),
    (layers.ContextualConv2D, {"filters": 8}, "kernel_regularizer", ["nothing", 3, [1]]),
    (layers.SmoothConv2D, {"kernel_size": 3, "rho": 1}, "filters", [0, -1, 1.5, *NO_NUMBER]),
    (layers.SmoothConv2D, {"filters": 2, "rho": 1}, "kernel_size", [0, 1.5, (3,), *NO_NUMBER[:5]]),
    (layers.SmoothConv2D, {"filters": 2, "kernel_size": 3}, "rho", [-1, *NO_NUMBER]),
    (layers.SmoothConv2D, {"filters": 2, "kernel_size": 3, "rho": 1}, "normalize", NO_FLAG),
    (layers.BatchMixUp, {}, "alpha", [-1, 0, *NO_NUMBER]),
    (layers.BatchMixUp, {}, "seed", NO_SEED),
    (MixUp, {}, "alpha", [-1, 0, *NO_NUMBER]),
    (layers.BothCopies, {}, "layer", [None, "mix", 3, layers.RescaleToMax]),
]


@pytest.fixture
def images(rng):
    return rng.random((4, 8, 9, 3), "float32")


def numbers(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


@pytest.mark.parametrize(
    ("layer", "good", "name", "values"), HOSTILE, ids=[f"{h[0].__name__}-{h[2]}" for h in HOSTILE]
)
def test_every_argument_of_every_layer_is_checked(layer, good, name, values):
    for value in values:
        with pytest.raises(ValueError, match="Received: ") as caught:
            layer(**{**good, name: value})
        assert name in str(caught.value), value


def test_far_numbers_are_taken_as_what_they_mean(images):
    for far in (1e30, 1e300):
        np.testing.assert_allclose(numbers(layers.RadialFilter(far)(images)), images, atol=1e-6)
        noisy = numbers(layers.PixelNoise(far, seed=0)(images))
        assert np.isin(noisy, [0, 1]).mean() > 0.99 and np.isfinite(noisy).all()


def test_rescale_in_half_precision_takes_components_beyond_its_range(images):
    result = layers.RescaleToMax(dtype="mixed_float16")(1e6 * images)
    expected = images / images.max(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(numbers(result), expected, atol=1e-3)


@pytest.mark.parametrize("gain", [0.0, 0.5])
def test_components_add_up_and_follow_the_gain(gain, images):
    low = layers.RadialFilter(2, outside_gain=gain)(images)
    high = layers.RadialFilter(2, component="high", outside_gain=gain)(images)
    np.testing.assert_allclose(ops.convert_to_numpy(low + high), images, atol=1e-5)
    pure_low, pure_high = map(ops.convert_to_numpy, spectrum.split(images, 2))
    np.testing.assert_allclose(ops.convert_to_numpy(low), pure_low + gain * pure_high, atol=1e-5)


@pytest.mark.parametrize("component", ["low", "high"])
def test_a_filter_as_others_define_it(component, images):
    told = {"mask": "square", "clip": (0, 1), "unit": "nyquist"}
    found = numbers(layers.RadialFilter(0.5, component, **told)(images))
    low, high = map(numbers, spectrum.split(images, 0.5, **told))
    np.testing.assert_allclose(found, low if component == "low" else high, atol=1e-6)
    assert 0 <= found.min() and found.max() <= 1


def test_configs_of_older_versions_load_and_stay_what_they_were():
    plain = layers.RadialFilter(2, name="filter").get_config()
    assert not {"mask", "clip", "unit"} & plain.keys()
    again = layers.RadialFilter.from_config(plain)
    assert (again.mask, again.clip, again.unit) == ("disc", None, "cycles")
    set_up = layers.RadialFilter(2, mask="square", clip=[0, 1], unit="nyquist").get_config()
    assert (set_up["mask"], set_up["clip"], set_up["unit"]) == ("square", (0, 1), "nyquist")


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


@pytest.mark.parametrize("mix_up", [MixUp, layers.BatchMixUp])
class TestMixUp:
    """Mix-up with weights of its own for each image, and with one for a batch."""

    def data(self, examples=4, dtype="float32"):
        images = np.random.default_rng(0).random((examples, 8, 8, 1)).astype(dtype)
        return {"images": images, "labels": np.eye(4, dtype=dtype)[np.arange(examples) % 4]}

    @pytest.mark.parametrize(
        ("policy", "tolerance"), [("mixed_float16", 1e-3), ("mixed_bfloat16", 1e-2)]
    )
    def test_mixed_precision(self, mix_up, policy, tolerance, keras_settings):
        expected = mix_up(0.5, seed=0)(self.data())
        keras_settings.set_dtype_policy(policy)
        mixed = mix_up(0.5, seed=0)(self.data(), training=True)
        assert keras.backend.standardize_dtype(mixed["images"].dtype) == policy[6:]
        for name, atol in (("images", tolerance), ("labels", 1e-6)):
            np.testing.assert_allclose(numbers(mixed[name]), numbers(expected[name]), atol=atol)

    @pytest.mark.tensorflow
    @pytest.mark.parametrize("policy", ["float32", "mixed_float16", "float64"])
    def test_float64_and_tf_data(self, mix_up, policy, keras_settings):
        import tensorflow as tf

        expected = mix_up(0.5, seed=0)(self.data())
        if policy == "float64":
            keras_settings.set_floatx(policy)
        keras_settings.set_dtype_policy(policy)
        dataset = tf.data.Dataset.from_tensor_slices(self.data(dtype="float64")).batch(4)
        (mixed,) = dataset.map(mix_up(0.5, seed=0)).as_numpy_iterator()
        assert mixed["images"].dtype == {"mixed_float16": "float16"}.get(policy, policy)
        np.testing.assert_allclose(mixed["labels"], numbers(expected["labels"]), atol=1e-6)
        np.testing.assert_allclose(mixed["images"], numbers(expected["images"]), atol=1e-3)

    @pytest.mark.parametrize("alpha", [1e-300, 1e-30, 1e-3, 0.01, 0.05, 0.2, 1e30])
    def test_weights_are_numbers_for_every_alpha(self, mix_up, alpha):
        layer, data = mix_up(alpha, seed=0), self.data(4000)
        assert np.isfinite(numbers(layer(data)["labels"])).all()
        weight = numbers(MixUp(alpha, seed=0).get_random_transformation(data)["mix_weight"])
        variance = 0.25 / (2 * min(alpha, 1e12) + 1)
        assert weight.mean() == pytest.approx(0.5, abs=0.03)
        assert weight.var() == pytest.approx(variance, rel=0.05, abs=1e-6)

    def test_is_that_of_keras_where_keras_works(self, mix_up):
        if mix_up is layers.BatchMixUp:
            pytest.skip("Keras has no weight for a batch")
        ours = MixUp(0.4, seed=5)(self.data())
        theirs = keras.layers.MixUp(0.4, seed=5)(self.data())
        for name in ("images", "labels"):
            np.testing.assert_array_equal(numbers(ours[name]), numbers(theirs[name]))

    @pytest.mark.parametrize("examples", [0, 1])
    def test_takes_an_empty_batch_and_one_image(self, mix_up, examples):
        data = self.data(examples)
        mixed = mix_up(0.5, seed=0)(data)
        np.testing.assert_allclose(numbers(mixed["images"]), data["images"], atol=1e-6)
        assert mixed["labels"].shape == (examples, 4)

    def test_takes_whole_labels_and_leaves_its_input_alone(self, mix_up):
        data = {**self.data(), "labels": np.eye(4, dtype="int32")}
        before = {name: value.copy() for name, value in data.items()}
        assert numbers(mix_up(0.5, seed=0)(data)["labels"]).sum() == pytest.approx(4)
        for name, value in before.items():
            np.testing.assert_array_equal(data[name], value)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"labels": np.arange(4)}, r"must be one-hot.*labels.shape=\(4,\)"),
            ({"labels": np.eye(3)}, r"a row .* for each image.*labels.shape=\(3, 3\)"),
            ({"images": np.zeros((8, 8, 1))}, r"expected ndim=4.*images.shape=\(8, 8, 1\)"),
            ({"images": np.zeros((4, 0, 8, 1))}, "at least 1 pixel per side"),
            ({"labels": None}, "Received: labels="),
        ],
    )
    def test_other_data_are_refused(self, mix_up, change, message):
        with pytest.raises(ValueError, match=message):
            mix_up(0.5)({**self.data(), **change})
        with pytest.raises(ValueError, match="`data` must be a dict of `images` and `labels`"):
            mix_up(0.5)(self.data()["images"])


@pytest.mark.slow_on_jax
@pytest.mark.slow
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

    @pytest.mark.parametrize("rho", [-0.5, float("inf"), "1"])
    def test_wrong_rho_is_refused(self, rho):
        with pytest.raises(ValueError, match=f"from 0. Received: rho={rho!r}"):
            layers.SmoothConv2D(4, 3, rho=rho)
