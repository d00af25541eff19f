"""The networks by name."""

import functools
import inspect

import keras
import numpy as np

from hfc_keras import checks
from hfc_keras.layers.image_layer import require_channels_last
from hfc_keras.models.alexnet import alexnet
from hfc_keras.models.cifar_resnet import cifar_resnet
from hfc_keras.models.dacnn import anchored_resnet, anchored_vgg
from hfc_keras.models.lenet import lenet5
from hfc_keras.models.parts import Parts
from hfc_keras.models.resnet import resnet
from hfc_keras.models.small_cnn import small_cnn
from hfc_keras.models.vgg import vgg

_COMMON = {name: option.default for name, option in inspect.signature(Parts).parameters.items()}
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


def _bottlenecks(kind, own):
    networks = {
        n: functools.partial(resnet, stages=s, bottleneck=True) for n, s in BOTTLENECKS.items()
    }
    return {f"{kind}{layers}": (network, own) for layers, network in networks.items()}


# By name: a function of (parts, images, classes, options of its own) that returns the logits,
# and the options it has beyond the common ones or with another default.
_NETWORKS = {
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


def names():
    """Return the names that ``build`` knows.

    Returns:
        list of str.

    Example:
        >>> names()[:4]
        ['resnet8', 'resnet20', 'resnet32', 'resnet44']
    """
    return list(_NETWORKS)


def build(name, input_shape, classes, **options):
    """Return a new network.

    Images are float pixels in [0, 1], ``(batch, height, width, channels)``, of any size from
    8 x 8; a 2 x 2 maximum pooling that would leave less than one pixel is left out. The output
    is ``(batch, classes)`` logits, float32 under every dtype policy. Kernels are drawn from
    Xavier's uniform distribution by ``seed`` alone: equal calls give equal weights on one
    backend, whatever the normalization, the dropout and the smoothing.

    | name | network |
    |---|---|
    | resnet8, 20, 32, 44 | pre-activation, 16 to 64 filters, shortcuts without parameters |
    | resnet18, 34 | post-activation, 64 to 512 filters |
    | resnet14, 26, 50, 101, 152 | the same of bottlenecks, whose last convolution has 4 x as many |
    | coresnet14, 26, 50, 101, 152 | the same with dilated filters among the plain ones |
    | dacnn14, 18, 34 | 128 filters, one kernel for all layers but the first |
    | vgg11, vgg16 | 3 x 3 convolutions; from 96 pixels two hidden layers of 4,096 units |
    | lenet5 | two 5 x 5 convolutions, hidden layers of 120 and 84 units |
    | alexnet | five convolutions, the first 11 x 11 with stride 4, no hidden layer |
    | small_cnn | three 3 x 3 convolutions of 32, 64 and 128 filters |

    Args:
        name: str, one of ``names()``; also the model's name.
        input_shape: tuple of int, (height, width, channels).
        classes: int from 2, number of logits.
        **options: of every network:

            - normalization: "none" or "batch" (epsilon 1e-3). Default "none", in resnet14, 18,
              26, 34, 50, 101 and 152, the coresnets and the dacnns "batch".
            - bn_momentum: float in [0, 1], share of the old moving average that a batch
              leaves. Default 0.9.
            - dropout: float in [0, 1), on the hidden layers if there are any, else on the
              features before the last layer. Default 0.
            - width: float above 0, factor on the number of filters and of hidden units, each
              rounded and at least 1. Default 1.
            - mean, std: float or one float per channel; the network then starts with
              ``(x - mean) / std``. Default None.
            - smoothing: what keeps kernels smooth. "penalty" adds
              ``regularizers.KernelRoughness`` to the loss, "constraint" is
              ``regularizers.MaxRoughness``, "layer" puts a normalized
              ``layers.SmoothConv2D`` in the place of Conv2D. Default None.
            - smoothing_strength: float, the weight of the penalty from 0 (default 0.01), the
              largest roughness above 0 (default 1; white noise has 8/3 at 3 x 3), or the rho of
              the layer from 0 (default 0.25).
            - smoothed: "first" or "all", which convolutions. Default "first".
            - zero_logits: bool, whether the last kernel starts at zero, so that all classes are
              alike at first; steadies a fast training without normalization. Default False.
            - seed: int from 0. Default 0.

            of every resnet and vgg also:

            - antialias: what filters a map before it is halved: "blurpool" (Zhang),
              "critical" (Vasconcelos et al.; the same in a vgg), "flc" or "asap" (Grabinski et
              al.), as ``models.downsampling.Downsampling`` has them; "aligned" has no filter,
              but keeps the same pixels as they do. Default "none".
            - blur_size: int from 1 to 7, size of the binomial kernel of the first two.
              Default 3.

            of every resnet also:

            - order: "post" or "pre", whether the filter follows the 3 x 3 convolution that
              halves or goes before it. Default None, which is as published: "post" for the
              first two, "pre" for the others.

            of resnet8, 20, 32 and 44 also:

            - first_kernel: int, odd, side of the first convolution's kernel. Default 3.

            of resnet14, 18, 26, 34, 50, 101 and 152 and the coresnets also:

            - stem: "imagenet" (7 x 7 convolution and pooling, both stride 2) or "cifar" (3 x 3
              convolution). Default None, which is "imagenet" from 96 pixels on the smaller
              side.

            of resnet14, 26, 50, 101 and 152 and the coresnets also:

            - levels: four ints from 1 to 5, dilations of the 3 x 3 convolutions of each stage,
              as of ``layers.ContextualConv2D``. Default (1, 1, 1, 1), in a coresnet
              (4, 3, 2, 1), which a ``width`` of 1/16 and its multiples can split.
            - end_stage_norm: bool, whether the last block of each stage normalizes behind the
              addition. Default False, in a coresnet True.

            of dacnn14, 18 and 34 also:

            - mix: bool, whether there is a kernel for each of several widths. Default False.
            - regulator: what lets the uses of a kernel differ: "none", "convolution" (1 x 1,
              not shared) or "rotation" (the first channel moves to the end). Default "none".
            - shared: bool, whether uses share a kernel, or each has one of its own. Default True.

    Returns:
        keras.Model.

    Raises:
        ValueError: if the name, the input shape, the number of classes or an option is none
            of these, or Keras is set to channels first.

    Example:
        >>> model = build("resnet20", (32, 32, 3), 10, normalization="batch", dropout=0.5)
        >>> model.name, model.output_shape
        ('resnet20', (None, 10))
    """
    checks.choice("name", name, names())
    network, own = _NETWORKS[name]
    settings = {**_COMMON, **own}
    for option, value in options.items():
        checks.require(
            option in settings,
            f"`{name}` takes the options {', '.join(settings)}",
            **{option: value},
        )
    settings.update(options)
    parts = Parts(**{option: settings.pop(option) for option in _COMMON})
    classes = checks.number("classes", classes, minimum=2, whole=True)
    images = keras.Input(_checked(input_shape), name="images")
    return keras.Model(
        images, network(parts, parts.standardize(images), classes, **settings), name=name
    )


def _checked(input_shape):
    whole = (int, np.integer)
    good = isinstance(input_shape, (tuple, list)) and len(input_shape) == 3
    good = good and all(isinstance(n, whole) for n in input_shape)
    checks.require(
        good and min(input_shape[:2]) >= 8 and input_shape[2] >= 1,
        "`input_shape` must be (height, width, channels), from (8, 8, 1)",
        input_shape=input_shape,
    )
    require_channels_last()
    return tuple(map(int, input_shape))
