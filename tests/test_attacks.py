import copy
import dataclasses

import keras
import numpy as np
import pytest

from hfc_keras import attacks, data, models, spectrum, training
from hfc_keras.attacks import Fgsm, Pgd

pytestmark = pytest.mark.jax

LINF, L2 = 0.1, 0.6


@pytest.fixture(scope="module")
def digit_images():
    """All 360 test digits and their labels."""
    test = data.load("digits").test
    return test.images, test.labels


@pytest.fixture(scope="module")
def digits(digit_images):
    """The first 64, so that few shapes are compiled."""
    return digit_images[0][:64], digit_images[1][:64]


@pytest.fixture(scope="module")
def model():
    recipe = training.Recipe(dataset="digits", model="small_cnn", epochs=4, learning_rate=3e-3)
    return training.fit(recipe)[0]


@pytest.fixture(scope="module")
def linear():
    return matrix((2, 3, 1))


@pytest.fixture(scope="module")
def constant():
    """A network without a gradient: attacks return their start."""
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(3, kernel_initializer="zeros"))
    return model


def matrix(shape):
    """A network whose logits are pixels times a matrix, and the matrix."""
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten()])
    model.add(keras.layers.Dense(4, use_bias=False))
    weights = np.random.default_rng(2).normal(size=(np.prod(shape), 4)).astype("float32")
    model.set_weights([weights])
    return model, weights


def pooled(channels):
    """A network for images of any height and width."""
    inputs = keras.Input((None, None, channels))
    x = keras.layers.Conv2D(8, 3, activation="tanh", padding="same")(inputs)
    x = keras.layers.GlobalMaxPooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x))


def size(perturbation, norm):
    flat = np.asarray(perturbation, "float64").reshape(len(perturbation), -1)
    return np.linalg.norm(flat, ord=np.inf if norm == "linf" else 2, axis=1)


def predictions(model, images):
    return np.asarray(model.predict_on_batch(images)).argmax(axis=1)


def numpy_attack(weights, images, labels, attack):
    """The attack loop on logits = pixels x weights, in float64 and in words of its paper."""
    centre = x = images.reshape(len(images), -1).astype("float64")
    velocity, sign = np.zeros_like(x), -1 if attack.targeted else 1
    for _ in range(attack.steps):
        logits = x @ weights
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        error = powers / powers.sum(axis=1, keepdims=True) - np.eye(4)[labels]
        gradient = sign * error @ weights.T
        if attack.momentum:
            velocity *= attack.momentum
            velocity += gradient / np.abs(gradient).sum(axis=1, keepdims=True)
            gradient = velocity
        if attack.norm == "linf":
            x = x + attack.step * np.sign(gradient)
            x = centre + np.clip(np.clip(x, 0, 1) - centre, -attack.epsilon, attack.epsilon)
        else:
            x = x + attack.step * gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
            moved = np.clip(x, 0, 1) - centre
            length = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-30)
            x = centre + moved * np.minimum(1, attack.epsilon / length)
        x = np.clip(x, 0, 1)
    return x.reshape(images.shape)


