"""What measures take as images and labels, tried on every one of them."""

import tracemalloc

import keras
import numpy as np
import pandas as pd
import pytest
from own.linear import linear_model
from test_predictions import MEASURES

from hfc_keras import analysis, data
from hfc_keras.analysis import inputs

pytestmark = pytest.mark.jax

RNG = np.random.default_rng(0)
LEVELS = RNG.integers(0, 256, (40, 8, 8, 1), "uint8")
PIXELS = LEVELS / np.float32(255)
LABELS = RNG.integers(0, 4, 40)
SPLIT = data.Split(LEVELS, LABELS)
CUTS = ((0, 16), (16, 17), (17, 40))


class Loader:
    """Batches that know how many they are, as those of other libraries do."""

    def __init__(self, images, labels):
        self.pairs = [(images[a:b], labels[a:b]) for a, b in CUTS]

    def __len__(self):
        return len(self.pairs)

    def __iter__(self):
        return iter(self.pairs)


class Sequence(keras.utils.PyDataset):
    """The same as Keras has it."""

    def __len__(self):
        return len(CUTS)

    def __getitem__(self, index):
        start, stop = CUTS[index]
        return PIXELS[start:stop], LABELS[start:stop]


def tf_data(images, labels, batch=7):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch)


ALONE = {
    "split": lambda: SPLIT,
    "loader of uint8": lambda: Loader(LEVELS, LABELS),
    "loader of tensors": lambda: Loader(keras.ops.convert_to_tensor(PIXELS), np.eye(4)[LABELS]),
    "keras data set": lambda: Sequence(),
    "tf.data of uint8": lambda: tf_data(LEVELS, LABELS),
    "tf.data of one-hot": lambda: tf_data(PIXELS.astype("float64"), np.eye(4)[LABELS]),
    "tf.data that was filtered": lambda: tf_data(PIXELS, LABELS).filter(lambda x, y: True),
}


@pytest.fixture(scope="module")
def model():
    return linear_model(np.random.default_rng(1).normal(size=(8, 8, 1, 4)))


def same(found, expected):
    """Whether two answers of a measure are the same."""
    if isinstance(found, dict):
        return all(np.array_equal(found[name], expected[name]) for name in expected)
    if isinstance(found, pd.DataFrame):
        return found.equals(expected)
    return np.array_equal(found, expected)


def measured(name, model, images, labels=None):
    """Answer of a measure to images, with its arguments in the table of all measures."""
    told = {key: value for key, value in MEASURES[name].items() if key != "labels"}
    first = "inside" if name == "out_of_distribution" else "images"
    given = {} if labels is None else {"labels": labels}
    return getattr(analysis, name)(model, **{first: images}, **given, **told)


# What some say of a model that has learned nothing.
@pytest.mark.filterwarnings("ignore:The critical band", "ignore:The model never finds")
@pytest.mark.filterwarnings("ignore:There is no crossover")
@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_takes_a_split_uint8_and_batches(name, model):
    labels = LABELS if "labels" in MEASURES[name] else None
    expected = measured(name, model, PIXELS, labels)
    assert same(measured(name, model, LEVELS, labels), expected)
    assert same(measured(name, model, SPLIT), expected)
    assert same(measured(name, model, Loader(LEVELS, LABELS)), expected)


@pytest.mark.parametrize("name", ALONE)
def test_what_brings_its_labels_is_read_as_it_is(name, model):
    images, labels = inputs.given(ALONE[name]())
    assert images.dtype in ("float32", "float64")
    np.testing.assert_array_equal(images, PIXELS)
    labels = labels if labels.ndim == 1 else labels.argmax(axis=1)
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize("name", ["contingency", "frequency_accuracy"])
def test_radii_left_out_are_those_of_the_experiments(name, model):
    table = getattr(analysis, name)(model, SPLIT)
    assert table["radius"].dropna().unique().tolist() == [1, 2, 3, 4]
    assert inputs.given_radii(None, 28) == [3.5, 7, 10.5, 14]
    assert inputs.given_radii([2], 28) == [2]


def test_other_arguments_take_them_too(model):
    layers = [keras.Input((8, 8, 1)), keras.layers.BatchNormalization(), keras.layers.Flatten()]
    normalized = keras.Sequential([*layers, keras.layers.Dense(4)])
    found = [
        (
            analysis.frequency_accuracy(normalized, SPLIT, None, [2], True, "population", train),
            analysis.out_of_distribution(model, PIXELS, train),
            analysis.perturbation_spectrum(1 - PIXELS, train),
        )
        for train in (PIXELS, LEVELS, SPLIT)
    ]
    for tables in found[1:]:
        assert all(map(same, tables, found[0]))


