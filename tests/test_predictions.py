"""What every measure of a model refuses of its outputs, wherever they turn up."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from hfc_keras import analysis, gradients
from hfc_keras.analysis import predictions
from hfc_keras.attacks import Fgsm

pytestmark = pytest.mark.jax

RNG = np.random.default_rng(0)
IMAGES = RNG.random((400, 8, 8, 1), "float32")
LABELS = RNG.integers(0, 4, 400)
# Not among the images by which a measure knows a model near chance.
ROW = 4
TESTED = np.unique(np.linspace(0, 399, predictions.MOST).round().astype(int))
# By name of a measure: its other arguments.
MEASURES = {
    "band_stop_accuracy": {"labels": LABELS, "bands": 2},
    "reliability": {"labels": LABELS},
    "calibration": {"labels": LABELS},
    "changed_accuracy": {"labels": LABELS},
    "component_probabilities": {"radius": 2},
    "contingency": {"labels": LABELS, "radii": [2]},
    "corruption_accuracy": {"labels": LABELS, "names": ["contrast"], "severities": [1]},
    "critical_band": {"labels": LABELS, "centers": [2], "noises": [0.1]},
    "feature_spectrum": {},
    "fourier_heat_map": {"labels": LABELS},
    "fourier_sensitivity": {"labels": LABELS},
    "frequency_accuracy": {"labels": LABELS, "radii": [2]},
    "frequency_shortcuts": {"labels": LABELS, "patch": 8},
    "hybrid_preference": {"labels": LABELS, "radii": [2]},
    "out_of_distribution": {"outside": IMAGES[:5]},
    "patch_shuffle_accuracy": {"labels": LABELS, "patches": (1, 2)},
    "robust_accuracy": {"labels": LABELS, "attacks": Fgsm(0.1)},
    "shift_consistency": {"max_shift": 1},
    "spectral_importance": {"labels": LABELS, "permutations": 1, "bands": 1},
}


class Spoilt(keras.layers.Layer):
    """Logits of which one is not finite where the first pixel is white."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def call(self, images):
        logits = ops.mean(images, axis=2)[:, :4, 0]
        hit = images[:, 0, 0, :] > 0.9999
        return ops.where(ops.logical_and(hit, np.arange(4) == 1), self.value, logits)


def spoilt(value):
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, Spoilt(value)(inputs))


@pytest.fixture(scope="module")
def images():
    found = IMAGES * np.float32(0.9)
    found[ROW, 0, 0] = 1.0
    return found


def test_every_measure_of_a_model_is_tried():
    public = {name: getattr(analysis, name) for name in dir(analysis) if name[0] != "_"}
    measures = {
        name
        for name, value in public.items()
        if inspect.isfunction(value) and next(iter(inspect.signature(value).parameters)) == "model"
    }
    assert (
        measures - {"has_batch_norm", "with_statistics", "frequency_accuracy_by_epoch"}
        == MEASURES.keys()
    )
    assert ROW not in TESTED


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", MEASURES)
def test_a_single_logit_that_is_not_finite_is_refused(name, value, images):
    given = {"inside" if name == "out_of_distribution" else "images": images}
    with pytest.raises(ValueError, match="`model` must return finite logits.*images without="):
        getattr(analysis, name)(spoilt(value), **given, **MEASURES[name])


def test_a_model_of_nan_has_no_accuracy(images):
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(4, kernel_initializer=keras.initializers.Constant(np.nan)))
    with pytest.raises(ValueError, match="`model` must return finite logits"):
        analysis.frequency_accuracy(model, images, LABELS, [2])


def test_batches_of_any_length_are_one_prediction(images):
    model = spoilt(0.0)
    whole = gradients.predicted(model, images, 400)
    for logits in (
        gradients.predicted(model, images, 7),
        predictions.predicted_logits(model, images, None, 64),
    ):
        np.testing.assert_allclose(logits, whole, rtol=1e-5)
