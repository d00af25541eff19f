"""Learning rates of a recipe step by step, and what a step does with a weight decay."""

import keras
import numpy as np
import pytest

from hfc_keras import training
from hfc_keras.training import OneCycle, Recipe, WarmUp, optimizers


def rates(schedule, steps):
    """Learning rate at each step, as an optimizer has it."""
    optimizer = keras.optimizers.SGD(schedule)
    optimizer.build([keras.Variable(1.0)])
    found = []
    for step in range(steps):
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    return np.array(found)


def of_recipe(steps, **fields):
    recipe = Recipe(learning_rate=0.5, epochs=10, **fields)
    return rates(optimizers.learning_rate(recipe, steps), steps + 2)


def test_one_cycle_rises_to_the_rate_and_falls_to_zero():
    found = of_recipe(100, schedule="one_cycle")
    assert found.argmax() == 19 and found[19] == 0.5
    np.testing.assert_allclose(np.diff(found[:20]), 0.5 / 20, rtol=1e-4)
    np.testing.assert_allclose(np.diff(found[19:101]), -0.5 / 81, rtol=1e-3)
    assert found[0] > 0 and found[99] > 0 and found[100] == found[101] == 0
    assert of_recipe(100, schedule="one_cycle", warmup=0.5).argmax() == 49


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("warmup", [0.0, 0.2, 0.999])
def test_one_cycle_reaches_its_peak_in_the_shortest_training(steps, warmup):
    found = of_recipe(steps, schedule="one_cycle", warmup=warmup)
    assert found.max() == 0.5 and (found[:steps] > 0).all() and found[steps] == 0


def test_a_warm_up_stands_before_every_other_schedule():
    linear = 0.5 * np.arange(1, 21) / 20
    constant = of_recipe(100, warmup=0.2)
    np.testing.assert_allclose(constant[:20], linear, rtol=1e-6)
    np.testing.assert_allclose(constant[20:], 0.5)
    cosine = of_recipe(100, schedule="cosine", warmup=0.2)
    np.testing.assert_allclose(cosine[:20], linear, rtol=1e-6)
    expected = 0.25 * (1 + np.cos(np.pi * np.arange(81) / 80))
    np.testing.assert_allclose(cosine[20:101], expected, atol=1e-7)
    plain, warmed = (
        of_recipe(100, schedule="step", milestones=(4, 8), warmup=warmup) for warmup in (None, 0.2)
    )
    np.testing.assert_allclose(warmed[:20], linear, rtol=1e-6)
    np.testing.assert_array_equal(warmed[20:], plain[20:])
    assert np.isclose(plain[50], 0.05) and np.isclose(plain[90], 0.005)


@pytest.mark.parametrize(
    "schedule",
    [
        OneCycle(0.3, 10, 4),
        WarmUp(0.3, 4),
        WarmUp(keras.optimizers.schedules.CosineDecay(0.3, 6), 4),
    ],
    ids=["one_cycle", "constant", "cosine"],
)
def test_a_schedule_is_rebuilt_by_keras(schedule):
    config = keras.optimizers.schedules.serialize(schedule)
    again = keras.optimizers.schedules.deserialize(config)
    assert type(again) is type(schedule) and again.get_config() == schedule.get_config()
    np.testing.assert_array_equal(rates(again, 12), rates(schedule, 12))
    optimizer = keras.optimizers.SGD.from_config(keras.optimizers.SGD(schedule).get_config())
    assert optimizer.get_config()["learning_rate"] == config


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: OneCycle(-1.0, 10, 4), "Received: peak=-1.0"),
        (lambda: OneCycle(1.0, 0, 0), "Received: steps=0"),
        (lambda: OneCycle(1.0, 10, 11), "Received: rise=11"),
        (lambda: WarmUp("cosine", 4), "Received: schedule='cosine'"),
        (lambda: WarmUp(0.1, 0), "Received: steps=0"),
    ],
)
def test_wrong_arguments_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_weight_decay_takes_its_share_at_each_step_with_that_steps_rate(name):
    recipe = Recipe(
        optimizer=name, learning_rate=0.5, weight_decay=0.1, schedule="one_cycle", epochs=1
    )
    optimizer = training.fitting.build_optimizer(recipe, steps=10)
    variable = keras.Variable([1.0, -2.0])
    optimizer.build([variable])
    expected = np.array([1.0, -2.0])
    for rate in of_recipe(10, schedule="one_cycle")[:10]:
        # No gradient: what changes the weights is the decay alone.
        optimizer.apply([keras.ops.zeros(2)])
        expected *= 1 - 0.1 * rate
        np.testing.assert_allclose(np.asarray(variable), expected, rtol=1e-6)