class TestSettings:
    @pytest.mark.parametrize(
        ("attack", "step"),
        [
            (Fgsm(0.1), 0.1),
            (Fgsm(0.1, random_start=True), 0.125),
            (Fgsm(0.1, step_size=0.2), 0.2),
            (Pgd(0.1), 0.025),
            (Pgd(0.1, steps=1), 0.1),
            (Pgd(0.1, steps=2), 0.1),
            (Pgd(0.1, steps=20), 0.0125),
            (Pgd(4.0, steps=100, norm="l2"), 0.1),
            (Pgd(0.03, step_size=0.003), 0.003),
        ],
    )
    def test_step_size(self, attack, step):
        assert attack.step == pytest.approx(step, rel=1e-12)

    @pytest.mark.parametrize(
        "attack",
        [
            Fgsm(0.1),
            Fgsm(1, norm="l2", random_start=True, targeted=True),
            Pgd(8 / 255, steps=40, restarts=5, momentum=0.9, seed=3, loss="margin"),
            Pgd(0.5, mask=["band", 1, 2.5], clip_min=0.1, clip_max=0.9, random_start=False),
            Pgd(0),
        ],
    )
    def test_round_trip_hashable_and_frozen(self, attack):
        again = attacks.from_dict(attack.to_dict())
        assert again == attack and hash(again) == hash(attack) and type(again) is type(attack)
        assert {"attack", "epsilon"} <= set(attack.to_dict())
        with pytest.raises(dataclasses.FrozenInstanceError):
            attack.epsilon = 0.2

    @pytest.mark.parametrize(
        ("kind", "settings", "message"),
        [
            (Fgsm, {"epsilon": -0.1}, "Received: epsilon=-0.1"),
            (Pgd, {"epsilon": np.nan}, "Received: epsilon=nan"),
            (Fgsm, {"epsilon": 8}, "up to 1. Received: epsilon=8"),
            (Fgsm, {"epsilon": 1e19, "norm": "l2"}, r"up to 1e\+09. Received: epsilon=1e\+19"),
            (Pgd, {"step_size": 0}, "above 0. Received: step_size=0"),
            (Pgd, {"step_size": 0.21}, "up to 0.2. Received: step_size=0.21"),
            (Pgd, {"steps": 0}, "Received: steps=0"),
            (Pgd, {"steps": 2.5}, "whole number.*Received: steps=2.5"),
            (Pgd, {"norm": "l7"}, "Received: norm='l7'"),
            (Fgsm, {"loss": "hinge"}, "Received: loss='hinge'"),
            (Fgsm, {"engine": "foolbox"}, "Received: engine='foolbox'"),
            (Pgd, {"seed": -1}, "Received: seed=-1"),
            (Pgd, {"momentum": 1}, "below 1. Received: momentum=1"),
            (Pgd, {"targeted": "yes"}, "bool. Received: targeted='yes'"),
            (Pgd, {"clip_min": 0.6, "clip_max": 0.4}, "below `clip_max`. Received: clip_min=0.6"),
            (Pgd, {"clip_max": 255}, "Received: clip_max=255"),
            (Pgd, {"restarts": 0}, "Received: restarts=0"),
            (Pgd, {"restarts": 2, "random_start": False}, "have `random_start`"),
            (Pgd, {"mask": "low"}, "`mask` must be.*Received: mask='low'"),
            (Pgd, {"mask": ("low", 1, 2)}, "`mask` must be"),
            (Fgsm, {"mask": ("middle", 2)}, "`mask` must be"),
            (Fgsm, {"mask": ("high", -1)}, "Received: mask=-1"),
            (Pgd, {"mask": ("band", 3, 2)}, "outer radius above the inner"),
        ],
    )
    def test_wrong_settings_are_refused(self, kind, settings, message):
        with pytest.raises(ValueError, match=message):
            kind(**{"epsilon": 0.1, **settings})

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ({"attack": "pdg", "epsilon": 0.1}, "nearest: 'pgd'"),
            ({"epsilon": 0.1}, "Received: attack=None"),
            ({"attack": "pgd"}, "must have `epsilon`"),
            ({"attack": "fgsm", "epsilon": 0.1, "steps": 3}, "setting of Fgsm.*='steps'"),
            ({"attack": "pgd", "epsilon": 0.1, "step": 3}, "nearest: 'steps'"),
        ],
    )
    def test_wrong_dicts_are_refused(self, content, message):
        with pytest.raises(ValueError, match=message):
            attacks.from_dict(content)


