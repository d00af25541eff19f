"""Augmentation by layers of Keras and of the user's own, in a recipe."""

import json

import keras
import numpy as np
import pytest
from keras import ops
from own.trainings import TINY, whole_and_resumed

from hfc_keras import layers, training
from hfc_keras.attacks import Pgd
from hfc_keras.training import Recipe, recipe_fields, training_data

pytestmark = pytest.mark.jax

# Hashes as the version that brought these layers had them.
HASHES = [
    ({"augmentation": "none"}, "44136fa355b3678a"),
    ({"augmentation": "crop_flip"}, "29965b5f1a0dfb28"),
    ({"augmentation": (layers.PixelNoise(0.1),)}, "af06f881cb303062"),
    (
        {"augmentation": (layers.RandomCropFlip(2), layers.PixelNoise(0.1, seed=3))},
        "0800bfd681a1c81c",
    ),
]


@keras.saving.register_keras_serializable(package="tests")
class Dim(keras.layers.Layer):
    """Each image darker by a factor of its own; nothing outside of training."""

    def __init__(self, least=0.5, inner=None, **kwargs):
        super().__init__(**kwargs)
        self.least, self.inner = least, inner
        self.generator = keras.random.SeedGenerator()

    def call(self, images, training=False):
        if not training:
            return images
        shape = (ops.shape(images)[0], 1, 1, 1)
        factors = keras.random.uniform(shape, self.least, 1.0, seed=self.generator)
        return images * factors if self.inner is None else self.inner(images * factors)

    def get_config(self):
        inner = self.inner and keras.saving.serialize_keras_object(self.inner)
        return {**super().get_config(), "least": self.least, "inner": inner}

    @classmethod
    def from_config(cls, config):
        inner = config.pop("inner")
        return cls(inner=inner and keras.saving.deserialize_keras_object(inner), **config)


class Unregistered(Dim):
    """A class that another process cannot find."""


