import json

import keras
import numpy as np
import pytest
from own.trainings import LOSS, TINY, compiled, network, whole_and_resumed

from hfc_keras import attacks, data, training
from hfc_keras.attacks import Fgsm, Pgd
from hfc_keras.attacks.norms import NORMS
from hfc_keras.data import draws
from hfc_keras.training import AdversarialTraining, Recipe


def regularized():
    """Network with batch normalization and a loss on its activity."""
    model = network(normalization="batch")
    penalty = keras.layers.ActivityRegularization(l2=0.1)(model.output)
    return keras.Model(model.input, penalty)


def weights_of(model):
    return [np.asarray(value) for value in model.get_weights()]


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("attack", "labels"),
    [
        (Pgd(0.1, steps=3, random_start=False), "sparse"),
        pytest.param(
            Pgd(0.1, steps=3, random_start=False, engine="cleverhans"),
            "one_hot",
            marks=pytest.mark.tensorflow,
        )
        if keras.backend.backend() == "tensorflow"
        else (Fgsm(0.05), "one_hot"),
        (Pgd(0.1, steps=2, random_start=False, momentum=0.9), "one_hot"),
        (Pgd(0.5, steps=2, random_start=False, norm="l2", mask=("low", 2)), "sparse"),
        (Fgsm(0.1, loss="margin"), "one_hot"),
    ],
    ids=["pgd", "cleverhans", "momentum", "masked_l2", "fgsm_margin"],
)
@pytest.mark.jax
def test_a_step_is_a_plain_step_on_the_attacked_images(attack, labels, digits):
    images, y = digits.train.images[:64], digits.train.labels[:64]
    attacked = attacks.run(regularized(), images, y, attack).images
    y = np.eye(10, dtype="float32")[y] if labels == "one_hot" else y
    plain = compiled(regularized(), labels)
    loss = plain.train_on_batch(attacked, y)
    robust = compiled(AdversarialTraining(regularized(), attack), labels)
    np.testing.assert_allclose(robust.attacked(images, y), attacked, atol=1e-6)
    # The losses of layers count once, not again in every step of the attack.
    np.testing.assert_allclose(robust.train_on_batch(images, y), loss, rtol=1e-5)
    # Also batch normalization: its averages have moved once, by the attacked batch alone.
    for one, other in zip(weights_of(plain), weights_of(robust.model), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("attack", [Pgd(0.1, steps=2), Pgd(0.5, steps=2, norm="l2")])
def test_random_starts_stay_in_ball_and_range_and_follow_the_seed(attack, digits):
    images, labels = digits.train.images[:50], digits.train.labels[:50]
    one, same, other = (
        np.asarray(AdversarialTraining(network(), attack, seed=seed).attacked(images, labels))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert one.min() >= 0 and one.max() <= 1
    size = np.asarray(NORMS[attack.norm].size(one - images))
    assert size.max() <= attack.epsilon + 1e-6 and size.max() > 0.9 * attack.epsilon


def test_fit_takes_callbacks_metrics_weights_and_steps_per_execution(digits):
    robust = compiled(AdversarialTraining(network(dropout=0.5), Pgd(0.1, steps=2)))
    robust.compile(
        "adam", LOSS["sparse"](from_logits=True), metrics=["accuracy"], steps_per_execution=2
    )
    seen = []
    history = robust.fit(
        digits.train.images,
        digits.train.labels,
        batch_size=64,
        epochs=2,
        sample_weight=np.ones(200),
        validation_data=(digits.test.images, digits.test.labels),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *event: seen.append(event))],
        verbose=0,
    ).history
    assert set(history) == {"accuracy", "loss", "val_accuracy", "val_loss"} and len(seen) == 2
    assert np.isfinite(history["loss"]).all()


def test_evaluate_and_predict_see_the_images_as_they_are(digits):
    robust = compiled(AdversarialTraining(network(), Pgd(0.3)))
    plain = compiled(robust.model)
    test = digits.test
    np.testing.assert_array_equal(
        robust.predict(test.images, verbose=0), plain.predict(test.images, verbose=0)
    )
    assert robust.evaluate(test.images, test.labels, verbose=0) == pytest.approx(
        plain.evaluate(test.images, test.labels, verbose=0)
    )


