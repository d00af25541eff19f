import keras
import numpy as np
import pytest
from own.normalized import MODELS, conv, normalization, of_layers, residual, unsettled

from hfc_keras import (
    analysis,
    attacks,
    data,
    gradients,
    losses,
    models,
    training,
)
from hfc_keras.attacks import Apgd, Fgsm, Pgd, Square
from hfc_keras.attacks import frozen as frozen_module
from hfc_keras.attacks import precision as precision_module
from hfc_keras.attacks.exact_layers import logit_layers, pixel_layers
from hfc_keras.attacks.frozen import frozen
from hfc_keras.attacks.precision import precision_of
from hfc_keras.gradients import half_precision

pytestmark = pytest.mark.jax


@pytest.fixture(autouse=True)
def has_bfloat16(monkeypatch):
    """A machine that computes in it, as far as an attack knows."""
    monkeypatch.setattr(half_precision, "pays", lambda: True)


@pytest.fixture(scope="module")
def digits():
    test = data.load("digits", examples=(600, 120)).test
    return test.images, test.labels


@pytest.fixture(scope="module")
def trained():
    recipe = training.Recipe(
        dataset="digits",
        examples=(600, 120),
        model="small_cnn",
        normalization="batch",
        epochs=4,
        learning_rate=5e-3,
    )
    return training.fit(recipe)[0]


@pytest.mark.few(5)
@pytest.mark.parametrize(
    "name",
    sorted(
        MODELS, key=["residual", "nested", "shared", "doubled", "subclassed"].count, reverse=True
    ),
)
def test_a_frozen_copy_predicts_as_the_model_does(name, rng):
    model, images = MODELS[name](), rng.random((32, 8, 8, 1), "float32")
    exact, rough = (gradients.predicted(each, images) for each in (model, frozen(model)))
    assert abs(exact - rough).max() < 0.03 * abs(exact).max()
    for layer in model._flatten_layers():
        assert layer.dtype_policy.name == "float32"


@pytest.mark.parametrize(
    ("name", "folded", "scaled"),
    [
        ("residual", 4, 3),
        ("sequential", 1, 0),
        ("nested", 1, 0),
        ("classifier", 1, 0),
        ("subclassed", 0, 1),
        ("shared", 0, 1),
        ("two outputs", 0, 1),
        ("tied", 0, 1),
        ("low rank", 0, 1),
        ("activation between", 0, 1),
        ("no convolution before", 0, 1),
        ("other axis", 0, 0),
    ],
)
def test_normalizations_become_part_of_the_convolutions(name, folded, scaled):
    layers = list(frozen(MODELS[name]())._flatten_layers())
    kinds = [type(layer).__name__ for layer in layers]
    assert (kinds.count("_Shifted"), kinds.count("_Scaled")) == (folded, scaled)
    assert kinds.count("BatchNormalization") == (name == "other axis")
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} <= {"bfloat16", "float32"}


class Single(keras.layers.Layer):
    """A layer that computes in float32 alone, as one with constants of TensorFlow does."""

    def call(self, x):
        if keras.backend.standardize_dtype(x.dtype) != "float32":
            raise TypeError("its constants are float32")
        return 2 * x


@pytest.mark.parametrize("policy", ["mixed_float16", "float64"])
def test_auto_leaves_a_model_alone_that_is_in_another_precision(policy, digits):
    model = of_layers(keras.layers.Flatten(), keras.layers.Dense(10, dtype=policy))
    labels = gradients.predicted(model, digits[0][:8]).argmax(axis=1)
    attack = Apgd(0.3, steps=2, precision="auto")
    table = analysis.robust_accuracy(model, digits[0][:8], labels, attack)
    assert table["precision"][1] == policy.removeprefix("mixed_")


def test_auto_leaves_a_model_alone_whose_layers_take_float32_only(digits):
    layers = [conv(), Single(), normalization(), conv(), keras.layers.GlobalAveragePooling2D()]
    model = of_layers(*layers)
    assert precision_of(model, "auto", digits[0][:8]) == "float32"
    auto = Apgd(0.1, steps=2, precision="auto")
    assert attacks.run(model, digits[0][:8], digits[1][:8], auto).withstood.shape == (8,)


