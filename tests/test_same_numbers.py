"""Every backend gives the numbers that TensorFlow gave, of a network of the project.

``python tests/test_same_numbers.py`` writes them anew, with TensorFlow.
"""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from hfc_keras import analysis, data, gradients
from hfc_keras.attacks import Fgsm, Pgd

ROOT = Path(__file__).parents[1]
STORED = Path(__file__).with_suffix(".json")
# With batch normalization, and adversarially trained.
NETWORKS = ("386af773fe6e50e6", "07413a7a6f9f42a8")
ATTACKS = [
    Fgsm(2 / 255),
    Pgd(1 / 255, steps=4),
    Pgd(1 / 255, steps=4, loss="margin"),
    Pgd(0.2, norm="l2", steps=4, restarts=2),
]
# Compilers take longer than the numbers; PyTorch has none.
eager = keras.backend.backend() == "torch"
pytestmark = [pytest.mark.jax] if eager else [pytest.mark.jax, pytest.mark.slow]


def images():
    """Images of natural contrast, of the size of CIFAR-10."""
    found = data.load("synthetic", examples=(1, 40), image_size=32).test.images
    return np.repeat(found, 3, axis=3)[:40] if found.shape[3] == 1 else found[:40]


def numbers(name):
    """All measures of a network, whose own answers stand for labels."""
    model = keras.saving.load_model(ROOT / "results" / "models" / f"{name}.keras")
    x = images()
    logits = gradients.predicted(model, x)
    y = logits.argmax(axis=1)
    found = {"logits": logits}
    for kind in ("moving", "batch"):
        table = analysis.frequency_accuracy(model, x, y, bn_statistics=kind)
        found[f"frequency_accuracy {kind}"] = table["accuracy"]
    found["fourier_sensitivity"] = analysis.fourier_sensitivity(model, x, y)["mean"]
    found["fourier_heat_map"] = analysis.fourier_heat_map(model, x, y, norm=8.0, step=8)[::8, ::8]
    found["band_stop_accuracy"] = analysis.band_stop_accuracy(model, x, y)["accuracy"]
    found["shift_consistency"] = analysis.shift_consistency(model, x, max_shift=1)
    table = analysis.robust_accuracy(model, x, y, ATTACKS)
    found["robust_accuracy"] = table["accuracy"]
    found["max_norm"] = table["max_norm"].fillna(0)
    return {name: np.asarray(each, "float64").tolist() for name, each in found.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_are_those_of_tensorflow(name):
    stored, found = json.loads(STORED.read_text())[name], numbers(name)
    assert found.keys() == stored.keys()
    for measure, expected in stored.items():
        np.testing.assert_allclose(found[measure], expected, rtol=1e-5, atol=1e-5, err_msg=measure)
    # Numbers that tell something.
    robust = stored["robust_accuracy"]
    assert robust[0] == 1 and 0 < robust[-1] < 1
    assert 0 < np.mean(stored["frequency_accuracy moving"]) < 1


if __name__ == "__main__":
    STORED.write_text(json.dumps({name: numbers(name) for name in NETWORKS}) + "\n")
