import concurrent.futures
import sys

import keras
import numpy as np
import pytest
from own.given import NETWORKS, present
from own.rings import distance

from hfc_keras import analysis, models
from hfc_keras.analysis.feature_maps import FeatureMaps
from hfc_keras.analysis.feature_spectrum import feature_spectrum

pytestmark = pytest.mark.jax
module = sys.modules[feature_spectrum.__module__]
COLUMNS = "layer ring frequency log_amplitude std height width channels empty examples".split()


def ended(inputs, maps):
    """The model whose logits are two pixels of the maps."""
    return keras.Model(inputs, 3 * keras.layers.Flatten()(maps)[:, :2])


def log_amplitude(maps):
    """Log amplitude by ring relative to ring 0, in float64: one row per image and channel."""
    planes = np.moveaxis(np.asarray(maps, "float64"), 3, 1)
    amplitude = np.abs(np.fft.fft2(planes))
    logs = np.log(np.maximum(amplitude / amplitude.max(axis=(2, 3), keepdims=True), 1e-6))
    logs -= logs[:, :, :1, :1]
    index = np.round(distance(*planes.shape[2:]))
    rings = [logs[:, :, index == ring].mean(axis=2) for ring in range(int(index.max()) + 1)]
    return np.stack(rings, axis=2)


def layer(table, name):
    return table[table["layer"] == name].reset_index(drop=True)


@pytest.fixture
def images(rng):
    return rng.uniform(0, 1, (7, 8, 6, 2)).astype("float32")


@pytest.mark.parametrize("size", [(8, 6), (7, 9), (1, 5)])
def test_it_equals_that_of_numpy(size, rng):
    inputs = keras.Input((*size, 2))
    conv = keras.layers.Conv2D(3, 3, padding="same", name="conv")
    model = ended(inputs, conv(inputs))
    images = rng.uniform(0, 1, (6, *size, 2)).astype("float32")
    table = feature_spectrum(model, images, batch_size=4)
    assert list(table.columns) == COLUMNS
    assert table["layer"].unique().tolist() == ["images", "conv"]
    for name, maps in (("images", images), ("conv", conv(images))):
        expected, found = log_amplitude(maps), layer(table, name)
        np.testing.assert_allclose(found["log_amplitude"], expected.mean(axis=(0, 1)), atol=2e-4)
        np.testing.assert_allclose(found["std"], expected.mean(axis=1).std(axis=0), atol=2e-4)
        assert found["ring"].tolist() == list(range(expected.shape[2]))
        nyquist = min(side for side in size if side > 1) / 2
        np.testing.assert_allclose(found["frequency"], found["ring"] / nyquist)
        sides = found[["height", "width", "channels"]].drop_duplicates().values.tolist()
        assert sides == [[*size, maps.shape[3]]] and set(found["examples"]) == {6}


def test_the_answer_of_a_filter_is_that_of_its_transfer_function():
    # One pixel that is white has the same amplitude at every frequency.
    images = np.zeros((1, 16, 16, 1), "float32")
    images[0, 8, 8] = 1
    inputs = keras.Input((16, 16, 1))
    blur = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="blur")
    model = ended(inputs, blur(inputs))
    binomial = np.outer([1, 2, 1], [1, 2, 1]) / 16
    blur.set_weights([binomial[:, :, None, None]])
    table = feature_spectrum(model, images)
    np.testing.assert_allclose(layer(table, "images")["log_amplitude"], 0, atol=1e-5)
    frequency = np.fft.fftfreq(16)
    gain = np.outer(*[np.cos(np.pi * frequency) ** 2] * 2)
    index = np.round(distance(16, 16))
    for ring, found in enumerate(layer(table, "blur")["log_amplitude"]):
        expected = np.log(np.maximum(gain[index == ring], 1e-6)).mean()
        assert found == pytest.approx(expected, abs=0.05), ring


def test_a_factor_on_the_maps_changes_nothing(images):
    inputs = keras.Input((8, 6, 2))
    scaled = keras.layers.Rescaling(1e-7, name="scaled")(inputs)
    table = feature_spectrum(ended(inputs, scaled), images)
    pair = (layer(table, name)["log_amplitude"] for name in ("images", "scaled"))
    np.testing.assert_allclose(*pair, atol=1e-4)


