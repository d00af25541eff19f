"""What a model must be, for every measure, attack and training alike."""

import warnings

import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import analysis, attacks, contract, data, gradients, models, training
from hfc_keras.commands import selfcheck
from hfc_keras.gradients.compiling import outputs

pytestmark = pytest.mark.jax

DIGITS = data.load("digits", examples=(300, 40))
IMAGES, LABELS = DIGITS.test.images, DIGITS.test.labels

CALLS = {
    "frequency_accuracy": lambda m: analysis.frequency_accuracy(m, IMAGES, LABELS, [2]),
    "contingency": lambda m: analysis.contingency(m, IMAGES, LABELS, [2]),
    "component_probabilities": lambda m: analysis.component_probabilities(m, IMAGES, 2),
    "reliability": lambda m: analysis.reliability(m, IMAGES, LABELS),
    "calibration": lambda m: analysis.calibration(m, IMAGES, LABELS),
    "changed_accuracy": lambda m: analysis.changed_accuracy(m, IMAGES, LABELS),
    "band_stop_accuracy": lambda m: analysis.band_stop_accuracy(m, IMAGES, LABELS, 2),
    "corruption_accuracy": lambda m: analysis.corruption_accuracy(
        m, IMAGES, LABELS, ["contrast"], [1]
    ),
    "patch_shuffle_accuracy": lambda m: analysis.patch_shuffle_accuracy(m, IMAGES, LABELS, (1, 2)),
    "shift_consistency": lambda m: analysis.shift_consistency(m, IMAGES, 1),
    "out_of_distribution": lambda m: analysis.out_of_distribution(m, IMAGES, IMAGES[:9]),
    "fourier_sensitivity": lambda m: analysis.fourier_sensitivity(m, IMAGES, LABELS),
    "fourier_heat_map": lambda m: analysis.fourier_heat_map(m, IMAGES[:2], LABELS[:2]),
    "robust_accuracy": lambda m: analysis.robust_accuracy(m, IMAGES, LABELS, attacks.Fgsm(0.1)),
    "input_gradient": lambda m: gradients.input_gradient(m, IMAGES, LABELS),
    "fgsm": lambda m: attacks.fgsm(m, IMAGES, LABELS, 0.1),
    "pgd": lambda m: attacks.pgd(m, IMAGES, LABELS, 0.1, steps=1),
    "adversarial training": lambda m: fitted(training.AdversarialTraining(m, attacks.Fgsm(0.1))),
    "Fourier-regularised training": lambda m: fitted(training.FourierRegularized(m)),
    "selfcheck": lambda m: selfcheck.run(m, IMAGES, LABELS),
}
# The checks of selfcheck say what others refuse.
REFUSING = [name for name in CALLS if name != "selfcheck"]


@pytest.fixture(autouse=True)
def _seeded():
    """The same networks in every run."""
    keras.utils.set_random_seed(0)


def fitted(wrapped):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    wrapped.compile("sgd", loss, jit_compile=False)
    wrapped.fit(IMAGES[:8], LABELS[:8], verbose=0)


def network(*last, first=(), classes=10):
    end = [keras.layers.Dense(classes), *last]
    return keras.Sequential([keras.Input((8, 8, 1)), *first, keras.layers.Flatten(), *end])


class Own(keras.Model):
    """A class of one's own, whose end nobody sees."""

    def __init__(self, function, classes=10):
        super().__init__()
        self.function, self.dense = function, keras.layers.Dense(classes)

    def call(self, images):
        return self.function(self.dense(ops.reshape(images, (-1, 64))))


class AlwaysDropout(keras.layers.Dropout):
    """Monte Carlo dropout."""

    def call(self, inputs, training=False):
        return super().call(inputs, training=True)


def with_outputs(kind):
    images = keras.Input((8, 8, 1))
    features = keras.layers.Flatten()(images)
    main, aux = keras.layers.Dense(10, name="main")(features), keras.layers.Dense(2)(features)
    return keras.Model(images, {"list": [main, aux], "dict": {"main": main, "aux": aux}}[kind])


