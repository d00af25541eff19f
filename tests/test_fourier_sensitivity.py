import keras
import numpy as np
import pytest
from keras import ops
from own import rings as reference

from hfc_keras import gradients, spectrum
from hfc_keras.analysis import fourier_sensitivity

pytestmark = pytest.mark.jax


def smooth_cnn(channels=3):
    """A network of any image size whose gradient has no kinks."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, channels))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="tanh")(inputs)
    x = keras.layers.Conv2D(6, 3, activation="softplus")(x)
    x = keras.layers.Flatten()(keras.layers.GlobalMaxPooling2D()(x))
    return keras.Model(inputs, keras.layers.Dense(5)(x))


def linear(kernel):
    """Two classes whose logits differ by a weighted sum of the pixels."""
    layer = keras.layers.Dense(2, use_bias=False)
    model = keras.Sequential([keras.Input((*kernel.shape, 1)), keras.layers.Flatten(), layer])
    model.set_weights([np.stack([kernel.ravel(), 0 * kernel.ravel()], axis=1)])
    return model


def blind_in_the_dark():
    """Its rectifiers are off for dark images, so that the gradient is zero there."""
    layer = keras.layers.Conv2D(3, 3, activation="relu", bias_initializer="ones")
    pool = keras.layers.GlobalAveragePooling2D()
    model = keras.Sequential([keras.Input((9, 8, 1)), layer, pool, keras.layers.Dense(4)])
    kernel = np.random.default_rng(3).random((3, 3, 1, 3))
    layer.set_weights([kernel, -np.ones(3)])
    return model


@pytest.fixture(scope="module")
def cnn():
    return smooth_cnn()


@pytest.fixture(scope="module")
def dense():
    """Loss of each image of a network of two smooth layers in float64, its images and gradients."""
    rng = np.random.default_rng(5)
    weights = rng.normal(size=(56, 6)), rng.normal(size=(6, 4))
    images, labels = rng.random((5, 8, 7, 1), "float32"), np.array([0, 3, 2, 1, 1])

    def loss(images):
        logits = np.tanh(images.reshape(5, -1) @ weights[0]) @ weights[1]
        return np.log(np.exp(logits).sum(axis=1)) - logits[range(5), labels]

    layers = [keras.layers.Dense(6, "tanh", use_bias=False), keras.layers.Dense(4, use_bias=False)]
    model = keras.Sequential([keras.Input((8, 7, 1)), keras.layers.Flatten(), *layers])
    model.set_weights(weights)
    gradient = ops.convert_to_numpy(gradients.input_gradient(model, images, labels))
    return loss, images, gradient[..., 0].astype("float64")


class TestBasisTrick:
    """The gradient in a Fourier basis is the transform of the gradient in pixels."""

    @pytest.mark.parametrize("frequency", [(0, 0), (1, 0), (0, 3), (2, -3), (-1, 2), (4, 3)])
    @pytest.mark.parametrize("phase", [0.0, -np.pi / 4, np.pi / 4])
    def test_derivative_along_a_wave_is_its_coefficient(self, dense, frequency, phase):
        loss, images, gradient = dense
        wave = spectrum.fourier_basis(8, 7, *frequency, phase)
        step = 1e-5 * wave[..., None]
        slope = (loss(images + step) - loss(images - step)) / 2e-5
        np.testing.assert_allclose((gradient * wave).sum(axis=(1, 2)), slope, rtol=1e-4, atol=1e-6)

    def test_derivatives_along_cosine_and_sine_are_real_and_imaginary_part(self, dense):
        gradient = dense[2]
        coefficient = np.fft.fft2(gradient, norm="ortho")[:, 2, -3]
        # A plane wave of norm 1 holds two coefficients of the unitary transform.
        for phase, part in ((0.0, coefficient.real), (np.pi / 2, coefficient.imag)):
            wave = spectrum.fourier_basis(8, 7, 2, -3, phase)
            found = (gradient * wave).sum(axis=(1, 2))
            np.testing.assert_allclose(found, np.sqrt(2) * part, atol=1e-12)

    def test_power_is_kept(self, dense):
        gradient = dense[2]
        power = ops.convert_to_numpy(spectrum.ring_power(gradient.astype("float32")))
        np.testing.assert_allclose(power.sum(axis=1), (gradient**2).sum(axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize("size", [(12, 12), (9, 14), (7, 6)])
@pytest.mark.parametrize("channels", ["mean", "power"])
@pytest.mark.parametrize("rings", spectrum.RINGS)
def test_agrees_with_numpy(size, channels, rings, cnn, rng):
    images, labels = rng.random((20, *size, 3), "float32"), rng.integers(0, 5, 20)
    gradient = ops.convert_to_numpy(gradients.input_gradient(cnn, images, labels)).astype("float64")
    if channels == "mean":
        shares = reference.shares(gradient.mean(axis=3), rings)
    else:
        planes = np.moveaxis(gradient, 3, 0)
        power = sum(reference.power(plane) for plane in planes)[:, 1:]
        power = power / (spectrum.ring_sizes(*size)[1:] if rings == "mean" else 1)
        shares = power / power.sum(axis=1, keepdims=True)
    table = fourier_sensitivity(cnn, images, labels, channels, rings)
    np.testing.assert_allclose(table["mean"], shares.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(table["std"], shares.std(axis=0), rtol=1e-4)
    assert table["ring"].tolist() == list(range(1, shares.shape[1] + 1))
    assert table["mean"].sum() == pytest.approx(1)
    assert (table[["examples", "zero_gradient"]] == [20, 0]).all(axis=None)


def test_opposite_colours_cancel_in_the_mean_of_channels_alone(rng):
    waves = [spectrum.fourier_basis(8, 8, *frequency) for frequency in ((1, 0), (0, 3))]
    kernel = np.stack([waves[0] + waves[1], waves[0] - waves[1]], axis=-1)
    model = linear(kernel[..., 0])
    model = keras.Sequential([keras.Input((8, 8, 2)), *model.layers[:1], keras.layers.Dense(2)])
    model.set_weights([np.stack([kernel.ravel(), 0 * kernel.ravel()], axis=1), np.zeros(2)])
    images, labels = rng.random((3, 8, 8, 2), "float32"), [0, 1, 0]
    shares = [
        fourier_sensitivity(model, images, labels, name)["mean"] for name in ("mean", "power")
    ]
    np.testing.assert_allclose(shares[0][[0, 2]], [1, 0], atol=1e-6)
    np.testing.assert_allclose(shares[1][[0, 2]], [0.5, 0.5], atol=1e-6)


@pytest.mark.parametrize("rings", spectrum.RINGS)
@pytest.mark.parametrize(("size", "frequency"), [((8, 8), (-2, 3)), ((7, 10), (3, 0))])
def test_a_plane_wave_has_all_its_power_on_one_ring(size, frequency, rings, rng):
    images = rng.random((6, *size, 1), "float32")
    model = linear(1e-3 * spectrum.fourier_basis(*size, *frequency, np.pi / 4))
    table = fourier_sensitivity(model, images, [0, 1] * 3, rings=rings).set_index("ring")
    ring = spectrum.ring_index(*size)[frequency]
    assert table["mean"][ring] == pytest.approx(1, abs=1e-6)
    assert table["std"].max() < 1e-6


@pytest.mark.parametrize("rings", spectrum.RINGS)
def test_white_is_the_curve_of_white_noise(rings, rng):
    images, labels = rng.random((2, 9, 12, 1), "float32"), [0, 1]
    table = fourier_sensitivity(linear(rng.normal(size=(9, 12))), images, labels, rings=rings)
    noise = reference.shares(rng.normal(size=(4000, 9, 12)), rings).mean(axis=0)
    np.testing.assert_allclose(table["white"], noise, atol=0.02)
    assert table["white"].sum() == pytest.approx(1)


@pytest.mark.parametrize("batch_size", [1, 7, 13, 64])
def test_batch_size_does_not_matter(batch_size, cnn, rng):
    images, labels = rng.random((13, 8, 9, 3), "float32"), rng.integers(0, 5, 13)
    one_hot = np.eye(5)[labels]
    together = fourier_sensitivity(cnn, images, labels)
    parts = fourier_sensitivity(cnn, images, one_hot, batch_size=batch_size)
    np.testing.assert_allclose(parts, together, rtol=1e-5, atol=1e-7)


def test_one_image_has_no_spread(cnn, rng):
    table = fourier_sensitivity(cnn, rng.random((1, 6, 11, 3), "float32"), [4])
    assert table["mean"].sum() == pytest.approx(1) and (table["std"] == 0).all()
    assert (table["examples"] == 1).all()


def test_images_without_gradient_are_counted_and_left_out(rng):
    images, labels = rng.random((10, 9, 8, 1), "float32"), rng.integers(0, 4, 10)
    images[[2, 3, 9]] *= 0.01
    model = blind_in_the_dark()
    table = fourier_sensitivity(model, images, labels, batch_size=4)
    assert (table[["examples", "zero_gradient"]] == [10, 3]).all(axis=None)
    bright = np.delete(np.arange(10), [2, 3, 9])
    alone = fourier_sensitivity(model, images[bright], labels[bright])
    columns = ["ring", "mean", "std", "white"]
    np.testing.assert_allclose(table[columns], alone[columns], rtol=1e-5)


def rounded(x):
    return ops.cast(ops.cast(255 * x, "int32"), "float32")


def largest(x):
    return ops.one_hot(ops.argmax(x, axis=1) % 4, 4)


def whole_model(between):
    inputs = keras.Input((9, 8, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(4)(between(x))
    return keras.Model(inputs, keras.layers.Dense(4)(x))


IMAGES = np.random.default_rng(1).random((4, 9, 8, 1), "float32")
CALL = {"model": blind_in_the_dark, "images": IMAGES, "labels": [0, 1, 2, 3]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": lambda: whole_model(rounded)}, "must be differentiable in its images"),
        ({"model": lambda: whole_model(largest)}, "zero for every image .*Received: examples=4"),
        ({"images": IMAGES * 0.01}, "not saturated; the gradient is zero for every image"),
        (
            {"model": lambda: linear(np.full((9, 8), np.nan)), "labels": [0, 1] * 2},
            "must return finite logits.*Received: images without=4",
        ),
        (
            {"model": lambda: keras.Sequential([blind_in_the_dark(), keras.layers.Softmax()])},
            "must return logits",
        ),
        ({"labels": None}, "one label for each of 4 images"),
        ({"labels": [0, 1, 2]}, "one label for each of 4 images"),
        ({"labels": [0, 1, 2, 4]}, "Received: labels.min=0, labels.max=4"),
        ({"images": (255 * IMAGES).astype("int32")}, "float pixels.*dtype='int32'"),
        ({"images": 255 * IMAGES}, r"must be pixels in \[0, 1\]"),
        ({"images": IMAGES * np.nan}, "must be finite"),
        ({"images": IMAGES[:, :8]}, "the model's input shape"),
        ({"channels": "max"}, "`channels` must be one of 'mean', 'power'.*channels='max'"),
        ({"rings": "summed"}, "nearest: 'sum'.*Received: rings='summed'"),
        ({"batch_size": 0}, "Received: batch_size=0"),
    ],
)
def test_wrong_calls_are_refused(changes, message):
    call = {**CALL, **changes}
    with pytest.raises(ValueError, match=message):
        fourier_sensitivity(call.pop("model")(), **call)


def test_colours_that_cancel_are_no_gradient(rng):
    """What is left of their mean over channels is rounding, and must not become a curve."""
    images, labels = rng.random((4, 9, 8, 3)), [0, 1, 0, 1]
    mix = keras.layers.Conv2D(1, 1, use_bias=False)
    end = keras.layers.Dense(2)
    model = keras.Sequential([keras.Input((9, 8, 3)), mix, keras.layers.Flatten(), end])
    mix.set_weights([np.array([0.7, -0.3, -0.4]).reshape(1, 1, 3, 1)])
    with pytest.raises(ValueError, match="mean over channels"):
        fourier_sensitivity(model, images, labels)
    table = fourier_sensitivity(model, images, labels, channels="power")
    assert table["zero_gradient"].eq(0).all() and table["mean"].sum() == pytest.approx(1)
