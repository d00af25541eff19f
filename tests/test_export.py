"""A training round a network is the network itself to whoever saves or serves it."""

import json

import keras
import numpy as np
import pytest
from own.trainings import compiled, network

from hfc_keras import attacks
from hfc_keras.training import AdversarialTraining, FourierRegularized

WRAPS = {
    "adversarial": lambda model: AdversarialTraining(model, attacks.Pgd(0.5, steps=2, norm="l2")),
    "fourier": lambda model: FourierRegularized(model, "low", weight=0.1),
}


@keras.saving.register_keras_serializable(package="hfc_keras_tests")
class Subclass(keras.Model):
    """A network that knows its shape only once it was called."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.convolution, self.dense = keras.layers.Conv2D(4, 3), keras.layers.Dense(10)

    def call(self, images):
        return self.dense(keras.ops.mean(self.convolution(images), axis=(1, 2)))


def sequential():
    pool = keras.layers.GlobalAveragePooling2D()
    return keras.Sequential([keras.layers.Conv2D(4, 3), pool, keras.layers.Dense(10)])


NETWORKS = {"functional": network, "sequential": sequential, "subclass": Subclass}


def trained(wrap, net, how, digits):
    model = NETWORKS[net]()
    if how == "nothing" and net != "functional":
        model(digits.train.images[:3])
    robust = compiled(WRAPS[wrap](model))
    images, labels = digits.train.images[:50], digits.train.labels[:50]
    if how == "arrays":
        robust.fit(images, labels, batch_size=16, verbose=0)
    elif how == "dataset":
        import tensorflow as tf

        batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(16)
        robust.fit(batches, shuffle=False, verbose=0)
    return robust


def logits(model, images):
    return np.asarray(model(images, training=False))


@pytest.mark.few(1)
@pytest.mark.tensorflow
@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize(
    ("net", "how"),
    [
        ("functional", "nothing"),
        ("functional", "arrays"),
        ("functional", "dataset"),
        ("sequential", "arrays"),
        ("subclass", "nothing"),
        ("subclass", "dataset"),
    ],
)
def test_a_served_model_takes_images_alone_and_any_number_of_them(wrap, net, how, digits, tmp_path):
    import tensorflow as tf

    robust, images = trained(wrap, net, how, digits), digits.test.images[:7]
    expected = logits(robust.model, images)
    robust.export(tmp_path / "exported", verbose=False)
    tf.saved_model.save(robust, tmp_path / "saved")
    archive = keras.export.ExportArchive()
    archive.track(robust)
    signature = [tf.TensorSpec((None, 8, 8, 1), tf.float32)]
    archive.add_endpoint("serve", robust.call, input_signature=signature)
    archive.write_out(tmp_path / "archive", verbose=False)
    names = ("exported", "archive", "saved")
    exported, archived, saved = (tf.saved_model.load(tmp_path / name) for name in names)
    default = saved.signatures["serving_default"]
    (name,) = default.structured_input_signature[1]
    for serve in (
        exported.serve,
        archived.serve,
        lambda batch: next(iter(default(**{name: tf.constant(batch)}).values())),
    ):
        np.testing.assert_allclose(serve(images), expected, atol=1e-5)
        np.testing.assert_allclose(serve(images[:1]), expected[:1], atol=1e-5)


@pytest.mark.few(1)
@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize(("net", "how"), [("functional", "nothing"), ("subclass", "arrays")])
def test_files_copies_and_configs_bring_the_network(wrap, net, how, digits, tmp_path):
    robust, images = trained(wrap, net, how, digits), digits.test.images[:7]
    expected = logits(robust.model, images)
    robust.save(tmp_path / "robust.keras")
    loaded = keras.models.load_model(tmp_path / "robust.keras")
    np.testing.assert_allclose(loaded.predict(images, verbose=0), expected, atol=1e-5)
    loaded.fit(digits.train.images[:32], digits.train.labels[:32], verbose=0)
    assert (logits(loaded, images) != expected).any()
    for copy in (
        keras.models.clone_model(robust),
        keras.models.model_from_json(robust.to_json()),
        type(robust).from_config(json.loads(json.dumps(robust.get_config()))),
    ):
        copy(images[:2])
        copy.set_weights(robust.get_weights())
        np.testing.assert_allclose(logits(copy, images), expected, atol=1e-5)


@pytest.mark.few(1)
@pytest.mark.parametrize("wrap", WRAPS)
def test_is_described_as_the_network_is(wrap, digits):
    plain, said = network(), {"plain": [], "robust": []}
    robust = WRAPS[wrap](plain)
    plain.summary(print_fn=lambda text, **_: said["plain"].append(text))
    robust.summary(print_fn=lambda text, **_: said["robust"].append(text))
    assert said["plain"] and said["plain"] == said["robust"]
    for name in ("input_shape", "output_shape", "input", "output", "inputs", "outputs"):
        assert getattr(robust, name) == getattr(plain, name), name
    assert robust.input_dtype == "float32" and robust.built
    assert [spec.shape for spec in keras.tree.flatten(robust.input_spec)] == [(None, 8, 8, 1)]
    robust = compiled(robust)
    robust.train_on_batch(digits.train.images[:4], digits.train.labels[:4])
    # As the network does, it refuses images of another size.
    with pytest.raises(ValueError, match="incompatible"):
        robust(np.zeros((2, 8, 9, 1)))


def test_a_call_on_a_pair_is_the_step_that_is_trained(digits):
    images, labels = digits.test.images[:20], digits.test.labels[:20]
    robust = AdversarialTraining(network(), attacks.Fgsm(0.1))
    attacked = logits(robust.model, np.asarray(robust.attacked(images, labels)))
    np.testing.assert_allclose(robust((images, labels)), attacked, atol=1e-5)
    np.testing.assert_allclose(robust(images), logits(robust.model, images), atol=1e-5)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_half_precision_is_served_float32(digits, tmp_path):
    import tensorflow as tf

    keras.config.set_dtype_policy("mixed_float16")
    try:
        robust = compiled(WRAPS["adversarial"](network()))
        robust.fit(digits.train.images[:32], digits.train.labels[:32], verbose=0)
        tf.saved_model.save(robust, tmp_path / "saved")
    finally:
        keras.config.set_dtype_policy("float32")
    loaded = tf.saved_model.load(tmp_path / "saved")
    (spec,) = loaded.signatures["serving_default"].structured_input_signature[1].values()
    assert (spec.dtype, spec.shape.as_list()) == (tf.float32, [None, 8, 8, 1])


def test_a_training_round_a_training_is_refused():
    for wrap in WRAPS.values():
        with pytest.raises(ValueError, match="the network itself.*Received: model='Fourier"):
            wrap(FourierRegularized(network()))