SOFTMAX, SIGMOID = r"output='softmax'\)", r"output='sigmoid'\)"
WRONG = {
    "softmax layer": (lambda: network(keras.layers.Softmax()), SOFTMAX),
    "softmax activation": (lambda: network(keras.layers.Activation("softmax")), SOFTMAX),
    "softmax, reshaped": (
        lambda: network(keras.layers.Softmax(), keras.layers.Reshape((10,))),
        SOFTMAX,
    ),
    "nested softmax": (lambda: keras.Sequential([network(keras.layers.Softmax())]), SOFTMAX),
    "softmax in a Lambda": (lambda: network(keras.layers.Lambda(ops.softmax)), SOFTMAX),
    "softmax out of sight": (lambda: Own(ops.softmax), SOFTMAX),
    "sigmoids": (lambda: network(keras.layers.Activation("sigmoid")), SIGMOID),
    "sigmoids out of sight": (lambda: Own(ops.sigmoid), SIGMOID),
    "one logit": (lambda: network(classes=1), r"output='binary'\)"),
    "one sigmoid": (
        lambda: network(keras.layers.Activation("sigmoid"), classes=1),
        r"output='binary'\)",
    ),
    "one logit out of sight": (lambda: Own(lambda x: x, classes=1), r"output='binary'\)"),
    "list of outputs": (lambda: with_outputs("list"), r"output_name='main'\).*outputs=\['main'"),
    "dict of outputs": (lambda: with_outputs("dict"), r"output_name='(main|aux)'\).*outputs=\["),
    "list out of sight": (lambda: Own(lambda x: [x, x]), r"output_name=0\)"),
    "maps": (lambda: network(keras.layers.Reshape((5, 2))), r"output shape=\(\d, 5, 2\)"),
    "classes": (
        lambda: Own(lambda x: ops.argmax(x, axis=1, keepdims=True)),
        "logits as floats.*int",
    ),
    "another size": (lambda: models.build("small_cnn", (8, 9, 1), 10), "image_size=.*shape="),
    "an error of its own": (lambda: Own(lambda x: ops.reshape(x, (-1, 7))), "must be callable"),
    "function": (lambda: lambda images: images, "must be a keras.Model.*Received: model="),
    "None": (lambda: None, "must be a keras.Model.*Received: model=None"),
    "layer": (lambda: keras.layers.Dense(3), "must be a keras.Model"),
    "path": (lambda: "model.keras", "must be a keras.Model"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_model_that_breaks_the_contract_is_refused_everywhere(name):
    made, message = WRONG[name]
    model = made()
    for call in REFUSING:
        with pytest.raises(ValueError, match=f"(?s){message}") as refusal:
            CALLS[call](model)
        assert "Received: " in str(refusal.value), call


@pytest.mark.parametrize("name", ["list of outputs", "one logit", "function", "maps"])
def test_selfcheck_refuses_what_has_no_logits_at_all(name):
    made, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        selfcheck.run(made(), IMAGES, LABELS)


@pytest.mark.parametrize("name", ["sigmoids", "softmax out of sight"])
def test_selfcheck_says_how_logits_are_had(name):
    check = selfcheck.run(WRONG[name][0](), IMAGES, LABELS)[0]
    assert check.name == "logits" and check.status == "fail"
    assert "models.as_classifier(model, output=" in check.message


@pytest.mark.parametrize(
    "model",
    [
        lambda: network(),
        lambda: network(keras.layers.Activation("log_softmax")),
        lambda: network(keras.layers.Rescaling(50.0)),
        lambda: Own(lambda x: x),
        lambda: Own(lambda x: x / 1000),
        lambda: Own(ops.log_softmax),
    ],
)
def test_logits_are_taken(model):
    assert contract.classifier(model(), IMAGES).output == "logits"


def test_logits_that_look_like_probabilities_on_one_image_are_logits():
    model = network()
    weights = np.zeros((64, 10), "float32")
    model.set_weights([weights, np.eye(10, dtype="float32")[3]])
    assert analysis.calibration(model, IMAGES[:1], LABELS[:1])["examples"].item() == 1


# These tell of gradients that are not finite.
ATTACKING = ("input_gradient", "fgsm", "pgd")


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ATTACKING])
def test_a_network_of_nan_is_refused(name):
    model = network()
    model.set_weights([np.full_like(each, np.nan) for each in model.get_weights()])
    if name == "selfcheck":
        found = {check.name: check.status for check in CALLS[name](model)}
        assert found["finite"] == "fail"
        return
    with pytest.raises((ValueError, FloatingPointError), match="NaN|finite"):
        CALLS[name](model)