def test_epochs_read_a_data_set_once(model):
    class Once(Loader):
        def __iter__(self):
            pairs, self.pairs = self.pairs, []
            return iter(pairs)

    weights = {1: model.get_weights(), 2: model.get_weights()}
    table = analysis.frequency_accuracy_by_epoch(model, weights, Once(LEVELS, LABELS), radii=[2])
    alone = analysis.frequency_accuracy(model, SPLIT, radii=[2])
    for _, part in table.groupby("epoch"):
        assert part.drop(columns="epoch").reset_index(drop=True).equals(alone)


@pytest.mark.parametrize("kind", ["split", "batches", "uint8"])
def test_images_are_held_once(kind):
    class Made(Loader):
        def __len__(self):
            return len(levels)

        def __iter__(self):
            return ((each[None] / np.float32(255), labels[:1]) for each in levels)

    levels, labels = np.zeros((8, 100, 100, 4), "uint8"), np.zeros(8, int)
    split = data.Split(levels, labels)
    given = {"split": split, "batches": Made(levels, labels), "uint8": levels}[kind]
    tracemalloc.start()
    images, _ = inputs.given(given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert images.shape == levels.shape and peak < 1.3 * images.nbytes


class Endless(Loader):
    def cardinality(self):
        return -1


@pytest.mark.parametrize(
    ("images", "labels", "match"),
    [
        (PIXELS, None, "one label for each of 40 images, unless `images` is a data.Split"),
        (SPLIT, LABELS, "`labels` must be left out where .*images='Split', labels='ndarray'"),
        (Loader(PIXELS, LABELS), LABELS, "must be left out"),
        (
            data.load("digits", examples=20),
            None,
            r"`images` must be one split .* \.test or \.train",
        ),
        (
            Loader(PIXELS[:, 0], LABELS),
            None,
            r"batches .*Received: batch=\(\(16, 8, 1\), \(16,\)\)",
        ),
        (Loader(PIXELS, LABELS[:20]), None, r"Received: batch=\(\(23, 8, 8, 1\), \(3,\)\)"),
        (Endless(PIXELS, LABELS), None, "a data set that ends"),
        ({"image": PIXELS}, None, "channels last"),
        (LEVELS.astype("int64"), LABELS, "must be float pixels"),
        (Loader(255 * PIXELS, LABELS), None, r"must be pixels in \[0, 1\]"),
        (Loader(LEVELS.astype("int32"), LABELS), None, "must be float pixels"),
        (Loader(PIXELS, 4 + LABELS), None, "class indices from 0 to 3"),
    ],
)
def test_what_is_neither_is_refused(images, labels, match, model):
    with pytest.raises(ValueError, match=match):
        analysis.calibration(model, images, labels)


@pytest.mark.parametrize(
    ("pairs", "match"),
    [
        ([], "at least one batch"),
        ([(PIXELS[:2], LABELS[:2]), (PIXELS[:2, :4], LABELS[:2])], "`images` must be of one size"),
        (
            [(PIXELS, LABELS, np.ones(40))],
            r"without weights\)\. Received: batch=\(\(40, 8, 8, 1\),",
        ),
        ([{"image": PIXELS, "label": LABELS}], "as_supervised=True.*batch='dict'"),
        ([PIXELS], r"Received: batch=\(40, 8, 8, 1\)"),
    ],
)
def test_batches_that_are_no_pairs_are_refused(pairs, match, model):
    loader = Loader(PIXELS, LABELS)
    loader.pairs = pairs
    with pytest.raises(ValueError, match=match):
        analysis.calibration(model, loader)


@pytest.mark.tensorflow
def test_a_data_set_of_tensorflow_that_repeats_or_has_no_batches_is_refused(model):
    for given, match in (
        (tf_data(PIXELS, LABELS).repeat(), "a data set that ends"),
        (tf_data(PIXELS, LABELS).unbatch(), r"batch\(256\).*Received: batch=\(\(8, 8, 1\), \(\)\)"),
    ):
        with pytest.raises(ValueError, match=match):
            analysis.calibration(model, given)


def test_images_compared_in_pairs_are_no_batches():
    with pytest.raises(ValueError, match="whose order is known. Received: images='Loader'"):
        analysis.perturbation_spectrum(Loader(PIXELS, LABELS), PIXELS)


def test_attacks_have_no_default(model):
    with pytest.raises(ValueError, match="`attacks` must be attacks.Fgsm.*attacks=None"):
        analysis.robust_accuracy(model, SPLIT)
