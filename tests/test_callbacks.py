"""Measures in the middle of a training."""

import csv
import itertools

import keras
import numpy as np
import pytest
from own.linear import linear_model
from own.trainings import compiled

from hfc_keras import analysis, callbacks, data, training
from hfc_keras.attacks import Fgsm

pytestmark = pytest.mark.jax

KEYS = ["accuracy_original", "accuracy_low_2", "accuracy_high_2"]
SENSITIVE = [f"sensitivity_{name}" for name in ("low", "mid", "high", "center")]


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", examples=(64, 30))


def linear(last=None):
    """Fast to compile, with another gradient in every image."""
    weights = np.random.default_rng(0).normal(size=(8, 8, 1, 10))
    return linear_model(weights, last)


def normalized():
    """Batch normalization and dropout, and little else to compile."""
    layers = [keras.layers.BatchNormalization(), keras.layers.Flatten(), keras.layers.Dropout(0.5)]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers, keras.layers.Dense(10)])


def fitted(model, digits, watching, epochs=1, **options):
    """History of a training with callbacks, and the weights after each epoch."""
    weights = []
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(watching[0].network().get_weights())
    )
    given = digits.train.images, digits.train.labels
    told = {"epochs": epochs, "verbose": 0, "shuffle": False, **options}
    return model.fit(*given, callbacks=[*watching, keep], **told).history, weights


def test_the_logs_hold_what_the_measures_say_of_each_epoch(digits):
    test = digits.test
    watching = [callbacks.FrequencyAccuracy(test, radii=[2]), callbacks.FourierSensitivity(test)]
    history, weights = fitted(compiled(linear()), digits, watching, epochs=2)
    model = linear()
    for epoch in range(2):
        model.set_weights(weights[epoch])
        accuracies = analysis.frequency_accuracy(model, test, radii=[2])
        assert [history[key][epoch] for key in KEYS] == accuracies["accuracy"].tolist()
        rings = analysis.fourier_sensitivity(model, test)
        shares = rings["mean"].to_numpy()
        expected = [shares[:1].sum(), shares[1:2].sum(), shares[2:].sum(), shares @ rings["ring"]]
        np.testing.assert_allclose([history[key][epoch] for key in SENSITIVE], expected)
        for watcher, table in zip(watching, (accuracies, rings), strict=True):
            kept = watcher.table[watcher.table["epoch"] == epoch + 1].drop(columns="epoch")
            np.testing.assert_array_equal(kept.to_numpy(str), table.to_numpy(str))


def test_two_callbacks_do_not_write_over_each_other(digits):
    test, train = digits.test, digits.train
    first, second = (callbacks.FrequencyAccuracy(each, radii=[2]) for each in (test, train))
    with pytest.warns(UserWarning, match="`prefix` of its own"):
        history, _ = fitted(compiled(linear()), digits, [first, second])
    assert history["accuracy_low_2"] == [first.table["accuracy"][1]]
    named = callbacks.FrequencyAccuracy(train, radii=[2], prefix="seen")
    history, _ = fitted(compiled(linear()), digits, [first, named])
    assert history["seen_low_2"] == [named.table["accuracy"][1]]


@pytest.mark.parametrize(("every", "measured"), [(2, [2, 4, 5]), (3, [3, 5]), (9, [5])])
def test_csv_has_all_columns_from_the_first_epoch(every, measured, digits, tmp_path):
    watcher = callbacks.FrequencyAccuracy(digits.test, radii=[2], every=every, prefix="moving")
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history, _ = fitted(compiled(linear()), digits, [watcher, logger], epochs=5)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    for part, epoch in itertools.product(("original", "low_2", "high_2"), range(1, 6)):
        values = float(rows[epoch - 1][f"moving_{part}"]), history[f"moving_{part}"][epoch - 1]
        assert values[0] == values[1] if epoch in measured else np.isnan(values).all()
    assert watcher.table["epoch"].unique().tolist() == measured


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda model: training.AdversarialTraining(model, Fgsm(0.05)),
        lambda model: training.FourierRegularized(model, "low"),
    ],
)
def test_the_network_inside_a_training_is_measured(wrapped, digits):
    inner = linear()
    watcher = callbacks.FrequencyAccuracy(digits.test, radii=[2])
    history, _ = fitted(compiled(wrapped(inner)), digits, [watcher])
    expected = analysis.frequency_accuracy(inner, digits.test, radii=[2])["accuracy"]
    assert [history[key][-1] for key in KEYS] == expected.tolist()


