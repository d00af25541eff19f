"""Files of networks and tables that others made, and small ones like them."""

import os
import pathlib

import numpy as np
import pytest

SHARED = pathlib.Path(__file__).parents[2] / ".." / "shared" / "data"
NETWORKS = pathlib.Path(os.environ.get("HFC_GIVEN_NETWORKS", SHARED / "pretrained"))
TABLE = pathlib.Path(
    os.environ.get("HFC_PUBLISHED_TABLE", SHARED / "tables" / "biases_vs_generalization.csv")
)
CIFAR = pathlib.Path(os.environ.get("TFDS_DATA_DIR", SHARED / "tfds")) / "cifar10"
PHOTOS = pathlib.Path(os.environ.get("HFC_PHOTOS", SHARED / "photos"))


def present(*paths):
    """Skip a test where one of the files is absent."""
    absent = [str(path) for path in paths if not path.exists()]
    if absent:
        pytest.skip(f"needs {', '.join(absent)}")


def state_dict(seed=0, classes=10):
    """State dict of the network with one block per stage, by the shapes that PyTorch has."""
    rng = np.random.default_rng(seed)
    filters = [("conv1", "bn1", 3, 16)]
    for stage, (before, own) in enumerate(((16, 16), (16, 32), (32, 64)), start=1):
        filters.append((f"layer{stage}.0.conv1", f"layer{stage}.0.bn1", before, own))
        filters.append((f"layer{stage}.0.conv2", f"layer{stage}.0.bn2", own, own))
    arrays = {}
    for convolution, normalization, inputs, outputs in filters:
        shape = (outputs, inputs, 3, 3)
        arrays[f"{convolution}.weight"] = rng.normal(0, (2 / (9 * inputs)) ** 0.5, shape)
        for name, low, high in (
            ("weight", 0.5, 1.5),
            ("bias", -0.5, 0.5),
            ("running_mean", -0.5, 0.5),
            ("running_var", 0.5, 1.5),
        ):
            arrays[f"{normalization}.{name}"] = rng.uniform(low, high, outputs)
    arrays["linear.weight"] = rng.normal(0, 0.3, (classes, 64))
    arrays["linear.bias"] = rng.normal(0, 0.3, classes)
    return {name: array.astype("float32") for name, array in arrays.items()}
