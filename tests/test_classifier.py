"""models.as_classifier: logits of everybody's models, exact and differentiable."""

import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import analysis, attacks, contract, data, gradients, models
from hfc_keras.models import as_classifier

pytestmark = pytest.mark.jax

TEST = data.load("digits", examples=(100, 40)).test
IMAGES, LABELS = TEST.images, TEST.labels
SHAPE = (8, 8, 1)


@pytest.fixture(autouse=True)
def _seeded():
    """The same networks in every run."""
    keras.utils.set_random_seed(0)


def dense(*last, classes=10, first=(), activation=None):
    """A model, and the logits that its weights make of the images it is given."""
    layer = keras.layers.Dense(classes, activation=activation)
    parts = [keras.Input(SHAPE), *first, keras.layers.Flatten(), layer, *last]
    return keras.Sequential(parts), layer


def exact(layer, images=IMAGES):
    weights, bias = (np.array(each, "float64") for each in layer.get_weights())
    return images.reshape(len(images), -1).astype("float64") @ weights + bias


def two(logits):
    return np.hstack([np.zeros_like(logits), logits])


def agrees(classifier, expected):
    """Logits, gradients and attacks of a classifier, on any number of images."""
    np.testing.assert_allclose(np.asarray(classifier(IMAGES)), expected, atol=2e-5)
    assert contract.classifier(classifier, IMAGES).output == "logits"
    labels = LABELS % expected.shape[1]
    gradient = np.asarray(gradients.input_gradient(classifier, IMAGES, labels))
    assert np.isfinite(gradient).all() and gradient.any(axis=(1, 2, 3)).all()
    result = attacks.pgd(classifier, IMAGES, labels, 0.1, steps=2)
    return result.diagnostics["loss_after"] > result.diagnostics["loss_before"]


LASTS = {
    "activation": ((), "softmax"),
    "layer": ((keras.layers.Softmax(),), None),
    "activation layer": ((keras.layers.Activation("softmax"),), None),
    "reshaped": ((keras.layers.Softmax(), keras.layers.Reshape((10,))), None),
    "sigmoids": ((), "sigmoid"),
    "sigmoid layer": ((keras.layers.Activation("sigmoid"),), None),
    "none": ((), None),
}


@pytest.mark.parametrize("name", LASTS)
def test_the_last_activation_is_taken_off(name):
    last, activation = LASTS[name]
    model, layer = dense(*last, activation=activation)
    assert agrees(as_classifier(model), exact(layer))
    # Not saturated where probabilities are.
    layer.set_weights([1000 * each for each in layer.get_weights()])
    assert np.unique(np.asarray(as_classifier(model)(IMAGES)), axis=0).shape == (40, 10)


def test_of_a_nested_model_and_of_an_operation():
    inner, layer = dense(activation="softmax")
    assert agrees(as_classifier(keras.Sequential([keras.Input(SHAPE), inner])), exact(layer))
    images = keras.Input(SHAPE)
    layer = keras.layers.Dense(10)
    graph = keras.Model(images, ops.softmax(layer(keras.layers.Flatten()(images))))
    assert agrees(as_classifier(graph), exact(layer))


@pytest.mark.slow_on_jax
def test_what_cannot_be_taken_off_is_undone():
    model, layer = dense(keras.layers.Lambda(ops.softmax))
    logits = exact(layer)
    shifted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert agrees(as_classifier(model, output="softmax"), shifted)
    model, layer = dense(keras.layers.Lambda(ops.sigmoid))
    assert agrees(as_classifier(model, output="sigmoid"), exact(layer))


@pytest.mark.parametrize("activation", [None, "sigmoid"])
@pytest.mark.parametrize("output", [None, "binary"])
def test_a_single_output_becomes_two_logits(activation, output):
    model, layer = dense(classes=1, activation=activation)
    assert agrees(as_classifier(model, output=output), two(exact(layer)))


@pytest.mark.parametrize("end", [ops.sigmoid, lambda x: x])
def test_a_single_output_out_of_sight_is_told_by_its_numbers(end):
    model, layer = dense(keras.layers.Lambda(end), classes=1)
    assert agrees(as_classifier(model, output="binary"), two(exact(layer)))
    assert agrees(
        as_classifier(lambda x: model(x, training=False), output="binary", image_size=SHAPE),
        two(exact(layer)),
    )