class TestBallAndRange:
    @pytest.mark.parametrize("norm", ["linf", "l2"])
    @pytest.mark.parametrize(
        ("shape", "options"),
        [
            ((5, 7, 5, 1), {}),
            ((1, 6, 9, 3), {"random_start": False, "loss": "margin"}),
            ((5, 7, 5, 1), {"clip_min": 0.25, "clip_max": 0.75, "momentum": 0.5}),
        ],
    )
    def test_images_stay_in_both(self, rng, norm, shape, options):
        """Also with pixels at the ends of their range, and with a last batch of one."""
        low, high = options.get("clip_min", 0.0), options.get("clip_max", 1.0)
        images = np.clip(rng.normal(0.5, 0.5, shape), low, high)
        network, labels = pooled(shape[-1]), rng.integers(0, 3, shape[0])
        result = attacks.pgd(network, images, labels, 0.2, steps=4, norm=norm, batch_size=2,
                             **options)  # fmt: skip
        told, sizes = result.diagnostics, size(result.images - images, norm)
        assert result.images.shape == shape and result.images.dtype == images.dtype == "float64"
        assert low <= result.images.min() and result.images.max() <= high
        assert sizes.max() <= 0.2 + 1e-6 and abs(told["max_norm"] - sizes.max()) < 1e-6
        assert told["unchanged_share"] == (sizes < 1e-6).mean() == 0
        right = predictions(network, result.images.astype("float32")) == labels
        assert np.array_equal(result.withstood, right)

    @pytest.mark.slow
    @pytest.mark.slow_on_jax
    def test_what_images_and_labels_may_be(self, model, digits):
        images, labels = digits[0][:8].astype("float16").astype("float32"), digits[1][:8]
        expected = attacks.fgsm(model, images, labels, LINF).images
        beyond = np.where(images == 0, np.float32(-1e-7), images)
        pairs = [(images, np.eye(10)[labels]), (images, labels[:, None].tolist()),
                 (images.astype("float64"), labels), (images.astype("float16"), labels),
                 (beyond, labels)]  # fmt: skip
        for given, classes in pairs:
            found = attacks.fgsm(model, given, classes, LINF).images
            assert np.array_equal(found, expected.astype(found.dtype))
            assert found.dtype == ("float64" if given.dtype == "float64" else "float32")

    @pytest.mark.parametrize("attack", [attacks.fgsm, attacks.pgd])
    @pytest.mark.parametrize("dtype", ["uint8", "float16", "float64"])
    def test_epsilon_0_comes_before_any_check(self, attack, dtype):
        images = np.array([[[[7.0]]], [[[200.0]]]]).astype(dtype)
        bad = {"norm": "l7", "loss": "hinge", "step_size": -3, "engine": "foolbox", "mask": 5}
        result = attack(None, images, None, epsilon=0, **bad)
        assert result.images.dtype == dtype and np.array_equal(result.images, images)
        assert result.diagnostics["unchanged_share"] == 1 and result.diagnostics["max_norm"] == 0

    @pytest.mark.parametrize(
        ("kind", "settings"),
        [
            ("low", {"mask": ("low", 2)}),
            ("high", {"mask": ("high", 2), "random_start": False, "momentum": 0.5}),
            ("band", {"mask": ("band", 1, 3), "norm": "l2"}),
        ],
    )
    def test_masked_perturbations_stay_in_their_band(self, rng, kind, settings):
        images, labels = rng.uniform(0.4, 0.6, (8, 8, 7, 1)), np.arange(8) % 4
        _, *radii = settings["mask"]
        low, high = (spectrum.radial_mask(8, 7, radius) for radius in (radii[0], radii[-1]))
        kept = {"low": low, "high": ~low, "band": high & ~low}[kind]
        network, _ = matrix((8, 7, 1))
        result = attacks.pgd(network, images, labels, 0.1, steps=4, **settings)
        power = np.abs(np.fft.fft2(result.images - images, axes=(1, 2))[..., 0]) ** 2
        assert power[:, ~kept].sum() < 1e-5 * power.sum() and power.sum() > 0
        assert result.diagnostics["max_norm"] == pytest.approx(0.1, abs=1e-5)
        assert result.diagnostics["loss_after"] > result.diagnostics["loss_before"]


