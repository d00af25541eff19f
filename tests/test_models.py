import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from hfc_keras import kernels as kernel_mathematics
from hfc_keras import models

# Keras reads its own weights in a way that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# One network of each kind: others differ in the number of blocks alone. CoResNets have tests of
# their own, since their filters cannot be split at every width.
NAMES = [
    name
    for name in models.names()
    if name not in ("resnet14", "resnet26", "resnet34", "resnet101", "resnet152", "dacnn34")
    and not name.startswith("coresnet")
]
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (9, 13, 3)]
RESTORE = """
import json, sys, keras, numpy
model = keras.models.load_model(sys.argv[1])
images = numpy.load(sys.argv[2])
foreign = [name for name in sys.modules if name.startswith("hfc_keras")]
print(json.dumps([foreign, numpy.asarray(model(images)).tolist()]))
"""


def pixels(shape, examples=2, seed=0):
    return np.random.default_rng(seed).random((examples, *shape), dtype="float32")


def outputs(model, images, **options):
    return np.asarray(model(images, **options))


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def kernels(model):
    return [np.asarray(weight) for weight in model.weights if weight.name == "kernel"]


def randomize(model, seed=0):
    generator = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(np.asarray(weight) + generator.normal(0, 0.1, weight.shape).astype("float32"))


def smoothness(layer):
    """What keeps a convolution smooth and how much, or None."""
    if layer.kernel_regularizer is not None:
        return "penalty", layer.kernel_regularizer.weight
    if layer.kernel_constraint is not None:
        return "constraint", layer.kernel_constraint.limit
    return ("layer", layer.rho) if getattr(layer, "normalize", False) else None


@pytest.fixture
def half_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize(
    ("name", "shape", "classes", "options", "expected"),
    [
        ("resnet20", (32, 32, 3), 10, {"normalization": "batch"}, 269_722),
        ("resnet32", (32, 32, 3), 10, {"normalization": "batch"}, 464_154),
        ("resnet44", (32, 32, 3), 10, {"normalization": "batch"}, 658_586),
        ("resnet18", (224, 224, 3), 1000, {}, 11_689_512),
        ("resnet50", (224, 224, 3), 1000, {}, 25_557_032),
        ("resnet34", (224, 224, 3), 1000, {}, 21_797_672),
        ("resnet18", (32, 32, 3), 10, {}, 11_173_962),
        ("resnet50", (32, 32, 3), 10, {}, 23_520_842),
        ("resnet18", (32, 32, 3), 10, {"stem": "imagenet"}, 11_173_962 + (49 - 9) * 3 * 64),
        ("vgg11", (32, 32, 3), 10, {"normalization": "batch"}, 9_231_114),
        ("vgg16", (32, 32, 3), 10, {"normalization": "batch"}, 14_728_266),
        pytest.param(
            *("vgg11", (224, 224, 3), 1000, {"normalization": "batch"}, 132_868_840),
            marks=pytest.mark.slow,
        ),
        ("lenet5", (28, 28, 1), 10, {}, 61_706),
        ("lenet5", (32, 32, 1), 10, {}, 61_706),
        ("lenet5", (32, 32, 3), 10, {}, 62_006),
        ("alexnet", (32, 32, 3), 10, {}, 2_472_266),
        ("small_cnn", (32, 32, 3), 10, {}, 896 + 18_496 + 73_856 + 1_290),
    ],
)
def test_number_of_parameters_is_the_published_one(name, shape, classes, options, expected):
    assert trainable(models.build(name, shape, classes, **options)) == expected