@pytest.mark.parametrize(("name", "index"), [("main", 0), ("aux", 1), (0, 0), (1, 1)])
@pytest.mark.parametrize("kind", ["list", "dict", "own"])
def test_one_of_several_outputs(kind, name, index):
    images = keras.Input(SHAPE)
    features = keras.layers.Flatten()(images)
    heads = [keras.layers.Dense(10, name="main"), keras.layers.Dense(3, "softmax", name="aux")]
    outputs = [head(features) for head in heads]
    if kind == "list":
        model = keras.Model(images, outputs)
    elif kind == "dict":
        name = ["main", "aux"][index]
        model = keras.Model(images, {"main": outputs[0], "aux": outputs[1]})
    else:
        graph = keras.Model(images, outputs)
        model, name = (lambda x: graph(x, training=False)), index
    chosen = as_classifier(model, output_name=name, output=["logits", "softmax"][index])
    found = np.asarray(ops.softmax(chosen(IMAGES)))
    np.testing.assert_allclose(found, np.asarray(ops.softmax(exact(heads[index]))), atol=1e-5)


FIRST = {
    "Rescaling": (keras.layers.Rescaling(1 / 255), lambda x: x / 255),
    "Normalization": (
        keras.layers.Normalization(mean=[120.0], variance=[3600.0]),
        lambda x: (x - 120) / 60,
    ),
    "mean": (keras.layers.Rescaling(1.0, -120.0), lambda x: x - 120),
}


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize("pixels", [None, (0, 255)])
def test_pixels_come_in_the_range_the_model_takes(name, pixels):
    first, change = FIRST[name]
    model, layer = dense(first=[first])
    classifier = as_classifier(model, pixels=pixels)
    expected = exact(layer, change(255 * IMAGES.astype("float64")))
    np.testing.assert_allclose(np.asarray(classifier(IMAGES)), expected, atol=1e-4, rtol=1e-5)
    assert not contract.classifier(classifier, IMAGES).levels


def test_a_range_that_is_told_is_believed():
    model, layer = dense(first=[keras.layers.Rescaling(1 / 255)])
    told = as_classifier(model, pixels=(0, 1))
    np.testing.assert_allclose(np.asarray(told(IMAGES)), exact(layer, IMAGES / 255), atol=1e-5)
    assert not contract.classifier(told, IMAGES).levels
    model, layer = dense()
    signed = as_classifier(model, pixels=(-1, 1))
    np.testing.assert_allclose(np.asarray(signed(IMAGES)), exact(layer, 2 * IMAGES - 1), atol=1e-5)


@pytest.mark.parametrize("kind", ["function", "layer"])
def test_preprocessing_stands_before_the_model(kind):
    model, layer = dense(activation="softmax")
    function = keras.applications.mobilenet_v2.preprocess_input
    given = function if kind == "function" else keras.layers.Rescaling(1 / 127.5, -1)
    classifier = as_classifier(model, preprocessing=given)
    assert classifier.get_layer("pixels").hfc_keras_pixels == (0, 255)
    expected = exact(layer, 2 * IMAGES - 1)
    np.testing.assert_allclose(np.asarray(classifier(IMAGES)), expected, atol=1e-4)


@pytest.mark.few(2)
@pytest.mark.slow_on_jax
@pytest.mark.parametrize("size", [(16, 16), 16, (8, 8), (5, 7)])
def test_images_of_any_size_are_resized(size):
    model = models.build("small_cnn", (16, 16, 1), 10)
    classifier = as_classifier(model, image_size=size)
    larger = ops.image.resize(IMAGES, (16, 16), antialias=True, data_format="channels_last")
    np.testing.assert_allclose(np.asarray(classifier(IMAGES)), np.asarray(model(larger)), atol=1e-5)
    assert classifier.input_shape == (None, None, None, 1)
    analysis.robust_accuracy(classifier, IMAGES, LABELS, attacks.Pgd(0.1, steps=1))


class Own(keras.Model):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, images):
        return ops.softmax(self.layer(ops.reshape(images, (-1, 64))))


@pytest.mark.parametrize("kind", ["function", "class", "layer"])
def test_functions_classes_and_layers_are_wrapped(kind):
    layer = keras.layers.Dense(10)
    layer.build((None, 64))
    own = Own(layer)
    given = {
        "function": lambda images: own(images),
        "class": own,
        "layer": keras.layers.Lambda(lambda images: own(images)),
    }[kind]
    classifier = as_classifier(given, pixels=(0, 1), output="softmax")
    logits = exact(layer)
    shifted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert agrees(classifier, shifted)
    labels = logits.argmax(axis=1)
    assert analysis.frequency_accuracy(classifier, IMAGES, labels, [2])["accuracy"][0] == 1
    if kind == "class":
        layer.set_weights([-each for each in layer.get_weights()])
        table = analysis.frequency_accuracy(classifier, IMAGES, labels, [2])
        assert table["accuracy"][0] < 0.5