@pytest.mark.parametrize(("offset", "precision"), [(0.0, "bfloat16"), (5.0, "float32")])
def test_auto_sees_that_rounding_takes_the_slope_of_saturated_units(offset, precision, digits):
    """Five is a slope of 2e-4 of the hyperbolic tangent, and in eight bits of nothing."""
    keras.utils.set_random_seed(0)
    units = conv(bias_initializer=keras.initializers.Constant(offset))
    layers = [units, keras.layers.Activation("tanh"), keras.layers.Flatten()]
    model = of_layers(*layers, keras.layers.Dense(10))
    assert precision_of(model, "auto", digits[0]) == precision


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16", "float64"])
@pytest.mark.parametrize("attack", [Pgd(0.3, steps=2), Square(0.3, queries=2)])
def test_networks_that_return_logits_in_another_precision_are_attacked(policy, attack, digits):
    flat = keras.layers.Flatten()
    layers = [keras.Input((8, 8, 1)), flat, keras.layers.Dense(10, dtype=policy)]
    model, (images, _) = keras.Sequential(layers), digits
    labels = gradients.predicted(model, images[:20]).argmax(axis=1)
    result = attacks.run(model, images[:20], labels, attack)
    left = gradients.predicted(model, result.images).argmax(axis=1) == labels
    assert (result.withstood == left).all()
    assert not left.all()


def differences():
    """Convolution that is zero wherever all pixels are alike."""
    return conv(kernel_initializer=_zero_sum)


def _zero_sum(shape, dtype=None):
    kernel = np.random.default_rng(0).normal(size=shape)
    return keras.ops.convert_to_tensor(kernel - kernel.mean(axis=(0, 1)), dtype)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.pool = differences(), keras.layers.GlobalMaxPooling2D()

    def call(self, x):
        return self.pool(self.first(x))


def _shared(x):
    relu = keras.layers.ReLU()
    return differences()(relu(keras.layers.Identity()(relu(x))))


WAYS = {
    "raw": lambda x: differences()(x),
    "scaled": lambda x: differences()(keras.layers.Rescaling(4.0, -2.0)(x)),
    "normalized": lambda x: differences()(keras.layers.Normalization(mean=0.5, variance=0.1)(x)),
    "batch normalization": lambda x: differences()(normalization()(x)),
    "operation": lambda x: differences()(keras.ops.multiply(x, 2.0)),
    "shared": _shared,
    "nested": lambda x: keras.layers.Reshape((6, 6, 10))(of_layers(differences())(x)),
    "branches": lambda x: keras.layers.Concatenate()([differences()(x), differences()(1 - x)]),
    "subclassed": None,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_sees_what_half_precision_would_round_of_pixels(way):
    """In bfloat16 the pixels between 0.5 and 1 have a step of 1/256."""
    if way == "subclassed":
        model = Subclassed()
        model(np.zeros((1, 8, 8, 1), "float32"))
    else:
        maps = WAYS[way](inputs := keras.Input((8, 8, 1)))
        model = keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(maps))
    images = np.full((1, 8, 8, 1), 0.9, "float32")
    images[0, 4, 4] += 0.4 / 255
    exact, rough = (gradients.predicted(each, images) for each in (model, frozen(model)))
    assert exact.max() > 1e-4
    assert abs(rough - exact).max() < 0.05 * exact.max()


def test_layers_behind_the_first_kernel_compute_in_half_precision():
    layers = pixel_layers(model := residual())
    assert [type(each).__name__ for each in layers] == ["Conv2D"]
    copy = frozen(model)
    convolutions = [each for each in copy.layers if isinstance(each, keras.layers.Conv2D)]
    first, *others = [each.compute_dtype for each in convolutions]
    assert first == "float32" and set(others) == {"bfloat16"}


class Distances(keras.layers.Layer):
    """Logits by the squared distance from the middle of each class."""

    def build(self, shape):
        self.middles = self.add_weight(shape=(10, shape[-1]), initializer="ones")

    def call(self, x):
        return -keras.ops.sum((x[:, None] - self.middles) ** 2, axis=-1)


def test_layers_that_make_logits_compute_in_full(rng):
    """In bfloat16 logits between 256 and 512 have a step of 2."""
    body = keras.Sequential([keras.Input((8, 8, 1)), conv(), conv(), keras.layers.Flatten()])
    heads = {
        "offset": [keras.layers.Dense(10), keras.layers.Rescaling(1.0, 500.0)],
        "normalized": [keras.layers.Dense(10), keras.layers.BatchNormalization()],
        "distances": [Distances()],
        "nested": [keras.Sequential([keras.layers.Dense(10), keras.layers.ReLU()])],
    }
    for head in heads.values():
        model = keras.Sequential([body, *head])
        model.build((None, 8, 8, 1))
        leaves = [each for layer in head for each in getattr(layer, "layers", [layer])]
        assert logit_layers(model) == leaves[::-1]
        found = {each.name: each.compute_dtype for each in frozen(model)._flatten_layers()}
        assert {found[each.name] for each in leaves} == {"float32"}
        assert found[body.layers[1].name] == "bfloat16"