def test_watching_changes_no_training(digits):
    trained = []
    for count in (0, 1):
        keras.utils.set_random_seed(0)
        model = compiled(normalized())
        watching = [
            callbacks.FrequencyAccuracy(digits.test, radii=[2]),
            callbacks.FourierSensitivity(digits.test),
        ]
        given = digits.train.images, digits.train.labels
        model.fit(*given, epochs=2, verbose=0, callbacks=watching[: 2 * count])
        trained.append(model.get_weights())
    for one, other in zip(*trained, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", [callbacks.FrequencyAccuracy, callbacks.FourierSensitivity])
@pytest.mark.parametrize(
    ("model", "changes", "match"),
    [
        (lambda: linear(keras.layers.Softmax()), {}, "must return logits.*as_classifier"),
        (linear, {"images": np.zeros((3, 9, 8, 1))}, "the model's input shape"),
        (linear, {"labels": [0, 1]}, "one label for each of 3 images"),
        (linear, {"labels": None}, "Received: labels=None"),
        (linear, {"labels": [0, 1, 10]}, "from 0 to 9"),
        (linear, {"batch_size": 0}, "Received: batch_size=0"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_the_first_step(
    kind, model, changes, match, digits
):
    watcher = kind(**{"images": np.zeros((3, 8, 8, 1)), "labels": [0, 1, 2], **changes})
    model = compiled(model())
    before = model.get_weights()
    with pytest.raises(ValueError, match=match):
        fitted(model, digits, [watcher])
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"bn_statistics": "bacth"}, "nearest: 'batch'"),
        ({"bn_statistics": "population"}, "Received: train_images=None"),
        ({"scaling": "maximum"}, "Received: scaling='maximum'"),
    ],
)
def test_options_are_tried_before_the_first_step(options, match, digits):
    watcher = callbacks.FrequencyAccuracy(digits.test, **options)
    with pytest.raises(ValueError, match=match):
        fitted(compiled(linear()), digits, [watcher])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda test: callbacks.FrequencyAccuracy(test, every=0), "Received: every=0"),
        (lambda test: callbacks.FrequencyAccuracy(test, radii=[-1]), "Received: radii=-1"),
        (lambda test: callbacks.FrequencyAccuracy(test, prefix=""), "Received: prefix=''"),
        (lambda test: callbacks.FourierSensitivity(test, every=1.5), "Received: every=1.5"),
        (lambda test: callbacks.FourierSensitivity(test, channels="sum"), "channels='sum'"),
        (lambda test: callbacks.FourierSensitivity(test.pixels + 300.0), "images.max"),
    ],
)
def test_wrong_arguments_are_refused_at_once(call, match, digits):
    with pytest.raises(ValueError, match=match):
        call(digits.test)


def test_a_network_that_diverges_is_warned_of_and_the_training_goes_on(digits):
    def spoil(epoch, logs):
        if epoch == 0:
            model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])

    model = compiled(linear())
    watching = [
        callbacks.FrequencyAccuracy(digits.test, radii=[2]),
        keras.callbacks.LambdaCallback(on_epoch_end=spoil),
    ]
    with pytest.warns(UserWarning, match="NaN for epoch 2: .*must return finite logits"):
        history, _ = fitted(model, digits, watching, epochs=2)
    assert [np.isnan(history[key]).tolist() for key in KEYS] == [[False, True]] * 3


def test_other_statistics_stand_beside_the_moving_ones(digits):
    model = compiled(normalized())
    watching = [
        callbacks.FrequencyAccuracy(digits.test, radii=[2]),
        callbacks.FrequencyAccuracy(
            digits.test.pixels,
            digits.test.labels,
            [2],
            "population",
            prefix="population",
            train_images=digits.train,
        ),
    ]
    history, _ = fitted(model, digits, watching)
    expected = analysis.frequency_accuracy(
        model, digits.test, None, [2], bn_statistics="population", train_images=digits.train
    )
    found = [history[f"population_{part}"][0] for part in ("original", "low_2", "high_2")]
    assert found == expected["accuracy"].tolist() and len(history) == 2 + 6
