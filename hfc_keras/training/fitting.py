"""Training by a recipe."""

import time
from typing import Any, TypeAlias, cast

import keras
import numpy as np
import pandas as pd

from hfc_keras import attacks, checks, endings, files, full_memory, per_backend
from hfc_keras.data import draws
from hfc_keras.training import finite, folder_notes, precision, strategies
from hfc_keras.training.catastrophic_overfitting import CatastrophicOverfitting
from hfc_keras.training.networks import build_model, trained_model
from hfc_keras.training.optimizers import build_optimizer
from hfc_keras.training.recipe import Recipe
from hfc_keras.training.store import Store
from hfc_keras.training.training_data import load_data, training_batches
from hfc_keras.types import Array, PathLike

HISTORY = ["epoch", "loss", "accuracy", "val_accuracy"]
# What training with FGSM also logs, on this many training images.
WATCHED = ["fgsm_accuracy", "pgd_accuracy"]
WATCHED_EXAMPLES = 200
# What training with a regularizer also logs, without its weight.
PENALTY = "sensitivity_penalty"
TEST_BATCH = 256

Trained: TypeAlias = tuple[keras.Model, pd.DataFrame]


def fit(
    recipe: Recipe,
    store: Store | PathLike | None = None,
    data_dir: PathLike | None = None,
    every_epoch: bool = False,
    verbose: int | None = None,
    strategy: Any = None,
) -> Trained:
    """Train the network of a recipe, or fetch it from a store where it was trained before.

    A training that was interrupted goes on after its last whole epoch, and on a CPU ends bit for
    bit as the uninterrupted one would have: order, augmentation and dropout depend on seed,
    epoch and batch alone.

    With ``precision="mixed_bfloat16"`` the training step computes in half precision, with
    weights, moving averages, the optimizer's state, logits and loss in float32. The model that
    comes back, is kept and published computes in float32, and val_accuracy, fgsm_accuracy and
    pgd_accuracy are its own. A machine without bfloat16 trains in float32, with one warning.

    With a ``strategy`` each step spreads its batch over the devices of a machine, and is what one
    device would do, but for rounding, which is coarse in half precision: batch normalization,
    dropout, random starts of attacks, penalties and smaller last batches are those of the whole
    batch. The recipe, its hash and its place in the store stay the same; only the same number of
    devices ends bit for bit alike. On TensorFlow, layers of one's own must treat each image by
    itself and add no losses of it. After an epoch one device tests the network.

    Args:
        recipe: training.Recipe.
        store: training.Store, str, Path or None; None keeps nothing.
        data_dir: str, Path or None, where TFDS keeps its data sets; see ``data.load``.
        every_epoch: bool, whether the store must hold the weights of every epoch, so that a
            published final model is not enough.
        verbose: int or None, what Keras prints: 0 nothing, 1 a progress bar, 2 one line per epoch.
            None is 1 on a terminal and in a notebook, 0 elsewhere.
        strategy: None, ``tf.distribute.MirroredStrategy`` on TensorFlow or
            ``keras.distribution.DataParallel`` on JAX, of at least two devices, whose number
            divides the recipe's ``batch_size``.

    Returns:
        ``(model, history)``: the trained, compiled keras.Model, and a DataFrame with the
        columns epoch (from 1), loss, accuracy (means over the epoch while training, with an
        adversary on attacked images) and val_accuracy (on the untouched test images after it);
        with FGSM as adversary also fgsm_accuracy and pgd_accuracy, see
        ``CatastrophicOverfitting``, on 200 training images, and with a regularizer
        sensitivity_penalty, the mean over the epoch of the penalty without its weight. Its
        ``attrs["precision"]`` is the precision it was really trained in, such as ``"float32"``,
        or ``"mixed_bfloat16, then float32"`` where it went on on another machine;
        ``attrs["devices"]`` in the same way the devices of its strategies, such as ``"2 x gpu"``,
        and ``"1"`` without one.

    Raises:
        ValueError: for data or a model that does not exist, a store that cannot be written, or
            one in which the recipe was trained on data that have changed since, or that holds
            weights that are not finite; for a strategy of another backend, of one device or of
            several machines, or batches that it cannot spread.
        FloatingPointError: if a loss, an accuracy, a weight or the optimizer's state is not
            finite after an epoch; earlier epochs are kept.
        MemoryError: if a batch does not fit into the memory of the device; they are kept, too.

    Example:
        >>> recipe = Recipe(dataset="digits", examples=(100, 50), model="small_cnn", epochs=1)
        >>> model, history = fit(recipe)
        >>> list(history.columns)
        ['epoch', 'loss', 'accuracy', 'val_accuracy']
    """
    checks.require(isinstance(recipe, Recipe), "`recipe` must be a Recipe", recipe=recipe)
    checks.choice("verbose", verbose, (None, 0, 1, 2))
    devices = strategies.chosen(strategy)
    if store is None:
        return _Training(recipe, None, data_dir, verbose, devices).run()
    store = store if isinstance(store, Store) else Store(store)
    with store.lock(recipe):
        training = _Training(recipe, store, data_dir, verbose, devices)
        store.check_data(recipe, training.dataset)
        known = training.dataset, training.model
        published = None if every_epoch else store.published_weights(recipe, *known)
        return training.run() if published is None else training.restore(*published)


