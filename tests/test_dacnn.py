import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import models
from hfc_keras.models import dacnn
from hfc_keras.models.parts import Parts

# Registered with a kernel for each width and never used by the released code.
UNUSED = 2 * (128 + 256 + 512)
SQUARES = [64**2, 128**2, 256**2, 512**2]
OPTIONS = [
    (name, {"mix": mix, "regulator": regulator})
    for name in ("dacnn14", "dacnn18", "dacnn34")
    for mix in (False, True)
    for regulator in ("none", "convolution", "rotation")
]


def build(name, classes=3, shape=(8, 8, 1), width=1 / 16, **options):
    return models.build(name, shape, classes, width=width, **options)


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def convolutions(model):
    found = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    return sorted(found, key=lambda layer: int(layer.name.removeprefix("conv")))


def norms(model):
    return [layer for layer in model.layers if hasattr(layer, "moving_mean")]


def randomize(model, rng):
    for weight in model.weights:
        noise = rng.uniform(0.1, 0.5, weight.shape).astype("float32")
        weight.assign(ops.convert_to_numpy(weight) + noise)


@pytest.mark.few(4)
@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("dacnn14", {}, 167_396),
        ("dacnn18", {}, 168_164),
        ("dacnn34", {}, 172_260),
        ("dacnn14", {"mix": True}, 4_744_100),
        ("dacnn18", {"mix": True}, 4_920_036 - UNUSED),
        ("dacnn34", {"mix": True}, 4_927_460 - UNUSED),
        ("dacnn18", {"regulator": "convolution"}, 168_164 + 16 * 128**2),
        ("dacnn34", {"regulator": "convolution"}, 172_260 + 32 * 128**2),
        (
            "dacnn18",
            {"mix": True, "regulator": "convolution"},
            4_920_036 - UNUSED + np.dot([2, 2, 2, 2], SQUARES),
        ),
        (
            "dacnn34",
            {"mix": True, "regulator": "convolution"},
            4_927_460 - UNUSED + np.dot([3, 4, 6, 3], SQUARES),
        ),
        ("dacnn18", {"regulator": "rotation"}, 168_164),
    ],
)
def test_number_of_parameters_is_the_published_one_but_for_unused_layers(name, options, expected):
    assert trainable(build(name, 100, (32, 32, 3), 1, **options)) == expected


def test_ten_classes_take_fewer_parameters():
    assert trainable(build("dacnn14", 10, (32, 32, 3), 1)) == 155_786


@pytest.mark.parametrize(
    ("name", "mix", "uses", "normalized"),
    [
        ("dacnn14", False, [1, 12], 13),
        ("dacnn18", False, [1, 16], 17),
        ("dacnn34", False, [1, 32], 33),
        ("dacnn14", True, [1, 1, 1, 1, 1, 2, 1, 5], 12),
        ("dacnn18", True, [1, 4, *3 * [3, 1, 1]], 20),
        ("dacnn34", True, [1, 6, 7, 1, 1, 11, 1, 1, 5, 1, 1], 36),
    ],
)
def test_kernels_are_shared_and_normalizations_are_not(name, mix, uses, normalized):
    model = build(name, mix=mix)
    assert [len(layer._inbound_nodes) for layer in convolutions(model)] == uses
    assert len(norms(model)) == normalized
    assert {len(layer._inbound_nodes) for layer in norms(model)} == {1}
    assert [layer.name for layer in convolutions(model)] == [f"conv{i}" for i in range(len(uses))]
    assert norms(build(name, mix=mix, normalization="none")) == []


@pytest.mark.parametrize("size", [32, 9])
def test_only_poolings_make_the_map_smaller(size):
    for name, sides in (("dacnn14", [32, 16, 8, 4, 2, 1]), ("dacnn18", [32, 16, 8, 4, 2])):
        pools = [
            layer for layer in build(name, shape=(size, size, 1)).layers if "pool" in layer.name
        ]
        sides = sides if size == 32 else [9, 4, 2, 1]
        assert [layer.input.shape[1] for layer in pools] == sides[:-1]
        assert pools[-1].output.shape[1] == sides[-1]