@pytest.mark.parametrize("name", NAMES)
def test_logits_of_every_network_at_every_size(name):
    for shape in SHAPES:
        model = models.build(name, shape, 7, width=0.1)
        assert model.name == name
        assert model.output_shape == (None, 7)
    values = outputs(model, pixels(SHAPES[-1]))
    assert values.dtype == "float32"
    assert np.isfinite(values).all()
    assert not np.array_equal(values[0], values[1])


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("vgg11", (32, 32, 3), 5),
        ("vgg11", (31, 40, 1), 4),
        ("vgg11", (8, 32, 1), 3),
        ("alexnet", (8, 8, 1), 1),
        ("lenet5", (8, 8, 1), 2),
        ("small_cnn", (9, 13, 3), 3),
    ],
)
def test_pooling_ends_at_one_pixel(name, shape, expected):
    layers = models.build(name, shape, 7, width=0.1).layers
    assert sum(layer.name.startswith("pool") for layer in layers) == expected


@pytest.mark.few(2)
@pytest.mark.parametrize("name", NAMES)
def test_clone_computes_the_same(name):
    model = models.build(name, (8, 8, 1), 3, width=0.1, normalization="batch", dropout=0.5)
    randomize(model)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    images = pixels((8, 8, 1))
    np.testing.assert_allclose(outputs(clone, images), outputs(model, images), rtol=1e-6)


def test_layers_are_numbered_by_kind():
    first, second = (models.build("small_cnn", (8, 8, 1), 3) for _ in range(2))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert first.get_layer("conv0").filters == 32


@pytest.mark.parametrize(("width", "filters"), [(0.001, 1), (0.1, 3), (0.65, 21), (2, 64)])
def test_width_scales_filters(width, filters):
    model = models.build("small_cnn", (8, 8, 1), 2, width=width)
    assert model.get_layer("conv0").filters == filters
    assert model.output_shape == (None, 2)


def test_width_scales_hidden_units():
    model = models.build("lenet5", (28, 28, 1), 10, width=0.1)
    assert [model.get_layer(name).units for name in ("dense0", "dense1", "logits")] == [12, 8, 10]


@pytest.mark.parametrize("name", ["resnet8", "lenet5"])
def test_seed_alone_decides_the_weights(name):
    options = [{}, {"dropout": 0.5}, {"normalization": "batch"}, {"seed": 1}]
    nets = [models.build(name, (28, 28, 1), 3, **option) for option in options]
    first, *same, other = map(kernels, nets)
    for equal in same:
        assert all(map(np.array_equal, first, equal))
    assert not any(map(np.array_equal, first, other))


def test_layers_of_equal_shape_differ():
    model = models.build("resnet20", (8, 8, 1), 3)
    same = [kernel for kernel in kernels(model) if kernel.shape == (3, 3, 16, 16)]
    assert len(same) == 6
    assert len({kernel.tobytes() for kernel in same}) == 6


def test_kernels_fill_their_uniform_distribution():
    model = models.build("resnet8", (32, 32, 3), 10)
    bound = np.sqrt(6 / (9 * (64 + 64)))
    kernel = np.asarray(model.get_layer("conv6").kernel)
    assert 0.99 * bound < np.abs(kernel).max() <= bound
    last = model.get_layer("logits")
    bound = np.sqrt(3 / 64)
    assert 0.97 * bound < np.abs(np.asarray(last.kernel)).max() <= bound
    assert not np.asarray(last.bias).any()


def test_dropout_acts_in_training_alone():
    model = models.build("small_cnn", (8, 8, 1), 3, dropout=0.9)
    plain = models.build("small_cnn", (8, 8, 1), 3)
    images = pixels((8, 8, 1))
    np.testing.assert_array_equal(outputs(model, images), outputs(plain, images))
    assert not np.allclose(outputs(model, images, training=True), outputs(plain, images))


@pytest.mark.parametrize(("name", "expected"), [("lenet5", 2), ("resnet8", 1), ("vgg11", 1)])
def test_dropout_stands_behind_hidden_layers_or_before_the_last(name, expected):
    model = models.build(name, (8, 8, 1), 3, dropout=0.25, width=0.1)
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert [layer.rate for layer in layers] == [0.25] * expected
    other = models.build(name, (8, 8, 1), 3, dropout=0.25, width=0.1, seed=1)
    seeds = {layer.seed for layer in (*layers, other.get_layer("dropout0"))}
    assert len(seeds) == expected + 1
    assert model.layers[-2] is layers[-1]