class TestRandomStart:
    @pytest.mark.parametrize("norm", ["linf", "l2"])
    def test_uniform_in_the_ball(self, constant, norm):
        images, labels = np.full((4000, 2, 2, 1), 0.5, "float32"), np.zeros(4000, int)
        with pytest.warns(UserWarning, match="100.0% of the images is zero everywhere"):
            result = attacks.pgd(constant, images, labels, 0.4, steps=1, norm=norm, batch_size=4000)
        noise = (result.images - images).reshape(4000, 4) / 0.4
        assert size(noise, norm).max() <= 1 + 1e-5 and result.withstood.all()
        variance = {"linf": 1 / 3, "l2": 1 / 6}[norm]
        np.testing.assert_allclose(noise.mean(axis=0), 0, atol=0.04)
        np.testing.assert_allclose(np.cov(noise.T), variance * np.eye(4), atol=0.03)
        shares, _ = np.histogram(size(noise, norm) ** 4, bins=10, range=(0, 1 + 1e-5))
        np.testing.assert_allclose(shares / 4000, 0.1, atol=0.02)

    @pytest.mark.slow_on_jax
    def test_keyed_by_seed_and_position_alone(self, model, digits):
        images, labels = digits
        options = {"epsilon": L2, "norm": "l2", "steps": 3}
        first = attacks.pgd(model, images, labels, **options).images
        assert np.array_equal(first, attacks.pgd(model, images, labels, **options).images)
        other = attacks.pgd(model, images, labels, seed=1, **options).images
        assert (np.abs(first - other).max(axis=(1, 2, 3)) > 1e-3).all()
        batches = attacks.pgd(model, images, labels, batch_size=40, **options).images
        rows = np.random.default_rng(0).permutation(64)[:50]
        part = attacks.run(model, images[rows], labels[rows], Pgd(**options), positions=rows).images
        np.testing.assert_allclose(batches, first, atol=1e-5)
        np.testing.assert_allclose(part, first[rows], atol=1e-5)


class TestSearch:
    @pytest.mark.parametrize(
        "attack",
        [
            Fgsm(0.05),
            Fgsm(0.3, norm="l2", step_size=0.2),
            Pgd(0.1, steps=5, random_start=False),
            Pgd(0.3, steps=5, norm="l2", momentum=0.8, random_start=False),
            Pgd(0.1, steps=5, momentum=0.8, targeted=True, random_start=False),
        ],
    )
    def test_equal_to_a_loop_in_numpy(self, linear, rng, attack):
        network, weights = linear
        images, labels = rng.random((8, 2, 3, 1), "float32"), np.arange(8) % 4
        result = attacks.run(network, images, labels, attack)
        expected = numpy_attack(weights, images, labels, attack)
        np.testing.assert_allclose(result.images, expected, rtol=0, atol=2e-6)
        logits = expected.reshape(8, -1) @ weights
        losses = np.log(np.exp(logits).sum(axis=1)) - logits[range(8), labels]
        sign = -1 if attack.targeted else 1
        assert result.diagnostics["loss_after"] == pytest.approx(sign * losses.mean(), rel=1e-4)

    @pytest.mark.slow_on_jax
    @pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
    @pytest.mark.parametrize(("norm", "epsilon"), [("linf", LINF), ("l2", L2)])
    def test_functions_pass_every_setting_and_accuracy_falls(
        self, model, digits, loss, norm, epsilon
    ):
        same = {"norm": norm, "random_start": True, "loss": loss, "seed": 3}
        same["step_size"] = epsilon / 2
        for function, settings in (
            (attacks.fgsm, Fgsm(epsilon, **same)),
            (attacks.pgd, Pgd(epsilon, steps=4, **same)),
        ):
            steps = {"steps": 4} if settings.steps == 4 else {}
            result = function(model, *digits, epsilon, **same, **steps)
            expected = attacks.run(model, *digits, settings)
            assert np.array_equal(result.images, expected.images)
            assert result.diagnostics == expected.diagnostics
            assert result.diagnostics["loss_after"] > result.diagnostics["loss_before"]
        assert (predictions(model, digits[0]) == digits[1]).mean() > 0.9
        assert result.withstood.mean() < 0.8

    @pytest.mark.slow_on_jax
    def test_targets_are_reached(self, model, digits):
        targets = (digits[1] + 1) % 10
        result = attacks.pgd(model, digits[0], targets, 0.4, steps=20, targeted=True)
        reached = predictions(model, result.images) == targets
        assert np.array_equal(result.withstood, ~reached) and reached.mean() > 0.9

    @pytest.mark.slow_on_jax
    def test_restarts_are_never_worse(self, model, digits):
        settings = Pgd(0.15, steps=1, step_size=0.03)
        single = attacks.run(model, *digits, settings)
        best = attacks.run(model, *digits, dataclasses.replace(settings, restarts=5))
        assert not (best.withstood & ~single.withstood).any()
        assert best.withstood.sum() < single.withstood.sum()
        assert best.diagnostics["loss_after"] >= single.diagnostics["loss_after"]
        fooled = ~single.withstood
        np.testing.assert_allclose(best.images[fooled], single.images[fooled], atol=1e-6)

    def test_stopping_early_withstands_no_more(self, model, digits):
        settings = Pgd(LINF, steps=9)
        full = attacks.run(model, *digits, settings)
        early = attacks.run(model, *digits, settings, stop_early=True)
        assert not (early.withstood & ~full.withstood).any()
        right = predictions(model, early.images) == digits[1]
        assert np.array_equal(right, early.withstood)
        kept = early.withstood
        np.testing.assert_allclose(early.images[kept], full.images[kept], atol=1e-5)
        assert np.abs(early.images - full.images).max() > 0.01


