"""Numbers that are none stop a training, and are neither kept nor fetched."""

import keras
import numpy as np
import pytest
from own.trainings import LOSS, TINY, compiled, network

from hfc_keras import attacks, training
from hfc_keras.training import AdversarialTraining, FourierRegularized

ONE_BATCH = TINY.but(examples=(100, 50), batch_size=100, optimizer="sgd", epochs=3)


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 1e30}, "of Recipe"),
        ({"learning_rate": 1e30, "normalization": "batch"}, "of Recipe"),
        ({"learning_rate": 1e38, "adversary": attacks.Pgd(0.1, steps=1)}, "=(nan|inf)"),
        ({"learning_rate": 1e38, "regularizer": "low"}, "=nan"),
        ({"learning_rate": 1e12, "batch_size": 10}, "=nan"),
    ],
    ids=str,
)
def test_a_diverging_recipe_keeps_no_epoch_that_is_none(changes, message, tmp_path):
    recipe = ONE_BATCH.but(**changes)
    with pytest.raises(FloatingPointError, match=f"must stay finite; lower.*Received: .*{message}"):
        training.fit(recipe, tmp_path)
    store = training.Store(tmp_path)
    kept = store.epochs(recipe)
    assert len(kept) < recipe.epochs
    for epoch in kept:
        assert all(np.isfinite(weights).all() for weights in store.weights(recipe, epoch))


def spoiling(kind, epoch):
    """A callback's work: the network, or the optimizer's state, is spoiled in an epoch."""

    def spoil(training, at, logs=None):
        if at != epoch:
            return
        trained = training.trained
        variable = {
            "weights": lambda: trained.trainable_variables[0],
            "averages": lambda: trained.non_trainable_variables[0],
            "state": lambda: trained.optimizer.variables[-1],
        }[kind]()
        value = np.array(variable)
        value.flat[-1] = np.inf
        variable.assign(value)

    return spoil


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["weights", "averages", "state"])
def test_one_number_is_enough_and_earlier_epochs_are_kept(kind, tmp_path, monkeypatch):
    recipe = ONE_BATCH.but(optimizer="adam", normalization="batch")
    finish = training.fitting._Training.stop_at_nonfinite
    spoil = spoiling(kind, epoch=1)

    def spoiled(self, epoch, logs=None):
        spoil(self, epoch)
        finish(self, epoch, logs)

    with monkeypatch.context() as patched:
        patched.setattr(training.fitting._Training, "stop_at_nonfinite", spoiled)
        with pytest.raises(FloatingPointError, match="Received: .*/.*=inf after epoch 2 of Recipe"):
            training.fit(recipe, tmp_path)
    store = training.Store(tmp_path)
    assert store.epochs(recipe) == [1]
    model, history = training.fit(recipe, store)
    assert len(history) == 3 and all(np.isfinite(w).all() for w in model.get_weights())


def test_accuracy_that_is_none_is_refused():
    class Fake:
        recipe, trained = ONE_BATCH, network()

    with pytest.raises(FloatingPointError, match="Received: val_accuracy=nan after epoch 3"):
        training.fitting._Training.stop_at_nonfinite(Fake, 2, {"loss": 1.0, "val_accuracy": np.nan})


@pytest.mark.parametrize("published", [False, True])
def test_weights_that_are_none_are_not_fetched(published, tmp_path):
    recipe = ONE_BATCH.but(epochs=1)
    store = training.Store(tmp_path / "store", published=tmp_path / "published")
    model, history = training.fit(recipe, store)
    weights = model.get_weights()
    weights[0].flat[0] = np.nan
    model.set_weights(weights)
    dataset = training.load_data(recipe)
    if published:
        store.publish(recipe, dataset, model, history)
    store.save_epoch(recipe, dataset, model, history)
    with pytest.warns(UserWarning, match="must be finite"):
        fetched, _ = training.fit(recipe, store)
    assert all(np.isfinite(each).all() for each in fetched.get_weights())


WRAPS = {
    "adversarial": lambda: AdversarialTraining(network(), attacks.Pgd(0.1, steps=1)),
    "fourier": lambda: FourierRegularized(network(), "low"),
}


def test_ordinary_fit_stops_before_another_callback_keeps_the_weights(digits):
    images, labels = digits.train.images, digits.train.labels

    def steep(y, logits):
        return 1e6 * keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)

    for wrap in WRAPS.values():
        robust, kept = wrap(), []
        robust.compile(keras.optimizers.SGD(1e38), steep)
        keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_, kept=kept: kept.append(1))
        with pytest.raises(FloatingPointError, match="weights must stay.*after epoch 1"):
            robust.fit(images, labels, batch_size=200, callbacks=[keep], verbose=0)
        assert kept == []


def test_ordinary_adversarial_fit_stops_at_a_loss_that_is_none(digits):
    robust = WRAPS["adversarial"]()
    # At some larger rates oneDNN's rectifier makes numbers of NaN again before the loss sees them.
    robust.compile(keras.optimizers.SGD(1e15), LOSS["sparse"](from_logits=True))
    with pytest.raises(FloatingPointError, match="loss must stay finite.*loss=.* at batch [23]"):
        robust.fit(digits.train.images, digits.train.labels, batch_size=50, verbose=0)


class Masked(keras.layers.Layer):
    """Holds minus infinity on purpose, and lets everything through."""

    def build(self, input_shape):
        self.mask = self.add_weight(shape=(2,), trainable=False)
        self.mask.assign([0.0, -np.inf])

    def call(self, x):
        return x + self.mask[0]


@pytest.mark.slow
def test_what_is_infinite_by_design_does_not_stop(digits):
    plain = network()
    robust = compiled(AdversarialTraining(keras.Model(plain.input, Masked()(plain.output))))
    robust.fit(digits.train.images[:20], digits.train.labels[:20], verbose=0)
    assert np.isinf(robust.get_weights()[-1]).any()