class Reference:
    """The layers of a network in float64, in the order of their numbers."""

    def __init__(self, model):
        self.weights = {layer.name: layer.get_weights() for layer in model.layers}
        self.count = {"conv": 0, "norm": 0}

    def next(self, kind):
        self.count[kind] += 1
        return self.weights[f"{kind}{self.count[kind] - 1}"]

    def norm(self, x):
        gamma, beta, mean, variance = self.next("norm")
        return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta

    @staticmethod
    def conv(x, weights):
        kernel, *bias = weights
        margin = kernel.shape[0] // 2
        padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2], axis=(1, 2))
        return np.einsum("bhwcij,ijcf->bhwf", windows, kernel) + (bias[0] if bias else 0)

    @staticmethod
    def pool(x):
        if min(x.shape[1:3]) < 2:
            return x
        height, width = (side // 2 * 2 for side in x.shape[1:3])
        x = x[:, :height, :width]
        return np.stack([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]).max(axis=0)

    def head(self, x):
        kernel, bias = self.weights["logits"]
        return x.mean(axis=(1, 2)) @ kernel + bias

    def regulated(self, x, regulator):
        if regulator == "rotation":
            return np.concatenate([x[..., 1:], x[..., :1]], axis=-1)
        return self.conv(x, self.next("conv")) if regulator == "convolution" else x


def relu(x):
    return np.maximum(x, 0)


def reference_dacnn14(net, x, regulator):
    x = net.norm(relu(net.conv(x, net.next("conv"))))
    kernel = net.next("conv")
    for layer in range(2, 14):
        x = net.norm(relu(net.conv(x, kernel)))
        x = net.regulated(x, regulator)
        x = net.pool(x) if layer in (2, 4, 7, 10, 13) else x
    return net.head(x)


def reference_dacnn18(net, x, regulator):
    x = relu(net.norm(net.conv(x, net.next("conv"))))
    kernel = net.next("conv")
    for block in range(8):
        y = net.regulated(net.norm(net.conv(x, kernel)), regulator)
        y = net.regulated(net.norm(net.conv(relu(y), kernel)), regulator)
        shortcut = np.roll(x, -2, axis=-1) if regulator == "rotation" else x
        x = relu(shortcut + y)
        x = net.pool(x) if block % 2 else x
    return net.head(x)


def reference_mixed14(net, x, regulator):
    def block(x, weights):
        return relu(net.norm(net.conv(x, weights)))

    def two_uses(x, kernel):
        for _ in range(2):
            x = relu(net.regulated(net.norm(net.conv(x, kernel)), regulator))
        return net.pool(x)

    for _ in range(2):
        x = net.pool(block(block(x, net.next("conv")), net.next("conv")))
    for _ in range(2):
        x = block(x, net.next("conv"))
        kernel = net.next("conv")
        x = two_uses(x, kernel)
    return net.head(two_uses(net.conv(x, kernel), kernel))


def reference_mixed18(net, x, regulator):
    x = relu(net.norm(net.conv(x, net.next("conv"))))
    for block in range(8):
        moves = block in (2, 4, 6)
        if block % 2 == 0:
            kernel = net.next("conv")
        y = net.norm(net.conv(x, net.next("conv") if moves else kernel))
        y = net.regulated(y, regulator) if regulator == "rotation" else y
        y = net.regulated(net.norm(net.conv(relu(y), kernel)), regulator)
        x = net.norm(net.conv(x, net.next("conv"))) if moves else x
        x = relu(np.roll(x, -2 if regulator == "rotation" else 0, axis=-1) + y)
        x = net.pool(x) if block % 2 else x
    return net.head(x)


@pytest.mark.few(4)
@pytest.mark.parametrize("regulator", dacnn.REGULATORS)
@pytest.mark.parametrize(
    ("name", "mix", "reference"),
    [
        ("dacnn14", False, reference_dacnn14),
        ("dacnn18", False, reference_dacnn18),
        ("dacnn14", True, reference_mixed14),
        ("dacnn18", True, reference_mixed18),
    ],
)
def test_network_is_the_reference(name, mix, reference, regulator, rng):
    model = build(name, shape=(9, 12, 2), mix=mix, regulator=regulator)
    randomize(model, rng)
    images = rng.random((2, 9, 12, 2), "float32")
    expected = reference(Reference(model), images.astype("float64"), regulator)
    np.testing.assert_allclose(ops.convert_to_numpy(model(images)), expected, rtol=1e-3)


def test_rotation_moves_the_first_channel_to_the_end(rng):
    inputs = keras.Input((4, 5, 3))
    model = keras.Model(inputs, Parts().rotate(inputs))
    images = rng.random((2, 4, 5, 3), "float32")
    expected = np.roll(images, -1, axis=-1)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(images)), expected)
    single = keras.Input((4, 5, 1))
    assert Parts().rotate(single) is single