class TestDiagnostics:
    @pytest.mark.slow_on_jax
    def test_vanished_gradients_are_told_and_the_margin_has_none(self, model, digits):
        scaled = keras.Sequential([model, keras.layers.Rescaling(50.0)])
        right = predictions(model, digits[0]) == digits[1]
        images, labels = digits[0][right], digits[1][right]
        with pytest.warns(UserWarning, match="zero everywhere .* not shown to be robust"):
            masked = attacks.fgsm(scaled, images, labels, 0.15)
        told = masked.diagnostics
        assert told["zero_gradient_share"] > 0.8
        # Compiled by JAX, rounding errors stand where the gradient has vanished.
        if keras.backend.backend() == "tensorflow":
            assert masked.withstood.mean() > 0.8 < told["unchanged_share"]
        broken = attacks.fgsm(scaled, images, labels, 0.15, loss="margin")
        assert broken.withstood.mean() < 0.5 and broken.diagnostics["zero_gradient_share"] == 0

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"norm": "l2", "momentum": 0.5},
            pytest.param({"engine": "cleverhans"}, marks=pytest.mark.tensorflow),
        ],
    )
    def test_gradients_that_are_not_finite_do_no_harm(self, options):
        """Logits are logarithms of m and 0.5 - m, m the mean of an image."""
        inputs = keras.Input((2, 2, 1))
        sums = keras.layers.Dense(2)(keras.layers.Flatten()(inputs))
        network = keras.Model(inputs, keras.layers.Lambda(keras.ops.log)(sums))
        network.set_weights([np.full((4, 2), [0.25, -0.25]), np.array([0, 0.5])])
        means = np.array([0, 0.3, 0.2, 0.75, 1], "float32")
        images = np.broadcast_to(means[:, None, None, None], (5, 2, 2, 1))
        with pytest.warns(UserWarning, match="60.0% of the images is not finite .* in float32"):
            result = attacks.pgd(network, images, [0, 1, 0, 1, 0], 0.1, steps=3,
                                 random_start=False, **options)  # fmt: skip
        moved = size(result.images - images, "linf")
        assert np.isfinite(result.images).all() and (moved[[1, 2]] > 0.01).all()
        assert (moved[[0, 3, 4]] == 0).all() and result.diagnostics["unchanged_share"] == 0.6
        assert not result.withstood[3:].any() and result.diagnostics["nonfinite_share"] == 0.6


