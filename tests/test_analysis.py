import keras
import numpy as np
import pytest

from hfc_keras import analysis, data, gradients, models, spectrum

pytestmark = pytest.mark.jax


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", examples=(300, 130))


@pytest.fixture(scope="module")
def model():
    return models.build("small_cnn", (8, 8, 1), 10, width=0.25)


@pytest.fixture(scope="module")
def normalized(digits):
    """A network with batch normalization whose moving averages lag behind."""
    model = models.build("resnet8", (8, 8, 1), 10, normalization="batch", bn_momentum=0.99)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(digits.train.images, digits.train.labels, batch_size=100, epochs=2, verbose=0)
    return model


def brightness_model():
    """Two classes told by the mean of the image: class 1 above one half."""
    inputs = keras.Input((8, 8, 1))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    logits = keras.layers.Dense(2)(mean)
    model = keras.Model(inputs, logits)
    model.layers[-1].set_weights([np.array([[0.0, 1.0]]), np.array([0.5, 0.0])])
    return model


def test_accuracy_equals_a_slow_count(digits, model):
    images, labels, radii = digits.test.images, digits.test.labels, [1, 2.5, 4]
    table = analysis.frequency_accuracy(model, images, labels, radii, batch_size=50)
    for row in table.itertuples():
        parts = {"original": images}
        if row.component != "original":
            mask = spectrum.radial_mask(8, 8, row.radius)[None, :, :, None]
            low = np.fft.ifft2(np.fft.fft2(images, axes=(1, 2)) * mask, axes=(1, 2)).real
            parts = {"low": low, "high": images - low}
        logits = model.predict(parts[row.component].astype("float32"), verbose=0)
        assert row.accuracy == (logits.argmax(axis=1) == labels).mean()
    assert table["component"].tolist() == ["original", *["low", "high"] * 3]
    assert np.array_equal(table["radius"], [np.nan, 1, 1, 2.5, 2.5, 4, 4], equal_nan=True)
    assert set(table["examples"]) == {130} and set(table["bn_statistics"]) == {"moving"}


def test_a_model_that_reads_the_mean_alone_lives_on_the_low_component(rng):
    labels = rng.integers(0, 2, 60)
    images = np.clip(rng.normal(0.3 + 0.4 * labels, 0.05, (8, 8, 1, 60)), 0, 1)
    images = np.moveaxis(images, -1, 0).astype("float32")
    table = analysis.frequency_accuracy(brightness_model(), images, labels, [0, 3])
    accuracy = table.set_index(["component", "radius"])["accuracy"]
    assert accuracy["original"].item() == 1.0
    assert accuracy["low", 0] == accuracy["low", 3] == 1.0
    assert accuracy["high", 0] == accuracy["high", 3] == (labels == 0).mean()


@pytest.mark.slow
@pytest.mark.parametrize("statistics", ["moving", "population"])
def test_answer_does_not_depend_on_the_batch_size(digits, normalized, statistics):
    tables = [
        analysis.frequency_accuracy(
            normalized,
            digits.test.images,
            digits.test.labels,
            [2],
            bn_statistics=statistics,
            train_images=digits.train.images,
            batch_size=size,
        )
        for size in (1 if statistics == "moving" else 7, 64, 500)
    ]
    assert tables[0].equals(tables[1]) and tables[0].equals(tables[2])


def test_one_hot_labels_and_beyond_the_corner(digits, model):
    images, labels = digits.test.images, digits.test.labels
    table = analysis.frequency_accuracy(model, images, labels, [1, 99])
    same = analysis.frequency_accuracy(model, images, np.eye(10)[labels], [1, 99])
    assert table.equals(same)
    accuracy = table.set_index(["component", "radius"])["accuracy"]
    assert accuracy["low", 99.0] == accuracy["original"].item()


def test_scaling_changes_components_and_not_the_originals(digits, model, monkeypatch):
    seen = []

    def predicted_batches(model, parts):
        for part in parts:
            seen.append(np.asarray(part))
            yield np.zeros((len(part), 10))

    images, labels = digits.test.images[:5] / 2, digits.test.labels[:5]
    monkeypatch.setattr(gradients, "predicted_batches", predicted_batches)
    analysis.frequency_accuracy(model, images, labels, [2], scaling="max")
    # First the images by which a model near chance is known.
    np.testing.assert_array_equal(seen[0], images)
    np.testing.assert_array_equal(seen[1], images)
    for part in seen[2:]:
        np.testing.assert_allclose(part.max(axis=(1, 2, 3)), 1.0, atol=1e-5)


