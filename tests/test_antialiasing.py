import itertools

import keras
import numpy as np
import pytest

from hfc_keras import layers, models, training

KINDS = ("blurpool", "critical", "flc", "asap")
NETWORKS = {"resnet8": (16, 16, 3), "resnet18": (17, 24, 1), "vgg11": (9, 13, 3)}


def pixels(shape, examples=2, seed=0):
    return np.random.default_rng(seed).random((examples, *shape), dtype="float32")


def outputs(model, images):
    return np.asarray(model(images))


def weights(model):
    return [np.asarray(weight) for weight in model.weights]


def build(name, shape, **options):
    return models.build(name, shape, 4, **{"width": 0.1, **options})


def path_to(model, name):
    """Kinds of the layers from the one of a name on, while there is one way to go."""
    layer, kinds = model.get_layer(name), []
    while True:
        kinds.append(type(layer).__name__)
        following = [node.operation for node in layer._outbound_nodes]
        if len(following) != 1:
            return kinds
        (layer,) = following


def before(model, name):
    """The layer whose output a layer takes."""
    return model.get_layer(name)._inbound_nodes[0].parent_nodes[0].operation


class TestNetworks:
    """The option of ``models.build``."""

    @pytest.mark.few(2)
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        ("name", "order"),
        [("resnet8", "post"), ("resnet8", "pre"), ("resnet18", None), ("vgg11", None)],
    )
    def test_a_network_starts_from_the_weights_of_its_plain_twin(self, name, kind, order):
        shape = NETWORKS[name]
        plain, unfiltered = (
            build(name, shape, normalization="batch", antialias=kind)
            for kind in ("none", "aligned")
        )
        told = {"antialias": kind, **({"order": order} if order else {})}
        model = build(name, shape, normalization="batch", **told)
        named = {weight.path: np.asarray(weight) for weight in plain.weights}
        assert {weight.path for weight in model.weights} == set(named)
        assert all(np.array_equal(named[weight.path], weight) for weight in model.weights)
        images = pixels(shape)
        assert outputs(model, images).shape == (2, 4)
        assert not np.allclose(outputs(model, images), outputs(unfiltered, images))

    @pytest.mark.parametrize(
        ("shape", "told", "stem"),
        [
            ((16, 18, 3), ("critical", "post"), "cifar"),
            ((17, 33, 3), ("blurpool", "pre"), "cifar"),
            ((64, 72, 3), ("critical", "post"), "imagenet"),
        ],
    )
    def test_a_filter_of_size_1_leaves_the_pixels_of_the_aligned_network(self, shape, told, stem):
        kind, order = told
        base = {"normalization": "none", "stem": stem}
        options = {"antialias": kind, "order": order, "blur_size": 1}
        images = pixels(shape)
        same = outputs(build("resnet18", shape, **base, **options), images)
        aligned = build("resnet18", shape, **base, antialias="aligned")
        np.testing.assert_allclose(same, outputs(aligned, images), atol=1e-6)
        plain = outputs(build("resnet18", shape, **base), images)
        assert np.allclose(plain, same, atol=1e-6) == (shape == (17, 33, 3))

    def test_none_is_the_plain_network(self):
        plain, none = (
            build("resnet8", (32, 32, 3)),
            build("resnet8", (32, 32, 3), antialias="none"),
        )
        assert plain.get_config() == none.get_config()

    @pytest.mark.few(1)
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("resnet18", {"antialias": "critical"}),
            ("resnet18", {"antialias": "blurpool"}),
            ("resnet18", {"antialias": "critical", "order": "pre"}),
            ("vgg11", {"antialias": "critical"}),
        ],
    )
    def test_filter_of_size_one_leaves_odd_maps_as_they_are(self, name, options):
        """Sides 17, 25 stay odd at each stride, where Keras keeps the pixels 0, 2, 4 ..."""
        plain, model = (
            build(name, (17, 25, 1), normalization="batch", **each)
            for each in ({}, {**options, "blur_size": 1})
        )
        images = pixels((17, 25, 1))
        np.testing.assert_allclose(outputs(model, images), outputs(plain, images), 1e-4, 1e-6)

    @pytest.mark.few(3)
    @pytest.mark.parametrize(
        ("name", "conv", "options", "expected"),
        [
            ("resnet18", "conv5", {}, ["Conv2D", "BatchNormalization", "ReLU", "Conv2D"]),
            (
                "resnet18",
                "conv5",
                {"antialias": "critical"},
                ["Conv2D", "BlurPool2D", "BatchNormalization", "ReLU"],
            ),
            (
                "resnet18",
                "conv5",
                {"antialias": "blurpool"},
                ["Conv2D", "BatchNormalization", "ReLU", "BlurPool2D"],
            ),
            (
                "resnet50",
                "conv12",
                {"antialias": "blurpool"},
                ["Conv2D", "BatchNormalization", "ReLU", "BlurPool2D"],
            ),
            (
                "resnet18",
                "conv5",
                {"antialias": "flc"},
                ["Conv2D", "BatchNormalization", "ReLU", "Conv2D"],
            ),
            (
                "resnet18",
                "conv5",
                {"antialias": "asap", "order": "post"},
                ["Conv2D", "FourierPool2D", "BatchNormalization", "ReLU"],
            ),
        ],
    )
    def test_the_filter_stands_where_its_paper_has_it(self, name, conv, options, expected):
        model = models.build(name, (96, 96, 3), 4, width=0.05, **options)
        assert path_to(model, conv)[:4] == expected
        assert model.get_layer(conv).strides == ((1, 1) if options else (2, 2))
        # The first convolution is never filtered.
        assert model.get_layer("conv0").strides == (2, 2)
        assert path_to(model, "conv0")[1:3] == ["BatchNormalization", "ReLU"]

    @pytest.mark.parametrize("kind", KINDS)
    def test_order_pre_filters_what_enters_the_convolution(self, kind):
        model = build("resnet18", (32, 32, 3), antialias=kind, order="pre")
        blurred = kind in ("critical", "blurpool")
        pooling, convolution = (
            before(model, "border0" if blurred else "conv5"),
            model.get_layer("conv5"),
        )
        assert not blurred or before(model, "conv5") is model.get_layer("border0")
        assert type(pooling) is (layers.BlurPool2D if blurred else layers.FourierPool2D)
        assert convolution.strides == ((2, 2) if blurred else (1, 1))
        assert not blurred or pooling.strides == 1

    @pytest.mark.parametrize(
        ("kind", "size", "padding"), [("critical", 3, "same"), ("blurpool", 2, "valid")]
    )
    def test_the_first_pooling_of_large_images(self, kind, size, padding):
        model = models.build("resnet18", (96, 96, 3), 4, width=0.05, antialias=kind, blur_size=5)
        pooling = model.get_layer("max0")
        assert (pooling.pool_size, pooling.strides) == ((size, size), (1, 1))
        assert pooling.padding == padding
        assert model.get_layer("blur0").pool_size == 5
        assert model.get_layer("blur0").output.shape[1:3] == (24, 24)

    @pytest.mark.parametrize("size", range(1, 6))
    def test_the_shortcut_and_its_filter_commute(self, size):
        images = pixels((9, 12, 4))
        shortcut = keras.layers.Conv2D(6, 1, use_bias=False)
        pool = layers.BlurPool2D(size)
        np.testing.assert_allclose(
            np.asarray(pool(shortcut(images))), np.asarray(shortcut(pool(images))), atol=1e-5
        )

    @pytest.mark.parametrize("kind", ["critical", "blurpool"])
    def test_the_shortcut_has_its_filter_first_where_it_costs_less(self, kind):
        model = build("resnet18", (16, 16, 3), antialias=kind)
        assert before(model, "conv7").name == "blur1"
        assert model.get_layer("conv7").strides == (1, 1)

    @pytest.mark.parametrize("kind", ["critical", "blurpool"])
    def test_shortcut_without_parameters_is_the_same_filter_of_size_two(self, kind):
        model = build("resnet8", (16, 16, 3), antialias=kind, blur_size=2)
        images = pixels((16, 16, 3))
        pool = before(model, "pad0")
        assert type(pool) is layers.BlurPool2D
        average = np.asarray(keras.layers.AveragePooling2D(2)(images))
        np.testing.assert_allclose(np.asarray(pool(images)), average, atol=1e-6)

    def test_vgg_pools_maxima_of_every_pixel(self):
        model = build("vgg11", (32, 32, 3), antialias="critical")
        expected = [
            type(layer).__name__ for layer in model.layers if "Pool" in type(layer).__name__
        ]
        # Of the last 2 x 2 pixels one maximum is left at any stride.
        assert expected == ["MaxPooling2D", "BlurPool2D"] * 4 + ["MaxPooling2D"] + expected[-1:]
        assert model.get_layer("pool0").strides == (2, 2)

    @pytest.mark.parametrize("kind", ["critical", "flc"])
    def test_a_network_is_saved_with_its_filters(self, kind, tmp_path):
        model = build("resnet8", (16, 16, 3), antialias=kind)
        model.save(tmp_path / "model.keras")
        images = pixels((16, 16, 3))
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(outputs(loaded, images), outputs(model, images), rtol=1e-5)

    @pytest.mark.slow
    def test_a_recipe_takes_the_option(self):
        options = {"antialias": "blurpool", "blur_size": 4}
        recipe = training.Recipe(
            dataset="digits", model="resnet8", options=options, examples=(20, 10), epochs=1
        )
        model, _ = training.fit(recipe.but(width=0.25))
        assert model.get_layer("blur0").pool_size == 4

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"antialias": "blur"}, "'blurpool', .*Received: antialias='blur'"),
            ({"antialias": "critical", "blur_size": 0}, "from 1 up to 7. Received: blur_size=0"),
            ({"antialias": "flc", "blur_size": 5}, "antialias='flc', blur_size=5"),
            ({"blur_size": 5}, "'blurpool' or 'critical'.*antialias='none', blur_size=5"),
            ({"order": "pre"}, "of a kind that filters.*antialias='none', order='pre'"),
            ({"antialias": "aligned", "order": "pre"}, "of a kind that filters"),
            ({"name": "vgg11", "antialias": "flc", "order": "pre"}, "takes the options .*order="),
            ({"antialias": "flc", "order": "first"}, "'post', 'pre'.*order='first'"),
            ({"name": "small_cnn", "antialias": "flc"}, "takes the options .*antialias='flc'"),
        ],
    )
    def test_wrong_options_are_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            models.build(**{"name": "resnet8", "input_shape": (8, 8, 3), "classes": 4, **options})