def test_a_wave_stands_out_at_its_ring_and_its_frequency_is_that_of_the_layer(rng):
    # Four cycles in 16 pixels, and behind the pooling four cycles in 8 pixels.
    wave = np.cos(2 * np.pi * 4 * np.arange(16) / 16)
    images = 0.5 + 0.2 * wave[None, :, None, None] + rng.normal(0, 1e-3, (4, 16, 16, 1))
    inputs = keras.Input((16, 16, 1))
    model = ended(inputs, keras.layers.MaxPooling2D(2, name="half")(inputs))
    table = feature_spectrum(model, images.astype("float32"))
    peaks = table[table["ring"] > 0].groupby("layer", sort=False)["log_amplitude"].idxmax()
    assert table.loc[peaks["images"], ["ring", "frequency"]].tolist() == [4, 0.5]
    pooled = layer(table, "half")
    assert pooled["height"][0] == 8 and pooled["frequency"].iloc[4] == 1.0


def test_maps_without_anything_are_counted_and_left_out(images):
    inputs = keras.Input((8, 6, 2))
    mask = keras.layers.Rescaling(np.array([1.0, 0.0]), name="half")(inputs)
    none = keras.layers.Rescaling(0.0, name="none")(mask)
    table = feature_spectrum(ended(inputs, mask + none), images)
    half = layer(table, "half")
    expected = log_amplitude(images[..., :1])
    np.testing.assert_allclose(half["log_amplitude"], expected.mean(axis=(0, 1)), atol=2e-4)
    assert set(half["empty"]) == {0.5} and set(layer(table, "none")["empty"]) == {1.0}
    assert layer(table, "none")[["log_amplitude", "std"]].isna().all(axis=None)


def nested():
    """A functional model in a sequential one in a functional one, whose layer is used twice."""
    inner = keras.Sequential([keras.Input((8, 6, 2)), keras.layers.Conv2D(2, 3, name="deep")])
    images = keras.Input((8, 6, 2))
    relu = keras.layers.ReLU(negative_slope=0.1, name="relu")
    middle = keras.Model(images, relu(inner(images)), name="middle")
    inner.name = "inner"
    inputs = keras.Input((8, 6, 2))
    twice = keras.layers.Conv2D(2, 1, name="twice")
    return ended(inputs, keras.layers.Add(name="sum")([middle(twice(twice(inputs)))] * 2))


def test_models_in_the_model_are_gone_through(images):
    model = nested()
    names = ["images", "twice", "twice (call 2)", "middle/inner/deep", "middle/relu", "sum"]
    table = feature_spectrum(model, images)
    assert table["layer"].unique().tolist() == names
    outputs, found = FeatureMaps(model)(images)
    np.testing.assert_allclose(outputs, model(images), rtol=1e-6)
    for name in names:
        expected = log_amplitude(found[name]).mean(axis=(0, 1))
        np.testing.assert_allclose(layer(table, name)["log_amplitude"], expected, atol=2e-3)
    chosen = feature_spectrum(model, images, ["sum", "middle/inner/deep"])
    assert chosen["layer"].unique().tolist() == ["middle/inner/deep", "sum"]
    for name in chosen["layer"].unique():
        np.testing.assert_allclose(
            layer(chosen, name)["log_amplitude"], layer(table, name)["log_amplitude"], atol=1e-5
        )
    # The user's own layers have not been connected to anything else.
    assert len(model.get_layer("twice")._inbound_nodes) == 2
    assert len(model.get_layer("middle").get_layer("relu")._inbound_nodes) == 1


@pytest.mark.parametrize("names", ["c (call 2)", ["c", "c (call 3)"]])
def test_one_call_of_a_layer_is_measured_without_the_others(names, images):
    inputs = keras.Input((8, 6, 2))
    layer_of_three = keras.layers.Conv2D(2, 3, padding="same", name="c")
    model = ended(inputs, layer_of_three(layer_of_three(layer_of_three(inputs))))
    found, table = feature_spectrum(model, images, names), feature_spectrum(model, images)
    wanted = [names] if isinstance(names, str) else names
    assert found["layer"].unique().tolist() == wanted
    expected = table[table["layer"].isin(wanted)]
    np.testing.assert_allclose(found["log_amplitude"], expected["log_amplitude"], atol=1e-5)


class Block(keras.layers.Layer):
    """A layer of one's own, with a layer in it."""

    def __init__(self):
        super().__init__(name="block")
        self.inner = keras.layers.Conv2D(2, 1)

    def call(self, maps):
        return keras.ops.tanh(self.inner(maps))


