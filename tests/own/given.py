"""Files of networks and tables that others made, and small ones like them."""

import os
import pathlib

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