L = keras.layers
# Strided layers by name, as functions of kernel size and padding.
STRIDED = {
    "conv": lambda size, padding: L.Conv2D(4, size, 2, padding, activation="relu"),
    "depthwise": lambda size, padding: L.DepthwiseConv2D(size, 2, padding, depth_multiplier=2),
    "separable": lambda size, padding: L.SeparableConv2D(4, size, 2, padding),
    "smooth": lambda size, padding: layers.SmoothConv2D(4, size, 0.2, strides=2, padding=padding),
    "max": lambda size, padding: L.MaxPooling2D(size, 2, padding),
    "average": lambda size, padding: L.AveragePooling2D(size, 2, padding),
}


def chain(*parts, shape=(16, 16, 3)):
    return keras.Sequential([keras.Input(shape), *parts])


def mobile():
    """Depthwise blocks as of MobileNet, with a padding layer of its own before a stride."""
    x = inputs = keras.Input((16, 16, 3))
    for strides, padding in ((2, "valid"), (1, "same"), (2, "same")):
        if padding == "valid":
            x = L.ZeroPadding2D(((0, 1), (0, 1)))(x)
        x = L.DepthwiseConv2D(3, strides, padding, use_bias=False)(x)
        x = L.ReLU(6.0)(L.BatchNormalization()(x))
        x = L.Conv2D(8, 1)(x)
    return keras.Model(inputs, L.Dense(3)(L.GlobalAveragePooling2D()(x)))


