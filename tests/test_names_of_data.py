import sys

import pytest

from hfc_keras import data
from hfc_keras.data.nearest_names import WELL_KNOWN, nearest

SPELT = {
    "cifar-10": "cifar10",
    "CIFAR10": "cifar10",
    "Cifar_10": "cifar10",
    "cifar 10": "cifar10",
    "cfar10": "cifar10",
    "cifar10 ": "cifar10",
    "CIFAR-100/x": "cifar100",
    "fashion-mnist": "fashion_mnist",
    "Fashion_MNIST": "fashion_mnist",
    "FashionMNIST": "fashion_mnist",
    "MNIST": "mnist",
    "mnsit": "mnist",
    "svhn": "svhn_cropped",
    "SVHN": "svhn_cropped",
    "stl-10": "stl10",
    "flowers102": "oxford_flowers102",
    "DIGITS": "digits",
    "Synthetic": "synthetic",
}


@pytest.mark.parametrize("name", SPELT)
@pytest.mark.parametrize("installed", [True, False])
def test_a_misspelt_name_is_refused_with_the_nearest(name, installed, monkeypatch):
    if installed:
        pytest.importorskip("tensorflow_datasets")
    else:
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ValueError, match=f"nearest: '{SPELT[name]}'.*Received: name=") as refused:
        data.load(name)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("name", ["", "???", "no such set at all", "qqqqqqqq"])
def test_a_name_like_no_other_is_refused_without_a_guess(name):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(ValueError, match="TensorFlow Datasets name. Received: name="):
        data.load(name)


@pytest.mark.parametrize("name", ["mnist/split=3", "cifar10:9.9.9", "cifar10/x"])
def test_a_known_name_of_an_unknown_kind_says_why(name):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(ValueError, match=r"name, config and version \(.+\). Received: name="):
        data.load(name)


def test_well_known_names_are_known():
    tfds = pytest.importorskip("tensorflow_datasets")
    assert set(WELL_KNOWN) <= set(tfds.list_builders(with_community_datasets=False))
    assert nearest("cifar10", WELL_KNOWN) == ["cifar10"]
