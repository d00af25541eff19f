"""What ``fit`` of a training round a network takes, and what it refuses by name."""

import keras
import numpy as np
import pytest
from own.trainings import compiled, network

from hfc_keras import attacks
from hfc_keras.training import AdversarialTraining, FourierRegularized

L2 = attacks.Pgd(0.5, steps=1, norm="l2")
WRAPS = {
    "l2": lambda model: AdversarialTraining(model, L2),
    "masked": lambda model: AdversarialTraining(model, attacks.Pgd(0.1, steps=1, mask=("low", 2))),
    "fourier": lambda model: FourierRegularized(model, "low"),
}


def any_size():
    inputs = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    x = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x)


def some(digits, count=20):
    return digits.train.images[:count], digits.train.labels[:count]


class Batches(keras.utils.PyDataset):
    def __init__(self, *batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def sliced(*arrays):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(arrays)


def generated(arrays, images=(None, 8, 8, 1), labels=(None,)):
    """Data set that tells no more of its shapes than is said, its last batch smaller."""
    import tensorflow as tf

    def batches():
        for start in range(0, len(arrays[0]), 8):
            yield tuple(array[start : start + 8] for array in arrays)

    signature = tf.TensorSpec(images, "float32"), tf.TensorSpec(labels, "int64")
    made = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return made.apply(tf.data.experimental.assert_cardinality(-(-len(arrays[0]) // 8)))


def through_python(arrays):
    """Data set whose images lose their shape in Python and get back their rank."""
    import tensorflow as tf

    def lose(x, y):
        x = tf.py_function(lambda x: x, [x], "float32")
        return tf.ensure_shape(x, (None, None, None)), y

    return sliced(*arrays).map(lose).batch(8)


def dataset(kind, arrays):
    return {
        "batch": lambda: generated(arrays),
        "sizes": lambda: generated(arrays, (None, None, None, 1)),
        "all": lambda: generated(arrays, (None,) * 4, (None,)),
        "python": lambda: through_python(arrays),
        "padded": lambda: sliced(*arrays).padded_batch(8, padded_shapes=((None, None, 1), ())),
        "remainder": lambda: sliced(*arrays).batch(8, drop_remainder=True),
        "weighted": lambda: sliced(*arrays, np.ones(len(arrays[0]), "float32")).batch(8),
    }[kind]()


@pytest.mark.few(1)
@pytest.mark.tensorflow
@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("kind", ["sizes", "all", "python", "padded"])
def test_sizes_that_a_dataset_leaves_open_are_the_networks(kind, wrap, digits):
    robust = compiled(WRAPS[wrap](network()))
    data = dataset(kind, some(digits))
    history = robust.fit(data, epochs=2, validation_data=data, shuffle=False, verbose=0).history
    assert np.isfinite([history["loss"], history["val_loss"]]).all()


@pytest.mark.few(1)
@pytest.mark.tensorflow
@pytest.mark.parametrize("kind", ["batch", "sizes", "all", "remainder", "weighted"])
def test_a_network_of_any_size_trains_on_open_sizes(kind, digits):
    robust = compiled(WRAPS["l2"](any_size()))
    assert np.isfinite(
        robust.fit(dataset(kind, some(digits)), shuffle=False, verbose=0).history["loss"]
    ).all()


@pytest.mark.tensorflow
@pytest.mark.parametrize("wrap", ["masked", "fourier"])
def test_open_sizes_are_refused_where_the_mathematics_needs_them(wrap, digits):
    robust = compiled(WRAPS[wrap](any_size()))
    with pytest.raises(ValueError, match=r"known height and width.*Received: x.shape=\(None, None"):
        robust.fit(dataset("sizes", some(digits)), shuffle=False, verbose=0)


@pytest.mark.tensorflow
def test_starts_of_open_sizes_lie_in_the_ball_as_others_do(digits):
    import tensorflow as tf

    images, labels = some(digits, 100)
    robust = AdversarialTraining(any_size(), attacks.Pgd(0.5, steps=1, norm="l2", step_size=1e-6))
    spec = tf.TensorSpec((None,) * 3 + (1,), "float32"), tf.TensorSpec((None,), "int64")
    attacked = tf.function(robust.attacked, input_signature=spec)(images, labels)
    size = np.sqrt(np.square(np.asarray(attacked) - images).sum(axis=(1, 2, 3)))
    # Of 64 pixels the radius is the 64th root; clipping to [0, 1] takes a part of it away.
    assert size.max() <= 0.5 + 1e-5 and size.min() > 0.2


@pytest.mark.tensorflow
def test_an_endless_dataset_trains_by_steps(digits):
    robust = compiled(WRAPS["l2"](network()))
    data = sliced(*some(digits)).batch(8).repeat()
    robust.fit(data, steps_per_epoch=4, epochs=2, shuffle=False, verbose=0)
    assert int(robust.optimizer.iterations) == 8


def changed(kind, x, y):
    hot = np.eye(10)[y]
    return {
        "float16": lambda: (x.astype("float16"), y),
        "float64": lambda: (x.astype("float64"), y),
        "column": lambda: (x, y[:, None]),
        "uint8 indices": lambda: (x, y.astype("uint8")),
        "float indices": lambda: (x, y.astype("float32")),
        "one-hot": lambda: (x, hot.astype("float32")),
        "one-hot int64": lambda: (x, hot.astype("int64")),
        "one-hot uint8": lambda: (x, hot.astype("uint8")),
        "soft": lambda: (x, (0.9 * hot + 0.01).astype("float32")),
        "uint8": lambda: ((255 * x).astype("uint8"), y),
        "0-255": lambda: (255 * x, y),
        "strings": lambda: (x, y.astype("str")),
        "no labels": lambda: (x, None),
        "nine columns": lambda: (x, np.eye(9)[y % 9]),
        "two classes": lambda: (x, np.minimum(hot + np.eye(10)[9 - y], 1)),
        "negative": lambda: (x, 2 * hot - 0.1),
        "NaN labels": lambda: (x, np.where(hot == 1, np.nan, hot)),
        "too few labels": lambda: (x, y[:-1]),
        "nothing": lambda: (x[:0], y[:0]),
        "dict": lambda: ({"images": x}, y),
        "two arrays": lambda: ([x, x], y),
    }[kind]()


@pytest.mark.few(1)
@pytest.mark.parametrize("wrap", ["l2", "fourier"])
@pytest.mark.parametrize(
    "kind",
    ["float16", "float64", "column", "uint8 indices", "float indices"]
    + ["one-hot", "one-hot int64", "one-hot uint8", "soft"],
)
def test_types_and_labels_that_train(kind, wrap, digits):
    x, y = changed(kind, *some(digits))
    labels = "one_hot" if y.ndim == 2 and y.shape[1] > 1 else "sparse"
    robust = compiled(WRAPS[wrap](network()), labels)
    assert np.isfinite(robust.fit(Batches((x, y)), shuffle=False, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("form", ["arrays", "PyDataset", "generator"])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("uint8", "`x` must be float pixels"),
        ("0-255", r"`x` must be pixels in \[0, 1\]"),
        ("strings", "`y` must be whole numbers"),
        ("no labels", "`y` must hold the labels"),
        ("nine columns", r"a column for each class. Received: y.shape=\(20, 9\)"),
        ("two classes", "with the sum 1. Received: y="),
        ("negative", "no row below 0"),
        ("NaN labels", "with the sum 1. Received: y="),
        ("too few labels", "one label for each of 20 images. Received: y.shape="),
        ("nothing", "`x` must hold at least one image. Received: x.shape="),
        ("dict", "`x` must be one array of images. Received: x='dict of 1'"),
        ("two arrays", "`x` must be one array of images. Received: x='list of 2'"),
    ],
)
def test_refuses_by_name(form, kind, message, digits):
    x, y = changed(kind, *some(digits))
    robust = compiled(WRAPS["l2"](network()))
    given = {"arrays": (x, y), "PyDataset": (Batches((x, y)),), "generator": (iter_of(x, y),)}
    with pytest.raises(ValueError, match=message):
        robust.fit(*given[form], shuffle=False, verbose=0)


def iter_of(*batch):
    yield batch


def test_no_batch_at_all_is_refused():
    empty = {"PyDataset": Batches(), "generator": (each for each in ())}
    for x in empty.values():
        robust = compiled(WRAPS["fourier"](network()))
        with pytest.raises(ValueError, match="at least one batch. Received: x='.* without a batch"):
            robust.fit(x, shuffle=False, verbose=0)


def test_a_generator_loses_no_batch(digits):
    x, y = some(digits, 24)
    batches = ((x[start : start + 8], y[start : start + 8]) for start in (0, 8, 16))
    robust = compiled(WRAPS["l2"](network()))
    robust.fit(batches, steps_per_epoch=3, shuffle=False, verbose=0)
    assert int(robust.optimizer.iterations) == 3


@pytest.mark.tensorflow
def test_datasets_that_are_refused(digits):
    import tensorflow as tf

    x, y = some(digits)
    ragged = tf.RaggedTensor.from_row_splits(x[:, :, :, 0].reshape(-1, 8, 1, 1), range(0, 161, 8))
    refused = {
        "at least one batch. Received: x=": sliced(x, y).take(0).batch(8),
        "state the rank.*Received: element_spec": generated((x, y), None),
        r"state the rank.*Received: element_spec=\(Tensor": generated((x, y), labels=None),
        "one array of images. Received: x='dict of 2'": tf.data.Dataset.from_tensors(
            {"image": x, "label": y}
        ),
        "dense images of one size. Received: x='RaggedTensor'": tf.data.Dataset.from_tensors(
            (ragged, y)
        ),
    }
    for message, data in refused.items():
        with pytest.raises(ValueError, match=message):
            compiled(WRAPS["l2"](network())).fit(data, shuffle=False, verbose=0)
    with pytest.raises(ValueError, match="`validation_data` must hold at least one batch"):
        empty = sliced(x, y).take(0).batch(8)
        compiled(WRAPS["l2"](network())).fit(x, y, validation_data=empty, shuffle=False, verbose=0)