def test_float32_in_a_network_of_half_precision_is_kept():
    with training.precision.policy("mixed_bfloat16"):
        model = of_layers(conv(), Single(dtype="float32"), keras.layers.GlobalAveragePooling2D())
    single = next(each for each in frozen(model)._flatten_layers() if isinstance(each, Single))
    assert single.compute_dtype == "float32"
    robust = training.AdversarialTraining(model, Pgd(0.1, steps=1))
    assert robust.attacked(np.full((2, 8, 8, 1), 0.5), np.zeros(2, int)).shape == (2, 8, 8, 1)


def test_a_copy_is_made_once_and_has_the_weights_of_the_moment(rng):
    model, images = residual(), rng.random((8, 8, 8, 1), "float32")
    copy = frozen(model)
    assert frozen(model) is copy
    for variable in model.variables:
        variable.assign(1.5 * variable.value)
    exact, rough = (gradients.predicted(each, images) for each in (model, frozen(model)))
    assert abs(exact - rough).max() < 0.03 * abs(exact).max()
    model.layers[-1].activation = keras.activations.tanh
    assert frozen(model) is not copy


class TestAttacks:
    @pytest.mark.slow_on_jax
    @pytest.mark.parametrize(
        "attack",
        [
            Fgsm(0.1),
            Pgd(0.08, steps=5),
            Apgd(0.08, steps=10, loss="dlr", targets=3),
            Square(0.1, queries=40),
        ],
        ids=lambda attack: attack.name,
    )
    def test_precision_decides_little_but_the_time(self, trained, digits, attack):
        half = type(attack)(**{**attack.__dict__, "precision": "bfloat16"})
        found = [attacks.run(trained, *digits, each) for each in (attack, half)]
        # Whoever does not withstand is predicted wrong by the model itself.
        wrong = gradients.predicted(trained, found[1].images).argmax(axis=1) != digits[1]
        assert np.array_equal(wrong, ~found[1].withstood)
        assert abs(found[0].withstood.mean() - found[1].withstood.mean()) < 3 / 120
        assert 0 < found[1].withstood.mean() < 0.97
        assert found[0].diagnostics["loss_before"] == found[1].diagnostics["loss_before"]

    @pytest.mark.slow_on_jax
    def test_the_table_says_which_precision_led(self, trained, digits, monkeypatch):
        chosen = [Fgsm(0.05, precision=precision) for precision in ("float32", "bfloat16", "auto")]
        table = analysis.robust_accuracy(trained, *digits, chosen)
        assert table["precision"].tolist()[1:4] == ["float32", "bfloat16", "bfloat16"]
        monkeypatch.setattr(half_precision, "pays", lambda: False)
        table = analysis.robust_accuracy(trained, *digits, chosen[2])
        assert table["precision"][1] == "float32"

    def test_where_it_does_not_pay_it_is_said_once(self, digits, monkeypatch):
        monkeypatch.setattr(half_precision, "pays", lambda: False)
        precision_module._tell_once.cache_clear()
        for asked in ("auto", "float32"):
            assert precision_of(residual(), asked, digits[0]) == "float32"
        with pytest.warns(UserWarning, match="no faster than float32 here.*precision='auto'"):
            assert precision_of(residual(), "bfloat16", digits[0]) == "bfloat16"
        assert precision_of(residual(), "bfloat16", digits[0]) == "bfloat16"

    def test_auto_is_float32_where_rounding_changes_the_answers(self, digits):
        """The classes differ by what bfloat16 does not hold."""
        inputs = keras.Input((8, 8, 1))
        convolution = keras.layers.Conv2D(10, 8)
        pixels = keras.layers.Conv2D(1, 1, kernel_initializer="ones")(inputs)
        answers = keras.layers.Dense(10, kernel_initializer="identity")
        model = keras.Model(inputs, answers(keras.layers.Flatten()(convolution(pixels))))
        rng = np.random.default_rng(0)
        kernel = np.repeat(rng.normal(size=(8, 8, 1, 1)), 10, axis=3)
        convolution.set_weights([kernel + 1e-5 * rng.normal(size=kernel.shape), np.zeros(10)])
        assert precision_of(model, "auto", digits[0]) == "float32"
        assert precision_of(residual(), "auto", digits[0]) == "bfloat16"

    @pytest.mark.parametrize(("offset", "expected"), [(1.0, "bfloat16"), (4.0, "float32")])
    def test_auto_is_float32_where_margins_are_rounded(self, offset, expected, digits):
        """Classes and slopes stay; what a step of an attack gains is lost."""
        keras.utils.set_random_seed(0)
        shifted = keras.layers.Lambda(lambda x: (x + offset) - offset)
        layers = [conv(), conv(), keras.layers.Flatten(), shifted, keras.layers.Dense(10)]
        model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
        assert precision_of(model, "auto", digits[0]) == expected
        if expected == "float32":
            with pytest.warns(UserWarning, match="robustness may be overstated"):
                assert precision_of(model, "bfloat16", digits[0]) == "bfloat16"

    def test_layers_that_do_not_take_bfloat16_are_refused_by_name(self, digits):
        layers = [conv(), Single(), conv(), keras.layers.GlobalAveragePooling2D()]
        model = of_layers(*layers)
        assert precision_of(model, "auto", digits[0]) == "float32"
        with pytest.raises(ValueError, match="'auto' or 'float32' for a model that does not.*Rec"):
            precision_of(model, "bfloat16", digits[0])

    def test_a_model_that_cannot_be_copied(self, digits, monkeypatch):
        def refuse(model):
            raise ValueError("`held` must have its weights in Keras to be copied")

        monkeypatch.setattr(precision_module, "frozen", refuse)
        assert precision_of(residual(), "auto", digits[0]) == "float32"

    @pytest.mark.slow_on_jax
    @pytest.mark.filterwarnings("ignore:The gradient of")
    def test_what_rounding_hides_is_searched_again(self, digits, trained, monkeypatch):
        """A copy that never leads anywhere leaves the work to the model."""
        right = gradients.predicted(trained, digits[0]).argmax(axis=1) == digits[1]
        images, labels = digits[0][right], digits[1][right]
        blind = keras.models.clone_model(trained)
        blind.set_weights([np.zeros_like(weight) for weight in trained.get_weights()])
        monkeypatch.setattr("hfc_keras.attacks.search.frozen", lambda model: blind)
        near = []
        for limit in (-np.inf, np.inf):
            monkeypatch.setattr("hfc_keras.attacks.search.NEAR", limit)
            attack = Pgd(0.08, steps=5, precision="bfloat16")
            near.append(attacks.run(trained, images, labels, attack).withstood)
        exact = attacks.run(trained, images, labels, Pgd(0.08, steps=5)).withstood
        assert np.array_equal(near[0], exact)
        assert near[1].mean() > exact.mean() + 0.1

    def test_cleverhans_has_one_precision(self):
        if keras.backend.backend() != "tensorflow":
            pytest.skip("CleverHans needs TensorFlow")
        with pytest.raises(ValueError, match="computes in float32.*precision='auto'"):
            Pgd(0.1, engine="cleverhans", precision="auto")

    def test_training_keeps_to_the_precision_of_its_network(self):
        with pytest.raises(ValueError, match="precision"):
            training.AdversarialTraining(residual(), Pgd(0.1, precision="bfloat16"))