class TestStatistics:
    @pytest.mark.slow_on_jax
    def test_the_model_is_left_as_it_was(self, digits, normalized):
        before = [weight.copy() for weight in normalized.get_weights()]
        for kind in ("moving", "batch", "population"):
            other = analysis.with_statistics(normalized, kind, digits.train.images)
            other.predict(digits.test.images, verbose=0)
        pairs = zip(before, normalized.get_weights(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)

    def test_batch_statistics_equal_training_mode(self, digits, normalized):
        images = digits.test.images
        in_batches = analysis.with_statistics(normalized, "batch")
        twin = keras.models.clone_model(normalized)
        twin.set_weights(normalized.get_weights())
        expected = np.asarray(twin(images, training=True))
        np.testing.assert_allclose(in_batches.predict_on_batch(images), expected, atol=1e-4)

    def test_population_moments_of_the_first_layer_are_those_of_all_images(
        self, digits, normalized
    ):
        images = digits.train.images
        population = analysis.with_statistics(normalized, "population", images)
        first = next(
            layer
            for layer in population.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        )
        before = keras.Model(population.inputs, first.input)
        features = before.predict(images, verbose=0).reshape(-1, first.input.shape[-1])
        np.testing.assert_allclose(first.moving_mean, features.mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(first.moving_variance, features.var(axis=0), rtol=1e-2)

    def test_population_repairs_lagging_averages(self, digits, normalized):
        options = {"radii": [2], "train_images": digits.train.images}
        test = digits.test
        lagging, repaired = (
            analysis.frequency_accuracy(
                normalized, test.images, test.labels, bn_statistics=kind, **options
            )["accuracy"][0]
            for kind in ("moving", "population")
        )
        assert repaired > lagging + 0.2

    def test_dropout_stays_off(self, digits):
        model = models.build("small_cnn", (8, 8, 1), 10, normalization="batch", dropout=0.5)
        in_batches = analysis.with_statistics(model, "batch")
        outputs = [in_batches.predict_on_batch(digits.test.images) for _ in range(2)]
        np.testing.assert_array_equal(*outputs)

    def test_population_does_not_depend_on_the_order_by_class(
        self, digits, normalized, monkeypatch
    ):
        monkeypatch.setattr("hfc_keras.analysis.batch_norm.POPULATION_BATCH", 30)
        images, labels = digits.train.images, digits.train.labels
        shuffled, sorted_by_class = (
            analysis.with_statistics(normalized, "population", images[order])
            for order in (np.arange(len(images)), np.argsort(labels, kind="stable"))
        )
        means = [
            np.asarray(analysis.batch_norm._normalizations(copy)[-1].moving_mean)
            for copy in (shuffled, sorted_by_class)
        ]
        assert np.abs(means[0] - means[1]).mean() < 0.007 * np.abs(means[0]).mean()

    def test_a_layer_used_twice_pools_what_it_saw(self, rng):
        inputs = keras.Input((4, 4, 2))
        norm = keras.layers.BatchNormalization()
        outputs = keras.layers.GlobalAveragePooling2D()(norm(keras.layers.ReLU()(norm(inputs))))
        model = keras.Model(inputs, outputs)
        images = rng.random((40, 4, 4, 2), "float32")
        population = analysis.with_statistics(model, "population", images)
        first = (images - images.mean(axis=(0, 1, 2))) / np.sqrt(images.var(axis=(0, 1, 2)) + 1e-3)
        both = np.concatenate([images, np.maximum(first, 0)])
        layer = next(layer for layer in population.layers if layer.name == norm.name)
        np.testing.assert_allclose(layer.moving_mean, both.mean(axis=(0, 1, 2)), atol=1e-4)
        np.testing.assert_allclose(layer.moving_variance, both.var(axis=(0, 1, 2)), atol=1e-4)

    def test_nothing_to_do_without_batch_normalisation(self, model):
        assert analysis.with_statistics(model, "batch") is model

    def test_nested_models_are_reached(self, digits, normalized):
        outer = keras.Sequential([keras.Input((8, 8, 1)), normalized])
        images = digits.test.images
        nested = analysis.with_statistics(outer, "batch").predict_on_batch(images)
        flat = analysis.with_statistics(normalized, "batch").predict_on_batch(images)
        np.testing.assert_allclose(nested, flat, atol=1e-5)


def test_components_as_others_define_them(digits, model):
    images, labels = digits.test.images, digits.test.labels
    told = {"mask": "square", "unit": "nyquist", "clip": (0, 1)}
    table = analysis.frequency_accuracy(model, images, labels, [0.25, 0.5], **told)
    rows = np.abs(np.fft.fftfreq(8)) * 2
    for row in table.iloc[1:].itertuples():
        mask = np.maximum(rows[:, None], rows[None, :]) <= row.radius
        low = np.fft.ifft2(np.fft.fft2(images, axes=(1, 2)) * mask[None, :, :, None], axes=(1, 2))
        part = low.real if row.component == "low" else images - low.real
        predicted = model.predict(np.clip(part, 0, 1), verbose=0).argmax(axis=1)
        assert row.accuracy == pytest.approx((predicted == labels).mean(), abs=1 / len(labels))
    default = analysis.frequency_accuracy(model, images, labels, **told)["radius"]
    assert default.dropna().unique().tolist() == [0.25, 0.5, 0.75, 1]


def test_epochs_are_measured_with_their_own_weights(digits, model):
    images, labels = digits.test.images, digits.test.labels
    own = model.get_weights()
    epochs = {1: own, 5: lambda: [0 * weight for weight in own]}
    table = analysis.frequency_accuracy_by_epoch(model, epochs, images, labels, [2])
    alone = analysis.frequency_accuracy(model, images, labels, [2])
    assert table[table["epoch"] == 1].drop(columns="epoch").equals(alone)
    zeros = table[table["epoch"] == 5]["accuracy"]
    assert (zeros == (labels == 0).mean()).all()
    assert all(np.array_equal(a, b) for a, b in zip(own, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((4, 8, 8, 1), "int32")}, "float pixels.*images.dtype='int32'"),
        ({"images": np.full((4, 8, 8, 1), 255.0)}, "Received: images.min=255.0, images.max=255.0"),
        ({"images": np.full((4, 8, 8, 1), np.nan)}, "4 images hold NaN or infinity"),
        ({"images": np.full((4, 8, 8, 1), -0.5)}, "Received: images.min=-0.5"),
        ({"images": np.zeros((8, 8, 1))}, "channels last.*Received: images.shape="),
        ({"images": np.zeros((4, 1, 8, 8))}, "channels last.*Received: images.shape="),
        ({"images": np.zeros((4, 8, 8, 3))}, "the model's input shape"),
        ({"images": np.zeros((0, 8, 8, 1))}, "at least one image"),
        ({"labels": np.zeros(3)}, "one label for each of 4 images"),
        ({"labels": np.array([0, 1, 2, 10])}, "from 0 to 9.*Received: labels.min=0"),
        ({"labels": np.array([0, 1, 2, -1])}, "Received: labels.min=-1"),
        ({"labels": np.array([0, 1, 2, 0.5])}, "must be whole numbers"),
        ({"labels": np.full((4, 10), 0.1)}, "must be one-hot"),
        ({"radii": []}, "at least one number"),
        ({"radii": 4}, "sequence of numbers"),
        ({"radii": [2, 2.0]}, "none twice"),
        ({"radii": [-1]}, "Received: radii=-1"),
        ({"radii": [np.nan]}, "Received: radii=nan"),
        ({"mask": "circle"}, "Received: mask='circle'"),
        ({"unit": "pixels"}, "Received: unit='pixels'"),
        ({"clip": (1, 0)}, r"Received: clip=\(1, 0\)"),
        ({"batch_size": 0}, "Received: batch_size=0"),
        ({"bn_statistics": "bacth"}, "nearest: 'batch'"),
        ({"bn_statistics": "population"}, "Received: train_images=None"),
    ],
)
def test_wrong_calls_are_refused(model, changes, message):
    call = {"images": np.zeros((4, 8, 8, 1)), "labels": [0, 1, 2, 3], "radii": [2], **changes}
    with pytest.raises(ValueError, match=message):
        analysis.frequency_accuracy(model, **call)


def test_probabilities_are_refused(model, digits):
    softmax = keras.Sequential([model, keras.layers.Softmax()])
    images, labels = digits.test.images, digits.test.labels
    with pytest.raises(ValueError, match="must return logits.*probabilities"):
        analysis.frequency_accuracy(softmax, images, labels, [2])