class TestModels:
    @pytest.mark.slow_on_jax
    def test_nothing_of_the_model_changes(self, digits, tmp_path):
        """Also not how it is saved, loaded and copied."""
        options = {"width": 0.2, "normalization": "batch", "dropout": 0.5}
        network = models.build("small_cnn", (8, 8, 1), 10, **options)
        before = [np.array(variable) for variable in network.variables]
        result = attacks.pgd(network, *digits, LINF, steps=2)
        after = [np.array(variable) for variable in network.variables]
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        network.save(tmp_path / "network.keras")
        loaded = keras.models.load_model(tmp_path / "network.keras")
        for twin in (loaded, copy.deepcopy(network)):
            logits = twin.predict_on_batch(result.images)
            np.testing.assert_allclose(logits, network.predict_on_batch(result.images), atol=1e-5)
            assert "_hfc_keras_compiled" not in vars(twin)

    def test_a_changed_model_is_compiled_anew(self, digits):
        head = keras.layers.Dense(10, activation="softmax")
        network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), head])
        with pytest.raises(ValueError, match="must return logits"):
            attacks.fgsm(network, *digits, LINF)
        head.activation = keras.activations.linear
        found = attacks.fgsm(network, *digits, LINF).images
        fresh = keras.models.clone_model(network)
        fresh.set_weights(network.get_weights())
        np.testing.assert_allclose(found, attacks.fgsm(fresh, *digits, LINF).images, atol=1e-6)

    def test_no_traced_loss_of_a_layer_is_left_behind(self, digits):
        layer = keras.layers.Dense(10, activity_regularizer="l2")
        network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), layer])
        attacks.pgd(network, *digits, LINF, steps=2)
        assert all(np.isfinite(float(loss)) for loss in network.losses)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"model": None}, "`model` must be a keras.Model.* Received: model=None"),
            ({"attack": "pgd"}, "`attack` must be attacks.Fgsm, attacks.Pgd"),
            ({"positions": [0, 1]}, r"one number for each of 64 images. .*shape=\(2,\)"),
            ({"positions": np.full(64, -1)}, "whole numbers from 0. Received: positions="),
            ({"positions": np.ones(64, bool)}, "whole numbers from 0. Received: positions="),
            ({"positions": np.full(64, "a")}, "whole numbers from 0. Received: positions="),
        ],
    )
    def test_run_refuses(self, arguments, message, model, digits):
        given = {"model": model, "images": digits[0], "labels": digits[1], "attack": Fgsm(LINF)}
        with pytest.raises(ValueError, match=message):
            attacks.run(**{**given, **arguments})

    def test_new_weights_are_followed(self, digits):
        network, fresh = (
            models.build("small_cnn", (8, 8, 1), 10, width=0.2, seed=n) for n in (0, 1)
        )
        settings = Pgd(L2, norm="l2", steps=2)
        old = attacks.run(network, *digits, settings).images
        network.set_weights(fresh.get_weights())
        new = attacks.run(network, *digits, settings).images
        expected = attacks.run(fresh, *digits, settings).images
        np.testing.assert_allclose(new, expected, atol=1e-6)
        assert np.abs(old - new).max() > 0.01

    @pytest.mark.slow_on_jax
    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
    def test_mixed_precision(self, digits, policy):
        usual = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        network = models.build("small_cnn", (8, 8, 1), 10, width=0.2)
        keras.config.set_dtype_policy(usual)
        result = attacks.pgd(network, *digits, LINF, steps=3)
        assert result.images.dtype == "float32"
        assert size(result.images - digits[0], "linf").max() <= LINF + 1e-6
        assert result.diagnostics["loss_after"] > result.diagnostics["loss_before"]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"images": np.zeros((2, 8, 8, 1), "uint8")}, "divide uint8 by 255"),
            ({"images": np.full((2, 8, 8, 1), 255.0)}, "divide 0-255 by 255.*images.max=255.0"),
            ({"images": np.full((2, 8, 8, 1), -0.01)}, "Received: images.min=-0.0"),
            ({"images": np.full((2, 8, 8, 1), np.nan)}, "2 images hold NaN"),
            ({"images": np.zeros((2, 1, 8, 8))}, "channels last"),
            ({"images": np.zeros((2, 8, 9, 1))}, "the model's input shape"),
            ({"images": np.zeros((0, 8, 8, 1))}, "at least one image"),
            ({"clip_min": 0.1}, r"in \[clip_min, clip_max\] = \[0.1, 1\]"),
            ({"labels": [0, 10]}, "from 0 to 9. Received: labels.min=0, labels.max=10"),
            ({"labels": [0, -1]}, "Received: labels.min=-1"),
            ({"labels": [0, 1, 2]}, "one label for each of 2 images"),
            ({"labels": np.full((2, 10), 0.1)}, "must be one-hot"),
            ({"batch_size": 0}, "Received: batch_size=0"),
        ],
    )
    def test_wrong_calls_are_refused(self, model, changes, message):
        call = {"images": np.zeros((2, 8, 8, 1)), "labels": [0, 1], "epsilon": LINF, **changes}
        with pytest.raises(ValueError, match=message):
            attacks.pgd(model, **call)

    def test_probabilities_are_refused(self, model, digits):
        softmax = keras.Sequential([model, keras.layers.Softmax()])
        with pytest.raises(ValueError, match="must return logits.*probabilities"):
            attacks.fgsm(softmax, *digits, LINF)