class Weighted(keras.layers.Layer):
    """A layer whose weight no config keeps."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = self.add_weight(shape=())


keras.saving.register_keras_serializable(package="tests")(Weighted)


@keras.saving.register_keras_serializable(package="tests")
class Counting(keras.layers.Layer):
    """A layer whose count of calls is a weight that is there once it is built."""

    def build(self, shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, images):
        self.count.assign_add(1.0)
        return images / self.count


@keras.saving.register_keras_serializable(package="tests")
class Bad(keras.layers.Layer):
    """What users do to images in layers of their own; `kind` says which."""

    def __init__(self, kind, **kwargs):
        super().__init__(**kwargs)
        self.kind, self.calls, self.factor = kind, 0, np.random.uniform()

    def call(self, images):
        self.calls += 1
        return KINDS[self.kind](self, images)

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


def fail(layer, images):
    raise KeyError("no such key\nand more of it")


def tensorflow_noise(layer, images):
    import tensorflow as tf

    return ops.clip(images + tf.random.normal(images.shape), 0, 1)


KINDS = {
    "levels": lambda layer, images: images * 255,
    "integers": lambda layer, images: ops.cast(images, "uint8"),
    "below": lambda layer, images: images - 1e-3,
    "overshoot": lambda layer, images: images * (1 + 5e-6),
    "nan": lambda layer, images: images / ops.max(images, axis=(1, 2, 3), keepdims=True),
    "fail": fail,
    "number": lambda layer, images: 1.0,
    "global seed": lambda layer, images: images * keras.random.uniform(images.shape),
    "tensorflow": tensorflow_noise,
    "numpy": lambda layer, images: images * np.random.uniform(),
    "made at random": lambda layer, images: images * layer.factor,
    "calls": lambda layer, images: images / layer.calls,
    "red": lambda layer, images: 0 * images + ops.array([1.0, 0.0, 0.0]),
}
ON_TORCH = keras.backend.backend() == "torch"
UNIT = {"value_range": (0, 1)}


def tried(layer):
    """What a training makes of a layer in its recipe."""
    digits = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3), "uint8")
    configs = recipe_fields.augmentation.as_configs([layer])
    return recipe_fields.augmentation.built(configs, digits)


OWN = TINY.but(
    examples=(60, 20),
    batch_size=20,
    augmentation=(
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
        Dim(0.3, inner=layers.PixelNoise(0.05)),
    ),
)


def batches(recipe, epoch=0):
    """Images and labels of an epoch, in NumPy."""
    found = training_data.training_batches(recipe, training_data.load_data(recipe))
    found.epoch = epoch
    dataset = found.dataset()
    if keras.backend.backend() == "tensorflow":
        return list(dataset.as_numpy_iterator())
    return [tuple(map(np.asarray, dataset[step])) for step in range(len(dataset))]


@pytest.mark.parametrize(("fields", "digits"), HASHES, ids=[digits for _, digits in HASHES])
def test_keeps_its_hash_and_equals_its_round_trip(fields, digits):
    recipe = Recipe(**fields)
    again = Recipe(**json.loads(json.dumps(recipe.to_dict())))
    assert recipe.hash.startswith(digits) and again == recipe
    assert json.dumps(again.to_dict()) == json.dumps(recipe.to_dict())


def test_names_and_dtypes_decide_nothing_and_all_else_does():
    def flipped(*arguments, **options):
        return TINY.but(augmentation=[keras.layers.RandomFlip(*arguments, **options)])

    known = flipped("horizontal")
    assert known == flipped("horizontal", name="mine", dtype="mixed_bfloat16")
    assert known == known.but(
        augmentation=training.recipe_fields.augmentation.layers_of(known.augmentation)
    )
    assert len({known, flipped("vertical"), flipped("horizontal", seed=1), TINY}) == 4
    outer = [TINY.but(augmentation=[Dim(inner=layers.PixelNoise(s))]) for s in (0.1, 0.1, 0.2)]
    assert outer[0] == outer[1] != outer[2]


@pytest.mark.slow_on_jax
def test_batches_are_what_the_layers_make_of_the_images():
    plain, changed = batches(OWN.but(augmentation="none")), batches(OWN)
    for (before, labels), (after, same) in zip(plain, changed, strict=True):
        np.testing.assert_array_equal(labels, same)
        assert after.shape == before.shape and after.dtype == "float32"
        assert not np.allclose(after, before, atol=0.2)
    darker = batches(OWN.but(augmentation=(Dim(0.3),)))[0][0] / plain[0][0].clip(1e-6)
    factors = darker.max(axis=(1, 2, 3))
    assert factors.min() < 0.5 and factors.max() > 0.8 and len(set(factors.round(4))) > 15


@pytest.mark.slow
def test_batches_depend_on_seed_epoch_and_step_alone():
    one, again = batches(OWN, 1), batches(OWN, 1)
    for (images, _), (same, _) in zip(one, again, strict=True):
        np.testing.assert_array_equal(images, same)
    assert not np.array_equal(one[0][0], batches(OWN, 2)[0][0])
    assert not np.array_equal(one[0][0], batches(OWN.but(seed=1), 1)[0][0])


@pytest.mark.slow
@pytest.mark.slow_on_jax
def test_a_stopped_training_goes_on_bit_for_bit(tmp_path, monkeypatch):
    (whole, history), (resumed, again) = whole_and_resumed(OWN.but(epochs=2), tmp_path, monkeypatch)
    assert all(map(np.array_equal, whole.get_weights(), resumed.get_weights()))
    assert history.equals(again)


def test_population_statistics_see_what_the_network_saw():
    digits = training.load_data(OWN)
    halved = OWN.but(augmentation=(keras.layers.Rescaling(0.5),))
    assert training.is_augmented(halved, digits) and training.is_augmented(OWN, digits)
    assert training.population_images(halved, digits).max() == 0.5


@pytest.mark.slow
def test_goes_with_filters_noise_and_an_adversary():
    filtered = OWN.but(component="low", radius=2, augmentation=(keras.layers.Rescaling(0.5),))
    plain = filtered.but(augmentation="none")
    np.testing.assert_allclose(batches(filtered)[0][0], 0.5 * batches(plain)[0][0], atol=1e-5)
    attacked = OWN.but(augmentation=(Dim(0.5),), adversary=Pgd(0.1, steps=1), noise=0.05, epochs=1)
    assert np.isfinite(training.fit(attacked)[1].to_numpy("float64")).all()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((), "'none', 'crop_flip' or a tuple of Keras layers. Received: augmentation="),
        (layers.PixelNoise(0.1), "a tuple of Keras layers"),
        (("crop_flip",), "a tuple of Keras layers. Received: augmentation='crop_flip'"),
        ("crop_fli", "nearest: 'crop_flip'.*augmentation='crop_fli'"),
        ([Unregistered()], "register_keras_serializable.*augmentation='Unregistered'"),
        ([Weighted()], "without weights.*augmentation='Weighted'"),
        ([layers.BatchMixUp(0.2)], "set `mix_up`. Received: augmentation='BatchMixUp'"),
        ([keras.layers.CutMix()], "set `mix_up`"),
        ([keras.Sequential([keras.layers.RandomFlip()])], "no models. Received: augmentation="),
        (
            [{"class_name": "Gone", "config": {}, "registered_name": "mine>Gone", "module": None}],
            "register_keras_serializable.*import its module. Received: augmentation='mine>Gone'",
        ),
    ],
)
def test_what_is_no_layer_that_can_be_made_again_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        Recipe(augmentation=value)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (keras.layers.MaxPooling2D(), r"keep the shape.*layer='MaxPooling2D', output shape="),
        (keras.layers.Reshape((3, 3)), "called on images in .0, 1..*layer='Reshape'"),
        (layers.BothCopies(layers.PixelNoise(0.1)), "called on images in .0, 1..*BothCopies"),
    ],
)
def test_what_is_no_augmentation_of_images_is_refused_by_fit(layer, message):
    with pytest.raises(ValueError, match=message):
        training.fit(OWN.but(augmentation=(layer,), epochs=1))


ONE_RANGE = r"pixels in .0, 1.; create this one with value_range=\(0, 1\). Received: layer="
WEIGHTS = "without weights, which no config keeps. Received: layer="
UNSEEDED = "seed=self.seed_generator.*Received: layer='Bad', difference="


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (keras.layers.BatchNormalization(), f"{WEIGHTS}'BatchNormalization', weights=.'gamma'"),
        (keras.layers.Dense(3), f"{WEIGHTS}'Dense', weights=.'kernel', 'bias'"),
        (Counting(), f"{WEIGHTS}'Counting'"),
        (keras.layers.Pipeline([keras.layers.Dense(3)]), f"{WEIGHTS}'Pipeline'"),
        (keras.layers.AutoContrast(), f"{ONE_RANGE}'AutoContrast', value_range="),
        (keras.layers.RandomBrightness(0.2), f"{ONE_RANGE}'RandomBrightness'"),
        # It would make all images black.
        (keras.layers.RandomPosterization(4), f"{ONE_RANGE}'RandomPosterization'"),
        (
            keras.layers.Pipeline([keras.layers.RandomPosterization(4)]),
            "keep something of an image",
        ),
        (Bad("red"), "keep something of an image.*layer='Bad'"),
        (keras.layers.GaussianNoise(0.1), "PixelNoise clips its noise. .*layer='GaussianNoise'"),
        (keras.layers.Dropout(0.2), r"ReLU\(max_value=1.0\).*layer='Dropout', output.min="),
        (Bad("levels"), r"in .0, 1.: clip them.*layer='Bad', output.min=0.0, output.max=255.0"),
        (Bad("below"), "in .0, 1.: clip them.*layer='Bad', output.min=-0.001"),
        (Bad("integers"), "floats in .0, 1.. Received: layer='Bad', output dtype='uint8'"),
        (Bad("nan"), "finite numbers.*Received: layer='Bad', output=nan"),
        (Bad("fail"), r"\(KeyError: no such key\). Received: layer='Bad'$"),
        (Bad("number"), r"called on images in .0, 1. \(AttributeError: .*layer='Bad'$"),
        (Bad("global seed"), UNSEEDED),
        pytest.param(Bad("tensorflow"), UNSEEDED, marks=pytest.mark.tensorflow),
        (Bad("numpy"), UNSEEDED),
        (Bad("made at random"), UNSEEDED),
        (Bad("calls"), UNSEEDED),
        # It draws from Python's `random`.
        (keras.layers.AugMix(**UNIT), "seed=self.seed_generator.*Received: layer='AugMix'"),
    ],
    ids=lambda each: getattr(each, "kind", type(each).__name__),
)
@pytest.mark.filterwarnings("ignore:Tensor.T is deprecated")
def test_what_breaks_a_rule_on_images_is_refused_by_name(layer, message):
    with pytest.raises(ValueError, match=message) as raised:
        tried(layer)
    assert "\x1b" not in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.few(6)
@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.RandomFlip(),
        keras.layers.RandomTranslation(0.2, 0.2),
        keras.layers.RandomRotation(0.1),
        keras.layers.RandomZoom(0.3),
        keras.layers.RandomContrast(0.5, **UNIT),
        keras.layers.RandomBrightness(0.5, **UNIT),
        keras.layers.AutoContrast(**UNIT),
        keras.layers.RandomErasing(**UNIT),
        pytest.param(
            keras.layers.RandAugment(**UNIT),
            marks=pytest.mark.skipif(ON_TORCH, reason="Keras' own leaves [0, 1] with PyTorch"),
        ),
        keras.layers.Pipeline([keras.layers.GaussianNoise(0.2), keras.layers.ReLU(max_value=1.0)]),
        keras.layers.Pipeline([keras.layers.Rescaling(255.0), keras.layers.Rescaling(1 / 255)]),
        layers.PixelNoise(0.2),
        layers.RandomCropFlip(2),
        layers.AmplitudePhaseSingle(1.0),
        Dim(inner=layers.PixelNoise(0.1)),
        Bad("overshoot"),
    ],
    ids=lambda layer: getattr(layer, "kind", type(layer).__name__),
)
def test_layers_that_keep_the_rules_are_taken(layer):
    [built] = tried(layer)
    assert type(built) is type(layer) and built.built


def test_an_error_of_a_layer_ends_fit_by_name_and_keeps_its_cause():
    with pytest.raises(ValueError, match="layer='Bad'") as raised:
        training.fit(OWN.but(augmentation=(Bad("fail"),), epochs=1))
    assert isinstance(raised.value.__cause__, KeyError)


def test_layers_are_tried_in_full_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        [layer] = tried(keras.layers.RandomRotation(0.1))
    finally:
        keras.config.set_dtype_policy(before)
    assert layer.compute_dtype == "float32"
