import keras
import numpy as np
import pytest

from hfc_keras import analysis, attacks, data, models
from hfc_keras.attacks import Pgd

pytestmark = pytest.mark.jax


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", examples=(600, 60))


@pytest.fixture(scope="module")
def sure(digits):
    """A network so sure of itself that cross-entropy loses its gradient at some images."""
    keras.utils.set_random_seed(0)
    model = models.build("small_cnn", (8, 8, 1), 10, width=0.25)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss)
    model.fit(digits.train.images, digits.train.labels, batch_size=50, epochs=8, verbose=0)
    return keras.Sequential([model, keras.layers.Rescaling(20.0)])


@pytest.mark.parametrize(
    ("given", "norm", "options"),
    [
        ((8 / 255,), "linf", {}),
        ((0.5, "l2"), "l2", {"seed": 3}),
        ((0.1,), "linf", {"mask": ("low", 2), "clip_min": 0.1, "clip_max": 0.9}),
        ((0,), "linf", {}),
    ],
)
def test_what_strong_is(given, norm, options):
    chosen = attacks.strong(*given, **options)
    shared = {"norm": norm, "steps": 50, "step_size": given[0] / 4, "restarts": 3, **options}
    assert chosen == tuple(
        Pgd(given[0], loss=loss, **shared) for loss in ("cross_entropy", "margin")
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("8/255",), "Received: epsilon='8/255'"),
        ((-0.1,), "Received: epsilon=-0.1"),
        ((8,), "up to 1. Received: epsilon=8"),
        ((0.1, "l7"), "Received: norm='l7'"),
        ((0.1, "l2", -1), "Received: seed=-1"),
    ],
)
def test_wrong_settings_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        attacks.strong(*given)


@pytest.mark.slow_on_jax
@pytest.mark.filterwarnings("ignore:The gradient of")
@pytest.mark.slow
@pytest.mark.parametrize(("epsilon", "norm"), [(0.08, "linf"), (0.5, "l2")])
def test_strong_finds_what_default_attacks_miss(sure, digits, epsilon, norm):
    given = sure, digits.test.images, digits.test.labels
    table = analysis.robust_accuracy(*given, attacks.strong(epsilon, norm))
    strong = table["accuracy"].iloc[-1]
    weak = [
        analysis.robust_accuracy(*given, Pgd(epsilon, steps=steps, norm=norm))["accuracy"].iloc[-1]
        for steps in (20, 40)
    ]
    assert table["accuracy"][0] > 0.9 and strong < min(weak) - 0.02
    assert np.isclose(table["step_size"][1], epsilon / 4)