def test_sample_weights_of_zero_leave_the_weights(digits):
    robust = compiled(AdversarialTraining(network(), Pgd(0.1, steps=2)))
    before = weights_of(robust)
    images, labels = digits.train.images[:32], digits.train.labels[:32]
    robust.train_on_batch(images, labels, sample_weight=np.zeros(32, "float32"))
    assert all(np.array_equal(a, b) for a, b in zip(before, weights_of(robust), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy, digits):
    keras.config.set_dtype_policy(policy)
    try:
        robust = compiled(AdversarialTraining(network(), Pgd(0.1, steps=2)))
        images, labels = digits.train.images[:50], digits.train.labels[:50]
        attacked = np.asarray(robust.attacked(images, labels))
        assert attacked.dtype == "float32" and np.abs(attacked - images).max() <= 0.1 + 1e-6
        history = robust.fit(images, labels, epochs=3, verbose=0).history
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(history["loss"]).all() and history["loss"][-1] < history["loss"][0]


def test_epsilon_zero_is_plain_training(digits):
    images, labels = digits.train.images[:64], digits.train.labels[:64]
    robust = compiled(AdversarialTraining(network(), Pgd(0)))
    plain = compiled(network())
    robust.train_on_batch(images, labels)
    plain.train_on_batch(images, labels)
    for one, other in zip(weights_of(plain), weights_of(robust), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_a_dataset_and_mirrored_replicas_report_the_same_loss(fresh_python):
    code = """
import json, keras, numpy as np, tensorflow as tf
from hfc_keras import data, models
from hfc_keras.attacks import Pgd
from hfc_keras.training import AdversarialTraining
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
train = data.load("digits", examples=(64, 20)).train
batches = tf.data.Dataset.from_tensor_slices((train.images, train.labels)).batch(64)
def fit(strategy):
    with strategy.scope():
        network = models.build("small_cnn", (8, 8, 1), 10)
        model = AdversarialTraining(network, Pgd(0.1, steps=2, random_start=False))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    return model.fit(batches, epochs=2, verbose=0).history["loss"]
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
print(json.dumps([fit(tf.distribute.get_strategy()), fit(mirrored), mirrored.num_replicas_in_sync]))
"""
    alone, mirrored, replicas = json.loads(fresh_python(code).splitlines()[-1])
    assert replicas == 2
    np.testing.assert_allclose(alone, mirrored, rtol=1e-4)


def test_saves_and_loads_in_a_fresh_process(tmp_path, digits, fresh_python):
    attack = Pgd(0.1, steps=2, mask=("high", 2))
    robust = compiled(AdversarialTraining(network(), attack, seed=4))
    robust.fit(digits.train.images, digits.train.labels, verbose=0)
    robust.save(tmp_path / "robust.keras")
    np.save(tmp_path / "images.npy", digits.test.images)
    code = """
import sys, keras, numpy
import hfc_keras.training
model = keras.models.load_model(sys.argv[1] + "/robust.keras")
images = numpy.load(sys.argv[1] + "/images.npy")
numpy.save(sys.argv[1] + "/logits.npy", model.predict(images, verbose=0))
model.fit(images, numpy.arange(len(images)) % 10, verbose=0)
print(model.attack.to_dict(), model.seed)
"""
    printed = fresh_python(code, tmp_path).splitlines()[-1]
    told = {"attack": "pgd", "epsilon": 0.1, "steps": 2, "mask": ("high", 2.0)}
    assert printed == f"{told} 4"
    logits = robust.predict(digits.test.images, verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), logits, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": 3}, "`model` must be a keras.Model.* Received: model=3"),
        ({"attack": 0.1}, "must be attacks.Fgsm or attacks.Pgd. Received: attack=0.1"),
        ({"attack": Pgd(0.1, targeted=True)}, "must be untargeted and without restarts"),
        ({"attack": Pgd(0.1, restarts=2)}, "must be untargeted and without restarts"),
        ({"attack": Pgd(0.1, seed=3)}, "must leave its seed at 0"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        AdversarialTraining(**{"model": network(), **arguments})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x * 255, y), r"`x` must be pixels in \[0, 1\]"),
        (lambda x, y: (x * np.nan, y), "`x` must be finite"),
        (lambda x, y: (x[:, :7], y), "must have the model's input shape"),
        (lambda x, y: (x, y + 10), "`y` must be class indices from 0 to 9"),
    ],
)
@pytest.mark.parametrize("kind", ["arrays", "list", "PyDataset"])
def test_fit_refuses(kind, change, message, digits):
    x, y = change(digits.train.images[:16], digits.train.labels[:16])

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return x, y

    robust = compiled(AdversarialTraining(network(), Pgd(0.1)))
    with pytest.raises(ValueError, match=message):
        robust.fit(*{"arrays": (x, y), "list": ([x], y)}.get(kind, (Batches(),)), verbose=0)


def test_fit_refuses_two_arrays_of_images(digits):
    x, y = digits.train.images[:16], digits.train.labels[:16]
    robust = compiled(AdversarialTraining(network(), Pgd(0.1)))
    for several in ([x, x], {"images": x}):
        with pytest.raises(ValueError, match="`x` must be one array of images. Received: x="):
            robust.fit(several, y, verbose=0)


def test_fit_refuses_probabilities(digits):
    ends_in_softmax = keras.Sequential([network(), keras.layers.Softmax()])
    robust = compiled(AdversarialTraining(ends_in_softmax, Pgd(0.1)))
    with pytest.raises(ValueError, match="must return logits"):
        robust.fit(digits.train.images, digits.train.labels, verbose=0)


