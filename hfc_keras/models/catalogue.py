"""The networks by name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from hfc_keras import checks
from hfc_keras.layers.image_layer import require_channels_last
from hfc_keras.models import registry
from hfc_keras.models.networks import COMMON, NETWORKS
from hfc_keras.models.parts import Parts
from hfc_keras.types import ImageShape, Record


def names() -> list[str]:
    """Return the names that ``build`` knows.

    Returns:
        list of str: networks of the package, then those of ``register``.

    Example:
        >>> names()[:4]
        ['resnet8', 'resnet20', 'resnet32', 'resnet44']
    """
    return [*NETWORKS, *registry.names()]


def register(name: str, builder: Callable[..., keras.Model], replace: bool = False) -> None:
    """Give a network of your own a name, for ``build``, ``Recipe(model=...)`` and experiments.

    ``builder(input_shape, classes, **options)`` returns a functional or sequential keras.Model
    from images in [0, 1] to logits. An option is what its signature has beyond the first two, and
    comes from ``Recipe(options={...})``; ``normalization``, ``bn_momentum``, ``dropout``, ``width``
    and ``seed`` come from the fields of a recipe where the builder takes them. Weights that it
    gives no seed are drawn from the recipe's.

    A store knows a network by its name and options: a builder that has changed needs another name.
    Other processes, such as a command line or its workers, must register it too: name your
    module in the environment, ``HFC_KERAS_MODULES=my_networks python -m experiments...``.

    Args:
        name: str of letters, digits and ``. _ -``.
        builder: function, see above.
        replace: bool, whether a network that was registered under the name before is replaced.

    Raises:
        ValueError: for a name that is taken or invalid; for no such function.

    Example:
        >>> def two_layers(input_shape, classes, units=32):
        ...     return keras.Sequential(
        ...         [
        ...             keras.Input(input_shape),
        ...             keras.layers.Flatten(),
        ...             keras.layers.Dense(units, activation="relu"),
        ...             keras.layers.Dense(classes, dtype="float32"),
        ...         ]
        ...     )
        >>> register("two_layers", two_layers, replace=True)
        >>> from hfc_keras.training import Recipe, fit
        >>> recipe = Recipe(model="two_layers", options={"units": 8}, examples=50, epochs=1)
        >>> model, history = fit(recipe)
        >>> model.count_params()
        610
    """
    registry.register(name, builder, NETWORKS, replace)


def known(name: object) -> str:
    """Return the name of a network if it is one that ``build`` knows.

    Args:
        name: what the caller passed.

    Returns:
        str.

    Raises:
        ValueError: for any other; it says how a network of the user's own gets a name.

    Example:
        >>> known("resnet8")
        'resnet8'
    """
    choices = names()
    try:
        return str(checks.choice("model", name, choices))
    except ValueError as error:
        expected, _, received = str(error).rpartition(". Received: ")
        raise ValueError(
            f"{expected}; a network of your own must be registered in each process: "
            "models.register(name, builder), or its module named in the environment as "
            f"{registry.MODULES}. Received: {received}"
        ) from error


def options(name: str) -> list[str] | None:
    """Return the options that a network takes.

    Args:
        name: str, one of ``names()``.

    Returns:
        List of str; None where one of the user's own takes any.

    Example:
        >>> options("lenet5")[:3]
        ['normalization', 'bn_momentum', 'dropout']
    """
    known(name)
    return list(_settings(name)) if name in NETWORKS else registry.options(name)


def check_options(name: str, values: Mapping[str, Any]) -> None:
    """Refuse options of a network that are known to be wrong before it is built.

    Args:
        name: str, one of ``names()``.
        values: dict of options.

    Raises:
        ValueError: for a value that no network takes, or an option that one of the user's own
            does not have.

    Example:
        >>> check_options("resnet8", {"zero_logits": True})
    """
    if name in NETWORKS:
        Parts(**{option: value for option, value in values.items() if option in COMMON})
    else:
        _require_options(name, values)


def _settings(name: str) -> Record:
    """Options of a network of the package with their defaults."""
    return {**COMMON, **NETWORKS[name][1]}


def _require_options(name: str, values: Mapping[str, Any]) -> None:
    """Refuse an option by its name."""
    taken = options(name)
    for option, value in values.items():
        checks.require(
            taken is None or option in taken,
            f"`{name}` takes the options {', '.join(taken or ())}",
            **{option: value},
        )


def build(name: str, input_shape: Sequence[int], classes: int, **options: Any) -> keras.Model:
    """Return a new network, of the package or of your own (``register``).

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
              see ``layers.ContextualConv2D``. Default (1, 1, 1, 1), in a coresnet
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
    _require_options(name, {key: value for key, value in options.items() if key != "seed"})
    classes = checks.number("classes", classes, minimum=2, whole=True)
    if name not in NETWORKS:
        return registry.build(name, _checked(input_shape), classes, **options)
    network, settings = NETWORKS[name][0], {**_settings(name), **options}
    parts = Parts(**{option: settings.pop(option) for option in COMMON})
    images = keras.Input(_checked(input_shape), name="images")
    return keras.Model(
        images, network(parts, parts.standardize(images), classes, **settings), name=name
    )


def _checked(input_shape: Sequence[int]) -> ImageShape:
    whole = (int, np.integer)
    good = isinstance(input_shape, (tuple, list)) and len(input_shape) == 3
    good = good and all(isinstance(n, whole) for n in input_shape)
    checks.require(
        good and min(input_shape[:2]) >= 8 and input_shape[2] >= 1,
        "`input_shape` must be (height, width, channels), from (8, 8, 1)",
        input_shape=input_shape,
    )
    require_channels_last()
    height, width, channels = map(int, input_shape)
    return height, width, channels