LEVELS = {
    "Rescaling": [keras.layers.Rescaling(1 / 255)],
    "Rescaling to -1 and 1": [keras.layers.Rescaling(1 / 127.5, -1)],
    "Normalization": [keras.layers.Normalization(mean=[120.0], variance=[3600.0])],
    "means subtracted": [keras.layers.Rescaling(1.0, -120.0)],
    "Lambda": [keras.layers.Lambda(lambda images: images / 255)],
    "behind padding": [keras.layers.ZeroPadding2D(1), keras.layers.Rescaling(1 / 255)],
    "nested": [keras.Sequential([keras.layers.Rescaling(1 / 255)])],
}


@pytest.mark.filterwarnings("ignore:The gradient of")
@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("call", ["frequency_accuracy", "shift_consistency", "pgd"])
def test_a_model_for_levels_is_told_of(name, call):
    with pytest.warns(UserWarning, match=r"made for pixels in 0-255.*pixels=\(0, 255\)"):
        CALLS[call](network(first=LEVELS[name]))


@pytest.mark.parametrize(
    "first",
    [
        [keras.layers.Rescaling(2.0, -1)],
        [keras.layers.Normalization(mean=[0.45], variance=[0.05])],
        [keras.layers.BatchNormalization()],
        [keras.layers.Rescaling(255.0), keras.layers.Rescaling(1 / 255)],
    ],
)
def test_a_model_for_pixels_in_0_to_1_is_not(first):
    assert not contract.classifier(network(first=first), IMAGES).levels


class TestChance:
    @pytest.fixture(scope="class")
    @staticmethod
    def trained():
        """A network for 0-255 that divides by 255 where nobody sees it."""
        keras.utils.set_random_seed(0)
        model = Own(lambda x: x)
        model.function, model.scale = lambda x: x * model.scale, 1.0
        train = DIGITS.train
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(train.images, train.labels, epochs=30, batch_size=20, verbose=0)
        weights, bias = model.get_weights()
        model.set_weights([weights / 255, bias - (weights * 0.3).sum(axis=0)])
        return model

    def test_another_range_is_recommended_where_it_helps(self, trained):
        dense = network()
        weights, bias = trained.get_weights()
        dense.set_weights([weights, bias])
        with pytest.warns(UserWarning) as caught:
            CALLS["frequency_accuracy"](dense)
        said = [str(each.message) for each in caught if "The model" in str(each.message)]
        assert len(said) == 1 and "near chance" in said[0] and "pixels=(0, 255)" in said[0], said

    @pytest.mark.few(1)
    @pytest.mark.parametrize("call", ["calibration", "fourier_heat_map", "robust_accuracy"])
    def test_answers_in_another_order_are_near_chance(self, call):
        keras.utils.set_random_seed(0)
        model = network()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.01), loss)
        train = DIGITS.train
        model.fit(train.images, train.labels, epochs=20, batch_size=20, verbose=0)
        kept = (IMAGES[:2], LABELS[:2]) if call == "fourier_heat_map" else (IMAGES, LABELS)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", ".*near chance.*")
            analysis.calibration(model, *kept)
        weights, bias = model.get_weights()
        model.set_weights([np.roll(weights, 1, axis=1), np.roll(bias, 1)])
        if call == "fourier_heat_map":
            with warnings.catch_warnings():
                warnings.filterwarnings("error", ".*near chance.*")
                CALLS[call](model)  # two images tell nothing
            return
        with pytest.warns(UserWarning, match="near chance.*classes in this order"):
            CALLS[call](model)

    def test_a_constant_answer_is_luck_however_common_its_class(self):
        beyond = analysis.chance.beyond_luck
        labels = np.repeat([0, 1], [90, 10])
        assert beyond(np.zeros(100, int), labels)[0] is False
        assert beyond(np.where(np.arange(100) < 95, 0, 1), labels)[0] is True