@pytest.mark.tensorflow
def test_saved_models_are_wrapped(tmp_path):
    import tensorflow as tf

    model, layer = dense()
    model.export(tmp_path / "exported", verbose=False)
    for given in (tmp_path / "exported", tf.saved_model.load(str(tmp_path / "exported"))):
        assert agrees(as_classifier(given, pixels=(0, 1)), exact(layer))


def test_weights_are_those_of_the_model_and_it_is_left_as_it_was():
    model, layer = dense(activation="softmax")
    before, outputs = contract.makeup(model), model.outputs
    classifier = as_classifier(model)
    layer.set_weights([-2 * each for each in layer.get_weights()])
    np.testing.assert_allclose(np.asarray(classifier(IMAGES)), exact(layer), atol=2e-5)
    assert contract.makeup(model) == before and model.outputs == outputs
    assert model(IMAGES[:1]).shape == (1, 10) and layer.output.shape == (None, 10)
    layer.activation = ops.relu
    assert (np.asarray(model(IMAGES)) >= 0).all()


def test_names_of_the_users_layers_do_not_matter():
    names = ("pixels", "logits", "as_classifier", "lambda")
    parts = [keras.layers.Identity(name=name) for name in names]
    model, layer = dense(keras.layers.Softmax(name="softmax"), first=parts)
    function = keras.applications.mobilenet_v2.preprocess_input
    twice = as_classifier(as_classifier(model, preprocessing=function))
    np.testing.assert_allclose(np.asarray(twice(IMAGES)), exact(layer, 2 * IMAGES - 1), atol=1e-4)


@pytest.mark.slow_on_jax
def test_it_is_saved_and_trained_as_any_model(tmp_path):
    model, layer = dense(activation="softmax", first=[keras.layers.Rescaling(1 / 255)])
    classifier = as_classifier(model)
    classifier.save(tmp_path / "classifier.keras")
    loaded = keras.saving.load_model(tmp_path / "classifier.keras")
    np.testing.assert_allclose(np.asarray(loaded(IMAGES)), exact(layer), atol=2e-5)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.SGD(0.1), loss)
    before = layer.get_weights()[0].copy()
    classifier.fit(IMAGES, LABELS, verbose=0)
    assert not np.array_equal(before, layer.get_weights()[0])
    filtered, changes = models.antialias(as_classifier(models.build("resnet8", SHAPE, 10)))
    assert len(changes) and filtered(IMAGES).shape == (40, 10)


def test_outputs_that_are_no_probabilities_are_no_silent_logits():
    with pytest.warns(UserWarning, match=r"cannot be seen.*Say pixels=\(0, 1\)"):
        classifier = as_classifier(lambda x: ops.sum(x, axis=(1, 3)), output="softmax")
    with pytest.raises(ValueError, match="must return finite logits"):
        analysis.calibration(classifier, IMAGES, LABELS % 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "model.keras"}, "keras.saving.load_model.*Received: model='model.keras'"),
        ({"model": 3}, "must be a keras.Model, a function.*Received: model=3"),
        ({"output": "softmax"}, "`output` must be 'logits'.*Received: output='softmax'"),
        ({"output": "sfotmax"}, "nearest: 'softmax'"),
        ({"output": "binary"}, "`output` must be 'logits'"),
        ({"output_name": "other"}, "`output_name` must be.*Received: output_name='other'"),
        ({"pixels": (255, 0)}, "smaller value first"),
        ({"pixels": 255}, "Received: pixels=255"),
        ({"pixels": (0, float("nan"))}, "Received: pixels=nan"),
        ({"image_size": 0}, "Received: image_size=0"),
        ({"image_size": (8, 8, 1, 1)}, "Received: image_size="),
        ({"preprocessing": "imagenet"}, "Received: preprocessing='imagenet'"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(ValueError, match=message):
        as_classifier(**{"model": dense()[0], **change})


def test_refusals_of_outputs():
    images = keras.Input(SHAPE)
    features = keras.layers.Flatten()(images)
    heads = [keras.layers.Dense(3, name=name)(features) for name in ("a", "b")]
    for name in (None, "c", 2):
        with pytest.raises(ValueError, match="must be one of .*Received: output_name="):
            as_classifier(keras.Model(images, heads), output_name=name)
    with pytest.raises(ValueError, match="one batch of images"):
        as_classifier(keras.Model([images, keras.Input((3,))], heads[0]))
    with pytest.raises(ValueError, match=r"\(height, width, channels\)"):
        as_classifier(lambda x: x, output="binary")
    with pytest.raises(ValueError, match="must return \\(batch, classes\\)"):
        as_classifier(keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(3, 1)]))