def test_batch_normalization_has_the_given_momentum():
    model = models.build("resnet8", (8, 8, 1), 3, normalization="batch", bn_momentum=0.5)
    norms = [layer for layer in model.layers if hasattr(layer, "moving_mean")]
    assert {(layer.momentum, layer.epsilon) for layer in norms} == {(0.5, 1e-3)}
    assert len(norms) == 7


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_residual_networks_for_imagenet_normalize_by_default(name):
    default = models.build(name, (8, 8, 1), 3, width=0.1)
    plain = models.build(name, (8, 8, 1), 3, width=0.1, normalization="none")
    norms = [sum(hasattr(layer, "moving_mean") for layer in net.layers) for net in (default, plain)]
    assert norms == [len(kernels(plain)) - 1, 0]


@pytest.mark.parametrize(
    ("size", "stem", "kernel", "remaining"),
    [(95, None, 3, 12), (96, None, 7, 3), (95, "imagenet", 7, 3), (96, "cifar", 3, 12)],
)
def test_stem_goes_by_the_smaller_side(size, stem, kernel, remaining):
    model = models.build("resnet18", (size, 130, 1), 3, width=0.1, stem=stem)
    assert model.get_layer("conv0").kernel_size == (kernel, kernel)
    assert model.get_layer("average0").input.shape[1] == remaining


@pytest.mark.parametrize(("size", "hidden"), [(95, 0), (96, 2)])
def test_vgg_has_hidden_layers_from_96_pixels(size, hidden):
    model = models.build("vgg11", (size, 130, 1), 3, width=0.1)
    assert sum(layer.name.startswith("dense") for layer in model.layers) == hidden


@pytest.mark.parametrize(
    ("mean", "std"), [(0.5, 0.25), ((0.1, 0.5, 0.9), [0.2, 0.5, 2.0]), (np.full(3, 0.5), 1)]
)
def test_mean_and_std_are_applied_at_the_entrance(mean, std):
    model = models.build("small_cnn", (8, 8, 3), 3, mean=mean, std=std)
    plain = models.build("small_cnn", (8, 8, 3), 3)
    images = pixels((8, 8, 3))
    expected = outputs(plain, ((images - mean) / std).astype("float32"))
    np.testing.assert_allclose(outputs(model, images), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.few(4)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("smoothing", ["penalty", "constraint", "layer"])
@pytest.mark.parametrize("smoothed", ["first", "all"])
def test_smoothing_changes_no_name_and_no_initial_weight(name, smoothing, smoothed):
    options = {"width": 0.1, "normalization": "none"}
    plain = models.build(name, (8, 8, 1), 3, **options)
    model = models.build(name, (8, 8, 1), 3, smoothing=smoothing, smoothed=smoothed, **options)
    assert [layer.name for layer in model.layers] == [layer.name for layer in plain.layers]
    assert all(map(np.array_equal, plain.get_weights(), model.get_weights()))
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    smooth = [layer.name for layer in convolutions if smoothness(layer)]
    assert smooth == [layer.name for layer in convolutions][: 1 if smoothed == "first" else None]
    assert len(model.losses) == (len(smooth) if smoothing == "penalty" else 0)


@pytest.mark.few(1)
@pytest.mark.parametrize("first_kernel", [3, 5])
@pytest.mark.parametrize(
    ("smoothing", "strength", "expected"),
    [("penalty", None, 0.01), ("constraint", None, 1.0), ("layer", None, 0.25)]
    + [("penalty", 2, 2.0), ("constraint", 0.4, 0.4), ("layer", 1, 1.0)],
)
def test_smoothing_acts_in_training_and_after_loading(
    smoothing, strength, expected, first_kernel, tmp_path
):
    options = {"smoothing": smoothing, "smoothing_strength": strength}
    model = models.build("resnet8", (8, 8, 1), 3, width=0.5, first_kernel=first_kernel, **options)
    first, images = models.first_convolution(model), pixels((8, 8, 1), examples=6)
    assert smoothness(first) == (smoothing, expected)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05), loss)
    model.fit(images, np.arange(6) % 3, batch_size=3, epochs=2, verbose=0)
    if smoothing == "constraint":
        assert float(kernel_mathematics.roughness(first.kernel)) <= expected
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert smoothness(loaded.get_layer("conv0")) == (smoothing, expected)
    np.testing.assert_allclose(outputs(loaded, images), outputs(model, images), rtol=1e-5)


