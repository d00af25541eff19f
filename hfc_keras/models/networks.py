"""The networks of the package: what makes each of them, and its options."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from hfc_keras.models.alexnet import alexnet
from hfc_keras.models.cifar_resnet import cifar_resnet
from hfc_keras.models.dacnn import anchored_resnet, anchored_vgg
from hfc_keras.models.lenet import lenet5
from hfc_keras.models.parts import Parts
from hfc_keras.models.resnet import resnet
from hfc_keras.models.small_cnn import small_cnn
from hfc_keras.models.vgg import vgg
from hfc_keras.types import Record

# Options of every network.
COMMON = {name: option.default for name, option in inspect.signature(Parts).parameters.items()}
_ANTIALIAS = {"antialias": "none", "blur_size": 3, "order": None}
_POOLED = {"antialias": "none", "blur_size": 3}
_CIFAR = {"first_kernel": 3, **_ANTIALIAS}
_RESNET = {"normalization": "batch", "stem": None, **_ANTIALIAS}
_BOTTLENECK = {**_RESNET, "levels": (1, 1, 1, 1), "end_stage_norm": False}
_CONTEXTUAL = {**_RESNET, "levels": (4, 3, 2, 1), "end_stage_norm": True}
_ANCHORED = {"normalization": "batch", "mix": False, "regulator": "none", "shared": True}
# By number of layers: bottlenecks in each stage.
BOTTLENECKS = {
    14: (1, 1, 1, 1),
    26: (2, 2, 2, 2),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


Entry: TypeAlias = tuple[Callable[..., Any], Record]


def _bottlenecks(kind: str, own: Record) -> dict[str, Entry]:
    networks = {
        n: functools.partial(resnet, stages=s, bottleneck=True) for n, s in BOTTLENECKS.items()
    }
    return {f"{kind}{layers}": (network, own) for layers, network in networks.items()}


# By name: a function of (parts, images, classes, options of its own) that returns the logits,
# and the options it has beyond the common ones or with another default.
NETWORKS: dict[str, Entry] = {
    "resnet8": (functools.partial(cifar_resnet, blocks=1), _CIFAR),
    "resnet20": (functools.partial(cifar_resnet, blocks=3), _CIFAR),
    "resnet32": (functools.partial(cifar_resnet, blocks=5), _CIFAR),
    "resnet44": (functools.partial(cifar_resnet, blocks=7), _CIFAR),
    "resnet18": (functools.partial(resnet, stages=(2, 2, 2, 2)), _RESNET),
    "resnet34": (functools.partial(resnet, stages=(3, 4, 6, 3)), _RESNET),
    **_bottlenecks("resnet", _BOTTLENECK),
    **_bottlenecks("coresnet", _CONTEXTUAL),
    "dacnn14": (anchored_vgg, _ANCHORED),
    "dacnn18": (functools.partial(anchored_resnet, stages=(2, 2, 2, 2)), _ANCHORED),
    "dacnn34": (functools.partial(anchored_resnet, stages=(3, 4, 6, 3)), _ANCHORED),
    "vgg11": (functools.partial(vgg, stages=(1, 1, 2, 2, 2)), _POOLED),
    "vgg16": (functools.partial(vgg, stages=(2, 2, 3, 3, 3)), _POOLED),
    "lenet5": (lenet5, {}),
    "alexnet": (alexnet, {}),
    "small_cnn": (small_cnn, {}),
}