@pytest.mark.parametrize("call", ["robust_accuracy", "pgd", "frequency_accuracy"])
def test_a_model_that_is_random_in_inference_is_told_of(call):
    model = network(AlwaysDropout(0.5, seed=1))
    state = [np.array(each) for each in model.variables if "seed" in each.name]
    with pytest.warns(UserWarning, match="random in inference"):
        CALLS[call](model)
    assert all(
        np.array_equal(*pair)
        for pair in zip(state, (v for v in model.variables if "seed" in v.name), strict=True)
    )


def test_a_model_that_answers_by_its_batch_is_told_of_and_gets_whole_batches():
    whitened = keras.layers.Lambda(lambda x: x - ops.mean(x, axis=0, keepdims=True))
    model = network(whitened)
    with pytest.warns(UserWarning, match="depends on the other images in the batch"):
        analysis.calibration(model, IMAGES, LABELS)
    found = gradients.predicted(model, IMAGES[:5])
    np.testing.assert_allclose(found, np.asarray(model(IMAGES[:5])), atol=1e-5)


class TestAsItIsNow:
    """A measure sees what a model is, not what it was when it was compiled first."""

    @staticmethod
    def answers(model):
        table = analysis.frequency_accuracy(model, IMAGES, LABELS, [2])
        return (
            table["accuracy"].tolist(),
            analysis.component_probabilities(model, IMAGES, 2)["low"].tolist(),
            analysis.contingency(model, IMAGES, LABELS, [2])["count"].tolist(),
        )

    @pytest.mark.parametrize("change", ["activation", "setting", "own attribute", "last layer"])
    def test_a_change_of_a_layer_is_seen(self, change):
        scaled = Own(lambda x: x)
        dense = keras.layers.Dense(16, activation="tanh")
        model = keras.Sequential(
            [keras.Input((8, 8, 1)), keras.layers.Flatten(), dense, keras.layers.Rescaling(1.0)]
        )
        model.add(keras.layers.Dense(10))
        model = scaled if change == "own attribute" else model
        before = self.answers(model)
        if change == "activation":
            dense.activation = ops.sin
        elif change == "setting":
            model.layers[2].scale = -3.0
        elif change == "own attribute":
            model.function = lambda x: -x
        else:
            model.pop()
            model.add(keras.layers.Dense(10))
        after = self.answers(model)
        assert after != before
        fresh = np.asarray(model(IMAGES, training=False)).argmax(axis=1)
        assert after[0][0] == (fresh == LABELS).mean()

    def test_nothing_is_compiled_anew_by_calls_and_training(self):
        model = network()
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        kept = gradients.compiled(model, outputs)
        model.fit(IMAGES, LABELS, verbose=0)
        self.answers(model)
        model.predict(IMAGES, verbose=0)
        assert gradients.compiled(model, outputs) is kept

    def test_an_adapted_normalization_is_another_model(self):
        layer = keras.layers.Normalization()
        layer.adapt(IMAGES)
        model = network(first=[layer])
        before = self.answers(model)
        layer.adapt(1 - 0.5 * IMAGES[:5])
        assert self.answers(model) != before


def test_the_look_leaves_the_model_as_it_was():
    model = network(first=[keras.layers.Rescaling(1.0)])
    before = [np.array(each) for each in model.weights]
    calls = [vars(layer).get("call") for layer in model._flatten_layers()]
    contract.classifier(model, IMAGES)
    assert [vars(layer).get("call") for layer in model._flatten_layers()] == calls
    assert all(np.array_equal(*pair) for pair in zip(before, model.weights, strict=True))