@pytest.mark.few(6)
@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_every_variant_is_made_of_keras_layers(name, options):
    model = build(name, **options)
    assert model.output_shape == (None, 3)
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}


@pytest.mark.slow
@pytest.mark.parametrize("smoothing", ["penalty", "layer"])
def test_a_shared_kernel_is_trained_saved_and_loaded_as_one(smoothing, tmp_path, rng):
    model = build("dacnn14", smoothing=smoothing, smoothed="all")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    images, before = rng.random((6, 8, 8, 1), "float32"), model.get_weights()
    model.fit(images, np.arange(6) % 3, batch_size=3, verbose=0)
    assert not any(map(np.array_equal, before, model.get_weights()))
    assert len(model.losses) == (2 if smoothing == "penalty" else 0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert [len(layer._inbound_nodes) for layer in convolutions(loaded)] == [1, 12]
    expected = ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(ops.convert_to_numpy(loaded(images)), expected, rtol=1e-5)


def test_a_shared_kernel_refuses_other_channels():
    anchor = keras.layers.Conv2D(8, 3, padding="same", name="anchor")
    dacnn.reuse(anchor, keras.Input((4, 4, 8)))
    message = "must have the 8 channels of the kernel that `anchor` shares. Received: x.shape="
    with pytest.raises(ValueError, match=message):
        dacnn.reuse(anchor, keras.Input((4, 4, 6)))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"regulator": "swap"}, "must be one of 'none', 'convolution', 'rotation'.*'swap'"),
        ({"stem": "cifar"}, "takes the options .*, mix, regulator, shared. Received: stem='cifar'"),
    ],
)
@pytest.mark.parametrize("name", ["dacnn14", "dacnn34"])
def test_wrong_options_are_refused(name, option, message):
    with pytest.raises(ValueError, match=message):
        build(name, **option)


@pytest.mark.few(1)
@pytest.mark.parametrize(("name", "options"), OPTIONS[::5])
def test_without_sharing_each_use_has_a_kernel_of_its_own(name, options, rng):
    """With the same kernel in each, the network is the anchored one."""
    anchored, apart = (build(name, shared=shared, **options) for shared in (True, False))
    randomize(anchored, rng)
    single = {layer.name: layer for layer in anchored.layers}
    uses = [len(layer._inbound_nodes) for layer in convolutions(anchored)]
    assert len(convolutions(apart)) == sum(uses) > len(uses)
    for layer, twin in zip(in_order(anchored), in_order(apart), strict=True):
        assert type(layer) is type(twin)
        twin.set_weights(single[layer.name].get_weights())
    images = rng.random((2, 8, 8, 1), "float32")
    np.testing.assert_allclose(anchored(images), apart(images), rtol=1e-4, atol=1e-5)


def in_order(model):
    """Layer of each call, from the images on."""
    nodes = (
        node
        for depth in sorted(model._nodes_by_depth, reverse=True)
        for node in model._nodes_by_depth[depth]
    )
    return [node.operation for node in nodes]