class TestWhatCannotBeSeen:
    def test_a_single_output_that_may_be_either_is_asked_for(self):
        class Either(keras.Model):
            def call(self, images):
                return ops.mean(images / ops.max(ops.abs(images), (1, 2, 3), True), (1, 2)) ** 2

        given = {"model": Either(), "image_size": SHAPE, "pixels": (0, 1)}
        with pytest.raises(ValueError, match="'logits' or 'sigmoid'"):
            as_classifier(**given, output="binary")
        for output, undo in (("logits", lambda p: p), ("sigmoid", lambda p: np.log(p / (1 - p)))):
            told = as_classifier(**given, output=output)
            single = np.asarray(Either()(IMAGES), "float64")
            np.testing.assert_allclose(np.asarray(told(IMAGES)), two(undo(single)), atol=1e-4)

    def test_a_probe_of_nan_decides_nothing(self):
        root = keras.layers.Lambda(lambda x: x**0.5)
        model, layer = dense(keras.layers.Lambda(ops.sigmoid), classes=1, first=[root])
        expected = two(exact(layer, np.sqrt(IMAGES.astype("float64"))))
        found = np.asarray(as_classifier(model, output="sigmoid")(IMAGES))
        np.testing.assert_allclose(found, expected, atol=2e-5)

    def test_outputs_of_one_name_go_by_their_place(self):
        images, head = keras.Input(SHAPE), keras.layers.Dense(10, name="head")
        features = keras.layers.Flatten()(images)
        model = keras.Model(images, [head(features), head(-features)])
        for name in (None, "head"):
            with pytest.raises(ValueError, match="must be one of 0, 1"):
                as_classifier(model, output_name=name)
        assert agrees(as_classifier(model, output_name=0), exact(head))

    def test_a_hard_sigmoid_is_undone_as_what_it_is(self):
        model, _ = dense(activation="hard_sigmoid")
        found = ops.sigmoid(as_classifier(model)(IMAGES))
        np.testing.assert_allclose(np.asarray(found), np.asarray(model(IMAGES)), atol=1e-5)

    @pytest.mark.parametrize("end", [keras.layers.Softmax(axis=1), keras.layers.Softmax()])
    def test_a_softmax_over_something_else_is_not_left_out(self, end):
        last = [keras.layers.Reshape((5, 2)), end, keras.layers.Flatten()]
        model, _ = dense(*last)
        classifier = as_classifier(model, output="sigmoid")
        expected = np.asarray(model(IMAGES), "float64")
        found = np.asarray(ops.sigmoid(classifier(IMAGES)))
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_features_are_no_levels(self):
        class Power(keras.layers.Layer):
            def call(self, x):
                x = x[..., 0] - ops.mean(x[..., 0], (1, 2), keepdims=True)
                real, imaginary = ops.fft2((x, ops.zeros_like(x)))
                return (real**2 + imaginary**2) / 64.0**2

        images = keras.Input(SHAPE)
        features = keras.layers.Flatten()(Power()(images))
        model = keras.Model(images, keras.layers.Dense(10)(features))
        np.testing.assert_allclose(
            np.asarray(as_classifier(model)(IMAGES)), np.asarray(model(IMAGES)), atol=1e-6
        )

    def test_what_was_told_of_pixels_is_not_forgotten(self):
        model, layer = dense(first=[keras.layers.Rescaling(1 / 255)])
        told = as_classifier(model, pixels=(0, 1))
        again = as_classifier(keras.Sequential([keras.Input(SHAPE), told]))
        expected = exact(layer, IMAGES / 255)
        np.testing.assert_allclose(np.asarray(again(IMAGES)), expected, atol=1e-5)
        assert not contract.classifier(again, IMAGES).levels

    def test_layers_that_a_function_uses_are_followed(self):
        model, layer = dense()
        classifier = as_classifier(lambda x: model(x, training=False), pixels=(0, 1))
        assert agrees(classifier, exact(layer))
        layer.set_weights([-each for each in layer.get_weights()])
        found = gradients.predicted(classifier, IMAGES)
        np.testing.assert_allclose(found, exact(layer), atol=2e-5)
        model.layers[-1].activation = ops.relu
        assert gradients.predicted(classifier, IMAGES).min() == 0

    def test_numpy_inside_is_refused(self):
        classifier = as_classifier(
            lambda x: ops.convert_to_tensor(np.asarray(x)[:, 0, :, 0]), pixels=(0, 1)
        )
        # PyTorch compiles nothing, so that a gradient alone is missing.
        eager = keras.backend.backend() == "torch"
        measure = analysis.fourier_sensitivity if eager else analysis.calibration
        with pytest.raises(ValueError, match="operations of the backend.*Received: "):
            measure(classifier, IMAGES, LABELS % 8)