def shared():
    """One strided convolution for two images of different parity, and one for a nested model."""
    inputs = keras.Input((16, 16, 3))
    conv = L.Conv2D(3, 3, 2, "same", name="both")
    inner = chain(conv, L.BatchNormalization(), shape=(16, 16, 3))
    x, y = inner(inputs), conv(L.ZeroPadding2D(((1, 0), (1, 2)))(inputs))
    x = L.Concatenate()([L.GlobalAveragePooling2D()(each) for each in (x, y, inner(inputs * 2))])
    return keras.Model(inputs, x)


def nested():
    """Sequential in functional in functional, with a frozen layer."""
    core = chain(L.Conv2D(4, 3, 2, "same", name="core"), L.MaxPooling2D(2), shape=(16, 16, 3))
    core.layers[0].trainable = False
    middle = keras.Input((16, 16, 3))
    middle = keras.Model(middle, core(middle), name="middle")
    inputs = keras.Input((16, 16, 3))
    return keras.Model(inputs, L.Flatten()(middle(inputs)))


MAKERS = {
    "mobile": mobile,
    "shared": shared,
    "nested": nested,
    "resnet8": lambda: build("resnet8", (16, 16, 3), normalization="batch", dropout=0.5),
    "resnet18": lambda: build("resnet18", (33, 33, 3), stem="imagenet"),
    "coresnet14": lambda: build("coresnet14", (16, 17, 3), width=0.125),
}


