import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import gradients, losses, models
from hfc_keras.gradients.differentiation import SampleGradient

pytestmark = pytest.mark.jax


@pytest.fixture(scope="module")
def noisy():
    """A network whose inference mode differs from training mode: batch norm and dropout."""
    inputs = keras.Input((6, 5, 2))
    x = keras.layers.Conv2D(4, 3, activation="tanh", padding="same")(inputs)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.Dropout(0.5, seed=1)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.2, 1.0, w.shape) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def softmax_regression():
    """A network whose gradients are known: logits are pixels times a matrix."""
    model = keras.Sequential([keras.Input((2, 3, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(4, use_bias=False))
    weights = np.random.default_rng(2).normal(size=(6, 4)).astype("float32")
    model.set_weights([weights])
    return model, weights


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def values(model):
    return [np.array(variable) for variable in model.variables]


class TestValueAndGradient:
    @pytest.mark.parametrize("dtype", ["float16", "float32", "int64", "uint8"])
    def test_value_and_gradient_of_a_polynomial(self, rng, dtype):
        images = rng.integers(-3, 4, (2, 3, 4, 1)) % 5 if dtype == "uint8" else None
        images = (rng.integers(-3, 4, (2, 3, 4, 1)) if images is None else images).astype(dtype)
        value, gradient = gradients.value_and_gradient(lambda x: ops.sum(x**3), images)
        exact = images.astype("float64")
        np.testing.assert_allclose(np.asarray(value), (exact**3).sum(), rtol=1e-3)
        np.testing.assert_allclose(np.asarray(gradient), 3 * exact**2)
        expected = dtype if dtype.startswith("float") else "float32"
        assert keras.backend.standardize_dtype(gradient.dtype) == expected

    def test_auxiliary_output_and_images_that_do_not_matter(self):
        (value, aux), gradient = gradients.value_and_gradient(
            lambda x: (ops.sum(ops.zeros(3)), {"twice": 2 * x}), np.ones((1, 2)), has_aux=True
        )
        assert float(value) == 0 and np.asarray(aux["twice"]).tolist() == [[2, 2]]
        assert np.asarray(gradient).tolist() == [[0, 0]]

    def test_gradient_is_differentiable_again(self, rng):
        images = rng.normal(size=(2, 3)).astype("float32")

        def steepness(x):
            return ops.sum(gradients.value_and_gradient(lambda z: ops.sum(z**3), x)[1] ** 2)

        value, gradient = gradients.value_and_gradient(steepness, images)
        np.testing.assert_allclose(float(value), 9 * (images**4).sum(), rtol=1e-5)
        np.testing.assert_allclose(np.asarray(gradient), 36 * images**3, rtol=1e-4)

    def test_second_order_through_batch_norm_in_training_mode(self, noisy, rng):
        """Penalty on input gradients, differentiated by the kernel, beside finite differences."""
        images = rng.random((5, 6, 5, 2), "float32")
        labels, before = np.array([0, 1, 2, 0, 1]), values(noisy)
        rest, state = noisy.trainable_variables[1:], noisy.non_trainable_variables
        kernel = np.array(noisy.trainable_variables[0])

        def penalty(kernel):
            def loss(x):
                weights = [kernel, *rest]
                logits, updated = noisy.stateless_call(weights, state, x, training=True)
                return ops.sum(losses.sample_losses(logits, labels)), updated

            (_, updated), gradient = gradients.value_and_gradient(loss, images, has_aux=True)
            return 100 * ops.sum(gradient**2), updated

        (_, updated), gradient = gradients.value_and_gradient(penalty, kernel, has_aux=True)
        direction, h = rng.normal(size=kernel.shape).astype("float32"), 1e-2
        ends = [float(ops.stop_gradient(penalty(kernel + step * direction)[0])) for step in (h, -h)]
        slope = (np.asarray(gradient) * direction).sum()
        assert abs(slope) > 0.1
        np.testing.assert_allclose((ends[0] - ends[1]) / (2 * h), slope, rtol=1e-2)
        features = keras.Model(noisy.input, noisy.layers[1].output)(images)
        mean = 0.9 * np.array(state[0]) + 0.1 * np.mean(np.asarray(features), axis=(0, 1, 2))
        np.testing.assert_allclose(np.asarray(updated[0]), mean, rtol=1e-4)
        assert all(np.array_equal(a, b) for a, b in zip(before, values(noisy), strict=True))

    def test_what_is_no_scalar_is_refused(self):
        with pytest.raises(ValueError, match=r"return a scalar.*Received: shape=\(2,\)"):
            gradients.value_and_gradient(lambda x: x[:, 0], np.ones((2, 2)))

    def test_other_backends_are_refused(self, monkeypatch):
        monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
        with pytest.raises(ValueError, match="jax or torch. Received: backend='numpy'"):
            gradients.backends.chosen()


class TestSampleLosses:
    logits = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0], [-90.0, 90.0, 0.0]])
    labels = np.array([0, 2, 0])

    @pytest.mark.parametrize(
        ("loss", "expected"),
        [
            ("cross_entropy", np.log(np.exp(logits).sum(axis=1)) - logits[range(3), labels]),
            ("margin", np.array([0.5 - 2, 3 - 1, 90 + 90])),
        ],
    )
    @pytest.mark.parametrize("dtype", ["float16", "float32"])
    def test_against_the_formula(self, loss, expected, dtype):
        for labels in (self.labels, np.eye(3)[self.labels]):
            values = losses.sample_losses(self.logits.astype(dtype), labels, loss)
            np.testing.assert_allclose(np.asarray(values), expected, rtol=1e-5)
            assert keras.backend.standardize_dtype(values.dtype) == "float32"

    def test_soft_labels(self):
        soft = np.array([[0.7, 0.3, 0.0]] * 3)
        parts = [losses.sample_losses(self.logits, np.full(3, label)) for label in (0, 1)]
        expected = 0.7 * np.asarray(parts[0]) + 0.3 * np.asarray(parts[1])
        np.testing.assert_allclose(np.asarray(losses.sample_losses(self.logits, soft)), expected)
        margins = losses.sample_losses(self.logits, soft, "margin")
        np.testing.assert_allclose(np.asarray(margins), [-1.5, 3.0, 180.0])


