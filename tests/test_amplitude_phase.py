import functools

import keras
import numpy as np
import pandas as pd
import pytest
from keras import ops
from PIL import Image, ImageOps

from hfc_keras import layers, spectrum, training
from hfc_keras.layers import image_operations
from hfc_keras.training import Recipe, training_data

pytestmark = pytest.mark.jax

SLOW = functools.partial(pytest.param, marks=pytest.mark.slow_on_jax)

LAYERS = {
    "mix": layers.AmplitudePhaseMix(1.0, seed=3),
    "unclipped": layers.AmplitudePhaseMix(1.0, "spatial", clip=False, seed=3),
    "single": layers.AmplitudePhaseSingle(0.9, severity=5, seed=3),
    "hybrid": layers.HybridAugment(1.0, seed=3),
    "hybrid_plus": layers.HybridAugment(1.0, True, 5, 0.7, "spatial", clip=False, seed=3),
}
TINY = Recipe(
    dataset="digits",
    examples=(60, 20),
    model="small_cnn",
    width=0.25,
    learning_rate=1e-2,
    batch_size=40,
    epochs=2,
    augmentation="crop_flip",
)


def fresh(layer):
    return type(layer).from_config(layer.get_config())


def output(layer, *arguments, **options):
    return ops.convert_to_numpy(layer(*arguments, **options))


@pytest.fixture
def images(rng):
    return rng.random((4, 8, 9, 3), "float32")


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
class TestEach:
    """What the five have in common beyond the contract of all layers."""

    def test_clipped_images_are_pixels(self, layer, images):
        mixed = output(fresh(layer), images)
        assert np.isfinite(mixed).all()
        if getattr(layer, "clip", True):
            assert mixed.min() >= 0 and mixed.max() <= 1
        else:
            assert mixed.min() < 0 and mixed.max() > 1

    def test_takes_small_images_and_a_batch_of_one(self, layer, rng):
        layer, small = fresh(layer), rng.random((1, 2, 5, 1), "float32")
        if getattr(layer, "kernel_size", 0) == 5:
            with pytest.raises(ValueError, match="sides above 2 pixels"):
                layer(small)
            return
        mixed = output(layer, small)
        assert mixed.shape == small.shape
        if not isinstance(layer, layers.AmplitudePhaseSingle):
            np.testing.assert_allclose(mixed, small, atol=1e-6)

    @pytest.mark.tensorflow
    def test_works_in_a_tf_data_pipeline(self, layer, images):
        import tensorflow as tf

        both = layers.BothCopies(fresh(layer))
        dataset = tf.data.Dataset.from_tensor_slices({"images": images, "labels": [0, 1, 2, 3]})
        batches = list(dataset.batch(3).map(both).as_numpy_iterator())
        assert [batch["images"].shape for batch in batches] == [(6, 8, 9, 3), (2, 8, 9, 3)]
        np.testing.assert_array_equal(batches[0]["images"][:3], images[:3])
        assert [batch["labels"].tolist() for batch in batches] == [[0, 1, 2] * 2, [3, 3]]

    def test_with_probability_zero_images_stay(self, layer, images):
        never = type(layer).from_config({**layer.get_config(), "probability": 0})
        np.testing.assert_array_equal(output(never, images), images)


@pytest.mark.parametrize("axes", spectrum.AXES)
def test_mix_gives_each_image_the_amplitude_of_another_one(axes, rng):
    images = rng.random((6, 5, 8, 3), "float32")
    mixed = output(layers.AmplitudePhaseMix(1.0, axes, clip=False, seed=0), images)
    grid = np.repeat(images, 6, axis=0), np.tile(images, (6, 1, 1, 1))
    pairs = output(spectrum.recombine, *grid, axes).reshape(6, 6, *images.shape[1:])
    matches = np.abs(mixed[:, None] - pairs).max(axis=(2, 3, 4)) < 1e-5
    assert (matches.sum(axis=0) == 1).all() and (matches.sum(axis=1) == 1).all()
    clipped = output(layers.AmplitudePhaseMix(1.0, axes, seed=0), images)
    np.testing.assert_allclose(clipped, mixed.clip(0, 1), atol=1e-6)


