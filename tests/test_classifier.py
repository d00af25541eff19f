"""models.as_classifier: logits of everybody's models, exact and differentiable."""

import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import analysis, attacks, contract, data, gradients, models
from hfc_keras.models import as_classifier

TEST = data.load("digits", examples=(100, 40)).test
IMAGES, LABELS = TEST.images, TEST.labels
SHAPE = (8, 8, 1)


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
    assert result.diagnostics["loss_after"] > result.diagnostics["loss_before"]


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
    agrees(as_classifier(model), exact(layer))
    # Not saturated where probabilities are.
    layer.set_weights([1000 * each for each in layer.get_weights()])
    assert np.unique(np.asarray(as_classifier(model)(IMAGES)), axis=0).shape == (40, 10)


def test_of_a_nested_model_and_of_an_operation():
    inner, layer = dense(activation="softmax")
    agrees(as_classifier(keras.Sequential([keras.Input(SHAPE), inner])), exact(layer))
    images = keras.Input(SHAPE)
    layer = keras.layers.Dense(10)
    graph = keras.Model(images, ops.softmax(layer(keras.layers.Flatten()(images))))
    agrees(as_classifier(graph), exact(layer))


def test_what_cannot_be_taken_off_is_undone():
    model, layer = dense(keras.layers.Lambda(ops.softmax))
    logits = exact(layer)
    shifted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    agrees(as_classifier(model, output="softmax"), shifted)
    model, layer = dense(keras.layers.Lambda(ops.sigmoid))
    agrees(as_classifier(model, output="sigmoid"), exact(layer))


@pytest.mark.parametrize("activation", [None, "sigmoid"])
@pytest.mark.parametrize("output", [None, "binary"])
def test_a_single_output_becomes_two_logits(activation, output):
    model, layer = dense(classes=1, activation=activation)
    agrees(as_classifier(model, output=output), two(exact(layer)))


@pytest.mark.parametrize("end", [ops.sigmoid, lambda x: x])
def test_a_single_output_out_of_sight_is_told_by_its_numbers(end):
    model, layer = dense(keras.layers.Lambda(end), classes=1)
    agrees(as_classifier(model, output="binary"), two(exact(layer)))
    agrees(
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
    assert classifier.hfc_keras_pixels == (0, 255)
    expected = exact(layer, 2 * IMAGES - 1)
    np.testing.assert_allclose(np.asarray(classifier(IMAGES)), expected, atol=1e-4)


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
    classifier = as_classifier(given, output="softmax")
    logits = exact(layer)
    shifted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    agrees(classifier, shifted)
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
        agrees(as_classifier(given), exact(layer))


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
    classifier = as_classifier(lambda images: ops.sum(images, axis=(1, 3)), output="softmax")
    with pytest.raises(ValueError, match="NaN"):
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
