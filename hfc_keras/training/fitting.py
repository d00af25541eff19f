"""Training by a recipe."""

import sys
import time

import keras
import numpy as np
import pandas as pd

from hfc_keras import attacks, checks, files, models
from hfc_keras.data import pipeline
from hfc_keras.training import finite
from hfc_keras.training.adversarial import AdversarialTraining
from hfc_keras.training.catastrophic_overfitting import CatastrophicOverfitting
from hfc_keras.training.fourier import FourierRegularized
from hfc_keras.training.inputs import load_data, training_batches
from hfc_keras.training.recipe import Recipe
from hfc_keras.training.store import Store

HISTORY = ["epoch", "loss", "accuracy", "val_accuracy"]
# What training with FGSM also logs, on this many training images.
WATCHED = ["fgsm_accuracy", "pgd_accuracy"]
WATCHED_EXAMPLES = 200
# What training with a regularizer also logs, without its weight.
PENALTY = "sensitivity_penalty"


def fit(recipe, store=None, data_dir=None, every_epoch=False):
    """Train the network of a recipe, or fetch it from a store where it was trained before.

    A training that was interrupted goes on after its last whole epoch, and on a CPU ends bit for
    bit as the uninterrupted one would have: order, augmentation and dropout depend on seed,
    epoch and batch alone. Keras' progress bar shows on a terminal; without one training is silent.

    Args:
        recipe: training.Recipe.
        store: training.Store, str, Path or None; None keeps nothing.
        data_dir: str, Path or None, where TFDS keeps its data sets; as of ``data.load``.
        every_epoch: bool, whether the store must hold the weights of every epoch, so that a
            published final model is not enough.

    Returns:
        ``(model, history)``: the trained, compiled keras.Model, and a DataFrame with the
        columns epoch (from 1), loss, accuracy (means over the epoch while training, with an
        adversary on attacked images) and val_accuracy (on the untouched test images after it);
        with FGSM as adversary also fgsm_accuracy and pgd_accuracy, as of
        ``CatastrophicOverfitting``, on 200 training images, and with a regularizer
        sensitivity_penalty, the mean over the epoch of the penalty without its weight.

    Raises:
        ValueError: for data or a model that does not exist, a store that cannot be written, or
            one in which the recipe was trained on data that have changed since, or that holds
            weights that are not finite.
        FloatingPointError: if a loss, an accuracy, a weight or the optimizer's state is not
            finite after an epoch; earlier epochs are kept.

    Example:
        >>> recipe = Recipe(dataset="digits", examples=(100, 50), model="small_cnn", epochs=1)
        >>> model, history = fit(recipe)
        >>> list(history.columns)
        ['epoch', 'loss', 'accuracy', 'val_accuracy']
    """
    checks.require(isinstance(recipe, Recipe), "`recipe` must be a Recipe", recipe=recipe)
    if store is None:
        return _Training(recipe, None, data_dir).run()
    store = store if isinstance(store, Store) else Store(store)
    with store.lock(recipe):
        training = _Training(recipe, store, data_dir)
        store.check_data(recipe, training.dataset)
        known = training.dataset, training.model
        published = None if every_epoch else store.published_weights(recipe, *known)
        return training.run() if published is None else training.restore(*published)