class _Training:
    """One training: its data, its network and how far it is."""

    def __init__(
        self,
        recipe: Recipe,
        store: Store | None,
        data_dir: PathLike | None,
        verbose: Any = None,
        devices: strategies.OneDevice | None = None,
    ) -> None:
        self.recipe, self.store = recipe, store
        self.devices = devices or strategies.OneDevice()
        self.verbose: Any = int(endings.is_watched()) if verbose is None else verbose
        self.dataset = load_data(recipe, data_dir)
        self.batches = training_batches(recipe, self.dataset)
        self.devices.check(self.batches)
        self.precision = precision.usable(recipe.precision)
        self.model = build_model(recipe, self.dataset.image_shape, self.dataset.classes)
        with self.devices.scope():
            self.network = self.learning_network()
            with precision.policy(self.precision):
                self.trained = trained_model(recipe, self.network)
            optimizer = self.optimizer(self.network)
            _compile(self.trained, optimizer, self.devices.loss, recipe.label_smoothing)
            self.devices.ready(self.trained, self.dataset.classes)
        if self.network is not self.model:
            optimizer = self.optimizer(self.model)
        if self.trained is not self.model:
            _compile(self.model, optimizer)
        self.history = pd.DataFrame(columns=HISTORY)

    def learning_network(self) -> keras.Model:
        """The network that is returned, or one like it in half precision or on several devices."""
        if self.precision == precision.FULL and self.devices.count == 1:
            return self.model
        sizes = self.dataset.image_shape, self.dataset.classes
        network = build_model(self.recipe, *sizes, self.precision)
        network.set_weights(self.model.get_weights())
        self.devices.prepare(network)
        return network

    def run(self) -> Trained:
        known = self.recipe, self.dataset, self.trained
        progress = self.store.progress(*known) if self.store else None
        if progress:
            self.restore(progress["weights"], progress["history"], progress["optimizer"])
        done = len(self.history)
        if done < self.recipe.epochs:
            precision.tell_fallback(self.recipe.precision)
            with full_memory.told(self.recipe.batch_size):
                self.train(done)
        self.hand_over()
        self.history.attrs.update(precision=self.precision, devices=self.devices.words)
        if self.store:
            self.history.attrs.update(folder_notes.circumstances(self.store.folder(self.recipe)))
        return self.model, self.history

    def optimizer(self, network: keras.Model) -> keras.optimizers.Optimizer:
        optimizer = build_optimizer(self.recipe, len(self.batches) * self.recipe.epochs)
        optimizer.build(network.trainable_variables)
        return optimizer

    def restore(
        self, weights: list[Array], history: pd.DataFrame, optimizer: list[Array] | None = None
    ) -> Trained:
        found = finite.first_nonfinite([*weights, *(optimizer or []), history.to_numpy("float64")])
        if found:
            store = cast(Store, self.store)
            raise files.UnusableFileError(
                "What `store` holds of a recipe must be finite; remove it, and the published "
                "model, to train anew with a lower `learning_rate`. Received: "
                f"{found}, folder={str(store.folder(self.recipe))!r}, "
                f"published={str(store.published)!r}"
            )
        for network in {self.model, self.network}:
            network.set_weights(weights)
        if optimizer is not None:
            for variable, value in zip(self.trained.optimizer.variables, optimizer, strict=True):
                variable.assign(value)
        self.history = history
        return self.model, self.history

    def train(self, done: int) -> None:
        test = self.dataset.test
        self.test = test.images, np.eye(self.dataset.classes)[test.labels]
        own = self.trained is not self.model
        self.trained.fit(
            self.devices.spread(self.batches.dataset()),
            initial_epoch=done,
            epochs=self.recipe.epochs,
            validation_data=None if own else self.test,
            validation_batch_size=TEST_BATCH,
            callbacks=[
                *([keras.callbacks.LambdaCallback(on_epoch_end=self.validate)] if own else []),
                keras.callbacks.LambdaCallback(on_epoch_end=self.stop_at_nonfinite),
                self.batches.epoch_marker(),
                *self.watch(),
                keras.callbacks.LambdaCallback(on_epoch_begin=self.seed, on_epoch_end=self.keep),
            ],
            shuffle=False,
            verbose=self.verbose,
        )

    def validate(self, epoch: int, logs: Any) -> None:
        """Test the network in full precision, by its plain loss."""
        self.hand_over()
        quiet: Any = 0
        result: Any = self.model.evaluate(
            *self.test, batch_size=TEST_BATCH, verbose=quiet, return_dict=True
        )
        logs.update({f"val_{name}": value for name, value in result.items()})

    def hand_over(self) -> None:
        """Give the network that is returned what the one in half precision has learned."""
        if self.network is self.model:
            return
        self.model.set_weights(self.network.get_weights())
        states = self.model.optimizer.variables, self.trained.optimizer.variables
        for own, learned in zip(*states, strict=True):
            # A copy: JAX gives buffers of a training away at its next step.
            own.assign(np.array(learned))

    def watch(self) -> list[keras.callbacks.Callback]:
        """Callback that an FGSM adversary needs."""
        if not isinstance(self.recipe.adversary, attacks.Fgsm):
            return []
        trained = self.batches.split
        split = trained.take(np.arange(min(WATCHED_EXAMPLES, len(trained))))
        ball = self.recipe.adversary.epsilon, self.recipe.adversary.norm
        return [CatastrophicOverfitting(split.images, split.labels, *ball, model=self.model)]

    def seed(self, epoch: int, logs: Any = None) -> None:
        self.epoch_start = time.perf_counter()
        states = draws.seed_states(self.trained)
        *keys, own = draws.seed_keys(len(states) + 1, self.recipe.seed, epoch)
        for state, key in zip(states, keys, strict=True):
            state.assign(key)
        per_backend.seed_own_generator(int(own[0]))

    def stop_at_nonfinite(self, epoch: int, logs: Any = None) -> None:
        """Refuse an epoch with numbers that are not finite, before anything of it is kept."""
        ended, where = epoch + 1, f"after epoch {epoch + 1} of {self.recipe}"
        for name, value in logs.items():
            if not np.isfinite(float(value)):
                finite.refuse(name, "lower `learning_rate`", f"{name}={value} {where}", ended)
        found = finite.first_nonfinite(finite.kept_variables(self.trained))
        if found:
            finite.refuse("weights", "lower `learning_rate`", f"{found} {where}", ended)

    def keep(self, epoch: int, logs: Any = None) -> None:
        names = [*HISTORY[1:], *(name for name in (*WATCHED, PENALTY) if name in logs)]
        row = {"epoch": epoch + 1, **{name: float(logs[name]) for name in names}}
        self.history = pd.DataFrame([*self.history.to_dict("records"), row])
        if self.store:
            folder_notes.add_devices(self.store.folder(self.recipe), epoch + 1, self.devices.words)
            self.store.save_epoch(self.recipe, self.dataset, self.trained, self.history)
            self.store.add_seconds(self.recipe, time.perf_counter() - self.epoch_start)


def _compile(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    loss: Any = keras.losses.CategoricalCrossentropy,
    smoothing: float = 0.0,
) -> None:
    entropy = loss(from_logits=True, label_smoothing=smoothing)
    model.compile(optimizer=optimizer, loss=entropy, metrics=["accuracy"])