class TestSurgery:
    """``models.antialias`` on a user's model."""

    @pytest.mark.few(4)
    @pytest.mark.parametrize("padding", ["same", "valid"])
    @pytest.mark.parametrize("kind", STRIDED)
    def test_without_a_filter_the_copy_is_the_model(self, kind, padding):
        x = inputs = keras.Input((10, 9, 3))
        ends = [STRIDED[kind](size, padding)(x) for size in (1, 2, 3, 4, 5, 7)]
        ends += [STRIDED[kind](size, padding)(L.Cropping2D(1)(x)) for size in (3, 5, 7)]
        model = keras.Model(inputs, ends)
        copy, changes = models.antialias(model, pool_size=1)
        images = pixels((10, 9, 3)) - 0.5
        for expected, output in zip(model(images), copy(images), strict=True):
            np.testing.assert_allclose(np.asarray(output), np.asarray(expected), atol=1e-5)
        assert len(changes) == 9

    @pytest.mark.few(2)
    @pytest.mark.parametrize("name", MAKERS)
    def test_whole_models(self, name):
        model = MAKERS[name]()
        generator = np.random.default_rng(1)
        for weight in model.weights:
            weight.assign(np.asarray(weight) + 0.05 * generator.random(weight.shape, "float32"))
        images, values = pixels(model.input_shape[1:]), weights(model)
        same, changes = models.antialias(model, pool_size=1)
        np.testing.assert_allclose(outputs(same, images), outputs(model, images), 1e-4, 1e-5)
        assert len(changes) > 0
        copy, _ = models.antialias(model, pool_size=2)
        assert outputs(copy, images).shape == outputs(model, images).shape
        assert not np.allclose(outputs(copy, images), outputs(model, images))
        assert copy.count_params() == model.count_params()
        assert len(copy.trainable_weights) == len(model.trainable_weights)
        assert all(map(np.array_equal, values, weights(model)))

    def test_the_filter_acts_on_the_map_at_stride_one(self):
        conv = L.Conv2D(4, 3, 2, "same")
        model = chain(conv, shape=(10, 9, 3))
        copy, _ = models.antialias(model, pool_size=5)
        images = pixels((10, 9, 3))
        whole = L.Conv2D(4, 3, 1, "same")
        whole.build(images.shape)
        whole.set_weights(conv.get_weights())
        expected = layers.BlurPool2D(5)(whole(images)[:, 1:])
        np.testing.assert_allclose(outputs(copy, images), np.asarray(expected), atol=1e-6)

    def test_shared_layers_stay_shared(self):
        copy, changes = models.antialias(shared())
        inner = next(layer for layer in copy.layers if isinstance(layer, keras.Model))
        assert copy.get_layer("both") is inner.get_layer("both")
        assert changes["layer"].tolist() == ["both"]

    def test_report(self):
        parts = [L.Conv2D(4, 7, 2, name="stem"), L.Conv2D(4, 3, (2, 1), name="oblong")]
        parts += [L.Conv2D(4, 1, name="plain"), L.MaxPooling2D(3, 3, name="third")]
        model = chain(*parts, L.AveragePooling2D(2, name="last"), shape=(64, 64, 3))
        copy, changes = models.antialias(model, keep="stem")
        assert changes.columns.tolist() == ["layer", "kind", "strides", "became"]
        assert changes.values.tolist() == [
            ["stem", "Conv2D", (2, 2), "kept, as asked"],
            ["oblong", "Conv2D", (2, 1), "kept, strides (2, 1)"],
            ["third", "MaxPooling2D", (3, 3), "kept, strides (3, 3)"],
            ["last", "AveragePooling2D", (2, 2), "AveragePooling2D at stride 1, BlurPool2D(3)"],
        ]
        assert copy.get_layer("stem").strides == (2, 2)

    def test_every_strided_layer_is_reported(self):
        """Contextual convolutions are filtered, a layer that enlarges its map is not."""
        _, changes = models.antialias(MAKERS["coresnet14"]())
        filtered = changes[changes["kind"] == "ContextualConv2D"]
        assert len(filtered) == 2
        assert (filtered["became"] == "ContextualConv2D at stride 1, BlurPool2D(3)").all()
        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, L.Conv2DTranspose(2, 3, 2, name="larger")(inputs))
        copy, changes = models.antialias(model)
        row = ["larger", "Conv2DTranspose", (2, 2), "kept, of another kind"]
        assert changes.values.tolist() == [row]
        assert copy.output_shape == model.output_shape

    def test_one_pixel_gets_no_filter(self):
        model = chain(L.MaxPooling2D(2, name="pool"), L.Flatten(), shape=(2, 2, 3))
        copy, changes = models.antialias(model)
        assert changes["became"].tolist() == ["MaxPooling2D at stride 1"]
        np.testing.assert_array_equal(
            outputs(copy, pixels((2, 2, 3))), outputs(model, pixels((2, 2, 3)))
        )

    def test_the_copy_trains_and_can_be_saved(self, tmp_path):
        model = mobile()
        model.compile("adam", "mse")
        copy, _ = models.antialias(model)
        assert not copy.compiled and copy.name == model.name
        images = pixels((16, 16, 3), examples=4)
        copy.compile("sgd", "mse")
        copy.fit(images, np.zeros((4, 3)), verbose=0)
        copy.save(tmp_path / "copy.keras")
        loaded = keras.models.load_model(tmp_path / "copy.keras")
        np.testing.assert_allclose(outputs(loaded, images), outputs(copy, images), rtol=1e-5)

    def test_unknown_sides_are_fine_where_the_grid_does_not_depend_on_them(self):
        for size, padding in itertools.product((1, 2), ("same", "valid")):
            model = chain(L.Conv2D(2, size, 2, padding), shape=(None, None, 1))
            copy, _ = models.antialias(model, pool_size=1)
            images = pixels((7, 10, 1))
            np.testing.assert_allclose(outputs(copy, images), outputs(model, images), atol=1e-6)

    @pytest.mark.parametrize(
        ("make", "options", "message"),
        [
            (mobile, {"pool_size": 0}, "from 1 up to 7. Received: pool_size=0"),
            (mobile, {"pool_size": 8}, "from 1 up to 7. Received: pool_size=8"),
            (mobile, {"keep": ["stem"]}, "`keep` must be one of .*Received: keep='stem'"),
            (lambda: keras.Sequential([L.Conv2D(1, 3)]), {}, "built.*model='Sequential'"),
            (lambda: chain(Subclass()), {}, "functional or sequential.*model='Subclass'"),
            (lambda: Subclass(), {}, "functional or sequential.*model='Subclass'"),
            (
                lambda: chain(L.Conv2D(1, 3, 2, "same", name="c"), shape=(None, 8, 1)),
                {},
                "`c` must have an input of known size .*Received: side=None",
            ),
            (
                lambda: chain(L.MaxPooling2D(2, name="p"), shape=(4, 4, 1)),
                {"pool_size": 7},
                r"`p` must be in `keep`, .*pool_size=7, height and width=\(3, 3\)",
            ),
            (
                lambda: chain(L.MaxPooling2D(2, data_format="channels_first", name="p")),
                {},
                "`p` must be channels last.*data_format='channels_first'",
            ),
        ],
    )
    def test_what_cannot_be_changed_is_refused(self, make, options, message):
        with pytest.raises(ValueError, match=message):
            models.antialias(make(), **options)


class Subclass(keras.Model):
    """A model whose layers no graph connects."""

    def __init__(self):
        super().__init__()
        self.conv = L.Conv2D(1, 3, 2)

    def call(self, inputs):
        return self.conv(inputs)