@pytest.mark.parametrize("name", ["resnet8", "resnet20"])
def test_first_kernel_changes_the_first_convolution_alone(name):
    plain, default, large = (
        models.build(name, (9, 13, 3), 3, **option)
        for option in ({}, {"first_kernel": 3}, {"first_kernel": 7})
    )
    assert default.get_config() == plain.get_config()
    assert all(map(np.array_equal, kernels(plain), kernels(default)))
    first, *others = kernels(large)
    assert first.shape == (7, 7, 3, 16)
    assert all(map(np.array_equal, kernels(plain)[1:], others))
    assert large.get_layer("conv0").output.shape == (None, 9, 13, 16)


def test_default_convolutions_are_plain_ones():
    model = models.build("resnet8", (8, 8, 1), 3)
    convolutions = [layer for layer in model.layers if hasattr(layer, "kernel_size")]
    assert {type(layer) for layer in convolutions} == {keras.layers.Conv2D}
    assert {smoothness(layer) for layer in convolutions} == {None}


@pytest.mark.parametrize("name", ["resnet8", "lenet5"])
def test_half_precision_keeps_weights_and_logits_float32(half_precision, name):
    model = models.build(name, (28, 28, 1), 3, normalization="batch", mean=0.5, std=0.2)
    assert model.get_layer("conv1").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert outputs(model, pixels((28, 28, 1))).dtype == "float32"


@pytest.mark.slow
def test_saved_network_is_restored_without_this_package(tmp_path):
    model = models.build(
        "resnet8", (9, 13, 3), 4, normalization="batch", mean=[0.4, 0.5, 0.6], std=0.25
    )
    randomize(model)
    images = pixels((9, 13, 3))
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    done = subprocess.run(
        [sys.executable, "-I", "-c", RESTORE, tmp_path / "model.keras", tmp_path / "images.npy"],
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend()},
        capture_output=True,
        text=True,
        check=True,
    )
    foreign, restored = json.loads(done.stdout.splitlines()[-1])
    assert foreign == []
    np.testing.assert_allclose(restored, outputs(model, images), rtol=1e-5)


