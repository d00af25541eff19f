"""Networks that others trained with PyTorch, as Keras models."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from hfc_keras import checks
from hfc_keras.data.dataset import pair
from hfc_keras.models.state_dict import set_state_dict
from hfc_keras.models.torch_architectures import HEADS, SHORTCUTS, by_name, looks_like
from hfc_keras.models.torch_checkpoints import arrays_of
from hfc_keras.models.torch_residual import residual_network
from hfc_keras.models.weight_files import read_weights
from hfc_keras.types import Array, ImageSize, PathLike, Record


def from_torch(
    weights: Mapping[str, Any] | PathLike,
    architecture: str,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    image_size: ImageSize = None,
) -> keras.Model:
    r"""Keras model of a residual network that others trained with PyTorch.

    .. math:: z = f\!\left(\frac{x - \mu}{\sigma}\right)

    with the pixels x in [0, 1] and the network f under one of these names:

    ==================================== ============================== ====== ===================
    name                                 network                        pixels mean and std
    ==================================== ============================== ====== ===================
    resnet20, 32, 44, 56, 110, 1202, and He et al., section 4.2: three  32     of ImageNet, as in
    any other 6n + 2                     stages, shortcuts without             akamaster's
                                         weights (option A)                    repository
    the same with ``_b``                 shortcuts of 1 x 1             32     of CIFAR-10
                                         convolutions (option B)
    resnet18, 34, 50, 101, 152           torchvision's: four stages,    224    of ImageNet
                                         7 x 7 stem and pooling,
                                         stride on the 3 x 3 of a
                                         bottleneck
    the same with ``_cifar``             3 x 3 stem without pooling     32     of CIFAR-10
                                         (see below)
    ==================================== ============================== ====== ===================

    Weights say nothing of layers that have none. Some repositories have a 3 x 3 stem *with* max
    pooling, or other strides: their weights fit ``_cifar``, and the logits are wrong without a
    warning. So check the accuracy on images whose labels are known beside the one that was
    published; the same goes for the mean and the standard deviation.

    ImageNet's are (0.485, 0.456, 0.406) and (0.229, 0.224, 0.225), CIFAR-10's (0.4914, 0.4822,
    0.4465) and (0.2023, 0.1994, 0.2010). A network that was trained with others needs them: logits
    are those of PyTorch to 1e-4 only with its own. 50 and 152 are also 6n + 2; these two names
    are torchvision's.

    Layers are called as the modules of PyTorch: ``conv1``, ``bn1``, ``layer1.0.conv1``...; the
    last one ``linear`` or ``fc``, a block's shortcut ``shortcut`` or ``downsample``, as in
    the file; with PyTorch as Keras' backend those with weights have ``_`` in place of a dot. Where all names begin with ``module.``, ``_orig_mod.``, ``model.`` or ``net.``, that
    is left out. The number of classes is that of the last layer, from 2.

    Args:
        weights: a state dict: mapping from name to array or tensor, float32, float64, or of half
            precision, on any device; a checkpoint that holds one as ``"state_dict"``,
            ``"model_state_dict"``, ``"model"`` or ``"net"``; a module of PyTorch; or the path of
            an ``.npz``, ``.safetensors``, ``.pth``, ``.pt``, ``.th``, ``.ckpt``, ``.tar`` or
            ``.bin`` file of one. Files are read without PyTorch, and no code in them is run.
        architecture: str, name of the network.
        mean: three floats from 0 to 1, or None for those of the table.
        std: three floats above 0 and at most 1, or None for those of the table.
        image_size: int or ``(height, width)`` from 8 in pixels, or None for the table's.

    Returns:
        keras.Model from RGB images ``(batch, height, width, 3)`` in [0, 1] to logits
        ``(batch, classes)``.

    Raises:
        ValueError: for another name; a file that is missing, damaged or holds more than tensors,
            numbers and text; a checkpoint of several networks, such as one with a moving average
            of its weights; or weights of another network, naming the first difference.

    Reference:
        He et al., Deep residual learning for image recognition, CVPR 2016.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> path = f"{tempfile.mkdtemp()}/resnet56.npz"
        >>> names = [f"layer{stage}.{block}.conv1" for stage in (1, 2, 3) for block in range(9)]
        >>> np.savez(path, **{f"{each}.weight": np.zeros((16, 3, 3, 3)) for each in ["conv1", *names]})
        >>> from_torch(path, "resnet20")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: `architecture` must be 'resnet56', going by the blocks and the first kernel of the weights. Received: architecture='resnet20', weights=...
    """  # noqa: E501
    network = by_name(architecture)
    size = pair("image_size", network.side if image_size is None else image_size, minimum=8)
    path = str(weights) if isinstance(weights, (str, os.PathLike)) else None
    told: Record = {} if path is None else {"weights": path}
    arrays = arrays_of(weights if path is None else read_weights(path), path)
    _require_alike(arrays, architecture, told)
    head, shortcut = network.names
    head = _present(arrays, HEADS, "{}.weight", head)
    shortcut = _present(arrays, SHORTCUTS, "layer2.0.{}.0.weight", shortcut)
    model = residual_network(
        network.form,
        _classes(arrays, head, network.form.features, told),
        size,
        network.mean if mean is None else mean,
        network.std if std is None else std,
        (head, shortcut),
        f"torch_{architecture}",
    )
    try:
        set_state_dict(model, arrays)
    except ValueError as error:
        place = f", weights={path!r}" if path else ""
        raise ValueError(f"`weights` must be those of {architecture}: {error}{place}") from error
    return model


def _require_alike(arrays: Mapping[str, Array], architecture: str, told: Record) -> None:
    """Refuse weights that are those of another network with a name."""
    seen = looks_like(arrays)
    checks.require(
        seen in (None, architecture),
        f"`architecture` must be {seen!r}, going by the blocks and the first kernel of the weights",
        architecture=architecture,
        **told,
    )


def _present(arrays: Mapping[str, Array], names: Sequence[str], place: str, usual: str) -> str:
    """The one of several names of a module under which there are weights."""
    return next((name for name in names if place.format(name) in arrays), usual)


def _classes(arrays: Mapping[str, Array], head: str, features: int, told: Record) -> int:
    """Number of classes, which is that of the last layer's rows."""
    rows = arrays.get(f"{head}.weight")
    # Before the layer is built: rows without columns take no room in a file.
    checks.require(
        rows is not None and rows.ndim == 2 and len(rows) and rows.shape[1] == features,
        f"`weights` must hold '{head}.weight' of shape (classes, {features})",
        **({"names": list(arrays)[:3]} if rows is None else {"shape": rows.shape}),
        **told,
    )
    classes = len(arrays[f"{head}.weight"])
    checks.require(
        classes > 1,
        f"`weights` must be of at least 2 classes, which are the rows of '{head}.weight'",
        classes=classes,
        **told,
    )
    return classes