class TestRecipe:
    def test_adversary_is_part_of_the_hash_and_survives_json(self):
        recipe = TINY.but(adversary=Pgd(8 / 255, steps=10.0, mask=["low", 3]))
        content = json.loads(json.dumps(recipe.to_dict()))
        again = Recipe(**content)
        assert again == recipe and again.hash == recipe.hash
        hashes = {
            TINY.but(adversary=adversary).hash
            for adversary in (None, Pgd(0.1), Fgsm(0.1), Pgd(0.2), Pgd(0.1, engine="native"))
        }
        assert len(hashes) == 4

    def test_a_recipe_without_adversary_has_the_hash_it_had(self):
        # The hash under which the vanilla network of the quick profile is published.
        vanilla = Recipe(dataset="cifar10", examples=(10_000, 4_000), learning_rate=2e-3, epochs=12)
        assert vanilla.hash.startswith("720093a9a544b4d0")

    @pytest.mark.parametrize(
        ("adversary", "message"),
        [
            ("pgd", "`adversary` must be attacks.Fgsm or attacks.Pgd"),
            ({"attack": "pdg", "epsilon": 0.1}, "nearest: 'pgd'. Received: attack='pdg'"),
            ({"attack": "pgd"}, "must have `epsilon`"),
            ({"attack": "pgd", "epsilon": 0.1, "step": 3}, "nearest: 'steps'"),
            (Pgd(0.1, restarts=3), "without restarts"),
        ],
    )
    def test_refuses(self, adversary, message):
        with pytest.raises(ValueError, match=message):
            TINY.but(adversary=adversary)

    def test_refuses_components_which_are_no_pixels(self):
        with pytest.raises(ValueError, match="'original' with an adversary.*component='high'"):
            TINY.but(adversary=Pgd(0.1), component="high", radius=2)

    @pytest.mark.slow
    def test_adversarial_training_makes_a_network_robust(self):
        whole = TINY.but(examples=None, width=1.0, epochs=8)
        test = data.load("digits").test
        withstood = [
            attacks.pgd(training.fit(recipe)[0], test.images, test.labels, 0.2).withstood.mean()
            for recipe in (whole, whole.but(adversary=Pgd(0.2, steps=4)))
        ]
        assert withstood[0] < 0.3 and withstood[1] > withstood[0] + 0.2

    @pytest.mark.slow
    @pytest.mark.slow_on_jax
    @pytest.mark.jax
    def test_a_stopped_training_goes_on_bit_for_bit(self, tmp_path, monkeypatch):
        recipe = TINY.but(epochs=2, adversary=Pgd(0.1, steps=2), dropout=0.3, mix_up=0.5)
        both = whole_and_resumed(recipe, tmp_path, monkeypatch)
        (whole, whole_history), (resumed, history) = both
        pairs = zip(weights_of(whole), weights_of(resumed), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
        assert history.equals(whole_history)

    @pytest.mark.slow
    def test_the_returned_model_is_the_plain_network(self):
        model, _ = training.fit(TINY.but(epochs=1, adversary=Pgd(0.1, steps=2)))
        assert model.name == "small_cnn" and model.compiled
        assert int(model.optimizer.iterations) == 3
        assert not draws.seed_states(model)


@pytest.fixture(scope="module")
def plain():
    return training.fit(TINY.but(epochs=6, examples=None))[0]


class TestCatastrophicOverfitting:
    def test_fgsm_training_logs_both_accuracies(self):
        recipe = TINY.but(epochs=2, adversary=Fgsm(0.05, random_start=True))
        _, history = training.fit(recipe)
        assert list(history.columns[-2:]) == ["fgsm_accuracy", "pgd_accuracy"]
        watched = history[["fgsm_accuracy", "pgd_accuracy"]]
        assert watched.ge(0).all(axis=None) and watched.le(1).all(axis=None)

    @pytest.mark.few(1)
    @pytest.mark.parametrize(("gap", "warns"), [(0.01, True), (0.9, False)])
    def test_warns_when_they_part(self, gap, warns, plain, digits, recwarn):
        test, logs = digits.test, {}
        watch = training.CatastrophicOverfitting(test.images, test.labels, 0.15, gap=gap)
        watch.set_model(plain)
        watch.on_epoch_end(3, logs)
        assert logs["fgsm_accuracy"] > logs["pgd_accuracy"] + 0.01
        found = [str(warning.message) for warning in recwarn]
        assert any("Catastrophic overfitting after epoch 4" in text for text in found) == warns

    def test_refuses_a_gap_that_is_none(self, digits):
        with pytest.raises(ValueError, match="Received: gap=2"):
            training.CatastrophicOverfitting(digits.test.images, digits.test.labels, 0.1, gap=2)