@pytest.mark.slow_on_jax
def test_mixing_is_drawn_once_a_batch_with_its_probability(images):
    layer = layers.AmplitudePhaseMix(0.6, seed=1)
    same = np.array([(output(layer, images) == images).all(axis=(1, 2, 3)) for _ in range(60)])
    share = 1 - same.all(axis=1).mean()
    assert share == pytest.approx(0.6, abs=0.15)


def numpy_blur(images, size, sigma):
    """Separable Gaussian by its definition, in double precision."""
    offsets = np.arange(size) - size // 2
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    weights /= weights.sum()
    images = images.astype("float64")
    for axis in (1, 2):
        width = [(0, 0)] * 4
        width[axis] = (size // 2, size // 2)
        padded = np.pad(images, width, mode="reflect")
        length = images.shape[axis]
        shifted = [padded.take(range(i, i + length), axis) for i in range(size)]
        images = np.tensordot(weights, shifted, axes=1)
    return images


@pytest.mark.parametrize(("size", "sigma"), [(3, 0.5), (5, 1.2)])
def test_hybrid_adds_the_high_frequencies_of_another_image(size, sigma, rng):
    images = rng.random((5, 6, 9, 2), "float32")
    low = numpy_blur(images, size, sigma)
    layer = layers.HybridAugment(1.0, False, size, sigma, clip=False, seed=0)
    mixed = output(layer, images)
    pairs = low[:, None] + (images - low)[None]
    matches = np.abs(mixed[:, None] - pairs).max(axis=(2, 3, 4)) < 1e-5
    assert (matches.sum(axis=0) == 1).all() and (matches.sum(axis=1) == 1).all()


def test_hybrid_plus_recombines_the_low_frequencies_too(rng):
    images = rng.random((3, 6, 6, 1), "float32")
    low = numpy_blur(images, 3, 0.5)
    lows = output(spectrum.recombine, np.repeat(low, 3, axis=0), np.tile(low, (3, 1, 1, 1)))
    pairs = lows.reshape(3, 3, 1, 6, 6, 1) + (images - low)
    mixed = output(layers.HybridAugment(1.0, True, clip=False, seed=2), images)
    distance = np.abs(mixed[:, None, None] - pairs).max(axis=(3, 4, 5))
    found = [np.argwhere(each < 1e-4) for each in distance]
    assert [len(places) for places in found] == [1, 1, 1]
    donors, others = np.concatenate(found).T
    assert sorted(donors) == sorted(others) == [0, 1, 2]


def pillow(image, name, strength):
    """The operation as Pillow has it."""
    height, width = image.size[::-1]
    shear, turn = 0.03 * strength, int(3 * strength)
    across, down = int(strength * width / 30), int(strength * height / 30)
    matrices = {
        "shear_x": (1, shear, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, shear, 1, 0),
        "translate_x": (1, 0, across, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, down),
    }
    if name in matrices:
        return image.transform(image.size, Image.AFFINE, matrices[name], Image.BILINEAR)
    return {
        "autocontrast": ImageOps.autocontrast,
        "equalize": ImageOps.equalize,
        "posterize": lambda image: ImageOps.posterize(image, 4 - int(0.4 * abs(strength))),
        "solarize": lambda image: ImageOps.solarize(image, 256 - int(25.6 * abs(strength))),
        "rotate": lambda image: image.rotate(turn, resample=Image.BILINEAR),
    }[name](image)


@pytest.mark.slow_on_jax
def test_operations_are_those_of_pillow(rng):
    """Every operation at several strengths, all in one batch."""
    names = [name for name in image_operations.OPERATIONS for _ in range(6)]
    strengths = np.tile([0.1, 1.3, 2.9, -2.9, -1.7, 7.6], 9).astype("float32")
    levels = rng.integers(0, 200, (54, 34, 37, 3)) * rng.integers(1, 8, (54, 1, 1, 3)) // 8 + 20
    levels[:, 5:9, 5:20] = 250
    levels[1:12:5] = 77
    operations = np.array([image_operations.OPERATIONS.index(name) for name in names])
    result = output(image_operations.apply, levels.astype("int32"), operations, strengths)
    for name, strength, image, got in zip(names, strengths, levels, result, strict=True):
        expected = pillow(Image.fromarray(image.astype("uint8")), name, float(strength))
        difference = np.abs(got - np.asarray(expected, "int32"))
        if name in ("equalize", "posterize", "solarize", "translate_x", "translate_y"):
            assert difference.max() == 0, (name, strength)
        elif name == "autocontrast":
            assert difference.max() <= 1
        else:
            # Pillow fills half a pixel at the rim with its neighbor and cuts fractions off.
            assert (difference > 1).mean() < 0.1 and (difference <= 1)[9:-9, 9:-9].all()


@pytest.mark.slow_on_jax
@pytest.mark.parametrize(("name", "share"), [("rotate", 0.052), ("shear_x", 0.031)])
def test_rim_of_turned_and_sheared_images_is_not_that_of_pillow(name, share, rng):
    """The share that the docstring of ``apply`` gives, and one level of 255 everywhere else."""
    levels = rng.integers(0, 256, (80, 32, 32, 3))
    strengths = (rng.uniform(0.1, 3, 80) * rng.choice([-1, 1], 80)).astype("float32")
    operations = np.full(80, image_operations.OPERATIONS.index(name))

    def both(levels):
        ours = output(image_operations.apply, levels.astype("int32"), operations, strengths)
        pairs = zip(levels.astype("uint8"), strengths, strict=True)
        theirs = [pillow(Image.fromarray(image), name, float(s)) for image, s in pairs]
        return ours, np.stack(theirs).astype("int32")

    white, cut = both(np.full(levels.shape, 255))
    inside = (white == cut).all(axis=-1)
    difference = np.abs(np.subtract(*both(levels))).max(axis=-1)
    assert difference[inside].max() <= 1
    assert (difference > 1).mean() == pytest.approx(share, rel=0.15)


def test_single_returns_the_augmented_image_or_its_recombination(monkeypatch, rng):
    images = rng.integers(0, 256, (400, 8, 8, 3)).astype("float32") / 255
    steps = iter([lambda levels: 255 - levels, lambda levels: abs(ops.flip(levels, 1) - 99)])
    monkeypatch.setattr(image_operations, "apply", lambda levels, *_: next(steps)(levels))
    result = 255 * output(layers.AmplitudePhaseSingle(seed=0), images)
    once = 255 - np.rint(255 * images)
    twice = abs(once[:, ::-1] - 99)
    mixtures = [
        output(spectrum.recombine, *pair).round().clip(0, 255)
        for pair in ((twice, once), (once, twice))
    ]
    outcomes = [
        np.abs(result - outcome).max(axis=(1, 2, 3)) < 1.01 for outcome in (once, *mixtures)
    ]
    assert (np.sum(outcomes, axis=0) == 1).all()
    np.testing.assert_allclose(np.mean(outcomes, axis=1), [0.5, 0.25, 0.25], atol=0.08)


def test_single_draws_every_operation_strength_and_sign(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        image_operations, "apply", lambda levels, *draws: drawn.append(draws) or levels
    )
    layers.AmplitudePhaseSingle(severity=2.0, seed=0)(np.zeros((900, 2, 2, 1), "float32"))
    assert len(drawn) == 2
    for operations, strengths in drawn:
        counts = np.bincount(ops.convert_to_numpy(operations), minlength=9)
        assert len(counts) == 9 and (np.abs(counts - 100) < 50).all()
        strengths = ops.convert_to_numpy(strengths)
        assert np.abs(strengths).min() >= 0.1 and 1.9 < np.abs(strengths).max() <= 2
        assert (strengths > 0).mean() == pytest.approx(0.5, abs=0.1)


class TestBothCopies:
    def test_round_trip_and_shapes(self, images):
        layer = layers.BothCopies(layers.HybridAugment(1.0, sigma=0.6, seed=1))
        copy = fresh(layer)
        assert copy.get_config() == layer.get_config()
        data = {"images": images, "labels": np.eye(4, dtype="float32")}
        one, other = (chosen(dict(data)) for chosen in (layer, copy))
        np.testing.assert_array_equal(*(ops.convert_to_numpy(x["images"]) for x in (one, other)))
        np.testing.assert_array_equal(
            ops.convert_to_numpy(one["labels"]), np.tile(np.eye(4), (2, 1))
        )
        assert layer.compute_output_shape({"images": (None, 8), "labels": (4,)}) == {
            "images": (None, 8),
            "labels": (8,),
        }
        assert layer(dict(data), training=False)["images"].shape == images.shape

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: layers.BothCopies("mix"), "must be a Keras layer. Received: layer='mix'"),
            (
                lambda: layers.BothCopies(LAYERS["mix"])({"images": np.zeros((1, 2, 2, 1))}),
                r"Received: data=\['images'\]",
            ),
            (lambda: layers.BothCopies(LAYERS["mix"])(np.zeros((1, 2, 2, 1))), "Received: data="),
        ],
    )
    def test_wrong_calls_are_refused(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (kind, options, message)
        for kind in (layers.AmplitudePhaseMix, layers.AmplitudePhaseSingle, layers.HybridAugment)
        for options, message in [
            ({"probability": 1.1}, "from 0 up to 1. Received: probability=1.1"),
            ({"probability": float("nan")}, "Received: probability=nan"),
            ({"axes": "channel"}, "Received: axes='channel'"),
        ]
    ]
    + [
        (layers.AmplitudePhaseSingle, {"severity": 0}, "from 0.1 up to 10. Received: severity=0"),
        (layers.HybridAugment, {"kernel_size": 4}, "must be odd. Received: kernel_size=4"),
        (layers.HybridAugment, {"sigma": 0}, "Received: sigma=0"),
    ],
)
def test_wrong_arguments_are_refused(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(**options)


def batches_of(recipe, epoch):
    """Batches of an epoch as ``fit`` sees them, in NumPy."""
    batches = training_data.training_batches(recipe, training_data.load_data(recipe))
    batches.epoch_marker().on_epoch_begin(epoch)
    dataset = batches.dataset()
    if keras.backend.backend() == "tensorflow":
        return list(dataset.as_numpy_iterator())
    return [tuple(map(np.asarray, dataset[step])) for step in range(len(dataset))]


class TestRecipe:
    KINDS = {
        "none": (["RandomCropFlip"], []),
        "apr_s": (["AmplitudePhaseSingle", "RandomCropFlip"], []),
        "apr_p": (["RandomCropFlip"], ["AmplitudePhaseMix"]),
        "apr_sp": (["AmplitudePhaseSingle", "RandomCropFlip"], ["AmplitudePhaseMix"]),
        "hybrid": (["RandomCropFlip"], ["HybridAugment"]),
        "hybrid_plus": (["RandomCropFlip"], ["HybridAugment"]),
    }

    @pytest.mark.parametrize("kind", KINDS)
    def test_recipe_decides_the_layers(self, kind):
        recipe = TINY.but(
            recombination=kind,
            recombination_probability=0.3,
            single_probability=0.4,
            recombination_axes="spatial",
            mix_up=0.2,
        )
        batches = training_data.training_batches(recipe, training_data.load_data(recipe))
        mix_up, *both = batches.pair_layers
        pairs = [type(layer.layer).__name__ for layer in both]
        found = [type(layer).__name__ for layer in batches.image_layers], pairs
        assert found == self.KINDS[kind] and type(mix_up).__name__ == "MixUp"
        recombined = {layer.layer: 0.3 for layer in both}
        if "apr_s" in kind:
            recombined[batches.image_layers[0]] = 0.4
        for layer, probability in recombined.items():
            assert (layer.probability, layer.axes) == (probability, "spatial")
        if both and "hybrid" in kind:
            assert both[0].layer.recombine == (kind == "hybrid_plus")

    def test_old_hashes_stay_and_options_count_where_they_matter(self):
        told = {"recombination_probability": 0.1, "single_probability": 0.1}
        assert TINY.but(**told, recombination_axes="spatial").hash == TINY.hash
        single = TINY.but(recombination="apr_s")
        assert single.hash == single.but(recombination_probability=0.1).hash != TINY.hash
        pair = TINY.but(recombination="apr_p", recombination_probability=1)
        assert pair.to_dict()["recombination_probability"] == 1.0
        assert pair == Recipe(**pair.to_dict()) and pair.hash != pair.but(seed=1).hash
        assert pair.hash == pair.but(single_probability=0.1).hash
        assert single.hash != single.but(single_probability=0.1).hash
        assert pair.hash != pair.but(recombination_axes="spatial").hash

    @pytest.mark.slow
    @pytest.mark.slow_on_jax
    def test_batches_depend_on_seed_epoch_and_step_alone(self):
        recipe = TINY.but(recombination="apr_sp", recombination_probability=1.0)
        first, again, other = (batches_of(recipe, epoch) for epoch in (1, 1, 0))
        assert [len(images) for images, _ in first] == [80, 40]
        for (images, labels), (same, same_labels) in zip(first, again, strict=True):
            np.testing.assert_array_equal(images, same)
            np.testing.assert_array_equal(labels, same_labels)
            np.testing.assert_array_equal(*np.split(labels, 2))
        assert not np.array_equal(first[0][0], other[0][0])

    @pytest.mark.slow_on_jax
    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["apr_sp", SLOW("hybrid_plus")])
    def test_a_stopped_training_goes_on_bit_for_bit(self, kind, tmp_path, monkeypatch):
        recipe = TINY.but(recombination=kind)
        whole, history = training.fit(recipe)
        assert len(history) == 2 and np.isfinite(history["loss"]).all()
        save_epoch = training.Store.save_epoch

        def stop(*arguments):
            save_epoch(*arguments)
            raise KeyboardInterrupt

        monkeypatch.setattr(training.Store, "save_epoch", stop)
        with pytest.raises(KeyboardInterrupt):
            training.fit(recipe, tmp_path)
        monkeypatch.undo()
        resumed, resumed_history = training.fit(recipe, tmp_path)
        pd.testing.assert_frame_equal(history, resumed_history, check_exact=True)
        assert all(map(np.array_equal, whole.get_weights(), resumed.get_weights()))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"recombination": "apr"}, "Received: recombination='apr'"),
            ({"recombination_probability": 1.5}, "Received: recombination_probability=1.5"),
            ({"single_probability": -0.1}, "Received: single_probability=-0.1"),
            ({"recombination_axes": "colour"}, "Received: recombination_axes='colour'"),
            ({"recombination_probability": float("nan")}, "recombination_probability=nan"),
            (
                {"recombination": "apr_s", "component": "low", "radius": 2},
                "with recombination.*Received: component='low', rescale=False",
            ),
            ({"recombination": "hybrid", "rescale": True}, "with recombination.*rescale=True"),
        ],
    )
    def test_wrong_fields_are_refused(self, changes, message):
        with pytest.raises(ValueError, match=message):
            Recipe(**changes)