class _Training:
    """One training: its data, its network and how far it is."""

    def __init__(self, recipe, store, data_dir):
        self.recipe, self.store = recipe, store
        self.dataset = load_data(recipe, data_dir)
        self.batches = training_batches(recipe, self.dataset)
        self.model = build_model(recipe, self.dataset.image_shape, self.dataset.classes)
        self.trained = trained_model(recipe, self.model)
        self.history = pd.DataFrame(columns=HISTORY)
        self.compile()

    def run(self):
        known = self.recipe, self.dataset, self.trained
        progress = self.store.progress(*known) if self.store else None
        if progress:
            self.restore(progress["weights"], progress["history"], progress["optimizer"])
        done = len(self.history)
        if done < self.recipe.epochs:
            self.train(done)
        return self.model, self.history

    def compile(self):
        steps = len(self.batches) * self.recipe.epochs
        optimizer = build_optimizer(self.recipe, steps)
        optimizer.build(self.model.trainable_variables)
        for model in {self.trained, self.model}:
            loss = keras.losses.CategoricalCrossentropy(from_logits=True)
            model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])

    def restore(self, weights, history, optimizer=None):
        found = finite.first_nonfinite([*weights, *(optimizer or []), history.to_numpy("float64")])
        if found:
            raise files.UnusableFileError(
                "What `store` holds of a recipe must be finite; remove it, and the published "
                "model, to train anew with a lower `learning_rate`. Received: "
                f"{found}, folder={str(self.store.folder(self.recipe))!r}, "
                f"published={str(self.store.published)!r}"
            )
        self.model.set_weights(weights)
        if optimizer is not None:
            for variable, value in zip(self.trained.optimizer.variables, optimizer, strict=True):
                variable.assign(value)
        self.history = history
        return self.model, self.history

    def train(self, done):
        test = self.dataset.test
        self.trained.fit(
            self.batches.dataset(),
            initial_epoch=done,
            epochs=self.recipe.epochs,
            validation_data=(test.images, np.eye(self.dataset.classes)[test.labels]),
            validation_batch_size=256,
            callbacks=[
                keras.callbacks.LambdaCallback(on_epoch_end=self.stop_at_nonfinite),
                self.batches.epoch_marker(),
                *self.watch(),
                keras.callbacks.LambdaCallback(on_epoch_begin=self.seed, on_epoch_end=self.keep),
            ],
            shuffle=False,
            verbose=1 if sys.stdout.isatty() else 0,
        )

    def watch(self):
        """Callback that an FGSM adversary needs."""
        if not isinstance(self.recipe.adversary, attacks.Fgsm):
            return []
        trained = self.batches.split
        split = trained.take(np.arange(min(WATCHED_EXAMPLES, len(trained))))
        ball = self.recipe.adversary.epsilon, self.recipe.adversary.norm
        return [CatastrophicOverfitting(split.images, split.labels, *ball)]

    def seed(self, epoch, logs=None):
        self.epoch_start = time.perf_counter()
        states = pipeline.seed_states(self.trained)
        keys = pipeline.seed_keys(len(states), self.recipe.seed, epoch)
        for state, key in zip(states, keys, strict=True):
            state.assign(key)

    def stop_at_nonfinite(self, epoch, logs=None):
        """Refuse an epoch, before anything of it is kept, that ends in numbers that are none."""
        where = f"after epoch {epoch + 1} of {self.recipe}"
        for name, value in logs.items():
            if not np.isfinite(value):
                finite.refuse(name, "lower `learning_rate`", f"{name}={value} {where}")
        found = finite.first_nonfinite(finite.kept_variables(self.trained))
        if found:
            finite.refuse("weights", "lower `learning_rate`", f"{found} {where}")

    def keep(self, epoch, logs=None):
        names = [*HISTORY[1:], *(name for name in (*WATCHED, PENALTY) if name in logs)]
        row = {"epoch": epoch + 1, **{name: float(logs[name]) for name in names}}
        self.history = pd.DataFrame([*self.history.to_dict("records"), row])
        if self.store:
            self.store.save_epoch(self.recipe, self.dataset, self.trained, self.history)
            self.store.add_seconds(self.recipe, time.perf_counter() - self.epoch_start)


def build_model(recipe, image_shape, classes):
    """Untrained network of a recipe.

    Args:
        recipe: training.Recipe.
        image_shape: (height, width, channels).
        classes: int.

    Returns:
        keras.Model that returns logits.

    Example:
        >>> build_model(Recipe(model="small_cnn"), (8, 8, 1), 10).output_shape
        (None, 10)
    """
    return models.build(
        recipe.model,
        image_shape,
        classes,
        normalization=recipe.normalization,
        bn_momentum=recipe.bn_momentum,
        dropout=recipe.dropout,
        width=recipe.width,
        seed=recipe.seed,
        **recipe.options,
    )


def trained_model(recipe, model):
    """What a recipe fits: the network itself, or a training of its own round it.

    Args:
        recipe: training.Recipe.
        model: keras.Model of ``build_model``.

    Returns:
        keras.Model, not compiled.

    Example:
        >>> network = build_model(Recipe(model="small_cnn"), (8, 8, 1), 10)
        >>> trained_model(Recipe(model="small_cnn"), network) is network
        True
    """
    if recipe.adversary:
        return AdversarialTraining(model, recipe.adversary, seed=recipe.seed)
    if recipe.regularizer:
        return FourierRegularized(model, recipe.regularizer, recipe.regularizer_weight)
    return model


def build_optimizer(recipe, steps):
    """Optimizer of a recipe, with its learning-rate schedule.

    Args:
        recipe: training.Recipe.
        steps: int, steps of the whole training.

    Returns:
        keras.optimizers.Optimizer.

    Example:
        >>> build_optimizer(Recipe(optimizer="sgd", momentum=0.9), 10).momentum
        0.9
    """
    rate = recipe.learning_rate
    schedules = keras.optimizers.schedules
    if recipe.schedule == "cosine":
        rate = schedules.CosineDecay(rate, steps)
    elif recipe.schedule == "step":
        bounds = [steps * epoch // recipe.epochs for epoch in recipe.milestones]
        bounds = bounds or [steps // 3, 2 * steps // 3]
        rates = [rate * recipe.step_factor**number for number in range(len(bounds) + 1)]
        rate = schedules.PiecewiseConstantDecay(bounds, rates)
    options = {"learning_rate": rate, "weight_decay": recipe.weight_decay or None}
    if recipe.optimizer in ("sgd", "rmsprop"):
        options["momentum"] = recipe.momentum
    if recipe.optimizer == "sgd":
        options["nesterov"] = recipe.nesterov
    return type(keras.optimizers.get(recipe.optimizer))(**options)