class Own(keras.Model):
    """A model of one's own that is no graph of layers."""

    def __init__(self, name="own"):
        super().__init__(name=name)
        self.conv, self.block = keras.layers.Conv2D(2, 3, name="conv"), Block()
        self.norm = keras.Sequential([keras.layers.BatchNormalization(name="norm")], name="norms")

    def call(self, images, training=None):
        return self.norm(self.block(self.conv(images)), training=True)


class Classifier(keras.Model):
    """Logits of it."""

    def __init__(self):
        super().__init__()
        self.own = Own()

    def call(self, images):
        return keras.ops.mean(self.own(images), axis=(1, 2))


@pytest.mark.filterwarnings("ignore:The model's output for an image depends on the other")
@pytest.mark.parametrize("as_graph", [True, False])
def test_models_of_ones_own_class_are_gone_through(as_graph, images):
    model = Classifier()
    model(images)
    if as_graph:
        inputs = keras.Input((8, 6, 2))
        model = keras.Model(inputs, keras.ops.mean(model.own(inputs), axis=(1, 2)))
    own = model.get_layer("own")
    table = feature_spectrum(model, images)
    names = ["own/conv", "own/block", "own/norms/norm"]
    assert table["layer"].unique().tolist() == ["images", *names]
    conv = own.conv(images)
    block = own.block(conv)
    # It is always called in training mode, in which its maps are those of the batch.
    for name, maps in zip(names, (conv, block, own.norm(block, training=True)), strict=True):
        expected = log_amplitude(maps).mean(axis=(0, 1))
        np.testing.assert_allclose(layer(table, name)["log_amplitude"], expected, atol=2e-3)
    outputs, _ = FeatureMaps(model)(images)
    np.testing.assert_allclose(outputs, model(images), atol=1e-6)


def test_layers_are_listened_to_only_while_and_where_a_model_runs(images):
    called, heard, replaced = keras.Layer.__call__, [], []
    other = keras.layers.ReLU()

    class Asking(Block):
        def call(self, maps):
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                pool.submit(other, images).result()
            replaced.append(keras.Layer.__call__ is not called)
            return super().call(maps)

    inputs = keras.Input((8, 6, 2))
    model = ended(inputs, Asking()(inputs))
    FeatureMaps(model, lambda name, maps: heard.append(name))(images)
    assert heard == ["images", "block"]
    assert replaced[-1] and keras.Layer.__call__ is called
    with pytest.raises(ZeroDivisionError):
        FeatureMaps(model, lambda name, maps: 1 / (name != "block"))(images)
    assert keras.Layer.__call__ is called


def test_what_pads_or_crops_channels_takes_them_for_rows(images):
    model = models.build("resnet8", (8, 8, 1), 10, width=0.25)
    _, found = FeatureMaps(model)(np.zeros((2, 8, 8, 1), "float32"))
    assert found["pad0"].shape == (2, 4, 4, 8)
    inputs = keras.Input((8, 6, 2))
    crop = keras.layers.Cropping2D(((0, 0), (1, 0)), data_format="channels_first", name="crop")
    _, found = FeatureMaps(ended(inputs, crop(inputs)))(images)
    np.testing.assert_array_equal(found["crop"], images[..., 1:])


def test_a_model_that_takes_any_size_and_one_that_is_wrapped(images):
    inputs = keras.Input((None, None, 2))
    conv = keras.layers.Conv2D(2, 3, name="conv")(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(conv), name="any")
    table = feature_spectrum(model, images)
    assert layer(table, "conv")["height"][0] == 6
    wrapped = models.as_classifier(model, pixels=(0, 1), output="logits")
    other = feature_spectrum(wrapped, images)
    assert "any_logits/conv" in set(other["layer"])
    np.testing.assert_allclose(
        layer(other, "any_logits/conv")["log_amplitude"],
        layer(table, "conv")["log_amplitude"],
        atol=1e-5,
    )