class TestInputGradient:
    @pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
    def test_known_gradient_of_softmax_regression(self, softmax_regression, rng, loss):
        model, weights = softmax_regression
        images, labels = rng.random((8, 2, 3, 1)), np.arange(8) % 4
        logits, true = images.reshape(8, -1) @ weights, np.eye(4)[labels]
        towards = softmax(logits)
        if loss == "margin":
            towards = np.eye(4)[np.where(true == 1, -np.inf, logits).argmax(axis=1)]
        expected = ((towards - true) @ weights.T).reshape(images.shape)
        for given in (labels, true, labels[:, None]):
            gradient = gradients.input_gradient(model, images, given, loss)
            assert keras.backend.standardize_dtype(gradient.dtype) == "float32"
            np.testing.assert_allclose(np.asarray(gradient), expected, atol=1e-6)

    def test_a_gradient_does_not_depend_on_its_batch(self, noisy, rng):
        images, labels = rng.random((8, 6, 5, 2), "float32"), np.arange(8) % 3
        together = np.asarray(gradients.input_gradient(noisy, images, labels))
        for rows in (slice(0, 1), slice(2, 5)):
            part = gradients.input_gradient(noisy, images[rows], labels[rows])
            np.testing.assert_allclose(np.asarray(part), together[rows], rtol=0, atol=1e-6)
        assert (abs(together).max(axis=(1, 2, 3)) > 1e-4).all()

    def test_inference_mode_and_no_weight_changes(self, noisy, rng):
        images, labels = rng.random((4, 6, 5, 2), "float32"), [0, 1, 2, 0]
        before = values(noisy)
        first, second = (gradients.input_gradient(noisy, images, labels) for _ in range(2))
        assert np.array_equal(first, second)

        def total(x):
            return ops.sum(losses.sample_losses(noisy(x, training=False), np.array(labels)))

        _, expected = gradients.value_and_gradient(total, images)
        np.testing.assert_allclose(np.asarray(first), np.asarray(expected), atol=1e-6)
        assert len(before) > len(noisy.get_weights())
        assert all(np.array_equal(a, b) for a, b in zip(before, values(noisy), strict=True))

    def test_integers_and_halves_are_taken_as_float32(self, softmax_regression):
        model, _ = softmax_regression
        images = np.arange(12).reshape(2, 2, 3, 1) % 3
        expected = gradients.input_gradient(model, images.astype("float32"), [0, 1])
        for dtype in ("uint8", "float16", "float64"):
            gradient = gradients.input_gradient(model, images.astype(dtype), [0, 1])
            assert np.array_equal(gradient, expected)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"loss": "hinge"}, "`loss` must be one of.*Received: loss='hinge'"),
            ({"images": np.zeros((2, 3, 1))}, r"channels last. Received: images.shape=\(2, 3, 1\)"),
            ({"images": np.zeros((2, 4, 4, 1))}, "the model's input shape"),
            ({"labels": [0]}, "one label for each of 2 images"),
            ({"labels": [0, 4]}, "from 0 to 3. Received: labels.min=0, labels.max=4"),
            ({"labels": np.eye(3)[:2]}, "one-hot over 4 classes"),
        ],
    )
    def test_wrong_calls_are_refused(self, softmax_regression, changes, message):
        call = {"images": np.zeros((2, 2, 3, 1)), "labels": [0, 1], **changes}
        with pytest.raises(ValueError, match=message):
            gradients.input_gradient(softmax_regression[0], **call)


def test_a_subclassed_model_that_is_not_built_yet(rng):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.logits = keras.layers.Dense(3)

        def call(self, images):
            return self.logits(ops.mean(images, axis=(1, 2)))

    images, own = rng.random((3, 4, 4, 2), "float32"), Own()
    gradient = np.asarray(gradients.input_gradient(own, images, [0, 1, 2]))
    kernel = own.get_weights()[0]
    expected = (softmax(np.asarray(own(images))) - np.eye(3)) @ kernel.T / 16
    np.testing.assert_allclose(gradient[:, 0, 0], expected, atol=1e-6)


def test_compiled_functions_are_kept_by_model_and_function():
    first = models.build("small_cnn", (8, 8, 1), 10, width=0.1)
    second = keras.Sequential([first])
    compiled, gradient = gradients.compiled, SampleGradient
    assert compiled(first, gradient("margin")) is compiled(first, gradient("margin"))
    assert compiled(first, gradient("margin")) is not compiled(first, gradient("cross_entropy"))
    assert compiled(first, gradient("margin")) is not compiled(second, gradient("margin"))


@pytest.mark.parametrize(("size", "filled"), [(1, 1), (3, 4), (5, 8), (8, 8)])
def test_batches_are_filled_up_to_a_power_of_two_and_cut(size, filled):
    seen = []

    def function(scalar, images):
        seen.append(images.shape[0])
        return scalar * images, images[:, 0]

    images = np.arange(2 * size, dtype="float32").reshape(size, 2)
    outputs = gradients.backends._filled_up(function)(np.float32(3), images)
    assert seen == [filled]
    assert np.array_equal(outputs[0], 3 * images) and np.array_equal(outputs[1], images[:, 0])
