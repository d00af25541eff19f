import itertools

import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import layers, models, regularizers
from hfc_keras.models.networks import BOTTLENECKS

pytestmark = pytest.mark.jax

SPLITS = {1: [16], 2: [8, 8], 3: [8, 4, 4], 4: [4, 4, 4, 4], 5: [4, 4, 4, 2, 2]}


@pytest.fixture
def images(rng):
    return rng.normal(size=(2, 9, 12, 3)).astype("float32")


def reference(x, kernels, dilations, strides):
    """Sum over the taps, each a shifted copy of the padded input, in float64."""
    levels = []
    for kernel, dilation in zip(kernels, dilations, strict=True):
        size, (height, width) = kernel.shape[0], x.shape[1:3]
        margin = dilation * (size // 2)
        padded = np.pad(x.astype("float64"), ((0, 0), (margin, margin), (margin, margin), (0, 0)))
        total = 0.0
        for row, column in itertools.product(range(size), repeat=2):
            top, left = row * dilation, column * dilation
            total += padded[:, top : top + height, left : left + width] @ kernel[row, column]
        levels.append(total[:, ::strides, ::strides])
    return np.concatenate(levels, axis=-1)


@pytest.mark.parametrize("levels", SPLITS)
@pytest.mark.parametrize("strides", [1, 2, 3, 4])
def test_each_level_is_a_dilated_convolution_subsampled(levels, strides, images):
    layer = layers.ContextualConv2D(16, levels=levels, strides=strides)
    output = ops.convert_to_numpy(layer(images))
    assert [kernel.shape[-1] for kernel in layer.kernels] == SPLITS[levels]
    assert output.shape == (2, -(-9 // strides), -(-12 // strides), 16)
    assert layer.compute_output_shape(images.shape) == output.shape
    ends = np.cumsum(SPLITS[levels])
    for level, kernel in enumerate(layer.kernels):
        plain = keras.layers.Conv2D(
            kernel.shape[-1], 3, dilation_rate=level + 1, padding="same", use_bias=False
        )
        plain.build(images.shape)
        plain.kernel.assign(kernel)
        expected = ops.convert_to_numpy(plain(images))[:, ::strides, ::strides]
        part = output[..., ends[level] - kernel.shape[-1] : ends[level]]
        np.testing.assert_allclose(part, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "splits", "dilations", "strides"),
    [(3, (3, 5), (4, 2), 2), (5, [1, 4, 3], [1, 1, 2], 3), (1, (8,), (7,), 2)],
)
def test_given_splits_and_dilations_are_the_reference(size, splits, dilations, strides, images):
    options = {"splits": splits, "dilations": dilations, "strides": strides, "use_bias": True}
    layer = layers.ContextualConv2D(8, size, bias_initializer="ones", **options)
    output = ops.convert_to_numpy(layer(images))
    kernels = [ops.convert_to_numpy(kernel) for kernel in layer.kernels]
    expected = reference(images, kernels, dilations, strides) + 1
    np.testing.assert_allclose(output, expected, atol=1e-5)


@pytest.mark.parametrize("levels", SPLITS)
def test_an_impulse_reaches_as_far_as_the_dilation(levels):
    impulse = np.zeros((1, 15, 15, 1), "float32")
    impulse[0, 7, 7] = 1
    layer = layers.ContextualConv2D(8, levels=levels, kernel_initializer="ones")
    response = ops.convert_to_numpy(layer(impulse))[0]
    filters = np.repeat(np.arange(1, levels + 1), [n // 2 for n in SPLITS[levels]])
    for plane, dilation in zip(np.moveaxis(response, -1, 0), filters, strict=True):
        rows, columns = np.nonzero(plane)
        assert np.ptp(rows) == np.ptp(columns) == 2 * dilation
        assert set(rows) == set(columns) == {7 - dilation, 7, 7 + dilation}


@pytest.mark.parametrize("levels", SPLITS)
@pytest.mark.parametrize("use_bias", [False, True])
def test_weights_are_as_many_and_start_as_those_of_a_plain_convolution(levels, use_bias):
    initializer = keras.initializers.GlorotUniform(seed=3)
    plain = keras.layers.Conv2D(16, 3, use_bias=use_bias, kernel_initializer=initializer)
    layer = layers.ContextualConv2D(
        16, levels=levels, use_bias=use_bias, kernel_initializer=initializer
    )
    for each in (plain, layer):
        each.build((None, 8, 8, 3))
    assert layer.count_params() == plain.count_params()
    kernel = ops.convert_to_numpy(ops.concatenate(layer.kernels, axis=-1))
    np.testing.assert_array_equal(kernel, ops.convert_to_numpy(plain.kernel))


def test_each_level_has_its_regularizer_and_constraint():
    layer = layers.ContextualConv2D(
        5,
        splits=[2, 3],
        dilations=(1, 4),
        kernel_regularizer=regularizers.KernelRoughness(0.1),
        kernel_constraint=regularizers.MaxRoughness(1.0),
    )
    layer.build((None, 9, 12, 3))
    assert len(layer.losses) == 2
    assert all(kernel.constraint is layer.kernel_constraint for kernel in layer.kernels)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"filters": 3, "levels": 2}, "multiple of 2 at 2 levels. Received: filters=3, levels=2"),
        ({"filters": 6, "levels": 3}, "multiple of 4 at 3 levels"),
        ({"filters": 6}, "multiple of 4 at 4 levels. Received: filters=6, levels=4"),
        ({"filters": 12, "levels": 5}, "multiple of 8 at 5 levels"),
        ({"filters": 0}, "`filters` must be a whole number from 1"),
        ({"levels": 0}, "`levels` must be a whole number from 1 up to 5. Received: levels=0"),
        ({"levels": 6}, "from 1 up to 5. Received: levels=6"),
        ({"strides": 0}, "`strides` must be a whole number from 1. Received: strides=0"),
        ({"kernel_size": 4}, "`kernel_size` must be odd. Received: kernel_size=4"),
        ({"splits": (4, 4)}, "must be given together. Received: .*dilations=None"),
        ({"splits": (4, 4), "dilations": (1,)}, "one entry for each .*dilations=.1,."),
        ({"splits": (4, 3), "dilations": (1, 2)}, "must add up to `filters`.*filters=8"),
        ({"splits": (8, 0), "dilations": (1, 2)}, "`splits` must be a whole number from 1"),
        ({"splits": (4, 4), "dilations": (1, 0)}, "Received: dilations=0"),
        ({"splits": 8, "dilations": 1}, "`splits` must be a sequence of ints"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        layers.ContextualConv2D(**{"filters": 8, **call})


@pytest.mark.parametrize(
    ("shape", "message"),
    [((8, 8), "expected ndim=4"), ((8, 8, None), "channels must be known. Received: input_shape")],
)
def test_wrong_inputs_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        layers.ContextualConv2D(8)(keras.Input(shape))


def parameters(stages, unit):
    """Trainable weights of bottlenecks behind a 7 x 7 stem, ``unit`` filters in the first."""
    total, entering = 7 * 7 * 3 * unit + 2 * unit, unit
    for stage, blocks in enumerate(stages):
        filters = unit * 2**stage
        leaving = 4 * filters
        total += entering * leaving + 2 * leaving
        for _ in range(blocks):
            total += entering * filters + 9 * filters**2 + filters * leaving
            total += 2 * (2 * filters + leaving)
            entering = leaving
    return total + entering * 1000 + 1000


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize(
    ("layers", "expected"), [(50, 25_557_032), (101, 44_549_160), (152, 60_192_808)]
)
def test_formula_gives_the_published_number_of_parameters(layers, expected):
    assert parameters(BOTTLENECKS[layers], 64) == expected


@pytest.mark.slow_on_jax
@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("name", "unit"), [("coresnet50", 64), ("coresnet101", 4), ("coresnet152", 4)]
)
def test_number_of_parameters_follows_the_formula(name, unit):
    model = models.build(name, (224, 224, 3), 1000, width=unit / 64)
    assert trainable(model) == parameters(BOTTLENECKS[int(name[8:])], unit)


def contextual(model):
    return [layer for layer in model.layers if isinstance(layer, layers.ContextualConv2D)]


def late_norms(model):
    """Normalizations behind an addition."""
    norms = [layer for layer in model.layers if hasattr(layer, "moving_mean")]
    return sum("add" in norm.input._keras_history.operation.name for norm in norms)


@pytest.mark.slow_on_jax
@pytest.mark.parametrize("end_stage_norm", [True, False])
@pytest.mark.parametrize("name", ["resnet14", "coresnet14"])
def test_levels_and_late_normalization_are_apart(name, end_stage_norm):
    model = models.build(name, (8, 8, 1), 3, width=1 / 16, end_stage_norm=end_stage_norm)
    default = models.build(name, (8, 8, 1), 3, width=1 / 16)
    assert late_norms(model) == (4 if end_stage_norm else 0)
    assert late_norms(default) == (4 if name == "coresnet14" else 0)
    assert trainable(model) == trainable(default)
    expected = [4, 3, 2] if name == "coresnet14" else []
    assert [layer.levels for layer in contextual(model)] == expected


def test_coresnet_without_its_changes_is_the_resnet():
    options = {"levels": [1, 1, 1, 1], "end_stage_norm": False, "width": 1 / 16}
    changed = models.build("coresnet26", (8, 8, 1), 3, **options)
    plain = models.build("resnet26", (8, 8, 1), 3, width=1 / 16)
    assert [layer.get_config() for layer in changed.layers] == [
        layer.get_config() for layer in plain.layers
    ]


def test_coresnet_starts_from_the_weights_of_the_resnet():
    plain, changed = (
        models.build(name, (8, 8, 1), 3, width=0.25) for name in ("resnet14", "coresnet14")
    )
    assert len(contextual(changed)) == 3
    for layer in changed.layers:
        if layer.name.startswith("conv"):
            kernels = getattr(layer, "kernels", None) or [layer.kernel]
            whole = np.concatenate([ops.convert_to_numpy(kernel) for kernel in kernels], axis=-1)
            np.testing.assert_array_equal(whole, plain.get_layer(layer.name).kernel)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0.1}, "`filters` must be a multiple of 4 at 4 levels. Received: filters=6"),
        ({"levels": (4, 3, 2)}, "one int for each of four stages. Received: levels=.4, 3, 2."),
        ({"levels": 4}, "for each of four stages. Received: levels=4"),
        ({"levels": (4, 3, 2, 0)}, "`levels` must be a whole number from 1 up to 5"),
        ({"smoothing": "penalty", "smoothed": "all"}, "`smoothed` must be 'first' with dilation"),
        ({"name": "resnet18", "levels": (1, 1, 1, 1)}, "takes the options .*levels="),
    ],
)
def test_wrong_networks_are_refused(change, message):
    call = {"name": "coresnet14", "input_shape": (8, 8, 1), "classes": 3, "width": 0.25, **change}
    with pytest.raises(ValueError, match=message):
        models.build(**call)
