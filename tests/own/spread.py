"""Trainings on one device and on two virtual ones, compared: run in a process of its own."""

import json
import sys
import warnings

import keras
import numpy as np
import pandas as pd


def two_devices():
    """Strategies of two processors and of one, before the backend has looked for devices."""
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_num_cpu_devices", 2)
        parallel = keras.distribution.DataParallel
        return parallel(), parallel(devices=["cpu:0"])
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    mirrored = tf.distribute.MirroredStrategy
    return mirrored(["CPU:0", "CPU:1"]), mirrored(["CPU:0"])


def compared(recipe, strategy, folder):
    """What one device and two make of a recipe.

    Returns:
        dict of the largest differences of weights, state of the optimizer and logs, of how far the
        weights went, and of what is said of devices.
    """
    from hfc_keras import training
    from hfc_keras.training.networks import build_model

    alone, alone_history = training.fit(recipe)
    spread, history = training.fit(recipe, folder, strategy=strategy)
    # From the store, which one device reads.
    again, kept = training.fit(recipe, folder)
    assert_same(again.get_weights(), spread.get_weights())
    pd.testing.assert_frame_equal(history, kept, check_exact=True)
    fresh = build_model(recipe, spread.input_shape[1:], spread.output_shape[1])
    states = [[np.asarray(each) for each in m.optimizer.variables] for m in (spread, alone)]
    return {
        "weights": furthest(spread.get_weights(), alone.get_weights()),
        "optimizer": furthest(*states),
        "logs": furthest([history.to_numpy("float64")], [alone_history.to_numpy("float64")]),
        "way": furthest(alone.get_weights(), fresh.get_weights()),
        "devices": [each.attrs["devices"] for each in (alone_history, history, kept)],
    }


def furthest(ones, others):
    return max(float(np.abs(a - b).max()) for a, b in zip(ones, others, strict=True))


def assert_same(ones, others):
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_array_equal(one, other)


def refusal(recipe, strategy):
    """What is said to a recipe on a strategy."""
    from hfc_keras.training import strategies, training_data

    try:
        batches = training_data.training_batches(recipe, training_data.load_data(recipe))
        strategies.chosen(strategy).check(batches)
    except ValueError as error:
        return str(error)
    return "taken"


def main(recipes, refused, folder):
    """Compare recipes, and print what is said to others.

    Args:
        recipes: dict from name to the fields of a recipe.
        refused: list of fields of recipes that two devices cannot spread.
        folder: str, for stores.
    """
    several, single = two_devices()
    from hfc_keras.training import Recipe

    result = {"refused": [refusal(Recipe(**each), several) for each in refused]}
    result["refused"].extend(refusal(Recipe(**each), single) for each in refused[:1])
    # Nothing that a device does not see may be warned of.
    warnings.simplefilter("error", UserWarning)
    for name, fields in recipes.items():
        result[name] = compared(Recipe(**fields), several, f"{folder}/{name}")
    sys.stdout.write(json.dumps(result) + "\n")