def test_batch_size_changes_nothing_and_maps_are_kept_small(images, monkeypatch):
    inputs = keras.Input((8, 6, 2))
    model = ended(inputs, keras.layers.Conv2D(2, 3)(inputs))
    first = feature_spectrum(model, images)
    other = feature_spectrum(model, images, batch_size=3)
    np.testing.assert_allclose(other.iloc[:, 1:], first.iloc[:, 1:], atol=2e-4)
    sizes, compiled = [], module.gradients.compiled

    def watched(maps, function):
        run = compiled(maps, function)
        return lambda batch: sizes.append(len(batch)) or run(batch)

    monkeypatch.setattr(module.gradients, "compiled", watched)
    # The images and the layer behind them have 8 x 6 x 2 and 6 x 4 x 2 numbers.
    monkeypatch.setattr(module, "MOST_NUMBERS", 2 * (96 + 48) + 40)
    small = feature_spectrum(model, images)
    assert sizes == [2, 2, 2, 1]
    np.testing.assert_allclose(small.iloc[:, 1:], first.iloc[:, 1:], atol=2e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": "tvice"}, "`layers` must be one of .*nearest: 'twice'"),
        ({"layers": []}, "`layers` must name at least one layer"),
        ({"images": np.full((2, 8, 6, 2), -0.5)}, "Received: images.min=-0.5"),
        ({"images": np.zeros((2, 9, 6, 2))}, "the model's input shape"),
        ({"batch_size": 0}, "Received: batch_size=0"),
    ],
)
def test_refusals(changes, message, images):
    with pytest.raises(ValueError, match=message):
        feature_spectrum(nested(), **{"images": images, **changes})


def test_maps_of_one_pixel_have_no_frequency(images):
    inputs = keras.Input((8, 6, 2))
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True, name="pooled")(inputs)
    model = ended(inputs, pooled)
    assert feature_spectrum(model, images)["layer"].unique().tolist() == ["images"]
    with pytest.raises(ValueError, match="larger than one pixel.*layers='pooled'"):
        feature_spectrum(model, images, "pooled")


def test_a_layer_that_is_channels_first_is_refused(images):
    inputs = keras.Input((8, 6, 2))
    larger = keras.layers.UpSampling2D(2, data_format="channels_first", name="first")(inputs)
    with pytest.raises(ValueError, match="`first` must be channels last"):
        feature_spectrum(ended(inputs, larger), images)


def test_channels_may_be_padded_as_in_resnets(images):
    inputs = keras.Input((8, 6, 2))
    pad = keras.layers.ZeroPadding2D(((0, 0), (1, 2)), data_format="channels_first", name="pad")
    padded = layer(feature_spectrum(ended(inputs, pad(inputs)), images), "pad")
    assert set(padded["channels"]) == {5} and set(padded["empty"]) == {0.6}
    expected = log_amplitude(images).mean(axis=(0, 1))
    np.testing.assert_allclose(padded["log_amplitude"], expected, atol=2e-4)


def test_maps_that_are_not_finite_are_named(images):
    inputs = keras.Input((8, 6, 2))
    bad = keras.layers.Rescaling(np.inf, name="bad")(inputs)
    model = ended(inputs, keras.ops.clip(bad, 0.0, 1.0))
    with pytest.raises(ValueError, match="finite feature maps; those of bad are not"):
        feature_spectrum(model, images)


def test_batch_statistics_take_the_batch_as_it_is(images):
    model = keras.Sequential([keras.Input((8, 6, 2)), keras.layers.BatchNormalization(name="norm")])
    model.add(keras.layers.Flatten())
    tested = analysis.with_statistics(model, "batch")
    table = feature_spectrum(tested, images[:5], "norm")
    normal = images[:5] - images[:5].mean(axis=(0, 1, 2))
    expected = log_amplitude(normal / np.sqrt(images[:5].var(axis=(0, 1, 2)) + 1e-3))
    np.testing.assert_allclose(table["log_amplitude"], expected.mean(axis=(0, 1)), atol=2e-3)


@pytest.mark.slow
def test_a_published_network_is_gone_through():
    path = NETWORKS / "efficientnet_lite0.keras"
    present(path)
    model = models.as_classifier(keras.models.load_model(path, compile=False))
    table = feature_spectrum(model, np.random.default_rng(0).random((2, 224, 224, 3)))
    assert table["layer"].nunique() > 100 and np.isfinite(table["log_amplitude"]).all()


@pytest.mark.slow
@pytest.mark.tensorflow
def test_photographs_take_little_memory(new_python):
    path = NETWORKS / "efficientnet_lite0.keras"
    present(path)
    told = new_python(f"""
import keras, numpy as np
from hfc_keras import analysis
model = keras.models.load_model({str(path)!r}, compile=False)
analysis.feature_spectrum(model, np.random.default_rng(0).random((40, 224, 224, 3), "float32"))
# Of this process alone: the peak that getrusage returns begins with that of its parent.
print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
""")
    # In KB; TensorFlow and the network alone are 0.8 GB.
    assert int(told.splitlines()[-1]) < 1.7e6