class TestTraining:
    @pytest.fixture
    def half(self):
        with training.precision.policy("mixed_bfloat16"):
            return unsettled(models.build("resnet8", (8, 8, 1), 10, normalization="batch"))

    @pytest.mark.slow_on_jax
    def test_a_copy_with_the_weights_of_the_moment_leads_the_attacks(self, half, digits):
        robust = training.AdversarialTraining(half, Pgd(0.1, steps=3, random_start=False))
        images, labels = digits[0][:16], digits[1][:16]
        copy = frozen_module.leading(half)
        assert copy.__qualname__ != gradients.inference(half).__qualname__
        for factor in (1.0, 0.5):
            for variable in half.trainable_variables:
                variable.assign(factor * variable.value)
            exact = keras.ops.convert_to_numpy(gradients.inference(half)(images))
            rough = keras.ops.convert_to_numpy(frozen_module.leading(half)(images))
            assert abs(exact - rough).max() < 0.05 * abs(exact).max()
        before, after = (
            losses.sample_losses(half(each, training=False), labels)
            for each in (images, robust.attacked(images, labels))
        )
        assert keras.ops.mean(after) > keras.ops.mean(before)

    @pytest.mark.slow_on_jax
    def test_it_trains_and_no_weight_of_the_copy_is_the_model_s(self, half, digits):
        robust = training.AdversarialTraining(half, Pgd(0.1, steps=2))
        count = len(half.variables)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        robust.compile(keras.optimizers.SGD(0.05), loss)
        history = robust.fit(*digits, batch_size=40, epochs=3, verbose=0).history["loss"]
        assert history[-1] < history[0]
        assert len(half.variables) == len(robust.model.variables) == count

    @pytest.mark.slow_on_jax
    def test_other_networks_lead_their_attacks_themselves(self, digits):
        """Also after an evaluation that was led by a copy."""
        training.AdversarialTraining(model := residual(), Pgd(0.1))
        assert "_hfc_keras_frozen" not in vars(model)
        attacks.run(model, *digits, Fgsm(0.1, precision="bfloat16"))
        assert "_hfc_keras_frozen" in vars(model)
        own = keras.ops.convert_to_numpy(gradients.inference(model)(digits[0][:4]))
        led = keras.ops.convert_to_numpy(frozen_module.leading(model)(digits[0][:4]))
        assert np.array_equal(own, led)
