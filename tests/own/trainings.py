"""What the tests of trainings share: a tiny network, its loss, and a stop in the middle."""

import shutil

import keras

from hfc_keras import models, training
from hfc_keras.training import Recipe

LOSS = {
    "sparse": keras.losses.SparseCategoricalCrossentropy,
    "one_hot": keras.losses.CategoricalCrossentropy,
}
TINY = Recipe(
    dataset="digits", examples=(300, 100), model="small_cnn", width=0.5, learning_rate=3e-3
)


def network(**options):
    """An untrained network for digits."""
    return models.build("small_cnn", (8, 8, 1), 10, width=0.5, **options)


def compiled(model, labels="sparse", **options):
    """The model, ready to be fitted to labels of a form."""
    loss = LOSS[labels](from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"], **options)
    return model


def whole_and_resumed(recipe, folder, monkeypatch):
    """Fit a recipe, and fit it from what was on disk after its first epoch.

    Returns:
        Two pairs of model and history.
    """
    save = training.Store.save_epoch

    def copy_after_first(store, recipe, dataset, model, history):
        save(store, recipe, dataset, model, history)
        if len(history) == 1:
            shutil.copytree(store.folder(recipe).parent, folder / "torn")

    with monkeypatch.context() as patched:
        patched.setattr(training.Store, "save_epoch", copy_after_first)
        whole = training.fit(recipe, folder / "whole")
    assert training.Store(folder / "torn").epochs(recipe) == [1]
    return whole, training.fit(recipe, folder / "torn")
