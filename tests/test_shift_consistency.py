import keras
import numpy as np
import pytest

from hfc_keras import analysis, layers

SHAPE = (8, 9, 1)


@pytest.fixture
def images(rng):
    return rng.random((30, *SHAPE), "float32")


@pytest.fixture(scope="module")
def corner():
    """A model that says which of two pixels is brighter, so that shifts matter."""
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, 3 * keras.layers.Flatten()(inputs)[:, :2])


def invariant():
    """A model of circular convolutions at stride 1 and a mean over the pixels."""
    inputs = keras.Input(SHAPE)
    ops = keras.ops
    x = ops.concatenate([inputs[:, -1:], inputs, inputs[:, :1]], axis=1)
    x = ops.concatenate([x[:, :, -1:], x, x[:, :, :1]], axis=2)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def constant():
    inputs = keras.Input(SHAPE)
    dense = keras.layers.Dense(3, kernel_initializer="zeros", bias_initializer="ones")
    return keras.Model(inputs, dense(keras.layers.Flatten()(inputs)))


@pytest.mark.parametrize("mode", ["crop", "circular"])
def test_a_constant_model_is_consistent(mode, images):
    assert analysis.shift_consistency(constant(), images, mode=mode) == 1


def test_an_invariant_model_is_consistent_under_circular_shifts(images):
    for seed in range(2):
        keras.utils.set_random_seed(seed)
        share = analysis.shift_consistency(invariant(), images, 8, "circular", pairs=3, seed=seed)
        assert share == 1


@pytest.mark.parametrize("mode", ["crop", "circular"])
def test_the_share_is_that_of_single_shifts(mode, images, corner):
    shifts = np.random.default_rng(5).integers(-2, 3, (30, 2, 2, 2))

    def predicted(image, row, column):
        if mode == "circular":
            moved = np.roll(image, (row, column), axis=(0, 1))
        else:
            padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="reflect")
            moved = padded[2 - row : 10 - row, 2 - column : 11 - column]
        return moved[0, :2, 0].argmax()

    same = [
        predicted(image, *one) == predicted(image, *other)
        for image, pairs in zip(images, shifts, strict=True)
        for one, other in pairs
    ]
    share = analysis.shift_consistency(corner, images, 2, mode, pairs=2, seed=5)
    assert share == np.mean(same)
    assert 0 < share < 1


@pytest.mark.parametrize("mode", ["crop", "circular"])
def test_batches_and_repetition_change_nothing(mode, images, corner):
    shares = {
        analysis.shift_consistency(corner, images, 3, mode, pairs=2, batch_size=size)
        for size in (1, 7, 30, 256, 256)
    }
    assert len(shares) == 1
    others = {analysis.shift_consistency(corner, images, 3, mode, seed=s) for s in range(4)}
    assert len(others) > 1


def test_shifts_of_other_images_do_not_depend_on_their_number(images, corner):
    whole = analysis.shift_consistency(corner, images, pairs=2)
    part = analysis.shift_consistency(corner, images[:29], pairs=2)
    assert round(whole * 60) - round(part * 58) in (0, 1, 2)


def test_a_filter_before_the_subsampling_raises_consistency(rng):
    images = rng.random((300, *SHAPE), "float32")
    shares = []
    for size in (1, 3, 7):
        inputs = keras.Input(SHAPE)
        halved = layers.BlurPool2D(size)(inputs)
        model = keras.Model(inputs, 3 * keras.layers.Flatten()(halved)[:, 6:8])
        shares.append(analysis.shift_consistency(model, images, max_shift=1))
    assert shares[0] < shares[1] < shares[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_shift": -1}, "from 0. Received: max_shift=-1"),
        ({"max_shift": 1.5}, "Received: max_shift=1.5"),
        ({"max_shift": 8}, "below the smaller side.*max_shift=8"),
        ({"mode": "roll"}, "'crop', 'circular'.*Received: mode='roll'"),
        ({"pairs": 0}, "Received: pairs=0"),
        ({"seed": -1}, "Received: seed=-1"),
        ({"batch_size": 0}, "Received: batch_size=0"),
        ({"images": np.full((1, *SHAPE), 2.0)}, "pixels in .0, 1."),
        ({"images": np.zeros((1, 4, 4, 1))}, "the model's input shape"),
    ],
)
def test_wrong_calls_are_refused(options, message, images, corner):
    with pytest.raises(ValueError, match=message):
        analysis.shift_consistency(**{"model": corner, "images": images, **options})


def test_probabilities_and_nan_are_refused(images):
    inputs = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(inputs)
    with pytest.raises(ValueError, match="must return logits"):
        analysis.shift_consistency(keras.Model(inputs, keras.layers.Softmax()(flat)), images)
    with pytest.raises(ValueError, match="must return finite logits"):
        analysis.shift_consistency(keras.Model(inputs, flat * np.nan), images)