class TestTheLookChangesNothing:
    def test_of_a_model_that_trains_its_averages_in_inference(self):
        class Adapting(keras.Model):
            def __init__(self):
                super().__init__()
                self.norm = keras.layers.BatchNormalization()
                self.dense = keras.layers.Dense(10)

            def call(self, images):
                images = self.norm(images, training=True)
                return self.dense(ops.reshape(images, (-1, 64)))

        model = Adapting()
        model(IMAGES)
        before = [np.array(each) for each in model.variables]
        with pytest.warns(UserWarning, match="depends on the other images"):
            analysis.shift_consistency(model, IMAGES, 1)
        for old, new in zip(before, model.variables, strict=True):
            np.testing.assert_array_equal(old, np.array(new))

    def test_it_is_looked_at_anew_when_its_weights_change(self):
        model = Own(lambda x: x)
        model(IMAGES[:1])
        trained = [np.array(each) for each in model.get_weights()]
        model.set_weights([np.full_like(trained[0], 0), np.full_like(trained[1], 0.1)])
        with pytest.raises(ValueError, match="output='softmax'"):
            analysis.calibration(model, IMAGES, LABELS)
        model.set_weights(trained)
        analysis.calibration(model, IMAGES, LABELS)


SCALE = {"by": 1.0}


class Tempered(keras.layers.Layer):
    """A setting on the class, one on an object, one in a large array."""

    TEMPERATURE = 1.0

    def __init__(self):
        super().__init__()
        self.settings = type("Settings", (), {})()
        self.settings.sign, self.array = 1.0, np.ones(5000, "float32")

    def call(self, x):
        return x * self.TEMPERATURE * self.settings.sign * self.array[0]


@pytest.mark.parametrize("where", ["class", "object", "array", "module"])
def test_settings_out_of_keras_sight_are_seen(where):
    layer = Tempered()
    module = keras.layers.Lambda(lambda x: x * SCALE["by"])
    model = network(module if where == "module" else layer)
    before = gradients.predicted(model, IMAGES)
    try:
        if where == "class":
            Tempered.TEMPERATURE = -2.0
        elif where == "object":
            layer.settings.sign = -2.0
        elif where == "array":
            layer.array[:] = -2.0
        else:
            SCALE["by"] = -2.0
        np.testing.assert_allclose(gradients.predicted(model, IMAGES), -2 * before, rtol=1e-5)
    finally:
        Tempered.TEMPERATURE, SCALE["by"] = 1.0, 1.0


@pytest.mark.parametrize("call", ["adversarial training", "Fourier-regularised training"])
def test_a_model_without_gradients_is_not_trained_on_attacks(call):
    rounded = network(first=[keras.layers.Lambda(lambda x: ops.round(16 * x) / 16)])
    with pytest.raises(ValueError, match="differentiable in its images"):
        CALLS[call](rounded)


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy()]
)
def test_a_loss_of_probabilities_is_refused(loss):
    robust = training.AdversarialTraining(network(), attacks.Fgsm(0.1))
    robust.compile("sgd", loss)
    with pytest.raises(ValueError, match="from_logits=True.*Received: loss="):
        robust.fit(IMAGES, LABELS, verbose=0)


def test_recurrent_layers_are_measured():
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Reshape((8, 8)), keras.layers.SimpleRNN(4)]
    )
    model.add(keras.layers.Dense(10))
    assert 0 <= analysis.shift_consistency(model, IMAGES, 1) <= 1


def test_grey_images_and_channels_first_models_are_told_what_to_do():
    colour = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(10, 8)])
    colour.add(keras.layers.Flatten())
    with pytest.raises(ValueError, match=r"data.as_images_like\(images, \(8, 8, 3\)\)"):
        analysis.calibration(colour, IMAGES, LABELS)
    first = keras.Sequential([keras.Input((1, 8, 8)), keras.layers.Flatten()])
    first.add(keras.layers.Dense(10))
    with pytest.raises(ValueError, match=r"transpose\(images, \(0, 3, 1, 2\)\)"):
        analysis.calibration(first, IMAGES, LABELS)