def padded_windows(x, size, strides, fill):
    pads = [(0, 0)]
    for side in x.shape[1:3]:
        total = max((-(-side // strides) - 1) * strides + size - side, 0)
        pads.append((total // 2, total - total // 2))
    x = np.pad(x, [*pads, (0, 0)], constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    return windows[:, ::strides, ::strides]


def reference_resnet8(weights, x):
    """Forward pass of ResNet-8 without normalization; weights by layer name."""

    def conv(x, index, strides=1):
        windows = padded_windows(x, 3, strides, 0.0)
        return np.einsum("bhwcij,ijcf->bhwf", windows, weights[f"conv{index}"][0])

    def relu(x):
        return np.maximum(x, 0)

    x = relu(conv(x, 0))
    x = x + conv(relu(conv(x, 1)), 2)
    for index in (3, 5):
        branch = conv(relu(conv(relu(x), index, strides=2)), index + 1)
        shortcut = np.nanmean(padded_windows(x, 2, 2, np.nan), axis=(-2, -1))
        zeros = np.zeros((*shortcut.shape[:3], shortcut.shape[3] // 2))
        x = np.concatenate([zeros, shortcut, zeros], axis=-1) + branch
    kernel, bias = weights["logits"]
    return relu(x).mean(axis=(1, 2)) @ kernel + bias


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 13, 3)])
def test_resnet8_is_the_reference(shape):
    model = models.build("resnet8", shape, 3, seed=3)
    randomize(model)
    weights = {layer.name: layer.get_weights() for layer in model.layers}
    images = pixels(shape)
    expected = reference_resnet8(weights, images.astype("float64"))
    np.testing.assert_allclose(outputs(model, images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "resnet9"}, "`name` must be one of .*nearest: 'resnet.*name='resnet9'"),
        ({"input_shape": (8, 8)}, r"\(height, width, channels\), .*input_shape=\(8, 8\)"),
        ({"input_shape": (7, 8, 1)}, "from .8, 8, 1.*Received"),
        ({"input_shape": (3, 32, 32)}, "from .8, 8, 1.*Received"),
        ({"input_shape": (8, 8, 0)}, "from .8, 8, 1.*Received"),
        ({"input_shape": (None, None, 3)}, "from .8, 8, 1.*Received"),
        ({"input_shape": 32}, "from .8, 8, 1.*Received: input_shape=32"),
        ({"classes": 1}, "`classes` must be a whole number from 2.*classes=1"),
        ({"classes": 2.5}, "`classes` must be a whole number"),
        ({"stem": "cifar"}, "`resnet8` takes the options normalization, .*stem='cifar'"),
        ({"name": "resnet18", "blur": 3}, "options .*, seed, stem, .*. Received: blur=3"),
        ({"name": "resnet18", "stem": "tiny"}, "`stem` must be one of 'imagenet', 'cifar'"),
        ({"normalization": "layer"}, "`normalization` must be one of 'none', 'batch'"),
        ({"bn_momentum": 1.5}, "`bn_momentum` must be a finite number from 0 up to 1"),
        ({"dropout": 1}, "`dropout` must be below 1. Received: dropout=1"),
        ({"dropout": -0.5}, "`dropout` must be a finite number from 0"),
        ({"width": 0}, "`width` must be above 0. Received: width=0"),
        ({"width": float("nan")}, "`width` must be a finite number"),
        ({"seed": -1}, "`seed` must be a whole number from 0"),
        ({"first_kernel": 4}, "`first_kernel` must be odd. Received: first_kernel=4"),
        ({"first_kernel": 0}, "`first_kernel` must be a whole number from 1"),
        ({"name": "vgg11", "first_kernel": 5}, "takes the options .*Received: first_kernel=5"),
        ({"smoothing": "blur"}, "must be one of None, 'penalty', .*Received: smoothing='blur'"),
        ({"smoothing_strength": 1}, "`smoothing` must be given with its strength"),
        ({"smoothing": "layer", "smoothing_strength": -1}, "Received: smoothing_strength=-1"),
        ({"smoothing": "constraint", "smoothing_strength": 0}, "above 0 for a constraint"),
        ({"smoothed": "last"}, "`smoothed` must be one of 'first', 'all'"),
        ({"mean": 0.5}, "`mean` and `std` must be given together.*std=None"),
        ({"mean": [0.5, 0.5], "std": 1}, "`mean` must be a number or one for each of 3"),
        ({"mean": "half", "std": 1}, "`mean` must be a finite number"),
        ({"mean": 0.5, "std": (1, 1, 0)}, "`std` must be above 0"),
    ],
)
def test_wrong_calls_are_refused(change, message):
    call = {"name": "resnet8", "input_shape": (8, 8, 3), "classes": 10, **change}
    with pytest.raises(ValueError, match=message):
        models.build(**call)


def test_channels_first_is_refused(channels_first):
    with pytest.raises(ValueError, match="must be 'channels_last'.*Received: image_data_format="):
        models.build("small_cnn", (8, 8, 1), 3)