class TestCleverHans:
    @pytest.mark.few(2)
    @pytest.mark.tensorflow
    @pytest.mark.parametrize(
        ("norm", "epsilon", "steps", "tolerance", "share"),
        [("linf", LINF, 10, 1e-6, 1), ("l2", L2, 1, 1e-6, 1), ("l2", L2, 10, 1e-3, 0.95)],
    )
    def test_both_engines_equal_cleverhans_itself(
        self, model, digit_images, norm, epsilon, steps, tolerance, share
    ):
        from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

        (images, labels), settings = digit_images, {"norm": norm, "random_start": False}
        settings = Pgd(epsilon, steps=steps, **settings)
        expected = projected_gradient_descent(
            lambda x: model(x, training=False), keras.ops.convert_to_tensor(images),
            epsilon, settings.step, steps, {"linf": np.inf, "l2": 2}[norm],
            clip_min=0.0, clip_max=1.0, y=labels, rand_init=False,
        )  # fmt: skip
        accuracy = (predictions(model, expected) == labels).mean()
        assert len(images) >= 300 and accuracy < 0.8
        for engine in ("native", "cleverhans"):
            attack = dataclasses.replace(settings, engine=engine)
            result = attacks.run(model, images, labels, attack)
            apart = np.abs(result.images - np.asarray(expected)).max(axis=(1, 2, 3))
            assert (apart <= tolerance).mean() >= share
            assert abs(result.withstood.mean() - accuracy) <= 0.005

    @pytest.mark.tensorflow
    def test_what_the_loop_adds_to_cleverhans(self, model, digits):
        settings = Pgd(LINF, steps=3, restarts=2, mask=("low", 2), loss="margin")
        hans = dataclasses.replace(settings, engine="cleverhans")
        results = [attacks.run(model, *digits, attack) for attack in (settings, hans)]
        np.testing.assert_allclose(results[0].images, results[1].images, atol=1e-5)
        with pytest.raises(ValueError, match="no momentum.*Received: momentum=0.9"):
            dataclasses.replace(hans, momentum=0.9)

    @pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="needs another backend")
    def test_refused_without_tensorflow(self):
        with pytest.raises(
            ValueError, match="needs KERAS_BACKEND=tensorflow.*backend='(jax|torch)'"
        ):
            Pgd(LINF, engine="cleverhans")
